// SPDX-License-Identifier: GPL-2.0-only
/*
 * runq.c - the run queue alone: what its sections do, one by one, and that a
 * token comes out exactly once whatever threads do to the queue together.
 *
 * Each test runs for all three kinds of sections: restartable sequences, their
 * twin with membarrier, their twin with a fence.  Some bugs are planted, and
 * must be found.  timeout: 300
 */
#include "arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#define MS 1000			/* of each crowd */
#define FIND_MS 20000		/* in which a planted bug must be found */

FIXTURE(runq)
{
	struct arena a;
	struct m *m;
	struct runq *q;
};

FIXTURE_VARIANT(runq)
{
	u32 twin;
};

FIXTURE_VARIANT_ADD(runq, rseq){ .twin = TWIN_OFF };
FIXTURE_VARIANT_ADD(runq, membarrier){ .twin = TWIN_MEMBARRIER };
FIXTURE_VARIANT_ADD(runq, fence){ .twin = TWIN_FENCE };

FIXTURE_SETUP(runq)
{
	const char *why;

	memset(&self->a, 0, sizeof(self->a));
	why = arena_make(&self->a, variant->twin);
	if (why)
		SKIP(return, "%s", why);
	self->m = arena_be(&self->a, 0, self->a.cpu[0]);
	self->q = &self->a.p->q;
}

FIXTURE_TEARDOWN(runq)
{
}

#define PUSH(t) RQ(push, self->m->vc, self->q, (void *)(uintptr_t)(t))
#define POP() ((uintptr_t)RQ(pop, self->m->vc, self->q))
#define POP_ANY() ((uintptr_t)weft__rq_pop_any(self->m, self->a.p))
#define TAIL(t) RQ(take_tail, self->m->vc, self->q, (void *)(uintptr_t)(t))
#define PUBLISH() RQ(publish, self->m->vc, self->q)
#define SETTLE() RQ(settle, self->m->vc, self->q)

/* Where indices begin: fresh, and just before they leave 32 and 53 bits. */
static const u64 bases[] = { 0, (1ull << 32) - 300, (1ull << 53) - 300 };

#define EACH_BASE(b) for (u32 i_ = 0; i_ < ARRAY_SIZE(bases) &&               \
			  (arena_reset(&self->a, b = bases[i_]), true); i_++)

TEST_F(runq, first_in_first_out)
{
	u64 base, i, k;

	EACH_BASE(base) {
		for (k = 0; k < 10; k++) {
			for (i = 1; i <= 200; i++)
				ASSERT_EQ(RUNQ_OK, PUSH(i));
			for (i = 1; i <= 200; i++)
				ASSERT_EQ(i, POP());
			ASSERT_EQ(0, POP());
		}
		ASSERT_EQ(base + 2000, self->q->tail);
	}
}

TEST_F(runq, full_at_its_size)
{
	u64 base, i;

	EACH_BASE(base) {
		for (i = 1; i <= RUNQ_SIZE; i++)
			ASSERT_EQ(RUNQ_OK, PUSH(i));
		ASSERT_EQ(RUNQ_FULL, PUSH(999));
		ASSERT_EQ(RUNQ_SIZE, runq_private(self->q));
		ASSERT_EQ(1, POP());
		ASSERT_EQ(RUNQ_OK, PUSH(257));
		ASSERT_EQ(RUNQ_FULL, PUSH(999));
		for (i = 2; i <= 257; i++)
			ASSERT_EQ(i, POP());
		ASSERT_EQ(base + 257, self->q->phead);
	}
}

