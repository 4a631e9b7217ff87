#!/usr/bin/env bash
# Builds the CUDA flavour on a machine with an NVIDIA GPU where nothing of ours can be installed, runs the tests labelled
# gpu, the probes and the benches, and prints one table last. Meant to end within 10 minutes on 16 cores.
#
#   tools/gpu_check.sh [--rehearse] [--deps FOLDER] [--built FOLDER]
#
# Needs: CMake 3.25 or newer, ninja, a C++ compiler, torch with CUDA in python3, and the folder that tools/pack_deps.sh
# filled (--deps, default deps-pack/). Without a GPU it builds, says how far it went and ends with status 3; --rehearse
# then runs the tests and benches on CPU lanes too, and holds the build to the pack: nothing of ours from /usr.
# --built takes the programs of a CUDA build made elsewhere (tools/setup.sh --cuda; its build-cuda/ or a copy of afu,
# test_compute and test_actors out of it) against the same LibTorch, and compiles nothing.
#
# Environment: OUT (a folder for the JSON of each step and the logs; default results/ in the build folder), Torch_DIR
# (another LibTorch than python3's), BUILD_DIR (default build-gpu; made anew), JOBS (compilers at a time), SECONDS_LIMIT
# (default 600: steps that would begin later are left out and said to be).
set -Eeuo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rehearse=no
deps=$root/deps-pack
built=""
while [ $# -gt 0 ]; do
  case $1 in
    --rehearse) rehearse=yes ;;
    --deps) deps=$2 && shift ;;
    --built) built=$2 && shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) echo "gpu_check.sh: unknown option $1 (allowed: --rehearse, --deps FOLDER, --built FOLDER)" >&2 && exit 2 ;;
  esac
  shift
done
build=${BUILD_DIR:-build-gpu}
case $build in /*) ;; *) build=$root/$build ;; esac
limit=${SECONDS_LIMIT:-600}
jobs=${JOBS:-$(nproc)}

stop() {
  echo "gpu_check.sh: $1" >&2
  exit "${2:-1}"
}

# --- what is there

needed=(python3)
[ -n "$built" ] || needed+=(cmake ninja "${CXX:-c++}")
for program in "${needed[@]}"; do
  command -v "$program" >/dev/null || stop "$program is not there"
done
[ -e "$deps/VERSIONS" ] || stop "$deps is not there or no pack: fill it by tools/pack_deps.sh on a Debian machine"
deps=$(cd "$deps" && pwd)
if [ -z "${Torch_DIR:-}" ]; then
  Torch_DIR=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)') ||
    stop "python3 has no torch: give a LibTorch with CUDA by Torch_DIR"
fi
gpus=$({ command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null; } || true)
device=cuda
if [ -z "$gpus" ]; then
  device=cpu
  echo "NO GPU IS VISIBLE on this machine: nothing below was measured on one"
fi
if [ -n "$built" ]; then
  [ -x "$built/afu" ] || stop "there is no afu in $built"
  build=$(cd "$built" && pwd)
  # Where the programs were built LibTorch lay elsewhere.
  for folder in "$Torch_DIR/lib" "$Torch_DIR"/{..,../../..}/nvidia/*/lib "$Torch_DIR/../../lib" "$deps/lib"; do
    [ ! -d "$folder" ] || LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(cd "$folder" && pwd)
  done
  export LD_LIBRARY_PATH
else
  rm -rf "$build"
  mkdir -p "$build"
fi
out=${OUT:-$build/results}
mkdir -p "$out"
out=$(cd "$out" && pwd)

# --- steps: each has a log and a row of the table

rows=()
failures=0
# row NAME RESULT FIGURE
row() {
  rows+=("$(printf '%-26s  %-8s  %s' "$1" "$2" "$3")")
}

# step NAME FILE COMMAND...: the log is FILE.log; what COMMAND left in FILE.json gives the row its figure.
step() {
  local name=$1 file=$out/$2 began=$SECONDS status=0
  shift 2
  if [ "$SECONDS" -ge "$limit" ]; then
    row "$name" "LEFT OUT" "the $limit s were over"
    return 0
  fi
  echo "== $name"
  "$@" >"$file.log" 2>&1 || status=$?
  if [ $status = 0 ]; then
    tail -n 24 "$file.log"
    row "$name" ok "$((SECONDS - began)) s$(figure "$file")"
  else
    tail -n 40 "$file.log"
    row "$name" FAILED "status $status after $((SECONDS - began)) s, see $file.log"
    failures=$((failures + 1))
  fi
  return $status
}

# One line out of a step's JSON, or out of ctest's log; empty where there is none.
figure() {
  python3 - "$1" <<'PYTHON'
import json, pathlib, re, sys

log = pathlib.Path(sys.argv[1] + ".log")
path = pathlib.Path(sys.argv[1] + ".json")
text = ""
if path.exists():
    j = json.loads(path.read_text())
    rows = j.get("rows", []) if isinstance(j, dict) else []
    kind = j.get("bench") if isinstance(j, dict) else None
    if kind == "train":
        best = {}
        for r in rows:
            if r["steps_per_second"] > best.get(r["engine"], {"steps_per_second": 0})["steps_per_second"]:
                best[r["engine"]] = r
        text = ", ".join(f"{e} {r['steps_per_second']:.0f} steps/s on {r['lanes']}" for e, r in best.items())
    elif kind == "aggregate":
        text = ", ".join(f"{r['updates']}: {r['bytes_per_second'] / r['copy_bytes_per_second']:.2f} of a copy" for r in rows)
    elif kind in ("events", "scale"):
        text = ", ".join(f"{r['clients']}: {r['cpu_microseconds_per_event']:.2f} us an event" for r in rows)
    elif kind == "calibrate":
        text = ", ".join(f"{r['arm']} {r['steps_per_second']:.0f} steps/s" for r in rows)
    elif "wall_seconds" in j:
        n = j["counters"]["updates"]
        text = f"{n} updates in {j['wall_seconds']:.2f} s"
elif log.exists():
    tests = re.findall(r"^\d+% tests passed.*$|test cases:.*(?= \| *\d+ skipped)", log.read_text(), re.M)
    text = ", ".join(" ".join(t.split()) for t in tests)
print("; " + text if text else "")
PYTHON
}

