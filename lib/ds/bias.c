// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * bias.c - moving a biased word between its seats; see bias.h.
 */
#include "bias.h"
#include "../os/membarrier.h"

static u64 next(u64 s, u32 seat)
{
	return ((s >> 32) + 1) << 32 | seat;
}

static u64 same_version(u64 s, u32 seat)
{
	return s >> 32 << 32 | seat;
}

/* s is a stopped state that we saw: bring the word out of it. */
static void finish(struct bias *b, u64 s)
{
	u32 seat = (u32)s & BIAS_CPU;

	if ((u32)s & BIAS_ALL) {
		weft__membarrier_rseq_all();
		(void)cas(&b->bias, s, same_version(s, seat));
	} else {
		weft__membarrier_rseq_cpu((int)BIAS_MATCHES(seat));
		(void)cas(&b->bias, s, same_version(s, BIAS_SHARED));
	}
}

static void stop(struct bias *b, u64 s, u32 how)
{
	u64 stopped = next(s, BIAS_STOPPED | how);

	if (cas(&b->bias, s, stopped))
		finish(b, stopped);
}

/*
 * One more operation under SHARED is to come: is the word worth biasing to
 * this CPU?  True: done, look at its seat again.  Before the operation, since
 * afterwards the word may be gone: it can have woken whoever owns it.
 */
static bool count_shared(struct bias *b, u64 s, u32 cpu)
{
	u32 run = READ_ONCE(b->run), limit = READ_ONCE(b->limit);

	if (!limit)
		limit = BIAS_REBIAS;
	if (run >> 21 != (cpu & 0x7ff)) {
		WRITE_ONCE(b->run, cpu << 21);
		return false;
	}
	if ((run & 0x1fffff) < limit) {
		WRITE_ONCE(b->run, run + 1);
		return false;
	}
	WRITE_ONCE(b->run, 0);
	WRITE_ONCE(b->limit, limit < 1u << 20 ? limit * 2 : limit);
	stop(b, s, BIAS_ALL | (BIAS_CPU0 + cpu));
	return true;
}

weft__noinline int weft__bias_cas_slow(struct vcpu *vc, struct bias *b,
				       u64 old, u64 new_)
{
	for (;;) {
		u64 s = smp_load_acquire(&b->bias);
		u32 seat = (u32)s, cpu = READ_ONCE(vc->cpu_id);
		bool rseq = cpu < RUNQ_STOPPED;
		int r;

		if (seat == BIAS_FOREVER)
			return cas(&b->word, old, new_) ? BIAS_OK :
							      BIAS_DIFFERS;
		if (seat & BIAS_STOPPED) {
			finish(b, s);
		} else if (seat == BIAS_NOBODY) {
			(void)cas(&b->bias, s,
				  next(s, rseq ? BIAS_CPU0 + cpu :
					  BIAS_FOREVER));
		} else if (seat == BIAS_SHARED && !rseq) {
			(void)cas(&b->bias, s, next(s, BIAS_FOREVER));
		} else if (seat == BIAS_SHARED) {
			if (count_shared(b, s, cpu))
				continue;
			r = seq_bias_cas_shared(vc, b, old, new_);
			if (r != BIAS_OTHER)
				return r;
		} else if (BIAS_MATCHES(seat) == cpu) {
			r = seq_bias_cas(vc, b, old, new_);
			if (r != BIAS_OTHER)
				return r;
		} else {
			stop(b, s, seat);
		}
	}
}
