/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.h - one run queue, and threads of the test that work on it.
 *
 * There is no runtime.  What the library's queue code asks of an M (its vcpu,
 * its trace) is made here; in place of Gs the queue carries tokens, numbers
 * that are never followed.  A token is in the queue or outside, and says so:
 * one that comes out twice, or is put in twice, is found at once, one that is
 * lost when all are counted at the end.
 */
#ifndef ARENA_H
#define ARENA_H

#include <core/sched.h>

#define TOKENS 1000
#define WORKERS 4

/* What is done wrong on purpose: the test must find it. */
enum plant {
	PLANT_NONE,
	PLANT_SEIZE,		/* seizure without the membarrier */
	PLANT_BUSY,		/* ... that does not ask the busy word */
	PLANT_RESEAT,		/* the new seat without the membarrier */
	PLANT_DESCRIPTOR,	/* rseq_cs never set: nothing is restarted */
	PLANT_TAKE_BACK,	/* take-back by a plain store */
	PLANT_LATE_COPY,	/* a thief copies after its CAS */
};

/* Who takes part.  CPUs are numbers in the arena's list: 0 and 1. */
struct cast {
	u32 workers;		/* half on each CPU if split, else all on 0 */
	bool split;
	bool kicker;		/* signals to workers, from their own CPU */
	bool seizer;
	u32 seizer_sleeps_us;	/* in the middle of each seizure */
	bool thieves;
	bool relocate;		/* a worker elsewhere fetches the queue */
	bool mover;		/* moves the seat between the CPUs */
	bool foreign;		/* an ordinary thread pushes on CPU 0 */
	enum plant plant;
};

struct arena_counts {
	u64 pushed, popped, taken_back, tails, published, batch_in, batch_out;
	u64 refused, full, stolen, seized, seizures, missed, moved, foreign;
	u64 kicks, during;	/* operations while a seizer slept */
};

struct arena {
	struct p *p;
	struct m *m[WORKERS + 1];
	int cpu[2];
	struct cast cast;
	struct arena_counts n;
	u32 stop;
	u32 sleeping;		/* the seizer, in the middle */
	u32 failures;
	char first[128];	/* what was found first */
};

/* NULL, or why this kind cannot be had here. */
const char *arena_make(struct arena *a, u32 twin);
/* Indices begin at base. */
void arena_reset(struct arena *a, u64 base);
/* Run cast for up to ms; stops at the first failure.  Number of failures. */
u32 arena_run(struct arena *a, const struct cast *cast, u32 ms);
void arena_print(const struct arena *a);

/* Bind the calling thread, and be worker i of the arena. */
struct m *arena_be(struct arena *a, u32 i, int cpu);

#endif /* ARENA_H */
