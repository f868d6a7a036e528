/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * block8.h - ways to block a kernel thread for about 10 ms at a time.
 *
 * One file each; they call nothing of weft, so the rows (block8.c) can take any
 * of them announced or not, in Gs or in threads.
 */
#ifndef BLOCK8_H
#define BLOCK8_H

#include "bench.h"

#define BLOCK8_BLOCKERS 8
#define BLOCK8_NS 10000000

/**
 * struct block8_way - one of them
 * @ready:	once; false if it cannot be had, then it has called run_skip()
 * @start:	before a phase
 * @block:	called by blocker @i, again and again
 * @stop:	after the phase; no blocker is in block() any more
 *
 * Any but @block may be NULL.
 */
struct block8_way {
	bool (*ready)(struct run *r);
	void (*start)(void);
	void (*block)(int i);
	void (*stop)(void);
};

extern const struct block8_way way_pipe, way_nanosleep, way_fault, way_mutex,
	way_dns;

#endif /* BLOCK8_H */
