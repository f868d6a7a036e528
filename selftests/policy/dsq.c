// SPDX-License-Identifier: GPL-2.0-only
/*
 * dsq.c - dispatch queues: their order, where LOCAL ones run, their table.
 */
#include "pol.h"

#include <ds/pheap.h>

#include "kselftest_harness.h"

#define GS 64

/* ---- order on one P: who ran, by number ---- */

static u32 order[GS], n_order;

static void *says(void *arg)
{
	order[n_order++] = (u32)(uintptr_t)arg;
	return NULL;
}

/* A G's number is its policy word, less one. */
static u32 number(struct weft_g *g)
{
	return (u32)weft_entity(g)->word - 1;
}

static void *spawns(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a) };
	struct weft_g *g[GS];
	u32 i;

	for (i = 0; i < GS; i++) {
		a.policy_word = i + 1;
		CHECK(!weft_spawn(&g[i], &a, says, (void *)(uintptr_t)i));
	}
	for (i = 0; i < GS; i++)
		CHECK(!weft_join(g[i], NULL));
	return arg;
}

static void run_all(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, pol_start(1, &log_ops));
	pol_run(spawns, NULL);
	ASSERT_EQ(GS, n_order);
	EXPECT_STREQ("log", weft_policy_name());
	DONE();
}

TEST(a_fifo)
{
	u32 i;

	run_all(_metadata);
	for (i = 0; i < GS; i++)
		EXPECT_EQ(i, order[i]);
}

static void to_global(struct weft_g *g, u64 flags)
{
	CHECK(!weft_dsq_insert(g, WEFT_DSQ_GLOBAL, 0, flags));
}

TEST(global_is_a_fifo)
{
	u32 i;

	pol.enqueue = to_global;
	run_all(_metadata);
	for (i = 0; i < GS; i++)
		EXPECT_EQ(i, order[i]);
}

static void to_local(struct weft_g *g, u64 flags)
{
	CHECK(!weft_dsq_insert(g, WEFT_DSQ_LOCAL, 0, flags));
}

TEST(local_is_a_fifo)
{
	u32 i;

	pol.enqueue = to_local;
	run_all(_metadata);
	for (i = 0; i < GS; i++)
		EXPECT_EQ(i, order[i]);
}

/* The one that joins has word 0, and comes last whatever the order. */
static void to_head(struct weft_g *g, u64 flags)
{
	(void)flags;
	CHECK(!weft_dsq_insert(g, POL_DSQ, 0,
			       weft_entity(g)->word ? WEFT_ENQ_HEAD : 0));
}

TEST(the_head_comes_first)
{
	u32 i;

	pol.enqueue = to_head;
	run_all(_metadata);
	for (i = 0; i < GS; i++)
		EXPECT_EQ(GS - 1 - i, order[i]);
}

static u64 times(u32 i)
{
	/* In eight classes, the last numbers first; around the wrap. */
	return (u64)-4 + (GS - 1 - i) / 8;
}

static void by_vtime(struct weft_g *g, u64 flags)
{
	u64 t = weft_entity(g)->word ? times(number(g)) : 100;

	CHECK(!weft_dsq_insert_vtime(g, POL_DSQ, 0, t, flags));
	CHECK(READ_ONCE(weft_entity(g)->vtime) == t);
}

TEST(by_virtual_time_and_of_equals_the_first)
{
	u32 i;

	pol.enqueue = by_vtime;
	run_all(_metadata);
	for (i = 0; i < GS; i++)
		EXPECT_EQ(GS - 8 - i / 8 * 8 + i % 8, order[i]);
}

/* ---- what a policy keeps ---- */

static struct weft_g *kept[GS + 1];
static u32 nkept;

static void keeps(struct weft_g *g, u64 flags)
{
	(void)flags;
	kept[nkept++] = g;
}

static void gives_last(s32 cpu)
{
	CHECK(!cpu);
	if (nkept)
		CHECK(!weft_dsq_insert(kept[--nkept], WEFT_DSQ_LOCAL, 0, 0));
}

