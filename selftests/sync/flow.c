// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow.c - what many Gs do over channels: order through capacities of 0 to 199,
 * consumers that share, races of calls that do not wait, the primes' sieve, and
 * power series.
 */
#include "chan.h"

#include "kselftest_harness.h"

static struct weft_chan *c, *told;

/* ---- order is kept, whatever the capacity ---- */

#define IN_ORDER 200

static void *counts_up(void *arg)
{
	u64 i;

	for (i = 0; i < IN_ORDER; i++)
		CHECK(!weft_chan_send(arg, &i));
	return NULL;
}

static void *all_capacities(void *arg)
{
	struct weft_chan *w;
	u64 cap, i, v;

	for (cap = 0; cap < 200; cap++) {
		w = chan_of_u64(cap);
		CHECK(!weft_go(counts_up, w));
		for (i = 0; i < IN_ORDER; i++)
			CHECK(!weft_chan_recv(w, &v) && v == i);
		CHECK(!weft_chan_free(w));
	}
	return arg;
}

static void order(struct __test_metadata *_metadata, u32 procs, bool thread)
{
	ASSERT_EQ(0, rt_start(procs));
	ASSERT_TRUE(act(all_capacities, NULL, thread));
	ASSERT_TRUE(all_ended());
	DONE();
}

TEST(order_on_one_p)
{
	order(_metadata, 1, false);
}

TEST(order_kept)
{
	order(_metadata, 0, false);
}

TEST(order_for_a_thread)
{
	order(_metadata, 0, true);
}

/* ---- a receive that does not wait, and a send and a close beside it ---- */

static void *sends_and_closes(void *arg)
{
	u64 v = 1;

	CHECK(!weft_chan_send(arg, &v));
	CHECK(!weft_chan_close(arg));
	CHECK(!weft_chan_send(told, &v));
	return NULL;
}

/* What was sent is there before the end is: never -EPIPE without a value. */
static void *sees_the_value_first(void *arg)
{
	u64 i, v, got;
	int r;

	for (i = 0; i < 100000; i++) {
		c = chan_of_u64(1);
		CHECK(!weft_go(sends_and_closes, c));
		for (got = 0;; weft_yield()) {
			r = weft_chan_try_recv(c, &v);
			got += !r;
			if (r == -EPIPE)
				break;
		}
		CHECK(got == 1);
		CHECK(!weft_chan_recv(told, &v));
		CHECK(!weft_chan_free(c));
	}
	return arg;
}

TEST(no_end_before_the_value)
{
	ASSERT_EQ(0, rt_start(0));
	told = chan_of_u64(1);
	ASSERT_TRUE(act(sees_the_value_first, NULL, false));
	ASSERT_TRUE(all_ended());
	DONE();
}

/* ---- one producer, 23 consumers ---- */

#define CONSUMERS 23
#define ITEMS 271828

static struct weft_chan *work, *result;

static void *works(void *arg)
{
	static const u32 pn[] = { 2, 3, 7, 11, 13, 17, 19, 23, 27, 31 };
	u64 v, i = (uintptr_t)arg;

	while (!weft_chan_recv(work, &v)) {
		if (pn[i++ % ARRAY_SIZE(pn)] == v)
			weft_yield();	/* out of step */
		CHECK(!weft_chan_send(result, &v));
	}
	v = UINT64_MAX;
	CHECK(!weft_chan_send(result, &v));
	return NULL;
}

static u64 sum;

static void *produces(void *arg)
{
	u64 i, v;

	for (i = 0; i < ITEMS; i++) {
		v = i * 7919 % 97;
		sum += v;
		CHECK(!weft_chan_send(work, &v));
	}
	CHECK(!weft_chan_close(work));
	return arg;
}

static void *counts_results(void *arg)
{
	u64 v, n = 0, in = 0, gone = 0;

	while (gone < CONSUMERS && !weft_chan_recv(result, &v)) {
		if (v == UINT64_MAX) {
			gone++;
			continue;
		}
		n++;
		in += v;
	}
	CHECK(n == ITEMS && in == sum);
	return arg;
}

