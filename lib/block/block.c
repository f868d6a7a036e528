// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block.c - the end of an announced section whose token went to another M.
 *
 * Begin and end are in core/fast.h: two plain stores and a load.  sysmon sees
 * the state word, and takes the token of an M that sleeps in its section; the
 * load at the end is of m->p, which it poisoned.
 */
#include "../core/sched.h"

/*
 * The M came back.  Its token, if the successor has not dispatched; else an
 * idle one; else its G waits in the global queue, and it sleeps in the cache.
 */
weft__noinline void weft__block_end_slow(struct m *m)
{
	int err = *m->err;
	bool has = has_token(m);

	if (!has) {
		trace(m, RETURN, m->cur->id, m->tok);
		has = weft__regain(m);
	}
	*m->err = err;
	if (!has)
		switch_to(m, &m->g0, POST_PUSH, NULL);
}
