// SPDX-License-Identifier: GPL-2.0-only
/*
 * key.c - values that each G has for itself: who sees which, when destructors
 * run, what a deleted and a reused key mean, how many there are.
 */
#include "rt.h"

#include "kselftest_harness.h"

static weft_key key;
static u32 runs;
static void *last;

static void *in_g(struct __test_metadata *_metadata, weft_fn *fn, void *arg)
{
	struct weft_g *g = NULL;
	void *ret = NULL;

	EXPECT_EQ(0, weft_spawn(&g, NULL, fn, arg));
	EXPECT_EQ(0, weft_join(g, &ret));
	return ret;
}

static void notes(void *val)
{
	runs++;
	last = val;
}

static void *has_a_value(void *arg)
{
	CHECK(!weft_key_get(key));
	CHECK(!weft_key_set(key, arg));
	CHECK(weft_key_get(key) == arg);
	weft_yield();
	weft_sleep(1000);
	CHECK(weft_key_get(key) == arg);
	return arg;
}

static void *each_its_own(void *arg)
{
	struct weft_g *g[4];
	int i, v[4];

	CHECK(!weft_key_set(key, &runs));
	for (i = 0; i < 4; i++)
		CHECK(!weft_spawn(&g[i], NULL, has_a_value, &v[i]));
	/* the last runs as our call, and still has its own */
	for (i = 3; i >= 0; i--)
		CHECK(!weft_join(g[i], NULL));
	CHECK(runs == 4);
	CHECK(weft_key_get(key) == &runs);
	return arg;
}

TEST(each_g_its_own)
{
	ASSERT_EQ(0, weft_key_create(&key, notes));
	ASSERT_EQ(0, rt_start(1));
	in_g(_metadata, each_its_own, NULL);
	EXPECT_EQ(5, runs);
	DONE();
	/* keys need no runtime and outlive it */
	ASSERT_EQ(0, rt_start(1));
	in_g(_metadata, has_a_value, &runs);
	EXPECT_EQ(6, runs);
	EXPECT_EQ(&runs, last);
	DONE();
	EXPECT_EQ(0, weft_key_delete(key));
}

/* A destructor that sets a value again: four rounds, and no more. */
static void again(void *val)
{
	runs++;
	CHECK(!weft_key_get(key));
	CHECK(!weft_key_set(key, val));
}

static void parks_inside(void *val)
{
	runs++;
	weft_yield();
	weft_sleep(1000);
	last = val;
}

static void *sets(void *arg)
{
	CHECK(!weft_key_set(key, arg));
	return arg;
}

static void *sets_null(void *arg)
{
	CHECK(!weft_key_set(key, arg));
	CHECK(!weft_key_set(key, NULL));
	CHECK(!weft_key_get(key));
	return arg;
}

static void *sets_and_exits(void *arg)
{
	CHECK(!weft_key_set(key, arg));
	weft_exit(arg);
}

static void *joins_inline(void *fn)
{
	struct weft_g *g;
	u64 inlined = rt_stats().inlined;

	CHECK(!weft_spawn(&g, NULL, (weft_fn *)fn, &runs));
	CHECK(!weft_join(g, NULL));
	CHECK(rt_stats().inlined == inlined + 1);
	return NULL;
}

TEST(destructors)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_key_create(&key, again));
	in_g(_metadata, sets, &runs);
	EXPECT_EQ(4, runs);
	in_g(_metadata, joins_inline, (void *)sets);
	EXPECT_EQ(8, runs);
	EXPECT_EQ(0, weft_key_delete(key));

	runs = 0;
	ASSERT_EQ(0, weft_key_create(&key, parks_inside));
	in_g(_metadata, sets, &runs);
	EXPECT_EQ(1, runs);
	EXPECT_EQ(&runs, last);
	in_g(_metadata, sets_and_exits, &key);
	EXPECT_EQ(2, runs);
	EXPECT_EQ(&key, last);
	/* NULL is no value */
	in_g(_metadata, sets_null, &key);
	EXPECT_EQ(2, runs);
	EXPECT_EQ(0, weft_key_delete(key));

	ASSERT_EQ(0, weft_key_create(&key, NULL));
	in_g(_metadata, sets, &key);
	EXPECT_EQ(0, weft_key_delete(key));
	DONE();
}

static void *outlived_by_nothing(void *arg)
{
	weft_key old = key;

	CHECK(!weft_key_set(key, arg));
	CHECK(!weft_key_delete(key));
	CHECK(!weft_key_get(key));
	CHECK(weft_key_set(key, arg) == -EINVAL);
	/* the number is used again, the value is not */
	CHECK(!weft_key_create(&key, notes));
	CHECK(key == old);
	CHECK(!weft_key_get(key));
	return arg;
}

TEST(deleted_and_reused)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_key_create(&key, notes));
	in_g(_metadata, outlived_by_nothing, &runs);
	/* neither the deleted key's value nor a stale one is destroyed */
	EXPECT_EQ(0, runs);
	EXPECT_EQ(0, weft_key_delete(key));
	EXPECT_EQ(-EINVAL, weft_key_delete(key));
	DONE();
}

TEST(as_many_as_there_are)
{
	weft_key k[WEFT_KEYS_MAX], more;
	int i;

	for (i = 0; i < WEFT_KEYS_MAX; i++)
		ASSERT_EQ(0, weft_key_create(&k[i], NULL));
	EXPECT_EQ(-EAGAIN, weft_key_create(&more, NULL));
	EXPECT_EQ(0, weft_key_delete(k[77]));
	EXPECT_EQ(0, weft_key_create(&more, NULL));
	EXPECT_EQ(k[77], more);
	EXPECT_EQ(-EAGAIN, weft_key_create(&more, NULL));
	for (i = 0; i < WEFT_KEYS_MAX; i++)
		EXPECT_EQ(0, weft_key_delete(k[i]));
}

static void *bad_keys(void *arg)
{
	CHECK(weft_key_set(WEFT_KEYS_MAX, arg) == -EINVAL);
	CHECK(weft_key_set(3, arg) == -EINVAL);
	CHECK(!weft_key_get(WEFT_KEYS_MAX));
	CHECK(!weft_key_get(~0u));
	return arg;
}

TEST(bad_use)
{
	EXPECT_EQ(-EINVAL, weft_key_create(NULL, NULL));
	EXPECT_EQ(-EINVAL, weft_key_delete(WEFT_KEYS_MAX));
	EXPECT_EQ(-EINVAL, weft_key_delete(0));
	ASSERT_EQ(0, weft_key_create(&key, NULL));
	EXPECT_EQ(NULL, weft_key_get(key));
	EXPECT_EQ(-EPERM, weft_key_set(key, &key));
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(NULL, weft_key_get(key));
	EXPECT_EQ(-EPERM, weft_key_set(key, &key));
	in_g(_metadata, bad_keys, NULL);
	DONE();
}

TEST_HARNESS_MAIN
