#!/usr/bin/env bash
# Packs the program with all the shared libraries that it loads, for hosts where they are not installed and cannot be: a folder that
# runs from wherever it is unpacked, with bin/afu, the manual, the completions, the scenarios and studies.
#
#   tools/pack_afu.sh [BUILD_FOLDER]              build/ -> build/afu-VERSION-ARCHITECTURE.tar.gz
#   tools/pack_afu.sh BUILD_FOLDER --to FOLDER    the folder itself, unpacked, such as an image of a container takes; it is made anew
#
# The host needs the same processor architecture and the version of glibc that the file VERSIONS in the pack names, or a newer one;
# nothing else, on a host with a GPU its driver. Where glibc is older, bin/afu-own-glibc starts the program with the one that
# the pack brings in glibc/; a script by `afu study --sbatch` then has to be given that name by hand. Of the CUDA flavour the whole
# LibTorch goes along with the CUDA libraries beside it, since many are loaded by name while the program runs.
#
# Needs patchelf and readelf (apt-get install patchelf binutils), and the folder that tools/setup.sh built. Copyright files of Debian's
# packages go along, in share/doc/; libraries without one are named.
set -Eeuo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
to=
while [ $# != 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
    --to) to=${2:?"pack_afu.sh: --to wants a folder"} && shift ;;
    -*) echo "pack_afu.sh: unknown option $1 (allowed: --to FOLDER)" >&2 && exit 2 ;;
    *) build=$(realpath "$1") ;;
  esac
  shift
done
trap 'echo "pack_afu.sh: failed (line $LINENO: $BASH_COMMAND)" >&2' ERR

if [ ! -x "$build/afu" ]; then
  echo "pack_afu.sh: there is no program $build/afu; tools/setup.sh builds one" >&2
  exit 2
fi
for folder in "$build"/../.deps/user*/tools; do  # what --user unpacked
  PATH=$PATH:$folder
done
for program in cmake patchelf readelf; do
  command -v "$program" >/dev/null || { echo "pack_afu.sh: needs $program (apt-get install cmake patchelf binutils)" >&2 && exit 1; }
done
version=$("$build/afu" --version | sed -n '1s/^afu \([^ ]*\).*/\1/p')
name=afu-$version-$(uname -m)
work=
if [ -n "$to" ]; then
  pack=$to
  if [ -e "$pack" ] && [ ! -e "$pack/VERSIONS" ] && [ -n "$(ls -A "$pack")" ]; then
    echo "pack_afu.sh: $pack is there and is no pack; it stays as it is" >&2
    exit 2
  fi
  rm -rf "$pack"
else
  work=$(mktemp -d "$build/pack.XXXXXX")
  pack=$work/$name
fi
whole=no
clean() {
  [ $whole = yes ] || rm -rf "$pack"
  [ -z "$work" ] || rm -rf "$work"
}
trap clean EXIT
mkdir -p "$pack/lib" "$pack/glibc" "$pack/share/afu" "$pack/share/doc"
pack=$(cd "$pack" && pwd)

cmake --install "$build" --prefix "$pack" >/dev/null

# Of a LibTorch with the CUDA libraries beside it (a wheel): PATH/torch, with PATH/nvidia.
wheel_of() {
  local folder
  folder=$(dirname "$(dirname "$1")")
  if [ "$(basename "$folder")" = torch ] && [ -d "$folder/../nvidia" ]; then
    (cd "$folder/.." && pwd)
  fi
}

