// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * switch_mixed.c - switches that resume at many sites.
 *
 * A benchmark with one call of weft_yield() lets the CPU predict where each
 * switch goes.  Programs are not like that.  Here 16 Gs, in pairs, walk through
 * 16 functions of different shapes (frames of different sizes, more or fewer
 * values that live over the switch, one to four calls deep), each with a
 * switch of its own; half of them yield, half hand a permit to their partner.
 * The Gs start at different sites, so that a switch seldom resumes where the
 * one before did.  The order is fixed and the calls are direct: what is
 * mispredicted is the switches alone.
 *
 * An operation is one site passed, with one switch.
 */
#include "bench.h"

#include <errno.h>

#define MIXED_GS 16
#define MIXED_SITES 16

struct mixed {
	struct weft_parker parker;
	struct permit permit;
	struct mixed *partner;
	bool first;	/* of its pair: gives before it waits */
	bool quit;	/* set by the partner */
	bool threads;
	long start;
	long ops, sum;
} __attribute__((aligned(128)));

static struct mixed mixed_gs[MIXED_GS];

/* Strictly alternating, so that no permit is given twice. */
#define MIXED_HANDOVER(m, give, wait, member)                                 \
	do {                                                                  \
		if ((m)->first)                                               \
			give(&(m)->partner->member);                          \
		if (!READ_ONCE((m)->quit))                                    \
			wait(&(m)->member);                                   \
		if (!(m)->first)                                              \
			give(&(m)->partner->member);                          \
	} while (0)

#define MIXED_YIELD(m)                                                        \
	do {                                                                  \
		if ((m)->threads)                                             \
			sched_yield();                                        \
		else                                                          \
			weft_yield();                                         \
	} while (0)

#define MIXED_PARK(m)                                                         \
	do {                                                                  \
		if ((m)->threads)                                             \
			MIXED_HANDOVER(m, permit_give, permit_wait, permit);  \
		else                                                          \
			MIXED_HANDOVER(m, weft_unpark, weft_park, parker);    \
	} while (0)

/* A frame of @words words that live over the switch. */
#define MIXED_FRAME(name, words, switch_)                                     \
	static noinline long name(struct mixed *m, long x)                    \
	{                                                                     \
		volatile long pad[words];                                     \
									      \
		pad[x & ((words) - 1)] = x;                                   \
		switch_(m);                                                   \
		return pad[x & ((words) - 1)] + 1;                            \
	}

/* Many values in registers. */
#define MIXED_REGS(name, switch_)                                             \
	static noinline long name(struct mixed *m, long x)                    \
	{                                                                     \
		long a = x * 3, b = x ^ 5, c = x + 7, d = x - 9;              \
									      \
		switch_(m);                                                   \
		return (a ^ b) + (c ^ d);                                     \
	}

/* A switch between two calls, deeper than its neighbours. */
#define MIXED_DEEP(name, switch_)                                      \
	static noinline long name##_3(struct mixed *m, long x)                \
	{                                                                     \
		switch_(m);                                                   \
		return x + m->start;                                          \
	}                                                                     \
	static noinline long name##_2(struct mixed *m, long x)                \
	{                                                                     \
		return name##_3(m, x + 1) ^ x;                                \
	}                                                                     \
	static noinline long name(struct mixed *m, long x)                    \
	{                                                                     \
		return name##_2(m, x * 2) - x;                                \
	}

/* In a loop and under a condition. */
#define MIXED_LOOP(name, switch_)                                             \
	static noinline long name(struct mixed *m, long x)                    \
	{                                                                     \
		int i;                                                        \
									      \
		for (i = 0; i < 3; i++) {                                     \
			if (i == 1)                                           \
				switch_(m);                                   \
			x += i ^ m->start;                                    \
		}                                                             \
		return x;                                                     \
	}

