#!/usr/bin/env bash
# Runs clang-tidy with the repository's .clang-tidy; silent where nothing is found.
#   tools/tidy.sh            the sources that differ from origin/main, committed or not
#   tools/tidy.sh FILE...    these
#   tools/tidy.sh --core     all that is compiled without LibTorch: what CI runs
#   tools/tidy.sh --all      all, LibTorch's and CAF's headers too
# Needs clang-tidy (tools/setup.sh --checks) and a configured build folder. Environment: BUILD_DIR (default build), JOBS,
# BASE (instead of origin/main). Exit status 1: something was found.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
folder=${BUILD_DIR:-build}
case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
esac
command -v clang-tidy >/dev/null || { echo "tidy.sh: clang-tidy is missing; run tools/setup.sh --checks" >&2 && exit 2; }
commands=$folder/compile_commands.json
[ -e "$commands" ] || { echo "tidy.sh: $folder is not configured; run tools/setup.sh first" >&2 && exit 2; }

case ${1:-} in
  --core)
    mapfile -t files < <(grep -A 1 -E -- '-o [^ ]*(afu_core|afu_procedures|test_core)\.dir/' "$commands" |
      sed -n "s|^ *\"file\": \"$root/\(.*\)\"\(,\)\{0,1\}$|\1|p" | sort -u)
    ;;
  --all) mapfile -t files < <(git ls-files 'src/*.cpp' 'actors/*.cpp' 'tests/*.cpp') ;;
  "")
    mapfile -t files < <({ git diff --name-only --diff-filter=d "${BASE:-origin/main}" && git ls-files --others --exclude-standard; } |
      grep -E '^(src|actors|tests)/.*\.cpp$' | sort -u || true)
    ;;
  -*) echo "tidy.sh: unknown option $1 (allowed: --core, --all)" >&2 && exit 2 ;;
  *) files=("$@") ;;
esac
# What is no part of that build (the CUDA sources, the fuzz targets) has no command to be read with.
read_with=()
for file in "${files[@]}"; do
  if grep -qF "\"file\": \"$root/${file#"$root"/}\"" "$commands"; then
    read_with+=("$file")
  else
    echo "tidy.sh: $file is no part of $folder and is left out" >&2
  fi
done
if [ ${#read_with[@]} = 0 ]; then
  [ "${1:-}" = "" ] || { echo "tidy.sh: no file is left" >&2 && exit 2; }
  exit 0
fi

# clang cannot read g++'s precompiled headers; each source includes what it needs. A source of several programs has
# several commands, of which one is enough.
without=$(mktemp -d)
trap 'rm -rf "$without"' EXIT
/usr/bin/python3 - "$commands" >"$without/compile_commands.json" <<'EOF'
import json, re, sys
first = {}
for entry in json.load(open(sys.argv[1])):
    entry["command"] = re.sub(r" -Winvalid-pch| -fpch-preprocess| -include \S*/cmake_pch\.hxx", "", entry["command"])
    first.setdefault(entry["file"], entry)
json.dump(list(first.values()), sys.stdout)
EOF
printf '%s\0' "${read_with[@]}" | xargs -0 -n 1 -P "${JOBS:-$(nproc)}" \
  clang-tidy -p "$without" --quiet --warnings-as-errors='*' 2> >(grep -vE '^[0-9]+ warnings? (generated|treated)' >&2 || true) || status=$?
echo "tidy.sh: ${#read_with[@]} files read" >&2
exit $((${status:-0} != 0))
