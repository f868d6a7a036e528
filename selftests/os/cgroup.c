// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgroup.c - the quota is the tightest of any ancestor, however the control
 * groups are mounted.  Fed with made-up trees.
 */
#include "os/cgroup.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

static char root[64];

/* Write a file below the root, making the folders on the way */
static void put(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *s = full + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		mkdir(full, 0700);
		*s = '/';
	}
	f = fopen(full, "w");
	if (!f || fputs(text, f) < 0 || fclose(f)) {
		perror(full);
		exit(KSFT_FAIL);
	}
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

FIXTURE(tree)
{
	int unused;
};

FIXTURE_SETUP(tree)
{
	(void)self;
	strcpy(root, "/tmp/weft-cgroup-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(root));
}

FIXTURE_TEARDOWN(tree)
{
	(void)self;
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define MOUNT_V2(part) \
	"30 23 0:26 " part " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 " \
	"cgroup2 rw,nsdelegate\n"
#define MOUNT_V1(part) \
	"22 1 0:5 / /proc rw - proc proc rw\n" \
	"31 24 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" \
	"32 24 0:28 " part " /sys/fs/cgroup/cpu,cpuacct rw shared:10 - " \
	"cgroup cgroup rw,cpu,cpuacct\n"

TEST_F(tree, v2_tightest_ancestor)
{
	put("/proc/self/cgroup", "0::/a/b/c\n");
	put("/proc/self/mountinfo", MOUNT_V2("/"));
	put("/sys/fs/cgroup/a/cpu.max", "400000 100000\n");
	put("/sys/fs/cgroup/a/b/cpu.max", "200000 100000\n");
	put("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
	ASSERT_EQ(2, weft__cgroup_cpus_at(root));
	put("/sys/fs/cgroup/a/cpu.max", "100000 100000\n");
	ASSERT_EQ(1, weft__cgroup_cpus_at(root));
}

TEST_F(tree, v2_max_is_no_limit)
{
	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo", MOUNT_V2("/"));
	put("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
	ASSERT_EQ(0, weft__cgroup_cpus_at(root));
}

TEST_F(tree, a_fraction_is_rounded_up)
{
	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo", MOUNT_V2("/"));
	put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
	ASSERT_EQ(2, weft__cgroup_cpus_at(root));
	put("/sys/fs/cgroup/a/cpu.max", "1000 100000\n");
	ASSERT_EQ(1, weft__cgroup_cpus_at(root));
	put("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
	ASSERT_EQ(3, weft__cgroup_cpus_at(root));
}

TEST_F(tree, v2_root_group_has_no_file)
{
	put("/proc/self/cgroup", "0::/\n");
	put("/proc/self/mountinfo", MOUNT_V2("/"));
	ASSERT_EQ(0, weft__cgroup_cpus_at(root));
	/* In a container with a namespace it has one. */
	put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
	ASSERT_EQ(2, weft__cgroup_cpus_at(root));
}

TEST_F(tree, v1_co_mounted_controllers)
{
	put("/proc/self/cgroup", "5:cpuset:/elsewhere\n4:cpuacct,cpu:/a/b\n");
	put("/proc/self/mountinfo", MOUNT_V1("/"));
	put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
	put("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
	ASSERT_EQ(3, weft__cgroup_cpus_at(root));
	put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n");
	ASSERT_EQ(0, weft__cgroup_cpus_at(root));
}

TEST_F(tree, the_mounted_part_is_stripped)
{
	put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/f00/sub\n");
	put("/proc/self/mountinfo", MOUNT_V1("/docker/f00"));
	put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/sub/cpu.cfs_quota_us", "250000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/sub/cpu.cfs_period_us", "100000\n");
	ASSERT_EQ(3, weft__cgroup_cpus_at(root));
}

/* /docker/f00d is not below /docker/f00 */
TEST_F(tree, a_path_elsewhere_means_the_mount_point)
{
	put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/f00d\n");
	put("/proc/self/mountinfo", MOUNT_V1("/docker/f00"));
	put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
	ASSERT_EQ(4, weft__cgroup_cpus_at(root));
	put("/proc/self/cgroup", "4:cpu,cpuacct:/../other\n");
	put("/proc/self/mountinfo", MOUNT_V1("/"));
	ASSERT_EQ(4, weft__cgroup_cpus_at(root));
}

TEST_F(tree, the_mount_that_shows_the_group_is_preferred)
{
	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo",
	    "29 23 0:26 /b /mnt/b rw - cgroup2 cgroup2 rw\n" MOUNT_V2("/")
	    "31 23 0:26 /c /mnt/c rw - cgroup2 cgroup2 rw\n");
	put("/mnt/b/cpu.max", "100000 100000\n");
	put("/mnt/c/cpu.max", "100000 100000\n");
	put("/sys/fs/cgroup/a/cpu.max", "500000 100000\n");
	ASSERT_EQ(5, weft__cgroup_cpus_at(root));
}

TEST_F(tree, both_versions_count)
{
	put("/proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/a\n");
	put("/proc/self/mountinfo",
	    MOUNT_V1("/")
	    "41 24 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "700000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
	ASSERT_EQ(7, weft__cgroup_cpus_at(root));
	put("/sys/fs/cgroup/unified/a/cpu.max", "600000 100000\n");
	ASSERT_EQ(6, weft__cgroup_cpus_at(root));
}

TEST_F(tree, blanks_in_a_mount_point)
{
	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo",
	    "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
	put("/my groups/a/cpu.max", "200000 100000\n");
	ASSERT_EQ(2, weft__cgroup_cpus_at(root));
}

TEST_F(tree, what_is_missing_is_told_apart_from_no_limit)
{
	ASSERT_EQ(-ENOENT, weft__cgroup_cpus_at(root));
	put("/proc/self/cgroup", "0::/a\n");
	ASSERT_EQ(-ENOENT, weft__cgroup_cpus_at(root));
	put("/proc/self/mountinfo", "22 1 0:5 / /proc rw - proc proc rw\n");
	ASSERT_EQ(-ENOENT, weft__cgroup_cpus_at(root));
	put("/proc/self/mountinfo", MOUNT_V2("/"));
	ASSERT_EQ(0, weft__cgroup_cpus_at(root));
}

TEST_F(tree, nonsense_is_no_limit)
{
	static const char *const lines[] = {
		"", "\n", "x\n", "100000\n", "100000 0\n", "-5 100000\n",
		"0 100000\n", "99999999999999999999 100000\n",
	};

	put("/proc/self/cgroup", "\n:\n::\n0::a\n0::/a\n");
	put("/proc/self/mountinfo",
	    "\n-\n - x\n1 2 3\n1 2 3 4 5 - x\n" MOUNT_V2("/"));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		int cpus;

		put("/sys/fs/cgroup/a/cpu.max", lines[i]);
		cpus = weft__cgroup_cpus_at(root);
		ASSERT_TRUE(cpus == 0 || cpus == INT_MAX)
		TH_LOG("\"%s\" gave %d", lines[i], cpus);
	}
}

TEST(this_machine)
{
	int cpus = weft__cgroup_cpus_at("");

	if (cpus < 0)
		SKIP(return, "no control groups here");
	ASSERT_EQ((unsigned int)cpus, weft__cgroup_cpus());
}

TEST_HARNESS_MAIN
