/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * vclock.h - virtual time: who holds it, and who moves it on.
 */
#ifndef WEFT_CORE_VCLOCK_H
#define WEFT_CORE_VCLOCK_H

#include "sched.h"

/* At a start: the clock is real, or begins. */
void weft__vclock_start(void);

/*
 * sysmon: before it looks whether all wait; and if they did: true, and the
 * clock has moved on to the next deadline.
 */
u64 weft__vclock_look(void);
bool weft__vclock_move(u64 seen);

void weft__vclock_enter(void);
void weft__vclock_leave(void);
void weft__vclock_register(s64 n);

/* An ordinary thread makes a G runnable: time stands from enter to leave. */
static inline bool vclock_enter(void)
{
	if (likely(!READ_ONCE(weft__clock_virtual)))
		return false;
	weft__vclock_enter();
	return true;
}

static inline void vclock_leave(bool entered)
{
	if (unlikely(entered))
		weft__vclock_leave();
}

#endif /* WEFT_CORE_VCLOCK_H */
