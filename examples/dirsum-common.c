// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dirsum-common.c - walk, window and output of dirsum and its twin.
 *
 * Found files go into a window, a list of at most DIRSUM_WINDOW.  When it is
 * full, the walker waits for the oldest, prints its line, and frees it.  So
 * memory is bounded however large the tree is, but for the directories that
 * are known and not read yet, and for --sort, which keeps every line.
 *
 * A directory is read in batches while it stays open, and those that it holds
 * are put on a stack, so that one directory is open at a time however deep the
 * tree is.
 *
 * Neither links nor special files are read.  They are counted, wherever they
 * were named.
 *
 * This runs in a G too, so: whatever may block stands between block_begin and
 * block_end; and errno is read in functions that cannot switch and are not
 * inlined into one that does, since a compiler may keep the address of errno
 * over a switch, and the G may go on on another kernel thread.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirsum-common.h"

#define noinline __attribute__((noinline))

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

/*
 * Output
 */

/* As sha256sum does it: a name with such a character is marked in front. */
static bool odd(const char *path)
{
	return strpbrk(path, "\\\n\r");
}

static void put_path(FILE *out, const char *path)
{
	for (; *path; path++) {
		if (*path == '\\')
			fputs("\\\\", out);
		else if (*path == '\n')
			fputs("\\n", out);
		else if (*path == '\r')
			fputs("\\r", out);
		else
			putc(*path, out);
	}
}

/* Nothing more can be done: say so once, and let the walk end. */
static void give_up(struct dirsum *d, const char *what, int err)
{
	if (!d->fatal)
		fprintf(stderr, "%s: %s: %s\n", d->prog, what, strerror(err));
	d->fatal = err;
}

static noinline void check_stdout(struct dirsum *d, bool failed)
{
	if (failed)
		give_up(d, "standard output", errno ? errno : EIO);
}

static void complain(struct dirsum *d, const char *path, int err)
{
	d->failed++;
	d->ops->block_begin();
	fprintf(stderr, "%s: ", d->prog);
	put_path(stderr, path);
	fprintf(stderr, ": %s\n", strerror(err));
	d->ops->block_end();
}

static noinline void print_line(struct dirsum *d, const struct dirsum_file *f)
{
	if (d->fatal)
		return;
	errno = 0;
	if (odd(f->path))
		putc('\\', stdout);
	printf("%08" PRIx32 " %" PRIu64 " ", f->crc, f->size);
	put_path(stdout, f->path);
	putc('\n', stdout);
	check_stdout(d, ferror(stdout));
}

static void print(struct dirsum *d, const struct dirsum_file *f)
{
	d->ops->block_begin();
	print_line(d, f);
	d->ops->block_end();
}

static noinline void print_total(struct dirsum *d)
{
	if (d->fatal)
		return;
	errno = 0;
	printf("total %" PRIu64 " files %" PRIu64 " bytes %" PRIu64
	       " links %" PRIu64 " special %" PRIu64 " failed\n", d->files,
	       d->bytes, d->links, d->special, d->failed);
	check_stdout(d, fflush(stdout) || ferror(stdout));
}

static double seconds(time_t s, long ns)
{
	return (double)s + (double)ns * 1e-9;
}