TEST_F(runq, elsewhere_nothing_is_touched)
{
	void *g[4] = { (void *)7, (void *)8 };
	static const u32 seats[] = { RUNQ_STOPPED, RUNQ_NOSEAT };
	struct runq before;

	PUSH(1);
	PUSH(2);
	PUSH(3);
	for (u32 i = 0; i <= ARRAY_SIZE(seats); i++) {
		self->q->seat = i < ARRAY_SIZE(seats) ? seats[i] :
				variant->twin ? 1 : (u32)self->a.cpu[1];
		before = *self->q;
		EXPECT_EQ(RUNQ_SEAT, PUSH(4));
		EXPECT_EQ(0, POP());
		EXPECT_FALSE(TAIL(3));
		EXPECT_FALSE(PUBLISH());
		EXPECT_EQ(0, RQ(pop_batch, self->m->vc, self->q, g, 2));
		EXPECT_EQ(0, RQ(pop_tail, self->m->vc, self->q, g, 2));
		EXPECT_EQ(0, RQ(push_batch, self->m->vc, self->q, g, 2));
		SETTLE();
		EXPECT_EQ(0, memcmp(&before, self->q, sizeof(before)));
		EXPECT_EQ(0, self->m->vc->busy & !!variant->twin);
	}
}

TEST_F(runq, the_tail_is_taken_back)
{
	u64 base;

	EACH_BASE(base) {
		ASSERT_FALSE(TAIL(1));
		PUSH(1);
		PUSH(2);
		ASSERT_FALSE(TAIL(1));
		ASSERT_TRUE(TAIL(2));
		ASSERT_FALSE(TAIL(2));
		PUSH(3);
		ASSERT_TRUE(TAIL(3));
		ASSERT_TRUE(TAIL(1));
		/* The slots still hold them. */
		ASSERT_FALSE(TAIL(1));
		ASSERT_FALSE(TAIL(3));
		ASSERT_EQ(base, self->q->tail);
		ASSERT_EQ(0, POP());
	}
}

TEST_F(runq, the_tail_is_not_taken_from_thieves)
{
	u64 base;
	void *g[2];

	EACH_BASE(base) {
		PUSH(1);
		PUSH(2);
		ASSERT_TRUE(PUBLISH());
		ASSERT_EQ(1, runq_published(self->q));
		ASSERT_TRUE(TAIL(2));
		ASSERT_FALSE(TAIL(1));
		ASSERT_EQ(1, weft__rq_take(self->a.p, g, 2));
		ASSERT_EQ((void *)1, g[0]);
		ASSERT_FALSE(TAIL(1));
		/* phead lags behind what was stolen. */
		ASSERT_FALSE(TAIL(2));
		ASSERT_EQ(0, runq_waiting(self->q));
	}
}

TEST_F(runq, half_is_published_and_comes_out_in_order)
{
	u64 base, i;
	void *g[8];

	EACH_BASE(base) {
		ASSERT_FALSE(PUBLISH());
		PUSH(1);
		ASSERT_FALSE(PUBLISH());	/* never the only one */
		for (i = 2; i <= 10; i++)
			PUSH(i);
		ASSERT_TRUE(PUBLISH());
		ASSERT_FALSE(PUBLISH());	/* once at a time */
		ASSERT_EQ(5, runq_published(self->q));
		ASSERT_EQ(5, runq_private(self->q));
		ASSERT_EQ(0, POP());
		ASSERT_EQ(2, weft__rq_take(self->a.p, g, 2));
		ASSERT_EQ((void *)1, g[0]);
		ASSERT_EQ((void *)2, g[1]);
		for (i = 3; i <= 10; i++)
			ASSERT_EQ(i, POP_ANY());
		ASSERT_EQ(0, POP_ANY());
		ASSERT_EQ(base + 10, self->q->phead);
	}
}

TEST_F(runq, what_no_thief_wanted_is_private_again)
{
	u64 base, i;

	EACH_BASE(base) {
		for (i = 1; i <= 10; i++)
			PUSH(i);
		ASSERT_TRUE(PUBLISH());
		ASSERT_EQ(1, POP_ANY());
		ASSERT_EQ(0, runq_published(self->q));
		ASSERT_EQ(9, runq_private(self->q));
		ASSERT_TRUE(TAIL(10));
		ASSERT_TRUE(PUBLISH() || (SETTLE(), PUBLISH()));
		for (i = 2; i <= 9; i++)
			ASSERT_EQ(i, POP_ANY());
	}
}