MIXED_FRAME(mixed_0, 2, MIXED_YIELD)
MIXED_REGS(mixed_1, MIXED_PARK)
MIXED_DEEP(mixed_2, MIXED_YIELD)
MIXED_LOOP(mixed_3, MIXED_PARK)
MIXED_FRAME(mixed_4, 16, MIXED_PARK)
MIXED_REGS(mixed_5, MIXED_YIELD)
MIXED_DEEP(mixed_6, MIXED_PARK)
MIXED_LOOP(mixed_7, MIXED_YIELD)
MIXED_FRAME(mixed_8, 64, MIXED_YIELD)
MIXED_REGS(mixed_9, MIXED_PARK)
MIXED_DEEP(mixed_10, MIXED_PARK)
MIXED_LOOP(mixed_11, MIXED_YIELD)
MIXED_FRAME(mixed_12, 8, MIXED_PARK)
MIXED_REGS(mixed_13, MIXED_YIELD)
MIXED_DEEP(mixed_14, MIXED_YIELD)
MIXED_LOOP(mixed_15, MIXED_PARK)

#define MIXED_SITE(k)                                                         \
	do {                                                                  \
		if (from <= (k))                                              \
			x = mixed_##k(m, x);                                  \
	} while (0)

/* All sites from number @from on. */
static long mixed_round(struct mixed *m, long x, long from)
{
	MIXED_SITE(0);
	MIXED_SITE(1);
	MIXED_SITE(2);
	MIXED_SITE(3);
	MIXED_SITE(4);
	MIXED_SITE(5);
	MIXED_SITE(6);
	MIXED_SITE(7);
	MIXED_SITE(8);
	MIXED_SITE(9);
	MIXED_SITE(10);
	MIXED_SITE(11);
	MIXED_SITE(12);
	MIXED_SITE(13);
	MIXED_SITE(14);
	MIXED_SITE(15);
	return x;
}

/*
 * The first of a pair ends it: it sets quit, then gives a last permit, and from
 * then on the other waits no more.
 */
static void *mixed_walk(void *arg)
{
	struct mixed *m = arg;

	m->sum = mixed_round(m, 0, m->start);
	m->ops = MIXED_SITES - m->start;
	while (m->first ? !stopping() : !READ_ONCE(m->quit)) {
		m->sum = mixed_round(m, m->sum, 0);
		m->ops += MIXED_SITES;
		cpu_mark();
	}
	if (!m->first)
		return NULL;
	WRITE_ONCE(m->partner->quit, true);
	if (m->threads)
		permit_give(&m->partner->permit);
	else
		weft_unpark(&m->partner->parker);
	return NULL;
}

static void mixed_setup(bool threads)
{
	int i;

	for (i = 0; i < MIXED_GS; i++) {
		struct mixed *m = &mixed_gs[i];

		m->partner = &mixed_gs[i ^ 1];
		m->first = !(i & 1);
		m->threads = threads;
		m->start = i & ~1;
	}
}

static long mixed_ops(void)
{
	long i, ops = 0;

	for (i = 0; i < MIXED_GS; i++)
		ops += mixed_gs[i].ops;
	return ops;
}

static void mixed_weft(struct run *r)
{
	struct weft_g *g[MIXED_GS];
	int i;

	mixed_setup(false);
	run_begin(r);
	for (i = 0; i < MIXED_GS; i++)
		check(weft_spawn(&g[i], NULL, mixed_walk, &mixed_gs[i]),
		      "weft_spawn");
	for (i = 0; i < MIXED_GS; i++)
		weft_join(g[i], NULL);
	run_end(r, mixed_ops());
}

static void mixed_pthread(struct run *r)
{
	pthread_t t[MIXED_GS];

	mixed_setup(true);
	run_begin(r);
	if (threads_start(t, MIXED_GS, mixed_walk, mixed_gs,
			  sizeof(mixed_gs[0])) != MIXED_GS)
		check(-EAGAIN, "threads");
	threads_join(t, MIXED_GS);
	run_end(r, mixed_ops());
}

static const struct bench mixed_row = {
	.name = "switch_mixed",
	.unit = "ns",
	.doc = "16 Gs yield and hand over at 16 sites; per site passed",
	.weft = mixed_weft,
	.pthread = mixed_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.fills = true,
};

BENCH_ROWS(switch_mixed, &mixed_row);
