/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * blocked.h - WEFT_DEBUG=blocked: what the scheduler tells of blocked calls.
 *
 * Whoever sees that an M sleeps in the kernel says so, sysmon or a sentinel;
 * the M itself when it finds that its token has gone, or sysmon, says that it
 * is over.  What becomes of it is obs/blocked.c's.  While nobody wants to know,
 * each is a load.
 *
 * The record of an M is one word, m->blocked.open: 0, or the entry of the table
 * that the block counts for.  Who changes it from 0 has begun a block, who
 * exchanges it for 0 has ended it; so that each is counted once, whoever is
 * first.
 */
#ifndef WEFT_CORE_BLOCKED_H
#define WEFT_CORE_BLOCKED_H

#include "m.h"

/* Written at start, before there are Ms. */
extern u32 weft__blocked_wanted;

/* obs/blocked.c */
int weft__blocked_start(bool wanted);
void weft__blocked_report(void);
void weft__blocked_free(void);
void weft__blocked_begin(struct m *m, int nr, s64 since);
void weft__blocked_ended(struct m *m, s64 when);
void weft__blocked_sleeps(struct m *m, s64 since);
void weft__blocked_look(s64 now);

/*
 * m sleeps in system call nr (-1: none, a page fault), since then; 0: just now.
 * By anyone; takes no lock, allocates nothing.
 */
static inline void weft__blocked_note(struct m *m, int nr, s64 since)
{
	if (unlikely(READ_ONCE(weft__blocked_wanted)))
		weft__blocked_begin(m, nr, since);
}

/* The same by sysmon, which has asked only whether m sleeps. */
static inline void weft__blocked_asleep(struct m *m, s64 since)
{
	if (unlikely(READ_ONCE(weft__blocked_wanted)))
		weft__blocked_sleeps(m, since);
}

/* m is back: it says so itself, or was seen to have popped. */
static inline void weft__blocked_back(struct m *m)
{
	if (unlikely(READ_ONCE(m->blocked.open)))
		weft__blocked_ended(m, 0);
}

#endif /* WEFT_CORE_BLOCKED_H */
