// SPDX-License-Identifier: GPL-2.0-only
/*
 * queues.c - sentences 1 and 6 to 8 of the model: go puts a G into a queue
 * and does not wait; the global one is looked at every 61st tick; who is out of
 * work looks there, then takes half of another's; a full one spills half.
 */
#include "rt.h"

#include "kselftest_harness.h"

/* ---- go ---- */

static u32 gate, ran, ran_at_return;

static void *waits_for_gate(void *arg)
{
	G_AWAIT(READ_ONCE(gate));
	atomic_add(&ran, 1);
	return arg;
}

static void *only_runs(void *arg)
{
	atomic_add(&ran, 1);
	return arg;
}

static void *goes(void *arg)
{
	CHECK(!weft_go(only_runs, NULL));
	WRITE_ONCE(ran_at_return, READ_ONCE(ran));
	return arg;
}

TEST(go_returns_at_once)
{
	struct weft_stats st;
	int i;

	ASSERT_EQ(0, rt_start(1));
	/* From a thread: none of them can end before go has returned. */
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, weft_go(waits_for_gate, NULL));
	EXPECT_EQ(0, READ_ONCE(ran));
	EXPECT_EQ(10, rt_stats().gs);
	WRITE_ONCE(gate, 1);
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 10));
	/* From a G on the only P: the parent runs on, the child has not run. */
	ASSERT_EQ(0, weft_go(goes, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 11));
	EXPECT_EQ(10, ran_at_return);
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	st = rt_stats();
	EXPECT_EQ(12, st.spawned);
	EXPECT_EQ(12, st.ended);
	EXPECT_EQ(0, st.inlined);
	DONE();
}

/* ---- every 61st tick ---- */

/* A G that waits in this M's queue moves to the global one. */
static void to_global(weft_fn *fn, void *arg)
{
	struct weft_g *g = NULL;
	struct m *m = this_m();

	if (!CHECK(!weft_spawn(&g, NULL, fn, arg)))
		return;
	CHECK(!weft_detach(g));
	CHECK(RQ(take_tail, m->vc, &m->p->q, rt_g(g)));
	weft__gq_put(m, rt_g(g));
}

/* Counted here, since weft_stats counts dispatches by ticks: one P, plain. */
static u64 pops, popped_at[4];
static u32 stop_yielding;

static void yield_counted(void)
{
	pops++;
	weft_yield();
}

static void *notes_when(void *arg)
{
	popped_at[(uintptr_t)arg] = pops;
	ran++;
	pops++;		/* its end takes the next G from the queue */
	return NULL;
}

static void *yields(void *arg)
{
	while (!READ_ONCE(stop_yielding))
		yield_counted();
	return arg;
}

static void *watches_ticks(void *arg)
{
	u64 ticks, put, i;

	CHECK(!weft_go(yields, NULL));
	CHECK(!weft_go(yields, NULL));
	yield_counted();
	ticks = rt_stats().ticks;
	for (put = pops; pops < put + 6100;)
		yield_counted();
	ticks = rt_stats().ticks - ticks;
	CHECK(ticks >= 99 && ticks <= 101);
	put = pops;
	for (i = 0; i < 4; i++)
		to_global(notes_when, (void *)i);
	while (READ_ONCE(ran) < 4)
		yield_counted();
	/* The local queue never emptied; each tick took one of them. */
	CHECK(popped_at[0] - put <= 61);
	for (i = 1; i < 4; i++)
		CHECK(popped_at[i] - popped_at[i - 1] == 61);
	WRITE_ONCE(stop_yielding, 1);
	return arg;
}

TEST(global_queue_every_61st_tick)
{
	struct trace_entry e;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(watches_ticks, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(4, READ_ONCE(ran));
	EXPECT_TRUE(rt_event(&S.m[0]->trace, TRACE_TICK, 0, &e));
	DONE();
}

/* ---- global first, then half of another's ---- */

static u32 both_up, b_go, a_go;
static struct m *ma, *mb;
static u32 a_published, b_trace;

/* Ms that share a CPU would share its P. */
static int start_bound(void)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 2,
			       .bind = WEFT_BIND_CPU };

	return weft_start(&o);
}

static void *has_a_queue(void *arg)
{
	u32 i;

	ma = this_m();
	atomic_add(&both_up, 1);
	G_SPIN(READ_ONCE(both_up) == 2);
	for (i = 0; i < 40; i++)
		CHECK(!weft_go(only_runs, NULL));
	RQ(settle, this_m()->vc, &this_m()->p->q);
	CHECK(RQ(publish, this_m()->vc, &this_m()->p->q));
	a_published = runq_published(&this_m()->p->q);
	WRITE_ONCE(b_go, 1);
	G_SPIN(READ_ONCE(a_go));
	return arg;
}

static void *has_none(void *arg)
{
	mb = this_m();
	atomic_add(&both_up, 1);
	G_SPIN(READ_ONCE(b_go));
	b_trace = READ_ONCE(mb->trace.next);
	to_global(only_runs, NULL);
	return arg;
}

