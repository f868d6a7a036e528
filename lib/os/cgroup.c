// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * cgroup.c - how many CPUs' worth of time the control groups grant.
 *
 * Two files say where our group is:
 *
 *	/proc/self/cgroup	4:cpu,cpuacct:/a/b	the group's path
 *	/proc/self/mountinfo	... /a /sys/fs/cgroup/cpu ... - cgroup ... cpu
 *				    |  `- where the tree is mounted
 *				    `- which part of the tree is seen there
 *
 * Here the group is /sys/fs/cgroup/cpu/b, and its ancestors end at the mount
 * point: what lies above cannot be seen from inside a container.  A path that
 * is not below the mounted part (a container whose mounts and whose
 * /proc/self/cgroup come from different namespaces) means the mount point
 * itself.
 *
 * A machine in transition has both versions mounted, and version 1 one tree
 * for each set of controllers; the "cpu" controller is in at most one of them.
 */
#include "os/cgroup.h"
#include "arch/compiler.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum version {
	V1,
	V2,
	NVERSIONS,
};

struct tree {
	char *path;	/* of our group, from the tree's root */
	char *mount;	/* where it is mounted */
	char *below;	/* the group's path from there, "" or "/b" */
	bool exact;	/* the path lies below the mounted part */
};

static FILE *open_at(const char *root, const char *path)
{
	char *full;
	FILE *f;

	if (asprintf(&full, "%s%s", root, path) < 0)
		return NULL;
	f = fopen(full, "re");
	free(full);
	return f;
}

/* Is @word one of the words of a comma list? */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (;;) {
		size_t len = strcspn(list, ",");

		if (len == n && !memcmp(list, word, n))
			return true;
		if (!list[len])
			return false;
		list += len + 1;
	}
}

/* 4:cpu,cpuacct:/a/b, or 0::/a/b */
static void parse_group(char *line, struct tree *trees)
{
	char *rest = line, *id, *controllers;
	struct tree *t;

	line[strcspn(line, "\n")] = '\0';
	id = strsep(&rest, ":");
	controllers = strsep(&rest, ":");
	if (!rest || *rest != '/')
		return;
	if (!strcmp(id, "0") && !*controllers)
		t = &trees[V2];
	else if (has_word(controllers, "cpu"))
		t = &trees[V1];
	else
		return;
	free(t->path);
	t->path = strdup(rest);
}

/* mountinfo writes blanks and the like as \040 */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		*to = *s;
		if (s[0] != '\\' || strspn(s + 1, "01234567") < 3)
			continue;
		*to = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
		s += 3;
	}
	*to = '\0';
}

/* What is left of @path below @root; NULL if it is not below */
static const char *strip(const char *path, const char *root)
{
	size_t n = strcmp(root, "/") ? strlen(root) : 0;

	if (strncmp(path, root, n) || (path[n] && path[n] != '/') ||
	    strstr(path, "/.."))
		return NULL;
	return !strcmp(path + n, "/") ? "" : path + n;
}

static void mounted(struct tree *t, const char *root, const char *mount)
{
	const char *below;

	if (!t->path || t->exact)
		return;
	below = strip(t->path, root);
	if (!below && t->mount)
		return;
	free(t->mount);
	free(t->below);
	t->exact = below;
	t->mount = strdup(!strcmp(mount, "/") ? "" : mount);
	t->below = strdup(below ? below : "");
}

/* 30 23 0:26 /a /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu */
static void parse_mount(char *line, struct tree *trees)
{
	char *rest = line, *root, *mount, *type, *options;

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < 3; i++)
		strsep(&rest, " ");
	root = strsep(&rest, " ");
	mount = strsep(&rest, " ");
	rest = rest ? strstr(rest, "- ") : NULL;
	if (!rest)
		return;
	rest += 2;
	type = strsep(&rest, " ");
	strsep(&rest, " ");
	options = rest ? rest : "";
	unescape(root);
	unescape(mount);
	if (!strcmp(type, "cgroup2"))
		mounted(&trees[V2], root, mount);
	else if (!strcmp(type, "cgroup") && has_word(options, "cpu"))
		mounted(&trees[V1], root, mount);
}

static int each_line(const char *root, const char *path,
		     void (*parse)(char *line, struct tree *trees),
		     struct tree *trees)
{
	FILE *f = open_at(root, path);
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0)
		parse(line, trees);
	free(line);
	fclose(f);
	return 0;
}

/* A number, or "max"; < 0 for none */
static long long read_number(const char *dir, const char *file,
			     long long *second)
{
	FILE *f = open_at(dir, file);
	long long n = -1;
	int got;

	if (!f)
		return -1;
	if (second)
		got = fscanf(f, "%lld %lld", &n, second) == 2;
	else
		got = fscanf(f, "%lld", &n) == 1;
	fclose(f);
	return got ? n : -1;
}

/* Of one group, rounded up; 0 if it has none */
static int group_cpus(enum version v, const char *dir)
{
	long long quota, period = 0, cpus;

	if (v == V2) {
		quota = read_number(dir, "/cpu.max", &period);
	} else {
		quota = read_number(dir, "/cpu.cfs_quota_us", NULL);
		period = read_number(dir, "/cpu.cfs_period_us", NULL);
	}
	if (quota <= 0 || period <= 0)
		return 0;
	cpus = quota / period + !!(quota % period);
	return cpus < INT_MAX ? cpus : INT_MAX;
}

/* The smallest from the group up to the mount point */
static int tree_cpus(enum version v, const struct tree *t, const char *root)
{
	int cpus, least = 0;
	size_t shortest;
	char *dir;

	if (asprintf(&dir, "%s%s%s", root, t->mount, t->below) < 0)
		return 0;
	shortest = strlen(dir) - strlen(t->below);
	for (;;) {
		cpus = group_cpus(v, dir);
		if (cpus && (!least || cpus < least))
			least = cpus;
		if (strlen(dir) <= shortest)
			break;
		*strrchr(dir, '/') = '\0';
	}
	free(dir);
	return least;
}

int weft__cgroup_cpus_at(const char *root)
{
	struct tree trees[NVERSIONS] = { { 0 }, { 0 } };
	int err, cpus, least = 0;
	bool seen = false;

	err = each_line(root, "/proc/self/cgroup", parse_group, trees);
	if (!err)
		err = each_line(root, "/proc/self/mountinfo", parse_mount,
				trees);
	for (int v = 0; v < NVERSIONS; v++) {
		struct tree *t = &trees[v];

		if (!err && t->mount && t->below) {
			seen = true;
			cpus = tree_cpus(v, t, root);
			if (cpus && (!least || cpus < least))
				least = cpus;
		}
		free(t->path);
		free(t->mount);
		free(t->below);
	}
	if (err)
		return err;
	return seen ? least : -ENOENT;
}

unsigned int weft__cgroup_cpus(void)
{
	int cpus = weft__cgroup_cpus_at("");

	return cpus > 0 ? cpus : 0;
}
