#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# weft-bench and its peers: one that is missing is skipped with its reason, one
# that is there is measured in turn with the others and its version shown, one
# that prints rubbish is an error. And scripts/peers on a machine where nothing
# can be had says so, and records it where weft-bench looks.
#
# The peers are scripts; so weft-bench is copied to where their folder is.

. "${srctree:-../..}/selftests/build/cases.sh"

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
if ! cp "$objtree/kernel-bench/weft-bench" "$dir/"; then
	echo "1..0 # SKIP no weft-bench"
	exit 4
fi
bin=$dir/peers/bin
mkdir -p "$bin"

# peer PATH: a program that notes its calls and prints a result
peer()
{
	cat > "$1" <<-END
		#!/bin/sh
		echo "\$*" >> "$dir/calls"
		echo '{"median": 12.5, "version": "fake 1.2", "note": "less"}'
	END
	chmod +x "$1"
}

# bench STATUS NAME ARGUMENTS...: it exits so; what it says is in said
bench()
{
	want=$1 name=$2
	shift 2
	: > "$dir/calls"
	"$dir/weft-bench" run --quick --bench yield_g64,fib --procs 1 \
		--json "$dir/json" "$@" > "$dir/said" 2>&1
	[ $? = "$want" ]
	verdict $? "$name"
}

# has NAME FILE TEXT
has()
{
	grep -qF -- "$3" "$2"
	has_status=$?
	[ $has_status = 0 ] || sed 's/^/# /' "$2"
	verdict $has_status "$1"
}

plan 31

peer "$bin/go"
echo "no package libboost-fiber-dev" > "$bin/boost.why"
peer "$dir/other"

bench 0 "missing peers are no failure" --runs 2 --impl go,boost,tbb,mine \
	--peer mine="$dir/other" --progress
has "a peer is measured" "$dir/said" "fib go 1P round 2/2: 12.5 ns"
has "its version is in the table" "$dir/said" "  go: fake 1.2"
has "its version is in the JSON" "$dir/json" '"version": "fake 1.2"'
has "its note is shown" "$dir/said" "fib go, mine: less"
has "the recorded reason is shown" "$dir/said" \
	"  boost: SKIP: no package libboost-fiber-dev"
has "it is in the JSON" "$dir/json" '"skip": "no package libboost-fiber-dev"'
has "without a record, what to do" "$dir/said" \
	"  tbb: SKIP: not built: make peers"
has "a peer is told the sizes" "$dir/calls" "one fib go 1 --round 1 --seed 1 \
--n 27 --ms 200 --quick"
order=$(cut -d ' ' -f 2,3,6 "$dir/calls" | tr '\n' ',')
[ "$order" = "yield_g64 go 0,yield_g64 mine 0,fib go 0,fib mine 0,\
yield_g64 go 1,yield_g64 mine 1,fib go 1,fib mine 1," ]
verdict $? "the peers take turns"

"$dir/weft-bench" list > "$dir/list"
has "list says what is there" "$dir/list" "goroutines"
has "list says what is not" "$dir/list" "SKIP: no package libboost-fiber-dev"

printf '#!/bin/sh\necho rubbish\n' > "$bin/go"
bench 1 "rubbish is an error" --runs 1 --impl go,mine --peer mine="$dir/other"
has "and called so" "$dir/said" "no result object on stdout"
has "and another is measured all the same" "$dir/said" "12.5 ns"

bench 0 "a builtin peer can be replaced" --runs 1 --impl tbb \
	--peer tbb="$dir/other"

rm "$bin/go"
bench 2 "built-peers alone, where none is built, is a mistake" \
	--impl built-peers
peer "$bin/go"
bench 0 "built-peers are those that are there" --runs 1 \
	--impl mine,built-peers --peer mine="$dir/other"
has "and what is true of several is said once" "$dir/said" \
	"  fib mine, go: less"
! grep -q "boost\|tbb" "$dir/said"
verdict $? "and no others"

# The shared library has a program of its own, called as weft-bench itself.
bench 0 "without weft-bench-so, weft-so is skipped" --runs 1 --impl weft-so,go
has "and the reason is shown" "$dir/said" \
	"weft-so: SKIP: no program $dir/weft-bench-so"
peer "$dir/weft-bench-so"
bench 0 "weft-bench-so measures weft-so" --runs 1 --impl weft-so,go
has "and is asked as weft-bench would be" "$dir/calls" \
	"one fib weft-so 1 --round 0 --seed 1 --quick"
"$dir/weft-bench" one fib weft-so 1 --quick > "$dir/said"
has "weft-bench itself cannot, and says so" "$dir/said" "to the static library"
"$objtree/kernel-bench/weft-bench-so" one fib weft 1 --quick > "$dir/said"
has "nor weft-bench-so anything else" "$dir/said" "to the shared library"

bench 2 "what is never passed on is refused" --n 5

# A machine with no compiler and no apt-get
mkdir "$dir/commands"
for c in sh mkdir rm id grep cut; do
	ln -s "$(command -v $c)" "$dir/commands/$c"
done
PATH=$dir/commands srctree=$srctree objtree=$dir/tree CC=cc \
	"$dir/commands/sh" "$srctree/scripts/peers" go boost > "$dir/said" 2>&1
verdict $? "make peers does not fail where there is nothing"
has "and says what is missing" "$dir/said" \
	"SKIP go: no go, and no apt-get to get it"
has "and records it" "$dir/tree/kernel-bench/peers/bin/boost.why" "no g++"
PATH=$dir/commands objtree=$dir/tree "$dir/commands/sh" \
	"$srctree/scripts/peers" fortran > "$dir/said" 2>&1
[ $? = 2 ]
verdict $? "a peer that nobody knows is refused"
[ $failures = 0 ]
