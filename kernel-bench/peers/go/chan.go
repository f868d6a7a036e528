// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// Channels: there and back, one to one, four to four, one of four.
package main

import "sync"

const (
	chanCap    = 100
	chanMany   = 4
	chanSelect = -4
)

// chanEnd is one end: what it sent or received.
type chanEnd struct {
	n   int64
	sum uint64
	_   [112]byte
}

func (e *chanEnd) sends(c chan uint64) {
	var v, sum uint64
	for !stopping() {
		v++
		c <- v
		sum += v
		if v&1023 == 0 {
			cpuMark()
		}
	}
	e.sum = sum
}

func (e *chanEnd) receives(c chan uint64) {
	var n int64
	var sum uint64
	for v := range c {
		n++
		sum += v
	}
	e.n, e.sum = n, sum
}

func (e *chanEnd) selects(c []chan uint64) {
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	for c0 != nil || c1 != nil || c2 != nil || c3 != nil {
		var v uint64
		var ok bool
		select {
		case v, ok = <-c0:
			if !ok {
				c0 = nil
			}
		case v, ok = <-c1:
			if !ok {
				c1 = nil
			}
		case v, ok = <-c2:
			if !ok {
				c2 = nil
			}
		case v, ok = <-c3:
			if !ok {
				c3 = nil
			}
		}
		if ok {
			e.n++
			e.sum += v
		}
	}
}

func chanRow(r *run) {
	senders, receivers, chans, room := int(r.arg), int(r.arg), 1, chanCap
	if r.arg == chanSelect {
		senders, receivers, chans, room = chanMany, 1, chanMany, 0
	}
	var c []chan uint64
	for i := 0; i < chans; i++ {
		c = append(c, make(chan uint64, room))
	}
	var s, d [chanMany]chanEnd
	var sent, received sync.WaitGroup
	r.begin()
	received.Add(receivers)
	for i := 0; i < receivers; i++ {
		i := i
		go func() {
			if r.arg == chanSelect {
				d[i].selects(c)
			} else {
				d[i].receives(c[0])
			}
			received.Done()
		}()
	}
	sent.Add(senders)
	for i := 0; i < senders; i++ {
		i := i
		go func() {
			s[i].sends(c[i%chans])
			sent.Done()
		}()
	}
	sent.Wait()
	for i := range c {
		close(c[i])
	}
	received.Wait()
	var n int64
	var in, out uint64
	for i := range s {
		in += s[i].sum
		out += d[i].sum
		n += d[i].n
	}
	r.end(n)
	if in != out {
		r.fail("what was received is not what was sent")
	}
}

func pingpong(r *run) {
	there, back := make(chan uint64), make(chan uint64)
	var n int64
	var v uint64
	var over sync.WaitGroup
	over.Add(1)
	go func() {
		for v := range there {
			back <- v + 1
		}
		over.Done()
	}()
	r.begin()
	for !stopping() {
		there <- v
		v = <-back
		n++
	}
	r.end(n)
	if v != uint64(n) {
		r.fail("what came back is not what went")
	}
	close(there)
	over.Wait()
}
