#!/usr/bin/env bash
# Installs the Debian packages that Vedette is built, tested and measured with,
# on Debian 12 and Ubuntu 24.04. Does nothing, and asks for nothing, where all
# of them are there.
#
#     deploy/deps.sh build            to build and run it
#     deploy/deps.sh build test       ... and for make test
#     deploy/deps.sh build test bench ... and for make bench
#     deploy/deps.sh build deb        to build it, and Debian packages
#     deploy/deps.sh build test deb deploy ... and for make deploy-check
#     deploy/deps.sh --list build     only say which packages these are
#     deploy/deps.sh --say build      says so too when there is nothing to install
set -euo pipefail

declare -A packages
packages[build]="gcc make pkg-config protobuf-c-compiler libprotobuf-c-dev libzmq3-dev libcurl4-openssl-dev
    libc-ares-dev libssl-dev libuv1-dev libjemalloc-dev libsqlite3-dev libyaml-dev libjansson-dev uthash-dev
    libsmartcols-dev libsodium-dev libsystemd-dev libidn2-dev libpsl-dev libmicrohttpd-dev libpq-dev publicsuffix
    ca-certificates python3 openssl"
packages[test]="libcmocka-dev python3-pytest python3-yaml python3-zmq python3-aiosmtpd nginx-light unbound
    clang clang-tidy cppcheck shellcheck curl sqlite3 procps iproute2 iptables libfaketime man-db systemd
    prometheus postgresql postgresql-client"
packages[bench]="python3-requests python3-joblib python3-matplotlib wrk valgrind prometheus-blackbox-exporter"

packages[deb]="build-essential debhelper"
packages[deploy]="lintian blhc binutils debootstrap buildah ansible-core ansible-lint docker-compose python3-kubernetes"

# The formatter must be the version that the code was formatted with; the
# fuzzers' run-time library comes in the version of the default clang.
if grep -q '^VERSION_ID="24.04"' /etc/os-release 2>/dev/null; then
    packages[test]+=" clang-format-14 libclang-rt-18-dev"
else
    packages[test]+=" clang-format-14 libclang-rt-14-dev"
fi

list_only=no say=no
wanted=""
for set in "$@"; do
    case "$set" in
    --list) list_only=yes ;;
    --say) say=yes ;;
    build | test | bench | deb | deploy) wanted="$wanted ${packages[$set]}" ;;
    *)
        echo "deps.sh: '$set' is not one of build, test, bench, deb, deploy" >&2
        exit 1
        ;;
    esac
done
if [ "$list_only" = yes ]; then
    tr -s ' \n' '\n' <<<"$wanted" | sed '/^$/d' | sort -u
    exit 0
fi

missing=""
for package in $wanted; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    [ "$say" = no ] || echo "deps.sh: all $(wc -w <<<"$wanted") packages are installed"
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "deps.sh: this is not Debian or Ubuntu; what is missing, by Debian's names:$missing" >&2
    exit 1
fi

as_root=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "deps.sh: not root and no sudo; please install:$missing" >&2
        exit 1
    }
    as_root="sudo"
    echo "deps.sh: asks sudo for the right to install packages"
fi
echo "deps.sh: installing$missing"
log=$(mktemp)
no_start=/usr/sbin/policy-rc.d
[ -e "$no_start" ] && no_start=""
tidy() {
    rm -f "$log"
    [ -z "$no_start" ] || $as_root rm -f "$no_start"
}
trap tidy EXIT

# Servers among the packages are for the tests to start, not for this machine to
# run: while they are installed, policy-rc.d says so (invoke-rc.d(8)).
[ -z "$no_start" ] || $as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$no_start && chmod 755 $no_start"

# An old list of packages may name files that are gone: bring it up to date first.
install() {
    $as_root apt-get update
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}
if ! install >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "deps.sh: apt-get failed, see above" >&2
    exit 1
fi
echo "deps.sh: done"
