# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts of this folder begin with: they look at programs of ours
# with a tool, on x86-64, where contexts are ours as well. $here has the
# sources, $bin the programs, $tmp is a folder that goes at the end.

here=${srctree:?}/selftests/asm
bin=${objtree:?}/selftests/asm
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0

# skip NAME WHY: all of it
skip()
{
	printf 'TAP version 13\n1..1\nok 1 %s # SKIP %s\n' "$1" "$2"
	exit 0
}

# needs NAME TOOL
needs()
{
	[ "$(uname -m)" = x86_64 ] || skip "$1" 'x86-64 only'
	command -v "$2" > /dev/null || skip "$1" "$2 is missing"
	grep -q '^CONFIG_CONTEXT_ASM := y' \
		"$objtree/include/generated/auto.conf" ||
		skip "$1" 'contexts are those of the C library'
}

# result NAME STATUS: what was said is in $tmp/said
result()
{
	n=$((n + 1))
	sed 's/^/# /' "$tmp/said"
	if [ "$2" = 0 ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		bad=1
	fi
}
