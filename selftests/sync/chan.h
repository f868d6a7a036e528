/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chan.h - what the tests of channels share: Gs and threads that do something,
 * and an end that is waited for.
 */
#ifndef SELFTESTS_SYNC_CHAN_H
#define SELFTESTS_SYNC_CHAN_H

#include "../core/rt.h"

#include <sync/chan.h>

#define ACTORS_MAX 128

/* Who was started and has not ended. */
static u32 acting;
static struct actor {
	weft_fn *fn;
	void *arg;
	pthread_t t;
	bool thread;
} actors[ACTORS_MAX];
static u32 nactors;

static void *acts(void *arg)
{
	struct actor *a = arg;

	a->fn(a->arg);
	atomic_sub(&acting, 1);
	return NULL;
}

static inline bool act(weft_fn *fn, void *arg, bool thread)
{
	struct actor *a = &actors[nactors++];

	*a = (struct actor){ .fn = fn, .arg = arg, .thread = thread };
	atomic_add(&acting, 1);
	return thread ? !pthread_create(&a->t, NULL, acts, a) :
			!weft_go(acts, a);
}

/* All that act() started have ended. */
static inline bool all_ended(void)
{
	bool ok = AWAIT(!READ_ONCE(acting));
	u32 i;

	if (!ok)
		weft_dump(2);
	for (i = 0; ok && i < nactors; i++)
		if (actors[i].thread)
			ok = !pthread_join(actors[i].t, NULL);
	nactors = 0;
	return ok;
}

/* A body as a G, and as a thread. */
#define EVERYWHERE(fn)                                                        \
	do {                                                                  \
		ASSERT_EQ(0, rt_start(0));                                    \
		ASSERT_TRUE(act(fn, NULL, false));                            \
		ASSERT_TRUE(all_ended());                                     \
		ASSERT_TRUE(act(fn, NULL, true));                             \
		ASSERT_TRUE(all_ended());                                     \
		DONE();                                                       \
	} while (0)

static inline u32 queued(const struct wqueue *q)
{
	const struct wnode *n;
	u32 k = 0;

	for (n = READ_ONCE(q->head); n; n = n->next)
		k++;
	return k;
}

/* How many wait in a channel, in both directions. */
static inline u32 chan_waiters(struct weft_chan *wc)
{
	struct chan *c = (struct chan *)wc;
	u32 k;

	clk_lock(weft__my_vcpu(), &c->lock);
	k = queued(&c->recvq) + queued(&c->sendq);
	clk_unlock(&c->lock);
	return k;
}

static inline struct weft_chan *chan_of_u64(size_t cap)
{
	return weft_chan_new(sizeof(u64), cap);
}

static inline void pass(void)
{
	if (this_m())
		weft_yield();
	else
		sched_yield();
}

static inline struct weft_case to_send(struct weft_chan *ch, u64 *v)
{
	return (struct weft_case){ .chan = ch, .op = WEFT_SEND, .elem = v };
}

static inline struct weft_case to_receive(struct weft_chan *ch, u64 *v)
{
	return (struct weft_case){ .chan = ch, .op = WEFT_RECV, .elem = v };
}

#endif /* SELFTESTS_SYNC_CHAN_H */
