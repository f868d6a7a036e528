#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# model.sh: let spin explore one configuration of one model.
#
#	model.sh WANT MODE NAME.pml [-DX ...]
#
# WANT is "holds" or "fails" (a planted bug that must be found).  MODE says how:
#	full	every state, kept whole
#	hash	every state, of which a hash is kept: two may collide unnoticed
#	live	the model's ltl property, with weak fairness
# Prints one line, "states N, T s: what happened"; the status is 0 if WANT came
# true, 1 if not, 2 if memory or time (MODEL_TIME, s) ran out before an error.

set -u
want=$1; mode=$2; model=$3; shift 3
src=$(cd "$(dirname "$0")" && pwd)/$model
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
cd "$tmp" || exit 1

spin "$@" -a "$src" >spin.out 2>&1 && [ -f pan.c ] ||
	{ echo "spin: $(grep -m1 Error spin.out)"; exit 1; }

# bits: log2 of the hash table's slots; depth: the longest path looked at
bits=24
depth=3000000
args=
case $mode in
full)	cflags="-DSAFETY -DCOLLAPSE" ;;
hash)	cflags="-DSAFETY -DHC4"; bits=27; depth=20000000 ;;
live)	cflags="-DCOLLAPSE -DNFAIR=3"; args="-a -f" ;;
*)	echo "model.sh: no mode $mode"; exit 1 ;;
esac
gcc ${MODEL_OPT:--O1} -w $cflags -DMEMLIM="${MODEL_MEM:-6000}" \
	-DVECTORSZ=1024 -o pan pan.c || exit 1
timeout -s INT "${MODEL_TIME:-120}" nice -n 10 ./pan $args \
	-m"${MODEL_DEPTH:-$depth}" -w"${MODEL_BITS:-$bits}" >pan.out 2>&1
rc=$?

error=$(grep -m1 '^pan:1:' pan.out | cut -c8-)
states=$(awk '/states, stored/ { print $1; exit }' pan.out)
secs=$(awk '/elapsed time/ { print $4; exit }' pan.out)
short=
[ $rc = 124 ] && short="time ran out"
grep -q 'reached -DMEMLIM\|out of memory' pan.out && short="memory ran out"
grep -q 'search depth too small' pan.out && short="${short:+$short, }too deep"
[ -z "$states" ] && [ -z "$error$short" ] && short="pan failed"

# the depth is of no interest, and the assertion may be long
error=$(echo "$error" | sed 's/ (at depth.*//' | cut -c1-60)
echo "states ${states:-?}, ${secs:-?} s: ${error:-no error}${short:+, $short}"
case $want in
fails)	[ -n "$error" ] && exit 0 || exit 1 ;;
holds)	[ -n "$error" ] && exit 1
	[ "$short" = "pan failed" ] && exit 1
	[ -n "$short" ] && exit 2
	exit 0 ;;
esac
