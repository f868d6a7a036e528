// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy.c - the life of a policy; see policy.h.
 *
 * It begins before the first M and ends after the last, or when it is ejected.
 * Its exit() must not run while a callback does, and a callback may be on any
 * thread at any time:
 *
 *	who calls				who ejects
 *
 *	m->in_policy = 1			state = EJECTING
 *	(*)					membarrier, all threads
 *	state ON? call; in_policy = 0		every in_policy 0? exit()
 *	else in_policy = 0			else look again at the next tick
 *
 * (*) is a compiler barrier; where there is no membarrier, a fence.  A thread
 * without an M counts itself in by LOCK.
 */
#include "policy.h"

#include <string.h>

struct policy weft__policy;
u32 weft__policy_state;
__thread struct policy_call weft__policy_call;

bool weft__policy_enter(struct m *m)
{
	if (m) {
		WRITE_ONCE(m->in_policy, 1);
		if (weft__twin == TWIN_FENCE)
			smp_mb();	/* its partner: weft__policy_inside() */
		else
			barrier();
	} else {
		atomic_add(&weft__policy.foreign, 1);
	}
	if (likely(policy_on()))
		return true;
	weft__policy_leave(m);
	return false;
}

void weft__policy_leave(struct m *m)
{
	if (m)
		smp_store_release(&m->in_policy, 0);
	else
		atomic_sub(&weft__policy.foreign, 1);
}

/* Is anybody in a callback?  The caller has changed the state. */
bool weft__policy_inside(void)
{
	u32 i, n = smp_load_acquire(&S.nm);

	fence_all();
	for (i = 0; i < n; i++)
		if (smp_load_acquire(&S.m[i]->in_policy))
			return true;
	return smp_load_acquire(&weft__policy.foreign);
}

const char *weft__policy_op_name(u32 op)
{
	static const char *const names[] = {
		[OP_NONE] = "no callback",
		[OP_INIT] = "init()",
		[OP_EXIT] = "exit()",
		[OP_SELECT_CPU] = "select_cpu()",
		[OP_ENQUEUE] = "enqueue()",
		[OP_DISPATCH] = "dispatch()",
		[OP_RUNNABLE] = "runnable()",
		[OP_RUNNING] = "running()",
		[OP_STOPPING] = "stopping()",
		[OP_QUIESCENT] = "quiescent()",
		[OP_INIT_TASK] = "init_task()",
		[OP_EXIT_TASK] = "exit_task()",
		[OP_DUMP] = "dump()",
	};

	return op < ARRAY_SIZE(names) ? names[op] : "?";
}

static int init(void)
{
	struct policy *pol = &weft__policy;
	int ret = weft__dsqs_init();

	if (ret)
		return ret;
	pol->check_at = 0;
	WRITE_ONCE(weft__policy_state, POLICY_INIT);
	if (pol->ops.init) {
		weft__policy_call.op = OP_INIT;
		ret = pol->ops.init();
		weft__policy_call.op = OP_NONE;
	}
	if (ret > 0)
		ret = -EINVAL;
	if (ret)
		weft__say("weft: policy \"%s\": init(): error %d", pol->name,
			  -ret);
	else if (READ_ONCE(weft__policy_state) != POLICY_INIT)
		ret = -EINVAL;	/* its breach was said */
	return ret;
}

/* Before there is an M.  0, or what weft_start() answers. */
int weft__policy_start(void)
{
	struct policy *pol = &weft__policy;
	const struct weft_sched_ops *ops = NULL;
	int ret = weft__policy_find(&S.opts, &ops);

	memset(pol, 0, sizeof(*pol));
	if (ret || !ops)
		return ret;
	weft__policy_copy(&pol->ops, ops);	/* which was checked */
	strncpy(pol->name, ops->name, sizeof(pol->name) - 1);
	ret = init();
	if (ret) {
		WRITE_ONCE(weft__policy_state, POLICY_OFF);
		weft__dsqs_free();
		return ret;
	}
	smp_store_release(&weft__policy_state, POLICY_ON);
	return 0;
}

/* Once for each init_task(). */
void weft__policy_exit_task(struct gpol *gp)
{
	if (!xchg(&gp->known, 0))
		return;
	weft__policy_call.g = gp->g;	/* weft_entity() knows it still */
	POLICY_CALL(OP_EXIT_TASK, exit_task, (struct weft_g *)gp->g);
	weft__policy_call.g = NULL;
}

static bool exit_one(struct gpol *gp, void *arg)
{
	(void)arg;
	weft__policy_exit_task(gp);
	return true;
}

/* Nobody is in a callback, nor will be. */
void weft__policy_end(void)
{
	struct policy *pol = &weft__policy;
	struct weft_exit_info info = { pol->kind, pol->msg };

	weft__gpol_walk(exit_one, NULL);
	POLICY_CALL(OP_EXIT, exit, &info);
	smp_store_release(&weft__policy_state, POLICY_OFF);
}

/* The last M has gone. */
void weft__policy_stop(void)
{
	if (weft__policy_state != POLICY_OFF) {
		if (weft__policy_state == POLICY_ON)
			weft__policy.kind = WEFT_EXIT_DONE;
		weft__policy_end();
	}
	weft__dsqs_free();
}

/* A fork's child: what it had is gone, and leaks. */
void weft__policy_forked(void)
{
	weft__policy_state = POLICY_OFF;
	weft__policy_find_forked();
	memset(&weft__policy, 0, sizeof(weft__policy));
	memset(&weft__policy_call, 0, sizeof(weft__policy_call));
}

const char *weft_policy_name(void)
{
	return smp_load_acquire(&weft__policy_state) == POLICY_ON ?
		       weft__policy.name : "builtin";
}
