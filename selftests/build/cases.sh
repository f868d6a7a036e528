# SPDX-License-Identifier: GPL-2.0-only
#
# For self-tests that are scripts: plan N, then verdict STATUS NAME for each
# case, then end with [ $failures = 0 ].

: "${srctree:=$(cd ../.. && pwd)}"
: "${objtree:=$srctree}"
case_number=0
failures=0

plan()
{
	echo "TAP version 13"
	echo "1..$1"
}

verdict()
{
	case_number=$((case_number + 1))
	case $1 in
	0)
		echo "ok $case_number $2" ;;
	4)
		echo "ok $case_number $2 # SKIP" ;;
	*)
		echo "not ok $case_number $2"
		failures=$((failures + 1)) ;;
	esac
}
