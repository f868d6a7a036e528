// SPDX-License-Identifier: GPL-2.0-only
/*
 * chan.c - what each call on a channel promises, alone and with one partner: a
 * G or an ordinary thread.
 */
#include "chan.h"

#include "kselftest_harness.h"

static struct weft_chan *c, *back;
static u32 step, rounds;

/* ---- alone ---- */

static void *bad_use(void *arg)
{
	struct weft_chan *w = weft_chan_new(8, 1);
	u64 v = 1;

	CHECK(weft_chan_send(NULL, &v) == -EINVAL);
	CHECK(weft_chan_try_send(NULL, &v) == -EINVAL);
	CHECK(weft_chan_send_until(NULL, &v, WEFT_FOREVER) == -EINVAL);
	CHECK(weft_chan_recv(NULL, &v) == -EINVAL);
	CHECK(weft_chan_try_recv(NULL, &v) == -EINVAL);
	CHECK(weft_chan_recv_until(NULL, &v, WEFT_FOREVER) == -EINVAL);
	CHECK(weft_chan_close(NULL) == -EINVAL);
	CHECK(weft_chan_free(NULL) == 0);
	CHECK(weft_chan_len(NULL) == 0 && weft_chan_cap(NULL) == 0);
	CHECK(weft_chan_send(w, NULL) == -EINVAL);
	CHECK(weft_chan_try_send(w, NULL) == -EINVAL);
	CHECK(weft_chan_len(w) == 0);
	errno = 0;
	CHECK(!weft_chan_new(SIZE_MAX / 2, 4) && weft_errno() == ENOMEM);
	CHECK(!weft_chan_new(1, SIZE_MAX) && weft_errno() == ENOMEM);
	CHECK(!weft_chan_new(0, SIZE_MAX) && weft_errno() == ENOMEM);
	CHECK(!weft_chan_free(w));
	return arg;
}

TEST(bad_use_is_refused)
{
	EVERYWHERE(bad_use);
}

static void *fills_and_drains(void *arg)
{
	struct weft_chan *w;
	u64 cap, i, v, turn;

	for (cap = 0; cap < 200; cap++) {
		w = chan_of_u64(cap);
		CHECK(weft_chan_cap(w) == cap);
		for (turn = 0; turn < 2; turn++) {
			for (i = 0; i < cap; i++) {
				CHECK(weft_chan_len(w) == i);
				v = i * 3 + turn;
				CHECK(!(i % 2 ? weft_chan_send(w, &v) :
						weft_chan_try_send(w, &v)));
			}
			CHECK(weft_chan_try_send(w, &v) == -EAGAIN);
			CHECK(weft_chan_send_until(w, &v, 1) == -ETIMEDOUT);
			CHECK(weft_chan_len(w) == cap);
			for (i = 0; i < cap; i++) {
				CHECK(!(i % 2 ? weft_chan_recv(w, &v) :
						weft_chan_try_recv(w, &v)));
				CHECK(v == i * 3 + turn);
			}
			v = 77;
			CHECK(weft_chan_try_recv(w, &v) == -EAGAIN);
			CHECK(weft_chan_recv_until(w, &v, 1) == -ETIMEDOUT);
			CHECK(v == 77 && weft_chan_len(w) == 0);
		}
		CHECK(!weft_chan_free(w));
	}
	return arg;
}

TEST(fills_up_to_its_capacity)
{
	EVERYWHERE(fills_and_drains);
}

