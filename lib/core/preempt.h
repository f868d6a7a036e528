/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * preempt.h - what the rest of core knows of stretches; see preempt.c.
 */
#ifndef WEFT_CORE_PREEMPT_H
#define WEFT_CORE_PREEMPT_H

#include "sched.h"

int weft__preempt_permit(struct g *g);
void weft__preempt_release(void);
bool weft__preempt_send(struct m *m);
_Noreturn void weft__preempt_broken(struct m *m);

/* On slow paths, which no G may enter from a stretch. */
static inline void no_stretch(struct m *m)
{
	if (unlikely(m->stretch.open))
		weft__preempt_broken(m);
}

#endif /* WEFT_CORE_PREEMPT_H */
