#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# topo.sh - weft-topo says what is off and why, refuses what it does not know,
# and does not claim success when it could not write.
#
# usage: topo.sh [path of weft-topo]; else what was built in $objtree

topo=${1:-${objtree:-../..}/tools/weft-topo}
unset WEFT_PROCS WEFT_STACK WEFT_MAX_M WEFT_BIND WEFT_FPENV WEFT_SPIN \
	WEFT_CLOCK WEFT_SYSMON WEFT_BLOCK_DETECT WEFT_PREEMPT_SIGNAL WEFT_RSEQ \
	WEFT_MEMBARRIER WEFT_MEMBARRIER_US WEFT_GUARD WEFT_NUMA \
	WEFT_FAKE_NODES WEFT_HINTS WEFT_POLICY WEFT_DEBUG
n=0
failed=0

# result STATUS NAME
result()
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		printf '%s\n' "$out" | sed 's/^/# /'
		failed=1
	fi
}

# status WANT NAME COMMAND...: it exits so; its output is in $out
status()
{
	want=$1
	name=$2
	shift 2
	out=$("$@" 2>&1)
	[ $? -eq "$want" ]
	result $? "$name"
}

# says NAME TEXT: the last output has it
says()
{
	case $out in
	*"$2"*) result 0 "$1" ;;
	*) result 1 "$1" ;;
	esac
}

to_nowhere()
{
	"$topo" "$@" >&-
}

to_full()
{
	"$topo" "$@" >/dev/full
}

echo "TAP version 13"
if ! command -v "$topo" >/dev/null; then
	echo "1..0 # SKIP no $topo"
	exit 4
fi
echo "1..32"

status 0 "runs" "$topo"
says "names the processors" "processors: "
says "names the features" "membarrier_rseq"
says "has prices" "membarrier_busy"
says "tells of BPF" "tells blocked Ms by a load"
status 0 "--help works" "$topo" --help
says "--help has the usage" "usage: weft-topo"
says "--help has the settings" "WEFT_PROCS: a number from 1 to 4096"
status 0 "--json works" "$topo" --json
says "--json is an object" '"prices_ns": {'
status 2 "an unknown option is refused" "$topo" --jsn
says "and named" "'--jsn'"
status 2 "an operand is refused" "$topo" --json x
says "and named, too" "'x'"
status 2 "a bad value is refused" env WEFT_PROCS=zero "$topo"
says "with its line" 'WEFT_PROCS="zero": not a number from 1 to 4096'
status 2 "an unknown variable is refused" env WEFT_PROC=1 "$topo"
says "and named, as well" "weft: WEFT_PROC=1: no such setting"
status 0 "runs with rseq and membarrier off" \
	env WEFT_RSEQ=off WEFT_MEMBARRIER=off "$topo"
says "says who turned rseq off" "turned off by WEFT_RSEQ=off"
says "says who turned membarrier off" "turned off by WEFT_MEMBARRIER=off"
status 0 "runs where membarrier is dear" env WEFT_MEMBARRIER_US=0 "$topo"
if WEFT_MEMBARRIER=on "$topo" >/dev/null 2>&1; then
	says "says what it costs" "off: membarrier is dear: "
else
	says "says that there is none" "off: "
fi
status 0 "runs where glibc has no rseq" \
	env GLIBC_TUNABLES=glibc.pthread.rseq=0 "$topo"
says "says so" "off: glibc"
status 2 "does not start without what must be on" \
	env WEFT_RSEQ=on GLIBC_TUNABLES=glibc.pthread.rseq=0 "$topo"
status 0 "runs with hints off" env WEFT_HINTS=off "$topo"
says "says who turned hints off" "turned off by WEFT_HINTS=off"
WEFT_BLOCK_DETECT=sysmon
export WEFT_BLOCK_DETECT
out=$("$topo" --json)
says "says who turned BPF off" \
	'"bpf": {"on": false, "why": "turned off by WEFT_BLOCK_DETECT"}'
unset WEFT_BLOCK_DETECT
status 0 "runs with fake nodes" env WEFT_FAKE_NODES=2 "$topo"
status 1 "fails if stdout is closed" to_nowhere
status 1 "fails if stdout is full" to_full --json
exit $failed
