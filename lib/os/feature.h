/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * feature.h - which optional features of the system are used, and why not.
 *
 * Probed once for each start of the runtime, before there are Ms; read-only
 * while it runs.  Whoever uses a feature asks here, has a fallback, and the
 * tests run both.
 */
#ifndef WEFT__FEATURE_H
#define WEFT__FEATURE_H

#include "arch/compiler.h"

enum weft__feature {
	WEFT__RSEQ,		/* restartable sequences, area by glibc */
	WEFT__MEMBARRIER,	/* membarrier: private expedited */
	WEFT__MEMBARRIER_RSEQ,	/* the same, ends sequences; one CPU or all */
	WEFT__GUARD,		/* madvise(MADV_GUARD_INSTALL) */
	WEFT__FUTEX2,		/* futex_wait() and wake with FUTEX2_NUMA */
	WEFT__NUMA,		/* libnuma, and a kernel that answers it */
	WEFT__PROC,		/* /proc/self/task/TID/stat */
	WEFT__SENTINEL,		/* SCHED_IDLE threads, /proc/.../syscall */
	WEFT__CGROUP,		/* a CPU controller that we can read */
	WEFT__HINTS,		/* memory files: memfd_create() */
	WEFT__NFEATURES,
};

#define WEFT__BIT(f) (1u << (f))

/**
 * weft__features_probe() - fill the table
 * @off:	bits of features that the settings turn off
 * @need:	bits of features that the settings insist on
 *
 * Return: 0; -EINVAL if a feature in @need is not there (named on stderr).
 */
int weft__features_probe(u32 off, u32 need);

/* Bits of what is on; written by weft__features_probe() only. */
extern u32 weft__features;

static inline bool weft__feature(enum weft__feature f)
{
	return weft__features & WEFT__BIT(f);
}

/** weft__feature_name() - as in weft-topo: "rseq" */
const char *weft__feature_name(enum weft__feature f);
/** weft__feature_why() - why it is off, a short sentence; NULL if it is on */
const char *weft__feature_why(enum weft__feature f);
/** weft__feature_use() - what it is for, and what stands in */
const char *weft__feature_use(enum weft__feature f);

#endif /* WEFT__FEATURE_H */
