/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cast.h - what the files of the arena share: its tokens, and who takes part.
 */
#ifndef CAST_H
#define CAST_H

#include "arena.h"

#define add(a, field, k)                                                      \
	__atomic_fetch_add(&(a)->n.field, (u64)(k), __ATOMIC_RELAXED)
#define inc(a, field) add(a, field, 1)

/* tokens.c */

/* A failure; the first is told. */
void found(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A token goes into the queue, and what came out of it: 0 if that is none. */
void *go_in(struct arena *a, uintptr_t t);
uintptr_t came_out(struct arena *a, void *g);
/* The pool of those outside that nobody has in hand */
void give(void **g, u32 n);
uintptr_t get(void);
/* They came out of the queue. */
void give_out(struct arena *a, void **g, u32 n);
void tokens_reset(void);
void tokens_count(struct arena *a, u32 held);

/* worker.c */

struct worker {
	struct arena *a;
	u32 i;
	int cpu;
	u64 rng;
	u32 n;			/* tokens in hand */
	void *t[RUNQ_SIZE];
};

/* Threads: of a struct worker, and of a struct arena */
void *worker(void *arg);

/* others.c */
void *thief(void *arg);
void *seizer(void *arg);
void *mover(void *arg);
void *foreign(void *arg);

/* Stop without the membarrier; RUNQ_STOPPED: another has. */
u32 stop_unfenced(struct p *p);
/* Nobody else has stopped the queue: it sits where S.seat says. */
void sit(struct p *p, u32 o, u32 to);
void bind_to(int cpu);

static inline u64 rnd(u64 *s, u64 n)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s % n;
}

#endif /* CAST_H */
