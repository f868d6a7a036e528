#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# compare.sh - weft-bench compare: what it calls slower, what lies within the
# band, which direction is the good one, what it says about files that are not
# what they should be; and that a run is the same as itself.

bench=${objtree:-../..}/kernel-bench/weft-bench
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
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

# status WANT NAME ARGUMENT...: compare exits so; its output is in $out
status()
{
	want=$1
	name=$2
	shift 2
	out=$(cd "$tmp" && "$bench" compare "$@" 2>&1)
	[ $? -eq "$want" ]
	result $? "$name"
}

# says NAME TEXT: the last output has it, blanks in a row as one
says()
{
	case $(printf '%s' "$out" | tr -s ' ') in
	*"$2"*) result 0 "$1" ;;
	*) result 1 "$1" ;;
	esac
}

# cell BENCH IMPL PROCS UNIT SAMPLE...: one result; the third is the median
cell()
{
	printf '{"bench": "%s", "impl": "%s", "procs": %s, "unit": "%s", ' \
		"$1" "$2" "$3" "$4"
	shift 4
	printf '"median": %s, "samples": [%s' "$3" "$1"
	shift
	[ $# = 0 ] || printf ', %s' "$@"
	printf ']}'
}

# file NAME CELL...
file()
{
	name=$1
	shift
	{
		printf '[%s' "$1"
		shift
		[ $# = 0 ] || printf ',\n%s' "$@"
		echo ']'
	} > "$tmp/$name"
}

echo 'TAP version 13'
echo 1..40

lock=$(cell prim_lock host 1 ns 2 2 2 2 2)
yield=$(cell yield_g64 weft 1 ns 4.9 4.9 5 5.1 5.1)
twice=$(cell yield_g64 weft 1 ns 9.9 9.9 10 10.1 10.1)
few=$(cell yield_g64 weft 1 ns 4.5 5.1 5.1 5.6)
loud=$(cell yield_g64 weft 1 ns 5 5 6 7 7)
once=$(cell yield_g64 weft 1 ns 5 5 5.1 5.2 50)
fib=$(cell fib weft 2 ns 7 7 7 7 7)
good=$(cell block8 weft 2 percent 97 97 98 98 98)
bad=$(cell block8 weft 2 percent 40 40 41 41 41)
none='{"bench": "fib", "impl": "weft", "procs": 2, "unit": "ns",
"median": null, "error": "killed after 120 s"}'

file old "$lock" "$yield" "$fib"
file twice "$lock" "$twice" "$fib"
status 0 "a file is the same as itself" old old
says "and says so" "2 same, 0 faster, 0 slower"
status 1 "twice as slow fails" old twice
says "with its ratio and band" \
	"yield_g64 weft 1P 5.00 ns 10.0 ns 2.00 6 % slower"
status 0 "twice as fast does not" twice old
says "and is called faster" "0.50 6 % faster"
status 0 "--threshold widens the band" --threshold 150 old twice
status 0 "--bench narrows the rows" --bench fib old twice
status 0 "--impl narrows them, too" --impl weft old old

file loud "$loud"
file few "$few"
file once "$once"
file yield "$yield"
status 0 "a difference within the band is none" yield loud
says "the band is that of both sides" "1.20 37 % same"
status 0 "few runs: the band is all their width" few yield
says "from min to max" "0.98 26 % same"
status 0 "one run that was hit does not widen it" yield once
says "much" "1.02 8 % same"

file good "$good"
file bad "$bad"
status 1 "fewer percent of block8 fails" good bad
status 0 "more does not" bad good
says "and is called faster, as well" "2.39 5 % faster"

# busy BUSY BENCH: 2 P, seen on 2 CPUs, of which it kept BUSY busy
busy()
{
	printf '{"bench": "%s", "impl": "weft", "procs": 2, "unit": "ns", ' "$2"
	printf '"median": 7, "cpus_used": 2, "cpus_busy": %s}' "$1"
}
file busy "$(busy 1.6 fib)" "$(busy 1.9 mem)"
file lazy "$(busy 1.4 fib)" "$(busy 0.4 mem)"
status 0 "CPUs that were left idle are no failure" busy lazy
says "but are marked, in a row that fills its processors" \
	"fib weft 2P 7.00 ns 7.00 ns 1.00 5 % same *"
says "and in no other" "mem weft 2P 7.00 ns 7.00 ns 1.00 5 % same
"

file slowhost "$(cell prim_lock host 1 ns 4 4 4 4 4)" "$twice" "$fib"
status 1 "a slower machine excuses nothing" old slowhost
says "but is named" "no absolute comparison is fair: prim_lock 2.00"

file half "$lock" "$yield"
status 0 "a row that one file lacks is no failure" old half
says "and is named" "only in old: fib weft 2P"
status 0 "nor one that came anew" half old
says "and is named, too" "only in old: fib weft 2P"
file broken "$lock" "$yield" "$none"
status 0 "nor one that could not be measured" old broken
says "and is named with the reason" "2P; else: killed after 120 s"

status 2 "nothing in common is a mistake" bad few
status 2 "a row that nobody has is a mistake" --bench fibb old old
status 2 "one file is a mistake" old
status 2 "a file that is not there is named" old "nowhere"
says "with the reason" "nowhere: No such file"
head -n 2 "$tmp/old" > "$tmp/cut"
status 2 "a file cut short is refused" old cut
says "with the place" "cut:3: not JSON"
file odd "$lock" '{"bench": "fib", "impl": "weft", "unit": "ns", "procs": 1}'
status 2 "a result without a median is refused" odd old
says "with its number" "odd: result 2: \"median\""
file double "$lock" "$lock"
status 2 "a result that is there twice is refused" old double

"$bench" run --quick --bench yield_g64 --impl weft --procs 1 --runs 1 \
	--json "$tmp/real" > /dev/null 2>&1
status 0 "a real run is the same as itself" real real
exit $failed
