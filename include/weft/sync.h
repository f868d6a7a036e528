/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * sync.h - mutex, rwlock, condition, semaphore, wait group, once, barrier,
 * event.
 *
 * Each may be used by Gs and by ordinary threads at the same time; who waits
 * is a G that parks, or a thread on a futex.  Who waits longest is served
 * first, but for a mutex, see there.  Ordinary threads may use them before a
 * runtime is started, too.
 *
 * All zero is a valid object, where nothing else is said, and needs no end.  An
 * object must stay until every call on it has returned, also the call that
 * wakes the last waiter.  None is for signal handlers.
 *
 * Deadlines are on CLOCK_MONOTONIC, in ns; WEFT_FOREVER never comes.  Besides
 * what stands at each call, those that wait return -ETIMEDOUT if they have a
 * deadline, -ENOMEM if a timer needs memory that is not there, -ECHILD in the
 * child of a fork, and -EPERM in a signal handler, as far as that can be seen.
 */
#ifndef WEFT_SYNC_H
#define WEFT_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mutex ---- */

/**
 * struct weft_mutex - held by one G or thread; the fields are the library's
 *
 * Without contention neither call has a LOCK prefix or a fence, as long as the
 * mutex is used from one CPU.  Who comes while it is free gets it, before who
 * waits; but who has waited for more than 1 ms is next.
 */
struct weft_mutex {
	uint64_t weft__lock[3];
	uint64_t weft__bias;
	uint64_t weft__holder;
	uint32_t weft__run, weft__limit;
	uint32_t weft__sig;
	uint32_t weft__state;
	void *weft__queue[2];
};

#define WEFT_MUTEX_INIT { { 0, 0, 0 }, 0, 0, 0, 0, 0, 0, { 0, 0 } }

/**
 * weft_mutex_lock() - take it, waiting until that is possible
 * @mx:		the mutex
 *
 * Return: 0; -EDEADLK if the caller holds it.
 */
int weft_mutex_lock(struct weft_mutex *mx);

/** weft_mutex_try() - take it if it is free: 0, else -EBUSY */
int weft_mutex_try(struct weft_mutex *mx);

/** weft_mutex_until() - weft_mutex_lock(), but no longer than @deadline_ns */
int weft_mutex_until(struct weft_mutex *mx, int64_t deadline_ns);

/**
 * weft_mutex_unlock() - give it back
 * @mx:		the mutex
 *
 * Return: 0; -EPERM if the caller does not hold it.
 */
int weft_mutex_unlock(struct weft_mutex *mx);

/* ---- rwlock ---- */

/**
 * struct weft_rwlock - held by any number of readers, or by one writer
 *
 * First come, first served: a reader that comes while a writer waits, waits
 * behind it.  So one that holds it for reading must not take it once more.
 */
struct weft_rwlock {
	uint64_t weft__lock[3];
	uint64_t weft__readers;
	uint64_t weft__writer;
	void *weft__queue[2];
};

#define WEFT_RWLOCK_INIT { { 0, 0, 0 }, 0, 0, { 0, 0 } }

/** weft_rwlock_read() - take it for reading: 0; -EDEADLK: held for writing */
int weft_rwlock_read(struct weft_rwlock *rw);
/** weft_rwlock_read_try() - the same without waiting: 0, else -EBUSY */
int weft_rwlock_read_try(struct weft_rwlock *rw);
/** weft_rwlock_read_until() - the same, but no longer than @deadline_ns */
int weft_rwlock_read_until(struct weft_rwlock *rw, int64_t deadline_ns);
/** weft_rwlock_read_unlock() - give it back: 0; -EPERM: nobody reads */
int weft_rwlock_read_unlock(struct weft_rwlock *rw);

/** weft_rwlock_write() - take it for writing: 0; -EDEADLK if the caller has */
int weft_rwlock_write(struct weft_rwlock *rw);
/** weft_rwlock_write_try() - the same without waiting: 0, else -EBUSY */
int weft_rwlock_write_try(struct weft_rwlock *rw);
/** weft_rwlock_write_until() - the same, but no longer than @deadline_ns */
int weft_rwlock_write_until(struct weft_rwlock *rw, int64_t deadline_ns);
/** weft_rwlock_write_unlock() - give it back: 0; -EPERM: not the caller's */
int weft_rwlock_write_unlock(struct weft_rwlock *rw);

/* ---- condition ---- */

/** struct weft_cond - waiters for what a mutex guards */
struct weft_cond {
	uint64_t weft__lock[3];
	void *weft__queue[2];
};

#define WEFT_COND_INIT { { 0, 0, 0 }, { 0, 0 } }

/**
 * weft_cond_wait() - give @mx back, wait for a signal, take @mx again
 * @c:		the condition
 * @mx:		held by the caller
 *
 * Only a signal ends it, and a later waiter cannot take that away; but what
 * was true then may be over when the mutex is held again.
 *
 * Return: 0, with @mx held; -EPERM at once if the caller does not hold it.
 */
int weft_cond_wait(struct weft_cond *c, struct weft_mutex *mx);

