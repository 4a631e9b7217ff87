#!/usr/bin/env bash
# Fills a folder with all that afu is built and run with, torch apart, from this machine's Debian packages: for a machine
# where they cannot be installed. There: CMAKE_PREFIX_PATH=FOLDER cmake ... (tools/gpu_check.sh does it).
#
#   tools/pack_deps.sh [FOLDER]     (default deps-pack/, which git ignores; the folder is made anew)
#
# Header-only in the pack, whatever Debian does: toml++, CLI11, nlohmann-json, doctest, Boost.Math (only the
# headers that our sources include, directly or not). Shared libraries, with what they need beyond libc and libstdc++: CAF,
# libjpeg-turbo, libpng, libzip, OpenSSL's libcrypto, and fmt, which header-only would cost every source 3 s of compilation and ask no less of
# the target, since CAF is there; they look for each other beside themselves ($ORIGIN).
#
# What the target needs: the same processor architecture, CMake 3.25 or newer, g++ or clang++ with C++17, and the versions
# of glibc and libstdc++ that the file VERSIONS in the pack names, or newer ones (Debian 12's libraries: glibc 2.34,
# GLIBCXX_3.4.30; Ubuntu 22.04 has them). Debian's copyright files go along, in share/doc/.
set -Eeuo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
  -*) echo "pack_deps.sh: unknown option $1" >&2 && exit 2 ;;
esac
pack=${1:-$root/deps-pack}
packages=(doctest-dev libboost-math1.74-dev libcaf-dev libcli11-dev libfmt-dev libjpeg62-turbo-dev libpng-dev
  libssl-dev libtomlplusplus-dev libzip-dev nlohmann-json3-dev zlib1g-dev)
libraries=(caf_core caf_io crypto fmt jpeg png16 z zip)

trap 'echo "pack_deps.sh: failed (line $LINENO: $BASH_COMMAND)" >&2' ERR

for program in dpkg-query patchelf readelf g++; do
  command -v "$program" >/dev/null || { echo "pack_deps.sh: needs $program (apt-get install patchelf binutils g++)" >&2 && exit 1; }
done
for package in "${packages[@]}"; do
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
    echo "pack_deps.sh: the package $package is not installed: run tools/setup.sh --no-build first" >&2
    exit 1
  fi
done
if [ -e "$pack" ] && [ ! -e "$pack/VERSIONS" ] && [ -n "$(ls -A "$pack")" ]; then
  echo "pack_deps.sh: $pack is there and is no pack; it stays as it is" >&2
  exit 1
fi
rm -rf "$pack"
mkdir -p "$pack/include" "$pack/lib/cmake" "$pack/share/doc"
arch=$(g++ -print-multiarch)

copy_headers() {
  cp -r /usr/include/{caf,CLI,doctest,fmt,nlohmann,openssl,toml++,zip.h} "$pack/include/"
  # what depends on the architecture lies apart in Debian
  cp "/usr/include/$arch/openssl/"*.h "$pack/include/openssl/"
  # -L: png.h and its two parts are links into a folder with the version's number
  cp -L /usr/include/{jerror,jmorecfg,jpeglib,png,pngconf,pnglibconf,zconf,zlib}.h "/usr/include/$arch/jconfig.h" \
    "$pack/include/"
  local zipconf=/usr/include/zipconf.h
  [ -e "$zipconf" ] || zipconf=/usr/include/$arch/zipconf.h
  cp "$zipconf" "$pack/include/"
}

# What g++ reads of Boost for the sources that include it; of boost/config all, since another compiler reads other parts.
copy_boost() {
  local sources source standard file
  mapfile -t sources < <(grep -rlE '#include <boost/' "$root/src" "$root/actors" "$root/tests" --include='*.[ch]pp')
  for source in "${sources[@]}"; do
    for standard in c++17 c++20; do
      g++ -M -std="$standard" -I"$root/src" -I"$root" "$source"
    done
  done | tr -s '[:space:]' '\n' | grep -oE '^/usr/include/boost/.*' | sort -u |
    { cat && echo /usr/include/boost/version.hpp && find /usr/include/boost/config /usr/include/boost/config.hpp -type f; } |
    sort -u | while read -r file; do
    install -D -m 644 "$file" "$pack/include/${file#/usr/include/}"
  done
}

