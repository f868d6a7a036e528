// SPDX-License-Identifier: GPL-2.0-only
/*
 * ctx.c - contexts: trees, deadlines, races of cancel with all else.
 */
#include "crowd.h"
#include <sync/chan.h>

#include "kselftest_harness.h"

#include <malloc.h>

static struct weft_ctx *root, *node;
static struct weft_chan *ch;
static u64 many;

static bool closed(struct weft_ctx *c)
{
	return weft_chan_try_recv(weft_ctx_done(c), NULL) == -EPIPE;
}

/* ---- answers ---- */

static void *asks(void *arg)
{
	struct weft_ctx *bg = weft_ctx_background(), *c, *d;
	struct weft_chan *one = weft_chan_new(4, 1);
	int v = 7;

	CHECK(weft_ctx_get(bg) == bg && !weft_ctx_put(bg));
	CHECK(!weft_ctx_err(bg) && !weft_ctx_done(bg));
	CHECK(weft_ctx_deadline(bg) == WEFT_FOREVER);
	CHECK(weft_ctx_cancel(bg, 0) == -EINVAL);
	CHECK(!weft_ctx_cancelable(NULL) && weft_errno() == EINVAL);
	CHECK(!weft_ctx_until(NULL, 1) && weft_errno() == EINVAL);
	CHECK(!weft_ctx_get(NULL) && !weft_ctx_put(NULL));
	CHECK(!weft_ctx_done(NULL));
	CHECK(weft_ctx_err(NULL) == -EINVAL);
	CHECK(weft_ctx_cancel(NULL, 0) == -EINVAL);
	CHECK(weft_ctx_deadline(NULL) == WEFT_FOREVER);
	CHECK(weft_ctx_sleep(NULL, 1) == -EINVAL);
	CHECK(weft_ctx_send(NULL, one, &v) == -EINVAL);
	CHECK(weft_ctx_recv(bg, NULL, &v) == -EINVAL);
	CHECK(weft_ctx_send(bg, one, NULL) == -EINVAL);
	CHECK(!weft_ctx_sleep(bg, 1000));

	c = weft_ctx_cancelable(bg);
	CHECK(!weft_ctx_err(c) && !closed(c));
	CHECK(weft_ctx_cancel(c, 1) == -EINVAL);
	CHECK(weft_ctx_cancel(c, -4096) == -EINVAL);
	CHECK(!weft_ctx_sleep(c, 1000) && !weft_ctx_sleep(c, -1));
	CHECK(!weft_ctx_send(c, one, &v));
	v = 0;
	CHECK(!weft_ctx_recv(c, one, &v) && v == 7);
	CHECK(!weft_ctx_send(c, one, &v));
	d = weft_ctx_cancelable(c);
	CHECK(!weft_ctx_cancel(c, -EIO) && weft_ctx_cancel(c, 0) == -EALREADY);
	CHECK(weft_ctx_err(c) == -EIO && closed(c));
	CHECK(weft_ctx_err(d) == -EIO && closed(d));
	CHECK(weft_ctx_sleep(d, 1) == -EIO && weft_ctx_sleep(d, 0) == -EIO);
	CHECK(weft_ctx_recv(d, one, &v) == -EIO && weft_chan_len(one) == 1);
	CHECK(!weft_ctx_put(c) && !weft_ctx_put(d));

	CHECK(!weft_chan_close(one) && !weft_ctx_recv(bg, one, &v));
	CHECK(weft_ctx_recv(bg, one, &v) == -EPIPE);
	CHECK(weft_ctx_send(bg, one, &v) == -EPIPE);
	CHECK(!weft_chan_free(one));
	return arg;
}

TEST(answers)
{
	asks(NULL);	/* no runtime */
	ASSERT_EQ(0, rt_start(2));
	by_both(asks);
	DONE();
}

/* ---- trees ---- */

#define NODES 1000

/* A chain, or a bush, is cancelled in the middle: what is below it, only. */
static void tree(bool chain)
{
	static struct weft_ctx *c[NODES];
	u32 i, k = NODES / 2, at;
	bool below;

	c[0] = weft_ctx_cancelable(weft_ctx_background());
	for (i = 1; i < NODES; i++)
		c[i] = weft_ctx_cancelable(c[chain ? i - 1 : (i - 1) / 3]);
	if (!chain)
		k = 2;
	CHECK(!weft_ctx_cancel(c[k], -EIO));
	for (i = 0; i < NODES; i++) {
		for (at = i; !chain && at > k; at = (at - 1) / 3)
			;
		below = at == k || (chain && i >= k);
		CHECK(weft_ctx_err(c[i]) == (below ? -EIO : 0));
		CHECK(closed(c[i]) == below);
	}
	CHECK(!weft_ctx_cancel(c[0], 0));
	for (i = 0; i < NODES; i++) {
		CHECK(closed(c[i]));
		CHECK(!weft_ctx_put(c[i]));	/* parents first */
	}
}

