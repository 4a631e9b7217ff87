#!/usr/bin/env bash
# Builds the fuzz targets of tests/fuzz with clang and its sanitizers, and runs each for a while:
#   tools/fuzz.sh [SECONDS [NAME...]]     60 seconds each unless said otherwise, as many at a time as processors
# Exit status 1 where one fails; the input stands in build-fuzz/found/. Kept inputs: tests/fuzz/corpus/NAME/.
# Environment: JOBS (compilers and targets at a time), BUILD_DIR (default build-fuzz), SEED (default 1, so that two runs try
# much the same inputs).
set -euo pipefail

case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${BUILD_DIR:-$root/build-fuzz}
jobs=${JOBS:-$(nproc)}
seconds=${1:-60}
case $seconds in *[!0-9]*) echo "fuzz.sh: $seconds is no number of seconds" >&2 && exit 2 ;; esac
shift $(($# > 0 ? 1 : 0))

if ! command -v clang++ >/dev/null; then
  echo "fuzz.sh: clang++ is missing: apt-get install clang" >&2
  exit 2
fi
cmake --preset fuzz -S "$root" -B "$folder" >/dev/null
cmake --build "$folder" --parallel "$jobs"

run_one() {
  local name=$1 seeds=() extra
  local grown=$folder/grown/$name found=$folder/found/$name log=$folder/$name.log
  rm -rf "$grown" "$found"
  mkdir -p "$grown" "$found"
  case $name in
    toml) seeds=("$root/configs") ;;
    study) seeds=("$root/configs/studies") ;;
    csv | run_folder | manifest | nifti | dicom | wire) "$folder/fuzz_$name" --seeds "$folder/seeds/$name" && seeds=("$folder/seeds/$name") ;;
  esac
  extra=$root/tests/fuzz/corpus/$name
  [ ! -d "$extra" ] || seeds+=("$extra")
  if "$folder/fuzz_$name" -seed="${SEED:-1}" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$found/" "$grown" "${seeds[@]}" >"$log" 2>&1; then
    echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
  else
    echo "fuzz $name: FAILED, the input is in $found:"
    grep -v "^#" "$log" | tail -40
    return 1
  fi
}
export -f run_one
export root folder seconds

if [ $# = 0 ]; then
  names=("$folder"/fuzz_*)
  set -- "${names[@]##*/fuzz_}"
fi
printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -euo pipefail -c 'run_one "$1"' _ {}
