#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# modes: all
#
# The tables of Documentation/moving.md do what they say.
#
# Each row names a block, each block belongs to a row, and uses every call that
# the row has. All blocks are one program, which runs them one after the other
# and names each when it is done.

src=${SRC:-$srctree}
. "$src/selftests/examples/common.sh"
page=$src/Documentation/moving.md

# rows: "BLOCK CALL..." of each
rows()
{
	awk -F ' *[|] *' '
		/^\|/ && $2 != "Go" && $2 != "pthreads" && !/^\|---/ {
			gsub(/[`,]/, "", $3)
			print $5, $3
		}' "$page"
}

# blocks WHERE: those that run in a G, or from main
blocks()
{
	sed -n "s/^### \\([a-z_]*\\)$1\$/\\1/p" "$page"
}

# block NAME: its text
block()
{
	awk -v name="$1" '
		/^### / { mine = $2 == name }
		/^```$/ { text = 0 }
		mine && text
		/^```c$/ { text = 1 }' "$page"
}

program()
{
	echo '#undef NDEBUG'
	awk '/^```$/ { text = 0 } text; /^```c start$/ { text = 1 }' "$page"
	for name in $names; do
		block "$name"
	done
	cat <<-END
	static void done(const char *name)
	{
		puts(name);
		fflush(stdout);
	}

	static int in_g(void *arg)
	{
		(void)arg;
	$(blocks '' | sed 's/.*/	&(), done("&");/')
		return 0;
	}

	int main(void)
	{
	$(blocks ' (from main)' | sed 's/.*/	&(), done("&");/')
		return weft_run(in_g, NULL);
	}
	END
}

build()
{
	program >"$dir/prog.c"
	${CC:-cc} -std=gnu11 -O1 -Wall -Wextra -Werror -I"$src/include" \
		-o "$dir/prog" "$dir/prog.c" "$@" >"$dir/log" 2>&1
}

lib=$(find "$O" -maxdepth 1 -name libweft.so)
names="$(blocks '') $(blocks ' (from main)')"
set -- $names
echo 'TAP version 13'
echo "1..$(($# + 3))"

rows | sed -e '/^- none$/d' -e 's/ .*//' | sort >"$dir/rows"
printf '%s\n' "$@" | sort >"$dir/blocks"
[ $# -gt 0 ] && diff "$dir/rows" "$dir/blocks" >"$dir/log" 2>&1
result 'each row has a block, and each block a row'

rows | sed '/^- none$/d' | while read -r name calls; do
	for call in $calls; do
		block "$name" | grep -qw "$call" || echo "$name: no $call"
	done
done >"$dir/log"
test ! -s "$dir/log"
result 'each block uses the calls of its row'

if [ -z "$lib" ]; then
	build -fsyntax-only
	result 'the blocks compile'
	for name; do
		n=$((n + 1))
		echo "ok $n $name # SKIP no shared library"
	done
	exit $status
fi
build "$lib" -Wl,-rpath,"${lib%/*}" -pthread
result 'the blocks compile'
"$dir/prog" </dev/null >"$dir/out" 2>"$dir/log"
ended=$?
for name; do
	grep -qx "$name" "$dir/out"
	result "$name"
	[ $status -eq 0 ] || : >"$dir/log"	# said once
done
if [ $ended -ne 0 ]; then
	echo "# the program ended with $ended"
	status=1
fi
exit $status
