"""One background thread with one asyncio loop, for all servers that are ours."""

import asyncio
import threading


class Background:
    def __init__(self, enter=None):
        """`enter` is called first over there: a host's (network.py), so that the servers are on it."""
        self.enter = enter
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="servers", daemon=True)
        self.thread.start()

    def _run(self):
        if self.enter:
            self.enter()
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def do(self, coroutine, within=20):
        """Run it over there, wait for it, return what it returned."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(within)

    def call(self, fn, *args):
        """Call a plain function over there and wait."""

        async def wrapped():
            return fn(*args)

        return self.do(wrapped())

    def close(self):
        async def cancel_all():
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for t in tasks:
                t.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.do(cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
