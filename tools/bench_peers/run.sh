#!/usr/bin/env bash
# The same federated workload on pfl-research, Flower, BlazeFL and afu, in turn, and the ratio: see README.md beside this.
#
#   tools/bench_peers/run.sh [--images] [--install-only] [arguments of bench.py, or of images.py: see --help]
#
# --help, or --images --help, lists those arguments and installs nothing.
#
# The first run makes a virtual environment with the peers from PyPI (6 GB: the torch wheel brings CUDA along).
# Environment: PEERS_PYTHON (an interpreter, best 3.12), PEERS_DIR (instead of ~/.cache/afu/peers), PEERS_PIP_ARGUMENTS
# (such as an --extra-index-url with CPU wheels of torch), AFU (instead of build/afu).
set -Eeuo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# The first interpreter that runs: BlazeFL needs 3.12, pfl refuses 3.13; with another one fewer peers install.
find_python() {
  local candidate
  for candidate in "${PEERS_PYTHON:-}" python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3 python3.11 \
    python3; do
    if [ -n "$candidate" ] && "$candidate" -c '' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "run.sh: no python3 is there" >&2
  return 1
}

install() {
  local venv=$1 python=$2 line name arguments
  read -ra arguments <<<"${PEERS_PIP_ARGUMENTS:-}"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  mkdir "$venv/not-installed"
  while read -r line; do
    case $line in '' | '#'*) continue ;; esac
    name=${line%%[=\[]*}
    echo "== pip install $line"
    read -ra packages <<<"$line"
    # torch stays what the first line made it, whatever the others ask for
    if ! "$venv/bin/pip" install --quiet --no-input "${arguments[@]}" -c <(echo 'torch==2.15.0') "${packages[@]}" \
      2>"$venv/pip.log"; then
      cat "$venv/pip.log" >&2
      grep -E 'Requires-Python|^ERROR' "$venv/pip.log" | tail -n 3 >"$venv/not-installed/$name"
    fi
  done <"$here/requirements.txt"
  touch "$venv/complete"
}

bench=bench.py
if [ "${1:-}" = --images ]; then
  bench=images.py
  shift
fi
for argument in "$@"; do
  case $argument in
    -h | --help)
      sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      echo
      exec python3 -B "$here/$bench" --help # the standard library is enough
      ;;
  esac
done

python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
venv=${PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/afu/peers}/venv-$version
if ! cmp -s "$venv/requirements.txt" "$here/requirements.txt" || [ ! -e "$venv/complete" ]; then
  install "$venv" "$python"
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi
if [ "${1:-}" = --install-only ]; then
  exit 0
fi
exec "$venv/bin/python" "$here/$bench" --afu "${AFU:-$root/build/afu}" "$@"
