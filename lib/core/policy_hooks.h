/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * policy_hooks.h - where the scheduler asks a policy, if there is one.
 *
 * Slow paths only; policy.h says how they come to be entered.
 */
#ifndef WEFT_CORE_POLICY_HOOKS_H
#define WEFT_CORE_POLICY_HOOKS_H

#include "sched.h"

/* run.c */
int weft__policy_start(void);
void weft__policy_stop(void);
void weft__policy_forked(void);

enum policy_state {
	POLICY_OFF,		/* none, or ejected and gone */
	POLICY_INIT,		/* init() runs */
	POLICY_ON,
	POLICY_BROKEN,		/* somebody writes down why */
	POLICY_EJECTING,	/* sysmon takes its Gs */
};

/* ON -> BROKEN by CAS; then by who did that; then by sysmon. */
extern u32 weft__policy_state;

/* False from the moment that it is ejected. */
static inline bool policy_on(void)
{
	return unlikely(smp_load_acquire(&weft__policy_state) == POLICY_ON);
}

/* gq.c: false: it does not take g, which goes to the global queue */
bool weft__policy_push(struct m *m, struct g *g);
/* rq.c: m's P is none.  false: nor is there a policy any more */
bool weft__policy_asked(const struct m *m);
struct g *weft__policy_pop(struct m *m);
/* m.c: before the switch to g; after g left, before others can see it */
void weft__policy_running(struct m *m, struct g *g);
void weft__policy_left(struct m *m, struct g *g, bool runnable);
/* key.c: g's function and destructors have returned */
void weft__policy_ended(struct g *g);
/* foreign.c: what weft_attr says; before the first push */
void weft__policy_attr(struct g *g, u64 word);

/* idle.c, sysmon.c.  alone: leave out what only one M can take. */
bool weft__policy_work(bool alone);
/* Gs in the LOCAL DSQ of P i */
u32 weft__policy_local(u32 i);
/* sysmon.c */
void weft__policy_watch(s64 now);
/* procs.c: P i takes part no more */
void weft__policy_retire(u32 i);
/* dump.c */
void weft__policy_dump(int fd);

#endif /* WEFT_CORE_POLICY_HOOKS_H */
