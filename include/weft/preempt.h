/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * preempt.h - stretches of code in which a G may be preempted.
 *
 * A G that computes for long without a call of weft keeps its kernel thread.
 * Others do not wait for it (another kernel thread goes on with them, and the
 * kernel shares out the CPU), but it costs a thread.  A G that opted in is
 * preempted instead while it is in a stretch: when its slice is over and others
 * wait, it stops wherever it is, and goes on later, maybe on another kernel
 * thread, with all registers as they were.
 *
 *	attr.preemptible = 1;
 *	...
 *	weft_preempt_enable();
 *	for (i = 0; i < n; i++)
 *		sum += f(x[i]);
 *	weft_preempt_disable();
 *
 * What may stand in a stretch is what does not care on which kernel thread it
 * runs, after any instruction:
 *
 *	- computing, on the G's own stack and on memory, floating point and
 *	  vector registers included
 *	- calls of functions in the same program or shared object that keep to
 *	  these rules
 *	- calls into other shared objects (libm, libc) that do not come back
 *	  with something that belongs to the thread.  The G is not stopped in
 *	  them, but after them: malloc() is allowed, flockfile() is not
 *
 * and not:
 *
 *	- a call of weft but weft_preempt_disable(); it may end in an abort with
 *	  a report, or worse
 *	- errno and any other thread-local variable: its address may be that of
 *	  another thread by the next instruction
 *	- a pthread mutex that is held: it belongs to the thread
 *	- leaving it by a return, longjmp(), an exception or weft_exit()
 *
 * A stretch begins and ends with a system call each (some 0.2 us), and is meant
 * for what takes 10 ms and more.  It costs nothing else until it is preempted,
 * and that costs some us.
 *
 * The signal (WEFT_PREEMPT_SIGNAL, 60) is taken from the program when the first
 * such G is started, and given back by weft_stop().  It is blocked in each
 * kernel thread of weft but in a stretch, so that no other G ever sees it.
 */
#ifndef WEFT_PREEMPT_H
#define WEFT_PREEMPT_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * weft_preempt_enable() - a stretch begins
 *
 * Only code of the program or shared object that makes this call is
 * interrupted, not what it calls in others.
 *
 * Return: 0; -EPERM in a G without the attribute "preemptible" and on an
 * ordinary thread, -EBUSY in a stretch: they do not nest.
 */
int weft_preempt_enable(void);

/**
 * weft_preempt_disable() - the stretch is over
 *
 * From its return on the G is not preempted.
 *
 * Return: 0; -EPERM outside of a stretch.
 */
int weft_preempt_disable(void);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_PREEMPT_H */
