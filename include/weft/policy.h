/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * policy.h - scheduling policies: the program says which G runs next, where.
 *
 * A policy is a struct of callbacks with the names and meanings of Linux's
 * sched_ext.  What is a task there is a G here, and **a "cpu" is a P's number**,
 * from 0 to weft_nr_cpus() - 1: a P is what Gs are dispatched to.
 *
 *	wakes, or is new	select_cpu, runnable, enqueue
 *	its turn comes		dispatch, running
 *	yields, slice over	stopping(true), enqueue
 *	parks			stopping(false), quiescent
 *	first, last		init_task, exit_task
 *
 * Gs wait in dispatch queues (DSQs): a LOCAL one for each P, from which that P
 * runs Gs; a GLOBAL one for each node, which a P looks at when its LOCAL one
 * is empty; and those that the policy makes, in order of arrival or of a
 * virtual time.  enqueue() inserts the G somewhere, or keeps it; when a P has
 * nothing to run dispatch() inserts, or moves from a DSQ to the LOCAL one.
 *
 * Callbacks run on any thread that makes a G runnable (an M, an ordinary
 * thread, the monitor), on several at a time, and enqueue() may run on the
 * stack of a G.  They are short, and call nothing of weft but what this header
 * declares: nothing that starts, wakes, parks or yields a G.  They may use a
 * lock of their own that is held briefly.
 *
 * A policy that breaks its contract is ejected: what is wrong goes to stderr,
 * and the built-in policy goes on with every G.  Documentation/policies.md has
 * examples, and says what counts as a breach.
 */
#ifndef WEFT_POLICY_H
#define WEFT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weft_g;

/** WEFT_SLICE_DFL - the default slice: 10 ms */
#define WEFT_SLICE_DFL UINT64_C(10000000)
/** WEFT_SLICE_INF - a slice that does not end */
#define WEFT_SLICE_INF UINT64_MAX

/*
 * Numbers of DSQs.  A policy's own are those without the highest bit.
 * LOCAL is that of the P that the G is for: in dispatch() the P that asks.
 * WEFT_DSQ_LOCAL_ON | n is that of P n.
 */
#define WEFT_DSQ_BUILTIN (UINT64_C(1) << 63)
#define WEFT_DSQ_GLOBAL (WEFT_DSQ_BUILTIN | 1)
#define WEFT_DSQ_LOCAL (WEFT_DSQ_BUILTIN | 2)
#define WEFT_DSQ_LOCAL_ON (WEFT_DSQ_BUILTIN | UINT64_C(1) << 62)

/* Flags of an insertion; runnable() and enqueue() are told the first two. */
#define WEFT_ENQ_WAKEUP UINT64_C(1)	/* it waited, or is new */
#define WEFT_ENQ_REENQ UINT64_C(2)	/* given back: its P is gone, say */
#define WEFT_ENQ_HEAD UINT64_C(4)	/* before all others, not behind */
#define WEFT_ENQ_PREEMPT UINT64_C(8)	/* LOCAL: who runs there is to yield */

/* weft_kick_cpu() */
#define WEFT_KICK_IDLE UINT64_C(0)
#define WEFT_KICK_PREEMPT UINT64_C(1)	/* who runs there is to yield */

/**
 * struct weft_sched_entity - what library, policy and program know of a G
 * @slice:	ns that it may run; what is left of it in stopping().  Written
 *		by an insertion.
 * @vtime:	its virtual time; written by weft_dsq_insert_vtime(), and free
 *		for the policy's use
 * @word:	what the program tells the policy: weft_attr.policy_word,
 *		weft_policy_word().  A new G inherits it.
 * @data:	the policy's
 *
 * weft_entity() gives it, from init_task() to exit_task().
 */
struct weft_sched_entity {
	uint64_t slice;
	uint64_t vtime;
	uint64_t word;
	void *data;
};

enum weft_exit_kind {
	WEFT_EXIT_NONE,
	WEFT_EXIT_DONE,		/* the runtime stops */
	WEFT_EXIT_ERROR,	/* it broke its contract */
	WEFT_EXIT_STALL,	/* a G waited for too long */
};

/**
 * struct weft_exit_info - why exit() is called
 * @kind:	as above
 * @msg:	what was said on stderr, or ""
 */
struct weft_exit_info {
	enum weft_exit_kind kind;
	const char *msg;
};

/**
 * struct weft_sched_ops - a policy
 * @sz:		sizeof(struct weft_sched_ops); lets the struct grow
 * @name:	letters, digits, _ - and .; at most 63
 * @timeout_ms:	a G that could have run and waits for longer than this has the
 *		policy ejected; 0: 5000
 * @select_cpu:	@g wakes, or is new: the P where it is to run; a hint, which P
 *		to wake.  A G that is inserted here is not enqueued: LOCAL is
 *		then that of the P returned.  NULL: weft_select_cpu_dfl()
 * @enqueue:	@g waits: insert it, or keep it to insert it in dispatch().
 *		NULL: into GLOBAL
 * @dispatch:	P @cpu has nothing to run: insert Gs, or move them to its LOCAL
 *		DSQ.  Not called while nothing waits.  @prev is NULL: who ran
 *		before, and still is runnable, has been enqueued by now.
 * @runnable:	@g became runnable
 * @running:	@g begins to run; weft_g_cpu() says where
 * @stopping:	@g stops running; @runnable: but will go on
 * @quiescent:	@g waits for something, or ended
 * @init_task:	@g is new to the policy; an error leaves it to the built-in
 *		global queue until it wakes or yields again
 * @exit_task:	@g ended, or the policy goes; called if init_task() was
 * @dump:	write to @fd what a reader of weft_dump() wants to know; maybe
 *		while other callbacks run
 * @init:	the runtime starts: make DSQs; an error is what weft_start()
 *		answers
 * @exit:	it stops, or the policy was ejected: no other callback runs, nor
 *		will one
 *
 * All but @sz and @name may be NULL.
 */
