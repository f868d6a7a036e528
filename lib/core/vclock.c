// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * vclock.c - virtual time (WEFT_CLOCK=virtual): as in Go's synctest.
 *
 * weft__clock() is a number that stands while a G runs, can run, or is in the
 * hands of an M, in the kernel too.  When all wait, which silence.c finds, it
 * moves on to the first deadline there is, and what is due then is fired as
 * ever (keep.c), by sysmon at its next round or by an M that looks.
 *
 *	weft__clock_virtual	written by a start, before there is an M; read
 *				by everybody.  It stays after a stop, so that
 *				times can be compared after weft_run()
 *	weft__clock_at		written by a start, then by sysmon alone, under
 *				the lock; read without.  It never goes back
 *	S.vclock.arriving	threads between enter and leave; under the lock
 *	S.vclock.arrived	that have left; under the lock
 *	S.nforeign		here added to under the lock, too
 *
 * No G can run by itself once silence.c has seen: every token idle, nothing in
 * an M's hands, no queue with a G; for what an idle M does by itself is to look
 * at the queues and at the heaps, where nothing is due before the clock moves.
 * What fires under way is in the hands of an M whose token is not idle, or of
 * sysmon, who is the one that looks.  There remain ordinary threads, which wake
 * and spawn at any time:
 *
 *	thread				sysmon
 *
 *	lock; arriving++; unlock	lock; seen = arrived; unlock
 *	push the G, wake an M		do all wait? (silence.c)
 *	lock; arriving--; arrived++;	lock
 *	unlock				arriving, or arrived != seen: not now
 *					the clock = the first deadline; unlock
 *
 * A push that left before seen was read is before all that sysmon looks at; one
 * that was in between shows in one of the numbers, though its G has run, armed
 * an earlier deadline and parked again meanwhile; one that enters afterwards is
 * at the new time.  So no time passes between a push and what its G sees.  The
 * lock is not held while pushing (a policy's callback may wake others) and not
 * over the look, which has membarriers.  A thread that registers is before the
 * move, and then there is none, or after it.
 *
 * The clock does not move while something that is due has not been fired, by
 * a batch that ended early say: those are at the old time.
 *
 * Rejected: the keeper (keep.c) moves it: it cannot know that nothing is in
 * other hands.  Time stands when no G is alive: a thread that waits for the
 * function of a timer would do so for ever; it registers to hold time.
 */
#include "vclock.h"
#include "sysmon.h"
#include "timer.h"

#include <string.h>

/* 2000-01-01 00:00 UTC, where a bubble of Go's begins. */
#define BEGINS (946684800 * NSEC_PER_SEC)

void weft__vclock_start(void)
{
	bool on = S.opts.clock == WEFT_CLOCK_VIRTUAL;

	memset(&S.vclock, 0, sizeof(S.vclock));
	if (on)
		smp_store_release(&weft__clock_at, BEGINS);
	WRITE_ONCE(weft__clock_virtual, on);
}

void weft__vclock_enter(void)
{
	weft__lock(&S.vclock.lock);
	S.vclock.arriving++;
	weft__unlock(&S.vclock.lock);
}

void weft__vclock_leave(void)
{
	weft__lock(&S.vclock.lock);
	S.vclock.arriving--;
	S.vclock.arrived++;
	weft__unlock(&S.vclock.lock);
}

/* From when it returns the clock stands, until as many have left. */
void weft__vclock_register(s64 n)
{
	weft__lock(&S.vclock.lock);
	atomic_add(&S.nforeign, (u64)n);
	S.vclock.arrived++;
	weft__unlock(&S.vclock.lock);
}

u64 weft__vclock_look(void)
{
	u64 seen;

	weft__lock(&S.vclock.lock);
	seen = S.vclock.arrived;
	weft__unlock(&S.vclock.lock);
	return seen;
}

static bool may_move(u64 seen, s64 next)
{
	return !S.vclock.arriving && S.vclock.arrived == seen &&
	       !READ_ONCE(S.nforeign) && next > weft__clock_at &&
	       next < TIMER_LATEST;
}

bool weft__vclock_move(u64 seen)
{
	bool moved;
	s64 next;

	weft__lock(&S.vclock.lock);
	next = weft__next_timer();
	moved = may_move(seen, next);
	/* Who reads the new time may look at what was done before it came. */
	if (moved)
		smp_store_release(&weft__clock_at, next);
	weft__unlock(&S.vclock.lock);
	return moved;
}
