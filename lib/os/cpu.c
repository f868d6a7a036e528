// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * cpu.c - the CPUs: which are there, which we may use, who is near whom.
 */
#include <generated/config.h>

#include "os/cpu.h"
#include "os/feature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef CONFIG_LIBNUMA
#include <numa.h>
#endif

#define SYS_CPU "/sys/devices/system/cpu"

#define DISTANCE_LOCAL	10
#define DISTANCE_REMOTE	20

/* More CPUs than this no kernel has; it also fits the u16 arrays. */
#define CPUS_MAX	65536

/* A mask shorter than the kernel's is refused with EINVAL: double it. */
int weft__affinity(cpu_set_t **set, size_t *size)
{
	for (unsigned int n = 1024; n <= CPUS_MAX; n *= 2) {
		cpu_set_t *s = CPU_ALLOC(n);
		int err;

		if (!s)
			return -ENOMEM;
		*size = CPU_ALLOC_SIZE(n);
		CPU_ZERO_S(*size, s);
		if (!sched_getaffinity(0, *size, s)) {
			*set = s;
			return 0;
		}
		err = -errno;
		CPU_FREE(s);
		if (err != -EINVAL)
			return err;
	}
	return -EINVAL;
}

unsigned int weft__cpus_allowed(void)
{
	cpu_set_t *set;
	size_t size;
	unsigned int n;

	if (weft__affinity(&set, &size))
		return 1;
	n = CPU_COUNT_S(size, set);
	CPU_FREE(set);
	return n ? n : 1;
}

/* Lowest and highest number of a list as "0-3,8"; false if there is none */
static bool read_list(const char *path, unsigned int *low, unsigned int *high)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *last;
	size_t size = 0;
	bool ok = false;

	if (!f)
		return false;
	if (getline(&line, &size, f) > 0 && sscanf(line, "%u", low) == 1) {
		last = line + strcspn(line, "\n");
		while (last > line && last[-1] >= '0' && last[-1] <= '9')
			last--;
		ok = sscanf(last, "%u", high) == 1 && *high < CPUS_MAX &&
		     *low <= *high;
	}
	free(line);
	fclose(f);
	return ok;
}

/* The lowest CPU of a list of one CPU's, which names the group; else @none */
static u16 group_of(unsigned int cpu, const char *file, u16 none)
{
	unsigned int low, high;
	char path[128];

	snprintf(path, sizeof(path), SYS_CPU "/cpu%u/%s", cpu, file);
	return read_list(path, &low, &high) ? low : none;
}

static unsigned int count_possible(const struct weft__topo *t)
{
	unsigned int low, high, n = 1;
	long conf = sysconf(_SC_NPROCESSORS_CONF);

	if (conf > 0 && conf <= CPUS_MAX)
		n = conf;
	if (read_list(SYS_CPU "/possible", &low, &high) && high >= n)
		n = high + 1;
	for (unsigned int cpu = n; cpu < t->setsize * 8; cpu++) {
		if (CPU_ISSET_S(cpu, t->setsize, t->allowed))
			n = cpu + 1;
	}
	return n;
}

static void read_groups(struct weft__topo *t)
{
	for (unsigned int cpu = 0; cpu < t->ncpu; cpu++) {
		u16 core = group_of(cpu, "topology/core_cpus_list", cpu);

		if (core == cpu)
			core = group_of(cpu, "topology/thread_siblings_list",
					cpu);
		t->core_of[cpu] = core;
		t->llc_of[cpu] =
			group_of(cpu, "cache/index3/shared_cpu_list", 0);
	}
}

#ifdef CONFIG_LIBNUMA
static int os_node_of(unsigned int cpu)
{
	int node = numa_node_of_cpu(cpu);

	return node >= 0 ? node : 0;
}

static u8 os_distance(int a, int b)
{
	int d = numa_distance(a, b);

	if (d <= 0 || d > 255)
		return a == b ? DISTANCE_LOCAL : DISTANCE_REMOTE;
	return d;
}
#else
static int os_node_of(unsigned int cpu)
{
	(void)cpu;
	return 0;
}

static u8 os_distance(int a, int b)
{
	return a == b ? DISTANCE_LOCAL : DISTANCE_REMOTE;
}
#endif

static int real_node_of(unsigned int cpu)
{
	return weft__feature(WEFT__NUMA) ? os_node_of(cpu) : 0;
}

/* The dense number of a real node: itself, or the nearest that we have */
static unsigned int dense_node(const struct weft__topo *t, int os)
{
	unsigned int best = 0, best_distance = 256;

	for (unsigned int n = 0; n < t->nnodes; n++) {
		u8 d = os_distance(t->os_node[n], os);

		if (t->os_node[n] == os)
			return n;
		if (d < best_distance) {
			best = n;
			best_distance = d;
		}
	}
	return best;
}

static bool have_node(const struct weft__topo *t, int os)
{
	for (unsigned int n = 0; n < t->nnodes; n++) {
		if (t->os_node[n] == os)
			return true;
	}
	return false;
}

