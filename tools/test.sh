#!/usr/bin/env bash
# Builds the program and all test programs, as far as they changed, whatever the arguments say, and then runs the tests.
#
#   tools/test.sh [arguments of ctest]     such as -LE slow, or -R '^config/'
#
# Where the tests are built, `ctest --test-dir build -R '^config/'` runs those of a folder and builds nothing.
# Environment: BUILD_DIR (default build; build-cuda for the CUDA flavour), AFU_DATA_DIR (folder of the real images;
# default ../shared/data beside the checkout, where there is one), JOBS.
set -euo pipefail

case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
esac
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${BUILD_DIR:-build}
case $folder in /*) ;; *) folder=$root/$folder ;; esac
jobs=${JOBS:-$(nproc)}

if [ ! -e "$folder/CMakeCache.txt" ]; then
  echo "test.sh: $folder is not configured; run tools/setup.sh first (--cuda for build-cuda)" >&2
  exit 1
fi
if [ -z "${AFU_DATA_DIR:-}" ] && [ -d "$root/../shared/data" ]; then
  AFU_DATA_DIR=$(cd "$root/../shared/data" && pwd)
  export AFU_DATA_DIR
fi

cmake --build "$folder" --parallel "$jobs"
exec ctest --test-dir "$folder" --parallel "$jobs" --output-on-failure --no-tests=error "$@"
