// SPDX-License-Identifier: GPL-2.0-only
/*
 * mix.c - a crowd of Gs does everything at once under a policy that decides by
 * chance, while the number of Ps changes and ordinary threads join in; each G
 * runs on one M at a time, and none is lost.  Some runs eject the policy in the
 * middle.
 *
 * A seed replays the decisions: WEFT_TEST_SEED=N; it is printed.  timeout: 200
 */
#include "pol.h"

#include "kselftest_harness.h"

#define GS 150
#define STEPS 250
#define DSQS 4

static u64 seed;

static u64 chance(u64 *s, u64 n)
{
	u64 x;

	*s += 0x9e3779b97f4a7c15;
	x = (*s ^ *s >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) % n;
}

/* ---- a policy that decides by chance ---- */

static u64 policy_rng;
static u32 ejects_at, enqueued;
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;
static struct weft_g *keeps[GS * 4];
static u32 nkeeps;

static u64 roll(u64 n)
{
	u64 s = __atomic_fetch_add(&policy_rng, 1, __ATOMIC_RELAXED);

	return chance(&s, n);
}

static int mix_init(void)
{
	u64 i;
	int err = 0;

	for (i = 0; i < 2 * DSQS && !err; i++)
		err = weft_create_dsq(i, -1);
	return err;
}

static bool keep(struct weft_g *g)
{
	bool room;

	pthread_mutex_lock(&keeping);
	room = nkeeps < ARRAY_SIZE(keeps);
	if (room)
		keeps[nkeeps++] = g;
	pthread_mutex_unlock(&keeping);
	return room;
}

static struct weft_g *kept(void)
{
	struct weft_g *g;

	pthread_mutex_lock(&keeping);
	g = nkeeps ? keeps[--nkeeps] : NULL;
	pthread_mutex_unlock(&keeping);
	return g;
}

static void breaks(struct weft_g *g, u64 flags)
{
	switch (roll(3)) {
	case 0:
		weft_dsq_insert(g, 99, 0, flags);
		break;
	case 1:
		weft_policy_error("enough");
		break;
	default:
		weft_dsq_insert(g, WEFT_DSQ_LOCAL_ON | 5000, 0, flags);
	}
}

static void mix_enqueue(struct weft_g *g, uint64_t flags)
{
	if (ejects_at && __atomic_add_fetch(&enqueued, 1, __ATOMIC_RELAXED) ==
				 ejects_at) {
		breaks(g, flags);
		return;
	}
	switch (roll(7)) {
	case 0:
		weft_dsq_insert(g, WEFT_DSQ_GLOBAL, 0, flags);
		break;
	case 1:
		weft_dsq_insert(g, WEFT_DSQ_LOCAL, 0, flags);
		break;
	case 2:
		weft_dsq_insert(g, WEFT_DSQ_LOCAL_ON | roll(weft_nr_cpus()),
				1000000, flags | (roll(2) ? WEFT_ENQ_HEAD : 0) |
				(roll(4) ? 0 : WEFT_ENQ_PREEMPT));
		break;
	case 3:
		weft_dsq_insert(g, roll(DSQS), 0, flags);
		break;
	case 4:
	case 5:
		weft_dsq_insert_vtime(g, DSQS + roll(DSQS), 0, roll(1000),
				      flags);
		break;
	default:
		if (!keep(g))
			weft_dsq_insert(g, WEFT_DSQ_GLOBAL, 0, flags);
	}
}

static s32 mix_select(struct weft_g *g, int32_t prev, uint64_t flags)
{
	bool idle;

	if (!roll(10))
		weft_dsq_insert(g, WEFT_DSQ_LOCAL, 0, 0);
	return roll(2) ? weft_select_cpu_dfl(g, prev, flags, &idle) :
			 (s32)roll(weft_nr_cpus());
}

static void mix_dispatch(int32_t cpu, struct weft_g *prev)
{
	u64 first = roll(2 * DSQS), i;
	struct weft_g *g = kept();

	(void)prev;
	if (g)
		weft_dsq_insert(g, roll(2) ? WEFT_DSQ_LOCAL :
				WEFT_DSQ_LOCAL_ON | roll(weft_nr_cpus()), 0, 0);
	for (i = 0; i < 2 * DSQS; i++)
		if (weft_dsq_move_to_local((first + i) % (2 * DSQS)) && roll(2))
			return;
	if (!roll(20))
		weft_kick_cpu(cpu ^ 1, WEFT_KICK_PREEMPT);
}

/* What the callbacks are told is true: one at a time, in order. */
static u32 state_of[65536];	/* by G's number: 0, or 1 + cpu */

static void mix_running(struct weft_g *g)
{
	u32 *s = &state_of[weft_id(g) % ARRAY_SIZE(state_of)];

	CHECK(!__atomic_exchange_n(s, 1 + (u32)weft_g_cpu(g),
				   __ATOMIC_SEQ_CST));
}

static void mix_stopping(struct weft_g *g, bool runnable)
{
	u32 *s = &state_of[weft_id(g) % ARRAY_SIZE(state_of)];

	(void)runnable;
	CHECK(__atomic_exchange_n(s, 0, __ATOMIC_SEQ_CST));
}

static u32 tasks;

