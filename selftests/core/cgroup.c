// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgroup.c - a real control group with a quota: as many Ps as it grants CPUs.
 * Needs the right to make a group of the cpu controller, version 1 or 2.
 *
 * modes: once
 */
#include "rt.h"

#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

static char group[PATH_MAX];	/* ours, to be removed */
static bool v2;

static bool put(const char *name, const char *text)
{
	char path[2 * PATH_MAX];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", group, name);
	f = fopen(path, "w");
	if (!f)
		return false;
	ok = fputs(text, f) >= 0;
	return !fclose(f) && ok;
}

/* The group that we are in, of version 1's cpu controller or of version 2 */
static bool own_path(char *path, size_t n)
{
	FILE *f = fopen("/proc/self/cgroup", "r");
	char line[PATH_MAX], *ctl, *p;
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		ctl = strchr(line, ':');
		p = ctl ? strchr(ctl + 1, ':') : NULL;
		if (!p)
			continue;
		*p++ = '\0';
		if (v2 ? ctl[1] != '\0' : strcmp(ctl + 1, "cpu") &&
					  strncmp(ctl + 1, "cpu,", 4))
			continue;
		snprintf(path, n, "%s", p);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static bool make_group(const char *mount)
{
	char own[PATH_MAX / 4];

	if (!own_path(own, sizeof(own)))
		return false;
	snprintf(group, sizeof(group), "%s%s%sweft-test-%d", mount, own,
		 strcmp(own, "/") ? "/" : "", getpid());
	if (mkdir(group, 0755))
		return false;
	if (put(v2 ? "cpu.max" : "cpu.cfs_period_us", v2 ? "max" : "100000"))
		return true;
	rmdir(group);
	return false;
}

/* Where it is mounted, or where we can mount it for ourselves */
static bool find_group(void)
{
	char dir[] = "/tmp/weft-cgroup-XXXXXX";
	bool ok;

	if (make_group("/sys/fs/cgroup/cpu") ||
	    make_group("/sys/fs/cgroup/cpu,cpuacct"))
		return true;
	v2 = true;
	if (make_group("/sys/fs/cgroup") ||
	    make_group("/sys/fs/cgroup/unified"))
		return true;
	v2 = false;
	if (!mkdtemp(dir))
		return false;
	ok = !unshare(CLONE_NEWNS) &&
	     !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	     !mount("none", dir, "cgroup", 0, "cpu") && make_group(dir);
	if (!ok)
		rmdir(dir);
	return ok;
}

static bool quota(long us)
{
	char text[64];

	if (us < 0)
		snprintf(text, sizeof(text), v2 ? "max" : "-1");
	else
		snprintf(text, sizeof(text), v2 ? "%ld 100000" : "%ld", us);
	return put(v2 ? "cpu.max" : "cpu.cfs_quota_us", text);
}

/* How many Ps a process in the group gets: its exit status */
static void starts_inside(void *arg)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!put("cgroup.procs", pid) || rt_start((u32)(uintptr_t)arg))
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
