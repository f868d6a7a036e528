// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_watch.c - the watchdog, and how a policy is ejected.
 *
 * A G that waits for longer than timeout_ms has been lost, or is starved: the
 * policy goes.  But not if it merely stands behind a G that computes for long,
 * as here it may: only time counts in which somebody asked for work, the P
 * whose LOCAL DSQ it is in, or any P if it is in none.  So sysmon keeps for
 * each of them an excuse, the time in which nobody did, by looking each quarter
 * of the timeout whether a counter has moved.
 *
 * An ejection, from whatever thread finds the breach: state ON -> BROKEN by
 * CAS, so there is one; the reason is written down and said; EJECTING; sysmon
 * is kicked.  From the first of these on every push and pop goes to the
 * built-in queues.  sysmon then
 *
 *	empties each DSQ into the global queue, in its order
 *	walks over all Gs and takes those that the policy has HELD
 *	when nobody is in a callback any more: exit_task(), exit(), OFF
 *
 * A callback that was under way may still insert: it finds that its G is HELD
 * no more, or under the DSQ's lock that the state has changed, and then the G
 * goes to the global queue, too.  One that never returns keeps its M, and the
 * struct, but no G.
 */
#include "policy.h"
#include "sysmon.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 5000

/* ---- a breach ---- */

void weft__policy_vbreach(enum weft_exit_kind kind, const char *fmt,
			  va_list ap)
{
	struct policy *pol = &weft__policy;
	u32 s = READ_ONCE(weft__policy_state);

	if ((s != POLICY_ON && s != POLICY_INIT) ||
	    !cas(&weft__policy_state, s, POLICY_BROKEN))
		return;
	pol->kind = kind;
	vsnprintf(pol->msg, sizeof(pol->msg), fmt, ap);
	weft__say("weft: policy \"%s\" is ejected: %s; the built-in policy "
		  "takes over", pol->name, pol->msg);
	smp_store_release(&weft__policy_state, POLICY_EJECTING);
	weft__sysmon_kick();
}

void weft__policy_breach(enum weft_exit_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	weft__policy_vbreach(kind, fmt, ap);
	va_end(ap);
}

/* ---- what it looks like ---- */

static void dump_dsq(struct dsq *d, void *arg)
{
	int fd = *(int *)arg;

	if (READ_ONCE(d->nr))
		dprintf(fd, "DSQ %#llx: %u Gs%s\n", (unsigned long long)d->id,
			READ_ONCE(d->nr),
			d->by_vtime ? ", by virtual time" : "");
}

static void dump(int fd, const char *how)
{
	struct policy *pol = &weft__policy;

	dprintf(fd, "policy %s: %s, %lld Gs wait, and in LOCAL DSQs:\n",
		pol->name, how, (long long)READ_ONCE(pol->nshared));
	weft__dsq_each(dump_dsq, &fd);
}

/* weft_dump() */
void weft__policy_dump(int fd)
{
	struct m *m = this_m();

	if (weft__policy_call.op || !policy_on() || !weft__policy_enter(m))
		return;
	dump(fd, "on");
	POLICY_CALL(OP_DUMP, dump, fd);
	weft__policy_leave(m);
}

/* ---- the ejection ---- */

static void empty(struct dsq *d, void *arg)
{
	struct gpol *gp;

	(void)arg;
	while ((gp = weft__dsq_pop(d, POL_HELD))) {
		if (dsq_is_local(d))
			atomic_add(&weft__policy.nshared, 1);
		weft__policy_rescue(gp);
	}
}

static bool take_held(struct gpol *gp, void *arg)
{
	(void)arg;
	weft__policy_rescue(gp);
	return true;
}

/*
 * At each tick until nobody is inside; that is asked before the walk, so the
 * last one sees every G that was given to the policy.
 */
