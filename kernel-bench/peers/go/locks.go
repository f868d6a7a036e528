// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// A mutex among 2, 8 and 64, an RWMutex that is read, and two in turn by a
// condition or by semaphores; see locks.c. Go's own semaphore is not for
// programs: a channel with room for one is what they use instead.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	locksTurn = 1024
	locksMark = 16 * locksTurn
)

const (
	locksMutex = iota
	locksRead
	locksCond
	locksSem
)

// lockEnd is one goroutine: how many pairs or rounds it has done.
type lockEnd struct {
	n  int64
	me int
	_  [112]byte
}

var locks struct {
	_     [128]byte
	mx    sync.Mutex
	count int64
	turn  int
	over  bool
	_     [128]byte
	rw    sync.RWMutex
	_     [128]byte
	cond  [2]*sync.Cond
	sem   [2]chan struct{}
	last  uint32
	_     [128]byte
	end   [64]lockEnd
}

// turned: locksTurn pairs are done. All have their turn on one P.
func (e *lockEnd) turned() bool {
	e.n += locksTurn
	if e.n%locksMark == 0 {
		cpuMark()
	}
	runtime.Gosched()
	return !stopping()
}

func (e *lockEnd) mutex() {
	for more := true; more; more = e.turned() {
		for i := 0; i < locksTurn; i++ {
			locks.mx.Lock()
			locks.count++
			locks.mx.Unlock()
		}
	}
}

func (e *lockEnd) read() {
	for more := true; more; more = e.turned() {
		for i := 0; i < locksTurn; i++ {
			locks.rw.RLock()
			locks.rw.RUnlock()
		}
	}
}

// The first ends it, in its turn; the other goes when it sees that.
func (e *lockEnd) waits() {
	other := 1 - e.me
	locks.mx.Lock()
	for !locks.over {
		for locks.turn != e.me && !locks.over {
			locks.cond[e.me].Wait()
		}
		e.n++
		if e.me == 0 && stopping() {
			locks.over = true
		}
		locks.turn = other
		locks.cond[other].Signal()
	}
	locks.mx.Unlock()
}

// The first begins, and ends it; the other answers each time.
func (e *lockEnd) posts() {
	other := 1 - e.me
	if e.me == 1 {
		<-locks.sem[1]
	}
	for last := false; !last; {
		if e.me == 0 && stopping() {
			atomic.StoreUint32(&locks.last, 1)
		}
		last = atomic.LoadUint32(&locks.last) != 0
		locks.sem[other] <- struct{}{}
		if !last || e.me == 0 {
			<-locks.sem[e.me]
		}
		e.n++
	}
}

// locksRow: arg is what, and how many.
func locksRow(r *run) {
	what, n := r.arg%8, int(r.arg/8)
	var all sync.WaitGroup
	for i := range locks.cond {
		locks.cond[i] = sync.NewCond(&locks.mx)
		locks.sem[i] = make(chan struct{}, 1)
	}
	r.begin()
	all.Add(n)
	for i := 0; i < n; i++ {
		e := &locks.end[i]
		e.me = i
		go func() {
			switch what {
			case locksMutex:
				e.mutex()
			case locksRead:
				e.read()
			case locksCond:
				e.waits()
			default:
				e.posts()
			}
			all.Done()
		}()
	}
	all.Wait()
	var sum int64
	for i := 0; i < n; i++ {
		sum += locks.end[i].n
	}
	if what == locksMutex && sum != locks.count {
		r.fail("%d counted under the mutex, %d done", locks.count, sum)
	}
	if what >= locksCond {
		sum = locks.end[0].n
	}
	r.end(sum)
}
