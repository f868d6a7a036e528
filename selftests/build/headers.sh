#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Each public header compiles alone, as a program's first and only one: as C11
# without extensions of ours switched on, as gnu11, and as C++; with all warnings
# as errors, and from the tree as it is installed.

. "${srctree:-../..}/selftests/build/cases.sh"

cc=${CC:-gcc}
case $cc in
*clang*)
	cxx=clang++ ;;
*)
	cxx=g++ ;;
esac
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
make -s -C "$srctree" O="$tmp/o" DESTDIR="$tmp" PREFIX=/usr headers_install \
	> "$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
cd "$tmp/usr/include" || exit 1
set -- weft/*.h
[ -e "$1" ] || { echo "no public header yet"; exit 4; }

# compiles COMPILER LANGUAGE HEADER FLAGS
compiles()
{
	compiler=$1 language=$2 header=$3
	shift 3
	if ! command -v "${compiler%% *}" > /dev/null; then
		verdict 4 "$header as $language ($compiler is not there)"
		return
	fi
	echo "#include <$header>" |
		$compiler -x "${language%%-*}" "$@" -Wall -Wextra -Werror \
			-I. -fsyntax-only -
	verdict $? "$header as $language"
}

plan $(($# * 4))
for h; do
	compiles "$cc" c "$h" -std=gnu11 -Wstrict-prototypes
	compiles "$cc" c-11 "$h" -std=c11 -pedantic
	compiles "$cxx" c++ "$h" -std=gnu++17
	compiles "$cxx" c++-11 "$h" -std=c++11
done
[ $failures = 0 ]
