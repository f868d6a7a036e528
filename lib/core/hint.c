// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * hint.c - hints: how they travel with a G; see weft/hint.h.
 *
 * A G without hints pays nothing for those of others, not an instruction:
 *
 *	- the context of a hinted G that does not run carries CTX_HINT, as that
 *	  of a locked one carries CTX_LOCKED.  So who switches to it enters
 *	  weft__prepare(), which writes its hints to the page of the M
 *	- its M is made to tick at the next pop, and that tick answers "leave
 *	  for the idle loop".  There, in resume(), the page is cleared, and the
 *	  context of the G that left gets its mark
 *
 *	    switch_to(G)		G runs		G parks: pop()
 *	    weft__prepare()				weft__tick()
 *	      page = G's hints				  -> &m->g0
 *	      m->tick = 1				resume(): page.g = 0
 *						G's context |= CTX_HINT
 *
 * A G inside of a hinted one (a child that its joiner runs as a call) may leave
 * the M before that one has: then the joiner's hints come back with the end of
 * the child, weft__child_end(), wherever that is.
 *
 * A G's hints stand in an array beside its slab, made when the first G of that
 * slab has any, and as type-stable: who reads those of a G that ends may read
 * the next one's, and never faults.
 *
 * The page is written by its M alone, and read by the sentinels, sysmon and
 * who else maps it (hint_page.h).  Nothing rests on it.
 */
#include "hint.h"
#include "gpool.h"
#include "policy_hooks.h"
#include "../os/mem.h"

#include <string.h>
#include <weft/g.h>

static struct hints *side_of(struct gslab *s)
{
	size_t sz = GSLAB_N * sizeof(struct hints);
	struct hints *h = smp_load_acquire(&s->hints);

	if (h)
		return h;
	h = weft__map(sz, 0, -1, WEFT__MAP_NOHUGE);
	if (h && !cas(&s->hints, NULL, h)) {
		weft__unmap(h, sz);
		h = smp_load_acquire(&s->hints);
	}
	return h;
}

static size_t index_of(const struct g *g)
{
	return ((uintptr_t)g - (uintptr_t)g_slab(g) - GSLAB_HEADER) /
	       WEFT__LINE;
}

static struct hints *hints_of(const struct g *g)
{
	struct hints *h;

	if (!(READ_ONCE(g->flags) & GF_HINT))
		return NULL;
	h = smp_load_acquire(&g_slab(g)->hints);
	return h + index_of(g);
}

/* g's own thread, or nobody has seen g yet.  NULL: no memory. */
static struct hints *hints_make(struct g *g)
{
	struct hints *h;

	if (g->flags & GF_HINT)
		return hints_of(g);
	h = side_of(g_slab(g));
	if (!h)
		return NULL;
	h += index_of(g);
	*h = (struct hints){ 0 };
	g_flag(g, GF_HINT);
	return h;
}

/* ---- the page ---- */

static void show(struct weft_hint_words *w, const struct hints *h, u64 id)
{
	WRITE_ONCE(w->g, 0);
	barrier();
	WRITE_ONCE(w->block_ns, h->block_ns);
	WRITE_ONCE(w->slice_ns, h->slice_ns);
	WRITE_ONCE(w->near, h->near);
	WRITE_ONCE(w->handoff, h->handoff);
	WRITE_ONCE(w->urgency, h->urgency);
	/* Who sees the number sees the rest. */
	smp_store_release(&w->g, id);
}

/* A new M: its page may have been that of an M of an earlier run. */
void weft__hint_m(struct m *m)
{
	m->hint = weft__hint_words(m->id);
	m->hinted = 0;
	m->hint_of = NULL;
	m->early = m->look_due = 0;
}

/*
 * g, which has hints, runs on m from now on.  The ticks that come early are
 * counted, so that each 61st pop still looks around.
 */
void weft__hint_in(struct m *m, const struct g *g)
{
	if (!m->hinted) {
		m->early += m->tick_len - m->tick;
		weft__tick_soon(m);
	}
	m->hinted = 1;
	m->hint_of = g;
	show(m->hint, hints_of(g), g->id);
}

/* g has left m, for the idle loop.  True: its context is to be marked. */
bool weft__hint_out(struct m *m, const struct g *g)
{
	m->hinted = 0;
	m->hint_of = NULL;
	WRITE_ONCE(m->hint->g, 0);
	return g->flags & GF_HINT;
}

/* How a G that left is made visible: one that goes first, so that it does. */
u64 weft__hint_post(const struct g *g, u64 post)
{
	if (post == (u64)weft__park_commit && weft__hint_critical(g))
		post = (u64)weft__park_commit_urgent;
	return post;
}

/* A pop while such a G runs: it leaves.  By weft__tick(). */
struct g *weft__hint_tick(struct m *m)
{
	weft__tick_in(m, m->pace);
	stat_inc(m->nticks);
	WRITE_ONCE(m->expired, 0);
	if (++m->early >= M_TICK) {
		m->early = 0;
		m->look_due = 1;	/* the idle loop does it */
	}
	/* A child leaves with its joiner around it: see below. */
	if (m->cur != m->hint_of)
		g_flag(m->cur, GF_INSIDE);
	return &m->g0;
}

/*
 * c ran inside of self, and has ended; maybe on another M than it began on, or
 * with hints of its own.  If self is such a child itself, its joiner may be the
 * one who has lost his.
 */
