/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * beside.h - what Gs that work and yield lose by others beside them.
 *
 * Phases with the others and phases without take turns in one process: r->n of
 * each, r->ms long, and which comes first changes with each pair and each
 * round.  The value is the rate of work in percent of the phase without, the
 * median of the pairs: a CPU's speed may double within a second on a machine
 * that is shared.  percent_all is that of all phases together.
 *
 * worst_ms is how much longer the longest gap of one worker without a piece is
 * than in the phases without.  A gap also begins with the phase and ends with
 * the turn that finds the phase over: a worker that never has a turn has one
 * gap, as long as the phase.
 *
 * All is static: compiled with each row that includes it, and in inline.c once
 * for all of them.
 */
#ifndef BESIDE_H
#define BESIDE_H

#include "bench.h"

#include <string.h>

#define BESIDE_WORKERS 128
#define BESIDE_OTHERS 16
#define BESIDE_PAIRS 64
#define BESIDE_WORK_US 20

/**
 * struct beside - who works, and who is beside
 * @workers:	how many work
 * @others:	how many do not
 * @other:	what one of them does until stopping(); its argument is its
 *		struct beside_other
 * @start:	called before a phase with them; or NULL
 * @stop:	called when all of them have ended; or NULL
 */
struct beside {
	int workers, others;
	void *(*other)(void *arg);
	void (*start)(void), (*stop)(void);
};

struct beside_worker {
	long pieces;
	int64_t last, worst_ns;
} __attribute__((aligned(128)));

struct beside_other {
	int i;
	long done;
} __attribute__((aligned(128)));

struct beside_sum {
	double s, pieces, done, handoffs;
	int64_t worst_ns;
};

static struct beside_worker beside_workers[BESIDE_WORKERS];
static struct beside_other beside_others[BESIDE_OTHERS];
static bool beside_threads;

static void beside_yield(void)
{
	if (beside_threads)
		sched_yield();
	else
		weft_yield();
}

static void beside_gap(struct beside_worker *w)
{
	int64_t t = now_ns();

	if (t - w->last > w->worst_ns)
		w->worst_ns = t - w->last;
	w->last = t;
}

static void *beside_work(void *arg)
{
	struct beside_worker *w = arg;

	while (!stopping()) {
		work_us(BESIDE_WORK_US);
		w->pieces++;
		cpu_mark();
		beside_gap(w);
		beside_yield();
	}
	beside_gap(w);
	return NULL;
}

/* A thread or a G, by the implementation that is measured. */
union beside_task {
	pthread_t t;
	struct weft_g *g;
};

static void beside_go(union beside_task *k, void *(*fn)(void *), void *arg)
{
	if (beside_threads)
		check(thread_start(&k->t, fn, arg), "a thread");
	else
		check(weft_spawn(&k->g, NULL, fn, arg), "weft_spawn");
}

static void beside_join(union beside_task *k)
{
	if (beside_threads)
		pthread_join(k->t, NULL);
	else
		weft_join(k->g, NULL);
}

static uint64_t beside_handoffs(void)
{
	struct weft_stats st = { 0 };

	if (!beside_threads)
		weft_stats(&st, sizeof(st));
	return st.handoffs;
}

static void beside_add(struct beside_sum *sum, const struct beside *b,
		       bool with)
{
	int i;

	for (i = 0; i < b->workers; i++) {
		sum->pieces += beside_workers[i].pieces;
		if (beside_workers[i].worst_ns > sum->worst_ns)
			sum->worst_ns = beside_workers[i].worst_ns;
	}
	for (i = 0; with && i < b->others; i++)
		sum->done += beside_others[i].done;
}

/* Pieces a second */
static double beside_phase(struct run *r, const struct beside *b, bool with,
			   struct beside_sum *sum)
{
	union beside_task w[BESIDE_WORKERS], o[BESIDE_OTHERS];
	double s, before = sum->pieces;
	uint64_t handoffs;
	int i;

	if (with && b->start)
		b->start();
	run_begin(r);
	handoffs = beside_handoffs();
	for (i = 0; with && i < b->others; i++) {
		beside_others[i] = (struct beside_other){ .i = i };
		beside_go(&o[i], b->other, &beside_others[i]);
	}
	for (i = 0; i < b->workers; i++) {
		beside_workers[i] = (struct beside_worker){ .last = r->t0 };
		beside_go(&w[i], beside_work, &beside_workers[i]);
	}
	for (i = 0; i < b->workers; i++)
		beside_join(&w[i]);
	s = (now_ns() - r->t0) / 1e9;
	sum->s += s;
	sum->handoffs += beside_handoffs() - handoffs;
	run_stop_clock(r);
	for (i = 0; with && i < b->others; i++)
		beside_join(&o[i]);
	if (with && b->stop)
		b->stop();
	beside_add(sum, b, with);
	return (sum->pieces - before) / s;
}

static double beside_pair(struct run *r, const struct beside *b, bool first,
			  struct beside_sum *with, struct beside_sum *without)
{
	double rate = first ? beside_phase(r, b, true, with) : 0;
	double alone = beside_phase(r, b, false, without);

	if (!first)
		rate = beside_phase(r, b, true, with);
	return 100 * rate / alone;
}

static void beside_run(struct run *r, const struct beside *b, bool threads,
		       struct beside_sum *with)
{
	struct beside_sum without = { 0 };
	double percent[BESIDE_PAIRS], stall, stall0;
	long i, n = r->n < BESIDE_PAIRS ? r->n : BESIDE_PAIRS;

	memset(with, 0, sizeof(*with));
	beside_threads = threads;
	for (i = 0; i < n; i++)
		percent[i] = beside_pair(r, b, (r->round + i) & 1, with,
					 &without);
	r->value = median_of(percent, n);
	stall = with->worst_ns / 1e6;
	stall0 = without.worst_ns / 1e6;
	run_field(r, "percent_all",
		  100 * (with->pieces / with->s) /
			  (without.pieces / without.s));
	run_field(r, "worst_ms", stall - stall0);
	run_field(r, "stall_with_ms", stall);
	run_field(r, "stall_without_ms", stall0);
	run_field(r, "pieces_s_with", with->pieces / with->s);
	run_field(r, "pieces_s_without", without.pieces / without.s);
	if (!threads)
		run_field(r, "handoffs_s", with->handoffs / with->s);
}

#endif /* BESIDE_H */
