// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dirsum-output.c - the lines, the total, and complaints.
 *
 * Whatever may block stands between block_begin and block_end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "dirsum-share.h"

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

void dirsum_give_up(struct dirsum *d, const char *what, int err)
{
	if (!d->fatal)
		fprintf(stderr, "%s: %s: %s\n", d->prog, what, strerror(err));
	d->fatal = err;
}

noinline void dirsum_check_stdout(struct dirsum *d, bool failed)
{
	if (failed)
		dirsum_give_up(d, "standard output", errno ? errno : EIO);
}

void dirsum_complain(struct dirsum *d, const char *path, int err)
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
	dirsum_check_stdout(d, ferror(stdout));
}

void dirsum_print(struct dirsum *d, const struct dirsum_file *f)
{
	d->ops->block_begin();
	print_line(d, f);
	d->ops->block_end();
}

static noinline void print_counts(struct dirsum *d)
{
	if (d->fatal)
		return;
	errno = 0;
	printf("total %" PRIu64 " files %" PRIu64 " bytes %" PRIu64
	       " links %" PRIu64 " special %" PRIu64 " failed\n", d->files,
	       d->bytes, d->links, d->special, d->failed);
	dirsum_check_stdout(d, fflush(stdout) || ferror(stdout));
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

void dirsum_print_total(struct dirsum *d)
{
	d->ops->block_begin();
	print_counts(d);
	if (d->time)
		print_time(d);
	d->ops->block_end();
}
