/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * g.h - Gs: start, join, yield, sleep, keys.
 *
 * What a G keeps over a call that may switch: its registers, stack, FP control
 * words, weft_errno(), the C++ runtime's exception state.  What it does not
 * keep, since it may go on on another kernel thread: an address of errno or of
 * a thread-local variable that the compiler kept, the signal mask, the locale
 * of uselocale(), pthread cancellation, and ownership of recursive,
 * error-checking and PI mutexes and of FILE locks.
 *
 * Unless it says otherwise, a call may be used from a G and from any ordinary
 * thread while a runtime is there (without one: -EPERM; after fork: -ECHILD),
 * and from no signal handler.
 */
#ifndef WEFT_G_H
#define WEFT_G_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define weft_noreturn [[noreturn]]
#else
#define weft_noreturn _Noreturn
#endif

struct weft_g;

/** weft_fn - what a G runs; what it returns goes to who joins it */
typedef void *weft_fn(void *arg);

/**
 * struct weft_attr - attributes of a new G
 * @sz:		sizeof(struct weft_attr)
 * @stack:	bytes of stack; 0: the runtime's default
 * @name:	shown in reports; must live as long as the G.  May be NULL.
 * @preemptible: not 0: it may open stretches in which it is preempted
 *		(preempt.h)
 * @policy_word: what the program tells a scheduling policy of it (policy.h);
 *		0: as its parent
 * @block_ns:	hints (hint.h): how long a blocking call takes
 * @slice_ns:	its slice
 * @handoff:	enum weft_handoff
 * @urgency:	enum weft_urgency
 */
struct weft_attr {
	size_t sz;
	size_t stack;
	const char *name;
	unsigned int preemptible;
	uint64_t policy_word;
	int64_t block_ns;
	int64_t slice_ns;
	unsigned int handoff;
	unsigned int urgency;
};

/**
 * weft_go() - start a detached G
 * @fn:		its function
 * @arg:	its argument
 *
 * Returns at once.  The G gets its stack when it first runs; a G that then
 * finds no memory for one waits until another G ends.
 *
 * Return: 0, -EINVAL, -ENOMEM, -EPERM, -ECHILD.
 */
int weft_go(weft_fn *fn, void *arg);

/**
 * weft_spawn() - start a G that will be joined or detached
 * @gp:		where its handle goes
 * @attr:	attributes, or NULL
 * @fn:		its function
 * @arg:	its argument
 *
 * With a stack size of its own in @attr the stack is bound at once, so that
 * want of memory is seen here.
 *
 * Return: 0, -EINVAL, -ENOMEM, -EPERM, -ECHILD.  For a preemptible G also
 * -ENOTSUP, where that cannot be done (another architecture than x86-64, a
 * build with CONTEXT=ucontext, a static program), and -EBUSY, if the program
 * has a handler for the signal.
 */
int weft_spawn(struct weft_g **gp, const struct weft_attr *attr, weft_fn *fn,
	       void *arg);

/**
 * weft_join() - wait for a G to end, and release its handle
 * @g:		the G; each is joined or detached once
 * @ret:	where its result goes, or NULL
 *
 * A G that has not started yet runs right here, as a call on the caller's
 * stack, with its own identity.  As the ABI asks of any function, such a G
 * gives the FP control words back as it found them.
 *
 * Return: 0; -EDEADLK for oneself, -EINVAL for NULL or a detached G, -EBUSY if
 * another G waits in a join already.  A handle that was released already is a
 * bug of the caller: reported, then abort.
 */
int weft_join(struct weft_g *g, void **ret);

/**
 * weft_join_until() - as weft_join(), but wait no longer than @deadline_ns
 * @g:		the G
 * @ret:	where its result goes, or NULL
 * @deadline_ns: on CLOCK_MONOTONIC; WEFT_POLL does not wait
 *
 * Return: also -ETIMEDOUT; the handle then is still the caller's.
 */
int weft_join_until(struct weft_g *g, void **ret, int64_t deadline_ns);

/**
 * weft_detach() - release a handle without waiting
 * @g:		the G
 *
 * Return: 0; -EINVAL for NULL or a detached G, -EBUSY if it is being joined.
 */
int weft_detach(struct weft_g *g);

/** weft_self() - the G that calls; NULL on an ordinary thread */
struct weft_g *weft_self(void);

/** weft_id() - the number of @g, as in reports; never used twice */
uint64_t weft_id(const struct weft_g *g);

/**
 * weft_exit() - end the calling G
 * @ret:	its result
 *
 * The stack is unwound, as by pthread_exit(): C++ destructors run, and C
 * cleanups in code that was compiled with -fexceptions.  In a build with
 * CONTEXT=ucontext neither does.  On an ordinary thread: a report, then abort.
 */
weft_noreturn void weft_exit(void *ret);

/**
 * weft_yield() - let the other Gs that wait here run first
 *
 * On an ordinary thread: sched_yield().
 */
void weft_yield(void);

/**
 * weft_checkpoint() - yield if the slice is over
 *
 * For long computations; costs a few loads when it is not over.
 */
void weft_checkpoint(void);

/**
 * weft_sleep() - stop running for @ns nanoseconds
 * @ns:		0 or less: as weft_yield()
 *
 * Return: 0, -ENOMEM.
 */
int weft_sleep(int64_t ns);

/**
 * weft_errno() - errno of the calling G, read afresh
 *
 * A compiler may keep the address of errno over a call that switches, and
 * another kernel thread's errno lives there afterwards; this call does not.
 */
int weft_errno(void);

/**
 * weft_lock_thread() - bind the calling G to its kernel thread
 *
 * Until as many weft_unlock_thread() calls it runs on no other thread, and no
 * other G runs on this one.
 *
 * Return: 0; -EPERM on an ordinary thread, -EAGAIN if there is no other M and
 * none can be created: nobody could run the other Gs.
 */
int weft_lock_thread(void);

/** weft_unlock_thread() - undo one weft_lock_thread(); -EPERM if none */
int weft_unlock_thread(void);

/**
 * weft_fesetenv() - set FP control words that the G keeps
 * @mxcsr:	MXCSR; only its control bits are kept over a switch
 * @fpcw:	x87 control word
 *
 * Needed under WEFT_FPENV_DECLARED only.  -ENOTSUP where the machine has no
 * such words, -EPERM on an ordinary thread.
 */
int weft_fesetenv(uint32_t mxcsr, uint16_t fpcw);

/** weft_key - names a value that each G has for itself */
typedef uint32_t weft_key;

/** WEFT_KEYS_MAX - how many keys there are at most */
#define WEFT_KEYS_MAX 128

/**
 * weft_key_create() - make a key
 * @key:	where it goes
 * @dtor:	called at a G's end with its value if that is not NULL; may be
 *		NULL.  Up to four rounds, as for POSIX thread keys.
 *
 * Keys need no runtime and outlive it.
 *
 * Return: 0, -EINVAL, -EAGAIN when all keys are in use.
 */
int weft_key_create(weft_key *key, void (*dtor)(void *));

/** weft_key_delete() - give a key back; no destructor runs; -EINVAL */
int weft_key_delete(weft_key key);

/** weft_key_get() - the calling G's value; NULL if none */
void *weft_key_get(weft_key key);

/** weft_key_set() - set it; -EINVAL, -ENOMEM, -EPERM on an ordinary thread */
int weft_key_set(weft_key key, const void *val);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_G_H */