table() {
  echo
  echo "== afu $(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo 'of unknown revision'), ${gpus:-NO GPU}"
  printf '%s\n' "${rows[@]}"
  echo "$SECONDS s; JSON and logs in $out"
}

configure() {
  local options=()
  # A rehearsal is held to the pack: nothing that only this machine has installed may be found.
  [ $rehearse = no ] || options=(-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF)
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DAFU_CUDA=ON "-DCMAKE_PREFIX_PATH=$deps" \
    "-DTorch_DIR=$Torch_DIR" "${options[@]}"
}

# Headers and libraries of ours that came from /usr instead of the pack. Prints them; fails where there are any.
held_to_pack() {
  local strays
  strays=$(ninja -C "$build" -t deps | grep -oE '/usr/include/(boost|caf|CLI|doctest|fmt|j(config|error|morecfg|peglib)|nlohmann|openssl|png|toml\+\+|z(conf|ip|lib))[^ ]*' | sort -u || true)
  strays+=$(ldd "$build/afu" | grep -E 'not found|(caf_core|caf_io|crypto|fmt|jpeg|png16|zip|bz2|libz)\.so' | grep -vF "$deps/" || true)
  if [ -n "$strays" ]; then
    echo "not from the pack $deps:"
    echo "$strays"
    return 1
  fi
  echo "all headers and libraries of ours come from the pack, none is missing"
}

tests_labelled_gpu() {
  local program found=no
  if [ -z "$built" ]; then
    ctest --test-dir "$build" -L gpu --output-on-failure --no-tests=error
    return
  fi
  for program in "$build"/test_{compute,actors} "$build"/tests/test_{compute,actors}; do
    [ -x "$program" ] || continue
    found=yes
    "$program" --test-suite=gpu
  done
  [ $found = yes ]
}

# has VERB... OPTION: whether a verb's help lists the option.
has() {
  local option=${*: -1}
  "$build/afu" "${@:1:$#-1}" --help 2>/dev/null | grep -qe "$option"
}

devices() {
  if [ $device = cuda ] && ! "$build/afu" devices | grep -q 'cuda:0'; then
    echo "nvidia-smi sees a GPU, afu does not:"
    "$build/afu" devices
    return 1
  fi
  "$build/afu" devices
}

bench() {
  local name=$1
  shift
  local arguments=("$@" --json "$out/$name.json")
  if [ $device = cuda ] && has bench "$1" --device; then
    arguments+=(--device cuda:0)
  fi
  "$build/afu" bench "${arguments[@]}"
}

# scenario FILE NAME [OPTIONS of afu run]: of configs/bench/; its summary becomes NAME.json.
scenario() {
  local file=$1 name=$2
  shift 2
  rm -rf "$build/run"
  "$build/afu" run "$file" --quiet -o "$build/run" "$@" && cp "$build/run/summary.json" "$out/$name.json"
}

if [ -z "$built" ] &&
  { ! step configure configure configure || ! step build build cmake --build "$build" --parallel "$jobs"; }; then
  table
  exit 1
fi
if [ $rehearse = yes ]; then
  step "held to the pack" pack held_to_pack || true
fi
step "devices" devices devices || true
if has devices --probe; then
  step "probe" probe "$build/afu" devices --probe || true
fi
if [ $device = cuda ]; then
  step "tests labelled gpu" tests tests_labelled_gpu || true
elif [ $rehearse = yes ]; then
  step "tests on CPU lanes" tests ctest --test-dir "$build" -LE 'slow|gpu' --parallel "$jobs" --output-on-failure \
    --no-tests=error || true
fi
if [ $device = cuda ] || [ $rehearse = yes ]; then
  for model in lenet cnn_mnist; do
    clients=()
    [ $device = cpu ] || clients=(--clients "4,16,64")
    step "bench train $model" "train_$model" bench "train_$model" train --model "$model" --batch 10 --steps 128 \
      --repetitions 3 "${clients[@]}" || true
  done
  step "bench aggregate" aggregate bench aggregate aggregate || true
  step "bench calibrate" calibrate bench calibrate calibrate || true
  step "bench scale" scale bench scale scale --clients 10 1000 100000 || true
fi
if [ $device = cuda ]; then
  for file in "$root"/configs/bench/*.toml; do
    name=$(basename "$file" .toml)
    step "$name" "$name" scenario "$file" "$name" || true
    if grep -qs '"kernels"' "$out/train_lenet.json"; then
      step "$name, kernels" "${name}_kernels" scenario "$file" "${name}_kernels" --set compute.step=kernels || true
    fi
    step "$name, batched" "${name}_batched" scenario "$file" "${name}_batched" --set compute.lanes=2 \
      --set compute.batched_clients=0 || true
  done
fi
table
[ $failures = 0 ] || exit 1
if [ $device = cpu ]; then
  stop "no GPU is visible: the CUDA flavour was built$([ $rehearse = no ] || echo ' and ran on CPU lanes'); NOTHING RAN ON A GPU" 3
fi
