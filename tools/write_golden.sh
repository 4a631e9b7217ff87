#!/usr/bin/env bash
# Writes the golden event logs of tests/golden anew, by the program that was built:
#   tools/write_golden.sh [NAME...]      all of them, or those: knot, methods/knot, stragglers/trace
#   tools/write_golden.sh --hashes       the hashes of models in tests/golden/bytes instead
# Read `git diff tests/golden` before you commit. Environment: BUILD_DIR (default build).
set -euo pipefail

case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
afu=${BUILD_DIR:-$root/build}/afu
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT

if [ "${1:-}" = --hashes ]; then
  cd "$root"
  for file in tests/golden/bytes/*.txt; do
    while read -r hash arguments; do
      if [ "$hash" != "#" ]; then
        # shellcheck disable=SC2086
        "$afu" run $arguments -q --force -o "$run/run" </dev/null || [ $? = 3 ]  # 3: a request is unserved
        hash=$(sed -n 's/.*"model_sha256": "\(.*\)".*/\1/p' "$run/run/summary.json")
      fi
      echo "$hash $arguments"
    done <"$file" >"$run/hashes"
    cp "$run/hashes" "$file"
  done
  exit 0
fi

cd "$root/tests/golden"
if [ $# = 0 ]; then
  files=(*.toml methods/*.toml stragglers/*.toml)
  set -- "${files[@]%.toml}"
fi
for name; do
  [ -e "$name.toml" ] || { echo "write_golden.sh: tests/golden/$name.toml: no such file" >&2 && exit 2; }
done
for name; do
  "$afu" run "$name.toml" -q --force -o "$run/run"
  cp "$run/run/events.jsonl" "$name.jsonl"
done
