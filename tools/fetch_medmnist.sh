#!/usr/bin/env bash
# Fetches a set of MedMNIST v2 (28 x 28 pixels) from its official home and verifies its MD5.
#   tools/fetch_medmnist.sh NAME [DIR]     NAME: breastmnist, or just breast; DIR: where to, by default data
# Licences: CC BY 4.0, DermaMNIST CC BY-NC 4.0. Not intended for clinical use.
set -euo pipefail

case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
esac

# As in src/data/medmnist_catalogue.cpp. ChestMNIST is left out: afu has no multi-label tasks.
declare -A md5=(
  [pathmnist]=a8b06965200029087d5bd730944a56c1
  [dermamnist]=0744692d530f8e62ec473284d019b0c7
  [octmnist]=c68d92d5b585d8d81f7112f81e2d0842
  [pneumoniamnist]=28209eda62fecd6e6a2d98b1501bb15f
  [retinamnist]=bd4c0672f1bba3e3a89f0e4e876791e4
  [breastmnist]=750601b1f35ba3300ea97c75c52ff8f6
  [bloodmnist]=7053d0359d879ad8a5505303e11de1dc
  [tissuemnist]=ebe78ee8b05294063de985d821c1c34b
  [organamnist]=68e3f8846a6bd62f0c9bf841c0d9eacc
  [organcmnist]=b9ceb9546e10131b32923c5bbeaea2b1
  [organsmnist]=9ab87b696fb54e2a387ebe992d6ed5f1
)
record=https://zenodo.org/records/10519652/files

fail() {
  echo "fetch_medmnist.sh: $1" >&2
  exit "${2:-1}"
}

[ $# -ge 1 ] && [ $# -le 2 ] || fail "usage: tools/fetch_medmnist.sh NAME [DIR]; NAME is one of: ${!md5[*]}" 2
name=${1%.npz}
name=${name%mnist}mnist
folder=${2:-data}
[ -n "${md5[$name]:-}" ] || fail "'$1' is not known; allowed: ${!md5[*]}" 2
command -v md5sum >/dev/null || fail "md5sum is needed"

file=$folder/$name.npz
sum() { md5sum <"$1" | cut -d' ' -f1; }
if [ -f "$file" ]; then
  [ "$(sum "$file")" = "${md5[$name]}" ] || fail "$file is there, but is not the official file; move it away first"
  echo "$file is there already and is the official file; with AFU_DATA_DIR=$folder afu finds it"
  exit 0
fi

mkdir -p "$folder" || fail "$folder cannot be made"
part=$(mktemp "$folder/.$name.XXXXXX") || fail "$folder cannot be written to"
trap 'rm -f "$part"' EXIT
url="$record/$name.npz?download=1"
if command -v curl >/dev/null; then
  curl --fail --location --show-error --silent --retry 2 --connect-timeout 20 -o "$part" "$url" ||
    fail "$url could not be fetched: is there a network?"
elif command -v wget >/dev/null; then
  wget --quiet --tries=3 --timeout=20 -O "$part" "$url" || fail "$url could not be fetched: is there a network?"
else
  fail "curl or wget is needed"
fi
got=$(sum "$part")
[ "$got" = "${md5[$name]}" ] || fail "what came from $url has md5 $got, the official file ${md5[$name]}"
chmod 644 "$part"
mv "$part" "$file"
echo "$file: official, md5 $got; with AFU_DATA_DIR=$folder afu finds it"