packed=()
wheel=
while read -r soname path; do
  case $soname in
    libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libresolv.so.* | libutil.so.* | libmvec.so.* | ld-linux*)
      install -m 755 "$(readlink -f "$path")" "$pack/glibc/$soname"
      continue
      ;;
  esac
  found=$(wheel_of "$path")
  if [ -n "$found" ] || [[ -n $wheel && $path == "$wheel"/* ]]; then
    wheel=${wheel:-$found}
    continue
  fi
  install -m 644 "$(readlink -f "$path")" "$pack/lib/$soname"
  packed+=("$path")
done < <(ldd "$build/afu" | sed -nE 's/^\s*(\S+) => (\/\S+) .*/\1 \2/p')
if ldd "$build/afu" | grep -F 'not found' >&2; then
  echo "pack_afu.sh: $build/afu does not find these itself" >&2
  exit 1
fi
if [ -n "$wheel" ]; then
  for folder in torch nvidia; do
    (cd "$wheel" && find "$folder" -path '*/lib/*' -name '*.so*' -print0 | tar -c --null -T - | tar -x -C "$pack/lib")
  done
fi

# The program's RPATH, and not a RUNPATH, holds for what the libraries need as well, unless they have one of their own.
for library in "$pack"/lib/*.so*; do
  [ -z "$(patchelf --print-rpath "$library")" ] || patchelf --remove-rpath "$library"
done
patchelf --remove-rpath "$pack/bin/afu"
# shellcheck disable=SC2016
patchelf --force-rpath --set-rpath '$ORIGIN/../lib'"${wheel:+':$ORIGIN/../lib/torch/lib'}" "$pack/bin/afu"

# /proc/self/exe is the loader then, and the folder above it the pack's all the same.
loader=$(readelf -p .interp "$build/afu" | grep -oE '/\S+')
install -m 755 "$(readlink -f "$loader")" "$pack/glibc/$(basename "$loader")"
cat >"$pack/bin/afu-own-glibc" <<LAUNCHER
#!/bin/sh
# Starts afu with the glibc of this pack, on hosts whose own is too old.
pack=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
exec "\$pack/glibc/$(basename "$loader")" --argv0 "\$0" --library-path "\$pack/glibc:\$pack/lib${wheel:+:\$pack/lib/torch/lib}" "\$pack/bin/afu" "\$@"
LAUNCHER
chmod 755 "$pack/bin/afu-own-glibc"

# DCMTK looks for its dictionary where its package installs it; the program looks beside itself then.
dictionary=
for path in "${packed[@]}"; do
  case $path in
    */libdcmdata.so*)
      library=$(readlink -f "$path")
      dictionary=$(find "${library%/lib/*}/share" -maxdepth 2 -path '*dcmtk*/dicom.dic' | head -n 1)
      ;;
  esac
done
if [ -z "$dictionary" ]; then
  echo "pack_afu.sh: DCMTK's dictionary (share/*dcmtk*/dicom.dic) was not found; without it no DICOM file can be read" >&2
  exit 1
fi
cp "$dictionary" "$(dirname "$dictionary")/private.dic" "$pack/share/afu/"

# Whose the libraries are. dpkg knows a library by the path that its package gives, /lib/ or /usr/lib/, which are one.
declare -A owners=()
files=()
for path in "${packed[@]}"; do
  path=$(readlink -f "$path")
  files+=("$path" "${path#/usr}")
done
while IFS=' ' read -r owner path; do
  owners[/usr${path#/usr}]=${owner%%:*}
done < <(dpkg -S "${files[@]}" 2>/dev/null || true)
without=()
for path in "${packed[@]}"; do
  owner=${owners[/usr$(readlink -f "$path" | sed 's#^/usr##')]:-}
  if [ -z "$owner" ]; then
    without+=("$(basename "$path")")
  else
    install -D -m 644 "/usr/share/doc/$owner/copyright" "$pack/share/doc/$owner/copyright"
  fi
done
prefix=$(sed -n 's#^CMAKE_PREFIX_PATH:[A-Z]*=\(.*\)/usr$#\1#p' "$build/CMakeCache.txt")
if [ ${#without[@]} != 0 ] && [ -e "$prefix/packages" ]; then  # tools/setup.sh --user
  (cd "$prefix/usr/share/doc" && find . -name copyright -print0 | tar -c --null -T - | tar -x -C "$pack/share/doc")
  cp "$prefix/packages" "$pack/share/doc/packages"
  without=()
fi
[ ${#without[@]} = 0 ] || echo "pack_afu.sh: no copyright file is known of ${without[*]}"
[ -z "$wheel" ] || echo "pack_afu.sh: the licences of torch and of the CUDA libraries are in their wheels: read them before you pass the pack on"

least_version() {
  find "$pack/bin/afu" "$pack/lib" -maxdepth 1 -type f -exec readelf -V {} + | grep -oE "Name: $1_[0-9.]+" |
    sed 's/^Name: //' | sort -uV | tail -n 1
}
{
  echo "# Packed by tools/pack_afu.sh on $(sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p' /etc/os-release), $(uname -m). The host needs:"
  least_version GLIBC
  echo "# The program:"
  "$build/afu" --version
} >"$pack/VERSIONS"
"$pack/bin/afu" --version >/dev/null
"$pack/bin/afu-own-glibc" --version >/dev/null
whole=yes

echo "$pack: $(du -sh "$pack" | cut -f 1), $(find "$pack/lib" -type f | wc -l) libraries, needs $(least_version GLIBC)"
if [ -n "$work" ]; then
  tar -C "$work" --owner 0 --group 0 -czf "$build/$name.tar.gz" "$name"
  echo "$build/$name.tar.gz: $(du -h "$build/$name.tar.gz" | cut -f 1)"
fi
