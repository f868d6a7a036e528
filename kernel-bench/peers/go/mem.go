// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// What a goroutine costs in memory, and all of them while they wait.
package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	memQueued    = 10000
	memChunk     = 1000
	idleGs       = 100
	idleSettleNs = 100000000
)

// statusBytes is a line of /proc/self/status, as "VmRSS:".
func statusBytes(key string) float64 {
	text, err := os.ReadFile("/proc/self/status")
	check(err, "/proc/self/status")
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) > 1 && f[0] == key {
			kb, err := strconv.ParseFloat(f[1], 64)
			check(err, key)
			return kb * 1024
		}
	}
	return 0
}

func memUsed() float64 {
	return statusBytes("VmRSS:") + statusBytes("VmPTE:")
}

func mem(r *run) {
	var running, ended, startNs int64
	n := r.n
	slots := make([]permit, n)
	for i := range slots { // touched now
		slots[i] = nil
	}
	base, pte := memUsed(), statusBytes("VmPTE:")
	for i := 0; i < memQueued; i++ {
		go atomic.AddInt64(&ended, 1)
	}
	used := memUsed()
	r.set("bytes_queued", (used-base)/memQueued)
	for atomic.LoadInt64(&ended) < memQueued {
		runtime.Gosched()
	}
	ended = 0
	r.begin()
	for i := int64(0); i < n; {
		t := now()
		for end := i + memChunk; i < end && i < n; i++ {
			i := i
			go func() {
				p := newPermit()
				slots[i] = p
				atomic.AddInt64(&running, 1)
				p.wait()
				atomic.AddInt64(&ended, 1)
			}()
		}
		startNs += now() - t
		for atomic.LoadInt64(&running) < i {
			runtime.Gosched()
		}
	}
	r.stopClock()
	r.value = float64(startNs) / float64(n)
	r.set("ns_first_run", float64(r.wall-startNs)/float64(n))
	r.set("bytes_parked", (memUsed()-base)/float64(n))
	r.set("bytes_pte", (statusBytes("VmPTE:")-pte)/float64(n))
	t := now()
	for i := range slots {
		slots[i].give()
	}
	for atomic.LoadInt64(&ended) < n {
		runtime.Gosched()
	}
	r.set("ns_wake_and_end", float64(now()-t)/float64(n))
}

// The first goroutine sleeps in a system call, as nobody else could.
func idle(r *run) {
	var all sync.WaitGroup
	p := make([]permit, idleGs)
	all.Add(idleGs)
	for i := range p {
		i := i
		p[i] = newPermit()
		go func() {
			p[i].wait()
			all.Done()
		}()
	}
	sleepUntil(now() + idleSettleNs)
	r.begin()
	cpu := processCPU()
	sleepUntil(now() + r.n*1e6)
	cpu = processCPU() - cpu
	r.stopClock()
	r.value = float64(cpu) / (float64(r.n) / 1e3)
	r.set("cpu_ms_per_s", r.value/1e6)
	for i := range p {
		p[i].give()
	}
	all.Wait()
}