# Whether a target surely has this library: libc's and the compiler's own.
is_system() {
  case $1 in
    libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | ld-linux* | libgcc_s.so.* | libstdc++.so.*) true ;;
    *) false ;;
  esac
}

needed_by() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p'; }

# Copies a library under its soname and then what it needs.
copy_library() {
  local path=$1 soname dependency
  soname=$(readelf -d "$path" | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p')
  [ ! -e "$pack/lib/$soname" ] || return 0
  install -m 755 "$(readlink -f "$path")" "$pack/lib/$soname"
  # shellcheck disable=SC2016
  patchelf --set-rpath '$ORIGIN' "$pack/lib/$soname"
  for dependency in $(needed_by "$path"); do
    is_system "$dependency" || copy_library "$(find_library "$dependency")"
  done
}

find_library() {
  local folder
  for folder in "/usr/lib/$arch" "/lib/$arch"; do
    [ ! -e "$folder/$1" ] || { echo "$folder/$1" && return; }
  done
  echo "pack_deps.sh: no library $1" >&2
  return 1
}

# A package of CMake: NAME TARGET [what the target has, or commands beside it [its kind]].
write_package() {
  local folder=$pack/lib/cmake/$1
  mkdir -p "$folder"
  cat >"$folder/$1Config.cmake" <<CMAKE
# Written by tools/pack_deps.sh.
if(NOT TARGET $2)
  add_library($2 ${4:-INTERFACE} IMPORTED)
  get_filename_component(_include "\${CMAKE_CURRENT_LIST_DIR}/../../../include" ABSOLUTE)
  set_target_properties($2 PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "\${_include}")
  ${3:-}
endif()
CMAKE
}

# The least versions of glibc and libstdc++ that the libraries ask for.
least_version() {
  local library
  for library in "$pack"/lib/*.so*; do
    readelf -V "$library"
  done | grep -oE "Name: $1_[0-9.]+" | sed 's/^Name: //' | sort -uV | tail -n 1
}

copy_headers
copy_boost
for library in "${libraries[@]}"; do
  copy_library "$(find_library "lib$library.so")"
  soname=$(readelf -d "/usr/lib/$arch/lib$library.so" | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p')
  ln -s "$soname" "$pack/lib/lib$library.so"
done
# shellcheck disable=SC2016
write_package fmt fmt::fmt 'set_target_properties(fmt::fmt PROPERTIES INTERFACE_COMPILE_DEFINITIONS FMT_SHARED
                        IMPORTED_LOCATION "${_include}/../lib/libfmt.so")' SHARED
write_package tomlplusplus tomlplusplus::tomlplusplus
write_package CLI11 CLI11::CLI11
write_package nlohmann_json nlohmann_json::nlohmann_json
write_package doctest doctest::doctest
# FindBoost asks for a package first, and would find one that the target has installed.
boost=$(sed -n 's/^#define BOOST_LIB_VERSION "\(.*\)"$/\1/p' /usr/include/boost/version.hpp | tr _ .)
write_package Boost Boost::headers "set(Boost_INCLUDE_DIRS \"\${_include}\")"
cat >"$pack/lib/cmake/Boost/BoostConfigVersion.cmake" <<CMAKE
set(PACKAGE_VERSION "$boost.0")
if(NOT PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
CMAKE
{
  echo "# Packed by tools/pack_deps.sh on $(sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p' /etc/os-release), $arch. The target needs:"
  for name in GLIBC GLIBCXX CXXABI; do
    least_version "$name"
  done
  echo "# From these packages:"
  dpkg-query -W -f '${Package} ${Version}\n' "${packages[@]}"
} >"$pack/VERSIONS"
# Boost's headers and the libraries' own packages are others than those above.
owners=(libboost1.74-dev)
for library in "$pack"/lib/*.so.*; do
  owners+=("$(dpkg -S "*/$arch/$(basename "$library")" | head -n 1 | cut -d : -f 1)")
done
for package in "${packages[@]}" "${owners[@]}"; do
  install -D -m 644 "/usr/share/doc/$package/copyright" "$pack/share/doc/$package/copyright"
done
echo "$pack: $(du -sh "$pack" | cut -f 1), $(find "$pack" -type f | wc -l) files, libraries: $(cd "$pack/lib" && echo lib*.so.*)"
cat "$pack/VERSIONS"
