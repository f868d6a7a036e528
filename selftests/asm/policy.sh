#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# policy.sh - what a program without a policy executes knows of none, in the
# disassembly: no fast path reaches a function of a policy, and neither they nor
# the slow paths make an indirect call, but for the one to what is owed to the G
# that left (finish() in core/fast.h). All others are in functions of a policy,
# behind one compare.

. "${srctree:?}/selftests/asm/common.sh"
needs policy objdump

# The slow paths where a policy may be asked
asks="weft__push_slow weft__pop_slow weft__tick weft__ready_idle weft__gq_put
weft__relocate weft__wake_one weft__any_work weft__find_work"
fast="weft_go weft_spawn weft_unpark weft_block_begin weft_block_end in_go
in_spawn in_unpark in_block"
switch="weft_yield weft_join weft_park in_yield in_join in_park"

objdump -d --no-show-raw-insn "$bin/probe" > "$tmp/probe" || exit 1
slow="$asks weft__want_slow weft__prepare weft__g_alloc_slow weft__g_flush
weft__id_block weft__spawn_slow weft__spawn_attr weft__join_slow
weft__yield_slow weft__unpark_slow weft__park_slow weft__bias_cas_slow
weft__block_end_slow weft__timer_arm"
policy=$(awk '/^[0-9a-f]+ <weft__policy_[a-z_]*>:$/ {
	gsub(/[<>:]/, "", $2); print $2 }' "$tmp/probe")

# reach CUT ROOT...: what is reached, and its indirect calls; not through CUT
reach()
{
	cut=$(echo "$1" | tr '\n' ' ')
	shift
	awk -v roots="$*" -v slow="$cut" -v list_all=1 \
		-f "$here/callgraph.awk" "$tmp/probe" |
		awk '$1 == "reached"' | sort -u > "$tmp/reached"
	[ -s "$tmp/reached" ]
}

# calls MOST: no reached function has more indirect calls than that
calls()
{
	awk -v most="$1" '$3 > most' "$tmp/reached" > "$tmp/said"
	[ ! -s "$tmp/said" ]
}

# strangers: a function of a policy was reached
strangers()
{
	grep 'weft__policy' "$tmp/reached" > "$tmp/said"
}

echo 'TAP version 13'
echo 1..7
reach "$slow" $fast && calls 0
result fast_paths_make_no_indirect_call $?
reach "$slow" $switch && calls 1
result switches_make_the_one_that_is_owed $?
reach "$slow" $fast $switch && ! strangers
result fast_paths_reach_no_policy $?
reach "$policy" $asks && calls 0
result slow_paths_make_none_without_a_policy $?
reach "$policy" weft__m_loop && calls 1
result nor_does_the_loop_of_an_m $?
# What is looked for is there, behind the functions of a policy.
reach nothing weft__policy_push && ! calls 0
result planted_in_policy_push $?
reach nothing weft__pop_slow && strangers
result planted_in_pop_slow $?
[ $bad = 0 ]
