// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * stats.c - weft_stats(): the counters of all Ms, added up.
 */
#include "../core/sched.h"
#include "../core/run.h"
#include "../block/sentinel.h"

#include <string.h>
#include <weft/stats.h>

static void add_m(struct weft_stats *st, struct m *m)
{
	st->ended += READ_ONCE(m->nended) + READ_ONCE(m->ninline);
	st->inlined += READ_ONCE(m->ninline);
	st->spawned += weft__spawned(m);
	st->dispatched += READ_ONCE(m->n.popped) + READ_ONCE(m->tick_len) -
			  READ_ONCE(m->tick);
	st->ticks += READ_ONCE(m->nticks);
	st->parked += READ_ONCE(m->nparked);
	st->readied += READ_ONCE(m->nreadied);
#define x(field, from) st->field += READ_ONCE(m->n.from)
	x(timers, timers);
	x(global_put, global_put);
	x(global_got, global_got);
	x(spills, spills);
	x(published, published);
	x(taken_back, taken_back);
	x(stolen, stolen);
	x(steals, steals);
	x(seizures, seizures);
	x(seized, seized);
	x(reseats, reseats);
	x(capped, capped);
	x(taken_back_tokens, tok_back);
	x(returns, returns);
	x(returns_global, returns_global);
	x(returns_loose, loose);
	x(preempted, preempted);
	x(handoffs_begin, handoffs);
	x(urgent, urgent);
	x(m_parked, parked);
	x(m_woken, woken);
#undef x
}

static void add_sentinel(struct weft_stats *st, const struct sentinel *s)
{
	if (!s)
		return;
	st->handoffs_sentinel += READ_ONCE(s->n.handoffs);
	st->sentinel_looks += READ_ONCE(s->n.looks);
	st->spares_missed += READ_ONCE(s->n.no_spare);
	st->sentinels_retired += READ_ONCE(s->n.retired);
}

static void collect(struct weft_stats *st)
{
	u32 i, n = smp_load_acquire(&S.nm);
	s64 live = weft__live();

	memset(st, 0, sizeof(*st));
	st->gs = live > 0 ? (u64)live : 0;
	st->ms = n;
	st->spares = READ_ONCE(S.nspare);
	st->procs = READ_ONCE(S.nprocs);
	st->idle = READ_ONCE(S.nidle);
	st->spawned = READ_ONCE(S.fspawned);
	for (i = 0; i < n; i++)
		add_m(st, S.m[i]);
	st->seizures += READ_ONCE(S.n.seizures);
	st->seized += READ_ONCE(S.n.seized);
	for (i = 0; i < S.maxprocs; i++)
		add_sentinel(st, READ_ONCE(S.p[i]->sentinel));
	st->handoffs = READ_ONCE(S.n.handoffs) + st->handoffs_sentinel +
		       st->handoffs_begin;
	st->m_created = READ_ONCE(S.n.m_created);
	st->monitor_ticks = READ_ONCE(S.n.ticks);
	st->timers += READ_ONCE(S.n.timers);
	st->hogs = READ_ONCE(S.n.hogs);
	st->membarriers = READ_ONCE(weft__membarriers) - S.mb_base;
}

int weft_stats(struct weft_stats *st, size_t sz)
{
	int ret = weft__check();
	struct weft_stats now;

	if (ret)
		return ret;
	if (!st || !sz)
		return -EINVAL;
	collect(&now);
	if (sz > sizeof(now))
		memset((char *)st + sizeof(now), 0, sz - sizeof(now));
	memcpy(st, &now, sz < sizeof(now) ? sz : sizeof(now));
	return 0;
}
