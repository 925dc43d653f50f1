#!/usr/bin/env bash
# Builds the Debian packages from the files of this working copy, in a copy of their own, and has
# blhc read how they were compiled and lintian what they became.
#
#     deploy/deb.sh FOLDER                  the packages are in FOLDER then, and build.log
#     deploy/deb.sh --only-build FOLDER     without blhc and lintian
#
# The version is the program's, and beyond a release the last commit's time and name. The same
# commit makes the same bytes. In the environment: DEB_VERSION, SOURCE_DATE_EPOCH, and
# DEBFULLNAME with DEBEMAIL, who is said to maintain the packages.
set -euo pipefail
cd "$(dirname "$0")/.."
only_build=no
[ "$1" != --only-build ] || { only_build=yes; shift; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
tree=$out/tree # of one name for all versions: the compiler sees it
log=$out/build.log

version=$(sed -n 's/^#define VEDETTE_VERSION "\(.*\)"$/\1/p' common/daemon.h)
[ -n "$version" ] || { echo "deb.sh: common/daemon.h does not say a version" >&2; exit 1; }
if commit=$(git rev-parse --short=9 HEAD 2>/dev/null); then
    when=$(git log -1 --format=%ct)
    git describe --exact-match --tags --match "v$version" >/dev/null 2>&1 ||
        version="$version+git$(date -u -d "@$when" +%Y%m%d.%H%M%S).$commit"
    files() { git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done; }
else
    when=$(stat -c %Y CHANGELOG.md)
    files() { find . -path ./build -prune -o -type f -print0; }
fi
version=${DEB_VERSION:-$version-1}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$when}
maintainer="${DEBFULLNAME:-Vedette} <${DEBEMAIL:-vedette@localhost}>"
# Nobody publishes packages whose maintainer is not said; to use them at home it need not be.
bearable=initial-upload-closes-no-bugs
[ -n "${DEBEMAIL:-}" ] || bearable=$bearable,bogus-mail-host,bogus-mail-host-in-debian-changelog

rm -rf "$tree"
rm -f "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo
mkdir -p "$tree"
files | tar --null --files-from=- --create | tar --extract --directory="$tree"

cp -r deploy/debian "$tree/debian"
cp deploy/systemd/*.sysusers deploy/systemd/*.tmpfiles "$tree/debian/"
unit() { sed 's|@PREFIX@|/usr|g' "deploy/systemd/$1.service" >"$tree/debian/$2.service"; }
unit vedette-coordinator vedette.vedette-coordinator
unit vedette-collector vedette.vedette-collector
unit vedette-worker vedette-worker

# What building needs is said once, in deps.sh; every Debian that builds packages has gcc and make.
not_to_build='gcc|make|ca-certificates|python3|openssl|publicsuffix'
needs=$(deploy/deps.sh --list build | grep -vxE "$not_to_build" | paste -sd, | sed 's/,/, /g')
sed -e "s|@BUILD@|$needs|" -e "s|@MAINTAINER@|$maintainer|" deploy/debian/control.in >"$tree/debian/control"
rm "$tree/debian/control.in"
cat >"$tree/debian/changelog" <<END
vedette ($version) unstable; urgency=medium

  * What changed for the people who run it is in CHANGELOG.md.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END

# Nothing of the make that called us: its variables are not meant for this build.
unset MAKEFLAGS MFLAGS MAKELEVEL VARIANT BUILD WERROR PREFIX DESTDIR SYSCONFDIR
echo "deb.sh: building $version, see $log"
if ! (cd "$tree" && dpkg-buildpackage --build=binary --unsigned-changes --unsigned-buildinfo "-j$(nproc)") >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "deb.sh: that did not work" >&2
    exit 1
fi
"$tree/deploy/hardening.sh" "$tree"/debian/vedette*/usr/bin/vedette*
if [ $only_build = no ]; then
    blhc --bindnow "$log"
    lintian --allow-root --fail-on error,warning --tag-display-limit 0 --suppress-tags "$bearable" "$out"/*.changes
    echo "deb.sh: built, and nothing to complain about:"
fi
rm -rf "$tree"
ls -1 "$out"/*.deb
