// SPDX-License-Identifier: GPL-2.0-only
/*
 * bias.c - a biased word goes from seat to seat as ds/bias.h draws it, and
 * each compare-and-swap happens once, whoever does it from wherever.
 */
#include "../core/rt.h"

#include "kselftest_harness.h"

static struct bias b;
static int cpu[2];

static void on_cpu(int c)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(c, &set);
	CHECK(!sched_setaffinity(0, sizeof(set), &set));
}

static bool two_cpus(void)
{
	cpu_set_t set;
	int c, n = 0;

	sched_getaffinity(0, sizeof(set), &set);
	for (c = 0; c < CPU_SETSIZE && n < 2; c++)
		if (CPU_ISSET(c, &set))
			cpu[n++] = c;
	return n == 2;
}

static u32 seat(void)
{
	return (u32)b.bias;
}

static u32 version(void)
{
	return (u32)(b.bias >> 32);
}

/* One operation, and one that must fail and change nothing. */
static void step(struct vcpu *vc)
{
	u64 w = b.word;

	CHECK(!bias_cas(vc, &b, w + 1, 77));
	CHECK(b.word == w);
	CHECK(bias_cas(vc, &b, w, w + 1));
	CHECK(b.word == w + 1);
}

/* Probe, register membarrier; skip where words are not biased at all. */
static bool begin(struct __test_metadata *_metadata)
{
	EXPECT_EQ(0, rt_start(1));
	if (weft__twin) {
		rt_stop();
		SKIP(return false, "no restartable sequences");
	}
	if (!two_cpus()) {
		rt_stop();
		SKIP(return false, "needs two CPUs");
	}
	return true;
}

TEST(from_seat_to_seat)
{
	struct vcpu *vc;
	u32 i, v;

	if (!begin(_metadata))
		return;
	vc = weft__my_vcpu();
	on_cpu(cpu[0]);
	EXPECT_EQ(BIAS_NOBODY, seat());
	step(vc);
	EXPECT_EQ(BIAS_CPU0 + (u32)cpu[0], seat());
	v = version();
	/* its own CPU: no transition, and no slow path */
	for (i = 0; i < 1000; i++)
		step(vc);
	EXPECT_EQ(BIAS_OK, seq_bias_cas(vc, &b, b.word, b.word + 1));
	EXPECT_EQ(BIAS_DIFFERS, seq_bias_cas(vc, &b, b.word + 1, 0));
	EXPECT_EQ(BIAS_CPU0 + (u32)cpu[0], seat());
	EXPECT_EQ(v, version());
	/* another CPU: shared */
	on_cpu(cpu[1]);
	EXPECT_EQ(BIAS_OTHER, seq_bias_cas(vc, &b, b.word, b.word + 1));
	step(vc);
	EXPECT_EQ(BIAS_SHARED, seat());
	EXPECT_GT(version(), v);
	DONE();
}

/* How many operations from this CPU until the word is biased to it */
static u32 until_biased(struct vcpu *vc, u32 max)
{
	u32 n;

	for (n = 0; n < max && seat() == BIAS_SHARED; n++)
		CHECK(bias_cas(vc, &b, b.word, b.word + 1));
	return n;
}

TEST(biased_again_and_each_time_later)
{
	u32 limit = BIAS_REBIAS, i, n;
	struct vcpu *vc;

	if (!begin(_metadata))
		return;
	vc = weft__my_vcpu();
	on_cpu(cpu[0]);
	step(vc);
	for (i = 1; i < 5; i++) {
		on_cpu(cpu[i % 2]);
		step(vc);
		ASSERT_EQ(BIAS_SHARED, seat());
		n = until_biased(vc, 100000);
		EXPECT_EQ(BIAS_CPU0 + (u32)cpu[i % 2], seat());
		EXPECT_GE(n, limit - 2);
		EXPECT_LE(n, limit + 2);
		limit *= 2;
		EXPECT_EQ(limit, b.limit);
	}
	/* in turn from two CPUs: stays shared */
	on_cpu(cpu[i % 2]);
	step(vc);
	for (i = 0; i < 100; i++) {
		on_cpu(cpu[i % 2]);
		EXPECT_LT(until_biased(vc, 50), 51);
		ASSERT_EQ(BIAS_SHARED, seat());
	}
	DONE();
}

/* A thread without rseq, on a word that nobody, a CPU or all have. */
static void no_rseq(struct __test_metadata *_metadata, u32 id)
{
	struct vcpu none = { .cpu_id = id }, *vc = weft__my_vcpu();
	u32 i, start;

	for (start = 0; start < 3; start++) {
		b = (struct bias){ 0 };
		on_cpu(cpu[0]);
		if (start > 0)
			step(vc);	/* biased */
		on_cpu(cpu[1]);
		if (start > 1)
			step(vc);	/* shared */
		step(&none);
		EXPECT_EQ(BIAS_FOREVER, seat());
		for (i = 0; i < 600; i++)
			step(i % 3 ? vc : &none);
		EXPECT_EQ(BIAS_FOREVER, seat());
	}
}

