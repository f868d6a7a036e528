#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# weft-bpf says why it cannot, becomes the program that it is to start, and
# leaves nothing behind; make bpf does without what is missing.

bpf=$objtree/tools/bpf/weft-bpf
tmp=$(mktemp -d) || exit 4
trap 'rm -rf "$tmp"' EXIT
n=0
status=0

ok()
{
	n=$((n + 1))
	echo "ok $n $1"
}

bad()
{
	n=$((n + 1))
	status=1
	echo "not ok $n $1"
	sed 's/^/# /' "$tmp/out"
}

skip()
{
	n=$((n + 1))
	echo "ok $n $1 # SKIP $2"
}

# says NAME STATUS TEXT COMMAND...
says()
{
	name=$1 want=$2 text=$3
	shift 3
	"$@" > "$tmp/out" 2>&1
	got=$?
	if [ $got = "$want" ] && grep -qF -e "$text" "$tmp/out"; then
		ok "$name"
	else
		echo "status $got, not $want; or not: $text" >> "$tmp/out"
		bad "$name"
	fi
}

says "make bpf without clang skips" 0 "SKIP    tools/bpf: no clang" \
	make -C "$srctree" O="$tmp" bpf CLANG_BPF=no-such-clang CC=false-cc \
	-o lib
[ ! -e "$tmp/tools/bpf/weft-bpf" ] || bad "it built something"

if [ ! -x "$bpf" ]; then
	skip "weft-bpf" "make bpf has built nothing"
	echo "1..$n"
	exit $status
fi

says "no argument" 2 usage: "$bpf"
says "no process" 2 usage: "$bpf" -p 0
says "slots that are no power of two" 2 usage: "$bpf" -n 1000 -p 1
says "a process and a program" 2 usage: "$bpf" -p 1 -- true
says "help" 0 usage: "$bpf" --help

if [ "$(id -u)" != 0 ]; then
	skip "the rest" "needs root"
	echo "1..$n"
	exit $status
fi
as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
if $as_nobody true 2> /dev/null; then
	cp "$bpf" "$tmp/weft-bpf"
	chmod 755 "$tmp"
	says "without privileges" 1 CAP_BPF $as_nobody "$tmp/weft-bpf" --check
else
	skip "without privileges" "no setpriv"
fi
if unshare -pf --mount-proc true 2> /dev/null; then
	says "in a container" 1 "run it on the host" \
		unshare -pf --mount-proc "$bpf" --check
	says "without BTF" 1 CONFIG_DEBUG_INFO_BTF unshare -m sh -c \
		'mount -t tmpfs none /sys/kernel && exec "$0" --check' "$bpf"
else
	skip "in a container" "no namespaces"
	skip "without BTF" "no namespaces"
fi
if ! "$bpf" --check > "$tmp/out" 2>&1; then
	skip "with a program" "$(head -n 1 "$tmp/out")"
	echo "1..$n"
	exit $status
fi

says "no such process" 1 "process 4194303" "$bpf" -p 4194303
says "no such program" 127 no-such-program "$bpf" -- no-such-program
says "its status is the program's" 7 one "$bpf" -- sh -c 'echo one; exit 7'

# It becomes the program: the same number, and no child that it knows not of.
sh -c 'echo $$; exec "$0" -- sh -c "
	echo \$\$; read -r c < /proc/\$\$/task/\$\$/children; echo children \$c"' \
	"$bpf" > "$tmp/out" 2>&1
{ read -r before; read -r after; read -r children; } < "$tmp/out"
if [ "$before" = "$after" ] && [ "$children" = children ]; then
	ok "its number, and no child"
else
	bad "its number, and no child"
fi

# Who serves it waits to be asked; when the program has ended, so does that.
i=0
while [ -e "/run/weft-bpf/$before" ] && [ $i -lt 100 ]; do
	sleep 0.1
	i=$((i + 1))
done
if [ $i -lt 100 ]; then ok "nothing left"; else bad "nothing left"; fi

# A process of a container, which knows its threads by other numbers
if unshare -pf --mount-proc true 2> /dev/null; then
	unshare -pf --mount-proc "$objtree/selftests/bpf/inside" \
		> "$tmp/out" 2>&1 &
	inside=$!
	child=
	while [ -z "$child" ] && kill -0 $inside 2> /dev/null; do
		read -r child _ < "/proc/$inside/task/$inside/children"
	done
	"$bpf" -p "$child" >> "$tmp/out" 2>&1
	if wait $inside; then ok "for a container"; else bad "for a container"; fi
else
	skip "for a container" "no namespaces"
fi
echo "1..$n"
exit $status
