/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * sysmon.h - what the monitor's files share, and what it calls that lives
 * higher up.
 */
#ifndef WEFT_CORE_SYSMON_H
#define WEFT_CORE_SYSMON_H

#include "../arch/compiler.h"

#define MON_SLICE (10 * NSEC_PER_MSEC)

struct m;

/* The monitor's own; nobody else touches it. */
struct monitor {
	s64 now;
	s64 short_until;
	s64 refused_until;	/* no thread was there: ask then */
	u64 spread;		/* spares.c: as they were spread last */
	u32 tick_us;
	u32 last_tok;		/* handed off last */
	u32 quiet;		/* ticks in a row in which nothing stood */
	u32 idle;		/* ticks in a row with every token idle */
	bool warned;
	bool unwatched;		/* Gs wait where no sentinel looks */
};

/* spares.c: who goes on in place of an M that blocked */
struct m *weft__spare_or_new(struct monitor *mon, u32 tok, uintptr_t t);
void weft__spare_to(struct m *s, u32 cpu);
void weft__keep_spares(struct monitor *mon);

/* silence.c: may it sleep; and then: is this the end?  And until when? */
bool weft__may_sleep(struct monitor *mon);
s64 weft__silence(s64 tick);
s64 weft__next_timer(void);

/* sync/parker.c: unpark what signal handlers listed */
void weft__signals_run(void);
/* in the child of a fork */
void weft__signals_forget(void);

#endif /* WEFT_CORE_SYSMON_H */
