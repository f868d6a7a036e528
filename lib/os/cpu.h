/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * cpu.h - the CPUs: which are there, which we may use, who is near whom.
 *
 * Read once for each start.  What the system does not tell is assumed flat:
 * one node, one last-level cache, each CPU a core of its own.
 *
 * Nodes are numbered densely, 0 to nnodes - 1: those that have a CPU in the
 * affinity mask.  A CPU of another node counts to the nearest of them, so that
 * a process confined to one node has one node.
 */
#ifndef WEFT__CPU_H
#define WEFT__CPU_H

#include "arch/compiler.h"

#include <sched.h>

/**
 * struct weft__topo - the machine, as this process sees it
 * @ncpu:	highest number of a possible CPU, plus 1: the size of arrays
 * @nallowed:	CPUs in the affinity mask
 * @allowed:	that mask, for CPU_ISSET_S() and sched_setaffinity()
 * @setsize:	its size in bytes
 * @nnodes:	nodes, at least 1
 * @fake:	the nodes are WEFT_FAKE_NODES's
 * @node_of:	[ncpu] node
 * @llc_of:	[ncpu] last-level cache, named by its lowest CPU
 * @core_of:	[ncpu] core, named by the lowest of its SMT siblings
 * @os_node:	[nnodes] the kernel's number, for weft__map(); -1 where placing
 *		memory makes no sense since there is one real node
 * @distance:	[nnodes * nnodes] 10 is local
 */
struct weft__topo {
	unsigned int ncpu;
	unsigned int nallowed;
	cpu_set_t *allowed;
	size_t setsize;
	unsigned int nnodes;
	bool fake;
	u16 *node_of;
	u16 *llc_of;
	u16 *core_of;
	s16 *os_node;
	u8 *distance;
};

/**
 * weft__topo_read() - find out
 * @t:		filled in
 * @fake_nodes:	0, or into how many nodes the allowed CPUs are split
 *
 * Uses libnuma if WEFT__NUMA is on.
 *
 * Return: 0, -ENOMEM, or what sched_getaffinity said.
 */
int weft__topo_read(struct weft__topo *t, unsigned int fake_nodes);

/** weft__topo_free() - give the arrays back; @t may be all zero */
void weft__topo_free(struct weft__topo *t);

static inline bool weft__topo_allowed(const struct weft__topo *t,
				      unsigned int cpu)
{
	return cpu < t->ncpu && CPU_ISSET_S(cpu, t->setsize, t->allowed);
}

/**
 * weft__topo_node_set() - the allowed CPUs of a node
 * @t:		the topology
 * @node:	a node, densely numbered
 * @set:	t->setsize bytes
 *
 * Return: how many.
 */
unsigned int weft__topo_node_set(const struct weft__topo *t, unsigned int node,
				 cpu_set_t *set);

/**
 * weft__topo_order() - from near to far
 * @t:		the topology
 * @cpu:	seen from here
 * @cpus:	[n] CPUs
 * @n:		how many
 * @out:	[n] the same CPUs, sorted; those equally near keep their order
 * @ring:	[n] 0 for the nearest, the same number for those equally near;
 *		a thief starts at random within a ring.  May be NULL.
 *
 * SMT siblings, then the same last-level cache, then the same node, then other
 * nodes by distance.  @cpu itself, if in @cpus, counts as its own sibling.
 */
void weft__topo_order(const struct weft__topo *t, unsigned int cpu,
		      const u16 *cpus, unsigned int n, u16 *out, u8 *ring);

/**
 * weft__affinity() - the affinity mask of the calling thread
 * @set:	where it goes; CPU_FREE() it
 * @size:	its size in bytes
 *
 * Return: 0, -ENOMEM, or what sched_getaffinity said.
 */
int weft__affinity(cpu_set_t **set, size_t *size);

/**
 * weft__cpus_allowed() - how many CPUs the affinity mask has
 *
 * Return: at least 1.
 */
unsigned int weft__cpus_allowed(void);

#endif /* WEFT__CPU_H */