TEST(a_tree_is_cancelled_downwards)
{
	ASSERT_EQ(0, rt_start(2));
	tree(true);
	tree(false);
	DONE();
}

static void chain_of(u32 n)
{
	struct weft_ctx *c, *d;

	c = root = weft_ctx_get(weft_ctx_cancelable(weft_ctx_background()));
	while (n--) {
		d = weft_ctx_cancelable(c);
		CHECK(!weft_ctx_put(c));
		c = d;
	}
	CHECK(!weft_ctx_cancel(root, 0));
	CHECK(!weft_ctx_put(root));
	CHECK(weft_ctx_err(c) == -ECANCELED && closed(c));
	CHECK(!weft_ctx_put(c));
}

/* By a G of 64 KiB: no recursion on the way down, nor on the way up. */
static void *deep(void *arg)
{
	chain_of(50000);
	return arg;
}

TEST(depth_needs_no_stack)
{
	ASSERT_EQ(0, rt_start(1));
	crowd(deep, 1, 0);
	DONE();
}

TEST(born_cancelled)
{
	struct weft_ctx *c, *d;

	ASSERT_EQ(0, rt_start(1));
	c = weft_ctx_cancelable(weft_ctx_background());
	EXPECT_EQ(0, weft_ctx_cancel(c, -EIO));
	d = weft_ctx_until(c, in_ms(100000));
	EXPECT_EQ(-EIO, weft_ctx_err(d));
	EXPECT_TRUE(closed(d));
	EXPECT_EQ(-EALREADY, weft_ctx_cancel(d, 0));
	weft_ctx_put(c);
	weft_ctx_put(d);
	c = weft_ctx_until(weft_ctx_background(), weft__now() - 1);
	EXPECT_EQ(-ETIMEDOUT, weft_ctx_err(c));
	EXPECT_TRUE(closed(c));
	weft_ctx_put(c);
	DONE();
}

/* ---- deadlines ---- */

static void *waits_done(void *arg)
{
	struct weft_case k = { .op = WEFT_RECV, .chan = weft_ctx_done(node) };

	CHECK(weft_select(&k, 1, WEFT_FOREVER) == 0 && k.ret == -EPIPE);
	CHECK(weft__now() >= weft_ctx_deadline(node));
	CHECK(weft_ctx_err(node) == -ETIMEDOUT);
	return arg;
}

static void *waits_sleep(void *arg)
{
	CHECK(weft_ctx_sleep(node, INT64_MAX) == -ETIMEDOUT);
	CHECK(weft__now() >= weft_ctx_deadline(node));
	return arg;
}

/* Nobody else calls anything: the timer closes it, for children, too. */
TEST(a_deadline_wakes_who_waits)
{
	struct weft_ctx *c;

	ASSERT_EQ(0, rt_start(2));
	c = weft_ctx_until(weft_ctx_background(), in_ms(30));
	node = weft_ctx_until(c, in_ms(100000));
	EXPECT_EQ(weft_ctx_deadline(c), weft_ctx_deadline(node));
	crowd(waits_done, 20, 3);
	weft_ctx_put(c);
	weft_ctx_put(node);
	c = weft_ctx_cancelable(weft_ctx_background());
	node = weft_ctx_until(c, in_ms(30));
	crowd(waits_sleep, 20, 3);
	EXPECT_EQ(0, weft_ctx_err(c));
	weft_ctx_put(c);
	weft_ctx_put(node);
	DONE();
}

/* The handle of the parent is gone; its deadline is not. */
TEST(a_deadline_outlives_its_handle)
{
	struct weft_ctx *c;

	ASSERT_EQ(0, rt_start(1));
	c = weft_ctx_until(weft_ctx_background(), in_ms(30));
	node = weft_ctx_cancelable(c);
	weft_ctx_put(c);
	crowd(waits_done, 2, 1);
	weft_ctx_put(node);
	DONE();
}

