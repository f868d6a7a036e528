// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch.c - is there progress, and does work stand while a token is idle?
 *
 * Law L5: a runnable G waits at most a slice while a token's worth of CPU is
 * idle.  Seen from outside: a queue that is not empty and does not move, in
 * every sample over a time in which some token was idle in every sample.  The
 * samples are half a millisecond apart; who watches needs a CPU, too.
 */
#include "torture.h"

#include <pthread.h>

#define STUCK (10 * NSEC_PER_SEC)
#define LEAVE (20 * NSEC_PER_SEC)	/* for the last step of each G */

s64 longest_stood, longest_astray, longest_still;

static pthread_t thread;
static u32 stop;

u64 progress(void)
{
	u64 sum = READ_ONCE(counts.ended);
	u32 i;

	for (i = 0; i < NMODES; i++)
		sum += READ_ONCE(counts.steps[i]);
	return sum;
}

static bool token_idle(void)
{
	u32 i, n = READ_ONCE(S.nprocs);

	for (i = 0; i < n; i++)
		if (smp_load_acquire(&S.tok[i]) & TOK_IDLE)
			return true;
	return false;
}

struct seen {
	u64 moved;
	s64 since;
};

/* moved: what changes whenever the queue does; 0: it is empty */
static void look(struct seen *w, u64 moved, bool idle, s64 now)
{
	if (!moved || !idle || moved != w->moved) {
		w->moved = moved;
		w->since = now;
	} else if (now - w->since > longest_stood) {
		longest_stood = now - w->since;
	}
}

static void look_at_queues(s64 now)
{
	static struct seen p[64], gq[64];
	bool idle = token_idle();
	struct gqueue *q;
	u32 i;

	for (i = 0; i < S.maxprocs && i < ARRAY_SIZE(p); i++)
		look(&p[i], runq_waiting(&S.p[i]->q) ? p_moved(S.p[i]) + 1 : 0,
		     idle, now);
	for (i = 0; i < S.nnodes && i < ARRAY_SIZE(gq); i++) {
		q = &S.node[i].gq;
		look(&gq[i], weft__gq_empty(q) ? 0 :
		     1 + (uintptr_t)READ_ONCE(q->head.node.next) +
		     (uintptr_t)READ_ONCE(q->bhead.node.next) +
		     READ_ONCE(q->nopen), idle, now);
	}
}

/*
 * A token that names an M which believes in another one is lost: nobody runs
 * under it, and nobody gives it away.  For how long?
 */
static void look_at_tokens(s64 now)
{
	static struct seen tok[64];
	u32 i, n = READ_ONCE(S.nprocs);
	struct m *m;

	for (i = 0; i < n && i < ARRAY_SIZE(tok); i++) {
		m = tok_m(READ_ONCE(S.tok[i]));
		if (!m || READ_ONCE(m->tok) == i || tok[i].moved != (u64)m ||
		    READ_ONCE(m->handover))
			tok[i] = (struct seen){ (u64)m, now };
		else if (now - tok[i].since > longest_astray)
			longest_astray = now - tok[i].since;
	}
}

static void stuck(const char *how)
{
	u32 i;

	fprintf(stderr, "STUCK: %s (seed %llu)\n", how,
		(unsigned long long)run.seed);
	fprintf(stderr, "nidle %u nspin %u waking %u eager %u hungry %u "
		"asleep %u procs %u\n", S.nidle, S.nspin, S.waking,
		weft__want.eager, weft__want.hungry, S.mon_asleep, S.nprocs);
	for (i = 0; i < S.nnodes; i++)
		fprintf(stderr, "global queue %u: %s\n", i,
			weft__gq_empty(&S.node[i].gq) ? "empty" : "not empty");
	for (i = 0; i < S.nm; i++)
		fprintf(stderr, "M %u: state %u tok %u locked %u futex %u\n",
			i, S.m[i]->state, S.m[i]->tok, S.m[i]->locked,
			S.m[i]->futex.val);
	weft_dump(2);
	abort();
}

static void *watch(void *arg)
{
	struct timespec ts = { 0, 500000 };
	u64 last = 0, now;
	s64 since = weft__now(), running = since;

	(void)arg;
	while (!READ_ONCE(stop)) {
		nanosleep(&ts, NULL);
		look_at_queues(weft__now());
		look_at_tokens(weft__now());
		/* Ordinary threads go on when a G of the crowd is lost. */
		if (!READ_ONCE(run.stop))
			running = weft__now();
		else if (weft__now() - running > LEAVE)
			stuck("not all Gs left");
		now = progress();
		if (now != last) {
			last = now;
			since = weft__now();
			continue;
		}
		if (weft__now() - since > longest_still)
			longest_still = weft__now() - since;
		if (weft__now() - since > STUCK)
			stuck("no step of any G");
	}
	return NULL;
}

void watch_start(void)
{
	if (pthread_create(&thread, NULL, watch, NULL))
		die("pthread_create failed");
}

void watch_stop(void)
{
	WRITE_ONCE(stop, 1);
	pthread_join(thread, NULL);
}
