/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * trace.h - a ring of events for each M, and one for everybody else.
 *
 * Slow paths only, so that it can be on always: what happened last is there
 * when it is needed.  An M writes its own ring without a lock; a reader may
 * see an entry half overwritten, which its sequence number tells.
 */
#ifndef WEFT_CORE_TRACE_H
#define WEFT_CORE_TRACE_H

#include "../arch/compiler.h"

#define TRACE_SIZE 256

#define TRACE_EVENTS(x)                                                       \
	x(NONE, "-")                                                          \
	x(DISPATCH, "dispatch after idling")                                  \
	x(TICK, "global queue looked at")                                     \
	x(GLOBAL_PUT, "to the global queue")                                  \
	x(GLOBAL_GET, "from the global queue")                                \
	x(SPILL, "spill")                                                     \
	x(PUBLISH, "publish")                                                 \
	x(TAKE_BACK, "take back")                                             \
	x(STEAL, "steal")                                                     \
	x(SEIZE, "seize")                                                     \
	x(RESEAT, "re-seat")                                                  \
	x(HANDOFF, "handoff")                                                 \
	x(TOKEN_BACK, "token taken back")                                     \
	x(RETURN, "return without a token")                                   \
	x(CACHE, "to the M cache")                                            \
	x(IDLE, "idle")                                                       \
	x(M_NEW, "new M")                                                     \
	x(EXPIRED, "slice over")                                              \
	x(LOCKED, "to the locked M")                                          \
	x(HOG, "an M beside one that computes")                               \
	x(PREEMPT, "preempted")

enum trace_event {
#define x(name, text) TRACE_##name,
	TRACE_EVENTS(x) TRACE_N
#undef x
};

struct trace_entry {
	s64 t;			/* CLOCK_MONOTONIC, ns */
	u32 seq;		/* its number; 0: being written */
	u16 event;
	u16 cpu;
	u64 a, b;		/* G, P, M, count: by event */
};

struct trace {
	u32 next;
	struct trace_entry e[TRACE_SIZE];
};

void weft__trace_add(struct trace *t, enum trace_event ev, u64 a, u64 b);
const char *weft__trace_name(enum trace_event ev);

#endif /* WEFT_CORE_TRACE_H */