/* All elements between guards, of sizes that are words and that are not. */
static void *sizes(void *arg)
{
	static const size_t size[] = { 0, 1, 3, 4, 7, 8, 9, 16, 40, 4096 };
	unsigned char in[4096], out[4096 + 2];
	struct weft_chan *w;
	size_t i, k, j;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		w = weft_chan_new(size[i], 3);
		for (k = 0; k < 10; k++) {
			memset(in, (int)(k * 7 + i + 1), sizeof(in));
			memset(out, 0xee, sizeof(out));
			CHECK(!weft_chan_send(w, in));
			CHECK(!weft_chan_recv(w, out + 1));
			CHECK(!memcmp(out + 1, in, size[i]));
			CHECK(out[0] == 0xee && out[1 + size[i]] == 0xee);
		}
		/* nowhere, and from nowhere */
		CHECK(!weft_chan_send(w, in) && !weft_chan_recv(w, NULL));
		CHECK(weft_chan_send(w, NULL) == (size[i] ? -EINVAL : 0));
		CHECK(!weft_chan_close(w));
		CHECK(weft_chan_recv(w, NULL) == (size[i] ? -EPIPE : 0));
		memset(out, 0xee, sizeof(out));
		CHECK(weft_chan_recv(w, out + 1) == -EPIPE);
		for (j = 0; j < size[i]; j++)
			CHECK(!out[1 + j]);
		CHECK(out[0] == 0xee && out[1 + size[i]] == 0xee);
		CHECK(!weft_chan_free(w));
	}
	return arg;
}

TEST(elements_of_any_size)
{
	EVERYWHERE(sizes);
}

static void *no_bytes(void *arg)
{
	struct weft_chan *w = weft_chan_new(0, (size_t)1 << 40);
	int i;

	for (i = 0; i < 1000; i++)
		CHECK(!weft_chan_send(w, NULL));
	CHECK(weft_chan_len(w) == 1000);
	for (i = 0; i < 1000; i++)
		CHECK(!weft_chan_recv(w, NULL));
	CHECK(weft_chan_try_recv(w, NULL) == -EAGAIN);
	CHECK(!weft_chan_free(w));
	return arg;
}

TEST(elements_without_bytes_need_no_memory)
{
	EVERYWHERE(no_bytes);
}

/* What is closed: receive drains; everything else is an error, every time. */
static void *closed(void *arg)
{
	struct weft_chan *w;
	u64 v, i, cap;

	for (cap = 0; cap < 4; cap++) {
		w = chan_of_u64(cap);
		for (i = 0; i < cap; i++)
			CHECK(!weft_chan_send(w, &i));
		CHECK(!weft_chan_close(w));
		CHECK(weft_chan_close(w) == -EPIPE);
		CHECK(weft_chan_send(w, &i) == -EPIPE);
		CHECK(weft_chan_try_send(w, &i) == -EPIPE);
		CHECK(weft_chan_send_until(w, &i, 0) == -EPIPE);
		CHECK(weft_chan_send_until(w, &i, WEFT_FOREVER) == -EPIPE);
		CHECK(weft_chan_len(w) == cap);
		for (i = 0; i < cap; i++)
			CHECK(!weft_chan_recv(w, &v) && v == i);
		for (i = 0; i < 2; i++) {
			v = 5;
			CHECK(weft_chan_recv(w, &v) == -EPIPE && !v);
			v = 5;
			CHECK(weft_chan_try_recv(w, &v) == -EPIPE && !v);
			v = 5;
			CHECK(weft_chan_recv_until(w, &v, 0) == -EPIPE && !v);
		}
		CHECK(!weft_chan_free(w));
	}
	return arg;
}

TEST(closed_channels)
{
	EVERYWHERE(closed);
}

/* ---- deadlines ---- */

static void *deadlines(void *arg)
{
	struct weft_chan *w = chan_of_u64(0);
	u64 v = 9;
	s64 t;
	int i;

	for (i = 0; i < 20; i++) {
		t = weft__now() + i * 50000;
		errno = 55;
		CHECK((i % 2 ? weft_chan_recv_until(w, &v, t) :
			       weft_chan_send_until(w, &v, t)) == -ETIMEDOUT);
		CHECK(weft__now() >= t);
		CHECK(!chan_waiters(w) && v == 9);
		CHECK(weft_errno() == 55);
	}
	CHECK(!weft_chan_free(w));
	return arg;
}

TEST(deadline_not_before_its_time)
{
	EVERYWHERE(deadlines);
}

