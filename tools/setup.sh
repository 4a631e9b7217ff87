#!/usr/bin/env bash
# Installs what afu needs, then configures and builds the program; tools/test.sh builds the tests.
#
#   tools/setup.sh            into build/       (LibTorch of the distribution, CPU lanes)
#   tools/setup.sh --cuda     into build-cuda/  (CUDA LibTorch: yours by Torch_DIR or CMAKE_PREFIX_PATH, or else the
#                                                torch wheel, unpacked into .deps/: 2.4 GB to download, 3.7 GB on disk)
#   tools/setup.sh --user     as above, with or without --cuda, but without root: installs nothing; the packages are unpacked into
#                                .deps/user (by tools/user_prefix.sh, which says what it needs), where the program finds its libraries
#   tools/setup.sh --no-build only installs
#   tools/setup.sh --fuzz     installs clang as well, for tools/fuzz.sh
#   tools/setup.sh --checks   installs clang-tidy as well, for tools/tidy.sh
#
# Environment: AFU_DEPS_DIR (instead of .deps), BUILD_DIR (instead of build or build-cuda), JOBS (compilers at a time).
# May be run again at any time: what is there already is left alone. Exit status 75: the torch wheel could not be had;
# 3: --user lacks something, which the message names.
set -Eeuo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
torch_version=2.11.0
deps=${AFU_DEPS_DIR:-$root/.deps}
packages=(ca-certificates ccache clang-format cmake g++ git libboost-math-dev libcaf-dev libcli11-dev libdcmtk-dev
  libfmt-dev libjpeg62-turbo-dev libnifti2-dev libopenblas0-pthread libpng-dev librsvg2-bin libssl-dev libtiff-dev
  libtomlplusplus-dev libtorch-dev libwebp-dev libzip-dev ninja-build nlohmann-json3-dev doctest-dev python3-numpy)
# What the program itself is built with, of these; cmake and ninja are the machine's where they do (user_prefix.sh).
user_packages=(libboost-math-dev libcaf-dev libcli11-dev libdcmtk-dev libfmt-dev libjpeg62-turbo-dev libnifti2-dev
  libpng-dev libssl-dev libtiff-dev libtomlplusplus-dev libwebp-dev libzip-dev nlohmann-json3-dev doctest-dev)
wheel_packages=(python3 python3-venv unzip)
package_count=${#packages[@]}
fuzz_packages=(clang libclang-rt-14-dev)
check_packages=(clang-tidy)

cuda=no
user=no
build=yes
for argument in "$@"; do
  case $argument in
    --cuda) cuda=yes ;;
    --user) user=yes ;;
    --no-build) build=no ;;
    --fuzz) packages+=("${fuzz_packages[@]}") ;;
    --checks) packages+=("${check_packages[@]}") ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) echo "setup.sh: unknown option $argument (allowed: --cuda, --user, --no-build, --fuzz, --checks)" >&2 && exit 2 ;;
  esac
done

if [ $user = yes ] && [ ${#packages[@]} != "$package_count" ]; then
  echo "setup.sh: --fuzz and --checks install clang's programs, which --user cannot; leave them out" >&2
  exit 2
fi

step="start"
begin_step() {
  step=$1
  echo "== $step"
}
trap 'echo "setup.sh: failed in step \"$step\" (line $LINENO: $BASH_COMMAND)" >&2' ERR

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "setup.sh: \"$*\" needs root; run as root or install sudo" >&2
    return 1
  fi
}

install_packages() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    echo "all there"
    return
  fi
  echo "missing: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# The reference BLAS, which libtorch-dev may bring, is ten times slower than OpenBLAS.
select_openblas() {
  local arch library link choice
  arch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || g++ -print-multiarch)
  for library in libblas libopenblas liblapack; do
    link=$library.so.$([ $library = libopenblas ] && echo 0 || echo 3)-$arch
    choice=/usr/lib/$arch/openblas-pthread/${link%-"$arch"}
    if [ ! -e "$choice" ] || ! update-alternatives --query "$link" >/dev/null 2>&1; then
      continue
    fi
    if [ "$(update-alternatives --query "$link" | sed -n 's/^Value: //p')" != "$choice" ]; then
      echo "switching ${link%-"$arch"} to $choice (update-alternatives)"
      as_root update-alternatives --set "$link" "$choice"
    fi
  done
  echo "libblas.so.3 is $(readlink -f "/usr/lib/$arch/libblas.so.3")"
  case $(readlink -f "/usr/lib/$arch/libblas.so.3") in
    *openblas*) ;;
    *) echo "setup.sh: libblas.so.3 does not lead to OpenBLAS" >&2 && return 1 ;;
  esac
}

