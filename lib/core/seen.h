/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * seen.h - what BPF tells of the Ms, and whether it still tells.
 */
#ifndef WEFT_CORE_SEEN_H
#define WEFT_CORE_SEEN_H

#include "../os/detect.h"
#include "m.h"

/*
 * What m did last, WEFT__SEEN_*: a hint, by anyone, at any time.  NEVER where
 * there is no BPF: ask /proc.
 */
static inline u32 m_seen(const struct m *m)
{
	return weft__slot_seen(READ_ONCE(m->slot));
}

int weft__seen_start(void);
void weft__seen_claim(struct m *m, int tid);
/* sysmon: its sleep, and its end */
int weft__seen_nap(u32 *futex, s64 until);
void weft__seen_end(void);

#endif /* WEFT_CORE_SEEN_H */