void weft__hint_child_ended(const struct g *c, struct g *self)
{
	struct m *m = this_m();

	if (self->flags & GF_HINT) {
		weft__hint_in(m, self);
		return;
	}
	if (m->hinted && m->hint_of == c)
		weft__hint_out(m, self);
	/* Who joins or detaches self may CAS, but never away from INLINE. */
	if (READ_ONCE(self->join) == JOIN_INLINE)
		g_flag(self, GF_INSIDE);
}

/* ---- what others ask ---- */

/* A G that waits, and is in our hands: does it go first? */
bool weft__hint_critical(const struct g *g)
{
	const struct hints *h = hints_of(g);

	return h && h->urgency == WEFT_CRITICAL && !policy_on();
}

void weft__hint_due(struct g *g)
{
	hints_of(g)->due = 1;
}

/* g was popped.  False: it steps aside, and we do not have it any more. */
bool weft__hint_turn(struct g *g)
{
	struct hints *h = hints_of(g);

	if (h->urgency != WEFT_BATCH || h->due || policy_on()) {
		h->due = 0;
		return true;
	}
	weft__batch_put(g);
	return false;
}

/* Do these two talk to each other?  b waits, and is in our hands. */
bool weft__hint_near(const struct g *a, const struct g *b)
{
	const struct hints *ha = hints_of(a), *hb = hints_of(b);

	return (ha && ha->near == b->id) || (hb && hb->near == a->id);
}

/* ---- a new G ---- */

static bool slice_ok(s64 ns)
{
	return !ns || (ns >= WEFT_HINT_SLICE_MIN && ns <= WEFT_HINT_SLICE_MAX);
}

int weft__hint_check(const struct weft_attr *attr)
{
	return attr->block_ns < 0 || attr->handoff > WEFT_HANDOFF_NEVER ||
			       attr->urgency > WEFT_CRITICAL ||
			       !slice_ok(attr->slice_ns) ?
		       -EINVAL : 0;
}

/* Nobody has seen g yet; its context is marked when it has one. */
int weft__hint_attr(struct g *g, const struct weft_attr *attr)
{
	struct hints *h;

	if (!attr->block_ns && !attr->handoff && !attr->slice_ns &&
	    !attr->urgency)
		return 0;
	h = hints_make(g);
	if (!h)
		return -ENOMEM;
	h->block_ns = attr->block_ns;
	h->slice_ns = attr->slice_ns;
	h->handoff = attr->handoff;
	h->urgency = attr->urgency;
	return 0;
}

/* ---- the G that runs ---- */

/* Where its hints are; NULL: *err */
static struct hints *mine(struct m *m, int *err)
{
	struct hints *h = m ? hints_make(m->cur) : NULL;

	*err = h ? 0 : m ? -ENOMEM : weft__check() ? weft__check() : -EPERM;
	return h;
}

int weft_hint_block(int64_t ns)
{
	struct m *m = this_m();
	struct hints *h;
	int err;

	if (ns < 0)
		return -EINVAL;
	h = mine(m, &err);
	if (!h)
		return err;
	h->block_ns = ns;
	weft__hint_in(m, m->cur);
	return 0;
}

int weft_hint_handoff(int how)
{
	struct m *m = this_m();
	struct hints *h;
	int err;

	if (how < 0 || how > WEFT_HANDOFF_NEVER)
		return -EINVAL;
	h = mine(m, &err);
	if (!h)
		return err;
	h->handoff = (u32)how;
	weft__hint_in(m, m->cur);
	return 0;
}

int weft_hint_urgency(int how)
{
	struct m *m = this_m();
	struct hints *h;
	int err;

	if (how < 0 || how > WEFT_CRITICAL)
		return -EINVAL;
	h = mine(m, &err);
	if (!h)
		return err;
	h->urgency = (u32)how;
	weft__hint_in(m, m->cur);
	return 0;
}

int weft_hint_slice(int64_t ns)
{
	struct m *m = this_m();
	struct hints *h;
	int err;

	if (!slice_ok(ns))
		return -EINVAL;
	h = mine(m, &err);
	if (!h)
		return err;
	h->slice_ns = ns;
	weft__hint_in(m, m->cur);
	return 0;
}

int weft_hint_near(struct weft_g *other)
{
	const struct g *o = (const struct g *)other;
	struct m *m = this_m();
	struct hints *h;
	int err;

	if (m && o == m->cur)
		return -EINVAL;
	h = mine(m, &err);
	if (!h)
		return err;
	h->near = o ? o->id : 0;
	weft__hint_in(m, m->cur);
	return 0;
}

int weft_hints(const struct weft_g *other, struct weft_hints *to)
{
	const struct g *g = (const struct g *)other;
	struct weft_hints all = { 0 };
	const struct hints *h;
	struct m *m = this_m();

	if (!to || to->sz < sizeof(to->sz))
		return -EINVAL;
	if (!g && !m)
		return weft__check() ? weft__check() : -EPERM;
	h = hints_of(g ? g : m->cur);
	if (h) {
		all.block_ns = READ_ONCE(h->block_ns);
		all.slice_ns = READ_ONCE(h->slice_ns);
		all.near = READ_ONCE(h->near);
		all.handoff = READ_ONCE(h->handoff);
		all.urgency = READ_ONCE(h->urgency);
	}
	all.sz = to->sz;
	if (to->sz > sizeof(all))
		memset((char *)to + sizeof(all), 0, to->sz - sizeof(all));
	memcpy(to, &all, to->sz < sizeof(all) ? to->sz : sizeof(all));
	return 0;
}
