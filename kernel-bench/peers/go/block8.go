// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// What 56 goroutines lose by 8 others that block their threads; see block8.c.
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
)

const (
	block8Workers  = 56
	block8Blockers = 8
	block8WorkUs   = 20
	block8Ns       = 10000000
)

type phase struct {
	rate, worstMs, blocks float64
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
		work(block8WorkUs)
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
	switch how {
	case block8Sleep:
		t := syscall.NsecToTimespec(block8Ns)
		_ = syscall.Nanosleep(&t, nil)
	case block8Plain:
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

func block8Phase(r *run, with bool) phase {
	var workers, blockers sync.WaitGroup
	var blocks [block8Blockers]int64
	w := make([]worker, block8Workers)
	ph := phase{}
	r.begin()
	for i := 0; with && i < block8Blockers; i++ {
		i := i
		blockers.Add(1)
		go func() {
			for !stopping() {
				block8Wait(r.arg, block8Fd[i])
				blocks[i]++
			}
			blockers.Done()
		}()
	}
	workers.Add(block8Workers)
	for i := range w {
		i := i
		w[i].last = r.t0
		go func() {
			w[i].run()
			workers.Done()
		}()
	}
	workers.Wait()
	s := float64(now()-r.t0) / 1e9
	r.stopClock()
	blockers.Wait()
	for i := range w {
		ph.rate += float64(w[i].pieces) / s
		if ms := float64(w[i].worst) / 1e6; ms > ph.worstMs {
			ph.worstMs = ms
		}
	}
	for _, n := range blocks {
		ph.blocks += float64(n) / s
	}
	return ph
}

func block8With(r *run) phase {
	if r.arg == block8Sleep {
		return block8Phase(r, true)
	}
	feeder := exec.Command("/proc/self/exe", "feed")
	feeder.Stderr = os.Stderr
	for i := range block8Fd {
		var fd [2]int
		check(syscall.Pipe2(fd[:], syscall.O_CLOEXEC), "pipe2")
		block8Fd[i] = fd[0]
		feeder.ExtraFiles = append(feeder.ExtraFiles,
			os.NewFile(uintptr(fd[1]), "pipe"))
	}
	quit, err := feeder.StdinPipe()
	check(err, "a pipe to the feeder")
	check(feeder.Start(), "the feeder")
	ph := block8Phase(r, true)
	quit.Close()
	check(feeder.Wait(), "the feeder")
	return ph
}

func block8(r *run) {
	var with, without phase
	if r.round&1 == 1 {
		with = block8With(r)
	}
	without = block8Phase(r, false)
	if r.round&1 == 0 {
		with = block8With(r)
	}
	r.set("unit", "percent")
	r.value = 100 * with.rate / without.rate
	r.set("worst_ms", with.worstMs-without.worstMs)
	r.set("stall_with_ms", with.worstMs)
	r.set("stall_without_ms", without.worstMs)
	r.set("pieces_s_with", with.rate)
	r.set("pieces_s_without", without.rate)
	r.set("blocks_s", with.blocks)
}
