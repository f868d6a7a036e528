/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * park.h - the parker: one waiter, one permit.
 *
 * The base of everything that blocks a G.  weft_unpark() leaves a permit,
 * weft_park() takes it, waiting until there is one.  A permit is never lost
 * and never doubled: any number of unparks before a park leave one.  The
 * waiter may be a G or an ordinary thread; so may the waker.
 *
 * The word of a parker is biased to the CPU that used it last: there an unpark
 * is a restartable sequence with one plain store, no LOCK prefix and no fence.
 */
#ifndef WEFT_PARK_H
#define WEFT_PARK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct weft_parker - embed it where the waiter lives
 *
 * All zero is a valid parker, too.  The fields are the library's.
 */
struct weft_parker {
	uint64_t weft__bias;	/* {seat, version} */
	uint64_t weft__word;	/* 0, permit, or who waits */
	uint32_t weft__run;	/* shared operations in a row from one CPU */
	uint32_t weft__limit;	/* as many make it biased again */
	struct weft_parker *weft__next;	/* weft_unpark_signal's list */
};

#define WEFT_PARKER_INIT { 0, 0, 0, 0, 0 }

/**
 * weft_park() - wait for a permit, and take it
 * @p:		the parker
 *
 * Return: 0; -EBUSY if another waits on it.
 */
int weft_park(struct weft_parker *p);

/**
 * weft_park_until() - as weft_park(), but no longer than @deadline_ns
 * @p:		the parker
 * @deadline_ns: on CLOCK_MONOTONIC; WEFT_POLL only looks
 *
 * Return: 0; -ETIMEDOUT, and no permit was taken; -EBUSY, -ENOMEM.
 */
int weft_park_until(struct weft_parker *p, int64_t deadline_ns);

/**
 * weft_unpark() - leave a permit
 * @p:		the parker
 *
 * May be called when nobody waits, and from an ordinary thread.  Does not
 * touch *@p any more once the waiter can run: the waiter may free it.
 *
 * Return: 0, -EPERM without a runtime when a G waits, -ECHILD.
 */
int weft_unpark(struct weft_parker *p);

/**
 * weft_unpark_signal() - weft_unpark() for signal handlers
 * @p:		the parker; must stay valid until the permit was taken
 *
 * A push onto an atomic list and a futex wake, nothing else.  A handler that
 * may still come is nothing that the deadlock check of weft_run() can see:
 * where it is the only waker left, start with weft_start(), or keep a thread
 * that has called weft_thread_register().
 *
 * Return: 0, -EPERM without a runtime, -ECHILD.
 */
int weft_unpark_signal(struct weft_parker *p);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_PARK_H */
