#!/usr/bin/env bash
# Installs a package of afu in a clean chroot and runs the quickstart there, as a user without a home who may write only to
# one folder.
#
#   tools/try_deb.sh PACKAGE.deb SUITE     SUITE: bookworm, trixie: the Debian that the package was built on
#
# Needs root, the network and mmdebstrap (apt-get install mmdebstrap). The chroot is in a temporary folder and goes with it;
# AFU_CHROOT=FOLDER keeps it there, or takes the one that is there.
set -Eeuo pipefail
shopt -s inherit_errexit

case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
esac
if [ $# != 2 ] || [ ! -f "$1" ]; then
  echo "try_deb.sh: wants a package's file and a suite of Debian (--help)" >&2
  exit 2
fi
package=$1 suite=$2
trap 'echo "try_deb.sh: failed (line $LINENO: $BASH_COMMAND)" >&2' ERR

root=${AFU_CHROOT:-$(mktemp -d)}
clean() {
  umount "$root/proc" 2>/dev/null || true
  [ -n "${AFU_CHROOT:-}" ] || rm -rf --one-file-system "$root"
}
trap clean EXIT

[ -e "$root/etc/debian_version" ] || mmdebstrap --quiet --variant=minbase "$suite" "$root"
mkdir -p "$root/proc"
mount -t proc proc "$root/proc"
cp "$package" "$root/tmp/afu.deb"
cp /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" apt-get update -qq
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq /tmp/afu.deb >/dev/null
chroot "$root" afu --version
mkdir -p "$root/work"
chown 4711:4711 "$root/work"
chmod 755 "$root"
chroot --userspec=4711:4711 "$root" env -u HOME sh -c \
  'cd /work && afu run /usr/share/doc/afu/configs/quickstart.toml -q -o run --force && afu report run && afu man | head -n 1'
echo "$package runs in a clean $suite"
