/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * holder.h - who holds an object of sync/: a word that a report understands.
 *
 * 0: nobody; a G; or the number of a thread, shifted, with HOLDER_THREAD.  It
 * is the fifth word of a mutex, an rwlock (who writes) and a once (who runs
 * it), behind the lock that such objects begin with (sync/wait.h).
 */
#ifndef WEFT_CORE_HOLDER_H
#define WEFT_CORE_HOLDER_H

#include "../arch/compiler.h"

#define HOLDER_AT 32
#define HOLDER_THREAD 1ul

struct g;
struct m;

/* What stands for the caller; m is its M, or NULL. */
u64 weft__holder_me(struct m *m);

#endif /* WEFT_CORE_HOLDER_H */
