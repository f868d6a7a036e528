// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block_nop.c - an announced section in which nothing blocks.
 *
 * The twin calls an empty function through a pointer instead.
 */
#include "bench.h"

static void block_nop_weft(struct run *r)
{
	long ops = 0;
	int i;

	run_begin(r);
	while (!stopping()) {
		for (i = 0; i < 64; i++) {
			weft_block_begin();
			barrier();
			weft_block_end();
		}
		ops += 64;
	}
	run_end(r, ops);
}

static noinline void block_nop_empty(void)
{
	barrier();
}

static void (*volatile block_nop_call)(void) = block_nop_empty;

static void block_nop_pthread(struct run *r)
{
	long ops = 0;
	int i;

	run_begin(r);
	while (!stopping()) {
		for (i = 0; i < 64; i++)
			block_nop_call();
		ops += 64;
	}
	run_end(r, ops);
}

static const struct bench block_nop = {
	.name = "block_nop",
	.unit = "ns",
	.doc = "an announced section that does not block",
	.weft = block_nop_weft,
	.pthread = block_nop_pthread,
	.twin = "an empty function called through a pointer",
	.full = { .ms = 500 },
	.quick = { .ms = 100 },
	.max_procs = 1,
	.serial = true,
};

BENCH_ROWS(block_nop, &block_nop);
