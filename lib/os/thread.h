/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * thread.h - kernel threads of the runtime, and what the kernel says of them.
 */
#ifndef WEFT__THREAD_H
#define WEFT__THREAD_H

#include "arch/compiler.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#define WEFT__THREAD_NAME 16

/**
 * struct weft__thread_attr - how a thread is to be
 * @name:	at most 15 characters: "weft-m3"
 * @cpus:	the CPUs that it may run on; NULL: as its creator
 * @setsize:	size of @cpus in bytes
 * @stack:	bytes of stack; 0: the system's default
 */
struct weft__thread_attr {
	char name[WEFT__THREAD_NAME];
	const cpu_set_t *cpus;
	size_t setsize;
	size_t stack;
};

/**
 * weft__thread_create() - start a joinable thread
 * @t:		its handle
 * @attr:	how it is to be
 * @fn:		its function
 * @arg:	its argument
 *
 * It starts with all signals blocked but those that the thread itself causes
 * (SEGV, BUS, FPE, ILL, TRAP, SYS): the others belong to the host program.  Its
 * timers are exact to 1 ns (the kernel's default slack is 50 us).  That @cpus
 * cannot be had is no error, for no argument rests on binding.
 *
 * Return: 0, -EAGAIN, -ENOMEM.
 */
int weft__thread_create(pthread_t *t, const struct weft__thread_attr *attr,
			void *(*fn)(void *), void *arg);

/** weft__thread_sigmask() - the set that such a thread blocks */
void weft__thread_sigmask(sigset_t *set);

/** weft__thread_bind() - bind a thread (0: oneself) to CPUs; 0 or -errno */
int weft__thread_bind(int tid, const cpu_set_t *cpus, size_t setsize);

/**
 * weft__thread_short_slice() - the calling thread runs briefly and often
 *
 * Asks for the shortest slice, 0.1 ms.  Since Linux 6.12 a thread that wakes
 * then preempts one with a longer slice, and does not wait for that to end;
 * earlier kernels and those that refuse lose nothing.
 */
void weft__thread_short_slice(void);

/**
 * weft__thread_idle_class() - the calling thread runs when nobody else wants to
 *
 * SCHED_IDLE: needs no privilege, but cannot be left without one, and threads
 * inherit it.
 *
 * Return: 0 or -errno.
 */
int weft__thread_idle_class(void);

/**
 * weft__thread_relax() - wait a little for what another thread does soon
 * @round:	how often the caller has looked in vain
 *
 * That thread may be preempted, and wait for this very CPU: first a pause, then
 * sched_yield(), and where that does not help, as among priorities, a sleep.
 */
void weft__thread_relax(u32 round);

/** weft__gettid() - the kernel's number of the calling thread */
int weft__gettid(void);

/**
 * weft__thread_state() - what a thread of this process does
 * @tid:	its number
 *
 * Return: 'R' running or runnable, 'S' sleeping, 'D' in the kernel, not to be
 * interrupted, 'T', 't', 'Z', 'X', ... as in proc(5); 0 if it is gone or /proc
 * cannot be read.
 */
char weft__thread_state(int tid);

/**
 * weft__thread_stat_open() - for who asks often
 * @tid:	its number
 *
 * Return: a descriptor for weft__thread_stat(), or a negative errno.
 */
int weft__thread_stat_open(int tid);

/**
 * weft__thread_stat() - state and CPU, by a descriptor
 * @fd:		from weft__thread_stat_open()
 * @cpu:	where it runs or ran last; -1 if not told.  May be NULL.
 *
 * Return: as weft__thread_state().
 */
char weft__thread_stat(int fd, int *cpu);

/** weft__thread_stat_close() - close it */
void weft__thread_stat_close(int fd);

/**
 * struct weft__thread_call - where a thread sleeps in the kernel
 * @nr:		number of the system call; -1: none, a page fault for example
 * @pc:		where it goes on in user mode; 0 if not told
 */
struct weft__thread_call {
	int nr;
	u64 pc;
};

/**
 * weft__thread_call_open() - for weft__thread_call()
 * @tid:	a thread of this process
 *
 * Return: a descriptor, or a negative errno.
 */
int weft__thread_call_open(int tid);

/**
 * weft__thread_call() - does a thread sleep, and in which call?
 * @fd:		from weft__thread_call_open()
 * @c:		where; written if it sleeps
 *
 * Half the price of weft__thread_stat(); but on a thread that was preempted on
 * its way into sleep the kernel waits up to a tick.
 *
 * Return: 1 if it sleeps, 0 if it runs or wants to, or a negative errno.
 */
int weft__thread_call(int fd, struct weft__thread_call *c);

/** weft__thread_call_close() - close it, if it still is what was opened */
void weft__thread_call_close(int fd);

#endif /* WEFT__THREAD_H */
