// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy-prio - strict priorities; within a level, the earliest deadline first.
 *
 * A G's policy word is PRIO_WORD(level, deadline).  A queue for each level is
 * ordered by deadline, and a processor takes from the first that is not empty.
 * A G that becomes runnable while all processors are busy asks the one that
 * runs the least urgent to make room; that one does at its next entry into
 * weft, weft_checkpoint() included.
 *
 * Strict means that a level can starve those below.  Who waits for longer than
 * timeout_ms has the policy ejected, which is what it is for.
 */
#include "policy-prio.h"

#include <weft/policy.h>

#define NOBODY PRIO_LEVELS	/* less urgent than anyone */
#define CPUS_MAX 4096

static uint8_t runs[CPUS_MAX];	/* the level that runs there; a hint */

static uint64_t word_of(const struct weft_g *g)
{
	return weft_entity(g)->word;
}

static unsigned int level_of(const struct weft_g *g)
{
	uint64_t level = word_of(g) >> PRIO_BITS;

	return level < PRIO_LEVELS ? (unsigned int)level : PRIO_LEVELS - 1;
}

static uint64_t deadline_of(const struct weft_g *g)
{
	uint64_t d = word_of(g) & ((UINT64_C(1) << PRIO_BITS) - 1);

	return d ? d : UINT64_C(1) << PRIO_BITS;
}

static unsigned int runs_on(uint32_t cpu)
{
	return __atomic_load_n(&runs[cpu], __ATOMIC_RELAXED);
}

static void set_runs_on(int32_t cpu, unsigned int level)
{
	__atomic_store_n(&runs[cpu], (uint8_t)level, __ATOMIC_RELAXED);
}

static int prio_init(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < CPUS_MAX; i++)
		set_runs_on((int32_t)i, NOBODY);
	for (i = 0; i < PRIO_LEVELS && !err; i++)
		err = weft_create_dsq(i, -1);
	return err;
}

/* Of the busy processors that with the least urgent G, if less than ours. */
static void make_room(unsigned int level)
{
	uint32_t i, n = weft_nr_cpus(), worst = n;
	unsigned int at = level;

	for (i = 0; i < n; i++)
		if (runs_on(i) != NOBODY && runs_on(i) > at) {
			at = runs_on(i);
			worst = i;
		}
	if (worst < n)
		weft_kick_cpu((int32_t)worst, WEFT_KICK_PREEMPT);
}

static void prio_enqueue(struct weft_g *g, uint64_t flags)
{
	unsigned int level = level_of(g);

	/* From here on it may run elsewhere, so its level was read before. */
	weft_dsq_insert_vtime(g, level, 0, deadline_of(g), flags);
	if (flags & WEFT_ENQ_WAKEUP)
		make_room(level);
}

static void prio_dispatch(int32_t cpu, struct weft_g *prev)
{
	uint64_t i;

	(void)cpu, (void)prev;
	for (i = 0; i < PRIO_LEVELS; i++)
		if (weft_dsq_move_to_local(i))
			return;
}

static void prio_running(struct weft_g *g)
{
	set_runs_on(weft_g_cpu(g), level_of(g));
}

static void prio_stopping(struct weft_g *g, bool runnable)
{
	(void)runnable;
	set_runs_on(weft_g_cpu(g), NOBODY);
}

const struct weft_sched_ops weft_policy = {
	.sz = sizeof(weft_policy),
	.name = "prio",
	.init = prio_init,
	.enqueue = prio_enqueue,
	.dispatch = prio_dispatch,
	.running = prio_running,
	.stopping = prio_stopping,
};
