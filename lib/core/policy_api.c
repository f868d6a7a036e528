// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy_api.c - what callbacks may call, but for insertions.
 */
#include "policy.h"

/* ---- DSQs ---- */

int weft_create_dsq(uint64_t id, int32_t node)
{
	(void)node;
	if (!weft__policy_call.op)
		return -EPERM;
	return id & WEFT_DSQ_BUILTIN ? -EINVAL : weft__dsq_create(id);
}

int weft_destroy_dsq(uint64_t id)
{
	if (!weft__policy_call.op)
		return -EPERM;
	return id & WEFT_DSQ_BUILTIN ? -EINVAL : weft__dsq_destroy(id);
}

/* P n's, or GLOBAL if it takes no part now; NULL: there can be no such P. */
static struct dsq *local_of(u32 n)
{
	struct policy *pol = &weft__policy;

	if (n >= pol->nlocal)
		return NULL;
	return n < READ_ONCE(S.nprocs) ? &pol->local[n] :
					 &pol->global[S.p[n]->node->id];
}

/* cpu: whose LOCAL and GLOBAL are meant */
struct dsq *weft__dsq_of(u64 id, s32 cpu)
{
	struct dsq *d;

	if (!(id & WEFT_DSQ_BUILTIN))
		return weft__dsq_find(id);
	if (id == WEFT_DSQ_LOCAL)
		return local_of((u32)cpu);
	if (id == WEFT_DSQ_GLOBAL)
		return &weft__policy.global[S.p[cpu]->node->id];
	d = NULL;
	if ((id & ~(u64)UINT32_MAX) == WEFT_DSQ_LOCAL_ON)
		d = local_of((u32)id);
	return d;
}

int32_t weft_dsq_nr_queued(uint64_t id)
{
	struct policy_call *c = &weft__policy_call;
	struct dsq *d;
	u32 i, n = 0;

	if (!c->op)
		return -EPERM;
	if (id == WEFT_DSQ_GLOBAL) {
		for (i = 0; i < S.nnodes; i++)
			n += READ_ONCE(weft__policy.global[i].nr);
		return (int32_t)n;
	}
	if (id == WEFT_DSQ_LOCAL && c->cpu < 0)
		return -ENOENT;
	d = weft__dsq_of(id, c->cpu);
	return d ? (int32_t)READ_ONCE(d->nr) : -ENOENT;
}

/* ---- the rest ---- */

struct weft_sched_entity *weft_entity(const struct weft_g *g)
{
	struct gpol *gp = weft__gpol((const struct g *)g);

	return gp ? &gp->e : NULL;
}

int32_t weft_g_cpu(const struct weft_g *g)
{
	struct gpol *gp = weft__gpol((const struct g *)g);

	return gp ? READ_ONCE(gp->cpu) : -EINVAL;
}

uint32_t weft_nr_cpus(void)
{
	return READ_ONCE(weft__policy.nlocal);
}

static bool idle(u32 i)
{
	return smp_load_acquire(&S.tok[i]) & TOK_IDLE;
}

int32_t weft_select_cpu_dfl(struct weft_g *g, int32_t prev, uint64_t flags,
			    bool *is_idle)
{
	u32 i, n = READ_ONCE(S.nprocs);

	(void)g, (void)flags;
	*is_idle = false;
	if (!weft_nr_cpus())
		return 0;
	if (prev < 0 || (u32)prev >= n)
		prev = 0;
	*is_idle = READ_ONCE(S.nidle) && idle((u32)prev);
	if (*is_idle || !READ_ONCE(S.nidle))
		return prev;
	for (i = 0; i < n; i++)
		if (idle(i)) {
			*is_idle = true;
			return (int32_t)i;
		}
	return prev;
}

/* Who runs on P i is to make room at its next checkpoint. */
void weft__policy_preempt(u32 i)
{
	struct m *m = tok_m(smp_load_acquire(&S.tok[i]));

	if (m)
		WRITE_ONCE(m->expired, 1);
}

void weft_kick_cpu(int32_t cpu, uint64_t flags)
{
	if (!weft__policy_call.op || cpu < 0 || (u32)cpu >= READ_ONCE(S.nprocs))
		return;
	weft__wake_token((u32)cpu);
	if (flags & WEFT_KICK_PREEMPT)
		weft__policy_preempt((u32)cpu);
}

void weft_policy_error(const char *fmt, ...)
{
	va_list ap;

	if (!weft__policy_call.op)
		return;
	va_start(ap, fmt);
	weft__policy_vbreach(WEFT_EXIT_ERROR, fmt, ap);
	va_end(ap);
}

/* In a G, so not in a callback on its behalf. */
int weft_policy_word(uint64_t word)
{
	struct m *m = this_m();
	struct gpol *gp;

	if (!m)
		return weft__check() ? weft__check() : -EPERM;
	gp = weft__gpol(m->cur);
	if (gp)
		gp->e.word = word;
	return 0;
}
