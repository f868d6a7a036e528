// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// What goroutines lose by others beside them, 56 by 8 that block their threads
// or 100 by one that never yields; see beside.h, block8.c and hog.c.
//
// The pipes are read by the system call and not as os.File: that would wait in
// the poller, and no thread would block. They are fed by a process of its own,
// since there are no threads here that the scheduler does not know.
package main

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

const (
	block8Pipe = iota
	block8Sleep
	block8Plain
	block8Yield
	block8Nano
	hogs
)

const (
	block8Workers  = 56
	block8Blockers = 8
	besideWorkUs   = 20
	block8Ns       = 10000000
	hogWorkers     = 100
)

// sum is what all phases of a kind gave together.
type sum struct {
	s, pieces, worstMs, done float64
}

type worker struct {
	pieces, last, worst int64
	_                   [104]byte
}

var block8Fd [block8Blockers]int

// feed is the other process: a byte into each pipe every 10 ms, until the
// reading end of its stdin is closed.
func feed() {
	quit := make(chan bool)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(quit)
	}()
	for next := now(); ; {
		next += block8Ns
		sleepUntil(next)
		for fd := 3; fd < 3+block8Blockers; fd++ {
			_, err := syscall.Write(fd, []byte("x"))
			check(err, "a write to a pipe")
		}
		select {
		case <-quit:
			return
		default:
		}
	}
}

// gap also counts from the phase's start, and to the turn that finds it over.
func (w *worker) gap() {
	t := now()
	if t-w.last > w.worst {
		w.worst = t - w.last
	}
	w.last = t
}

func (w *worker) run() {
	for !stopping() {
		work(besideWorkUs)
		w.pieces++
		if w.pieces&15 == 0 {
			cpuMark()
		}
		w.gap()
		runtime.Gosched()
	}
	w.gap()
}

func block8Wait(how int64, fd int) {
	var c [1]byte
	var err error
	n := 1
	t := syscall.NsecToTimespec(block8Ns)
	switch how {
	case block8Sleep:
		_ = syscall.Nanosleep(&t, nil)
	case block8Nano:
		_, _, _ = syscall.RawSyscall(syscall.SYS_NANOSLEEP,
			uintptr(unsafe.Pointer(&t)), 0, 0)
	case block8Plain, block8Yield:
		got, _, no := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd),
			uintptr(unsafe.Pointer(&c[0])), 1)
		n = int(got)
		if no != 0 {
			err = no
		}
	default:
		n, err = syscall.Read(fd, c[:])
	}
	if err == syscall.EINTR { // a preemption
		return
	}
	check(err, "a read of a pipe")
	if n != 1 {
		check(io.EOF, "a read of a pipe")
	}
}

// other is one of those beside the workers.
func other(how int64, fd int, done *int64) {
	for !stopping() {
		if how != hogs {
			block8Wait(how, fd)
		}
		*done++
		if how == block8Yield || how == block8Nano {
			runtime.Gosched()
		}
	}
}

func besidePhase(r *run, workers, others int, ph *sum) {
	var working, beside sync.WaitGroup
	done := make([]int64, others)
	w := make([]worker, workers)
	r.begin()
	beside.Add(others)
	for i := range done {
		i := i
		go func() {
			other(r.arg, block8Fd[i], &done[i])
			beside.Done()
		}()
	}
	working.Add(workers)
	for i := range w {
		i := i
		w[i].last = r.t0
		go func() {
			w[i].run()
			working.Done()
		}()
	}
	working.Wait()
	ph.s += float64(now()-r.t0) / 1e9
	r.stopClock()
	beside.Wait()
	for i := range w {
		ph.pieces += float64(w[i].pieces)
		if ms := float64(w[i].worst) / 1e6; ms > ph.worstMs {
			ph.worstMs = ms
		}
	}
	for _, n := range done {
		ph.done += float64(n)
	}
}

// fed calls phase while the pipes are fed.
func fed(phase func()) {
	feeder := exec.Command("/proc/self/exe", "feed")
	feeder.Stderr = os.Stderr
	var ends []*os.File
	for i := range block8Fd {
		var fd [2]int
		check(syscall.Pipe2(fd[:], syscall.O_CLOEXEC), "pipe2")
		block8Fd[i] = fd[0]
		ends = append(ends, os.NewFile(uintptr(fd[1]), "pipe"))
	}
	feeder.ExtraFiles = ends
	quit, err := feeder.StdinPipe()
	check(err, "a pipe to the feeder")
	check(feeder.Start(), "the feeder")
	phase()
	quit.Close()
	check(feeder.Wait(), "the feeder")
	for i, end := range ends {
		end.Close()
		syscall.Close(block8Fd[i])
	}
}

func beside(r *run) {
	var with, without sum
	workers, others := block8Workers, block8Blockers
	if r.arg == hogs {
		workers, others = hogWorkers, 1
	}
	for i := int64(0); i < r.n; i++ {
		first := (r.round+i)&1 == 1
		for _, there := range []bool{first, !first} {
			switch {
			case !there:
				besidePhase(r, workers, 0, &without)
			case r.arg == block8Sleep || r.arg == block8Nano ||
				r.arg == hogs:
				besidePhase(r, workers, others, &with)
			default:
				fed(func() {
					besidePhase(r, workers, others, &with)
				})
			}
		}
	}
	r.set("unit", "percent")
	r.value = 100 * (with.pieces / with.s) / (without.pieces / without.s)
	r.set("worst_ms", with.worstMs-without.worstMs)
	r.set("stall_with_ms", with.worstMs)
	r.set("stall_without_ms", without.worstMs)
	r.set("pieces_s_with", with.pieces/with.s)
	r.set("pieces_s_without", without.pieces/without.s)
	if r.arg != hogs {
		r.set("blocks_s", with.done/with.s)
	}
}