/* ---- with a partner: who comes first, and who is what ---- */

static void *receives_one(void *arg)
{
	u64 v = 0;

	CHECK(!weft_chan_recv(c, &v) && v == 42);
	return arg;
}

static void *sends_one(void *arg)
{
	u64 v = 42;

	CHECK(!weft_chan_send(c, &v));
	return arg;
}

static void *receives_one_soon(void *arg)
{
	u64 v = 0;

	CHECK(!weft_chan_recv_until(c, &v, weft__now() + RT_PATIENCE));
	CHECK(v == 42);
	return arg;
}

static void *sends_one_soon(void *arg)
{
	u64 v = 42;

	CHECK(!weft_chan_send_until(c, &v, weft__now() + RT_PATIENCE));
	return arg;
}

static void *tries_to_receive(void *arg)
{
	u64 v = 0;

	CHECK(!weft_chan_try_recv(c, &v) && v == 42);
	return arg;
}

static void *tries_to_send(void *arg)
{
	u64 v = 42;

	CHECK(!weft_chan_try_send(c, &v));
	return arg;
}

TEST(hand_over)
{
	weft_fn *const first[] = { receives_one, receives_one_soon, sends_one,
				   sends_one_soon };
	weft_fn *const then[] = { sends_one, sends_one_soon, tries_to_send,
				  receives_one, receives_one_soon,
				  tries_to_receive };
	u32 i, j, who;

	ASSERT_EQ(0, rt_start(0));
	c = chan_of_u64(0);
	for (i = 0; i < 4; i++)
		for (j = 0; j < 3; j++)
			for (who = 0; who < 4; who++) {
				ASSERT_TRUE(act(first[i], NULL, who & 1));
				ASSERT_TRUE(AWAIT(chan_waiters(c) == 1));
				EXPECT_EQ(0, weft_chan_len(c));
				EXPECT_EQ(-EBUSY, weft_chan_free(c));
				ASSERT_TRUE(act(then[i / 2 * 3 + j], NULL,
						who & 2));
				ASSERT_TRUE(all_ended());
				ASSERT_EQ(0, chan_waiters(c));
			}
	EXPECT_EQ(0, weft_chan_free(c));
	DONE();
}

/* ---- first in, first out ---- */

#define WAITERS 40

static void *receives_in_turn(void *arg)
{
	u64 v;

	CHECK(!weft_chan_recv(c, &v));
	CHECK(v == (uintptr_t)arg);
	return NULL;
}

static void *sends_in_turn(void *arg)
{
	u64 v = (uintptr_t)arg;

	CHECK(!weft_chan_send(c, &v));
	return NULL;
}

TEST(receivers_are_served_in_order)
{
	u64 i;

	ASSERT_EQ(0, rt_start(0));
	c = chan_of_u64(0);
	for (i = 0; i < WAITERS; i++) {
		ASSERT_TRUE(act(receives_in_turn, (void *)i, i % 3 == 1));
		ASSERT_TRUE(AWAIT(chan_waiters(c) == i + 1));
	}
	for (i = 0; i < WAITERS; i++)
		ASSERT_EQ(0, weft_chan_try_send(c, &i));
	EXPECT_EQ(-EAGAIN, weft_chan_try_send(c, &i));
	ASSERT_TRUE(all_ended());
	DONE();
}

TEST(senders_are_served_in_order)
{
	u64 i, v, cap;

	ASSERT_EQ(0, rt_start(0));
	for (cap = 0; cap < 20; cap += 7) {
		c = chan_of_u64(cap);
		for (i = 0; i < WAITERS + cap; i++) {
			ASSERT_TRUE(act(sends_in_turn, (void *)i, i % 3 == 1));
			ASSERT_TRUE(AWAIT(chan_waiters(c) + weft_chan_len(c) ==
					  i + 1));
		}
		for (i = 0; i < WAITERS + cap; i++) {
			ASSERT_EQ(0, weft_chan_recv(c, &v));
			ASSERT_EQ(i, v);
		}
		EXPECT_EQ(-EAGAIN, weft_chan_try_recv(c, &v));
		ASSERT_TRUE(all_ended());
		EXPECT_EQ(0, weft_chan_free(c));
	}
	DONE();
}

