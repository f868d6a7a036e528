/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * run.h - what start and stop need from the other files.
 */
#ifndef WEFT_CORE_RUN_H
#define WEFT_CORE_RUN_H

#include "m.h"

void weft__layout_seen(u64 layout);

/* procs.c */
int weft__procs_init(void);
void weft__procs_free(void);

/* After a fork: forget what another thread may have held. */
void weft__gpool_forked(void);
void weft__gq_forked(void);
void weft__keys_forked(void);

/* obs/: what WEFT_DEBUG asks for at stop; a guard page was hit */
void weft__stopped_report(void);
_Bool weft__overflow_report(const void *addr, void *ucontext);

/*
 * Gs that this M has spawned: ids come in blocks of WEFT__ID_BLOCK.  While a
 * new block is begun the answer may be too high, never too low: a stop must
 * not miss a G.
 */
#define WEFT__ID_BLOCK 1024

static inline u64 weft__spawned(const struct m *m)
{
	u64 end = smp_load_acquire(&m->idend);
	u64 seq = smp_load_acquire(&m->idseq);

	return READ_ONCE(m->n.idblocks) * WEFT__ID_BLOCK - (end - seq);
}

#endif /* WEFT_CORE_RUN_H */