/* Real nodes: those of the allowed CPUs, in the order of these */
static void real_nodes(struct weft__topo *t)
{
	for (unsigned int cpu = 0; cpu < t->ncpu; cpu++) {
		int os;

		if (!weft__topo_allowed(t, cpu))
			continue;
		os = real_node_of(cpu);
		if (!have_node(t, os))
			t->os_node[t->nnodes++] = os;
	}
	if (!t->nnodes)
		t->os_node[t->nnodes++] = 0;
	for (unsigned int cpu = 0; cpu < t->ncpu; cpu++)
		t->node_of[cpu] = dense_node(t, real_node_of(cpu));
}

/* Equal shares of the allowed CPUs; the others count to the first */
static void fake_nodes(struct weft__topo *t, unsigned int want)
{
	unsigned int seen = 0;

	t->fake = true;
	t->nnodes = want < t->nallowed ? want : t->nallowed;
	for (unsigned int cpu = 0; cpu < t->ncpu; cpu++) {
		unsigned int node = 0;

		if (weft__topo_allowed(t, cpu)) {
			node = (u64)seen++ * t->nnodes / t->nallowed;
			t->os_node[node] = real_node_of(cpu);
		}
		t->node_of[cpu] = node;
	}
}

static bool one_real_node(const struct weft__topo *t)
{
	for (unsigned int n = 1; n < t->nnodes; n++) {
		if (t->os_node[n] != t->os_node[0])
			return false;
	}
	return true;
}

static int read_distances(struct weft__topo *t)
{
	t->distance = calloc((size_t)t->nnodes * t->nnodes, 1);
	if (!t->distance)
		return -ENOMEM;
	for (unsigned int a = 0; a < t->nnodes; a++) {
		for (unsigned int b = 0; b < t->nnodes; b++) {
			u8 d = a == b ? DISTANCE_LOCAL : DISTANCE_REMOTE;

			if (!t->fake)
				d = os_distance(t->os_node[a], t->os_node[b]);
			t->distance[a * t->nnodes + b] = d;
		}
	}
	return 0;
}

int weft__topo_read(struct weft__topo *t, unsigned int fake)
{
	int err;

	memset(t, 0, sizeof(*t));
	err = weft__affinity(&t->allowed, &t->setsize);
	if (err)
		return err;
	t->nallowed = CPU_COUNT_S(t->setsize, t->allowed);
	t->ncpu = count_possible(t);
	t->node_of = calloc(t->ncpu, sizeof(u16));
	t->llc_of = calloc(t->ncpu, sizeof(u16));
	t->core_of = calloc(t->ncpu, sizeof(u16));
	t->os_node = calloc(t->ncpu, sizeof(s16));
	err = -ENOMEM;
	if (!t->node_of || !t->llc_of || !t->core_of || !t->os_node)
		goto err_free;
	read_groups(t);
	if (fake)
		fake_nodes(t, fake);
	else
		real_nodes(t);
	err = read_distances(t);
	if (err)
		goto err_free;
	if (one_real_node(t))
		memset(t->os_node, 0xff, t->nnodes * sizeof(s16));
	return 0;

err_free:
	weft__topo_free(t);
	return err;
}

void weft__topo_free(struct weft__topo *t)
{
	if (t->allowed)
		CPU_FREE(t->allowed);
	free(t->node_of);
	free(t->llc_of);
	free(t->core_of);
	free(t->os_node);
	free(t->distance);
	memset(t, 0, sizeof(*t));
}

unsigned int weft__topo_node_set(const struct weft__topo *t, unsigned int node,
				 cpu_set_t *set)
{
	CPU_ZERO_S(t->setsize, set);
	for (unsigned int cpu = 0; cpu < t->ncpu; cpu++) {
		if (weft__topo_allowed(t, cpu) && t->node_of[cpu] == node)
			CPU_SET_S(cpu, t->setsize, set);
	}
	return CPU_COUNT_S(t->setsize, set);
}

/*
 * How far, as the number of a bucket: 0 sibling, 1 cache, 2 node, then 3 and
 * up by distance.  The node goes first: split by WEFT_FAKE_NODES, a core and
 * a cache may lie in two.
 */
#define BUCKETS (3 + 256)

static unsigned int bucket_of(const struct weft__topo *t, unsigned int a,
			      unsigned int b)
{
	unsigned int na = t->node_of[a], nb = t->node_of[b];

	if (na != nb)
		return 3 + t->distance[na * t->nnodes + nb];
	if (t->core_of[a] == t->core_of[b])
		return 0;
	return t->llc_of[a] == t->llc_of[b] ? 1 : 2;
}

void weft__topo_order(const struct weft__topo *t, unsigned int cpu,
		      const u16 *cpus, unsigned int n, u16 *out, u8 *ring)
{
	unsigned int start[BUCKETS + 1] = { 0 };
	u8 ring_of[BUCKETS];
	unsigned int rings = 0;

	for (unsigned int i = 0; i < n; i++)
		start[bucket_of(t, cpu, cpus[i]) + 1]++;
	for (unsigned int b = 0; b < BUCKETS; b++) {
		ring_of[b] = rings;
		if (start[b + 1] && rings < UINT8_MAX)
			rings++;
		start[b + 1] += start[b];
	}
	for (unsigned int i = 0; i < n; i++) {
		unsigned int b = bucket_of(t, cpu, cpus[i]);

		if (ring)
			ring[start[b]] = ring_of[b];
		out[start[b]++] = cpus[i];
	}
}
