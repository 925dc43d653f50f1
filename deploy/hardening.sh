#!/usr/bin/env bash
# Fails for a program that was not built as Debian's hardening-check(1) wants it, and says what it lacks:
# position-independent, its stack protected and not to be jumped over, calls of the C library fortified,
# relocations read-only from the start; on x86 also with marks where an indirect jump may lead. Where
# devscripts are installed their program is asked as well.
#
#     deploy/hardening.sh PROGRAM...
set -euo pipefail
export LC_ALL=C

failed=0
# A pattern (PCRE) in what readelf says of the program, or in its bytes; how often at least; what to say else.
said() { [ "$(grep -cP "$1" <<<"$words" || true)" -gt 0 ] || lacks "$2"; }
in_code() { [ "$(grep -aobP "$1" "$file" | wc -l)" -ge "$2" ] || lacks "$3"; }
lacks() {
    echo "hardening.sh: $file: $1" >&2
    failed=1
}

[ $# -gt 0 ] || { echo "usage: hardening.sh PROGRAM..." >&2; exit 2; }
for file; do
    words=$(readelf --wide --file-header --dynamic --segments --dyn-syms "$file")
    said 'Type: +DYN' "it is not position-independent (-fPIE -pie)"
    said '\(FLAGS_1\).*\bPIE\b' "it is a library and no program (-pie)"
    said '\b__stack_chk_fail\b' "its stack is not protected (-fstack-protector-strong)"
    said '\b__(?!stack)\w+_chk\b' "no call is fortified (-D_FORTIFY_SOURCE=2 with -O2)"
    said '\bGNU_RELRO\b' "its relocations can be written over (-z relro)"
    said '\bBIND_NOW\b|\(FLAGS_1\).*\bNOW\b' "functions are bound as they are called first (-z now)"
    said '\bGNU_STACK +\S+ \S+ \S+ \S+ \S+ RW ' "its stack can be executed (-z noexecstack)"
    if grep -q 'X86-64' <<<"$words"; then
        # Each page of a large frame is touched: orq $0, movq $0 at the stack's end.
        in_code '\x48\x83\x0c\x24\x00|\x48\x83\x4c\x24.\x00|\x48\xc7\x04\x24\x00\x00\x00\x00' 1 \
            "a large frame may jump over the stack's guard (-fstack-clash-protection)"
        in_code '\xf3\x0f\x1e\xfa' 20 "indirect jumps may lead anywhere (-fcf-protection)" # endbr64
    fi
done
if command -v hardening-check >/dev/null; then
    # Its mark of CET is lost in whatever was linked without it, as the C library's own first lines may be.
    hardening-check --quiet --nocfprotection "$@" >&2 || failed=1
fi
exit $failed
