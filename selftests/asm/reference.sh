# SPDX-License-Identifier: GPL-2.0-only
#
# For tests that compare counts with reference.txt, whose lines are a
# name, a compiler and one or more counts. A count above its reference fails;
# one below is noted. There is no tolerance: the counts are exact, and who makes
# a path longer says so by a change of that file. Sourced after common.sh.

compiler=gcc-$(${CC:-gcc} -dumpversion)

# reference_skip NAME TOOL: end here if these counts cannot be compared
reference_skip()
{
	needs "$1" "$2"
	why=
	${CC:-gcc} --version 2>&1 | grep -qi 'free software' ||
		why='the references are of gcc'
	[ -n "$why" ] || grep -q " $compiler " "$here/reference.txt" ||
		why="no references of $compiler"
	grep -qE ' -O2( -g)?( -Werror)? -c ' "$bin/.probe.o.cmd" ||
		why='the references are of CFLAGS="-O2 -g"'
	[ -z "$why" ] || skip "$1" "$why"
}

# reference FILE NAME COUNT...: 0 if none is above; says what differs
reference()
{
	file=$1
	shift
	awk -v got="$*" -v compiler="$compiler" '
	BEGIN { n = split(got, count, " ") }
	$1 != count[1] || $2 != compiler { next }
	{
		found = 1
		for (i = 2; i <= n; i++)
			if (count[i] > $(i + 1))
				bad = 1
			else if (count[i] < $(i + 1))
				better = 1
	}
	END {
		if (!found)
			print "no reference: " got
		else if (bad)
			print "above the reference: " got
		else if (better)
			print "better, lower the reference: " got
		exit !found || bad
	}' "$file"
}