/* A value of head is non-empty once: who copied before must fail. */
TEST_F(runq, a_stale_thief_fails)
{
	u64 base, i, b;

	EACH_BASE(base) {
		for (i = 1; i <= 8; i++)
			PUSH(i);
		PUBLISH();
		b = self->q->b;
		for (i = 1; i <= 8; i++)
			POP_ANY();
		for (i = 1; i <= 600; i++) {
			PUSH(i);
			PUSH(i);
			SETTLE();
			PUBLISH();
			ASSERT_NE(b, self->q->b);
			POP_ANY();
			POP_ANY();
			ASSERT_NE(b, self->q->b);
		}
	}
}

TEST_F(runq, settles_after_thieves)
{
	void *g[RUNQ_SIZE];
	u64 base, i;

	EACH_BASE(base) {
		for (i = 1; i <= RUNQ_SIZE; i++)
			PUSH(i);
		PUBLISH();
		SETTLE();		/* not while thieves may take */
		ASSERT_EQ(base, self->q->phead);
		ASSERT_EQ(128, weft__rq_take(self->a.p, g, RUNQ_SIZE));
		ASSERT_EQ(RUNQ_FULL, PUSH(257));
		ASSERT_EQ(0, POP());
		SETTLE();
		ASSERT_EQ(base + 128, self->q->phead);
		for (i = 257; i <= 384; i++)
			ASSERT_EQ(RUNQ_OK, PUSH(i));
		ASSERT_EQ(RUNQ_FULL, PUSH(385));
		for (i = 129; i <= 384; i++)
			ASSERT_EQ(i, POP());
	}
}

TEST_F(runq, batches_go_round_the_ring)
{
	void *in[RUNQ_SIZE], *out[RUNQ_SIZE];
	u64 base, i, k, next = 1, due = 1;
	u32 n, got;

	for (i = 0; i < RUNQ_SIZE; i++)
		in[i] = NULL;
	EACH_BASE(base) {
		next = due = 1;
		for (k = 0; k < 2000; k++) {
			n = (u32)(k * 7 % (RUNQ_SIZE + 1));
			for (i = 0; i < n; i++)
				in[i] = (void *)(next + i);
			got = RQ(push_batch, self->m->vc, self->q, in, n);
			ASSERT_LE(got, n);
			next += got;
			ASSERT_LE(next - due, RUNQ_SIZE);
			if (got < n)
				ASSERT_EQ(RUNQ_SIZE, next - due);
			n = (u32)(k * 5 % (RUNQ_SIZE + 1));
			got = RQ(pop_batch, self->m->vc, self->q, out, n);
			ASSERT_LE(got, n);
			if (got < n)
				ASSERT_EQ(next - due, got);
			for (i = 0; i < got; i++, due++)
				ASSERT_EQ((void *)due, out[i]);
		}
		ASSERT_LT(base + 10000, self->q->tail);
	}
}

TEST_F(runq, the_newest_come_off_the_tail)
{
	void *g[RUNQ_SIZE];
	u64 base, i, n, left;

	EACH_BASE(base) {
		for (n = 0; n <= 12; n++) {
			for (i = 1; i <= 10; i++)
				ASSERT_EQ(RUNQ_OK, PUSH(i));
			/* What is published is nobody's to take back. */
			left = n & 1 ? 5 : 10;
			if (n & 1)
				ASSERT_TRUE(PUBLISH());
			if (n < left)
				left = n;
			ASSERT_EQ(left, RQ(pop_tail, self->m->vc, self->q, g,
					   (u32)n));
			for (i = 0; i < left; i++)
				ASSERT_EQ((void *)(11 - left + i), g[i]);
			for (i = 1; i <= 10 - left; i++)
				ASSERT_EQ(i, POP_ANY());
			ASSERT_EQ(0, runq_waiting(self->q));
		}
	}
}