static int mix_init_task(struct weft_g *g)
{
	if (!roll(50))
		return -EAGAIN;
	weft_entity(g)->data = malloc(16);
	__atomic_fetch_add(&tasks, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void mix_exit_task(struct weft_g *g)
{
	struct weft_sched_entity *e = weft_entity(g);

	/* Though it may have ended before the policy was ejected. */
	if (CHECK(e))
		free(e->data);
	__atomic_fetch_sub(&tasks, 1, __ATOMIC_SEQ_CST);
}

static void mix_exit(const struct weft_exit_info *info)
{
	pol.kind = info->kind;
	__atomic_fetch_add(&pol.exits, 1, __ATOMIC_SEQ_CST);
}

static const struct weft_sched_ops mix_ops = {
	.sz = sizeof(mix_ops),
	.name = "mix",
	.timeout_ms = 30000,
	.init = mix_init,
	.exit = mix_exit,
	.select_cpu = mix_select,
	.enqueue = mix_enqueue,
	.dispatch = mix_dispatch,
	.running = mix_running,
	.stopping = mix_stopping,
	.init_task = mix_init_task,
	.exit_task = mix_exit_task,
};

/* ---- the crowd ---- */

static u32 ended, children;
static struct weft_parker ring[GS];

static void *child(void *arg)
{
	if ((uintptr_t)arg & 1)
		weft_yield();
	if (((uintptr_t)arg & 6) == 6)
		weft_sleep(20000);
	__atomic_fetch_add(&children, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void join_some(u64 *s)
{
	struct weft_g *g[4];
	u64 i, n = 1 + chance(s, 4);
	void *val;

	for (i = 0; i < n; i++)
		CHECK(!weft_spawn(&g[i], NULL, child, (void *)(i + n)));
	for (i = n; i--;) {
		CHECK(!weft_join(g[i], &val));
		CHECK(val == (void *)(i + n));
	}
}

static void block(void)
{
	weft_block_begin();
	usleep(100);
	weft_block_end();
}

static void step(u64 *s, u32 me)
{
	switch (chance(s, 12)) {
	case 0:
		join_some(s);
		break;
	case 1:
		CHECK(!weft_sleep((s64)chance(s, 200000)));
		break;
	case 2:
	case 3:
		weft_park_until(&ring[me],
				weft__now() + (s64)chance(s, 300000));
		break;
	case 4:
	case 5:
		CHECK(!weft_unpark(&ring[chance(s, GS)]));
		break;
	case 6:
		if (!chance(s, 10))
			block();
		break;
	case 7:
		if (chance(s, 8))
			break;
		CHECK(!weft_lock_thread());
		weft_yield();
		CHECK(!weft_unlock_thread());
		break;
	case 8:
		weft_checkpoint();
		break;
	default:
		weft_yield();
	}
}

static void *crowd(void *arg)
{
	u32 me = (u32)(uintptr_t)arg, i;
	u64 s = seed + me * 7919;
	u32 canary = me * 31;

	for (i = 0; i < STEPS; i++) {
		step(&s, me);
		CHECK(canary == me * 31);
	}
	__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void *outsider(void *arg)
{
	u64 s = seed ^ (uintptr_t)arg;
	struct weft_g *g;
	u32 i;

	for (i = 0; i < 300; i++) {
		CHECK(!weft_unpark(&ring[chance(&s, GS)]));
		if (!chance(&s, 4)) {
			CHECK(!weft_spawn(&g, NULL, child, (void *)1));
			CHECK(!weft_join(g, NULL));
		}
		if (!chance(&s, 8))
			weft_set_procs(1 + (u32)chance(&s, S.maxprocs));
		usleep((u32)chance(&s, 300));
	}
	return NULL;
}

static void run(struct __test_metadata *_metadata, u32 at)
{
	struct weft_g *g[GS];
	pthread_t t[2];
	uintptr_t i;

	ejects_at = at;
	ASSERT_EQ(0, pol_start(2, &mix_ops));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, outsider,
					    (void *)(i + 1)));
	for (i = 0; i < GS; i++)
		ASSERT_EQ(0, weft_spawn(&g[i], NULL, crowd, (void *)i));
	for (i = 0; i < GS; i++)
		EXPECT_EQ(0, weft_join(g[i], NULL));
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(GS, ended);
	EXPECT_STREQ(at ? "builtin" : "mix", weft_policy_name());
	DONE();
	EXPECT_EQ(1, pol.exits);
	EXPECT_EQ(at ? WEFT_EXIT_ERROR : WEFT_EXIT_DONE, pol.kind);
	EXPECT_EQ(0, tasks);
	if (_metadata->exit_code)
		TH_LOG("WEFT_TEST_SEED=%llu", (unsigned long long)seed);
}

static void choose_seed(u64 fallback)
{
	const char *env = getenv("WEFT_TEST_SEED");

	seed = env ? strtoull(env, NULL, 0) : fallback + (u64)weft__now();
	policy_rng = seed * 3;
	printf("# seed %llu\n", (unsigned long long)seed);
}

TEST(nothing_is_lost)
{
	choose_seed(1);
	run(_metadata, 0);
}

TEST(nothing_is_lost_by_an_ejection)
{
	choose_seed(2);
	run(_metadata, 3000 + (u32)(seed % 3000));
}

TEST(nor_by_an_early_one)
{
	choose_seed(3);
	run(_metadata, 1 + (u32)(seed % 300));
}

TEST_HARNESS_MAIN
