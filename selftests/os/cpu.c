// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu.c - topology: what is read is consistent, nodes can be made up, and the
 * order goes from near to far.
 */
#include "os/cpu.h"
#include "os/feature.h"

#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

static void consistent(struct __test_metadata *_metadata,
		       const struct weft__topo *t)
{
	unsigned int n = 0, in_nodes = 0;
	cpu_set_t *set = CPU_ALLOC(t->setsize * 8);

	ASSERT_NE(NULL, set);
	ASSERT_LE(1, t->nnodes);
	ASSERT_LE(1, t->nallowed);
	ASSERT_LE(t->nallowed, t->ncpu);
	for (unsigned int cpu = 0; cpu < t->ncpu; cpu++) {
		n += weft__topo_allowed(t, cpu);
		ASSERT_LT(t->node_of[cpu], t->nnodes);
		ASSERT_LE(t->core_of[cpu], cpu);
		ASSERT_LT(t->llc_of[cpu], t->ncpu);
	}
	ASSERT_EQ(t->nallowed, n);
	ASSERT_EQ(t->nallowed, weft__cpus_allowed());
	ASSERT_FALSE(weft__topo_allowed(t, t->ncpu));
	for (unsigned int a = 0; a < t->nnodes; a++) {
		unsigned int cpus = weft__topo_node_set(t, a, set);

		ASSERT_LE(1, cpus);
		in_nodes += cpus;
		for (unsigned int b = 0; b < t->nnodes; b++)
			ASSERT_LE(10, t->distance[a * t->nnodes + b]);
		ASSERT_EQ(10, t->distance[a * t->nnodes + a]);
	}
	ASSERT_EQ(t->nallowed, in_nodes);
	CPU_FREE(set);
}

TEST(this_machine)
{
	struct weft__topo t;

	weft__features_probe(0, 0);
	ASSERT_EQ(0, weft__topo_read(&t, 0));
	consistent(_metadata, &t);
	ASSERT_FALSE(t.fake);
	weft__topo_free(&t);
	weft__topo_free(&t);
}

TEST(without_numa_there_is_one_node)
{
	struct weft__topo t;

	weft__features_probe(WEFT__BIT(WEFT__NUMA), 0);
	ASSERT_EQ(0, weft__topo_read(&t, 0));
	consistent(_metadata, &t);
	ASSERT_EQ(1, t.nnodes);
	ASSERT_EQ(-1, t.os_node[0]);
	weft__topo_free(&t);
}

TEST(fake_nodes_split_the_allowed_cpus)
{
	struct weft__topo t;

	weft__features_probe(0, 0);
	for (unsigned int n = 1; n <= 4; n++) {
		ASSERT_EQ(0, weft__topo_read(&t, n));
		consistent(_metadata, &t);
		ASSERT_TRUE(t.fake);
		ASSERT_EQ(n < t.nallowed ? n : t.nallowed, t.nnodes);
		if (t.nnodes > 1)
			ASSERT_EQ(20, t.distance[1]);
		weft__topo_free(&t);
	}
}

TEST(one_cpu)
{
	struct weft__topo t;
	cpu_set_t *set;
	size_t size;
	unsigned int cpu = 0;

	weft__features_probe(0, 0);
	ASSERT_EQ(0, weft__affinity(&set, &size));
	while (!CPU_ISSET_S(cpu, size, set))
		cpu++;
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	ASSERT_EQ(0, sched_setaffinity(0, size, set));
	ASSERT_EQ(1, weft__cpus_allowed());
	ASSERT_EQ(0, weft__topo_read(&t, 2));
	consistent(_metadata, &t);
	ASSERT_EQ(1, t.nnodes);
	ASSERT_TRUE(weft__topo_allowed(&t, cpu));
	weft__topo_free(&t);
	CPU_FREE(set);
}

/*
 * A made-up machine of 12 CPUs: SMT pairs {0,1} {2,3} ..., caches of four,
 * nodes {0..7} {8..9} {10..11}, the last one farthest from the first.
 */
static u16 node_of[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2 };
static u16 llc_of[12] = { 0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 10, 10 };
static u16 core_of[12] = { 0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10 };
static u8 distance[9] = { 10, 20, 30, 20, 10, 15, 30, 15, 10 };

static const struct weft__topo made_up = {
	.ncpu = 12,
	.nallowed = 12,
	.nnodes = 3,
	.node_of = node_of,
	.llc_of = llc_of,
	.core_of = core_of,
	.distance = distance,
};

TEST(order_goes_from_near_to_far)
{
	static const u16 cpus[] = { 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 };
	static const u16 want[] = { 1, 3, 2, 7, 6, 5, 4, 9, 8, 11, 10 };
	static const u8 rings[] = { 0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4 };
	u16 out[11];
	u8 ring[11];

	weft__topo_order(&made_up, 0, cpus, 11, out, ring);
	for (int i = 0; i < 11; i++) {
		EXPECT_EQ(want[i], out[i]) TH_LOG("place %d", i);
		EXPECT_EQ(rings[i], ring[i]) TH_LOG("place %d", i);
	}
}

TEST(order_of_a_few)
{
	static const u16 cpus[] = { 0, 10 };
	u16 out[2];
	u8 ring[2];

	weft__topo_order(&made_up, 9, cpus, 2, out, ring);
	ASSERT_EQ(10, out[0]);
	ASSERT_EQ(0, out[1]);
	ASSERT_EQ(0, ring[0]);
	ASSERT_EQ(1, ring[1]);
	weft__topo_order(&made_up, 9, cpus, 1, out, NULL);
	ASSERT_EQ(0, out[0]);
	weft__topo_order(&made_up, 9, cpus, 0, out, ring);
}

/* Two made-up nodes in one core: the node goes before it. */
TEST(a_node_goes_before_a_core)
{
	static u16 nodes[2] = { 0, 1 }, same[2] = { 0, 0 };
	static u8 far[4] = { 10, 20, 20, 10 };
	static const u16 cpus[] = { 1, 0 };
	const struct weft__topo t = { .ncpu = 2,
				      .nnodes = 2,
				      .node_of = nodes,
				      .llc_of = same,
				      .core_of = same,
				      .distance = far };
	u16 out[2];
	u8 ring[2];

	weft__topo_order(&t, 0, cpus, 2, out, ring);
	ASSERT_EQ(0, out[0]);
	ASSERT_EQ(1, out[1]);
	ASSERT_EQ(1, ring[1]);
}

TEST_HARNESS_MAIN
