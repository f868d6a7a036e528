// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block8.c - what 56 Gs lose by 8 others that block their kernel threads.
 *
 * 64 Gs on 2 Ps.  56 do 20 us of work and yield, again and again (beside.h).  8
 * block for 10 ms at a time, in one of the ways of block8.h.
 *
 * Announced: block8 and block8_sleep.  In block8_plain nobody announces the
 * reads, so the 8 soon are outside of all tokens and stay there: what it
 * measures is the first read of each.  In all others each blocker yields after
 * each call, and so comes back under a token that must be taken from it again,
 * some 800 times a second.
 */
#include "beside.h"
#include "block8.h"

#define BLOCK8_WORKERS 56

struct block8_row {
	const struct block8_way *way;
	bool announced, yields;
};

static const struct block8_row *block8_now;

static void *block8_other(void *arg)
{
	const struct block8_row *row = block8_now;
	bool announced = row->announced && !beside_threads;
	struct beside_other *o = arg;

	while (!stopping()) {
		if (announced)
			weft_block_begin();
		row->way->block(o->i);
		if (announced)
			weft_block_end();
		o->done++;
		if (row->yields)
			beside_yield();
	}
	return NULL;
}

static void block8_run(struct run *r, bool threads)
{
	const struct block8_row *row = (const struct block8_row *)r->arg;
	const struct beside b = {
		.workers = BLOCK8_WORKERS,
		.others = BLOCK8_BLOCKERS,
		.other = block8_other,
		.start = row->way->start,
		.stop = row->way->stop,
	};
	struct beside_sum with;

	if (row->way->ready && !row->way->ready(r))
		return;
	block8_now = row;
	beside_run(r, &b, threads, &with);
	run_field(r, "blocks_s", with.done / with.s);
}

static void block8_weft(struct run *r)
{
	block8_run(r, false);
}

static void block8_pthread(struct run *r)
{
	block8_run(r, true);
}

/* BLOCK8() - how its blockers block, and how many pairs of phases */
#define BLOCK8(way_, announced_, yields_, n_)                                 \
	.unit = "percent",                                                    \
	.weft = block8_weft,                                                  \
	.pthread = block8_pthread,                                            \
	.full = { .n = n_, .ms = 2000 / (n_) },                               \
	.quick = { .n = 1, .ms = 300 },                                       \
	.arg = (long)&(const struct block8_row){ way_, announced_, yields_ }, \
	.min_procs = 2,                                                       \
	.higher = true

static const struct bench block8 = {
	BLOCK8(&way_pipe, true, false, 8),
	.name = "block8",
	.doc = "work of 56 Gs while 8 block 10 ms in announced pipe reads",
};
static const struct bench block8_sleep = {
	BLOCK8(&way_nanosleep, true, false, 8),
	.name = "block8_sleep",
	.doc = "the same in announced sleeps",
};
static const struct bench block8_plain = {
	BLOCK8(&way_pipe, false, false, 8),
	.name = "block8_plain",
	.doc = "the same in pipe reads that are not announced",
};
static const struct bench block8_yield = {
	BLOCK8(&way_pipe, false, true, 8),
	.name = "block8_yield",
	.doc = "the same, and they yield after each",
};
static const struct bench block8_nanosleep = {
	BLOCK8(&way_nanosleep, false, true, 8),
	.name = "block8_nanosleep",
	.doc = "sleeps, not announced, and a yield after each",
};
static const struct bench block8_fault = {
	BLOCK8(&way_fault, false, true, 8),
	.name = "block8_fault",
	.doc = "page faults that take 10 ms, and a yield after each",
};
static const struct bench block8_mutex = {
	BLOCK8(&way_mutex, false, true, 8),
	.name = "block8_mutex",
	.doc = "a pthread mutex that a thread holds, and a yield after each",
};
static const struct bench block8_dns = {
	BLOCK8(&way_dns, false, true, 4),
	.name = "block8_dns",
	.doc = "getaddrinfo, its server silent, and a yield after each",
};

BENCH_ROWS(block8, &block8, &block8_sleep, &block8_plain, &block8_yield,
	   &block8_nanosleep, &block8_fault, &block8_mutex, &block8_dns);
