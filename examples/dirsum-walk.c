// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dirsum-walk.c - the walk over the trees.
 *
 * A directory is read in batches while it stays open, and those that it holds
 * are put on a stack, so that one directory is open at a time however deep the
 * tree is.
 *
 * Neither links nor special files are read.  They are counted, wherever they
 * were named.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirsum-share.h"

/* entries of a directory that are read in one blocking section */
#define BATCH 256

/* a directory that is known and has not been read yet */
struct dirsum_dir {
	struct dirsum_dir *next;
	char path[];
};

struct entry {
	struct entry *next;
	mode_t type;
	char name[];
};

/* a batch of entries, in the order of the directory */
struct batch {
	struct entry *first, **last;
	int err;
	bool end;
};

static const char *slash(const char *dir)
{
	size_t len = strlen(dir);

	return !len || dir[len - 1] == '/' ? "" : "/";
}

static void found_file(struct dirsum *d, const char *dir, const char *name)
{
	const char *sep = slash(dir);
	size_t len = strlen(dir) + strlen(sep) + strlen(name) + 1;
	struct dirsum_file *f = malloc(sizeof(*f) + len);

	if (!f) {
		dirsum_give_up(d, name, ENOMEM);
		return;
	}
	*f = (struct dirsum_file){ .d = d };
	snprintf(f->path, len, "%s%s%s", dir, sep, name);
	dirsum_submit(d, f);
}

static void found_dir(struct dirsum *d, const char *dir, const char *name)
{
	const char *sep = slash(dir);
	size_t len = strlen(dir) + strlen(sep) + strlen(name) + 1;
	struct dirsum_dir *sub = malloc(sizeof(*sub) + len);

	if (!sub) {
		dirsum_give_up(d, name, ENOMEM);
		return;
	}
	snprintf(sub->path, len, "%s%s%s", dir, sep, name);
	sub->next = d->dirs;
	d->dirs = sub;
}

static void found(struct dirsum *d, const char *dir, const char *name,
		  mode_t type)
{
	if (S_ISDIR(type))
		found_dir(d, dir, name);
	else if (S_ISREG(type))
		found_file(d, dir, name);
	else if (S_ISLNK(type))
		d->links++;
	else
		d->special++;
}

/* 0 if it has vanished, which is for whoever opens it to find out. */
static mode_t type_of(DIR *dp, const struct dirent *de)
{
	struct stat st;

	if (de->d_type != DT_UNKNOWN)
		return DTTOIF(de->d_type);
	if (fstatat(dirfd(dp), de->d_name, &st, AT_SYMLINK_NOFOLLOW))
		return S_IFREG;
	return st.st_mode & S_IFMT;
}

static int add_entry(struct batch *b, DIR *dp, const struct dirent *de)
{
	size_t len = strlen(de->d_name) + 1;
	struct entry *e;

	if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
		return 0;
	e = malloc(sizeof(*e) + len);
	if (!e)
		return ENOMEM;
	memcpy(e->name, de->d_name, len);
	e->type = type_of(dp, de);
	e->next = NULL;
	*b->last = e;
	b->last = &e->next;
	return 0;
}

static noinline void read_batch(struct batch *b, DIR *dp)
{
	struct dirent *de;

	*b = (struct batch){ .last = &b->first };
	for (int i = 0; i < BATCH && !b->err; i++) {
		errno = 0;
		de = readdir(dp);
		if (!de) {
			b->err = errno;
			b->end = true;
			return;
		}
		b->err = add_entry(b, dp, de);
	}
	b->end = b->err;
}

static noinline int open_dir(DIR **dp, const char *path)
{
	int fd = dirsum_open_path(path, O_DIRECTORY), err;

	if (fd < 0)
		return -fd;
	*dp = fdopendir(fd);
	if (*dp)
		return 0;
	err = errno;
	close(fd);
	return err;
}

static noinline int type_of_path(const char *path, mode_t *type)
{
	struct stat st;

	if (lstat(path, &st))
		return errno;
	*type = st.st_mode & S_IFMT;
	return 0;
}

static void walk_batch(struct dirsum *d, const char *dir, struct batch *b)
{
	struct entry *e;

	while ((e = b->first)) {
		b->first = e->next;
		if (!d->fatal)
			found(d, dir, e->name, e->type);
		free(e);
	}
	if (b->err)
		dirsum_complain(d, dir, b->err);
}

static void walk_dir(struct dirsum *d, const char *path)
{
	struct batch b = { .err = 0 };
	DIR *dp;
	int err;

	d->ops->block_begin();
	err = open_dir(&dp, path);
	d->ops->block_end();
	if (err) {
		dirsum_complain(d, path, err);
		return;
	}
	while (!b.end && !d->fatal) {
		d->ops->block_begin();
		read_batch(&b, dp);
		d->ops->block_end();
		walk_batch(d, path, &b);
	}
	closedir(dp);
}

static void walk_path(struct dirsum *d, const char *path)
{
	struct dirsum_dir *dir;
	mode_t type = 0;
	int err;

	d->ops->block_begin();
	err = type_of_path(path, &type);
	d->ops->block_end();
	if (err) {
		dirsum_complain(d, path, err);
		return;
	}
	found(d, "", path, type);
	while ((dir = d->dirs)) {
		d->dirs = dir->next;
		if (!d->fatal)
			walk_dir(d, dir->path);
		free(dir);
	}
}

int dirsum_walk(struct dirsum *d)
{
	clock_gettime(CLOCK_MONOTONIC, &d->began);
	d->newest = &d->oldest;

	for (char **p = d->paths; *p && !d->fatal; p++)
		walk_path(d, *p);
	dirsum_drain(d);
	dirsum_print_total(d);
	return d->failed || d->fatal ? 1 : 0;
}
