#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The SYNOPSIS of each man page has the prototypes that the headers have: the
# type, each argument's type and name.

src=${SRC:-$srctree}
. "$src/selftests/examples/common.sh"

# One blank between words, none beside brackets, stars and commas.
tidy()
{
	sed -e 's/__attribute__((.*$//' -e 's/[[:space:]][[:space:]]*/ /g' \
		-e 's/ *\([*(),]\) */\1/g' -e 's/^ //' -e 's/[ ;]*$//' \
		-e 's/^\(weft_noreturn\|_Noreturn\) //'
}

# Declarations may stand on several lines, up to the semicolon.
declared()
{
	awk '
		/^[a-z_].*[ *]weft_[a-z][a-z_]*\(/ && !/^typedef/ { on = 1 }
		on { text = text " " $0 }
		on && /;$/ { print text; text = ""; on = 0 }
	' "$src"/include/weft/*.h | tidy | sort
}

# .Ft TYPE, .Fn NAME "ARG" ...; or .Fo NAME, .Fa "ARG" ..., .Fc
documented()
{
	cat "$src"/Documentation/man/*.3 | awk '
		# the next word, which may be quoted, off the front of line
		function word(w) {
			sub(/^ +/, "", line)
			if (line ~ /^"/) {
				line = substr(line, 2)
				w = line
				sub(/".*/, "", w)
				line = substr(line, length(w) + 2)
			} else {
				w = line
				sub(/ .*/, "", w)
				line = substr(line, length(w) + 1)
			}
			return w
		}
		function args(text, sep) {
			while (line ~ /[^ ]/) {
				text = text sep word()
				sep = ", "
			}
			return text
		}
		/^\.Sh / { synopsis = $2 == "SYNOPSIS" }
		!synopsis { next }
		/^\.Ft / { type = substr($0, 5); gsub(/"/, "", type) }
		/^\.Fn / {
			line = substr($0, 5)
			name = word()
			print type " " name "(" args() ")"
		}
		/^\.Fo / { fn = $2; list = sep = "" }
		/^\.Fa / { line = substr($0, 5); list = list sep args(); sep = ", " }
		/^\.Fc/ { print type " " fn "(" list ")" }
	' | tidy | grep '[ *]weft_[a-z_]*(' | sort	# no macros
}

echo 'TAP version 13'
echo 1..2

declared >"$dir/declared"
documented >"$dir/documented"
test -s "$dir/declared" &&
	diff "$dir/declared" "$dir/documented" >"$dir/log" 2>&1
result 'prototypes of headers and pages are equal'

# What is exported, so that no declaration is overlooked here.
lib=$(find "$O" -maxdepth 1 -name libweft.so)
if [ -z "$lib" ]; then
	echo 'ok 2 each exported function has one # SKIP no shared library'
	exit $status
fi
nm -D --defined-only "$lib" |
	sed -n 's/.* T \(weft_[a-z][a-z_]*\)\(@.*\)*$/\1/p' | sort >"$dir/lib"
sed 's/(.*//; s/.*[ *]//' "$dir/declared" | sort |
	comm -23 "$dir/lib" - >"$dir/log" 2>&1
test -s "$dir/lib" && test ! -s "$dir/log"
result 'each exported function has one'
exit $status
