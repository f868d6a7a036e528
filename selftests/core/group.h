/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * group.h - a control group of our own with a quota; of version 1's cpu
 * controller or of version 2.  Where it cannot be made the test is skipped.
 */
#ifndef SELFTESTS_CORE_GROUP_H
#define SELFTESTS_CORE_GROUP_H

#include "rt.h"

#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static char group[PATH_MAX];	/* ours, to be removed */
static bool v2;

static inline bool put(const char *name, const char *text)
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
static inline bool own_path(char *path, size_t n)
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

static inline bool make_group(const char *mount)
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
static inline bool find_group(void)
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

static inline bool quota(long us)
{
	char text[64];

	if (us < 0)
		snprintf(text, sizeof(text), v2 ? "max" : "-1");
	else
		snprintf(text, sizeof(text), v2 ? "%ld 100000" : "%ld", us);
	return put(v2 ? "cpu.max" : "cpu.cfs_quota_us", text);
}

/* The calling process goes in. */
static inline bool enter_group(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return put("cgroup.procs", pid);
}

#endif /* SELFTESTS_CORE_GROUP_H */
