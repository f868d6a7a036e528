/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * hint.h - what the scheduler makes of hints; hint.c tells how they travel.
 */
#ifndef WEFT_CORE_HINT_H
#define WEFT_CORE_HINT_H

#include "sched.h"
#include "../os/hintmem.h"

#include <weft/hint.h>

#define HINT_LONG NSEC_PER_MSEC		/* expected to block for so long */
#define HINT_NEVER (100 * NSEC_PER_MSEC) /* "never" ends */

/* A G's; written by itself. */
struct hints {
	s64 block_ns, slice_ns;
	u64 near;
	u32 handoff;
	u32 urgency;
	u32 due;		/* batch: its turn has come; by who has it */
};

struct weft_attr;

/* parker.c: as weft__park_commit() */
bool weft__park_commit_urgent(struct m *m, struct g *prev, struct ctx *pc);

/* hint.c */
int weft__hint_check(const struct weft_attr *attr);
int weft__hint_attr(struct g *g, const struct weft_attr *attr);
void weft__hint_in(struct m *m, const struct g *g);
bool weft__hint_out(struct m *m, const struct g *g);
struct g *weft__hint_tick(struct m *m);
void weft__hint_child_ended(const struct g *c, struct g *self);
u64 weft__hint_post(const struct g *g, u64 post);
bool weft__hint_critical(const struct g *g);
void weft__hint_due(struct g *g);
bool weft__hint_turn(struct g *g);
bool weft__hint_near(const struct g *a, const struct g *b);
void weft__hint_m(struct m *m);

/* What the G that m runs has said; by anyone. */
static inline u32 hint_handoff(const struct m *m)
{
	const struct weft_hint_words *w = m->hint;

	return READ_ONCE(w->g) ? READ_ONCE(w->handoff) : WEFT_HANDOFF_AUTO;
}

static inline u32 hint_urgency(const struct m *m)
{
	const struct weft_hint_words *w = m->hint;

	return READ_ONCE(w->g) ? READ_ONCE(w->urgency) : WEFT_NORMAL;
}

/* In a section, and it need not be asked whether it sleeps. */
static inline bool hint_now(const struct m *m)
{
	return hint_handoff(m) == WEFT_HANDOFF_NOW &&
	       READ_ONCE(m->state) == M_BLOCK;
}

/* So long it may compute before its token is taken, slice or not. */
static inline s64 hint_keeps(const struct m *m)
{
	return hint_handoff(m) == WEFT_HANDOFF_NEVER ? HINT_NEVER : 0;
}

/* Its slice, or this one. */
static inline s64 hint_slice(const struct m *m, s64 or_else)
{
	const struct weft_hint_words *w = m->hint;
	s64 ns = READ_ONCE(w->g) ? READ_ONCE(w->slice_ns) : 0;

	return ns ? ns : or_else;
}

/* So long it may sleep before its token is taken. */
static inline s64 hint_patience(const struct m *m)
{
	const struct weft_hint_words *w = m->hint;
	s64 ns;

	if (likely(!READ_ONCE(w->g)))
		return 0;
	if (READ_ONCE(w->handoff) == WEFT_HANDOFF_NEVER)
		return HINT_NEVER;
	ns = READ_ONCE(w->block_ns);
	return ns < HINT_LONG ? ns : 0;
}

#endif /* WEFT_CORE_HINT_H */