/**
 * weft_cond_wait_until() - the same, but no longer than @deadline_ns
 * @c:		the condition
 * @mx:		held by the caller
 * @deadline_ns: after it, -ETIMEDOUT, with @mx held
 */
int weft_cond_wait_until(struct weft_cond *c, struct weft_mutex *mx,
			 int64_t deadline_ns);

/** weft_cond_signal() - wake who waits longest, if anybody does: 0 */
int weft_cond_signal(struct weft_cond *c);
/** weft_cond_broadcast() - wake all that wait: 0 */
int weft_cond_broadcast(struct weft_cond *c);

/* ---- semaphore ---- */

/** struct weft_sem - a number of permits */
struct weft_sem {
	uint64_t weft__lock[3];
	uint64_t weft__count;
	void *weft__queue[2];
};

#define WEFT_SEM_MAX ((uint64_t)INT64_MAX)
#define WEFT_SEM_INIT(n) { { 0, 0, 0 }, (n), { 0, 0 } }

/** weft_sem_acquire() - take a permit, waiting until there is one: 0 */
int weft_sem_acquire(struct weft_sem *s);
/** weft_sem_try() - take a permit if there is one: 0, else -EAGAIN */
int weft_sem_try(struct weft_sem *s);
/** weft_sem_until() - take a permit, waiting no longer than @deadline_ns */
int weft_sem_until(struct weft_sem *s, int64_t deadline_ns);

/**
 * weft_sem_release() - add permits
 * @s:		the semaphore
 * @n:		how many; they go to those who wait first
 *
 * Return: 0; -EOVERFLOW, and nothing was added, beyond WEFT_SEM_MAX.
 */
int weft_sem_release(struct weft_sem *s, uint64_t n);

/** weft_sem_value() - permits that are there; may be over when it returns */
uint64_t weft_sem_value(const struct weft_sem *s);

/* ---- wait group ---- */

/** struct weft_wg - counts work; may be used again when it is at zero */
struct weft_wg {
	uint64_t weft__lock[3];
	int64_t weft__count;
	void *weft__queue[2];
};

#define WEFT_WG_INIT { { 0, 0, 0 }, 0, { 0, 0 } }

/**
 * weft_wg_add() - add to the count
 * @wg:		the wait group
 * @n:		may be negative; at zero, all that wait go on
 *
 * Return: 0; -EINVAL, and nothing was added, below zero; -EOVERFLOW.
 */
int weft_wg_add(struct weft_wg *wg, int64_t n);
/** weft_wg_done() - the same as weft_wg_add(wg, -1) */
int weft_wg_done(struct weft_wg *wg);
/** weft_wg_wait() - wait until the count is zero: 0 */
int weft_wg_wait(struct weft_wg *wg);
/** weft_wg_wait_until() - the same, but no longer than @deadline_ns */
int weft_wg_wait_until(struct weft_wg *wg, int64_t deadline_ns);

/* ---- once ---- */

/** struct weft_once - something that is done once */
struct weft_once {
	uint64_t weft__lock[3];
	uint64_t weft__state;
	uint64_t weft__holder;
	void *weft__queue[2];
};

#define WEFT_ONCE_INIT { { 0, 0, 0 }, 0, 0, { 0, 0 } }

/**
 * weft_once_do() - call @fn, unless that was done before
 * @once:	the object
 * @fn:		must return: not weft_exit(), nor longjmp() out of it
 * @arg:	for @fn
 *
 * When it returns 0, one call of @fn has returned, this one's or another's.
 *
 * Return: 0; -EDEADLK from within @fn.
 */
int weft_once_do(struct weft_once *once, void (*fn)(void *), void *arg);

/* ---- barrier ---- */

/** struct weft_barrier - a number of Gs and threads that wait for each other */
struct weft_barrier {
	uint64_t weft__lock[3];
	uint32_t weft__need, weft__have;
	void *weft__queue[2];
};

#define WEFT_BARRIER_INIT(n) { { 0, 0, 0 }, (n), 0, { 0, 0 } }
#define WEFT_BARRIER_SERIAL 1

/**
 * weft_barrier_wait() - wait until as many are there as it is for
 * @b:		the barrier; then it may be used again at once
 *
 * Return: WEFT_BARRIER_SERIAL to one of them, 0 to the others; -EINVAL if it is
 * for nobody, as one that is all zero.
 */
int weft_barrier_wait(struct weft_barrier *b);

/* ---- event ---- */

/** struct weft_event - something that happens, once and for ever */
struct weft_event {
	uint64_t weft__lock[3];
	uint64_t weft__set;
	void *weft__queue[2];
};

#define WEFT_EVENT_INIT { { 0, 0, 0 }, 0, { 0, 0 } }

/** weft_event_set() - it has happened; all that wait go on: 0 */
int weft_event_set(struct weft_event *e);
/** weft_event_is_set() - has it?  What came before it is seen afterwards. */
bool weft_event_is_set(const struct weft_event *e);
/** weft_event_wait() - wait until it has happened: 0 */
int weft_event_wait(struct weft_event *e);
/** weft_event_until() - the same, but no longer than @deadline_ns */
int weft_event_until(struct weft_event *e, int64_t deadline_ns);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_SYNC_H */
