/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pol.h - a policy that writes down what it is asked, for tests to vary.
 *
 * log_ops has every callback; each writes a letter with the G's number into a
 * log, in the order in which they came:
 *
 *	I init		i init_task	s select_cpu
 *	r runnable	e enqueue	+ running
 *	- stopping(true)		. stopping(false)
 *	q quiescent	x exit_task	X exit
 *
 * enqueue and dispatch do what pol.enqueue and pol.dispatch say; by default
 * one FIFO for all.
 */
#ifndef SELFTESTS_POLICY_POL_H
#define SELFTESTS_POLICY_POL_H

#include "../core/rt.h"
#include <core/policy.h>

#define POL_DSQ 1
#define POL_LOG 65536

static struct {
	void (*enqueue)(struct weft_g *g, u64 flags);
	void (*dispatch)(s32 cpu);
	s32 (*select)(struct weft_g *g, s32 prev);
	void (*running)(struct weft_g *g);
	int init_error, task_error;
	u32 exits;		/* times exit() was called */
	enum weft_exit_kind kind;
	char msg[256];
} pol;

static struct {
	u64 id;
	s32 cpu;
	char op;
} pol_log[POL_LOG];
static u32 pol_n;

static inline void pol_note(char op, const struct weft_g *g, s32 cpu)
{
	u32 i = __atomic_fetch_add(&pol_n, 1, __ATOMIC_SEQ_CST);

	if (i >= POL_LOG)
		return;
	pol_log[i].id = weft_id(g);
	pol_log[i].cpu = cpu;
	/* Seen by who reads op: the rest. */
	__atomic_store_n(&pol_log[i].op, op, __ATOMIC_RELEASE);
}

/* What was asked about G id, in order; those letters that are in only. */
static inline const char *pol_story(u64 id, const char *only)
{
	static char text[POL_LOG + 1];
	u32 i, n = 0;
	char op;

	for (i = 0; i < READ_ONCE(pol_n) && i < POL_LOG; i++) {
		op = __atomic_load_n(&pol_log[i].op, __ATOMIC_ACQUIRE);
		if (op && pol_log[i].id == id && (!only || strchr(only, op)))
			text[n++] = op;
	}
	text[n] = '\0';
	return text;
}

/* It may be ejected at any time, by another thread. */
static inline void pol_insert(struct weft_g *g, u64 dsq, u64 flags)
{
	int err = weft_dsq_insert(g, dsq, 0, flags);

	CHECK(!err || err == -ECANCELED);
}

static inline int log_init(void)
{
	pol_note('I', NULL, -1);
	return pol.init_error ? pol.init_error :
				weft_create_dsq(POL_DSQ, -1);
}

static inline void log_exit(const struct weft_exit_info *info)
{
	pol_note('X', NULL, -1);
	pol.kind = info->kind;
	snprintf(pol.msg, sizeof(pol.msg), "%s", info->msg);
	__atomic_fetch_add(&pol.exits, 1, __ATOMIC_SEQ_CST);
}

static inline int log_init_task(struct weft_g *g)
{
	pol_note('i', g, -1);
	return READ_ONCE(pol.task_error);
}

static inline void log_exit_task(struct weft_g *g)
{
	pol_note('x', g, -1);
}

static inline int32_t log_select(struct weft_g *g, int32_t prev, uint64_t flags)
{
	bool idle;

	CHECK(flags == WEFT_ENQ_WAKEUP);
	pol_note('s', g, prev);
	return pol.select ? pol.select(g, prev) :
			    weft_select_cpu_dfl(g, prev, flags, &idle);
}

static inline void log_runnable(struct weft_g *g, uint64_t flags)
{
	CHECK(flags == WEFT_ENQ_WAKEUP);
	pol_note('r', g, -1);
}

static inline void log_enqueue(struct weft_g *g, uint64_t flags)
{
	pol_note('e', g, weft_g_cpu(g));
	if (pol.enqueue)
		pol.enqueue(g, flags);
	else
		pol_insert(g, POL_DSQ, flags);
}

static inline void log_dispatch(int32_t cpu, struct weft_g *prev)
{
	CHECK(!prev);
	if (pol.dispatch)
		pol.dispatch(cpu);
	else
		weft_dsq_move_to_local(POL_DSQ);
}

static inline void log_running(struct weft_g *g)
{
	pol_note('+', g, weft_g_cpu(g));
	if (pol.running)
		pol.running(g);
}

static inline void log_stopping(struct weft_g *g, bool runnable)
{
	pol_note(runnable ? '-' : '.', g, weft_g_cpu(g));
}

static inline void log_quiescent(struct weft_g *g, uint64_t flags)
{
	CHECK(!flags);
	pol_note('q', g, -1);
}

static struct weft_sched_ops log_ops = {
	.sz = sizeof(log_ops),
	.name = "log",
	.timeout_ms = 20000,
	.select_cpu = log_select,
	.enqueue = log_enqueue,
	.dispatch = log_dispatch,
	.runnable = log_runnable,
	.running = log_running,
	.stopping = log_stopping,
	.quiescent = log_quiescent,
	.init_task = log_init_task,
	.exit_task = log_exit_task,
	.init = log_init,
	.exit = log_exit,
};

static inline int pol_start(u32 procs, const struct weft_sched_ops *ops)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = procs,
			       .policy = ops };

	return weft_start(&o);
}

/* fn as a G, to its end; from an ordinary thread. */
static inline u64 pol_run(weft_fn *fn, void *arg)
{
	struct weft_g *g = NULL;
	u64 id;

	CHECK(!weft_spawn(&g, NULL, fn, arg));
	id = weft_id(g);
	CHECK(!weft_join(g, NULL));
	return id;
}

#endif /* SELFTESTS_POLICY_POL_H */
