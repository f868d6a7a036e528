// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * rseq.c - is the restartable-sequence area that glibc registered usable?
 *
 * A second area cannot be registered beside glibc's, and one of our own with
 * glibc's switched off would be in the way of other libraries: so there is
 * glibc's or none.
 */
#include "os/rseq.h"
#include "arch/sanitize.h"

#include <sys/auxv.h>

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#endif

/* cpu_id_start, cpu_id, rseq_cs, flags: what Linux 4.18 began with. */
#define RSEQ_NEEDED 20

ptrdiff_t weft__rseq_offset;

static const char *check(void)
{
	unsigned long feature_size = getauxval(AT_RSEQ_FEATURE_SIZE);

#ifdef WEFT__TSAN
	return "built for ThreadSanitizer, which does not see sequences";
#endif
	if (!&__rseq_offset || !&__rseq_size)
		return "glibc registers no rseq area (it is older than 2.35)";
	if (!__rseq_size)
		return "glibc registered no rseq area (GLIBC_TUNABLES, or an "
		       "emulated or old kernel)";
	if (__rseq_size < RSEQ_NEEDED)
		return "glibc's rseq area is too small";
	if (feature_size && feature_size < RSEQ_NEEDED)
		return "the kernel's rseq area is too small";
	weft__rseq_offset = __rseq_offset;
	if (!weft__rseq_registered())
		return "this thread has no registered rseq area";
	return NULL;
}

const char *weft__rseq_probe(void)
{
	const char *why = check();

	if (why)
		weft__rseq_offset = 0;
	return why;
}