static void print_time(const struct dirsum *d)
{
	struct timespec now;
	struct rusage ru;
	double t, cpu;

	clock_gettime(CLOCK_MONOTONIC, &now);
	getrusage(RUSAGE_SELF, &ru);
	t = seconds(now.tv_sec - d->began.tv_sec,
		    now.tv_nsec - d->began.tv_nsec);
	cpu = seconds(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec,
		      (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000);
	fprintf(stderr, "%s: %.3f s, %.3f s of CPU, %.0f files/s, %.1f MB/s, "
		"%ld kB RSS\n", d->prog, t, cpu, (double)d->files / t,
		(double)d->bytes / t * 1e-6, ru.ru_maxrss);
}

/*
 * The window
 */

static int keep(struct dirsum *d, struct dirsum_file *f)
{
	if (d->nsorted == d->room) {
		size_t room = d->room ? 2 * d->room : 1024;
		struct dirsum_file **p;

		p = realloc(d->sorted, room * sizeof(struct dirsum_file *));
		if (!p)
			return -ENOMEM;
		d->sorted = p;
		d->room = room;
	}
	d->sorted[d->nsorted++] = f;
	return 0;
}

/* Wait for the oldest file in flight, and account for it. */
static void collect(struct dirsum *d)
{
	struct dirsum_file *f = d->oldest;

	d->ops->wait(f);
	d->oldest = f->next;
	if (!d->oldest)
		d->newest = &d->oldest;
	d->in_flight--;

	if (f->err) {
		complain(d, f->path, f->err);
		free(f);
		return;
	}
	d->files++;
	d->bytes += f->size;
	if (d->sort && !keep(d, f))
		return;
	if (d->sort)
		give_up(d, "--sort", ENOMEM);
	print(d, f);
	free(f);
}

/* Give a file to the program; when memory is short, after older ones. */
static void submit(struct dirsum *d, struct dirsum_file *f)
{
	int err;

	if (d->in_flight == DIRSUM_WINDOW)
		collect(d);
	while ((err = d->ops->start(f)) && d->in_flight)
		collect(d);
	if (err) {
		complain(d, f->path, -err);
		free(f);
		return;
	}
	f->next = NULL;
	*d->newest = f;
	d->newest = &f->next;
	d->in_flight++;
}

/*
 * The walk
 */

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
		give_up(d, name, ENOMEM);
		return;
	}
	*f = (struct dirsum_file){ .d = d };
	snprintf(f->path, len, "%s%s%s", dir, sep, name);
	submit(d, f);
}

