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

/* BLOCK8() - a row, and how its blockers block */
#define BLOCK8(id, way_, announced_, yields_, doc_)                           \
	static const struct block8_row id##_row = { way_, announced_,         \
						    yields_ };                \
	static const struct bench id = {                                      \
		.name = #id,                                                  \
		.unit = "percent",                                            \
		.doc = doc_,                                                  \
		.weft = block8_weft,                                          \
		.pthread = block8_pthread,                                    \
		.full = { .n = 4, .ms = 500 },                                \
		.quick = { .n = 1, .ms = 300 },                               \
		.arg = (long)&id##_row,                                       \
		.min_procs = 2,                                               \
		.higher = true,                                               \
	}

BLOCK8(block8, &way_pipe, true, false,
       "work of 56 Gs while 8 block 10 ms in announced pipe reads");
BLOCK8(block8_sleep, &way_nanosleep, true, false,
       "the same in announced sleeps");
BLOCK8(block8_plain, &way_pipe, false, false,
       "the same in pipe reads that are not announced");
BLOCK8(block8_yield, &way_pipe, false, true,
       "the same, and they yield after each");
BLOCK8(block8_nanosleep, &way_nanosleep, false, true,
       "sleeps, not announced, and a yield after each");
BLOCK8(block8_fault, &way_fault, false, true,
       "page faults that take 10 ms, and a yield after each");
BLOCK8(block8_mutex, &way_mutex, false, true,
       "a pthread mutex that a thread holds, and a yield after each");
BLOCK8(block8_dns, &way_dns, false, true,
       "getaddrinfo, its server silent, and a yield after each");

BENCH_ROWS(block8, &block8, &block8_sleep, &block8_plain, &block8_yield,
	   &block8_nanosleep, &block8_fault, &block8_mutex, &block8_dns);
