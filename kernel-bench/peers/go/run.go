// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// The clock of a measurement and what rows share; as run.c and util.c.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync/atomic"
	"syscall"
	"time"
)

type run struct {
	procs     int
	n, ms     int64
	round     int64
	seed      uint64
	arg       int64
	value     float64
	wall, cpu int64
	t0, cpu0  int64
	cpusUsed  int
	result    map[string]any
}

// set gives a member of the result; the first note or error stays.
func (r *run) set(name string, val any) {
	if text, is := val.(string); is && text == "" {
		return
	}
	if _, there := r.result[name]; there && name == "error" {
		return
	}
	r.result[name] = val
}

func (r *run) fail(format string, args ...any) {
	r.set("error", fmt.Sprintf(format, args...))
}

func check(err error, what string) {
	if err == nil {
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(1)
}

var start = time.Now()

// now is the monotonic clock in ns.
func now() int64 {
	return int64(time.Since(start))
}

func processCPU() int64 {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u), "getrusage")
	return u.Utime.Nano() + u.Stime.Nano()
}

func sleepUntil(deadline int64) {
	for d := deadline - now(); d > 0; d = deadline - now() {
		t := syscall.NsecToTimespec(d)
		_ = syscall.Nanosleep(&t, nil)
	}
}

// One word, alone on its lines: read in every turn of every loop.
var stop struct {
	_    [128]byte
	word uint32
	_    [128]byte
}

func stopping() bool {
	return atomic.LoadUint32(&stop.word) != 0
}

func stopNow() {
	atomic.StoreUint32(&stop.word, 1)
}

// stopper sets the word after the row's time. It sleeps in a system call and
// not on a timer: the scheduler would look at the clock in each turn for that.
func stopper(ms int64, done *uint32) {
	sleepUntil(now() + ms*1e6)
	stopNow()
	atomic.StoreUint32(done, 1)
}

var stopperDone uint32 = 1

// begin starts the clock once the stopper has left its processor.
func (r *run) begin() {
	for atomic.LoadUint32(&stopperDone) == 0 { // of an earlier phase
		runtime.Gosched()
	}
	atomic.StoreUint32(&stop.word, 0)
	cpusSeen = [len(cpusSeen)]uint32{}
	if r.ms > 0 {
		atomic.StoreUint32(&stopperDone, 0)
		go stopper(r.ms, &stopperDone)
		runtime.Gosched()
	}
	cpuMark()
	r.cpu0 = processCPU()
	r.t0 = now()
}

// stopClock may be called twice: the second time is added.
func (r *run) stopClock() {
	r.wall += now() - r.t0
	r.cpu += processCPU() - r.cpu0
	cpuMark()
	seen := 0
	for i := range cpusSeen {
		seen += int(cpusSeen[i])
	}
	if seen > r.cpusUsed {
		r.cpusUsed = seen
	}
}

func (r *run) end(ops int64) {
	r.stopClock()
	if ops < 1 {
		r.fail("no operation was completed")
		ops = 1
	}
	r.value = float64(r.wall) / float64(ops)
}

var cpusSeen [1024]uint32

// cpuMark notes on which CPU the caller runs: a system call, where Go's package
// knows no better, so it is made more seldom than in our rows.
func cpuMark() {
	if c := getcpu(); c >= 0 && c < len(cpusSeen) {
		atomic.StoreUint32(&cpusSeen[c], 1)
	}
}

func median(v []float64) float64 {
	n := len(v)
	if n == 0 {
		return 0
	}
	sort.Float64s(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

func (r *run) latencies(v []int64) {
	if len(v) == 0 {
		r.fail("no operation was completed")
		return
	}
	sort.Slice(v, func(i, j int) bool { return v[i] < v[j] })
	at := func(p float64) int64 {
		return v[int(p*float64(len(v)))]
	}
	r.value = float64(at(0.5))
	r.set("p50", at(0.5))
	r.set("p99", at(0.99))
	r.set("lat_max", v[len(v)-1])
}

// splitmix64, as in util.c
func rnd(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

var turnsPerUs float64

//go:noinline
func workTurns(n int64) int64 {
	for n > 0 {
		n--
	}
	return n
}

func calibrate() {
	const n = 200000
	best := int64(1) << 62
	for i := 0; i < 20; i++ {
		t := now()
		workTurns(n)
		if t = now() - t; t < best {
			best = t
		}
	}
	turnsPerUs = n * 1000 / float64(best)
}

func work(us int64) {
	workTurns(int64(float64(us) * turnsPerUs))
}

func spin(ns int64) {
	for end := now() + ns; now() < end; {
	}
}

// permit is what weft's parker is: given before or after it is waited for.
type permit chan struct{}

func newPermit() permit { return make(permit, 1) }

func (p permit) wait() { <-p }

func (p permit) give() { p <- struct{}{} }
