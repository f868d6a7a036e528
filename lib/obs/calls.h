/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * calls.h - the table of blocked calls, as tools see it.
 *
 * With WEFT_DEBUG=blocked it is in a memfd of this name; tools/weft-blocked
 * opens it as /proc/PID/fd/N, which whoever may read that process can do.  A
 * change of the layout changes CALLS_VERSION.
 */
#ifndef WEFT_OBS_CALLS_H
#define WEFT_OBS_CALLS_H

#include "../arch/compiler.h"

#define CALLS_NAME "weft-blocked"
#define CALLS_MAGIC 0x646b6c62u		/* blkd */
#define CALLS_VERSION 1
#define CALLS_MAX 256

/*
 * One call from one place: Gs that were started there, and it.  The key is
 * written once, by CAS from 0; where, runs and named by sysmon, named last; the
 * counters are added to by anyone.
 */
struct calls_entry {
	u64 key;
	u64 site;		/* where the Gs were started; 0: not known */
	u64 fn;			/* what the first of them runs; 0: the M */
	u64 count;
	u64 ended;		/* of count */
	u64 total_ns;		/* of those that have ended, as the next */
	u64 max_ns;
	u32 named;		/* the names stand there */
	u32 pad;
	char where[64];
	char runs[64];
};

struct calls {
	u32 magic;
	u32 version;
	u32 max;
	u32 pad;
	u64 lost;		/* blocks for which there was no entry */
	struct calls_entry e[CALLS_MAX];
};

/* The number in a key. */
static inline int calls_nr(u64 key)
{
	return (int)(key >> 48) - 2;
}

/* obs/calls.c: "read", "page fault", "call 999" (in buf) */
#define CALL_NAME 24
const char *weft__call_name(int nr, char buf[CALL_NAME]);
/* A table, the longest in all first, by whatever writes a line. */
void weft__calls_print(const struct calls *c,
		       void (*line)(const char *fmt, ...)
			       __attribute__((format(printf, 1, 2))));

#endif /* WEFT_OBS_CALLS_H */
