// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * silence.c - no token is in use: may the monitor sleep?  Has the program
 * ended, or does every G wait for ever?
 *
 * The monitor sleeps for good when every token is idle at two ticks in a row,
 * or no G is left: where Gs are woken now and then, each would wake the monitor
 * with its M (kernel-bench low_load).  The protocol is Dekker's: announce
 * (mon_asleep, LOCK); every token IDLE; membarrier; all queues empty, one
 * private G counting; every token still IDLE; and whoever un-idles a token
 * kicks it.  It is not the count nidle that is asked, which runs ahead of the
 * words.
 *
 * selftests/model/vclock.pml explores it.
 *
 * Where time is virtual, a deadline is there, and no G can run before it, the
 * clock moves on to it (vclock.c).
 */
#include "sched.h"
#include "sysmon.h"
#include "timer.h"
#include "vclock.h"

#include <stdlib.h>
#include <weft/stats.h>

s64 weft__next_timer(void)
{
	s64 next = INT64_MAX, t;
	u32 i;

	for (i = 0; i < S.maxprocs; i++) {
		t = weft__timers_next(S.p[i]->timers);
		if (t < next)
			next = t;
	}
	return next;
}

static bool all_idle(void)
{
	u32 i, n = READ_ONCE(S.nprocs);
	uintptr_t t;

	for (i = 0; i < n; i++) {
		t = smp_load_acquire(&S.tok[i]);
		if (t && !(t & TOK_IDLE))
			return false;
	}
	return true;
}

/*
 * Has an M a G in its hands: in the kernel, or on its way back, between taking
 * the G off itself and putting it into a queue?
 */
static bool any_in_hands(void)
{
	u32 i, state, n = smp_load_acquire(&S.nm);

	for (i = 0; i < n; i++) {
		state = smp_load_acquire(&S.m[i]->state);
		if (state == M_RUN || state == M_BLOCK || state == M_SPIN ||
		    READ_ONCE(S.m[i]->cur) != &S.m[i]->g0)
			return true;
	}
	return false;
}

/*
 * Told once in each episode: Gs that ran and parked again make another one,
 * though we may have slept through it.
 */
static bool told_already(bool running)
{
	u32 i, n = smp_load_acquire(&S.nm), told = 1 + running;
	u64 parks = 0;

	for (i = 0; i < n; i++)
		parks += READ_ONCE(S.m[i]->nparked);
	if (S.deadlocked == told && S.deadlock_parks == parks)
		return true;
	S.deadlock_parks = parks;
	WRITE_ONCE(S.deadlocked, told);
	return false;
}

/* How often Ms have announced that they park; counted before they do. */
static u64 parks(void)
{
	u32 i, n = smp_load_acquire(&S.nm);
	u64 sum = 0;

	for (i = 0; i < n; i++)
		sum += smp_load_acquire(&S.m[i]->n.parked);
	return sum;
}

/*
 * Every token is idle, no queue holds a G; nor does anybody else.  An M that
 * has announced that it parks looks once more, and may then take the last G
 * out of a queue between our look at its token and that at the queue.  So the
 * tokens are looked at twice; and what un-idled and parked again in between
 * has counted that.  Then all were idle while we looked at the queues.
 */
static bool all_wait(void)
{
	u64 before = parks();

	if (!all_idle() || any_in_hands())
		return false;
	/* What left the hands before we looked is in a queue by now. */
	fence_all();
	if (weft__any_work(0) || READ_ONCE(S.signals))
		return false;
	smp_mb();	/* partner: the CAS of who un-idles, then pops */
	return all_idle() && parks() == before;
}

static void deadlock(s64 live, bool running)
{
	if (READ_ONCE(S.nforeign) || weft__next_timer() != INT64_MAX ||
	    READ_ONCE(S.starved) || told_already(running))
		return;
	if (running) {
		weft__say("weft: deadlock: all %lld Gs wait, and nothing can "
			  "wake one", (long long)live);
		weft_dump(2);
		exit(2);
	}
	if (S.opts.on_deadlock)
		S.opts.on_deadlock(S.opts.on_deadlock_arg);
}

/*
 * Nothing seems to run: is this the end, a deadlock, or is only the clock to
 * move?  Until when sysmon may sleep: 0 if it moved.
 */
s64 weft__silence(s64 tick)
{
	bool running = READ_ONCE(S.running);
	bool virtual = READ_ONCE(weft__clock_virtual);
	u64 seen = virtual ? weft__vclock_look() : 0;
	s64 live;

	if (!all_wait())
		goto out;
	live = weft__live();
	if (!live && running) {
		smp_store_release(&S.done, 1);
		weft__futex_wake(&S.done, 1);
		return INT64_MAX;
	}
	if (!live)
		S.deadlocked = 0;
	if (virtual && !READ_ONCE(S.starved) && weft__vclock_move(seen))
		return 0;
	if (live)
		deadlock(live, running);
out:
	/* What held the clock may let go of it without a word to us. */
	return virtual && weft__next_timer() < TIMER_LATEST ? tick : INT64_MAX;
}

bool weft__may_sleep(struct monitor *mon)
{
	if (!all_idle()) {
		mon->idle = 0;
		return false;
	}
	if (READ_ONCE(S.starved) ||
	    (++mon->idle < 2 && !READ_ONCE(weft__clock_virtual) &&
	     !(READ_ONCE(S.running) && !weft__live())))
		return false;
	(void)xchg(&S.mon_asleep, 1);
	if (!all_idle())
		return false;
	fence_all();
	return !weft__any_work(0) && !READ_ONCE(S.signals);
}
