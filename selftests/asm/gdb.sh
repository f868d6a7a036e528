#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# gdb.sh - gdb unwinds a G to where it began: one that runs, one that is parked
# (from the ip, sp and bp of its context), one that runs as a call of who joins
# it. The last frame is weft__g_entry, without an error.

. "${srctree:?}/selftests/asm/common.sh"
needs gdb gdb

# One P, so that the victim's Gs run in the order that they were started in.
cat > "$tmp/commands" <<'END'
set confirm off
set pagination off
set debuginfod enabled off
set breakpoint pending off
break stop_here
run
echo === running\n
backtrace
echo === parked\n
set $c = parked_g->ctx
set $rsp0 = $rsp
set $rip0 = $rip
set $rbp0 = $rbp
set $rsp = $c->sp
set $rbp = $c->bp
set $rip = $c->ip
backtrace
set $rip = $rip0
set $rsp = $rsp0
set $rbp = $rbp0
continue
echo === inline\n
backtrace
delete
continue
END
WEFT_PROCS=1 timeout -s KILL 60 gdb -nx -batch -x "$tmp/commands" \
	"$bin/victim" < /dev/null > "$tmp/said" 2>&1
if grep -q 'ptrace: Operation not permitted\|Could not trace' "$tmp/said"; then
	skip gdb 'ptrace is not permitted'
fi

# frames NAME FUNCTION...: the backtrace has these, in this order, the last of
# them at its end
frames()
{
	what=$1
	shift
	sed -n "/^=== $what\$/,/^\(===\|\$\|Continuing\|\[\)/p" "$tmp/said" |
		grep '^#' > "$tmp/bt"
	awk -v want="$*" '
	BEGIN { k = split(want, w, " "); at = 1 }
	/corrupt|not saved|\?\?/ { broken = 1 }
	{
		f = $2 ~ /^0x/ ? $4 : $2
		if (at <= k && f == w[at]) { at++; last = NR }
	}
	END { exit !(!broken && at == k + 1 && last == NR) }' "$tmp/bt"
	result "$what" $?
}

echo 'TAP version 13'
echo 1..4
frames running stop_here running_inner running_fn weft__call weft__g_main \
	weft__g_entry
frames parked parked_inner parked_outer parked_fn weft__call weft__g_main \
	weft__g_entry
frames inline stop_here running_inner inline_fn weft__call weft_join start \
	weft__g_main weft__g_entry
grep -q 'exited normally' "$tmp/said"
result runs_on $?
[ $bad = 0 ]
