/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * torture.h - what the files of the torture test share.
 *
 *	torture.c	options, the crowd of Gs, the verdict
 *	self.c		what a G knows of itself and checks at each step
 *	steps.c		what a G does in a step, by mode
 *	disturb.c	who moves, seizes, unseats, hogs, spawns from outside
 *	watch.c		is there progress; how long does work stand
 *
 * Each decision comes from a generator that is seeded by the run's seed and
 * the number of who decides: a seed replays the decisions, not the timing.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <weft/weft.h>
#include <core/sched.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum mode { YIELD, SPAWN, PARK, TIMED, BLOCK, LOCK, KEYS, EXIT, NMODES };

struct run {
	u64 seed;
	u32 modes;		/* bits */
	u32 disturb;		/* bits */
	u32 gs;
	u32 seconds;
	u32 stop;		/* no further step */
	u32 quiet;		/* disturbers: leave */
};
extern struct run run;

/* What was begun and what ended: equal when all is over.  Atomic. */
struct counts {
	u64 steps[NMODES];
	u64 begun, ended;		/* children */
	u64 set, destroyed;		/* values of keys */
	u64 moves, seizures, seized, unseated, resized, foreign;
};
extern struct counts counts;

#define count(field) __atomic_fetch_add(&counts.field, 1, __ATOMIC_RELAXED)

_Noreturn void die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* ---- numbers ---- */

static inline u64 mix(u64 x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static inline u64 rnd(u64 *s, u64 n)
{
	*s += 0x9e3779b97f4a7c15;
	return mix(*s) % n;
}

/* ---- self.c ---- */

struct self {
	u32 running;		/* exactly one M is on it */
	int err;
	struct weft_g *g;
	u64 rng;
	u64 canary[2];
	u64 key;		/* it must be its value of the key */
	u64 since;		/* when it last left */
	struct fpenv fp, joiner;
};

void self_begin(struct self *s, u64 seed);
void self_end(struct self *s);
/* Around each call that may switch: the G is in the hands of weft. */
void self_leave(struct self *s);
void self_enter(struct self *s);

#define away(s, call)                                                         \
	do {                                                                  \
		self_leave(s);                                                \
		call;                                                         \
		self_enter(s);                                                \
	} while (0)

extern weft_key torture_key;
void key_set(struct self *s);
void key_destroyed(void *val);

/* The longest times from runnable to running, by kind; ns. */
enum wait_kind { W_YIELD, W_SPAWN, W_UNPARK, NWAITS };
extern s64 longest[NWAITS];
void waited(enum wait_kind kind, s64 since);

/* ---- steps.c ---- */

extern const char *const mode_names[NMODES];
void step(struct self *s);
struct child {
	u64 seed;
	u32 depth;
	u32 ran;
	u32 shared;	/* of how many: malloced, freed by itself if detached */
	s64 born;
};
void child_init(struct child *c, u64 seed, u32 depth);
void *child_fn(void *arg);
void *child_detached(void *arg);
void child_check(struct child *c, void *ret);
int echo_start(void);
void echo_stop(void);

/* ---- disturb.c ---- */

enum disturber { MOVER, SEIZER, UNSEATER, PROCS, FOREIGN, HOGS, NDISTURB };
extern const char *const disturber_names[NDISTURB];
void hogs_start(void);
void hogs_stop(void);
void disturbers_start(void);
void disturbers_stop(void);

/* ---- watch.c ---- */

void watch_start(void);
void watch_stop(void);
extern s64 longest_stood;	/* work in a queue while a token was idle */
extern s64 longest_still;	/* no step of any G */
extern s64 longest_astray;	/* a token was astray */
u64 progress(void);

#endif /* TORTURE_H */
