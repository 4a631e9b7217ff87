#!/usr/bin/env bash
# Plays the runs of tests/golden/bytes on an emulated processor with AVX-512, and compares the hashes of their models with
# those that are kept there. For machines that have no AVX-512; where there is one, the test cli/same_bytes does this.
#
#   tools/avx512.sh [NUMBER]      of the runs of hashes.txt, by their order (6: each built-in network once, the default)
#
# It makes a CD in a temporary folder (1.2 GB), of Linux, the program and the libraries that it loads, and starts it in Bochs
# as an i7-7800X. Needs the packages bochs, bochs-term, busybox-static, cpio, grub-common, grub-pc-bin, mtools, xorriso, and a
# kernel. Environment: AFU (default build/afu), KERNEL (default the newest /boot/vmlinuz-*; Debian's are fit), KEEP=1 (keeps
# the folder). Exit status 1: a hash differs, or the emulator ended before all had run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit 0 ;;
esac
number=${1:-6}
case $number in *[!0-9]* | "") echo "avx512.sh: $number is no number of runs" >&2 && exit 2 ;; esac
afu=$(readlink -f "${AFU:-$root/build/afu}")
[ -x "$afu" ] || { echo "avx512.sh: $afu is not there; run tools/setup.sh first" >&2 && exit 2; }
kernel=${KERNEL:-$(find /boot -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -1)}
[ -r "$kernel" ] || { echo "avx512.sh: no kernel is readable in /boot; give one by KERNEL" >&2 && exit 2; }
for program in bochs busybox cpio grub-mkrescue mformat script xorriso; do
  command -v $program >/dev/null || { echo "avx512.sh: $program is missing; --help names the packages" >&2 && exit 2; }
done

folder=$(mktemp -d)
emulator=
end() {
  [ -z "$emulator" ] || pkill -KILL -f "$folder/bochsrc" || true
  if [ -n "${KEEP:-}" ]; then echo "kept: $folder"; else rm -rf "$folder"; fi
}
trap end EXIT
system=$folder/system
mkdir -p "$system"/{bin,dev,proc,sys,tmp,afu/tests/golden} "$folder/cd/boot/grub"
cp "$(command -v busybox)" "$system/bin/busybox"
for name in cat env grep mount poweroff sed sh sleep; do ln -s busybox "$system/bin/$name"; done
ldd "$afu" | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\/.*ld-linux/ {print $1}' | sort -u | while read -r library; do
  mkdir -p "$system$(dirname "$library")"
  cp -L "$library" "$system$library"
done
cp "$afu" "$system/bin/afu"
cp -r "$root/tests/golden/bytes" "$system/afu/tests/golden/"
grep -v '^#' "$root/tests/golden/bytes/hashes.txt" | head -n "$number" >"$system/afu/runs"
cat >"$system/init" <<'EOF'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
cd /afu
export HOME=/tmp XDG_CACHE_HOME=/tmp AFU_KERNELS=AVX-512 OPENBLAS_CORETYPE=SkylakeX OPENBLAS_NUM_THREADS=1
echo "afu-emulated: $(grep -m 1 'model name' /proc/cpuinfo), $(grep -c avx512dq /proc/cpuinfo) with AVX-512"
while read -r hash arguments; do
  afu run $arguments -q --force -o /tmp/run >/tmp/said 2>&1
  got=$(sed -n 's/.*"model_sha256": "\([0-9a-f]*\)".*/\1/p' /tmp/run/summary.json)
  if [ "$got" = "$hash" ]; then
    echo "afu-emulated: same $arguments"
  else
    echo "afu-emulated: OTHER $arguments: ${got:-no hash}"
    cat /tmp/said
  fi
done <runs
echo "afu-emulated: end"
sleep 2 # what was written reaches the serial line
poweroff -f
EOF
chmod +x "$system/init"
(cd "$system" && find . | cpio -o -H newc --quiet) >"$folder/cd/boot/initrd"
cp "$kernel" "$folder/cd/boot/vmlinuz"
# Bochs 2.7 tells a wrong size of the compact form of the registers (CPUID leaf 13), upon which Linux would do without AVX:
# so XSAVEC and XSAVES are cleared.
cat >"$folder/cd/boot/grub/grub.cfg" <<'EOF'
serial --unit=0
terminal_output serial
set timeout=0
menuentry afu {
  linux /boot/vmlinuz console=ttyS0 rdinit=/init panic=1 mitigations=off clearcpuid=321,323 tsc=reliable random.trust_cpu=on quiet
  initrd /boot/initrd
}
EOF
grub-mkrescue -o "$folder/boot.iso" "$folder/cd" >"$folder/grub.log" 2>&1
mv "$system/afu/runs" "$folder/runs"
rm -rf "$system" "$folder/cd"
cat >"$folder/bochsrc" <<EOF
config_interface: textconfig
display_library: term
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
megs: 2048
clock: sync=none
ata0-master: type=cdrom, path=$folder/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$folder/serial
log: $folder/log
panic: action=fatal
EOF
echo c >"$folder/continue"  # Debian's build has a debugger, which waits
TERM=xterm script -qfc "bochs -q -f '$folder/bochsrc' -rc '$folder/continue'" /dev/null </dev/null >"$folder/said" 2>&1 &
emulator=$!
# The emulated screen is a terminal of its own. Nobody needs it, but it has to be read, or the emulator stops.
screen=
while kill -0 $emulator 2>/dev/null; do
  if [ -z "$screen" ] && screen=$(grep -ao '/dev/pts/[0-9]*' "$folder/said" | head -1) && [ -n "$screen" ]; then
    cat "$screen" >/dev/null &
  fi
  sleep 1
done
wait $emulator || true
grep -a '^afu-emulated: ' "$folder/serial" | sed 's/^afu-emulated: //; s/\r$//' || true
expected=$(wc -l <"$folder/runs")
same=$(grep -ac '^afu-emulated: same ' "$folder/serial" || true)
echo "$same of $expected are the same"
[ "$same" = "$expected" ] || { grep -a -A 20 '^afu-emulated: OTHER' "$folder/serial" >&2 || tail -5 "$folder/said" >&2; exit 1; }
