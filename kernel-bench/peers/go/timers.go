// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// Goroutines that sleep, and timers that are started and stopped; as
// sleepers.c and timer_churn.c.
package main

import (
	"sync"
	"time"
)

const (
	sleepTurns  = 10
	sleepMinNs  = 1000000
	sleepSpanNs = 99000001
	settleNs    = 100000000
	startNs     = 20000
)

func sleepers(r *run) {
	var all sync.WaitGroup
	lat := make([]int64, r.n*sleepTurns)
	begin := now() + settleNs + r.n*startNs
	all.Add(int(r.n))
	for i := int64(0); i < r.n; i++ {
		i := i
		go func() {
			seed := r.seed + uint64(r.round) +
				uint64(i)*0x9e3779b97f4a7c15
			first := begin + int64(rnd(&seed)%sleepSpanNs)
			time.Sleep(time.Duration(first - now()))
			for k := i * sleepTurns; k < (i+1)*sleepTurns; k++ {
				ns := int64(sleepMinNs + rnd(&seed)%sleepSpanNs)
				t := now()
				time.Sleep(time.Duration(ns))
				lat[k] = now() - t - ns
			}
			cpuMark()
			all.Done()
		}()
	}
	time.Sleep(time.Duration(begin - now()))
	r.begin()
	all.Wait()
	r.stopClock()
	r.latencies(lat)
	r.set("sleep_cpu_s", float64(r.cpu)/1e9)
}