/* No timer: made without a runtime, or its runtime has ended. */
TEST(deadlines_without_a_runtime)
{
	struct weft_ctx *c, *d;
	struct weft_chan *none = weft_chan_new(0, 0);
	int i;

	for (i = 0; i < 20; i++) {
		c = weft_ctx_until(weft_ctx_background(), in_ms(5));
		EXPECT_EQ(-ETIMEDOUT, i % 2 ? weft_ctx_recv(c, none, NULL) :
					      weft_ctx_sleep(c, INT64_MAX));
		EXPECT_TRUE(closed(c));
		weft_ctx_put(c);
		ASSERT_EQ(0, rt_start(1));
		c = weft_ctx_until(weft_ctx_background(), in_ms(i));
		d = weft_ctx_until(weft_ctx_background(), in_ms(100000));
		EXPECT_TRUE(rt_stop());
		if (i % 3)
			ASSERT_EQ(0, rt_start(1));
		EXPECT_EQ(-ETIMEDOUT, weft_ctx_sleep(c, INT64_MAX));
		EXPECT_TRUE(closed(c));
		EXPECT_EQ(0, weft_ctx_err(d));
		weft_ctx_put(c);
		weft_ctx_put(d);
		if (i % 3)
			EXPECT_TRUE(rt_stop());
	}
	EXPECT_EQ(0, weft_chan_free(none));
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

/* ---- who waits is woken ---- */

static void *waits_somehow(void *arg)
{
	uintptr_t i = (uintptr_t)arg;
	u64 v = 0;

	atomic_add(&many, 1);
	if (i % 3 == 0)
		CHECK(weft_ctx_sleep(node, INT64_MAX) == -EIO);
	else if (i % 3 == 1)
		CHECK(weft_ctx_recv(node, ch, &v) == -EIO);
	else
		CHECK(weft_ctx_recv(root, ch, &v) == -EIO);
	CHECK(weft_ctx_err(node) == -EIO);
	return arg;
}

static void *cancels_when_all_wait(void *arg)
{
	CHECK(AWAIT(READ_ONCE(many) == 33));
	usleep(2000);
	CHECK(!weft_ctx_cancel(root, -EIO));
	return arg;
}

TEST(a_thread_cancels_what_waits)
{
	pthread_t t;

	ASSERT_EQ(0, rt_start(2));
	ch = weft_chan_new(8, 0);
	root = weft_ctx_cancelable(weft_ctx_background());
	node = weft_ctx_cancelable(root);
	ASSERT_EQ(0, pthread_create(&t, NULL, cancels_when_all_wait, NULL));
	crowd(waits_somehow, 30, 3);
	pthread_join(t, NULL);
	weft_ctx_put(node);
	weft_ctx_put(root);
	EXPECT_EQ(0, weft_chan_free(ch));
	DONE();
}

static void *sends_all(void *arg)
{
	u64 i;

	for (i = 1; i <= 3000 && !weft_ctx_send(node, ch, &i); i++)
		atomic_add(&many, 1);
	return arg;
}

static u64 got;

static void *receives_all(void *arg)
{
	u64 v;

	while (!weft_ctx_recv(node, ch, &v))
		if (atomic_add(&got, 1) == 5000)
			CHECK(!weft_ctx_cancel(root, 0));
	return arg;
}

static void *sends_or_receives(void *arg)
{
	return (uintptr_t)arg % 2 ? sends_all(arg) : receives_all(arg);
}

/* What one side says was handed over, the other has. */
TEST(no_element_is_lost_at_a_cancel)
{
	ASSERT_EQ(0, rt_start(2));
	ch = weft_chan_new(8, 0);
	root = weft_ctx_cancelable(weft_ctx_background());
	node = weft_ctx_until(root, in_ms(100000));
	crowd(sends_or_receives, 16, 2);
	EXPECT_EQ(many, got);
	EXPECT_LE(5000, got);
	weft_ctx_put(node);
	weft_ctx_put(root);
	EXPECT_EQ(0, weft_chan_free(ch));
	DONE();
}

/* ---- races ---- */

#define RACES 100000

static u64 won, ended;

/* Cancel, a new child, and puts of both cross: each by all, on all nodes. */
static void *races(void *arg)
{
	u64 rnd = (uintptr_t)arg + 1;
	struct weft_ctx *c, *d;
	u32 i;

	for (i = 0; i < RACES / 10; i++) {
		c = weft_ctx_cancelable(root);
		d = crowd_random(&rnd) % 4 ?
			    weft_ctx_cancelable(c) :
			    weft_ctx_until(c, weft__now() +
					   (s64)(crowd_random(&rnd) % 50000));
		if (crowd_random(&rnd) % 2) {
			weft_ctx_put(c);
			c = NULL;
		}
		switch (crowd_random(&rnd) % 8) {
		case 0:
			if (!weft_ctx_cancel(root, -EIO))
				atomic_add(&won, 1);
			break;
		case 1:
			/* Else who was faster may not have closed it yet. */
			if (!weft_ctx_cancel(d, 0))
				CHECK(closed(d));
			CHECK(weft_ctx_err(d));
			break;
		case 2:
			weft_ctx_sleep(d, (s64)(crowd_random(&rnd) % 30000));
			break;
		case 3:
			weft_yield();
			break;
		}
		if (weft_ctx_err(root))
			CHECK(weft_ctx_err(d));
		weft_ctx_put(d);
		weft_ctx_put(c);
	}
	atomic_add(&ended, 1);
	return arg;
}

TEST(cancel_races)
{
	ASSERT_EQ(0, rt_start(2));
	root = weft_ctx_cancelable(weft_ctx_background());
	crowd(races, 8, 2);
	EXPECT_EQ(1, won);
	EXPECT_EQ(10, ended);
	weft_ctx_put(root);
	DONE();
}

/* Two meet again and again: one cancels many, one gives them back. */
#define MEET 100

static struct weft_ctx *shared[MEET];
static u32 turn;

static void *cancels_each(void *arg)
{
	struct weft_ctx *c;
	u32 i, k;

	for (i = 0; i < RACES / MEET; i++) {
		c = weft_ctx_cancelable(weft_ctx_background());
		for (k = 0; k < MEET; k++)
			shared[k] = weft_ctx_cancelable(c);
		rt_set(&turn, 2 * i + 1);
		CHECK(!weft_ctx_cancel(c, 0));
		weft_ctx_put(c);
		if (!CHECK(G_AWAIT(rt_get(&turn) == 2 * i + 2)))
			break;
	}
	return arg;
}

static void *puts_each(void *arg)
{
	u32 i, k;

	for (i = 0; i < RACES / MEET; i++) {
		if (!CHECK(G_AWAIT(rt_get(&turn) == 2 * i + 1)))
			break;
		for (k = 0; k < MEET; k++)
			CHECK(!weft_ctx_put(shared[k]));
		rt_set(&turn, 2 * i + 2);
	}
	return arg;
}

static void *either_end(void *arg)
{
	return arg ? puts_each(arg) : cancels_each(arg);
}

TEST(a_put_crosses_a_cancel)
{
	ASSERT_EQ(0, rt_start(2));
	crowd(either_end, 2, 0);
	DONE();
}

/* ---- nothing is left ---- */

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

static void some_of_all(void)
{
	struct weft_ctx *c, *d;
	int i;

	for (i = 0; i < 1000; i++) {
		c = weft_ctx_until(weft_ctx_background(), in_ms(i % 2 ? 0 : 1));
		d = weft_ctx_cancelable(c);
		if (i % 3)
			weft_ctx_cancel(i % 3 > 1 ? c : d, 0);
		weft_ctx_put(i % 5 ? c : d);
		weft_ctx_put(i % 5 ? d : c);
	}
}

TEST(no_leak)
{
	size_t before;

	ASSERT_EQ(0, rt_start(1));
	some_of_all();
	before = in_use();
	some_of_all();
	/* A thousand of them would be more than 100 KiB each. */
	EXPECT_GE(before + 50000, in_use());
	DONE();
}

static void puts_too_early(void *arg)
{
	(void)arg;
	node = weft_ctx_cancelable(weft_ctx_background());
	if (rt_start(1) || weft_go(waits_done, NULL))
		_exit(3);
	if (!AWAIT(!wq_looks_empty(
		    &((struct chan *)weft_ctx_done(node))->recvq)))
		_exit(4);
	weft_ctx_put(node);
}

TEST(put_while_somebody_waits_is_a_bug)
{
	struct rt_child *c = rt_in_child(puts_too_early, NULL);

	EXPECT_SIGNAL(c, SIGABRT);
	EXPECT_TRUE(rt_said(c, "the last weft_ctx_put"));
	free(c);
}

TEST(the_child_of_a_fork)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, rt_start(1));
	root = weft_ctx_until(weft_ctx_background(), in_ms(50));
	pid = fork();
	if (!pid) {
		bool ok = weft_ctx_cancel(root, 0) == -ECHILD &&
			  weft_ctx_put(root) == -ECHILD &&
			  !weft_ctx_cancelable(root) && errno == ECHILD;

		usleep(60000);
		_exit(!ok || weft_ctx_err(root) != -ETIMEDOUT);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	weft_ctx_put(root);
	DONE();
}

TEST_HARNESS_MAIN