struct weft_sched_ops {
	size_t sz;
	const char *name;
	uint32_t timeout_ms;
	int32_t (*select_cpu)(struct weft_g *g, int32_t prev_cpu,
			      uint64_t wake_flags);
	void (*enqueue)(struct weft_g *g, uint64_t enq_flags);
	void (*dispatch)(int32_t cpu, struct weft_g *prev);
	void (*runnable)(struct weft_g *g, uint64_t enq_flags);
	void (*running)(struct weft_g *g);
	void (*stopping)(struct weft_g *g, bool runnable);
	void (*quiescent)(struct weft_g *g, uint64_t deq_flags);
	int (*init_task)(struct weft_g *g);
	void (*exit_task)(struct weft_g *g);
	void (*dump)(int fd);
	int (*init)(void);
	void (*exit)(const struct weft_exit_info *info);
};

/* ---- choosing a policy: by the program, before it starts the runtime ---- */

/**
 * weft_policy_register() - make a policy known by its name
 * @ops:	must live as long as the process
 *
 * WEFT_POLICY=NAME then chooses it.
 *
 * Return: 0; -EINVAL if something is wrong with it (on stderr), -EEXIST if
 * another policy has its name, -ENOMEM.
 */
int weft_policy_register(const struct weft_sched_ops *ops);

/**
 * weft_policy_set() - the policy of the starts that follow
 * @ops:	registered, too; NULL: the built-in one
 *
 * weft_opts.policy goes before it, and WEFT_POLICY before that.
 *
 * Return: as weft_policy_register(), but 0 if it was registered already.
 */
int weft_policy_set(const struct weft_sched_ops *ops);

/** weft_policy_name() - the policy that runs; "builtin" if none does */
const char *weft_policy_name(void);

/* ---- what the program tells the policy of a G ---- */

/**
 * weft_policy_word() - set the word of the calling G
 * @word:	what it means is between the program and the policy: a weight,
 *		a priority, a deadline
 *
 * weft_attr.policy_word is that of a new G.  Nothing happens where no policy
 * runs.
 *
 * Return: 0; -EPERM on an ordinary thread.
 */
int weft_policy_word(uint64_t word);

/* ---- for callbacks ---- */

/**
 * weft_entity() - what is known of @g
 *
 * Return: NULL if @g is NULL or the policy does not have it.
 */
struct weft_sched_entity *weft_entity(const struct weft_g *g);

/** weft_g_cpu() - the P that @g is for, runs on, or ran on last; or -EINVAL */
int32_t weft_g_cpu(const struct weft_g *g);

/** weft_nr_cpus() - Ps there may be: numbers are below this.  0: no policy */
uint32_t weft_nr_cpus(void);

/**
 * weft_create_dsq() - make a DSQ
 * @dsq_id:	its number
 * @node:	ignored; -1
 *
 * Context: init(), or any other callback.
 * Return: 0; -EINVAL for a number of a built-in one, -EEXIST, -ENOMEM, -EPERM
 * outside of callbacks.
 */
int weft_create_dsq(uint64_t dsq_id, int32_t node);

/** weft_destroy_dsq() - unmake it; -EBUSY if Gs wait there, -ENOENT, -EPERM */
int weft_destroy_dsq(uint64_t dsq_id);

/** weft_dsq_nr_queued() - Gs that wait there now; -ENOENT, -EPERM */
int32_t weft_dsq_nr_queued(uint64_t dsq_id);

/**
 * weft_dsq_insert() - put @g behind all others in a DSQ
 * @g:		in select_cpu() and enqueue() their G; in dispatch() one that
 *		enqueue() has kept
 * @dsq_id:	which DSQ
 * @slice:	ns that it may run, as weft_checkpoint() and joins see it; 0:
 *		WEFT_SLICE_DFL
 * @enq_flags:	WEFT_ENQ_*
 *
 * Return: 0; -EPERM outside of callbacks; -ECANCELED if the policy has been
 * ejected, maybe by this call.
 */
int weft_dsq_insert(struct weft_g *g, uint64_t dsq_id, uint64_t slice,
		    uint64_t enq_flags);

/**
 * weft_dsq_insert_vtime() - put @g into a DSQ in the order of virtual times
 * @vtime:	the least comes first; it may wrap around
 *
 * For the policy's own DSQs; none holds Gs of both kinds at a time.  As
 * weft_dsq_insert() else.
 */
int weft_dsq_insert_vtime(struct weft_g *g, uint64_t dsq_id, uint64_t slice,
			  uint64_t vtime, uint64_t enq_flags);

/**
 * weft_dsq_move_to_local() - move the first G of a DSQ to this P's LOCAL one
 *
 * Context: dispatch().
 * Return: whether there was one.
 */
bool weft_dsq_move_to_local(uint64_t dsq_id);

/**
 * weft_select_cpu_dfl() - the built-in choice: the last P, or an idle one
 * @is_idle:	whether it is idle now
 */
int32_t weft_select_cpu_dfl(struct weft_g *g, int32_t prev_cpu,
			    uint64_t wake_flags, bool *is_idle);

/** weft_kick_cpu() - have P @cpu look for work; WEFT_KICK_* */
void weft_kick_cpu(int32_t cpu, uint64_t flags);

/** weft_policy_error() - the policy gives up: it is ejected with this text */
void weft_policy_error(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif

#endif /* WEFT_POLICY_H */
