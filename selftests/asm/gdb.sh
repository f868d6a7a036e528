#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# gdb.sh - gdb unwinds a G to where it began: one that runs, one that is parked
# (from the ip, sp and bp of its context), one that runs as a call of who joins
# it. The last frame is weft__g_entry, without an error.

bin=${objtree:?}/selftests/asm/victim
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

skip()
{
	printf 'TAP version 13\n1..1\nok 1 gdb # SKIP %s\n' "$1"
	exit 0
}

[ "$(uname -m)" = x86_64 ] || skip 'x86-64 only'
command -v gdb >/dev/null || skip 'gdb is missing'
grep -q '^CONFIG_CONTEXT_ASM := y' "$objtree/include/generated/auto.conf" ||
	skip 'generic contexts keep no frame information of ours'

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
WEFT_PROCS=1 timeout -s KILL 60 gdb -nx -batch -x "$tmp/commands" "$bin" \
	< /dev/null > "$tmp/out" 2>&1
if grep -q 'ptrace: Operation not permitted\|Could not trace' "$tmp/out"; then
	skip 'ptrace is not permitted'
fi

n=0 bad=0
# frames NAME FUNCTION...: the backtrace has these, in this order, the last of
# them at its end
frames()
{
	n=$((n + 1))
	what=$1
	shift
	sed -n "/^=== $what\$/,/^\(===\|\$\|Continuing\|\[\)/p" "$tmp/out" |
		grep '^#' > "$tmp/bt"
	if awk -v want="$*" '
	BEGIN { k = split(want, w, " "); at = 1 }
	/corrupt|not saved|\?\?/ { broken = 1 }
	{
		f = $2 ~ /^0x/ ? $4 : $2
		if (at <= k && f == w[at]) { at++; last = NR }
	}
	END { exit !(!broken && at == k + 1 && last == NR) }' "$tmp/bt"; then
		echo "ok $n $what"
	else
		sed 's/^/# /' "$tmp/out"
		echo "not ok $n $what"
		bad=1
	fi
}

echo 'TAP version 13'
echo 1..4
frames running stop_here running_inner running_fn weft__call weft__g_main \
	weft__g_entry
frames parked parked_inner parked_outer parked_fn weft__call weft__g_main \
	weft__g_entry
frames inline stop_here running_inner inline_fn weft__call weft_join start \
	weft__g_main weft__g_entry
n=$((n + 1))
if grep -q 'exited normally' "$tmp/out"; then
	echo "ok $n runs_on"
else
	sed 's/^/# /' "$tmp/out"
	echo "not ok $n runs_on"
	bad=1
fi
[ $bad = 0 ]
