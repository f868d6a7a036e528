#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/ktap, which decides whether all other tests passed, on outputs whose
# verdict is known.

. "${srctree:-../..}/selftests/build/cases.sh"

# judged "P F S" STATUS NAME < output
judged()
{
	want="$1 $2"
	out=$(sh "$srctree/scripts/ktap")
	status=$?
	got="$(echo "$out" | tail -n 1 | tr -dc '0-9,' | tr , ' ') $status"
	[ "$got" = "$want" ] || echo "# wanted: $want, got: $got"
	[ "$got" = "$want" ]
	verdict $? "$3"
}

plan 27

judged "2 0 0" 0 "all ok" <<END
TAP version 13
1..2
ok 1 a
ok 2 - b
END
judged "1 1 0" 1 "one not ok" <<END
TAP version 13
1..2
ok 1 a
not ok 2 b
END
judged "1 0 1" 0 "a skip" <<END
TAP version 13
1..2
ok 1 a # SKIP no rseq
ok 2 b
END
judged "0 1 0" 1 "not ok is no skip" <<END
1..1
not ok 1 a # SKIP
END
judged "0 0 1" 0 "a plan of none that skips" <<END
TAP version 13
1..0 # SKIP nothing here
END
judged "0 1 0" 1 "a plan of none" <<END
TAP version 13
1..0
END
judged "1 2 0" 1 "a plan not fulfilled" <<END
TAP version 13
1..3
ok 1 a
END
judged "2 1 0" 1 "more than planned" <<END
1..1
ok 1 a
ok 2 b
END
judged "2 1 0" 1 "a number twice" <<END
1..2
ok 1 a
ok 1 a
END
judged "0 1 0" 1 "no output" </dev/null
judged "0 1 0" 1 "no result" <<END
Hello, world
END
judged "1 1 0" 1 "bail out" <<END
1..1
ok 1 a
Bail out! the disk is full
END
judged "1 0 0" 0 "an expected failure" <<END
1..1
ok 1 a # XFAIL known
END
judged "0 1 0" 1 "an unexpected pass" <<END
1..1
ok 1 a # XPASS
END
judged "2 0 0" 0 "the runner's summary does not count" <<END
# timeout set to 120
# selftests: core: model
# TAP version 13
# 1..2
# # Starting 2 tests from 1 test cases.
# #  RUN           global.a ...
# #            OK  global.a
# ok 1 global.a
# #  RUN           global.b ...
# #            OK  global.b
# ok 2 global.b
# # PASSED: 2 / 2 tests passed.
# # Totals: pass:2 fail:0 xfail:0 xpass:0 skip:0 error:0
ok 1 selftests: core: model
END
judged "1 1 0" 1 "a crash: the plan is not fulfilled" <<END
# selftests: core: model
# TAP version 13
# 1..2
# ok 1 global.a
# Segmentation fault
not ok 1 selftests: core: model # exit=139
END
judged "2 1 0" 1 "a crash at exit" <<END
# TAP version 13
# 1..2
# ok 1 global.a
# ok 2 global.b
not ok 1 selftests: core: model # exit=139
END
judged "1 1 0" 1 "a failure is counted once" <<END
# TAP version 13
# 1..2
# ok 1 global.a
# not ok 2 global.b
not ok 1 selftests: core: model # exit=1
END
judged "1 1 0" 1 "a failure under exit status 0" <<END
# TAP version 13
# 1..2
# ok 1 global.a
# not ok 2 global.b
ok 1 selftests: core: model
END
judged "0 1 0" 1 "a timeout without output" <<END
# selftests: core: model
not ok 1 selftests: core: model # TIMEOUT 120 seconds
END
judged "1 1 0" 1 "killed in the middle of a line" <<END
# TAP version 13
# 1..2
# ok 1 global.a
# ok
not ok 1 core/model # TIMEOUT 120 seconds
END
judged "1 0 0" 0 "a script that just ends with 0" <<END
# selftests: build: x.sh
# all is well
ok 1 selftests: build: x.sh
END
judged "0 0 1" 0 "a script that ends with 4" <<END
# selftests: build: x.sh
ok 1 selftests: build: x.sh # SKIP
END
judged "1 1 0" 1 "results without a plan" <<END
# TAP version 13
# ok 1 a
ok 1 selftests: build: x.sh
END
judged "3 0 0" 0 "subtests" <<END
KTAP version 1
1..2
  KTAP version 1
  1..2
  ok 1 a
  ok 2 b
ok 1 two
ok 2 three
END
judged "1 2 0" 1 "subtests that fail under a parent that is ok" <<END
KTAP version 1
1..1
  KTAP version 1
  1..3
  ok 1 a
  not ok 2 b
ok 1 two
END
judged "1 0 0" 0 "talk that looks like a result" <<END
# TAP version 13
# 1..1
# #   not ok 3 said by a program under test
# ok 1 a
ok 1 selftests: core: model
END
[ $failures = 0 ]
