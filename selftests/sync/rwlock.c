// SPDX-License-Identifier: GPL-2.0-only
/*
 * rwlock.c - readers or a writer, in the order in which they came.
 */
#include "crowd.h"
#include <sync/object.h>

#include "kselftest_harness.h"

static struct weft_rwlock rw;
static u64 each, writes, a, b;
static u32 readers, writers, most, stop;

static bool at_rest(void)
{
	struct rwlock *k = (struct rwlock *)&rw;

	return !k->readers && !k->writer && wq_empty(&k->q) &&
	       !clk_held(&k->lk);
}

static u32 in_queue(void)
{
	struct rwlock *k = (struct rwlock *)&rw;
	struct wnode *n;
	u32 i = 0;

	clk_lock(weft__my_vcpu(), &k->lk);
	for (n = k->q.head; n; n = n->next)
		i++;
	clk_unlock(&k->lk);
	return i;
}

static void as_reader(u64 i)
{
	u32 n = atomic_add(&readers, 1);

	CHECK(!READ_ONCE(writers));
	if (n > READ_ONCE(most))
		WRITE_ONCE(most, n);
	CHECK(READ_ONCE(a) == READ_ONCE(b));
	if (i % 8 == 0)
		weft_yield();
	CHECK(READ_ONCE(a) == READ_ONCE(b));
	atomic_sub(&readers, 1);
}

static void as_writer(u64 i)
{
	CHECK(atomic_add(&writers, 1) == 1);
	CHECK(!READ_ONCE(readers));
	WRITE_ONCE(a, a + 1);
	if (i % 4 == 0)
		weft_yield();
	WRITE_ONCE(b, b + 1);
	writes++;
	atomic_sub(&writers, 1);
}

static void *hammers(void *arg)
{
	u64 n = (uintptr_t)arg, rnd = n + 99, i;
	s64 until;
	bool late;

	for (i = 0; i < each; i++) {
		late = crowd_random(&rnd) % 16 == 0;
		until = late ? weft__now() + (s64)(rnd >> 8) % 50000 :
			       WEFT_FOREVER;
		if (crowd_random(&rnd) % 8 == 0) {
			if (weft_rwlock_write_until(&rw, until)) {
				CHECK(late);
				continue;
			}
			as_writer(i);
			CHECK(!weft_rwlock_write_unlock(&rw));
		} else {
			if (weft_rwlock_read_until(&rw, until)) {
				CHECK(late);
				continue;
			}
			as_reader(i);
			CHECK(!weft_rwlock_read_unlock(&rw));
		}
	}
	return arg;
}

static void hammer(struct __test_metadata *_metadata, u32 procs, u32 gs,
		   u32 threads)
{
	each = 3000;
	ASSERT_EQ(0, rt_start(procs));
	crowd(hammers, gs, threads);
	EXPECT_EQ(writes, a);
	EXPECT_GT(writes, 0);
	EXPECT_GT(most, 1);		/* they did read together */
	EXPECT_TRUE(at_rest());
	DONE();
}

TEST(hammer_gs_on_one_p)
{
	hammer(_metadata, 1, 12, 0);
}

TEST(hammer_gs_and_threads)
{
	hammer(_metadata, 2, 10, 3);
}

/* ---- answers ---- */

static void *asks(void *arg)
{
	CHECK(weft_rwlock_read_unlock(&rw) == -EPERM);
	CHECK(weft_rwlock_write_unlock(&rw) == -EPERM);
	CHECK(!weft_rwlock_read(&rw));
	CHECK(!weft_rwlock_read_try(&rw));
	CHECK(!weft_rwlock_read_until(&rw, WEFT_POLL));
	CHECK(weft_rwlock_write_try(&rw) == -EBUSY);
	CHECK(weft_rwlock_write_until(&rw, WEFT_POLL) == -ETIMEDOUT);
	CHECK(weft_rwlock_write_until(&rw, in_ms(1)) == -ETIMEDOUT);
	CHECK(weft_rwlock_write_unlock(&rw) == -EPERM);
	CHECK(!weft_rwlock_read_unlock(&rw));
	CHECK(!weft_rwlock_read_unlock(&rw));
	CHECK(!weft_rwlock_read_unlock(&rw));
	CHECK(!weft_rwlock_write(&rw));
	CHECK(weft_rwlock_write(&rw) == -EDEADLK);
	CHECK(weft_rwlock_read(&rw) == -EDEADLK);
	CHECK(weft_rwlock_read_try(&rw) == -EBUSY);
	CHECK(weft_rwlock_write_try(&rw) == -EBUSY);
	CHECK(weft_rwlock_read_unlock(&rw) == -EPERM);
	CHECK(!weft_rwlock_write_unlock(&rw));
	CHECK(!weft_rwlock_write_try(&rw));
	CHECK(!weft_rwlock_write_unlock(&rw));
	return arg;
}

