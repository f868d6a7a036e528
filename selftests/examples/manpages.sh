#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The man pages agree with the headers, and their examples work.
#
# Each function of a page is in a header and the reverse, and has an installed
# page of its name; a literal block that begins with #include is a program, which
# compiles without a warning, runs and ends with status 0; and groff has nothing
# to say.

src=${SRC:-$srctree}
. "$src/selftests/examples/common.sh"
man=$src/Documentation/man

skip()
{
	n=$((n + 1))
	echo "ok $n $1 # SKIP $2"
}

documented()
{
	sed -n 's/^\.Fn \(weft_[a-z_]*\) .*/\1/p' "$man"/*.3 | sort -u
}

# What is followed by a bracket at the start of a declaration.
declared()
{
	grep -hE '^[a-z].*\<weft_[a-z][a-z_]*\(' "$src"/include/weft/*.h |
		grep -v typedef |
		sed 's/.*\<\(weft_[a-z][a-z_]*\)(.*/\1/' | sort -u
}

# What the shared library gives to programs, but for inlined calls' slow paths
exported()
{
	nm -D --defined-only "$lib" | sed -n 's/.* T \(weft_[a-z][a-z_]*\).*/\1/p'
}

# example PAGE: the program in it
example()
{
	awk '/^\.Bd -literal$/ { block = 1; next }
	     /^\.Ed/ { block = program = 0 }
	     block && /^#include/ { program = 1 }
	     { if (program) print; else block = 0 }' "$1" |
		sed -e 's/\\e/\\/g' -e 's/^\\&//'
}

build()
{
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -I"$src/include" \
		-o "$dir/prog" "$dir/prog.c" "$@" >"$dir/log" 2>&1
}

lib=$(find "$O" -maxdepth 1 -name libweft.so)
pages=$(grep -l '^#include' "$man"/*.[37])
echo 'TAP version 13'
echo "1..$(($(echo "$pages" | wc -l) + 4))"

documented >"$dir/documented"
declared >"$dir/declared"
test -s "$dir/declared" &&
	diff "$dir/declared" "$dir/documented" >"$dir/log" 2>&1
result 'pages and headers name the same functions'

sh "$src/scripts/manuals" install "$dir/man" "$man"/*.[137] >"$dir/log" 2>&1
{ [ -z "$lib" ] || exported; cat "$dir/declared"; } | while read -r name; do
	test -s "$dir/man/man3/$name.3" || echo "no page $name(3)"
done >>"$dir/log"
test ! -s "$dir/log"
result 'each function has a page of its name'

sh "$src/scripts/manuals" uninstall "$dir/man" "$man"/*.[137] &&
	find "$dir/man" ! -type d >"$dir/log" && test ! -s "$dir/log"
result 'nothing of them is left behind'

if command -v groff >/dev/null; then
	groff -mdoc -ww -z -Tutf8 "$man"/*.[137] >"$dir/log" 2>&1 &&
		test ! -s "$dir/log"
	result 'groff has no warning'
else
	skip 'groff has no warning' 'no groff'
fi

for page in $pages; do
	name="example of ${page##*/}"
	example "$page" >"$dir/prog.c"
	if [ -z "$lib" ]; then
		build -fsyntax-only
	else
		build "$lib" -Wl,-rpath,"${lib%/*}" &&
			"$dir/prog" </dev/null >"$dir/log" 2>&1
	fi
	result "$name"
done
exit $status
