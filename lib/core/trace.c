// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * trace.c - writing a trace ring; see trace.h.
 */
#define _GNU_SOURCE
#include "trace.h"
#include "../os/clock.h"

#include <sched.h>

void weft__trace_add(struct trace *t, enum trace_event ev, u64 a, u64 b)
{
	u32 n = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED);
	struct trace_entry *e = &t->e[n % TRACE_SIZE];

	WRITE_ONCE(e->seq, 0);
	barrier();
	e->t = weft__now();
	e->event = ev;
	e->cpu = (u16)sched_getcpu();
	e->a = a;
	e->b = b;
	smp_store_release(&e->seq, n + 1);
}

const char *weft__trace_name(enum trace_event ev)
{
	static const char *const names[] = {
#define x(name, text) text,
		TRACE_EVENTS(x)
#undef x
	};

	return ev < TRACE_N ? names[ev] : "?";
}
