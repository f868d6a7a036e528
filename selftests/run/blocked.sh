#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# weft-blocked shows what a running program has counted, and starts one that
# counts.

tool=$objtree/tools/weft-blocked
sleeper=$objtree/selftests/run/sleeper
tmp=$(mktemp -d) || exit 4
trap 'rm -rf "$tmp"' EXIT
n=0
status=0

# result NAME CONDITION...
result()
{
	name=$1
	n=$((n + 1))
	shift
	if "$@"; then
		echo "ok $n $name"
		return
	fi
	status=1
	echo "not ok $n $name"
	sed 's/^/# /' "$tmp/out" "$tmp/err"
}

# refused STATUS TEXT ARGUMENT...
refused()
{
	want=$1 text=$2
	shift 2
	"$tool" "$@" > "$tmp/out" 2> "$tmp/err"
	[ $? = "$want" ] && grep -q -- "$text" "$tmp/err"
}

# shown PID: within ten seconds
shown()
{
	for i in $(seq 100); do
		"$tool" "$1" > "$tmp/out" 2>> "$tmp/err"
		! grep -q ' clock_nanosleep ' "$tmp/out" || return 0
		sleep 0.1
	done
	return 1
}

: > "$tmp/out"
: > "$tmp/err"
mkfifo "$tmp/in"
result "no argument" refused 2 usage
result "no number" refused 2 usage 12x
result "no interval" refused 2 usage -i 0 12
result "no process" refused 1 4194303 4194303
result "a process that does not count" refused 1 WEFT_DEBUG=blocked $$

"$tool" -- "$sleeper" < "$tmp/in" > "$tmp/said" 2>&1 &
pid=$!
exec 3> "$tmp/in"
result "it becomes the program, and shows what that counts" shown $pid
exec 3>&-
wait $pid
result "the program ends as it would" [ $? = 0 ]
cp "$tmp/said" "$tmp/out"
result "and reports" grep -q 'clock_nanosleep .*; runs ' "$tmp/said"

# A setting that is there is kept.
WEFT_DEBUG=stats "$tool" -- "$sleeper" < /dev/null > "$tmp/out" 2>&1
result "with other settings" grep -q 'weft: spawned ' "$tmp/out"
WEFT_DEBUG= "$tool" -- "$sleeper" < /dev/null > "$tmp/out" 2>&1
result "with an empty one" grep -q 'weft: blocked calls' "$tmp/out"
"$tool" -- no-such-program > "$tmp/out" 2>&1
result "no such program" [ $? = 127 ]
echo "1..$n"
exit $status
