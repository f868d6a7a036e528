#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# callgraph.sh - law L3 in the disassembly: what weft_go, weft_yield, a local
# weft_unpark, an announced section and the like execute has no LOCK prefix, no
# fence, no system call and no allocator call, outside the slow paths that are
# named here. Exported and inlined forms; and what is planted is found.

. "${srctree:?}/selftests/asm/common.sh"
needs callgraph objdump

# What may do as it likes, and why it is not the fast path
slow="
weft__push_slow		the compare failed or the ring is full
weft__want_slow		someone is hungry or idle
weft__pop_slow		nothing in the queue, or the compare failed
weft__tick		every 61st pop
weft__prepare		a first dispatch takes a stack; a locked G
weft__ready_idle	someone is hungry or idle
weft__g_alloc_slow	no G in the cache of the M: one in 64
weft__g_flush		too many Gs in it: one in 256
weft__id_block		one spawn in 1024
weft__spawn_slow	an ordinary thread; bad use
weft__spawn_attr	a spawn with attributes
weft__join_slow		the child is not at the tail, and has not ended
weft__yield_slow	an ordinary thread
weft__unpark_slow	the word is biased to another CPU, or shared; a thread
weft__park_slow		an ordinary thread
weft__bias_cas_slow	the word is biased to another CPU, or shared
weft__clk_wait		a channel's lock is held
weft__wq_take_slow	a select waits, too
weft__wake_who_slow	an ordinary thread waits
weft__wait_pop_slow	nothing in the queue, or the compare failed
weft__wait_tick		every 61st pop
weft__chan_send		an ordinary thread, another size, closed; bad use
weft__chan_recv		the same
weft__mutex_lock_slow	it is held, or used from another CPU
weft__mutex_unlock_slow	somebody waits; bad use
weft__mutex_wake	somebody waits
weft__cond_wait_slow	an ordinary thread; bad use
weft__cond_signal_slow	an ordinary thread
weft__sem_acquire_slow	an ordinary thread
weft__sem_release_slow	an ordinary thread; more than one permit
weft__rwlock_read_slow		an ordinary thread; somebody writes, or waits
weft__rwlock_read_unlock_slow	an ordinary thread; somebody waits; bad use
weft__rwlock_write_slow	an ordinary thread; somebody is inside, or waits
weft__rwlock_write_unlock_slow	an ordinary thread; somebody waits; bad use
weft__block_end_slow	the token went to another M meanwhile
weft__g_end		a G with keys, a name or a lock ends
weft__timer_arm		a deadline
"
slow=$(echo "$slow" | awk 'NF { print $1 }' | tr '\n' ' ')

# graph DISASSEMBLY ROOT...
graph()
{
	file=$1
	shift
	awk -v roots="$*" -v slow="$slow" -f "$here/callgraph.awk" "$file" \
		> "$tmp/said"
}

# yield ROOT: one jump, which is the switch's; one call at most, which is what
# is owed to the G that left
yield()
{
	awk -v root="$1" '$1 == root {
		for (i = 2; i <= NF; i++) {
			if ($(i + 1) $(i + 2) ~ /^indirectcalls/) calls = $i
			if ($(i + 1) $(i + 2) ~ /^indirectjumps/) jumps = $i
		}
		exit !(jumps == 1 && calls <= 1)
	}' "$tmp/said"
}

# section STATE P DISASSEMBLY: how often in_block touches these fields of an M
section()
{
	awk -v state="$1" -v p="$2" '
	/^[0-9a-f]+ <in_block>:$/ { on = 1; next }
	/^$/ || /\tud1/ { on = 0 }
	!on || /%fs:/ || /\tlea/ || /nop/ { next }
	{
		if (p == 0) load = "[ \t,]\\(%r[a-z0-9]+\\)"
		else load = "[ \t,]0x" p "\\(%r[a-z0-9]+\\)"
		store = ",0x" state "\\(%r[a-z0-9]+\\)"
		if ($0 ~ "mov.*" store) stores++
		else if ($0 ~ load) loads++
		else if ($0 ~ /\(%r/ && $0 !~ /\(%rip\)/) others++
	}
	END {
		printf "an announced section: %d stores to m->state, " \
		       "%d loads of m->p, %d other accesses\n", stores, loads,
		       others
		exit !(stores == 2 && loads == 1 && !others)
	}' "$3"
}

exported="weft_go weft_spawn weft_join weft_yield weft_park weft_unpark
weft_block_begin weft_block_end weft__park_commit
weft_chan_send weft_chan_recv weft_mutex_lock
weft_mutex_unlock weft_cond_wait weft_cond_signal weft_sem_acquire
weft_sem_release weft_rwlock_read weft_rwlock_read_unlock weft_rwlock_write
weft_rwlock_write_unlock"
inlined="in_go in_spawn in_join in_yield in_park in_unpark in_block
in_chan_send in_chan_recv in_mutex in_cond_wait in_cond_signal in_sem_acquire
in_sem_release in_rwlock_read in_rwlock_write"

for f in probe planted; do
	objdump -d --no-show-raw-insn "$bin/$f" > "$tmp/$f" || exit 1
done
set -- $("$bin/probe")

echo 'TAP version 13'
echo 1..17
graph "$tmp/probe" $exported
result exported $?
graph "$tmp/probe" $inlined
result inlined $?

graph "$tmp/probe" weft_yield && yield weft_yield
result yield_jumps_once $?
graph "$tmp/probe" in_yield && yield in_yield
result inlined_yield_jumps_once $?

section "$1" "$2" "$tmp/probe" > "$tmp/said"
result two_stores_and_a_load $?

for root in in_go in_spawn in_join in_yield in_park in_unpark in_chan_send \
	in_chan_recv in_mutex in_sem_release; do
	graph "$tmp/planted" $root
	result "planted_in_$root" $((! $?))
done
section "$1" "$2" "$tmp/planted" > "$tmp/said"
result planted_in_in_block $((! $?))
# Nothing is found where nothing was planted.
graph "$tmp/planted" weft_go weft_yield
result planted_elsewhere $?
[ $bad = 0 ]