TEST(multi_consumer)
{
	uintptr_t i;

	ASSERT_EQ(0, rt_start(0));
	work = chan_of_u64(CONSUMERS * 3);
	result = chan_of_u64(CONSUMERS * 3);
	for (i = 0; i < CONSUMERS; i++)
		ASSERT_TRUE(act(works, (void *)i, false));
	ASSERT_TRUE(act(produces, NULL, false));
	ASSERT_TRUE(act(counts_results, NULL, false));
	ASSERT_TRUE(all_ended());
	EXPECT_EQ(0, weft_chan_free(work));
	EXPECT_EQ(0, weft_chan_free(result));
	DONE();
}

/* ---- primes: a chain of filters that grows ---- */

struct filter {
	struct weft_chan *in, *out;
	u64 prime;
};

static void *numbers(void *arg)
{
	u64 i;

	for (i = 2; !weft_chan_send(arg, &i); i++)
		;
	return NULL;
}

static void *filters(void *arg)
{
	struct filter f = *(struct filter *)arg;
	u64 v;

	free(arg);
	while (!weft_chan_recv(f.in, &v))
		if (v % f.prime && weft_chan_send(f.out, &v))
			break;
	weft_chan_close(f.in);	/* the next one notices */
	return NULL;
}

#define PRIMES 300

static void *sieve(void *arg)
{
	struct weft_chan *all[PRIMES + 1];
	struct filter *f;
	u64 prime, i, n, d;

	all[0] = chan_of_u64(0);
	CHECK(!weft_go(numbers, all[0]));
	for (i = 0, n = 1; i < PRIMES; i++) {
		CHECK(!weft_chan_recv(all[i], &prime));
		do {
			for (n++, d = 2; d * d <= n && n % d; d++)
				;
		} while (d * d <= n);
		CHECK(prime == n);
		all[i + 1] = chan_of_u64(0);
		f = malloc(sizeof(*f));
		*f = (struct filter){ all[i], all[i + 1], prime };
		CHECK(!weft_go(filters, f));
	}
	CHECK(!weft_chan_close(all[PRIMES]));
	return arg;
}

TEST(primes)
{
	ASSERT_EQ(0, rt_start(0));
	ASSERT_TRUE(act(sieve, NULL, false));
	ASSERT_TRUE(all_ended());
	DONE();
}

/* ---- power series: coefficients as streams of rationals ---- */

struct rat {
	s64 num, den;
};

static s64 gcd(s64 x, s64 y)
{
	while (y) {
		s64 r = x % y;

		x = y;
		y = r;
	}
	return x < 0 ? -x : x;
}

static struct rat rat(s64 num, s64 den)
{
	s64 g = gcd(num, den);

	g = den < 0 ? -g : g;
	return (struct rat){ num / g, den / g };
}

static struct rat mul(struct rat x, struct rat y)
{
	return rat(x.num * y.num, x.den * y.den);
}

static struct rat add(struct rat x, struct rat y)
{
	return rat(x.num * y.den + y.num * x.den, x.den * y.den);
}

/* A stream, and how it is made of others.  All end when the last is closed. */
struct series {
	struct weft_chan *out, *in[2];
	struct rat k;
};

static struct weft_chan *stream(weft_fn *fn, struct weft_chan *x,
				struct weft_chan *y, struct rat k)
{
	struct series *s = malloc(sizeof(*s));

	*s = (struct series){ weft_chan_new(sizeof(struct rat), 0),
			      { x, y }, k };
	CHECK(!weft_go(fn, s));
	return s->out;
}

static void ends(struct series *s)
{
	if (s->in[0])
		weft_chan_close(s->in[0]);
	if (s->in[1])
		weft_chan_close(s->in[1]);
	free(s);
}

