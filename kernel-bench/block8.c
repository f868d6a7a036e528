// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block8.c - what 56 Gs lose by 8 others that block their kernel threads.
 *
 * 64 Gs on 2 Ps.  56 do 20 us of work and yield, again and again.  8 block for
 * 10 ms at a time: in a read of a pipe that an ordinary thread feeds (block8),
 * in nanosleep (block8_sleep), or in a read that nobody announced to the
 * runtime (block8_plain).  Two phases in one process, one with the 8 and one
 * without; which is first changes with each round.
 *
 * The value is the rate of work in percent of the phase without the 8.
 * worst_ms is how much longer the longest gap of one worker without a piece is
 * than in the phase without.  A gap also begins with the phase and ends with
 * the turn that finds the phase over: a worker that never has a turn has one
 * gap, as long as the phase.
 */
#include "bench.h"

#include <errno.h>
#include <unistd.h>

#define BLOCK8_WORKERS 56
#define BLOCK8_BLOCKERS 8
#define BLOCK8_WORK_US 20
#define BLOCK8_NS 10000000

enum block8_how { BLOCK8_PIPE, BLOCK8_SLEEP, BLOCK8_PLAIN };

struct block8_worker {
	long pieces;
	int64_t last, worst_ns;
} __attribute__((aligned(128)));

struct block8_blocker {
	int fd[2];
	long blocks;
} __attribute__((aligned(128)));

struct block8_phase {
	double rate, worst_ms, blocks_s;
};

static struct block8_worker block8_workers[BLOCK8_WORKERS];
static struct block8_blocker block8_blockers[BLOCK8_BLOCKERS];
static enum block8_how block8_how;
static bool block8_threads, block8_fed;

static void block8_gap(struct block8_worker *w)
{
	int64_t t = now_ns();

	if (t - w->last > w->worst_ns)
		w->worst_ns = t - w->last;
	w->last = t;
}

static void *block8_work(void *arg)
{
	struct block8_worker *w = arg;

	while (!stopping()) {
		work_us(BLOCK8_WORK_US);
		w->pieces++;
		cpu_mark();
		block8_gap(w);
		if (block8_threads)
			sched_yield();
		else
			weft_yield();
	}
	block8_gap(w);
	return NULL;
}

static void block8_wait(struct block8_blocker *b)
{
	struct timespec t = { 0, BLOCK8_NS };
	char c;

	if (block8_how == BLOCK8_SLEEP)
		nanosleep(&t, NULL);
	else if (read(b->fd[0], &c, 1) != 1)
		check(-EIO, "a read of a pipe");
}

static void *block8_block(void *arg)
{
	struct block8_blocker *b = arg;
	bool announce = !block8_threads && block8_how != BLOCK8_PLAIN;

	b->blocks = 0;
	while (!stopping()) {
		if (announce)
			weft_block_begin();
		block8_wait(b);
		if (announce)
			weft_block_end();
		b->blocks++;
	}
	return NULL;
}

static void *block8_feed(void *arg)
{
	int64_t next = now_ns();
	int i;

	while (load_acquire(&block8_fed)) {
		next += BLOCK8_NS;
		sleep_until(next);
		for (i = 0; i < BLOCK8_BLOCKERS; i++)
			if (write(block8_blockers[i].fd[1], "x", 1) != 1)
				check(-EIO, "a write to a pipe");
	}
	return arg;
}

/* A thread or a G, by the implementation that is measured. */
union block8_task {
	pthread_t t;
	struct weft_g *g;
};

static void block8_start(union block8_task *k, void *(*fn)(void *), void *arg)
{
	if (block8_threads)
		check(thread_start(&k->t, fn, arg), "a thread");
	else
		check(weft_spawn(&k->g, NULL, fn, arg), "weft_spawn");
}

static void block8_join(union block8_task *k)
{
	if (block8_threads)
		pthread_join(k->t, NULL);
	else
		weft_join(k->g, NULL);
}