# The torch wheel and those of the CUDA libraries it loads, as its own metadata pins them: libraries and headers only.
unpack_wheels() {
  local target=$deps/torch-$torch_version download=$deps/download metadata wheel
  if [ -e "$target/complete" ]; then
    echo "there already: $target"
    return
  fi
  rm -rf "$target" "$download"
  mkdir -p "$target" "$download"
  local pip=(env)
  if [ $user = yes ]; then
    pip+=("PYTHONPATH=$(find "$prefix/usr/share/python-wheels" -name 'pip-*.whl')" python3)
  else
    python3 -m venv "$deps/venv"
    pip+=("$deps/venv/bin/python3")
  fi
  pip+=(-m pip download --quiet --no-cache-dir --only-binary :all: --dest "$download")
  "${pip[@]}" --no-deps "torch==$torch_version" || return 75
  wheel=$(find "$download" -name 'torch-*.whl')
  metadata=$(unzip -p "$wheel" '*.dist-info/METADATA')
  # cuda-toolkit is a list of wheels; of those, what libtorch_cuda loads or may load, and the runtime's headers (crt).
  local parts=crt,cublas,cudart,cufft,cufile,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc
  mapfile -t pins < <(sed -n 's/^Requires-Dist: \(nvidia-[^;]*\|cuda-toolkit[^;]*\).*/\1/p' <<<"$metadata" |
    sed "s/\[[^]]*\]/[$parts]/; s/ *$//")
  if [ ${#pins[@]} = 0 ]; then
    echo "setup.sh: $(basename "$wheel") names no CUDA libraries: it is a build without CUDA" >&2
    return 75
  fi
  echo "with ${pins[*]}"
  "${pip[@]}" "${pins[@]}" || return 75
  echo "downloaded $(du -sh "$download" | cut -f 1)"
  unzip -q -o "$wheel" 'torch/lib/*.so*' 'torch/include/*' 'torch/share/cmake/*' -d "$target"
  while read -r wheel; do
    # 11: it lacks one of the two
    unzip -q -o "$wheel" '*/lib/*.so*' '*/include/*' -d "$target" 2> >(grep -v '^caution' >&2 || true) || [ $? = 11 ]
  done < <(find "$download" \( -name 'nvidia_*.whl' -o -name 'cuda_toolkit*.whl' \))
  rm -rf "$download" "$deps/venv"
  touch "$target/complete"
  echo "unpacked $(du -sh "$target" | cut -f 1) into $target"
}

folder=${BUILD_DIR:-build$([ $cuda = no ] || echo -cuda)}
case $folder in /*) ;; *) folder=$root/$folder ;; esac
preset=$([ $cuda = no ] && echo release || echo cuda)
own_torch=${Torch_DIR:-${CMAKE_PREFIX_PATH:-}}
options=()
if [ $user = yes ]; then
  begin_step "unpack packages"
  case $deps in /*) ;; *) deps=$PWD/$deps ;; esac
  if [ $cuda = yes ] && [ -z "$own_torch" ]; then
    prefix=$deps/user-wheel
    user_packages+=(python3-pip-whl unzip)
  elif [ -n "$own_torch" ]; then
    prefix=$deps/user-own-torch
    user_packages+=(libopenblas0-pthread)
  else
    prefix=$deps/user
    user_packages+=(libopenblas0-pthread libtorch-dev)
  fi
  mkdir -p "$deps"
  "$root/tools/user_prefix.sh" "$prefix" "${user_packages[@]}" || exit $?
  export PATH=$prefix/tools:$PATH
  options+=(-C "$prefix/cache.cmake" "-DCMAKE_MAKE_PROGRAM=$(command -v ninja)")
else
  begin_step "install packages"
  if ! command -v apt-get >/dev/null; then
    echo "setup.sh: this needs a Debian-like system (apt-get); elsewhere install: ${packages[*]}" >&2
    exit 1
  fi
  install_packages "${packages[@]}"
  begin_step "select OpenBLAS"
  select_openblas
fi

if [ $cuda = yes ]; then
  if [ -n "${Torch_DIR:-}" ]; then
    options+=("-DTorch_DIR=$Torch_DIR")
  elif [ -z "${CMAKE_PREFIX_PATH:-}" ]; then
    if [ $user = no ]; then
      begin_step "install what unpacks the torch wheel"
      install_packages "${wheel_packages[@]}"
    fi
    begin_step "torch $torch_version wheel"
    unpack_wheels
    options+=("-DAFU_TORCH_ROOT=$deps/torch-$torch_version/torch")
  fi
elif [ $user = yes ] && [ -n "${Torch_DIR:-}" ]; then
  options+=("-DTorch_DIR=$Torch_DIR")
fi
[ $build = yes ] || exit 0

begin_step "configure $folder"
cmake --preset "$preset" -S "$root" -B "$folder" "${options[@]}"
begin_step "build $folder/afu"
cmake --build "$folder" --parallel "${JOBS:-$(nproc)}" --target afu afu_pages
if [ $user = yes ]; then
  begin_step "look for the libraries of $folder/afu"
  if ldd "$folder/afu" | grep -F 'not found' >&2; then
    echo "setup.sh: $folder/afu does not find these" >&2
    exit 1
  fi
  "$folder/afu" --version
fi
echo "built $folder/afu"
