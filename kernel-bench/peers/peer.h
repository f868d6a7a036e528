/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * peer.h - what the peers in C++ share: the clock, the stopper, the piece of
 * work and the figures are those of our own rows (bench.h; run.c, util.c,
 * cpus.c and threads.c are linked in), and so is what stands in the result.
 *
 * A peer defines peer_version(), its table of rows, ended by one without a
 * name, and includes nothing of ours besides this.  peer.cpp has main().
 */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
#include "../bench.h"
}

/* Names that C++ libraries use. */
#undef barrier
#undef noinline

/**
 * struct peer_row - a row that this peer has, or has not
 * @name:	as in --bench
 * @fn:		measures it, as struct bench's functions do; or NULL
 * @arg:	tells rows apart that share a function
 * @note:	what was taken instead of what weft's row does, or NULL
 * @why:	of a row without @fn: why the peer cannot do it
 * @unit:	NULL: "ns"
 */
struct peer_row {
	const char *name;
	void (*fn)(struct run *r);
	long arg;
	const char *note, *why, *unit;
};

extern const struct peer_row peer_rows[];
const char *peer_version(void);

#define PEER_ROUNDS 1000

/** struct peer_rounds - the time of each round, in the row's unit */
struct peer_rounds {
	double v[PEER_ROUNDS];
	int n;
};

/* Another round? At least @min, and until the row's time is over. */
static inline bool peer_more(const struct peer_rounds *k, int min)
{
	return k->n < min || (!stopping() && k->n < PEER_ROUNDS);
}

/* The value is the median of all rounds but the first @drop. */
static inline void peer_median(struct run *r, struct peer_rounds *k, int drop)
{
	run_stop_clock(r);
	r->value = median_of(k->v + drop, k->n - drop);
	run_field(r, "rounds", k->n - drop);
}

/* fib(n), and how many tasks its tree has: one for each call with n >= 2. */
long peer_fib(long n);
long peer_fib_tasks(long n);

/*
 * A row that computes trees: @tree(n) is called once unmeasured, then until the
 * time is over.  peer_fib_row gives the time of a task, peer_skynet_row the
 * median time of a tree in ms; both check what came out.
 */
void peer_fib_row(struct run *r, long (*tree)(long n));
void peer_skynet_row(struct run *r, long (*tree)(long leaves));

/* @round does one round of n tasks; its first two are dropped, at least 7. */
void peer_batch_row(struct run *r, void (*round)(long n));
/* The same for the rows steal*, whose @round is told the us of work. */
void peer_steal_row(struct run *r, void (*round)(long n, int us));

#endif /* PEER_H */
