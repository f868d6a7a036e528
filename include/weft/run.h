/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * run.h - the runtime: start, stop, number of processors, options.
 *
 * One runtime per process; it may be started and stopped any number of times,
 * also from a library that was loaded by dlopen().  After fork() every call
 * answers -ECHILD in the child until weft_start() or weft_run() builds a fresh
 * runtime there; exec, _exit and posix_spawn always work.
 *
 * Commands return 0 or a negative errno.  Times are int64_t nanoseconds,
 * deadlines are on CLOCK_MONOTONIC.
 */
#ifndef WEFT_RUN_H
#define WEFT_RUN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weft_sched_ops;

/** WEFT_FOREVER - a deadline that never comes */
#define WEFT_FOREVER INT64_MAX
/** WEFT_POLL - a deadline that has passed: do not wait */
#define WEFT_POLL ((int64_t)0)

/**
 * enum weft_bind - which CPUs an M may run on
 * @WEFT_BIND_DEFAULT:	as WEFT_BIND_NODE
 * @WEFT_BIND_NODE:	those of its node, within the mask of the process
 * @WEFT_BIND_CPU:	one; for machines of one's own, since a foreign process
 *			on that CPU then halves this M while others are free
 * @WEFT_BIND_NONE:	all of the process
 */
enum weft_bind {
	WEFT_BIND_DEFAULT,
	WEFT_BIND_NODE,
	WEFT_BIND_CPU,
	WEFT_BIND_NONE,
};

/**
 * enum weft_fpenv - what becomes of MXCSR and the x87 control word of a G
 * @WEFT_FPENV_DEFAULT:	as WEFT_FPENV_KEEP
 * @WEFT_FPENV_KEEP:	stored and loaded at each switch, as the ABI asks
 * @WEFT_FPENV_DECLARED: loaded at each resume, never stored: a G keeps what it
 *			set through weft_fesetenv(), and loses what it set in
 *			another way.  Saves 3 to 4 ns a switch where storing
 *			MXCSR is slow.
 */
enum weft_fpenv {
	WEFT_FPENV_DEFAULT,
	WEFT_FPENV_KEEP,
	WEFT_FPENV_DECLARED,
};

/**
 * enum weft_clock - the clock of all deadlines, and of weft_now()
 * @WEFT_CLOCK_DEFAULT:	as WEFT_CLOCK_REAL
 * @WEFT_CLOCK_REAL:	CLOCK_MONOTONIC
 * @WEFT_CLOCK_VIRTUAL:	for tests, as in Go's synctest: it starts at
 *			946684800000000000 (2000-01-01 00:00 UTC), stands while
 *			any G runs, can run or is in a call of the kernel, and
 *			moves on to the next deadline when all of them wait
 */
enum weft_clock {
	WEFT_CLOCK_DEFAULT,
	WEFT_CLOCK_REAL,
	WEFT_CLOCK_VIRTUAL,
};

/**
 * struct weft_opts - options of a runtime
 * @sz:		sizeof(struct weft_opts); lets the struct grow
 * @procs:	number of processors; 0: the smallest of the CPUs in the
 *		affinity mask and the cgroup's quota, rounded up
 * @stack:	bytes of stack of a G; 0: 65536.  Rounded up to a power of two.
 *		Only touched pages use memory.
 * @max_m:	most kernel threads that run Gs; 0: 10000
 * @bind:	which CPUs an M may run on
 * @fpenv:	FP control words of a G
 * @on_deadlock: called on a thread of the runtime, once each time, when every
 *		G is parked and no timer, registered thread or M in the kernel
 *		can wake one; NULL: nobody asks.  Not for weft_run(), which
 *		reports and exits with status 2.
 * @on_deadlock_arg: its argument
 * @policy:	who runs next (policy.h); NULL: that of weft_policy_set(), or
 *		the built-in one.  WEFT_POLICY goes before it.
 * @clock:	what time is.  If it is virtual, ordinary threads hold it only
 *		while they are registered (weft_thread_register()), and what
 *		they wait for takes real time.
 *
 * Zero means default.  A variable of the environment (WEFT_PROCS, WEFT_STACK,
 * ...; weft-topo --help lists them) goes before the field of the same name, so
 * that whoever runs a program has the last word.
 */
struct weft_opts {
	size_t sz;
	unsigned int procs;
	unsigned int max_m;
	size_t stack;
	enum weft_bind bind;
	enum weft_fpenv fpenv;
	void (*on_deadlock)(void *arg);
	void *on_deadlock_arg;
	const struct weft_sched_ops *policy;
	enum weft_clock clock;
};

/**
 * weft_run() - run @fn as the first G until it and all other Gs have ended
 * @fn:		the first G's function
 * @arg:	its argument
 *
 * Starts the runtime, and stops it afterwards.  When every G is parked and
 * nothing outside can wake one, it lists all Gs on stderr and exits the
 * process with status 2.
 *
 * Context: an ordinary thread; not a G.
 * Return: what @fn returned; -EBUSY if a runtime is there already, -EINVAL for
 * a bad variable in the environment (named on stderr), -EAGAIN or -ENOMEM if
 * not even one kernel thread could be created.
 */
int weft_run(int (*fn)(void *), void *arg);

/**
 * weft_start() - start the runtime
 * @opts:	options, or NULL
 *
 * Context: an ordinary thread.
 * Return: 0; -EBUSY if it runs already, -EINVAL for a bad option (named on
 * stderr), -EPROTO if a part of the program was compiled with WEFT_INLINE
 * against another layout, -EAGAIN or -ENOMEM if it could not be started.
 */
int weft_start(const struct weft_opts *opts);

/**
 * weft_stop() - stop the runtime
 *
 * Waits for the Ms to end and gives their memory back.  No ordinary thread may
 * be inside a call of weft meanwhile.
 *
 * Context: an ordinary thread; not a G.
 * Return: 0; -EBUSY while a G is alive (the caller itself counts), -EINVAL if
 * there is no runtime, -ECHILD after fork.
 */
int weft_stop(void);

/**
 * weft_set_procs() - change the number of processors
 * @n:		1 to the number of CPUs in the affinity mask
 *
 * Gs that wait in a processor that goes are moved, not lost.  The Ms beyond
 * @n leave at their next entry into the scheduler.
 *
 * Context: anywhere but a signal handler.
 * Return: 0; -EINVAL if @n is out of range or there is no runtime; -ECHILD.
 */
int weft_set_procs(unsigned int n);

/** weft_procs() - the number of processors; 0 without a runtime */
unsigned int weft_procs(void);

/** weft_version() - the version of the library, as "0.1.0" */
const char *weft_version(void);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_RUN_H */
