#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# modes: all
#
# The small examples print what their first comment says.
#
# lines is fed through a FIFO that gets its first byte only after the other G
# has reported that it runs: with one processor that needs the processor to
# leave the kernel thread that sits in read().

dir=$(mktemp -d) || exit 4
trap 'rm -rf "$dir"' EXIT
ex=$O/examples
n=0
failed=0

# same NAME EXPECTED GOT
same()
{
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		echo "# expected: $2"
		echo "# got: $3"
		failed=1
	fi
}

# read_while_another_runs: what lines prints, and its status
read_while_another_runs()
{
	mkfifo "$dir/in" || return
	WEFT_PROCS=1 "$ex/lines" <"$dir/in" >"$dir/out" 2>"$dir/err" &
	exec 3>"$dir/in"
	tries=0
	until grep -q 'waiting for input' "$dir/err"; do
		tries=$((tries + 1))
		if [ $tries -gt 300 ]; then
			echo 'the other G did not run in 30 s:'
			break
		fi
		sleep 0.1
	done
	printf 'one\ntwo\n' >&3
	exec 3>&-
	wait $!
	echo "$? $(cat "$dir/out")"
}

echo 'TAP version 13'
echo '1..6'
same hello '0 hello, world' "$(out=$("$ex/hello"); echo "$? $out")"
same map "0 10 4
1000 168
0 0
100000 9592" "$(out=$("$ex/map" 10 1000 0 100000); echo "$? $out")"
same map_of_nothing '0 ' "$(out=$("$ex/map"); echo "$? $out")"
same event '0 the answer is 42' "$(out=$("$ex/event"); echo "$? $out")"
same lines '0 2 lines' "$(read_while_another_runs)"
same lines_read_error '1 ' "$(out=$("$ex/lines" 2>/dev/null <"$dir"); echo "$? $out")"
exit $failed