TEST(idle_p_takes_global_then_steals_half)
{
	struct trace_entry get, steal;

	NEEDS_CPUS(2);
	ASSERT_EQ(0, start_bound());
	ASSERT_EQ(0, weft_go(has_a_queue, NULL));
	ASSERT_EQ(0, weft_go(has_none, NULL));
	EXPECT_TRUE(AWAIT(rt_stats().stolen));
	EXPECT_NE(ma, mb);
	EXPECT_EQ(20, a_published);
	ASSERT_TRUE(rt_event(&mb->trace, TRACE_STEAL, b_trace, &steal));
	EXPECT_TRUE(rt_event(&mb->trace, TRACE_GLOBAL_GET, b_trace, &get));
	EXPECT_LT(get.seq, steal.seq);
	EXPECT_EQ(1, get.b);
	EXPECT_GE(rt_stats().steals, 1);
	/* Half of what was shown; then half of the rest, and so on. */
	EXPECT_GE(rt_stats().stolen, 10);
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) >= 11));
	WRITE_ONCE(a_go, 1);
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 41));
	DONE();
}

/* A G on the thief's M steals once: exactly half. */
static void *steals_once(void *arg)
{
	struct m *m = this_m();
	struct g *g;

	mb = m;
	atomic_add(&both_up, 1);
	G_SPIN(READ_ONCE(b_go));
	g = weft__steal(m);
	if (CHECK(g)) {
		CHECK(m->n.stolen == 10 && m->n.steals == 1);
		CHECK(runq_published(&READ_ONCE(ma->p)->q) == 10);
		CHECK(runq_private(&m->p->q) == 9);
		push(m, g);
	}
	WRITE_ONCE(a_go, 1);
	return arg;
}

TEST(steals_exactly_half)
{
	NEEDS_CPUS(2);
	ASSERT_EQ(0, start_bound());
	ASSERT_EQ(0, weft_go(has_a_queue, NULL));
	ASSERT_EQ(0, weft_go(steals_once, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 40));
	DONE();
}

/* ---- overflow spills half ---- */

#define FLOOD 1000

static u32 order[FLOOD + 1], norder;

static void *notes_order(void *arg)
{
	order[norder++] = (u32)(uintptr_t)arg;	/* one P: one at a time */
	return NULL;
}

static void *floods(void *arg)
{
	u64 i;

	for (i = 0; i < FLOOD; i++)
		CHECK(!weft_go(notes_order, (void *)i));
	return arg;
}

TEST(overflow_spills_half)
{
	u32 seen[FLOOD] = { 0 }, last[FLOOD / 128 + 1], i, blocks, grp;
	struct weft_stats st;
	struct trace_entry e;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(floods, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	st = rt_stats();
	/* 256 fit; each further 128 push the 128 oldest out. */
	blocks = (FLOOD - 256 + 127) / 128;
	EXPECT_EQ(blocks, st.spills);
	EXPECT_EQ(blocks * 128, st.global_put);
	EXPECT_TRUE(rt_event(&S.m[0]->trace, TRACE_SPILL, 0, &e));
	EXPECT_EQ(128, e.b);
	ASSERT_EQ(FLOOD, norder);
	/* Order within what was spilled together, and within the rest. */
	memset(last, 0xff, sizeof(last));
	for (i = 0; i < norder; i++) {
		ASSERT_LT(order[i], FLOOD);
		seen[order[i]]++;
		grp = order[i] / 128 < blocks ? order[i] / 128 : blocks;
		EXPECT_TRUE(last[grp] == ~0u || last[grp] < order[i]);
		last[grp] = order[i];
	}
	for (i = 0; i < FLOOD; i++)
		EXPECT_EQ(1, seen[i]);
	DONE();
}

/* ---- more Gs than a ring holds: each has its turns ---- */

#define CROWD 3000
#define TURNS 200

static u32 turns[CROWD], crowd_up, crowd_stop;

static void *takes_turns(void *arg)
{
	u32 *n = arg;

	WRITE_ONCE(crowd_up, crowd_up + 1);
	while (crowd_up < CROWD)
		weft_yield();
	while (!READ_ONCE(crowd_stop)) {
		weft_yield();
		if (++*n == TURNS)
			WRITE_ONCE(crowd_stop, 1);
	}
	return NULL;
}

static void *gathers(void *arg)
{
	u32 i;

	for (i = 0; i < CROWD; i++)
		CHECK(!weft_go(takes_turns, &turns[i]));
	return arg;
}

/* Once round is CROWD yields; the first to have all turns ends it. */
TEST(a_yield_sends_a_g_behind_all_others)
{
	u32 i, least = TURNS;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(gathers, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(crowd_stop)));
	ASSERT_TRUE(AWAIT(!rt_stats().gs));
	for (i = 0; i < CROWD; i++)
		least = turns[i] < least ? turns[i] : least;
	/* A tick runs a G of the global queue at once: one in 61 gains. */
	EXPECT_GE(least, TURNS - TURNS / 10);
	DONE();
}

TEST_HARNESS_MAIN