TEST_F(runq, a_seizer_takes_half_or_all)
{
	void *g[RUNQ_SIZE];
	u64 base, i;
	u32 seat = self->q->seat;

	EACH_BASE(base) {
		for (i = 1; i <= 10; i++)
			PUSH(i);
		ASSERT_EQ(5, weft__seize(self->a.p, g, false));
		for (i = 1; i <= 5; i++)
			ASSERT_EQ((void *)i, g[i - 1]);
		PUBLISH();
		ASSERT_EQ(5, weft__seize(self->a.p, g, true));
		for (i = 6; i <= 10; i++)
			ASSERT_EQ((void *)i, g[i - 6]);
		ASSERT_EQ(seat, self->q->seat);
		ASSERT_EQ(0, runq_waiting(self->q));
		ASSERT_EQ(0, weft__seize(self->a.p, g, true));
		ASSERT_EQ(RUNQ_OK, PUSH(11));
		ASSERT_EQ(11, POP());
	}
}

TEST_F(runq, a_second_seizer_leaves)
{
	u32 seat = weft__rq_stop(self->a.p);

	ASSERT_NE(RUNQ_STOPPED, seat);
	ASSERT_EQ(RUNQ_STOPPED, weft__rq_stop(self->a.p));
	ASSERT_EQ(RUNQ_SEAT, PUSH(1));
	weft__rq_release(self->a.p, seat);
	ASSERT_EQ(RUNQ_OK, PUSH(1));
}

TEST_F(runq, an_m_in_a_section_is_not_seized)
{
	if (!variant->twin)
		SKIP(return, "a sequence is restarted instead");
	PUSH(1);
	self->m->vc->busy = 1;
	ASSERT_EQ(RUNQ_STOPPED, weft__rq_stop(self->a.p));
	ASSERT_EQ(0, self->q->seat);
	self->m->vc->busy = 0;
	ASSERT_EQ(1, POP());
}

/* ---- crowds ---- */

/* Without sequences one thread owns a queue; with them all on its CPU do. */
static u32 on_one_cpu(const struct arena *a)
{
	(void)a;
	return weft__twin ? 1 : 2;
}

TEST_F(runq, two_threads_take_turns_on_one_cpu)
{
	struct cast c = { .workers = on_one_cpu(&self->a), .kicker = true };

	EXPECT_EQ(0, arena_run(&self->a, &c, MS));
	EXPECT_LT(1000, self->a.n.pushed);
	EXPECT_LT(100, self->a.n.tails);
	EXPECT_LT(100, self->a.n.taken_back);
	EXPECT_LT(100, self->a.n.kicks);
	arena_print(&self->a);
}

TEST_F(runq, seizers_and_thieves_beside_them)
{
	struct cast c = { .workers = on_one_cpu(&self->a), .kicker = true,
			  .seizer = true, .thieves = true };

	EXPECT_EQ(0, arena_run(&self->a, &c, MS));
	EXPECT_LT(100, self->a.n.seized);
	EXPECT_LT(100, self->a.n.stolen);
	arena_print(&self->a);
}

TEST_F(runq, at_the_end_of_32_bits)
{
	struct cast c = { .workers = on_one_cpu(&self->a), .kicker = true,
			  .seizer = true, .thieves = true };

	arena_reset(&self->a, (1ull << 32) - 100000);
	EXPECT_EQ(0, arena_run(&self->a, &c, MS));
	EXPECT_LT(1ull << 32, self->q->tail);
	EXPECT_LT(1ull << 32, self->q->phead);
	arena_print(&self->a);
}

/* Who finds the queue stopped goes on, and does not wait. */
TEST_F(runq, a_seizer_that_sleeps_holds_nobody_up)
{
	struct cast c = { .workers = on_one_cpu(&self->a), .kicker = true,
			  .seizer = true, .seizer_sleeps_us = 5000,
			  .thieves = true };

	EXPECT_EQ(0, arena_run(&self->a, &c, MS));
	EXPECT_LT(10, self->a.n.seizures);
	EXPECT_LT(10000, self->a.n.during);
	EXPECT_LT(1000, self->a.n.refused);
	EXPECT_LT(1000, self->a.n.pushed);
	arena_print(&self->a);
}