static void block8_sum(struct block8_phase *ph, int64_t ns, bool with)
{
	int64_t worst = 0;
	long i, n = 0, blocks = 0;

	for (i = 0; i < BLOCK8_WORKERS; i++) {
		n += block8_workers[i].pieces;
		if (block8_workers[i].worst_ns > worst)
			worst = block8_workers[i].worst_ns;
	}
	for (i = 0; with && i < BLOCK8_BLOCKERS; i++)
		blocks += block8_blockers[i].blocks;
	ph->rate = n * 1e9 / ns;
	ph->worst_ms = worst / 1e6;
	ph->blocks_s = blocks * 1e9 / ns;
}

static void block8_phase(struct run *r, struct block8_phase *ph, bool with)
{
	union block8_task w[BLOCK8_WORKERS], b[BLOCK8_BLOCKERS];
	int64_t ns;
	int i;

	run_begin(r);
	for (i = 0; with && i < BLOCK8_BLOCKERS; i++)
		block8_start(&b[i], block8_block, &block8_blockers[i]);
	for (i = 0; i < BLOCK8_WORKERS; i++) {
		block8_workers[i] = (struct block8_worker){ .last = r->t0 };
		block8_start(&w[i], block8_work, &block8_workers[i]);
	}
	for (i = 0; i < BLOCK8_WORKERS; i++)
		block8_join(&w[i]);
	ns = now_ns() - r->t0;
	run_stop_clock(r);
	for (i = 0; with && i < BLOCK8_BLOCKERS; i++)
		block8_join(&b[i]);
	block8_sum(ph, ns, with);
}

static void block8_with(struct run *r, struct block8_phase *ph)
{
	pthread_t feeder;

	block8_fed = block8_how != BLOCK8_SLEEP;
	if (block8_fed)
		check(thread_start(&feeder, block8_feed, NULL), "a thread");
	block8_phase(r, ph, true);
	if (!block8_fed)
		return;
	store_release(&block8_fed, false);
	pthread_join(feeder, NULL);
}

static void block8_run(struct run *r)
{
	struct block8_phase with, without;
	int i;

	block8_how = r->arg;
	for (i = 0; i < BLOCK8_BLOCKERS; i++)
		if (pipe(block8_blockers[i].fd))
			check(-errno, "pipe");
	if (r->round & 1)
		block8_with(r, &with);
	block8_phase(r, &without, false);
	if (!(r->round & 1))
		block8_with(r, &with);

	r->value = 100 * with.rate / without.rate;
	run_field(r, "worst_ms", with.worst_ms - without.worst_ms);
	run_field(r, "stall_with_ms", with.worst_ms);
	run_field(r, "stall_without_ms", without.worst_ms);
	run_field(r, "pieces_s_with", with.rate);
	run_field(r, "pieces_s_without", without.rate);
	run_field(r, "blocks_s", with.blocks_s);
}

static void block8_weft(struct run *r)
{
	block8_threads = false;
	block8_run(r);
}

static void block8_pthread(struct run *r)
{
	block8_threads = true;
	block8_run(r);
}

static const struct bench block8 = {
	.name = "block8",
	.unit = "percent",
	.doc = "work of 56 Gs while 8 block 10 ms in announced pipe reads",
	.weft = block8_weft,
	.pthread = block8_pthread,
	.full = { .ms = 2000 },
	.quick = { .ms = 300 },
	.arg = BLOCK8_PIPE,
	.min_procs = 2,
	.higher = true,
};
static const struct bench block8_sleep = {
	.name = "block8_sleep",
	.unit = "percent",
	.doc = "the same in announced sleeps",
	.weft = block8_weft,
	.pthread = block8_pthread,
	.full = { .ms = 2000 },
	.quick = { .ms = 300 },
	.arg = BLOCK8_SLEEP,
	.min_procs = 2,
	.higher = true,
};
static const struct bench block8_plain = {
	.name = "block8_plain",
	.unit = "percent",
	.doc = "the same in pipe reads that are not announced",
	.weft = block8_weft,
	.pthread = block8_pthread,
	.full = { .ms = 2000 },
	.quick = { .ms = 300 },
	.arg = BLOCK8_PLAIN,
	.min_procs = 2,
	.higher = true,
};

BENCH_ROWS(block8, &block8, &block8_sleep, &block8_plain);
