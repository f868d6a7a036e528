// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// Our rows with goroutines.
//
//	PROGRAM one BENCH NAME PROCS --n N --ms MS [--round K] [--seed S]
//	PROGRAM version
//
// PROCS is GOMAXPROCS. What differs from weft:
//
//   - a goroutine cannot be joined: a sync.WaitGroup on which it counts stands
//     for that, and a value is returned through a pointer;
//   - a permit is a channel with room for one;
//   - the collector runs when it likes, as in any Go program.
//
// main.go has arguments and the result, run.go the clock and the piece of work,
// rows.go and the other files the rows.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
)

func version() string {
	return runtime.Version()
}

func usage(what string) {
	fmt.Fprintln(os.Stderr, what)
	fmt.Fprintln(os.Stderr, "usage: one BENCH NAME PROCS --n N --ms MS "+
		"[--round K] [--seed S] [--quick]")
	os.Exit(2)
}

func number(what, s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 {
		usage(what + ": not a number: " + s)
	}
	return v
}

func options(r *run, args []string) {
	for len(args) > 0 {
		o := args[0]
		if o == "--quick" {
			args = args[1:]
			continue
		}
		if len(args) < 2 {
			usage(o)
		}
		v := number(o, args[1])
		switch o {
		case "--n":
			r.n = v
		case "--ms":
			r.ms = v
		case "--round":
			r.round = v
		case "--seed":
			r.seed = uint64(v)
		default:
			usage(o)
		}
		args = args[2:]
	}
}

func measure(row row, r *run) {
	if r.n == 0 && r.ms == 0 {
		usage("--n and --ms are missing")
	}
	r.arg = row.arg
	r.set("unit", "ns")
	r.set("note", row.note)
	calibrate()
	row.fn(r)
	r.set("median", r.value)
	r.set("min", r.value)
	r.set("max", r.value)
	r.set("runs", 1)
	r.set("wall_s", float64(r.wall)/1e9)
	if r.wall > 0 {
		r.set("cpus_busy", float64(r.cpu)/float64(r.wall))
	}
	if r.cpusUsed > 0 {
		r.set("cpus_used", r.cpusUsed)
	}
}

func main() {
	args := os.Args[1:]
	if len(args) == 1 && args[0] == "version" {
		fmt.Println(version())
		return
	}
	if len(args) == 1 && args[0] == "feed" {
		feed()
		return
	}
	if len(args) < 4 || args[0] != "one" {
		usage("one or version?")
	}
	r := &run{result: map[string]any{}, procs: int(number("PROCS", args[3]))}
	options(r, args[4:])
	if r.procs < 1 {
		usage("PROCS")
	}
	runtime.GOMAXPROCS(r.procs)
	r.set("bench", args[1])
	r.set("impl", args[2])
	r.set("procs", r.procs)
	r.set("version", version())
	if row, ok := rows[args[1]]; ok {
		measure(row, r)
	} else {
		r.set("skip", "this peer has no such row")
	}
	text, err := json.Marshal(r.result)
	check(err, "JSON")
	fmt.Println(string(text))
}
