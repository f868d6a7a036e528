// SPDX-License-Identifier: GPL-2.0-only
/*
 * feature.c - what is off says why; what is on works; what must be on and is
 * not stops the start.
 */
#include "core/opts.h"
#include "os/feature.h"
#include "os/membarrier.h"
#include "os/rseq.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

static const char *const settings[] = { "WEFT_RSEQ", "WEFT_MEMBARRIER",
					"WEFT_GUARD", "WEFT_NUMA",
					"WEFT_HINTS" };

static int probe(void)
{
	struct weft__opts o;
	int err = weft__opts_resolve(&o, NULL);

	return err ? err : weft__opts_features(&o);
}

static void clean(void)
{
	unsetenv("WEFT_MEMBARRIER_US");
	unsetenv("WEFT_BLOCK_DETECT");
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		unsetenv(settings[i]);
}

TEST(on_or_a_reason)
{
	clean();
	ASSERT_EQ(0, probe());
	for (int f = 0; f < WEFT__NFEATURES; f++) {
		const char *why = weft__feature_why(f);

		ASSERT_NE(NULL, weft__feature_name(f));
		ASSERT_NE(NULL, weft__feature_use(f));
		ASSERT_EQ(!why, weft__feature(f));
		if (why)
			ASSERT_LT(5, strlen(why));
	}
}

TEST(off_says_who_turned_it_off)
{
	static const enum weft__feature first[] = {
		WEFT__RSEQ, WEFT__MEMBARRIER, WEFT__GUARD, WEFT__NUMA,
		WEFT__HINTS
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		clean();
		setenv(settings[i], "off", 1);
		ASSERT_EQ(0, probe());
		ASSERT_FALSE(weft__feature(first[i]));
		ASSERT_NE(NULL, strstr(weft__feature_why(first[i]),
				       settings[i]));
	}
	setenv("WEFT_MEMBARRIER", "off", 1);
	ASSERT_EQ(0, probe());
	ASSERT_FALSE(weft__feature(WEFT__MEMBARRIER_RSEQ));
}

/* Settings of an earlier start do not stick. */
TEST(probed_afresh_at_each_start)
{
	u32 before;

	clean();
	ASSERT_EQ(0, probe());
	before = weft__features;
	setenv("WEFT_GUARD", "off", 1);
	setenv("WEFT_MEMBARRIER", "off", 1);
	ASSERT_EQ(0, probe());
	ASSERT_FALSE(weft__feature(WEFT__GUARD));
	clean();
	ASSERT_EQ(0, probe());
	ASSERT_EQ(before, weft__features);
}

TEST(on_is_refused_where_it_cannot_be)
{
	ASSERT_EQ(-EINVAL, weft__features_probe(WEFT__BIT(WEFT__RSEQ),
						WEFT__BIT(WEFT__RSEQ)));
	clean();
	ASSERT_EQ(0, probe());
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		setenv(settings[i], "on", 1);
	ASSERT_EQ((weft__feature(WEFT__RSEQ) &&
		   weft__feature(WEFT__MEMBARRIER) &&
		   weft__feature(WEFT__MEMBARRIER_RSEQ) &&
		   weft__feature(WEFT__GUARD) && weft__feature(WEFT__NUMA)) ?
			  0 : -EINVAL,
		  probe());
}

/* No price is below a limit of 0. */
TEST(too_dear_is_off_unless_insisted_on)
{
	static const enum weft__feature both[] = { WEFT__MEMBARRIER,
						   WEFT__MEMBARRIER_RSEQ };

	clean();
	setenv("WEFT_MEMBARRIER", "on", 1);
	if (probe())
		SKIP(return, "%s", weft__feature_why(WEFT__MEMBARRIER));
	setenv("WEFT_MEMBARRIER_US", "0", 1);
	ASSERT_EQ(0, probe());
	EXPECT_TRUE(weft__feature(WEFT__MEMBARRIER));
	unsetenv("WEFT_MEMBARRIER");
	ASSERT_EQ(0, probe());
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		ASSERT_FALSE(weft__feature(both[i]));
		EXPECT_NE(NULL, strstr(weft__feature_why(both[i]), "dear"));
	}
	setenv("WEFT_MEMBARRIER_US", "1000000", 1);
	ASSERT_EQ(0, probe());
	EXPECT_TRUE(weft__feature(WEFT__MEMBARRIER));
}

static void *look_at_area(void *arg)
{
	*(struct rseq **)arg = weft__rseq_area();
	return (void *)(uintptr_t)weft__rseq_registered();
}

TEST(rseq_area)
{
	struct rseq *other = NULL;
	pthread_t t;
	void *ok;

	clean();
	ASSERT_EQ(0, probe());
	if (!weft__feature(WEFT__RSEQ))
		SKIP(return, "%s", weft__feature_why(WEFT__RSEQ));
	ASSERT_NE(0, weft__rseq_offset);
	ASSERT_TRUE(weft__rseq_registered());
	/* The two may be asked on either side of a move. */
	for (int i = 0; i < 1000; i++) {
		int before = sched_getcpu();
		int cpu = READ_ONCE(weft__rseq_area()->cpu_id);

		if (before == sched_getcpu())
			ASSERT_EQ(before, cpu);
	}
	ASSERT_EQ(0, pthread_create(&t, NULL, look_at_area, &other));
	ASSERT_EQ(0, pthread_join(t, &ok));
	ASSERT_NE(NULL, ok);
	ASSERT_NE(weft__rseq_area(), other);
}

/* glibc reads GLIBC_TUNABLES at exec, so: this test again, in that mode. */
TEST(without_rseq)
{
	const char *tunables = getenv("GLIBC_TUNABLES");

#ifdef WEFT__TSAN
	SKIP(return, "there are no sequences to begin with");
#endif
	clean();
	if (!tunables || !strstr(tunables, "glibc.pthread.rseq=0")) {
		setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
		/* Its exit status is enough; its plan would be a second one. */
		if (!freopen("/dev/null", "w", stdout))
			SKIP(return, "no /dev/null");
		execl("/proc/self/exe", "feature", "-t", "without_rseq", NULL);
		SKIP(return, "cannot exec /proc/self/exe");
	}
	ASSERT_EQ(0, probe());
	ASSERT_FALSE(weft__feature(WEFT__RSEQ));
	ASSERT_NE(NULL, strstr(weft__feature_why(WEFT__RSEQ), "glibc"));
	ASSERT_EQ(0, weft__rseq_offset);
}

TEST(membarrier_is_counted_and_priced)
{
	struct weft__membarrier_price price;
	u64 before;

	clean();
	ASSERT_EQ(0, probe());
	if (!weft__feature(WEFT__MEMBARRIER))
		SKIP(return, "%s", weft__feature_why(WEFT__MEMBARRIER));
	before = weft__membarriers;
	weft__membarrier_all();
	ASSERT_EQ(before + 1, weft__membarriers);
	price = weft__membarrier_price();
	ASSERT_LT(0, price.idle);
	ASSERT_LE(price.idle, price.busy);
	/* Measuring does not count. */
	ASSERT_EQ(before + 1, weft__membarriers);
	if (!weft__feature(WEFT__MEMBARRIER_RSEQ))
		return;
	weft__membarrier_rseq_all();
	weft__membarrier_rseq_cpu(0);
	weft__membarrier_rseq_cpu(1 << 20);
	ASSERT_EQ(before + 4, weft__membarriers);
}

TEST_HARNESS_MAIN