static void eject(void)
{
	bool inside = weft__policy_inside();

	weft__dsq_each(empty, NULL);
	weft__gpol_walk(take_held, NULL);
	if (inside)
		return;
	weft__say("weft: policy \"%s\": %u Gs that waited are in the global "
		  "queue", weft__policy.name, weft__policy.rescued);
	dump(2, "ejected");
	POLICY_CALL(OP_DUMP, dump, 2);
	weft__policy_end();
}

/* ---- the watchdog ---- */

static s64 timeout(void)
{
	u32 ms = weft__policy.ops.timeout_ms;

	return (ms ? ms : TIMEOUT_MS) * NSEC_PER_MSEC;
}

static void excuses(s64 step)
{
	struct policy *pol = &weft__policy;
	u64 asked, all = 0;
	u32 i;

	for (i = 0; i < pol->nlocal; i++) {
		asked = READ_ONCE(pol->local[i].asked);
		if (asked == pol->local[i].seen)
			WRITE_ONCE(pol->local[i].excuse,
				   pol->local[i].excuse + (u64)step);
		pol->local[i].seen = asked;
		all += asked;
	}
	if (all == pol->seen)
		WRITE_ONCE(pol->excuse, pol->excuse + (u64)step);
	pol->seen = all;
}

struct late {
	s64 now, waited;
	struct gpol *gp;
	u32 where;
};

/*
 * Racy: what is read may be of two moments.  But a G that moves has its since
 * written before it can be seen where it comes to, so it is never late.
 */
static bool judge(struct gpol *gp, void *arg)
{
	u32 where = smp_load_acquire(&gp->where);
	s64 since = READ_ONCE(gp->since);
	struct late *l = arg;
	struct dsq *d = READ_ONCE(gp->dsq);
	u64 excuse;
	s64 waited;

	if (where != POL_HELD && where != POL_QUEUED)
		return true;
	excuse = where == POL_QUEUED && d && dsq_is_local(d) ?
			 d->excuse : weft__policy.excuse;
	waited = l->now - since - (s64)(excuse - READ_ONCE(gp->excuse));
	if (waited <= l->waited || READ_ONCE(gp->since) != since ||
	    smp_load_acquire(&gp->where) != where)
		return true;
	l->waited = waited;
	l->gp = gp;
	l->where = where;
	return true;
}

static void say_late(const struct late *l)
{
	struct dsq *d = READ_ONCE(l->gp->dsq);
	char where[64] = "kept by the policy";

	if (l->where == POL_QUEUED && d)
		snprintf(where, sizeof(where), "in DSQ %#llx",
			 (unsigned long long)d->id);
	weft__policy_breach(WEFT_EXIT_STALL,
			    "G %llu could have run, and waited for %lld ms, %s",
			    (unsigned long long)l->gp->g->id,
			    (long long)(l->waited / NSEC_PER_MSEC), where);
}

static void check(s64 now)
{
	struct late l = { .now = now, .waited = timeout() };
	s64 step = timeout() / 4;

	if (now < weft__policy.check_at)
		return;
	if (weft__policy.check_at)
		excuses(now - weft__policy.check_at + step);
	weft__policy.check_at = now + step;
	if (!weft__policy_work(false))
		return;
	weft__gpol_walk(judge, &l);
	if (l.gp)
		say_late(&l);
}

/* Gs wait and Ps are idle: a wake that could not be sent, or is not enough. */
static void kick_idle(void)
{
	u32 i, n = READ_ONCE(S.nprocs);

	for (i = 0; i < n; i++)
		if (READ_ONCE(weft__policy.nshared) ||
		    READ_ONCE(weft__policy.local[i].nr))
			weft__wake_token(i);
}

/* sysmon, at each tick */
void weft__policy_watch(s64 now)
{
	u32 state = smp_load_acquire(&weft__policy_state);

	if (state == POLICY_EJECTING) {
		eject();
	} else if (state == POLICY_ON) {
		if (READ_ONCE(S.nidle))
			kick_idle();
		check(now);
	}
}
