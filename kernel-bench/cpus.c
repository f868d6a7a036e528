// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * cpus.c - the CPUs that this process may use.
 *
 * A twin at N P is confined to the first N of them.  weft is not, but in a few
 * rows: that its Ms are bound to no CPU is part of what is measured.
 */
#include "bench.h"

#include <errno.h>

int cpus_allowed(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set);
}

/* The number of the @n-th CPU of the mask; -1 if there is none. */
int cpu_nth(int n)
{
	cpu_set_t set;
	int c;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -1;
	for (c = 0; c < CPU_SETSIZE; c++)
		if (CPU_ISSET(c, &set) && !n--)
			return c;
	return -1;
}

static cpu_set_t cpus_before;

int cpus_confine(int n)
{
	cpu_set_t set;
	int i;

	if (sched_getaffinity(0, sizeof(cpus_before), &cpus_before))
		return -errno;
	CPU_ZERO(&set);
	for (i = 0; i < n; i++) {
		int c = cpu_nth(i);

		if (c < 0)
			return -EINVAL;
		CPU_SET(c, &set);
	}
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* For a twin that is to have what weft has */
int cpus_unconfine(void)
{
	return sched_setaffinity(0, sizeof(cpus_before), &cpus_before) ?
		       -errno : 0;
}

/* Binds the calling thread to CPU number @n. */
int cpu_bind(int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(n, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}