/* ---- close wakes all ---- */

static void *is_closed_on(void *arg)
{
	u64 v = 3;

	if (arg) {
		CHECK(weft_chan_send(c, &v) == -EPIPE);
	} else {
		CHECK(weft_chan_recv(c, &v) == -EPIPE);
		CHECK(!v);
	}
	return NULL;
}

static void *is_closed_on_soon(void *arg)
{
	s64 t = weft__now() + RT_PATIENCE;
	u64 v = 3;

	CHECK((arg ? weft_chan_send_until(c, &v, t) :
		     weft_chan_recv_until(c, &v, t)) == -EPIPE);
	return NULL;
}

TEST(close_wakes_all_who_wait)
{
	u32 i, senders;

	ASSERT_EQ(0, rt_start(0));
	for (senders = 0; senders < 2; senders++) {
		c = chan_of_u64(0);
		for (i = 0; i < 12; i++)
			ASSERT_TRUE(act(i % 4 < 2 ? is_closed_on :
						    is_closed_on_soon,
					senders ? &c : NULL, i % 2));
		ASSERT_TRUE(AWAIT(chan_waiters(c) == 12));
		ASSERT_EQ(0, weft_chan_close(c));
		ASSERT_TRUE(all_ended());
		EXPECT_EQ(0, chan_waiters(c));
		EXPECT_EQ(0, weft_chan_free(c));
	}
	DONE();
}

/* ---- a deadline races with the partner: exactly one of both ---- */

static u64 sent, received, late;

static void *sends_or_is_late(void *arg)
{
	u64 i;
	int r;

	for (i = 1; i <= rounds; i++) {
		r = weft_chan_send_until(c, &i, weft__now() + 10000 +
						i % 8 * 5000);
		CHECK(!r || r == -ETIMEDOUT);
		atomic_add(r ? &late : &sent, 1);
		if (i % 64 == 0)
			pass();
	}
	rt_set(&step, 1);
	return arg;
}

static void *receives_or_is_late(void *arg)
{
	u64 v, last = 0;
	u32 k, i = 0;
	int r;

	do {
		v = 0;
		r = weft_chan_recv_until(c, &v, weft__now() + 20000);
		CHECK(!r || r == -ETIMEDOUT);
		CHECK(r ? !v : v > last);
		if (!r) {
			received++;
			last = v;
		}
		for (k = 0; k < i * 7919 % 4000; k++)
			cpu_relax();
		i++;
	} while (!r || !rt_get(&step));
	return arg;
}

static void deadline_races(struct __test_metadata *_metadata, bool a, bool b)
{
	rounds = 2000;
	ASSERT_EQ(0, rt_start(0));
	c = chan_of_u64(0);
	ASSERT_TRUE(act(sends_or_is_late, NULL, a));
	ASSERT_TRUE(act(receives_or_is_late, NULL, b));
	ASSERT_TRUE(all_ended());
	EXPECT_EQ(sent, received);
	EXPECT_EQ(rounds, sent + late);
	EXPECT_EQ(0, weft_chan_free(c));
	DONE();
}

TEST(deadlines_of_gs_race)
{
	deadline_races(_metadata, false, false);
}

TEST(deadlines_of_a_thread_and_a_g_race)
{
	deadline_races(_metadata, true, false);
}

TEST(deadlines_of_a_g_and_a_thread_race)
{
	deadline_races(_metadata, false, true);
}

/* ---- there and back ---- */

static void *pings(void *arg)
{
	u64 i, v = 0;

	for (i = 0; i < rounds; i++) {
		CHECK(!weft_chan_send(c, &i));
		CHECK(!weft_chan_recv(back, &v) && v == ~i);
	}
	CHECK(!weft_chan_close(c));
	return arg;
}