TEST(kept_and_inserted_in_dispatch)
{
	u32 i;

	pol.enqueue = keeps;
	pol.dispatch = gives_last;
	run_all(_metadata);
	/* The last that came is the first that goes. */
	for (i = 0; i < GS; i++)
		EXPECT_EQ(GS - 1 - i, order[i]);
}

/* ---- LOCAL on two Ps ---- */

static u32 on_wrong, on_right;

static void to_parity(struct weft_g *g, u64 flags)
{
	CHECK(!weft_dsq_insert(g, WEFT_DSQ_LOCAL_ON | (weft_id(g) & 1), 0,
			       flags));
}

static void check_parity(struct weft_g *g)
{
	if (weft_g_cpu(g) == (s32)(weft_id(g) & 1))
		__atomic_fetch_add(&on_right, 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&on_wrong, 1, __ATOMIC_RELAXED);
}

static void *yields(void *arg)
{
	int i;

	for (i = 0; i < 20; i++)
		weft_yield();
	return arg;
}

static void *spawns_yielders(void *arg)
{
	struct weft_g *g[GS];
	u32 i;

	for (i = 0; i < GS; i++)
		CHECK(!weft_spawn(&g[i], NULL, yields, NULL));
	for (i = 0; i < GS; i++)
		CHECK(!weft_join(g[i], NULL));
	return arg;
}

TEST(local_on_a_p_runs_there)
{
	NEEDS_CPUS(2);
	pol.enqueue = to_parity;
	pol.running = check_parity;
	ASSERT_EQ(0, pol_start(2, &log_ops));
	pol_run(spawns_yielders, NULL);
	EXPECT_EQ(0, on_wrong);
	EXPECT_LE(GS * 21, on_right);
	DONE();
}

/* A P whose M sleeps is woken for its LOCAL DSQ; no other could serve it. */
static u32 other_ran;

static void *other(void *arg)
{
	WRITE_ONCE(other_ran, 1);
	return arg;
}

static void to_word(struct weft_g *g, u64 flags)
{
	CHECK(!weft_dsq_insert(g, WEFT_DSQ_LOCAL_ON | weft_entity(g)->word, 0,
			       flags));
}

static void *wakes_the_other(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .policy_word = 1 };
	struct weft_g *g;
	int i;

	for (i = 0; i < 200; i++) {
		WRITE_ONCE(other_ran, 0);
		CHECK(!weft_spawn(&g, &a, other, NULL));
		if (!CHECK(G_SPIN(READ_ONCE(other_ran))))
			break;
		CHECK(!weft_join(g, NULL));
		if (i % 10 == 0)
			CHECK(!weft_sleep(NSEC_PER_MSEC));
	}
	return arg;
}

TEST(local_wakes_its_own_m)
{
	NEEDS_CPUS(2);
	pol.enqueue = to_word;
	ASSERT_EQ(0, pol_start(2, &log_ops));
	pol_run(wakes_the_other, NULL);
	DONE();
}

/* ---- the table ---- */

static u32 tested;

static void test_table(void)
{
	u64 i;

	CHECK(weft_create_dsq(POL_DSQ, -1) == -EEXIST);
	CHECK(weft_create_dsq(WEFT_DSQ_GLOBAL, -1) == -EINVAL);
	CHECK(weft_create_dsq(WEFT_DSQ_LOCAL_ON, -1) == -EINVAL);
	for (i = 1000; i < 1300; i++)
		CHECK(!weft_create_dsq(i << 32, -1));
	for (i = 1000; i < 1300; i++) {
		CHECK(weft_dsq_nr_queued(i << 32) == 0);
		CHECK(!weft_destroy_dsq(i << 32));
		CHECK(weft_dsq_nr_queued(i << 32) == -ENOENT);
		CHECK(weft_destroy_dsq(i << 32) == -ENOENT);
	}
	CHECK(!weft_create_dsq(1000ull << 32, -1));
	CHECK(weft_dsq_nr_queued(WEFT_DSQ_GLOBAL) == 0);
	CHECK(weft_dsq_nr_queued(WEFT_DSQ_LOCAL_ON) == 0);
	CHECK(weft_dsq_nr_queued(WEFT_DSQ_LOCAL_ON | 5000) == -ENOENT);
	CHECK(weft_nr_cpus() >= 1);
}