static void *asks_while_another_writes(void *arg)
{
	CHECK(weft_rwlock_read_try(&rw) == -EBUSY);
	CHECK(weft_rwlock_read_until(&rw, in_ms(1)) == -ETIMEDOUT);
	CHECK(weft_rwlock_write_until(&rw, in_ms(1)) == -ETIMEDOUT);
	CHECK(weft_rwlock_write_unlock(&rw) == -EPERM);
	return arg;
}

TEST(answers)
{
	ASSERT_EQ(0, rt_start(1));
	by_both(asks);
	EXPECT_TRUE(at_rest());
	EXPECT_EQ(0, weft_rwlock_write(&rw));
	by_both(asks_while_another_writes);
	EXPECT_EQ(0, weft_rwlock_write_unlock(&rw));
	EXPECT_TRUE(at_rest());
	DONE();
}

/* ---- nobody starves ---- */

static void *reads_on_and_on(void *arg)
{
	while (!rt_get(&stop)) {
		CHECK(!weft_rwlock_read(&rw));
		weft_sleep(50 * NSEC_PER_USEC);
		CHECK(!weft_rwlock_read_unlock(&rw));
	}
	return arg;
}

static void *writes_ten_times(void *arg)
{
	u32 i;

	for (i = 0; i < 10; i++) {
		CHECK(!weft_rwlock_write(&rw));
		CHECK(!weft_rwlock_write_unlock(&rw));
		weft_yield();
	}
	rt_set(&stop, 1);
	return arg;
}

static void *overlap(void *arg)
{
	return (uintptr_t)arg ? reads_on_and_on(arg) : writes_ten_times(arg);
}

/* Readers that overlap: at no time nobody reads. */
TEST(writers_do_not_starve)
{
	s64 start = weft__now();

	ASSERT_EQ(0, rt_start(2));
	crowd(overlap, 9, 2);
	EXPECT_LT(weft__now() - start, 10 * NSEC_PER_SEC);
	DONE();
}

/* In the order in which they came: R | W R R | W */
static u32 order[8], norder;

static void *notes(void *arg)
{
	u32 n = (u32)(uintptr_t)arg;

	if (n % 3 == 0)
		CHECK(!weft_rwlock_write(&rw));
	else
		CHECK(!weft_rwlock_read(&rw));
	order[atomic_add(&norder, 1) - 1] = n;
	weft_yield();
	if (n % 3 == 0)
		CHECK(!weft_rwlock_write_unlock(&rw));
	else
		CHECK(!weft_rwlock_read_unlock(&rw));
	return arg;
}

static void *makes_them_come(void *arg)
{
	struct weft_g *g[7];
	uintptr_t i;

	CHECK(!weft_rwlock_read(&rw));
	for (i = 0; i < 7; i++) {
		CHECK(!weft_spawn(&g[i], NULL, notes, (void *)i));
		CHECK(G_AWAIT(in_queue() == i + 1));
	}
	CHECK(!norder);
	CHECK(weft_rwlock_read_try(&rw) == -EBUSY);	/* a writer waits */
	CHECK(!weft_rwlock_read_unlock(&rw));
	for (i = 0; i < 7; i++)
		CHECK(!weft_join(g[i], NULL));
	return arg;
}

TEST(first_come_first_served)
{
	u32 i;

	ASSERT_EQ(0, rt_start(1));
	crowd(makes_them_come, 1, 0);
	for (i = 0; i < 7; i++)
		EXPECT_EQ(i, order[i]);
	DONE();
}

/* A writer that leaves lets the readers behind it in. */
static u32 in_time;

static void *writes_late(void *arg)
{
	CHECK(weft_rwlock_write_until(&rw, in_ms(5)) == -ETIMEDOUT);
	return arg;
}

static void *reads_behind(void *arg)
{
	CHECK(!weft_rwlock_read(&rw));
	rt_set(&in_time, 1);
	CHECK(!weft_rwlock_read_unlock(&rw));
	return arg;
}

static void *holds_on(void *arg)
{
	struct weft_g *w, *r;

	CHECK(!weft_rwlock_read(&rw));
	CHECK(!weft_spawn(&w, NULL, writes_late, arg));
	CHECK(G_AWAIT(in_queue() == 1));
	CHECK(!weft_spawn(&r, NULL, reads_behind, arg));
	CHECK(G_AWAIT(rt_get(&in_time)));
	CHECK(!weft_join(w, NULL));
	CHECK(!weft_join(r, NULL));
	CHECK(!weft_rwlock_read_unlock(&rw));
	return arg;
}

TEST(a_late_writer_blocks_nobody)
{
	ASSERT_EQ(0, rt_start(1));
	crowd(holds_on, 1, 0);
	EXPECT_TRUE(at_rest());
	DONE();
}

TEST_HARNESS_MAIN
