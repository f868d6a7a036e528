// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgroup.c - a real control group with a quota: as many Ps as it grants CPUs.
 * Needs the right to make a group of the cpu controller, version 1 or 2.
 *
 * modes: once
 */
#include "group.h"

#include "kselftest_harness.h"

/* How many Ps a process in the group gets: its exit status */
static void starts_inside(void *arg)
{
	if (!enter_group() || rt_start((u32)(uintptr_t)arg))
		_exit(99);
	_exit((int)weft_procs());
}

static bool begin(struct __test_metadata *_metadata)
{
	unsetenv("WEFT_PROCS");
	if (!find_group())
		SKIP(return false, "may make no group of the cpu controller");
	return true;
}

static void end(struct __test_metadata *_metadata)
{
	EXPECT_EQ(0, rmdir(group));
}

TEST(a_quota_of_one_cpu_is_one_p)
{
	if (!begin(_metadata))
		return;
	EXPECT_TRUE(quota(100000));
	EXPECT_EXIT(rt_in_child(starts_inside, NULL), 1);
	/* asking for more does not help */
	EXPECT_EXIT(rt_in_child(starts_inside, (void *)2), 1);
	EXPECT_TRUE(quota(30000));
	EXPECT_EXIT(rt_in_child(starts_inside, NULL), 1);
	end(_metadata);
}

TEST(part_of_a_cpu_counts_as_one)
{
	unsigned int n = weft__cpus_allowed();

	if (!begin(_metadata))
		return;
	EXPECT_TRUE(quota(110000));
	EXPECT_EXIT(rt_in_child(starts_inside, NULL), n < 2 ? 1 : 2);
	EXPECT_TRUE(quota(-1));
	EXPECT_EXIT(rt_in_child(starts_inside, NULL), (int)n);
	end(_metadata);
}

TEST_HARNESS_MAIN