TEST(for_ever_once_a_thread_has_no_rseq)
{
	if (!begin(_metadata))
		return;
	no_rseq(_metadata, RUNQ_NOCPU);
	no_rseq(_metadata, (u32)-1);
	no_rseq(_metadata, (u32)-2);
	DONE();
}

TEST(for_ever_where_there_are_no_sequences)
{
	struct vcpu *vc;
	int i;

	ASSERT_EQ(0, rt_start(1));
	vc = weft__my_vcpu();
	for (i = 0; i < 600; i++)
		step(vc);
	EXPECT_EQ(weft__twin != TWIN_OFF, seat() == BIAS_FOREVER);
	DONE();
}

/* Whoever stopped it was preempted: the next one finishes for it. */
TEST(nobody_waits_for_who_stopped_it)
{
	struct vcpu *vc;
	u64 v;

	if (!begin(_metadata))
		return;
	vc = weft__my_vcpu();
	on_cpu(cpu[1]);
	v = 7ull << 32;
	b.bias = v | BIAS_STOPPED | (BIAS_CPU0 + (u32)cpu[0]);
	step(vc);
	EXPECT_EQ(BIAS_SHARED, seat());
	EXPECT_EQ(7, version());
	b.bias = v | BIAS_STOPPED | BIAS_ALL | (BIAS_CPU0 + (u32)cpu[1]);
	step(vc);
	EXPECT_EQ(BIAS_CPU0 + (u32)cpu[1], seat());
	/* from elsewhere: to that CPU first, and then away from it */
	b.bias = v | BIAS_STOPPED | BIAS_ALL | (BIAS_CPU0 + (u32)cpu[0]);
	step(vc);
	EXPECT_EQ(BIAS_SHARED, seat());
	EXPECT_EQ(8, version());
	DONE();
}

/* ---- all at once ---- */

#define THREADS 4

static u64 each;

static void *adds(void *arg)
{
	struct vcpu none = { .cpu_id = RUNQ_NOCPU }, *vc = weft__my_vcpu();
	u64 i, w, n = (uintptr_t)arg;

	/* The last joins late, and has no rseq: for ever from there on. */
	if (n == THREADS - 1)
		while (READ_ONCE(b.word) < each * (THREADS - 1) / 2)
			sched_yield();
	for (i = 0; i < each; i++) {
		if (n < 2 && i % 64 == 0)
			on_cpu(cpu[(i / 64 + n) % 2]);
		do {
			w = READ_ONCE(b.word);
		} while (!bias_cas(n == THREADS - 1 ? &none : vc, &b, w,
				   w + 1));
	}
	return NULL;
}

TEST(each_operation_once)
{
	pthread_t t[THREADS];
	uintptr_t i;

	each = 10000;
	ASSERT_EQ(0, rt_start(1));
	if (!two_cpus())
		cpu[1] = cpu[0];
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, adds, (void *)i));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(t[i], NULL));
	EXPECT_EQ(THREADS * each, b.word);
	EXPECT_EQ(BIAS_FOREVER, seat());
	DONE();
}

/* ---- words that nobody has, by two at the same time ---- */

#define FRESH 1000
#define EACH 100

static struct bias fresh[FRESH];
static u32 there;

static void *adds_to_each(void *arg)
{
	struct vcpu none = { .cpu_id = (u32)-1 }, *vc = weft__my_vcpu();
	bool first = arg;
	u64 w;
	u32 i;

	on_cpu(cpu[first]);
	atomic_add(&there, 1);
	while (READ_ONCE(there) < 2)	/* runs already when the other does */
		cpu_relax();
	for (i = 0; i < FRESH * EACH; i++) {
		struct bias *f = &fresh[i / EACH];

		do {
			w = READ_ONCE(f->word);
		} while (!bias_cas(first ? &none : vc, f, w, w + 1));
	}
	return NULL;
}

TEST(a_fresh_word_is_claimed_once)
{
	u32 round, i, lost = 0;
	pthread_t t[2];

	if (!begin(_metadata))
		return;
	for (round = 0; round < 20; round++) {
		memset(fresh, 0, sizeof(fresh));
		there = 0;
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_create(&t[i], NULL, adds_to_each,
						    i ? &b : NULL));
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_join(t[i], NULL));
		for (i = 0; i < FRESH; i++)
			lost += fresh[i].word != 2 * EACH;
	}
	EXPECT_EQ(0, lost);
	DONE();
}

TEST_HARNESS_MAIN
