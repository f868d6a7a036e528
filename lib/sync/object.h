/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * object.h - what the files of the objects share.
 */
#ifndef WEFT_SYNC_OBJECT_H
#define WEFT_SYNC_OBJECT_H

#include "../core/sched.h"
#include "sync.h"
#include "wait_until.h"

#include <weft/park.h>
#include <weft/run.h>
#include <weft/sync.h>

struct wg {
	struct clk lk;
	s64 count;
	struct wqueue q;
};

struct once {
	struct clk lk;
	u64 state;		/* read without lk */
	u64 holder;
	struct wqueue q;
};

struct barrier {
	struct clk lk;
	u32 need, have;
	struct wqueue q;
};

struct event {
	struct clk lk;
	u64 set;		/* read without lk */
	struct wqueue q;
};

_Static_assert(sizeof(struct wg) == 48, "the ABI");
_Static_assert(sizeof(struct once) == 56, "the ABI");
_Static_assert(sizeof(struct barrier) == 48, "the ABI");
_Static_assert(sizeof(struct event) == 48, "the ABI");
_Static_assert(offsetof(struct once, holder) == HOLDER_AT, "for reports");

/* The public struct and ours are the same words. */
#define OBJECT(type)                                                          \
	_Static_assert(sizeof(struct type) == sizeof(struct weft_##type),     \
		       "the public struct has room for it");                  \
	static inline struct type *to_##type(const struct weft_##type *p)     \
	{                                                                     \
		return (struct type *)(uintptr_t)p;                           \
	}                                                                     \
	_Static_assert(sizeof(struct type) > sizeof(struct clk), "")

static inline void lock(struct clk *lk)
{
	clk_lock(weft__my_vcpu(), lk);
}

/* ---- several waiters at once ---- */

/* What wq_pop_all() gave; no lock held. */
static inline void wake_all(struct wnode *n)
{
	struct m *m = this_m();
	struct wnode *next;

	for (; n; n = next) {
		next = n->next;
		wake_who(m, n->who);	/* from here on n may be gone */
	}
}

#endif /* WEFT_SYNC_OBJECT_H */