TEST_F(runq, an_ordinary_thread_pushes_on_the_same_cpu)
{
	struct cast c = { .workers = on_one_cpu(&self->a), .kicker = true,
			  .seizer = true, .foreign = true };

	EXPECT_EQ(0, arena_run(&self->a, &c, MS));
	EXPECT_EQ(!variant->twin, self->a.n.foreign > 100);
	arena_print(&self->a);
}

TEST_F(runq, the_seat_moves_under_load)
{
	struct cast c = { .workers = 2 * on_one_cpu(&self->a), .split = true,
			  .kicker = true, .seizer = true, .thieves = true,
			  .mover = true, .relocate = true };

	EXPECT_EQ(0, arena_run(&self->a, &c, MS));
	EXPECT_LT(100, self->a.n.moved);
	EXPECT_LT(1000, self->a.n.pushed);
	arena_print(&self->a);
}

/* As often as the rate cap allows, with both CPUs in the middle of it. */
TEST_F(runq, two_cpus_fetch_the_queue_from_each_other)
{
	struct cast c = { .workers = 2, .split = true, .relocate = true };

	EXPECT_EQ(0, arena_run(&self->a, &c, MS));
	EXPECT_LT(100, self->a.n.moved);
	arena_print(&self->a);
}

/* ---- planted bugs ---- */

/* To ThreadSanitizer each is a race, and it stops there. */
#ifdef WEFT__TSAN
TEST(planted)
{
	SKIP(return, "planted bugs are races");
}
#else

static u32 plant(struct arena *a, const char *name, struct cast c)
{
	s64 t = weft__now();
	u32 n = 0;

	while (!n && weft__now() - t < (s64)FIND_MS * NSEC_PER_MSEC) {
		arena_reset(a, 0);
		n = arena_run(a, &c, 1000);
	}
	printf("# planted: %s: %s after %lld ms: %s\n", name,
	       n ? "found" : "NOT FOUND",
	       (long long)((weft__now() - t) / NSEC_PER_MSEC), a->first);
	fflush(stdout);
	return n;
}

TEST_F(runq, planted_seizure_without_membarrier)
{
	struct cast c = { .workers = 1, .seizer = true, .plant = PLANT_SEIZE };

	if (variant->twin == TWIN_FENCE)
		SKIP(return, "the fence is in the section");
	EXPECT_NE(0, plant(&self->a, "seizure without membarrier", c));
}

TEST_F(runq, planted_seizure_that_ignores_busy)
{
	struct cast c = { .workers = 1, .seizer = true, .plant = PLANT_BUSY };

	if (!variant->twin)
		SKIP(return, "there is no busy word");
	EXPECT_NE(0, plant(&self->a, "busy not asked", c));
}

TEST_F(runq, planted_reseat_without_membarrier)
{
	struct cast c = { .workers = 2, .split = true,
			  .relocate = true, .plant = PLANT_RESEAT };

	if (variant->twin == TWIN_FENCE)
		SKIP(return, "the fence is in the section");
	EXPECT_NE(0, plant(&self->a, "re-seat without membarrier", c));
}

TEST_F(runq, planted_sequence_without_descriptor)
{
	struct cast c = { .workers = 2, .kicker = true,
			  .plant = PLANT_DESCRIPTOR };

	if (variant->twin)
		SKIP(return, "there is no descriptor");
	EXPECT_NE(0, plant(&self->a, "rseq_cs never set", c));
}

TEST_F(runq, planted_take_back_by_a_store)
{
	struct cast c = { .workers = 1, .thieves = true,
			  .plant = PLANT_TAKE_BACK };

	EXPECT_NE(0, plant(&self->a, "take-back by a plain store", c));
}

TEST_F(runq, planted_copy_after_the_cas)
{
	struct cast c = { .workers = 1, .thieves = true,
			  .plant = PLANT_LATE_COPY };

	EXPECT_NE(0, plant(&self->a, "thief copies after its CAS", c));
}
#endif

TEST_HARNESS_MAIN
