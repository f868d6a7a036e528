// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * util.c - small things that rows share: memory, sleeping, order statistics,
 * a piece of work, figures of /proc/self/status.
 *
 * Work is a number of turns of a loop, calibrated once, and not "until the
 * clock says so": a worker whose thread the kernel preempts would otherwise do
 * its work while it does not run.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double turns_per_us;

void *zalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		check(-ENOMEM, "memory");
	memset(p, 0, n * size);	/* touched now, and not while it is timed */
	return p;
}

/* What a benchmark cannot go on without. */
void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "weft-bench: %s: %s\n", what, strerror(abs(err)));
	_exit(1);
}

int64_t process_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

void spin_ns(int64_t ns)
{
	int64_t end = now_ns() + ns;

	while (now_ns() < end)
		relax();
}

void sleep_until(int64_t deadline_ns)
{
	struct timespec t = { deadline_ns / 1000000000ll,
			      deadline_ns % 1000000000ll };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

/* splitmix64 */
uint64_t rnd(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double percentile(const int64_t *sorted, long n, double p)
{
	long i = p * n;

	return sorted[i < n ? i : n - 1];
}

/* Sorts @v. */
double median_of(double *v, long n)
{
	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), compare_double);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static noinline void work_turns(long n)
{
	while (n-- > 0)
		barrier();
}

void work_calibrate(void)
{
	const long n = 200000;
	int64_t t, best = INT64_MAX;
	int i;

	for (i = 0; i < 20; i++) {
		t = now_ns();
		work_turns(n);
		t = now_ns() - t;
		if (t < best)
			best = t;
	}
	turns_per_us = n * 1000.0 / (best > 0 ? best : 1);
}

void work_us(int us)
{
	work_turns(us * turns_per_us);
}

/* @key with its colon, as "VmRSS:"; -1 if there is none. */
long status_kb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	if (!f)
		return -1;
	while (kb < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = atol(line + strlen(key));
	fclose(f);
	return kb;
}

/* How long a thread of this process ran; -1 if nobody says. */
int64_t task_ran_ns(long tid)
{
	char path[64];
	long long ns = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/schedstat", tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%lld", &ns) != 1)
		ns = -1;
	fclose(f);
	return ns;
}
