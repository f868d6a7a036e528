// SPDX-License-Identifier: GPL-2.0-only
/*
 * numa.c - nodes, made up by WEFT_FAKE_NODES where there is one: who is bound
 * where, whose queue a G waits in, who helps whom, in which order.
 */
#include "rt.h"

#include "kselftest_harness.h"

static u32 ran, up, stop_hog;
static struct m *ran_on;

static int start_nodes(u32 procs, enum weft_bind bind)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = procs, .bind = bind };

	setenv("WEFT_FAKE_NODES", "2", 1);
	return weft_start(&o);
}

/* The CPUs that m's thread may use are these. */
static bool bound_to(struct m *m, const cpu_set_t *want)
{
	size_t sz = S.topo.setsize;
	cpu_set_t *set = calloc(1, sz);
	bool same;

	CHECK(AWAIT(READ_ONCE(m->tid)));
	CHECK(!sched_getaffinity(m->tid, sz, set));
	same = CPU_EQUAL_S(sz, set, want);
	free(set);
	return same;
}

/* ---- where Ms are ---- */

TEST(ms_are_bound_to_their_nodes_cpus)
{
	u32 i;

	NEEDS_CPUS(2);
	ASSERT_EQ(0, start_nodes(2, WEFT_BIND_DEFAULT));
	ASSERT_EQ(2, S.nnodes);
	ASSERT_EQ(2, S.nm);
	EXPECT_NE(S.m[0]->node, S.m[1]->node);
	for (i = 0; i < S.nm; i++) {
		EXPECT_EQ(S.p[i]->node, S.m[i]->node);
		EXPECT_TRUE(bound_to(S.m[i], S.m[i]->node->cpus));
		EXPECT_FALSE(bound_to(S.m[i], S.topo.allowed));
	}
	DONE();
}

/* The call that m sleeps in; -1: it runs, or there is no /proc. */
static int sleeps_in(const struct m *m)
{
	char path[64];
	int nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", m->tid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%d", &nr) != 1)
		nr = -1;
	if (f)
		fclose(f);
	return nr;
}

static void *sits_in_read(void *arg)
{
	char c;

	atomic_add(&up, 1);
	CHECK(WEFT_BLOCKING(read(*(int *)arg, &c, 1)) == 1);
	return NULL;
}

static void *is_run(void *arg)
{
	atomic_add(&ran, 1);
	return arg;
}

/*
 * Nodes that were made up have no memory, so there Ms sleep anywhere.  Here
 * both become the kernel's node 0: Ms made from then on sleep there, are woken
 * there, and take the places of those that block.
 */
TEST(ms_sleep_on_their_nodes)
{
	int p[2];
	u32 i;

	NEEDS_CPUS(2);
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, start_nodes(1, WEFT_BIND_DEFAULT));
	EXPECT_EQ(WEFT__NO_NODE, S.m[0]->futex.node);
	for (i = 0; i < S.nnodes; i++)
		WRITE_ONCE(S.node[i].os, 0);
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(0, weft_go(sits_in_read, &p[0]));
		EXPECT_TRUE(AWAIT(READ_ONCE(up) == i));
		ASSERT_EQ(0, weft_go(is_run, NULL));
		EXPECT_TRUE(AWAIT(READ_ONCE(ran) == i));
	}
	EXPECT_EQ(0, S.m[S.nm - 1]->futex.node);
	if (weft__feature(WEFT__FUTEX2))
		EXPECT_TRUE(AWAIT(sleeps_in(S.m[S.nm - 1]) == 455));
	ASSERT_EQ(5, write(p[1], "12345", 5));
	DONE();
}

TEST(bound_to_one_cpu_each)
{
	size_t sz;
	cpu_set_t *one;
	u32 i;

	NEEDS_CPUS(2);
	unsetenv("WEFT_FAKE_NODES");
	setenv("WEFT_BIND", "cpu", 1);
	ASSERT_EQ(0, rt_start(2));
	sz = S.topo.setsize;
	one = calloc(1, sz);
	for (i = 0; i < S.nm; i++) {
		CPU_ZERO_S(sz, one);
		CPU_SET_S(S.p[i]->home, sz, one);
		EXPECT_TRUE(bound_to(S.m[i], one));
	}
	EXPECT_NE(S.p[0]->home, S.p[1]->home);
	DONE();
}

TEST(bound_to_nothing)
{
	u32 i;

	setenv("WEFT_FAKE_NODES", "2", 1);
	setenv("WEFT_BIND", "none", 1);
	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < S.nm; i++)
		EXPECT_TRUE(bound_to(S.m[i], S.topo.allowed));
	DONE();
}

