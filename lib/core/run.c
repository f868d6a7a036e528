// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * run.c - start, stop, run, and what a fork leaves.
 */
#include "policy_hooks.h"
#include "gpool.h"
#include "blocked.h"
#include "preempt.h"
#include "run.h"
#include "seen.h"
#include "../os/hintmem.h"
#include "sysmon.h"
#include "timer.h"
#include "vclock.h"
#include "../ctx/overflow.h"
#include "../ctx/stack.h"

#include <generated/config.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

struct sched weft__sched;
struct want weft__want;
u32 weft__twin = TWIN_FENCE;	/* until a start has looked what there is */
u32 weft__now_ms;
u32 weft__fp_declared;
struct fpenv weft__fp_start;

const char *weft_version(void)
{
	return WEFT_VERSION;
}

/* 0 while there is a runtime to use. */
int weft__check(void)
{
	switch (smp_load_acquire(&S.state)) {
	case RT_RUN:
		return 0;
	case RT_FORKED:
		return -ECHILD;
	default:
		return -EPERM;
	}
}

/*
 * Gs alive.  Ends are read before starts, so that the answer is never less
 * than it was at some time in between.
 */
s64 weft__live(void)
{
	u32 i, n = smp_load_acquire(&S.nm);
	s64 live = 0;

	for (i = 0; i < n; i++)
		live -= (s64)(smp_load_acquire(&S.m[i]->nended) +
			      READ_ONCE(S.m[i]->ninline));
	for (i = 0; i < n; i++)
		live += (s64)weft__spawned(S.m[i]);
	return live + (s64)smp_load_acquire(&S.fspawned);
}

/* ---- programs with inline bodies ---- */

static u64 odd_layout;

/* By a constructor of each such object, before main or within dlopen(). */
void weft__layout_seen(u64 layout)
{
	if (layout != WEFT__LAYOUT)
		odd_layout = layout;
}

static int check_layout(void)
{
	if (!odd_layout)
		return 0;
	weft__say("weft: this program was compiled with WEFT_INLINE against "
		  "another layout of the library (%llx, here %llx)",
		  (unsigned long long)odd_layout,
		  (unsigned long long)WEFT__LAYOUT);
	return -EPROTO;
}

/* ---- fork ---- */

/*
 * In the child only the thread that forked is left, and what the others held
 * is held for ever.  Nothing is used again: a start builds anew, and leaks.
 */
static void forked(void)
{
	u32 state = S.state == RT_NONE ? RT_NONE : RT_FORKED, epoch = S.epoch;
	u32 i;

	if (weft__m)	/* an M's mask is not for what the child will exec */
		pthread_sigmask(SIG_SETMASK, &S.host_mask, NULL);
	weft__m = NULL;
	weft__signals_forget();
	for (i = 0; S.m && i < S.nm; i++)
		weft__thread_call_close(S.m[i]->callfd);
	weft__detect_forked();
	weft__hintmem_close();
	weft__blocked_free();
	memset(&S, 0, sizeof(S));
	memset(&weft__want, 0, sizeof(weft__want));
	weft__gpool_forked();
	weft__gq_forked();
	weft__keys_forked();
	weft__policy_forked();
	S.epoch = epoch;
	S.state = state;
}

static void catch_fork(void)
{
	static u32 once;

	if (!xchg(&once, 1))
		pthread_atfork(NULL, NULL, forked);
}

/* ---- start ---- */

static void choose_twin(void)
{
	bool rseq = weft__feature(WEFT__RSEQ) &&
		    weft__feature(WEFT__MEMBARRIER_RSEQ) &&
		    weft__feature(WEFT__MEMBARRIER);

#ifdef WEFT__NO_SEQ
	rseq = false;
#endif
	if (rseq)
		weft__twin = TWIN_OFF;
	else if (weft__feature(WEFT__MEMBARRIER))
		weft__twin = TWIN_MEMBARRIER;
	else
		weft__twin = TWIN_FENCE;
}

