/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * prim.h - primitives: what the machine itself takes for one thing.
 *
 * Hosts of one kind differ by 2 to 5 times in these, so they are measured and
 * printed beside every table.  A primitive is a row whose host function is
 * set; it uses neither weft nor, but for a partner, threads.
 */
#ifndef PRIM_H
#define PRIM_H

#include "bench.h"

#define PRIM_TURNS 100000
#define PRIM_REPS 9

/** PRIM_LOOP() - r->value = ns for one @code, the median of some loops */
#define PRIM_LOOP(r, code)                                                    \
	do {                                                                  \
		double ns_[PRIM_REPS];                                        \
		int rep_;                                                     \
		long i_;                                                      \
									      \
		run_begin(r);                                                 \
		for (rep_ = 0; rep_ < PRIM_REPS; rep_++) {                    \
			int64_t t_ = now_ns();                                \
									      \
			for (i_ = 0; i_ < PRIM_TURNS; i_++) {                 \
				code;                                         \
			}                                                     \
			ns_[rep_] = (double)(now_ns() - t_) / PRIM_TURNS;     \
		}                                                             \
		run_stop_clock(r);                                            \
		(r)->value = median_of(ns_, PRIM_REPS);                       \
	} while (0)

/** PRIM() - define a primitive */
#define PRIM(id, doc_, fn)                                                    \
	static const struct bench id = {                               \
		.name = #id,                                                  \
		.unit = "ns",                                                 \
		.doc = doc_,                                                  \
		.host = fn,                                                   \
		.serial = true,                                               \
	}

#endif /* PRIM_H */