TEST(one_node_is_the_mask_of_the_process)
{
	cpu_set_t set;
	u32 i;

	/* No more Ps than CPUs in the mask, and no M outside of it. */
	CPU_ZERO(&set);
	CPU_SET(rt_first_cpu(0), &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	ASSERT_EQ(0, rt_start(0));
	EXPECT_EQ(1, weft_procs());
	EXPECT_EQ(-EINVAL, weft_set_procs(2));
	for (i = 0; i < S.nm; i++)
		EXPECT_TRUE(bound_to(S.m[i], S.topo.allowed));
	DONE();
}

/* ---- queues of nodes ---- */

static void *notes_m(void *arg)
{
	ran_on = this_m();
	rt_set(&ran, 1);
	return arg;
}

/* Puts a G into its node's queue, and does not let go of its M. */
static void *puts_and_hogs(void *arg)
{
	struct m *m = this_m();
	struct weft_g *g = NULL;

	WRITE_ONCE(up, 1);
	CHECK(!weft_spawn(&g, NULL, notes_m, NULL));
	CHECK(!weft_detach(g));
	/* the other M may have it already, by way of this queue */
	if (RQ(take_tail, m->vc, &m->p->q, rt_g(g)))
		weft__gq_put(m, rt_g(g));
	CHECK(G_SPIN(rt_get(&ran)));
	CHECK(ran_on != m);
	CHECK(ran_on->node != m->node);
	return m->node;
}

TEST(the_other_node_helps)
{
	struct weft_g *g;
	void *node;
	u32 i, seen = 0;

	NEEDS_CPUS(2);
	ASSERT_EQ(0, start_nodes(2, WEFT_BIND_DEFAULT));
	for (i = 0; i < 20; i++) {
		ran = up = 0;
		ASSERT_EQ(0, weft_spawn(&g, NULL, puts_and_hogs, NULL));
		EXPECT_EQ(0, weft_join(g, &node));
		seen |= 1u << ((struct node *)node)->id;
	}
	EXPECT_NE(0, seen);
	DONE();
}

/* Both Ms are busy: what one puts waits in its own node's queue. */
static void *hogs(void *arg)
{
	atomic_add(&up, 1);
	G_SPIN(READ_ONCE(stop_hog));
	return arg;
}

static void *puts_into_its_own(void *arg)
{
	struct m *m = this_m();
	struct node *mine = m->node, *other = &S.node[!mine->id];
	struct weft_g *g = NULL;

	atomic_add(&up, 1);
	G_SPIN(READ_ONCE(up) == 2);
	CHECK(!weft_spawn(&g, NULL, notes_m, NULL));
	CHECK(!weft_detach(g));
	if (CHECK(RQ(take_tail, m->vc, &m->p->q, rt_g(g))))
		weft__gq_put(m, rt_g(g));
	CHECK(!weft__gq_empty(&mine->gq));
	CHECK(weft__gq_empty(&other->gq));
	WRITE_ONCE(stop_hog, 1);
	return arg;
}

TEST(a_queue_for_each_node)
{
	u32 i;

	NEEDS_CPUS(2);
	for (i = 0; i < 10; i++) {
		ran = up = stop_hog = 0;
		ASSERT_EQ(0, start_nodes(2, WEFT_BIND_DEFAULT));
		ASSERT_EQ(0, weft_go(hogs, NULL));
		ASSERT_TRUE(AWAIT(READ_ONCE(up) == 1));
		ASSERT_EQ(0, weft_go(puts_into_its_own, NULL));
		DONE();
	}
}

/* ---- steal order ---- */

TEST(near_before_far)
{
	struct p *p, *o;
	u32 i, j, far;

	NEEDS_CPUS(2);
	setenv("WEFT_DEBUG", "oversubscribe", 1);
	ASSERT_EQ(0, start_nodes(8, WEFT_BIND_DEFAULT));
	ASSERT_EQ(8, S.maxprocs);
	for (i = 0; i < S.maxprocs; i++) {
		p = S.p[i];
		EXPECT_EQ(S.topo.node_of[p->home], p->node->id);
		for (far = 0, j = 0; j < S.maxprocs - 1; j++) {
			o = S.p[p->order[j]];
			ASSERT_NE(p, o);
			if (o->node != p->node)
				far = 1;
			else
				EXPECT_EQ(0, far);
			if (j)
				EXPECT_GE(p->ring[j], p->ring[j - 1]);
			/* equals are of one node */
			if (j && p->ring[j] == p->ring[j - 1])
				EXPECT_EQ(S.p[p->order[j - 1]]->node, o->node);
		}
		EXPECT_EQ(1, far);
	}
	DONE();
}

/* Each of the others once */
TEST(nobody_is_left_out)
{
	u32 i, j, seen;

	setenv("WEFT_DEBUG", "oversubscribe", 1);
	ASSERT_EQ(0, start_nodes(8, WEFT_BIND_DEFAULT));
	for (i = 0; i < S.maxprocs; i++) {
		for (seen = 1u << i, j = 0; j < S.maxprocs - 1; j++)
			seen |= 1u << S.p[i]->order[j];
		EXPECT_EQ((1u << S.maxprocs) - 1, seen);
	}
	DONE();
}

TEST_HARNESS_MAIN