static int nodes_init(void)
{
	struct node *n;
	u32 i;

	S.nnodes = S.topo.nnodes;
	S.node = aligned_alloc(__alignof__(*S.node),
			       S.nnodes * sizeof(*S.node));
	S.one_cpu = malloc(S.topo.setsize);
	if (!S.node || !S.one_cpu)
		goto err;
	memset(S.node, 0, S.nnodes * sizeof(*S.node));
	for (i = 0; i < S.nnodes; i++) {
		n = &S.node[i];
		n->id = i;
		n->os = S.topo.os_node[i];
		n->cpus = malloc(S.topo.setsize);
		n->gpool = weft__gpool_new(n->os);
		n->stacks = weft__stackpool_new(n->os);
		if (!n->cpus || !n->gpool || !n->stacks)
			return -ENOMEM;
		weft__topo_node_set(&S.topo, i, n->cpus);
		weft__gq_init(&n->gq);
	}
	return 0;
err:
	free(S.node);	/* all_free() would look into it */
	S.node = NULL;
	return -ENOMEM;
}

static int ms_init(void)
{
	static u32 room;
	struct m **m;

	if (room < S.opts.max_m || !S.m) {
		m = realloc(S.m, S.opts.max_m * sizeof(*m));
		if (!m)
			return -ENOMEM;
		if (!S.m)
			room = 0;
		memset(m + room, 0, (S.opts.max_m - room) * sizeof(*m));
		room = S.opts.max_m;
		S.m = m;
	}
	S.nm = 0;
	S.nspare = 0;
	S.spare = calloc(S.opts.max_m / 64 + 1, sizeof(*S.spare));
	S.bound = calloc(S.opts.max_m / 64 + 1, sizeof(*S.bound));
	return S.spare && S.bound ? 0 : -ENOMEM;
}

static void counters_init(void)
{
	S.nidle = S.nspin = S.waking = S.stop = 0;
	S.keeper = NULL;
	S.keep_rate = 0;
	S.timed = 0;
	S.mon_futex = S.mon_asleep = S.mon_stop = weft__now_ms = 0;
	S.mon_until = 0;
	S.spare_wanted = S.sentinels_stop = 0;
	S.signals = NULL;
	S.starved = S.starved_last = NULL;
	S.urgent = S.batch = (struct glist){ 0 };
	S.fspawned = S.nforeign = S.nlocked = 0;
	S.done = S.deadlocked = S.running = 0;
	S.mb_next = 0;
	memset(&S.n, 0, sizeof(S.n));
	memset(&S.trace, 0, sizeof(S.trace));
	memset(&weft__want, 0, sizeof(weft__want));
	S.mb_base = weft__membarriers;
	S.idnext = S.idnext ? S.idnext : 1;
	S.start_ns = weft__now();
	weft__vclock_start();
	pthread_sigmask(SIG_SETMASK, NULL, &S.host_mask);
	S.epoch++;
}

static void layout(void)
{
	u32 cpus = S.topo.nallowed;

	S.maxprocs = S.opts.procs > cpus ? S.opts.procs : cpus;
	S.nseats = weft__twin ? S.opts.max_m : S.topo.ncpu;
	weft__fp_declared = S.opts.fpenv == WEFT_FPENV_DECLARED;
	fp_read(&weft__fp_start);
	/* A seizure must stay rare beside what it costs. */
	S.stuck_ns = 5 * NSEC_PER_USEC +
		     2 * (s64)weft__membarrier_price().busy;
}

/* A token for each P, an M for each token; fewer if threads are refused. */
static int first_ms(void)
{
	struct m *m;
	u32 i;

	for (i = 0; i < S.opts.procs; i++) {
		m = weft__m_create(i);
		if (!m)
			return i ? 0 : -EAGAIN;
		smp_store_release(&S.tok[i], (uintptr_t)m);
	}
	return 0;
}

static void all_free(void)
{
	u32 i;

	weft__procs_free();
	for (i = 0; S.node && i < S.nnodes; i++) {
		weft__stackpool_free(S.node[i].stacks);
		weft__gpool_free(S.node[i].gpool);
		free(S.node[i].cpus);
	}
	free(S.node);
	S.node = NULL;
	free(S.spare);
	S.spare = NULL;
	free(S.bound);
	S.bound = NULL;
	free(S.one_cpu);
	S.one_cpu = NULL;
	weft__topo_free(&S.topo);
	weft__blocked_free();
	weft__hintmem_close();
}

