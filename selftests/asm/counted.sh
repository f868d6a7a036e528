#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# counted.sh - what operations execute, in instructions: under callgrind,
# which counts exactly whatever the machine does beside, and where there is no
# rseq, so that the queues are those of arch/twin.h. No more than the file
# reference.txt says; and one load more is found.
#
# usage: counted.sh [--print]: what is counted, as lines for reference.txt

. "${srctree:?}/selftests/asm/common.sh"
. "$here/reference.sh"
[ "${1-}" = --print ] || reference_skip counted valgrind

# total PART FILE: what the M, the busiest thread, executed before that mark
total()
{
	sed -n 's/^totals: //p' "$2.$1"-* | sort -n | tail -n 1
}

# count PROGRAM: "NAME INSTRUCTIONS" of a turn, rounded to whole ones.
# The rest, ticks and the like, is less than a tenth of one.
count()
{
	WEFT_PROCS=1 valgrind --tool=callgrind \
		--separate-threads=yes --dump-before=counted_mark \
		--callgrind-out-file="$tmp/$1" "$bin/$1" \
		> "$tmp/names" 2> "$tmp/said" || return 1
	part=0
	while read -r name turns; do
		part=$((part + 3))
		once=$(total $((part - 1)) "$tmp/$1")
		twice=$(total $part "$tmp/$1")
		awk "BEGIN {
			printf \"$name %d\\n\", ($twice - $once) / $turns + 0.5
		}"
	done < "$tmp/names"
}

if ! count counted > "$tmp/plain" ||
	! count counted_planted > "$tmp/planted"; then
	sed 's/^/# /' "$tmp/said"
	printf 'TAP version 13\n1..1\nnot ok 1 runs under callgrind\n'
	exit 1
fi
sed "s/ / $compiler /" "$tmp/plain" > "$tmp/ours"
if [ "${1-}" = --print ]; then
	cat "$tmp/ours"
	exit
fi

echo 'TAP version 13'
echo "1..$((2 * $(wc -l < "$tmp/plain")))"
while read -r name count; do
	reference "$here/reference.txt" "$name" "$count" > "$tmp/said"
	result "$name" $?
done < "$tmp/plain"
while read -r name count; do
	reference "$tmp/ours" "$name" "$count" > "$tmp/said"
	result "planted_in_$name" $((! $?))
done < "$tmp/planted"
[ $bad = 0 ]
