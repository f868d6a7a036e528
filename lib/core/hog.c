// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * hog.c - a G that computes on while others wait.
 *
 * After 10 ms its slice is over: the next join of a fresh child and the next
 * weft_checkpoint() yield.  A G that does neither within a tick is a hog.  It
 * is not stopped: its M loses the token to another M, which goes on with the P,
 * and the kernel shares the CPU between the two.  For the hog's M this is as if
 * it had been in a blocking call (law L2): what it pushes goes where others
 * look, and at its next entry that can switch it gets an idle token, or its G
 * waits in the global queue and the M in the cache.
 *
 * Each hog costs one M while it runs, and N hogs on a CPU leave the other Gs
 * 1/(N + 1) of it.  The successor may dispatch a hog as well, and get a
 * successor: so Gs that compute for long are shared out by the kernel, as
 * pthreads are.  A slice is 10 ms of CPU time, not of the clock: the M of a hog
 * that shares its CPU with N others is in the way N times as long, so the
 * number of Ms grows with the root of the time and not in proportion; Gs that
 * take T each have T / 10 ms Ms on a CPU.  And an M that the kernel has
 * preempted is no hog: another one would wait for the CPU as it does.
 *
 * With more CPUs than Ps the hog and its successor may have one each, and more
 * CPUs are in use than there are Ps.  Nothing prevents that but the affinity
 * mask or the quota, which are the kernel's (law L2: the overshoot is bounded
 * by the Ms without a token that have not entered yet).
 *
 * While an M is idle the Gs are its to take: sysmon wakes it, and it seizes.
 * Only if they still wait some ticks later the hog loses its token.
 */
#include "sched.h"

#define IDLE_TICKS 4

/* The CPU time to count from; an M is told from a preempted one by it. */
void weft__hog_note(struct m *m)
{
	int tid = READ_ONCE(m->tid);

	if (!m->mon.cpu && tid)
		m->mon.cpu = weft__thread_cpu_time(tid);
}

/*
 * Gs wait, and m's slice was over a tick ago.  What it used before the note is
 * not counted: a tick or two.
 */
bool weft__hog(struct m *m, s64 slice)
{
	s64 now;

	if (READ_ONCE(S.nidle) && m->mon.over < IDLE_TICKS)
		return false;
	now = weft__thread_cpu_time(READ_ONCE(m->tid));
	return now < 0 || now - m->mon.cpu >= slice * 8 / 10;
}
