#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# counts.sh - inlined fast paths and the restartable sequences in them are no
# longer than the file reference.txt says: instructions, those with an operand in
# memory, branches. And the instructions planted in some of them are found.
#
# usage: counts.sh [--print]: what is counted, as lines for reference.txt

. "${srctree:?}/selftests/asm/common.sh"
. "$here/reference.sh"
[ "${1-}" = --print ] || reference_skip counts objdump

roots="in_go in_spawn in_join in_yield in_park in_unpark in_block
in_chan_send in_chan_recv in_mutex in_cond_wait in_cond_signal in_sem_acquire
in_sem_release in_rwlock_read in_rwlock_write"

# count PROGRAM: its counts
count()
{
	"$bin/$1" sequences > "$tmp/seq"
	objdump -d --no-show-raw-insn "$bin/$1" > "$tmp/dis"
	awk -v roots="$roots" -f "$here/counts.awk" "$tmp/seq" "$tmp/dis"
}

count probe > "$tmp/probe"
count planted > "$tmp/planted"
sed "s/ / $compiler /" "$tmp/probe" > "$tmp/ours"
if [ "${1-}" = --print ]; then
	cat "$tmp/ours"
	exit
fi

echo 'TAP version 13'
echo "1..$(($(wc -l < "$tmp/probe") + 8))"
while read -r name counts; do
	reference "$here/reference.txt" "$name" $counts > "$tmp/said"
	result "$name" $?
done < "$tmp/probe"
for root in in_go in_join in_yield in_park in_unpark in_block in_chan_send \
	in_mutex; do
	reference "$tmp/ours" $(grep "^$root " "$tmp/planted") > "$tmp/said"
	result "planted_in_$root" $((! $?))
done
[ $bad = 0 ]