static void tests_table(struct weft_g *g, u64 flags)
{
	struct weft_sched_entity *e = weft_entity(g);

	if (!tested++)
		test_table();
	CHECK(weft_dsq_nr_queued(POL_DSQ) == 0);
	e->slice = 1;
	CHECK(!weft_dsq_insert(g, POL_DSQ, 0, flags));
}

static void tests_destroy(s32 cpu)
{
	/* Asked while enqueue() is still at it, on another thread. */
	if (!weft_dsq_nr_queued(POL_DSQ))
		return;
	CHECK(weft_dsq_nr_queued(POL_DSQ) == 1);
	CHECK(weft_dsq_nr_queued(WEFT_DSQ_LOCAL) == 0);
	CHECK(weft_destroy_dsq(POL_DSQ) == -EBUSY);
	CHECK(weft_dsq_move_to_local(POL_DSQ));
	CHECK(!weft_dsq_move_to_local(POL_DSQ));
	CHECK(weft_dsq_nr_queued(WEFT_DSQ_LOCAL) == 1);
	CHECK(weft_dsq_nr_queued(WEFT_DSQ_LOCAL_ON | (u32)cpu) == 1);
}

TEST(the_table_of_dsqs)
{
	pol.enqueue = tests_table;
	pol.dispatch = tests_destroy;
	ASSERT_EQ(0, pol_start(1, &log_ops));
	pol_run(yields, NULL);
	EXPECT_LT(0, tested);
	DONE();
}

static void *outside(void *arg)
{
	struct weft_g *self = weft_self();

	CHECK(weft_create_dsq(9, -1) == -EPERM);
	CHECK(weft_destroy_dsq(POL_DSQ) == -EPERM);
	CHECK(weft_dsq_insert(self, POL_DSQ, 0, 0) == -EPERM);
	CHECK(weft_dsq_insert_vtime(self, POL_DSQ, 0, 0, 0) == -EPERM);
	CHECK(!weft_dsq_move_to_local(POL_DSQ));
	CHECK(weft_dsq_nr_queued(POL_DSQ) == -EPERM);
	weft_kick_cpu(0, 0);
	weft_policy_error("not %s", "said");
	return arg;
}

TEST(only_callbacks_may)
{
	bool idle = true;

	/* Without a runtime as well. */
	outside(NULL);
	EXPECT_EQ(NULL, weft_entity(NULL));
	EXPECT_EQ(-EINVAL, weft_g_cpu(NULL));
	EXPECT_EQ(0, weft_nr_cpus());
	EXPECT_EQ(-EPERM, weft_policy_word(1));
	EXPECT_EQ(0, weft_select_cpu_dfl(NULL, 3, 0, &idle));
	ASSERT_EQ(0, pol_start(1, &log_ops));
	outside(NULL);
	pol_run(outside, NULL);
	EXPECT_STREQ("log", weft_policy_name());
	DONE();
}

/* ---- the heap ---- */

#define NODES 5000

static u64 rng = 12345;

static u64 next_random(void)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return rng >> 33;
}

TEST(the_heap_sorts_and_is_stable)
{
	static struct pheap_node node[NODES];
	static bool in[NODES];
	struct pheap h = { 0 };
	struct pheap_node *n, *last = NULL;
	u32 i, count = 0, at;

	for (i = 0; i < 4 * NODES; i++) {
		at = (u32)(next_random() % NODES);
		if (!in[at]) {
			weft__pheap_push(&h, &node[at],
					 (u64)-50 + next_random() % 100);
			in[at] = true;
			count++;
		} else if (next_random() % 4 == 0) {
			n = weft__pheap_pop(&h);
			ASSERT_NE(NULL, n);
			in[n - node] = false;
			count--;
		}
	}
	while ((n = weft__pheap_pop(&h))) {
		if (last) {
			ASSERT_LE(0, (s64)(n->key - last->key));
			if (n->key == last->key)
				ASSERT_LT(last->seq, n->seq);
		}
		last = n;
		count--;
	}
	EXPECT_EQ(0, count);
}

TEST_HARNESS_MAIN
