/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * hint.h - what a program knows of its Gs, and the scheduler cannot.
 *
 *	weft_hint_block(WEFT_BLOCK_SHORT);	reads what is in the cache
 *	weft_hint_urgency(WEFT_CRITICAL);	answers a heartbeat
 *
 * or, of a new G, in struct weft_attr: block_ns, handoff, urgency, slice_ns.
 *
 * A hint belongs to the G that gives it, and stays until it is changed.  It is
 * never needed: without any, blocked calls are noticed and slices end.  It may
 * be wrong: then something takes longer, and no longer than is said here.
 *
 * To change a hint is a store or two; the first may have to map memory.
 * A G with hints pays some 50 ns each time it leaves its kernel thread, one
 * without pays nothing.  While it runs its hints stand where tools and BPF
 * programs can read them (hint_page.h).
 *
 * A child that is joined before it ever ran runs inside of its joiner, and
 * under the joiner's hints up to its first park or its own first hint.
 */
#ifndef WEFT_HINT_H
#define WEFT_HINT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weft_g;

/** WEFT_BLOCK_UNKNOWN - the default */
#define WEFT_BLOCK_UNKNOWN INT64_C(0)
/** WEFT_BLOCK_SHORT - 50 us, for what takes some microseconds */
#define WEFT_BLOCK_SHORT INT64_C(50000)
/** WEFT_BLOCK_LONG - longer than it takes to wake a kernel thread, by far */
#define WEFT_BLOCK_LONG INT64_MAX

/** WEFT_HINT_SLICE_MIN, WEFT_HINT_SLICE_MAX - bounds of a slice, in ns */
#define WEFT_HINT_SLICE_MIN INT64_C(20000)
#define WEFT_HINT_SLICE_MAX INT64_C(1000000000)

/**
 * enum weft_handoff - what becomes of the P while the G blocks
 * @WEFT_HANDOFF_AUTO:	another kernel thread goes on with the other Gs once it
 *			is seen that this one sleeps
 * @WEFT_HANDOFF_NOW:	at once, in weft_block_begin_for(); elsewhere once it
 *			is seen to be in an announced section, asleep or not
 * @WEFT_HANDOFF_NEVER:	the other Gs wait: what the G holds should not be held
 *			for longer, or its calls are shorter than a handoff.
 *			Not for ever: after 100 ms it is done all the same
 */
enum weft_handoff {
	WEFT_HANDOFF_AUTO,
	WEFT_HANDOFF_NOW,
	WEFT_HANDOFF_NEVER,
};

/**
 * enum weft_urgency - how soon the G is to run
 * @WEFT_NORMAL:	when its turn comes
 * @WEFT_BATCH:		after others: on a P that has nothing else to run; but
 *			it waits no longer than 100 ms for them
 * @WEFT_CRITICAL:	first, when it is woken by weft_unpark(), by its
 *			deadline or at the end of weft_sleep(), and when it is
 *			new.  An idle kernel thread is woken for it.  If there
 *			is none, the slices of others are over: it runs when
 *			one of them calls weft for something that can switch,
 *			weft_checkpoint() included, or is preempted in a
 *			stretch (preempt.h)
 *
 * A policy that runs decides for itself.
 */
enum weft_urgency {
	WEFT_NORMAL,
	WEFT_BATCH,
	WEFT_CRITICAL,
};

/**
 * struct weft_hints - all hints of a G
 * @sz:		sizeof(struct weft_hints)
 * @block_ns:	weft_hint_block()
 * @slice_ns:	weft_hint_slice()
 * @near:	weft_id() of the G of weft_hint_near(), or 0
 * @handoff:	enum weft_handoff
 * @urgency:	enum weft_urgency
 */
struct weft_hints {
	size_t sz;
	int64_t block_ns;
	int64_t slice_ns;
	uint64_t near;
	unsigned int handoff;
	unsigned int urgency;
};

/**
 * weft_hint_block() - how long the calls that block are going to take
 * @ns:		WEFT_BLOCK_SHORT, WEFT_BLOCK_LONG, WEFT_BLOCK_UNKNOWN, or ns
 *
 * For calls of up to 1 ms the other Gs wait so long before another kernel
 * thread is woken for them; longer ones count as WEFT_BLOCK_LONG, and are
 * treated so by weft_block_begin_for() alone.
 *
 * Return: 0; -EINVAL for a negative number, -ENOMEM, -EPERM on an ordinary
 * thread.
 */
int weft_hint_block(int64_t ns);

/**
 * weft_hint_handoff() - whether other Gs go on while this one blocks
 * @how:	enum weft_handoff
 *
 * Return: 0; -EINVAL, -ENOMEM, -EPERM on an ordinary thread.
 */
int weft_hint_handoff(int how);

/**
 * weft_hint_urgency() - how soon the G is to run when it is woken
 * @how:	enum weft_urgency
 *
 * Critical Gs run briefly, or they are the ones that others wait for.
 *
 * Return: 0; -EINVAL, -ENOMEM, -EPERM on an ordinary thread.
 */
int weft_hint_urgency(int how);

/**
 * weft_hint_slice() - how long the G may run while others wait
 * @ns:		from WEFT_HINT_SLICE_MIN to WEFT_HINT_SLICE_MAX; 0: the default,
 *		10 ms
 *
 * As weft_checkpoint(), joins and preemption see it, and who puts another
 * kernel thread beside it.  It is measured at the monitor's tick (WEFT_SYSMON,
 * 1 ms), and a policy's slice goes before it.
 *
 * Return: 0; -EINVAL, -ENOMEM, -EPERM on an ordinary thread.
 */
int weft_hint_slice(int64_t ns);

/**
 * weft_hint_near() - this G and @g talk to each other
 * @g:		a G whose handle is valid; NULL: nobody
 *
 * When the one wakes the other, that goes on on the same P, and not on an idle
 * one; so they end up on one P.  One of the two may say so, or both.
 *
 * Return: 0; -EINVAL for oneself, -ENOMEM, -EPERM on an ordinary thread.
 */
int weft_hint_near(struct weft_g *g);

/**
 * weft_hints() - read the hints of a G
 * @g:		a G whose handle is valid, or that a policy has; NULL: oneself
 * @h:		where they go; @h->sz says how much the caller knows
 *
 * Those of another G that runs may change meanwhile.
 *
 * Return: 0; -EINVAL if @h is NULL or too small, -EPERM for oneself on an
 * ordinary thread.
 */
int weft_hints(const struct weft_g *g, struct weft_hints *h);

/**
 * weft_block_begin_for() - as weft_block_begin(), and say for how long
 * @ns:		as weft_hint_block(), which it includes
 *
 * If the calls are going to take 1 ms or more, or the G's hint is
 * WEFT_HANDOFF_NOW, its token goes to another kernel thread at once: the other
 * Gs go on without anybody having to notice anything.  That costs a wake-up of
 * a kernel thread.  If there is none, and none can be created, it is as
 * weft_block_begin().  weft_block_end() ends the section.
 *
 * On an ordinary thread nothing happens.
 *
 * Return: 0; -EINVAL for a negative number, -ENOMEM: then no section has
 * begun, and weft_block_end() does nothing.
 */
int weft_block_begin_for(int64_t ns);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_HINT_H */
