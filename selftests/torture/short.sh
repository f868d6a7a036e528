#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# short.sh - the torture test for some seconds with 1, 2 and 3 Ps, the last on
# more Ps than this machine may have CPUs. Seeds are printed: a failing line can
# be run again as it stands. `make torture` is the long form.
#
# modes: all; timeout: 120

torture=${objtree:?}/selftests/torture/torture
n=0 bad=0

# try NAME ARGUMENTS
try()
{
	n=$((n + 1))
	name=$1
	shift
	if out=$("$torture" "$@" 2>&1); then
		result=ok
	else
		result='not ok'
		bad=$((bad + 1))
	fi
	echo "$out" | head -n 100 | sed 's/^/# /'
	echo "$result $n $name"
}

echo 'TAP version 13'
echo 1..4
try one_p --procs 1 --seconds 4
try two_ps --procs 2 --seconds 4
WEFT_DEBUG=oversubscribe try three_ps --procs 3 --seconds 4
# Few Gs: tokens fall idle and wake all the time.
try few_gs --procs 2 --gs 4 --seconds 4
[ $bad = 0 ]
