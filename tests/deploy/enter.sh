#!/bin/sh
# Becomes a program on a machine that is a folder. Runs as the first process of namespaces that
# `unshare` has just made; what is mounted here ends with them.
#
#     enter.sh BASE LAYER PACKAGES COMMAND...
#
# BASE is a Debian that stays as it is, LAYER/{upper,work,root} take what this machine changes, and
# PACKAGES is where apt keeps what it has fetched. In the environment: MACHINE_NET=none for a network
# that is loopback and nothing else, MACHINE_CGROUP=yes when systemd will be the command.
set -eu
base=$1 layer=$2 packages=$3
shift 3
root=$layer/root

mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$base,upperdir=$layer/upper,workdir=$layer/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root/run/lock"

mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
mknod -m 666 "$root/dev/console" c 1 3 # what systemd says there is in its journal too
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"

[ "${MACHINE_CGROUP:-no}" = no ] || mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
if [ "${MACHINE_NET:-host}" = none ]; then
    ip link set lo up
else
    cp /etc/resolv.conf "$root/run/resolv.conf"
    mount --bind "$packages" "$root/var/cache/apt/archives"
fi

mkdir "$root/run/before"
cd "$root"
pivot_root . run/before
umount -l /run/before
rmdir /run/before
exec "$@"
