#!/usr/bin/env bash
# Fills a folder with the libraries and headers that afu is built with, without root: the distribution's own packages, fetched and
# verified by apt with state of its own, are unpacked there instead of installed. tools/setup.sh --user calls it and builds.
#
#   tools/user_prefix.sh FOLDER PACKAGE...     the packages and all that they depend on
#
# Afterwards cmake -C FOLDER/cache.cmake has CMake look there, and lets programs find their libraries there (an RPATH, so the folder stays
# where it is); FOLDER/tools holds what the machine lacks of the programs: cmake, ctest, ninja. libc and the compiler with its libraries
# are the machine's own; nothing of the machine is touched. A filled folder is left as it is while the packages asked for are
# the same. FOLDER.part is where it is filled; it goes away on failure.
#
# Needs: apt-get and dpkg-deb (Debian, Ubuntu) with package sources that hold the packages, tar, and a C++ compiler (CXX, or g++)
# that knows C++20. Exit status 3: something of that is missing, and the message names all that is; 1: anything else.
set -Eeuo pipefail
shopt -s inherit_errexit

case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
  -*) echo "user_prefix.sh: unknown option $1" >&2 && exit 2 ;;
esac
if [ $# -lt 2 ]; then
  echo "user_prefix.sh: wants a folder and packages (--help)" >&2
  exit 2
fi
prefix=$1
shift
packages=("$@")
cmake_least=3.25
caf_wanted=0.17.6

case $prefix in
  /*) ;;
  *) prefix=$PWD/$prefix ;;
esac
if [[ $prefix =~ [[:space:]\;:] ]]; then
  echo "user_prefix.sh: \"$prefix\" has a blank, a semicolon or a colon in it, which search paths cannot have; choose another (AFU_DEPS_DIR)" >&2
  exit 2
fi
part=$prefix.part
asked=$(printf '%s\n' "${packages[@]}" | LC_ALL=C sort)

# What is checked before anything is fetched; all that is missing is told at once.
missing=()
compiler=${CXX:-g++}
check_compiler() {
  local folder
  if ! command -v "${compiler%% *}" >/dev/null; then
    missing+=("a C++ compiler: there is no $compiler (a module of the cluster may bring one; CXX names another)")
    return
  fi
  folder=$(mktemp -d)
  printf '#include <coroutine>\n#include <string>\nint main() { return std::string("a").size() == 1 ? 0 : 1; }\n' >"$folder/a.cpp"
  # shellcheck disable=SC2086
  $compiler -std=c++20 "$folder/a.cpp" -o "$folder/a" >"$folder/log" 2>&1 && "$folder/a" ||
    missing+=("a C++ compiler that knows C++20 (g++ 11 or newer): $compiler says: $(head -n 1 "$folder/log")")
  rm -rf "$folder"
}
for program in apt-get apt-cache dpkg dpkg-deb tar; do
  command -v $program >/dev/null || missing+=("$program: the packages come from a Debian or an Ubuntu")
done
check_compiler
stop_where_missing() {
  [ ${#missing[@]} != 0 ] || return 0
  echo "user_prefix.sh: cannot go on; missing:" >&2
  printf '  - %s\n' "${missing[@]}" >&2
  exit 3
}
stop_where_missing

if [ "$(cat "$prefix/complete" 2>/dev/null)" = "$asked" ]; then
  echo "there already: $prefix"
  exit 0
fi

trap 'echo "user_prefix.sh: failed (line $LINENO: $BASH_COMMAND); nothing is left of $part" >&2' ERR
trap 'rm -rf "$part"' EXIT
rm -rf "$part"
mkdir -p "$part"/{tools,usr/{bin,sbin,lib,lib64}} "$part"/apt/{state/lists/partial,cache/archives/partial,log}
for folder in bin sbin lib lib64; do  # as in the merged /usr of the machine
  ln -s "usr/$folder" "$part/$folder"
done
arch=$($compiler -print-multiarch 2>/dev/null || true)
[ -n "$arch" ] || arch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
libraries=$part/usr/lib/$arch
shopt -s nullglob

# apt as any user may run it: the machine's sources and keys, but lists, cache and the table of what is installed apart. The
# table is empty, so that the closure does not depend on the machine. Hooks of the machine's apt are not run.
: >"$part/apt/state/status"
cat >"$part/apt/conf" <<CONF
Dir::State "$part/apt/state";
Dir::State::status "$part/apt/state/status";
Dir::Cache "$part/apt/cache";
Dir::Log "$part/apt/log";
Debug::NoLocking "true";
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
APT::Get::Assume-Yes "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
CONF
apt() {
  local program=$1
  shift
  "$program" -c "$part/apt/conf" "$@"
}
echo "reading the package lists"
apt apt-get update -qq

candidate() { apt apt-cache policy "$1" | sed -n 's/^  Candidate: \(.*\)$/\1/p' | grep -v '(none)' || true; }
# The version without Debian's epoch and revision.
upstream() { sed 's/^[0-9]*://; s/[-+~].*$//' <<<"$1"; }
newer_or_same() { dpkg --compare-versions "$1" ge "$2"; }

# cmake and ninja: the machine's where they do, else the distribution's, else PyPI's.
from_pypi=()
need_program() {  # NAME PACKAGE LEAST
  local version
  version=$("$1" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9.]+' | head -n 1 || true)
  if [ -n "$version" ] && newer_or_same "$version" "$3"; then
    return
  fi
  version=$(candidate "$2")
  if [ -n "$version" ] && newer_or_same "$(upstream "$version")" "$3"; then
    packages+=("$2")
    return
  fi
  from_pypi+=("$1>=$3")
  packages+=(python3-pip-whl)
}
need_program cmake cmake "$cmake_least"
need_program ninja ninja-build 1.10
command -v patchelf >/dev/null || packages+=(patchelf)
if [ ${#from_pypi[@]} != 0 ] && ! command -v python3 >/dev/null; then
  missing+=("python3, which fetches ${from_pypi[*]} from PyPI, since the distribution has none as new")
fi
for package in "${packages[@]}"; do
  version=$(candidate "$package")
  if [ -z "$version" ]; then
    missing+=("the package $package: the machine's package sources have none")
  elif [ "$package" = libcaf-dev ] && [ "$(upstream "$version")" != $caf_wanted ]; then
    missing+=("CAF $caf_wanted: the machine's package sources have libcaf-dev $version")
  fi
done
stop_where_missing

# What the compiler, the libc and the base of each machine bring is not taken from packages.
is_base() {
  case $1 in
    libc6 | libc6-dev | libc-bin | libc-dev-bin | libcrypt1 | libcrypt-dev | linux-libc-dev | rpcsvc-proto) true ;;
    gcc* | g++* | cpp* | binutils* | libbinutils | libgcc-* | libstdc++* | libasan* | liblsan* | libtsan* | libubsan* | libitm* | libcc1-*) true ;;
    base-* | bash | coreutils | dash | debconf | debianutils | dpkg | dpkg-dev | init-system-helpers | login | passwd | perl* | python3 | \
      python3.* | python3-minimal | libpython3* | sed | tar | util-linux | adduser | mount | sensible-utils | ucf | tzdata | media-types | \
      ca-certificates | openssl | dbus* | systemd* | udev | mawk | grep | findutils | hostname | procps) true ;;
    *) false ;;
  esac
}

echo "resolving ${#packages[@]} packages"
apt apt-get install --print-uris -qq "${packages[@]}" >"$part/apt/uris"
# 'URI' FILE SIZE HASH, where FILE is NAME_VERSION_ARCHITECTURE.deb, a colon in it written %3a.
fetched=()
bytes=0
while read -r _ file size _; do
  name=${file%%_*}
  if ! is_base "$name"; then
    version=${file#*_}
    version=${version%_*}
    fetched+=("$name=${version//%3a/:}")
    bytes=$((bytes + size))
  fi
done <"$part/apt/uris"
echo "fetching ${#fetched[@]} packages, $((bytes / 1000000)) MB"
(cd "$part/apt/cache/archives" && apt apt-get download -qq "${fetched[@]}")
for package in "$part"/apt/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$part" --keep-directory-symlink --no-same-owner --exclude='./usr/share/man' \
    --exclude='./usr/share/locale' --exclude='./usr/share/info' --exclude='./etc' --exclude='./var' \
    --exclude='./usr/share/doc/*/[!c]*' --exclude='./usr/share/doc/*/changelog*'
done
printf '%s\n' "${fetched[@]}" >"$part/packages"

# Some BLAS and LAPACK are chosen by links that installing would have made. The reference BLAS is ten times slower than OpenBLAS.
for link in libblas.so.3 liblapack.so.3 libopenblas.so.0; do
  if [ -e "$libraries/openblas-pthread/$link" ]; then
    ln -sf "openblas-pthread/$link" "$libraries/$link"
  fi
done
# Links to absolute paths mean the folder; what lies in none of both came by another choice of that kind.
find "$part/usr" -type l -lname '/*' | while read -r link; do
  target=$(readlink "$link")
  if [ -e "$part$target" ] || [ -L "$part$target" ]; then
    ln -sfr "$part$target" "$link"
  elif [ ! -e "$target" ]; then
    rm "$link"
  fi
done
# A RUNPATH of a library's own keeps the program's RPATH from what the library needs.
patchelf=$(command -v patchelf || echo "$part/usr/bin/patchelf")
find "$libraries" "$part"/usr/lib/*.so* -type f -name '*.so*' | while read -r library; do
  if [ -n "$("$patchelf" --print-rpath "$library" 2>/dev/null)" ]; then  # linker scripts have none
    "$patchelf" --remove-rpath "$library"
  fi
done
# CMake's packages of some libraries name others, and the place where they are installed, by absolute paths.
find "$part"/usr -path '*/cmake/*' -name '*.cmake' -exec sed -i -E "s#([\"; =(]|^)/usr(/lib|/include|/share|\")#\\1$prefix/usr\\2#g" {} +
for program in cmake ctest cpack ninja unzip patchelf; do
  [ -x "$part/usr/bin/$program" ] || continue
  # shellcheck disable=SC2016
  [ $program = patchelf ] || "$patchelf" --force-rpath --set-rpath '$ORIGIN/../lib:$ORIGIN/../lib/'"$arch" "$part/usr/bin/$program"
  ln -s "../usr/bin/$program" "$part/tools/$program"
done
if [ ${#from_pypi[@]} != 0 ]; then
  echo "fetching ${from_pypi[*]} from PyPI"
  pip=$(find "$part/usr/share/python-wheels" -name 'pip-*.whl' | head -n 1)
  PYTHONPATH=$pip python3 -m pip install --quiet --no-cache-dir --only-binary :all: --target "$part/pypi" "${from_pypi[@]}"
  for program in cmake ctest cpack ninja; do
    found=$(find "$part/pypi" -type f -path "*/data/bin/$program" | head -n 1)
    if [ -n "$found" ]; then
      ln -s "../${found#"$part/"}" "$part/tools/$program"
    fi
  done
  [ -x "$part/tools/${from_pypi[0]%%>*}" ] || { echo "user_prefix.sh: PyPI's ${from_pypi[0]} has no program" >&2 && exit 1; }
fi

dictionary=$(find "$part/usr/share" -maxdepth 2 -path '*dcmtk*/dicom.dic' | head -n 1)
dictionary=${dictionary%/dicom.dic}
search="$prefix/usr/lib/$arch;$prefix/usr/lib"  # some packages still have their libraries in the latter
cat >"$part/cache.cmake" <<CMAKE
# Written by tools/user_prefix.sh: cmake -C this. The folder's headers and libraries go before the system's.
set(CMAKE_PREFIX_PATH "$prefix/usr" CACHE STRING "" FORCE)
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES "$prefix/usr/include;$prefix/usr/include/$arch" CACHE STRING "" FORCE)
# An RPATH and no RUNPATH: it holds for what the libraries need as well.
set(CMAKE_EXE_LINKER_FLAGS "-Wl,--disable-new-dtags" CACHE STRING "" FORCE)
set(CMAKE_BUILD_RPATH "$search" CACHE STRING "" FORCE)
set(CMAKE_INSTALL_RPATH "$search" CACHE STRING "" FORCE)
set(AFU_DICOM_FOLDER "${dictionary:+$prefix${dictionary#"$part"}}" CACHE PATH "" FORCE)
CMAKE
rm -rf "$part/apt"
printf '%s\n' "$asked" >"$part/complete"
rm -rf "$prefix"
mv "$part" "$prefix"
echo "$prefix: $(du -sh "$prefix" | cut -f 1), ${#fetched[@]} packages"