static void found_dir(struct dirsum *d, const char *dir, const char *name)
{
	const char *sep = slash(dir);
	size_t len = strlen(dir) + strlen(sep) + strlen(name) + 1;
	struct dirsum_dir *sub = malloc(sizeof(*sub) + len);

	if (!sub) {
		give_up(d, name, ENOMEM);
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

/* The longest run of whole components in front that the kernel takes. */
static size_t head_length(const char *path)
{
	const char *end = memrchr(path, '/', PATH_MAX - 1);

	return end && end > path ? (size_t)(end - path) : 0;
}

/* openat() for any length of path: from directory to directory. */
static int open_path(const char *path, int flags)
{
	int dir = AT_FDCWD, fd, err = 0;

	flags |= O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
	while (strlen(path) >= PATH_MAX) {
		size_t len = head_length(path);
		char *head = strndup(path, len);

		fd = -1;
		err = len ? ENOMEM : ENAMETOOLONG;
		if (head && len) {
			fd = openat(dir, head, O_PATH | O_DIRECTORY |
				    O_NOFOLLOW | O_CLOEXEC);
			err = errno;
		}
		free(head);
		if (dir != AT_FDCWD)
			close(dir);
		if (fd < 0)
			return -err;
		dir = fd;
		path += len + strspn(path + len, "/");
	}
	fd = openat(dir, path, flags);
	err = errno;
	if (dir != AT_FDCWD)
		close(dir);
	return fd < 0 ? -err : fd;
}

static noinline int open_dir(DIR **dp, const char *path)
{
	int fd = open_path(path, O_DIRECTORY), err;

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

noinline int dirsum_open(const char *path)
{
	int fd = open_path(path, O_NONBLOCK | O_NOCTTY), err;
	struct stat st;

	if (fd < 0)
		return fd;
	/* what else took the file's place: the errno that says so best */
	if (fstat(fd, &st))
		err = errno;
	else if (S_ISDIR(st.st_mode))
		err = EISDIR;
	else
		err = S_ISREG(st.st_mode) ? 0 : ENXIO;
	if (!err)
		return fd;
	close(fd);
	return -err;
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
		complain(d, dir, b->err);
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
		complain(d, path, err);
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
		complain(d, path, err);
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

static int by_path(const void *a, const void *b)
{
	const struct dirsum_file *const *f = a, *const *g = b;

	return strcmp((*f)->path, (*g)->path);
}

static void print_sorted(struct dirsum *d)
{
	if (d->nsorted)
		qsort(d->sorted, d->nsorted, sizeof(struct dirsum_file *),
		      by_path);
	for (size_t i = 0; i < d->nsorted; i++) {
		print(d, d->sorted[i]);
		free(d->sorted[i]);
	}
	free(d->sorted);
}

int dirsum_walk(struct dirsum *d)
{
	clock_gettime(CLOCK_MONOTONIC, &d->began);
	d->newest = &d->oldest;

	for (char **p = d->paths; *p && !d->fatal; p++)
		walk_path(d, *p);
	while (d->in_flight)
		collect(d);
	print_sorted(d);

	d->ops->block_begin();
	print_total(d);
	if (d->time)
		print_time(d);
	d->ops->block_end();
	return d->failed || d->fatal ? 1 : 0;
}

/*
 * Options
 */

static void usage(const struct dirsum *d, FILE *out)
{
	fprintf(out, "usage: %s [OPTION]... PATH...\n\n", d->prog);
	fputs("Print CRC-32, size and path of each regular file in the trees "
	      "named, and the\ntotal.  Links are not followed; links and "
	      "special files are counted.\n\n", out);
	fprintf(out, "  --%s N\t%s (default: %lu)\n", d->limit_name,
		d->limit_help, d->limit);
	fputs("  --sort\tprint in the order of the paths, at the end\n"
	      "  --time\tprint on stderr how long it took\n"
	      "  --help\tthis text\n\n"
	      "A file name with a newline, carriage return or backslash is "
	      "escaped, and its\nline marked by a backslash in front, as "
	      "sha256sum does it.\n\n"
	      "Exit status: 0; 1 if a file could not be read or the output not "
	      "be written;\n2 for bad usage.\n", out);
}

static int parse_limit(struct dirsum *d, const char *arg)
{
	char *end;

	errno = 0;
	d->limit = strtoul(arg, &end, 10);
	if (*arg >= '0' && *arg <= '9' && !*end && !errno && d->limit)
		return 0;
	fprintf(stderr, "%s: --%s: not a number above 0: %s\n", d->prog,
		d->limit_name, arg);
	return 2;
}

/* A file may need two descriptors while it is opened; some are for others. */
static void clamp_limit(struct dirsum *d)
{
	struct rlimit rl;
	rlim_t most;

	if (d->limit > DIRSUM_WINDOW)
		d->limit = DIRSUM_WINDOW;
	if (getrlimit(RLIMIT_NOFILE, &rl) || rl.rlim_cur == RLIM_INFINITY)
		return;
	most = rl.rlim_cur > 34 ? (rl.rlim_cur - 32) / 2 : 1;
	if (d->limit > most)
		d->limit = most;
}

/* Or a file that is read may become the standard output. */
static void fill_std_fds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

int dirsum_options(struct dirsum *d, int argc, char **argv)
{
	const struct option options[] = {
		{ d->limit_name, required_argument, NULL, 'n' },
		{ "sort", no_argument, NULL, 's' },
		{ "time", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	fill_std_fds();
	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 's') {
			d->sort = true;
		} else if (c == 't') {
			d->time = true;
		} else if (c == 'h') {
			usage(d, stdout);
			check_stdout(d, fflush(stdout));
			return d->fatal ? 1 : 0;
		} else if (c != 'n' || parse_limit(d, optarg)) {
			usage(d, stderr);
			return 2;
		}
	}
	d->paths = argv + optind;
	if (!*d->paths) {
		usage(d, stderr);
		return 2;
	}
	clamp_limit(d);
	return -1;
}