/* k + k x + k x^2 + ... = k / (1 - x) */
static void *constant(void *arg)
{
	struct series *s = arg;

	while (!weft_chan_send(s->out, &s->k))
		;
	ends(s);
	return NULL;
}

static void *sum_of(void *arg)
{
	struct series *s = arg;
	struct rat x, y;

	while (!weft_chan_recv(s->in[0], &x) && !weft_chan_recv(s->in[1], &y)) {
		x = add(x, y);
		if (weft_chan_send(s->out, &x))
			break;
	}
	ends(s);
	return NULL;
}

/* d/dx: coefficient n times n, one place lower. */
static void *derivative(void *arg)
{
	struct series *s = arg;
	struct rat x;
	s64 n;

	for (n = 0; !weft_chan_recv(s->in[0], &x); n++) {
		x = mul(x, rat(n, 1));
		if (n && weft_chan_send(s->out, &x))
			break;
	}
	ends(s);
	return NULL;
}

/* k + the integral: one place higher, divided by that. */
static void *integral(void *arg)
{
	struct series *s = arg;
	struct rat x = s->k;
	s64 n;

	for (n = 1; !weft_chan_send(s->out, &x) &&
		    !weft_chan_recv(s->in[0], &x); n++)
		x = mul(x, rat(1, n));
	ends(s);
	return NULL;
}

/* By the coefficients so far, from both. */
static void *product(void *arg)
{
	struct rat x[32], y[32], z;
	struct series *s = arg;
	int i, n;

	for (n = 0; n < 32; n++) {
		if (weft_chan_recv(s->in[0], &x[n]) ||
		    weft_chan_recv(s->in[1], &y[n]))
			break;
		z = rat(0, 1);
		for (i = 0; i <= n; i++)
			z = add(z, mul(x[i], y[n - i]));
		if (weft_chan_send(s->out, &z))
			break;
	}
	ends(s);
	return NULL;
}

static void is_series(struct weft_chan *s, const struct rat *want, int n)
{
	struct rat x;
	int i;

	for (i = 0; i < n; i++) {
		CHECK(!weft_chan_recv(s, &x));
		CHECK(x.num == want[i].num && x.den == want[i].den);
	}
	CHECK(!weft_chan_close(s));
}

static struct weft_chan *ones(s64 k)
{
	return stream(constant, NULL, NULL, rat(k, 1));
}

static void *power_series(void *arg)
{
	static const struct rat two[] = { { 2, 1 }, { 2, 1 }, { 2, 1 } };
	/* 1/(1-x)^2, and its derivative */
	static const struct rat sq[] = { { 1, 1 }, { 2, 1 }, { 3, 1 },
					 { 4, 1 }, { 5, 1 } };
	static const struct rat dsq[] = { { 2, 1 }, { 6, 1 }, { 12, 1 },
					  { 20, 1 } };
	/* 3 - log(1-x) */
	static const struct rat lg[] = { { 3, 1 }, { 1, 1 }, { 1, 2 },
					 { 1, 3 }, { 1, 4 }, { 1, 5 } };

	is_series(stream(sum_of, ones(1), ones(1), rat(0, 1)), two, 3);
	is_series(stream(product, ones(1), ones(1), rat(0, 1)), sq, 5);
	is_series(stream(derivative, ones(1), NULL, rat(0, 1)), sq, 5);
	is_series(stream(derivative, stream(product, ones(1), ones(1),
					    rat(0, 1)), NULL, rat(0, 1)),
		  dsq, 4);
	is_series(stream(integral, ones(1), NULL, rat(3, 1)), lg, 6);
	/* the sum with what takes it away */
	is_series(stream(sum_of, stream(sum_of, ones(5), ones(-4), rat(0, 1)),
			 ones(1), rat(0, 1)), two, 3);
	return arg;
}

TEST(power_series_by_streams)
{
	ASSERT_EQ(0, rt_start(0));
	ASSERT_TRUE(act(power_series, NULL, false));
	ASSERT_TRUE(all_ended());
	DONE();
}

TEST_HARNESS_MAIN