static void *pongs(void *arg)
{
	u64 v;

	while (!weft_chan_recv(c, &v)) {
		v = ~v;
		CHECK(!weft_chan_send(back, &v));
	}
	return arg;
}

static void ping_pong(struct __test_metadata *_metadata, u32 procs, bool thread)
{
	rounds = thread ? 2000 : 50000;
	ASSERT_EQ(0, rt_start(procs));
	c = chan_of_u64(0);
	back = chan_of_u64(0);
	ASSERT_TRUE(act(pings, NULL, thread));
	ASSERT_TRUE(act(pongs, NULL, false));
	ASSERT_TRUE(all_ended());
	EXPECT_EQ(0, weft_chan_free(c));
	EXPECT_EQ(0, weft_chan_free(back));
	DONE();
}

TEST(ping_pong_on_one_p)
{
	ping_pong(_metadata, 1, false);
}

TEST(ping_pong_of_gs)
{
	ping_pong(_metadata, 0, false);
}

TEST(ping_pong_with_a_thread)
{
	ping_pong(_metadata, 0, true);
}

/* Threads alone need no runtime. */
TEST(without_a_runtime)
{
	rounds = 1000;
	c = chan_of_u64(0);
	back = chan_of_u64(2);
	ASSERT_TRUE(act(pings, NULL, true));
	ASSERT_TRUE(act(pongs, NULL, true));
	ASSERT_TRUE(all_ended());
	EXPECT_EQ(0, weft_chan_free(c));
	EXPECT_EQ(0, weft_chan_free(back));
}

/* ---- where it is refused ---- */

static void in_the_child(void)
{
	u64 v = 1;
	int bad = 0;

	bad |= weft_chan_send(c, &v) != -ECHILD;
	bad |= (weft_chan_try_recv(c, &v) != -ECHILD) << 1;
	bad |= (weft_chan_close(c) != -ECHILD) << 2;
	bad |= (weft_chan_free(c) != -ECHILD) << 3;
	_exit(bad);
}

static void *forks(void *arg)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		in_the_child();
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return arg;
}

TEST(in_the_child_of_a_fork)
{
	c = chan_of_u64(1);
	EVERYWHERE(forks);
}

static int refused[2];

static void on_signal(int sig)
{
	u64 v = 0;

	(void)sig;
	refused[0] = weft_chan_recv(c, &v);
	refused[1] = weft_chan_send(back, &v);
}

static void *gets_a_signal(void *arg)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_ONSTACK };

	sigaction(SIGTRAP, &sa, NULL);
	CHECK(!raise(SIGTRAP));
	CHECK(refused[0] == -EPERM && refused[1] == -EPERM);
	CHECK(!chan_waiters(c) && !chan_waiters(back));
	return arg;
}

TEST(a_handler_does_not_wait)
{
	ASSERT_EQ(0, rt_start(0));
	c = chan_of_u64(0);
	back = chan_of_u64(0);
	ASSERT_TRUE(act(gets_a_signal, NULL, false));
	ASSERT_TRUE(all_ended());
	DONE();
}

/* ---- what a report says ---- */

static int blocks(void *arg)
{
	u64 v = 0;

	return arg ? weft_chan_send(c, &v) : weft_chan_recv(c, &v);
}

static void deadlocks(void *arg)
{
	weft_run(blocks, arg);
}

TEST(the_deadlock_report_names_the_channel)
{
	struct rt_child *said;
	char what[64];

	c = chan_of_u64(0);
	said = rt_in_child(deadlocks, NULL);
	EXPECT_EXIT(said, 2);
	snprintf(what, sizeof(what), "waits to receive (channel %p)", c);
	EXPECT_TRUE(rt_said(said, what));
	said = rt_in_child(deadlocks, &c);
	EXPECT_EXIT(said, 2);
	snprintf(what, sizeof(what), "waits to send (channel %p)", c);
	EXPECT_TRUE(rt_said(said, what));
}

TEST_HARNESS_MAIN
