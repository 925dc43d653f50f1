"""A small internet on loopback, and the real programs in it.

Everything here starts on ports that nobody chose, ends with the object that
made it, by process id, and leaves nothing behind. See tests/README.md for the
reading order.
"""
