// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// Rows in which goroutines start, yield, wait and wake.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

type row struct {
	fn   func(r *run)
	arg  int64
	note string
}

const (
	joined      = "joined by a sync.WaitGroup"
	channel     = "a permit is a channel with room for one"
	semaphore   = "a semaphore is a channel with room for one"
	announced   = "read(2) through package syscall, which tells the scheduler"
	tenChildren = "ten children joined by one WaitGroup"
	asleep      = "nanosleep(2) through package syscall"
	raw         = "RawSyscall: the scheduler is not told"
)

var rows = map[string]row{
	"switch":           {switchRow, 0, channel},
	"yield_g2":         {yield, 2, ""},
	"yield_g64":        {yield, 64, ""},
	"yield_g10000":     {yield, 10000, ""},
	"spawn_join":       {spawnJoin, 0, joined},
	"spawn_join_sw":    {spawnJoin, 1, joined},
	"batch":            {batch, 0, "all joined by one sync.WaitGroup"},
	"fib":              {fibRow, 0, joined},
	"skynet":           {skynetRow, 0, tenChildren},
	"parkwake":         {parkwake, 1200000, channel},
	"parkwake_spin":    {parkwake, 4000, channel},
	"steal":            {steal, 10, "all joined by one sync.WaitGroup"},
	"steal_1us":        {steal, 1, "all joined by one sync.WaitGroup"},
	"pingpong":         {pingpong, 0, ""},
	"chan1x1":          {chanRow, 1, ""},
	"chan4x4":          {chanRow, chanMany, ""},
	"select4":          {chanRow, chanSelect, ""},
	"mutex_2":          {locksRow, 2*8 + locksMutex, ""},
	"mutex_8":          {locksRow, 8*8 + locksMutex, ""},
	"mutex_64":         {locksRow, 64*8 + locksMutex, ""},
	"rwlock_read8":     {locksRow, 8*8 + locksRead, ""},
	"cond_pingpong":    {locksRow, 2*8 + locksCond, ""},
	"sem_pingpong":     {locksRow, 2*8 + locksSem, semaphore},
	"block8":           {beside, block8Pipe, announced},
	"block8_sleep":     {beside, block8Sleep, asleep},
	"block8_plain":     {beside, block8Plain, raw},
	"block8_yield":     {beside, block8Yield, raw},
	"block8_nanosleep": {beside, block8Nano, raw},
	"hog":              {beside, hogs, "preempted by a signal"},
	"mem":              {mem, 0, channel + ", made by each"},
	"idle":             {idle, 0, channel},
	"sleepers_10000":   {sleepers, 0, ""},
	"sleepers_100000":  {sleepers, 0, ""},
}

type yieldG struct {
	turns int64
	_     [56]byte
}

func yieldTurns(y *yieldG, share int64, ready *int64, begun *uint32) {
	var turns int64
	atomic.AddInt64(ready, 1)
	for atomic.LoadUint32(begun) == 0 {
		runtime.Gosched()
	}
	cpuMark()
	for !stopping() {
		runtime.Gosched()
		turns++
		if turns&4095 == 0 {
			cpuMark()
		}
		if turns == share {
			stopNow()
		}
	}
	y.turns = turns
}

func yield(r *run) {
	var all sync.WaitGroup
	var ready, sum int64
	var begun uint32
	n := r.arg
	y := make([]yieldG, n)
	all.Add(int(n))
	for i := range y {
		i := i
		go func() {
			yieldTurns(&y[i], r.n/n, &ready, &begun)
			all.Done()
		}()
	}
	for atomic.LoadInt64(&ready) < n {
		runtime.Gosched()
	}
	r.begin()
	atomic.StoreUint32(&begun, 1)
	all.Wait()
	min, max := y[0].turns, y[0].turns
	for i := range y {
		sum += y[i].turns
		if y[i].turns < min {
			min = y[i].turns
		}
		if y[i].turns > max {
			max = y[i].turns
		}
	}
	r.end(sum)
	r.set("turns_min", min)
	r.set("turns_max", max)
}

func switchRow(r *run) {
	a, b := newPermit(), newPermit()
	var ops, opsB int64
	var over sync.WaitGroup
	over.Add(1)
	go func() {
		for {
			b.wait()
			if stopping() {
				break
			}
			if opsB++; opsB&4095 == 0 {
				cpuMark()
			}
			a.give()
		}
		a.give()
		over.Done()
	}()
	r.begin()
	for !stopping() {
		ops++
		b.give()
		a.wait()
	}
	r.end(ops + atomic.LoadInt64(&opsB))
	select {
	case b <- struct{}{}:
	default:
	}
	over.Wait()
}

func spawnJoin(r *run) {
	var ops int64
	var ret *int64
	var join sync.WaitGroup
	r.begin()
	for !stopping() {
		ops++
		ret = nil
		join.Add(1)
		go func() {
			ret = &ops
			join.Done()
		}()
		if r.arg != 0 {
			runtime.Gosched()
		}
		join.Wait()
		if ret != &ops {
			r.fail("a goroutine left a wrong value")
		}
	}
	r.end(ops)
}