static int init(const struct weft_opts *opts)
{
	int ret = check_layout();

	if (!ret)
		ret = weft__opts_resolve(&S.opts, opts);
	if (ret)
		return ret;
	ret = weft__opts_features(&S.opts);
	if (!ret)
		ret = weft__seen_start();
	if (!ret)
		ret = weft__blocked_start(S.opts.debug & WEFT__DEBUG_BLOCKED);
	if (ret)
		return ret;
	choose_twin();
	ret = weft__topo_read(&S.topo, S.opts.fake_nodes);
	if (ret)
		return ret;
	layout();
	ret = nodes_init();
	if (!ret)
		ret = ms_init();
	if (!ret)
		ret = weft__hintmem_open(S.opts.max_m);
	if (!ret)
		ret = weft__procs_init();
	counters_init();
	S.nprocs = S.opts.procs;
	return ret ? ret : weft__policy_start();
}

static void stop_all(void)
{
	u32 i;

	/* sysmon first: it reads what the Ms close when they end. */
	WRITE_ONCE(S.mon_stop, 1);
	weft__sysmon_kick();
	if (S.mon_thread)
		pthread_join(S.mon_thread, NULL);
	S.mon_thread = 0;
	weft__signals_run();	/* what came after its last round */
	weft__sentinels_stop();
	WRITE_ONCE(S.stop, 1);
	smp_mb();
	for (i = 0; i < S.nm; i++)
		weft__wake_m(S.m[i]);
	for (i = 0; i < S.nm; i++)
		pthread_join(S.m[i]->thread, NULL);
	weft__overflow_release();
	weft__policy_stop();
	weft__preempt_release();
}

static int go(void)
{
	int ret = first_ms();
	u32 i;

	weft__overflow_catch(weft__overflow_report);
	if (!ret && weft__sysmon_start()) {
		S.mon_thread = 0;
		ret = -EAGAIN;
	}
	if (ret) {
		stop_all();
		return ret;
	}
	smp_store_release(&S.state, RT_RUN);
	for (i = 0; i < smp_load_acquire(&S.nm); i++)
		weft__wake_m(S.m[i]);
	return 0;
}

static int start(const struct weft_opts *opts)
{
	int ret;

	catch_fork();
	weft__lock(&S.lock);
	if (S.state != RT_NONE && S.state != RT_FORKED) {
		weft__unlock(&S.lock);
		return -EBUSY;
	}
	ret = init(opts);
	if (!ret)
		ret = go();
	if (ret)
		all_free();
	weft__unlock(&S.lock);
	return ret;
}

int weft_start(const struct weft_opts *opts)
{
	return start(opts);
}

/* No G is alive, and no timer will start one. */
static int all_over(void)
{
	if (weft__live() > 0)
		return -EBUSY;
	weft__timers_halt(true);
	if (weft__live() <= 0)
		return 0;
	weft__timers_halt(false);
	return -EBUSY;
}

int weft_stop(void)
{
	int ret = weft__check();

	if (ret)
		return ret == -EPERM ? -EINVAL : ret;
	if (this_m())
		return -EBUSY;
	weft__lock(&S.lock);
	if (S.state != RT_RUN)
		ret = -EINVAL;
	else
		ret = all_over();
	if (!ret) {
		weft__stopped_report();
		weft__blocked_report();
		WRITE_ONCE(S.state, RT_STOPPING);
		stop_all();
		all_free();
		WRITE_ONCE(S.state, RT_NONE);
	}
	weft__unlock(&S.lock);
	return ret;
}

/* ---- run ---- */

struct first {
	int (*fn)(void *);
	void *arg;
	int ret;
};

static void *first_g(void *arg)
{
	struct first *f = arg;

	f->ret = f->fn(f->arg);
	return NULL;
}

int weft_run(int (*fn)(void *), void *arg)
{
	struct first f = { fn, arg, 0 };
	int ret;

	if (!fn)
		return -EINVAL;
	if (this_m())
		return -EBUSY;
	ret = start(NULL);
	if (ret)
		return ret;
	ret = weft_go(first_g, &f);
	if (ret) {
		weft_stop();
		return ret;
	}
	/* Only now does "no G is alive" mean the end. */
	WRITE_ONCE(S.running, 1);
	weft__sysmon_kick();
	do {
		while (!xchg(&S.done, 0))
			weft__futex_wait(&S.done, 0, INT64_MAX);
	} while (weft_stop() == -EBUSY);
	return f.ret;
}
