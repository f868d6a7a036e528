/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * slot.h - what a BPF program on sched_switch writes, and the library reads.
 *
 * Included by both (tools/bpf), and by nothing public.  A change of the layout
 * or of the meaning changes WEFT__SLOT_VERSION.
 *
 * The slots are one BPF array that the kernel, the program and the process map.
 * Those of a thread are looked for from tid % nslots on, WEFT__SLOT_PROBES in a
 * row.
 *
 *		writes				reads
 *	tid	the library			both
 *	word	the BPF program			the library
 *	nr,	the BPF program, before word,	the library, after word
 *	since	if the loader wants it (-t)
 *
 * The thread itself is the only one of its slot: it is on one CPU at a time,
 * and so the program needs no atomic operation.  A slot is a cache line, for
 * threads on two CPUs are switched at the same time.
 *
 * The word counts switches, so that a reader can tell that there was one.  It
 * has no time in it, and the call stands beside: on a virtual machine a clock
 * cost 65 ns a switch and the call 40, where all the rest cost 80.
 *
 * Whatever stands there is a hint.
 */
#ifndef WEFT__SLOT_H
#define WEFT__SLOT_H

#define WEFT__SLOT_VERSION	1
#define WEFT__SLOT_PROBES	4
#define WEFT__SLOTS		4096	/* by default; a power of two */
#define WEFT__SLOTS_MAX		(1u << 20)

/* The lower bits of word; the others count */
#define WEFT__SEEN_NEVER	0u	/* ask elsewhere */
#define WEFT__SEEN_RUNNING	1u	/* has a CPU */
#define WEFT__SEEN_RUNNABLE	2u	/* was preempted */
#define WEFT__SEEN_BLOCKED	3u	/* sleeps in the kernel */
#define WEFT__SEEN_MASK		3u

struct weft__slot {
	unsigned long long word;
	unsigned int tid;		/* as gettid() says; 0: free */
	int nr;				/* the call that it sleeps in */
	unsigned long long since;	/* CLOCK_MONOTONIC, ns; 0: not told */
	unsigned long long pad[5];
};

/*
 * How it reaches the process: who loaded the program listens on this socket, a
 * SEQPACKET one, and sends each that asks one struct weft__offer, with two
 * descriptors: of the array, and of the link that keeps the program attached.
 * So the program lives as long as the process, and the loader need not.
 */
#define WEFT__OFFER_DIR		"/run/weft-bpf"
#define WEFT__OFFER_MAGIC	0x74666577u	/* weft */

struct weft__offer {
	unsigned int magic;
	unsigned int version;
	unsigned int slot_size;
	unsigned int nslots;
};

#endif /* WEFT__SLOT_H */
