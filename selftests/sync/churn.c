// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn.c - everything at once on a few channels, by a seed: Gs and threads
 * send and receive by call, by try, with deadlines and by select, while the
 * number of Ps changes. What was sent is received or left over, and nothing
 * else is; then the channels close under who waits.
 *
 * SEED=n replays the choices of all, MS=n is how long.
 */
#include "chan.h"

#include "kselftest_harness.h"

#define CHANS 5
#define GS 24
#define THREADS 4

static struct weft_chan *c[CHANS];
static u64 seed, sent, received, nsent, nreceived;
static s64 end;

/* Its own random state, and its own books. */
struct who {
	u64 rng;
	u64 sent, received, nsent, nreceived, next;
	bool closed;
	bool calm;		/* never waits for ever: so not all do */
};

static struct who who[GS + THREADS];

static u32 rnd(struct who *w, u32 below)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (u32)(w->rng >> 32) % below;
}

static void booked(struct who *w, bool send, u64 v, int r)
{
	if (r == -EPIPE)
		w->closed = true;
	if (r)
		return;
	if (send) {
		w->sent += v;
		WRITE_ONCE(w->nsent, w->nsent + 1);
	} else {
		w->received += v;
		w->nreceived++;
	}
}

static s64 shortly(struct who *w)
{
	return weft__now() + rnd(w, 60) * 1000;
}

static void one_call(struct who *w, u32 how)
{
	struct weft_chan *ch = c[rnd(w, CHANS)];
	bool send = how & 1;
	u64 v = send ? w->next++ : 0;
	int r;

	switch (how >> 1) {
	case 0:
		r = send ? weft_chan_send(ch, &v) : weft_chan_recv(ch, &v);
		CHECK(!r || r == -EPIPE);
		break;
	case 1:
		r = send ? weft_chan_try_send(ch, &v) :
			   weft_chan_try_recv(ch, &v);
		CHECK(!r || r == -EPIPE || r == -EAGAIN);
		break;
	default:
		r = send ? weft_chan_send_until(ch, &v, shortly(w)) :
			   weft_chan_recv_until(ch, &v, shortly(w));
		CHECK(!r || r == -EPIPE || r == -ETIMEDOUT);
		break;
	}
	booked(w, send, v, r);
}

static void one_select(struct who *w)
{
	s64 until[3] = { WEFT_FOREVER, WEFT_POLL, shortly(w) };
	int want[3] = { 0, -EAGAIN, -ETIMEDOUT };
	u32 i, n = 1 + rnd(w, 6), how = w->calm ? 1 + rnd(w, 2) : rnd(w, 3);
	struct weft_case k[6];
	u64 v[6] = { 0 };
	int r;

	for (i = 0; i < n; i++) {
		k[i] = (struct weft_case){ .elem = &v[i], .op = WEFT_RECV };
		if (rnd(w, 8))
			k[i].chan = c[rnd(w, CHANS)];
		else if (!how)
			k[i].chan = c[0];	/* else it may wait for ever */
		if (rnd(w, 2)) {
			k[i].op = WEFT_SEND;
			v[i] = w->next++;
		}
	}
	r = weft_select(k, (int)n, until[how]);
	CHECK(r >= 0 || (how && r == want[how]));
	if (r >= 0)
		booked(w, k[r].op == WEFT_SEND, v[r], k[r].ret);
}

/* Until the channels are closed, so that nobody waits alone. */
static void *churns(void *arg)
{
	struct who *w = arg;
	u32 how;

	while (!w->closed) {
		how = rnd(w, 12);
		if (how < 6)
			one_call(w, w->calm ? 2 + how % 4 : how);
		else if (how < 11)
			one_select(w);
		else
			pass();
	}
	atomic_add(&sent, w->sent);
	atomic_add(&received, w->received);
	atomic_add(&nsent, w->nsent);
	atomic_add(&nreceived, w->nreceived);
	return NULL;
}

/* So far; their own counters, read while they count. */
static u64 progress(u32 n)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < n; i++)
		sum += READ_ONCE(who[i].nsent);
	return sum;
}

static u64 from_env(const char *name, u64 otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

static void churn(struct __test_metadata *_metadata, u32 procs, u32 threads)
{
	struct who me = { 0 };
	u64 left = 0, v;
	u32 i;

	seed = from_env("SEED", (u64)weft__now());
	TH_LOG("SEED=%llu", (unsigned long long)seed);
	me.rng = seed | 1;
	end = weft__now() + (s64)from_env("MS", 1500) * NSEC_PER_MSEC;
	ASSERT_EQ(0, rt_start(procs));
	procs = weft_procs();
	for (i = 0; i < CHANS; i++)
		c[i] = chan_of_u64(i < 2 ? 0 : i * i - 3);
	for (i = 0; i < GS + threads; i++) {
		who[i].rng = (seed ^ (i + 1) * 0x9e3779b97f4a7c15ull) | 1;
		who[i].next = (u64)i << 32;
		who[i].calm = i % 6 == 0;
		ASSERT_TRUE(act(churns, &who[i], i >= GS));
	}
	while (weft__now() < end || (progress(GS + threads) < 1000 &&
				     weft__now() < end + RT_PATIENCE)) {
		if (procs > 1)
			EXPECT_EQ(0, weft_set_procs(1 + rnd(&me, procs)));
		usleep(1000 + rnd(&me, 20000));
	}
	for (i = 0; i < CHANS; i++)
		EXPECT_EQ(0, weft_chan_close(c[i]));
	ASSERT_TRUE(all_ended());
	for (i = 0; i < CHANS; i++) {
		EXPECT_EQ(0, chan_waiters(c[i]));
		while (!weft_chan_try_recv(c[i], &v)) {
			received += v;
			left++;
		}
		EXPECT_EQ(0, weft_chan_free(c[i]));
	}
	TH_LOG("%llu sent, %llu left", (unsigned long long)nsent,
	       (unsigned long long)left);
	EXPECT_EQ(nsent, nreceived + left);
	EXPECT_EQ(sent, received);
	EXPECT_LE(1000, nsent);
	DONE();
}

TEST(gs_on_one_p)
{
	churn(_metadata, 1, 0);
}

TEST(gs_while_ps_come_and_go)
{
	churn(_metadata, 0, 0);
}

TEST(gs_and_threads)
{
	churn(_metadata, 0, THREADS);
}

TEST_HARNESS_MAIN