const maxRounds = 1000

// rounds times round() until the time is over, at least min times, and gives
// ns for each of the n.
func (r *run) rounds(min int, round func()) []float64 {
	var v []float64
	r.begin()
	for len(v) < min || !stopping() && len(v) < maxRounds {
		t := now()
		round()
		v = append(v, float64(now()-t)/float64(r.n))
	}
	r.stopClock()
	return v
}

func batch(r *run) {
	v := r.rounds(7, func() {
		var all sync.WaitGroup
		all.Add(int(r.n))
		for i := int64(0); i < r.n; i++ {
			i := i
			go func() {
				if i&4095 == 0 {
					cpuMark()
				}
				all.Done()
			}()
		}
		all.Wait()
	})
	r.value = median(v[2:])
	r.set("rounds", len(v)-2)
}

func fibValue(n int64) int64 {
	if n < 2 {
		return n
	}
	return fibValue(n-1) + fibValue(n-2)
}

// One for each call with n >= 2
func fibTasks(n int64) int64 {
	return fibValue(n+1) - 1
}

func fib(n int64) int64 {
	var a int64
	var join sync.WaitGroup
	if n < 2 {
		return n
	}
	if n == 15 {
		cpuMark()
	}
	join.Add(1)
	go func() {
		a = fib(n - 1)
		join.Done()
	}()
	b := fib(n - 2)
	join.Wait()
	return a + b
}

func fibRow(r *run) {
	want := fibValue(r.n)
	got, trees := fib(r.n), int64(0)
	r.begin()
	for {
		got = fib(r.n)
		trees++
		if got != want {
			r.fail("fib(%d) was %d, not %d", r.n, got, want)
			break
		}
		if stopping() {
			break
		}
	}
	r.end(trees * fibTasks(r.n))
}

func skynet(first, leaves int64) int64 {
	var child [10]int64
	var join sync.WaitGroup
	var sum int64
	if leaves == 1 {
		return first
	}
	if leaves == 1000 {
		cpuMark()
	}
	join.Add(10)
	for i := int64(0); i < 10; i++ {
		i := i
		go func() {
			child[i] = skynet(first+i*(leaves/10), leaves/10)
			join.Done()
		}()
	}
	join.Wait()
	for i := range child {
		sum += child[i]
	}
	return sum
}

func skynetRow(r *run) {
	skynet(0, r.n)
	v := r.rounds(1, func() {
		sum := skynet(0, r.n)
		if sum != r.n*(r.n-1)/2 {
			r.fail("the sum was %d", sum)
		}
	})
	r.set("unit", "ms")
	r.value = median(v) * float64(r.n) / 1e6
	r.set("trees", len(v))
}

func steal(r *run) {
	v := r.rounds(1, func() {
		var all sync.WaitGroup
		all.Add(int(r.n))
		for i := int64(0); i < r.n; i++ {
			i := i
			go func() {
				work(r.arg)
				if i&63 == 0 {
					cpuMark()
				}
				all.Done()
			}()
		}
		all.Wait()
	})
	r.value = median(v)
	ideal := float64(r.arg) * 1000 / float64(r.procs)
	r.set("percent_ideal", 100*ideal/r.value)
}

const (
	parkwakeMax    = 200000
	parkwakeLateNs = 50000000
)

type waker struct {
	permit  permit
	_       [128]byte
	ready   int64
	_       [128]byte
	wokenAt int64
	_       [128]byte
	quit    uint32
}

func (w *waker) waiter(over *sync.WaitGroup) {
	defer over.Done()
	for i := int64(1); ; i++ {
		atomic.StoreInt64(&w.ready, i)
		w.permit.wait()
		atomic.StoreInt64(&w.wokenAt, now())
		cpuMark()
		if atomic.LoadUint32(&w.quit) != 0 {
			return
		}
	}
}

func (w *waker) once(gap int64, late *int64) int64 {
	spin(gap)
	atomic.StoreInt64(&w.wokenAt, 0)
	t := now()
	w.permit.give()
	for atomic.LoadInt64(&w.wokenAt) == 0 {
		if now()-t < parkwakeLateNs {
			continue
		}
		*late++
		for atomic.LoadInt64(&w.wokenAt) == 0 {
			runtime.Gosched()
		}
	}
	return atomic.LoadInt64(&w.wokenAt) - t
}

func parkwake(r *run) {
	var over sync.WaitGroup
	var late int64
	var lat []int64
	w := &waker{permit: newPermit()}
	seed := r.seed + uint64(r.round)
	over.Add(1)
	go w.waiter(&over)
	r.begin()
	for !stopping() && len(lat) < parkwakeMax {
		for atomic.LoadInt64(&w.ready) != int64(len(lat))+1 {
			runtime.Gosched()
		}
		gap := r.arg + int64(rnd(&seed)%uint64(r.arg/2+1))
		lat = append(lat, w.once(gap, &late))
	}
	r.stopClock()
	atomic.StoreUint32(&w.quit, 1)
	w.permit.give()
	over.Wait()
	r.set("wakes", len(lat))
	r.set("late_50ms", late)
	r.latencies(lat)
}
