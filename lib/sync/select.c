// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * select.c - wait for several channels, do one thing.
 *
 * 1. Look, without a lock, which cases seem possible; choose one of these, each
 *    with the same chance; lock its channel and try.  A few times, if others
 *    were faster.
 * 2. Else put a node into the queue of each, one channel after the other.  If
 *    one turns out to be possible, the select takes its word (wait.h) for
 *    itself and does it; by then somebody may have taken one of its nodes, and
 *    then that is what happened.
 * 3. Wait; or, with WEFT_POLL, take the word: while its nodes were out none was
 *    possible, all at the same moment, or somebody would have taken one.
 * 4. Take out what is left.
 *
 * Never are two channels locked.  The law that holds a queue together is that
 * of a channel: while a node is in, and its word not decided, nobody who could
 * serve it passes it by.
 *
 * Two selects that meet would have to move two words at once.  Who looks takes
 * its own first, SETUP -> MINE, and then the other's.  If that fails, because
 * the other is gone or takes its own at the same time, it takes back all its
 * nodes, opens its word again, and begins from 1: whoever was served by its
 * nodes before passes them by while it is MINE, and is seen from 1 on.  Both
 * may do so at once; then they wait for a random time, so that one comes first.
 *
 * Rejected: all channels locked in the order of their addresses, as Go does.
 * A lock that is biased to another CPU costs a membarrier, which the others
 * would wait for; the order needs memory; and a preempted M holds them all.
 * Rejected: a case tried under its lock in the order of a random permutation:
 * as fair, but it locks channels that have nothing.  Rejected: begin at a
 * random case, take the first that is possible: of the possible ones, that
 * prefers those behind a long row of impossible ones.
 *
 * selftests/model/select.pml explores it.
 */
#include "../core/sched.h"
#include "chan.h"
#include "wait_until.h"

#include <weft/chan.h>
#include <weft/park.h>

#define TRIES 3

_Static_assert(sizeof(((struct weft_case *)0)->weft__node) ==
	       sizeof(struct wnode), "a case has room for its node");

static struct chan *chan_of(const struct weft_case *k)
{
	return (struct chan *)k->chan;
}

static struct wnode *node_of(struct weft_case *k)
{
	return (struct wnode *)k->weft__node;
}

static __thread u32 thread_rng;

static weft__noinline u32 thread_random(void)
{
	u32 x = thread_rng ? thread_rng : (u32)weft__gettid() * 2654435761u | 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return thread_rng = x;
}

/* Below n. */
static u32 random_below(u32 n)
{
	struct m *m = this_m();
	u32 r = m ? m_random(m) : thread_random();

	return (u32)((u64)r * n >> 32);
}

/* ---- one case ---- */

/*
 * Without the lock.  A "yes" may be wrong: a node of a select that is over.  A
 * "no" was right at the moment that one of the words was read: with a ring n
 * decides (who waits on the other side implies it), without one the queue does,
 * and what is closed remains so.
 */
static bool seems_possible(const struct weft_case *k)
{
	const struct chan *c = chan_of(k);

	if (!c)
		return false;
	if (k->op == WEFT_SEND)
		return READ_ONCE(c->n) < c->cap || !wq_looks_empty(&c->recvq) ||
		       READ_ONCE(c->closed);
	return READ_ONCE(c->n) || !wq_looks_empty(&c->sendq) ||
	       READ_ONCE(c->closed);
}

/* Lock held: is there a node that may be had, and is not the select's own? */
static bool has_other(const struct wqueue *q, const u64 *mine)
{
	const struct wnode *n;

	for (n = q->head; n; n = n->next)
		if (!n->sel || (n->sel != mine &&
				READ_ONCE(*n->sel) <= SEL_PARKED))
			return true;
	return false;
}

static bool possible(const struct weft_case *k, const u64 *mine)
{
	const struct chan *c = chan_of(k);

	if (k->op == WEFT_SEND)
		return c->closed || c->n < c->cap || has_other(&c->recvq, mine);
	return c->closed || c->n || has_other(&c->sendq, mine);
}

/* Lock held.  True: it is done. */
static bool do_case(struct weft_case *k, const u64 *mine, u64 *who)
{
	struct chan *c = chan_of(k);

	*who = 0;
	k->ret = 0;
	if (k->op == WEFT_SEND && !c->closed)
		return chan_give(c, k->elem, c->elem, mine, who);
	if (k->op == WEFT_RECV && chan_take(c, k->elem, c->elem, mine, who))
		return true;
	if (!c->closed)
		return false;
	if (k->op == WEFT_RECV)
		weft__chan_zero(k->elem, c->elem);
	k->ret = -EPIPE;
	return true;
}

/* No node is out. */
static bool try_case(struct weft_case *k)
{
	struct chan *c = chan_of(k);
	bool ok;
	u64 who;

	clk_lock(weft__my_vcpu(), &c->lock);
	ok = do_case(k, NULL, &who);
	clk_unlock(&c->lock);
	if (ok && who)
		wake_who(this_m(), who);
	return ok;
}

/* One of those that seem possible, or -1. */
static int choose(const struct weft_case *k, int n)
{
	int i, first = -1;
	u32 many = 0, nth;

	for (i = 0; i < n; i++)
		if (seems_possible(&k[i]) && !many++)
			first = i;
	if (many < 2)
		return first;
	for (i = first, nth = random_below(many); i < n; i++)
		if (seems_possible(&k[i]) && !nth--)
			return i;
	return first;
}

/* ---- nodes ---- */

/*
 * Who drops a node does not touch it, nor the channel for its sake, after it
 * has stored that it is out.  Who won may do so until he drops the lock, which
 * we take for that reason.
 */
static void take_back(struct weft_case *k, const u64 *sel)
{
	struct wnode *n = node_of(k);
	struct chan *c = chan_of(k);

	if (!c || (!smp_load_acquire(&n->in) && READ_ONCE(*sel) != (u64)n))
		return;
	clk_lock(weft__my_vcpu(), &c->lock);
	if (n->in)
		wq_del(k->op == WEFT_SEND ? &c->sendq : &c->recvq, n);
	clk_unlock(&c->lock);
}

static void take_all_back(struct weft_case *k, int n, const u64 *sel)
{
	int i;

	for (i = 0; i < n; i++)
		take_back(&k[i], sel);
}

static void clear_nodes(struct weft_case *k, int n)
{
	int i;

	for (i = 0; i < n; i++)
		node_of(&k[i])->in = 0;
}

enum put { PUT_OUT, PUT_DONE, PUT_AGAIN, PUT_WON };

static enum put put_out(struct weft_case *k, struct waiting *w, u64 *who)
{
	struct wnode *n = node_of(k);
	struct chan *c = chan_of(k);
	enum put r = PUT_OUT;

	*n = (struct wnode){ .who = w->n.who, .data = k->elem, .sel = &w->sel };
	clk_lock(weft__my_vcpu(), &c->lock);
	if (!possible(k, &w->sel))
		wq_push(k->op == WEFT_SEND ? &c->sendq : &c->recvq, n);
	else if (!cas(&w->sel, SEL_SETUP, SEL_MINE))
		r = PUT_WON;
	else
		r = do_case(k, &w->sel, who) ? PUT_DONE : PUT_AGAIN;
	clk_unlock(&c->lock);
	return r;
}

/* As long as all can be put out; from any case on, lest all do it alike. */
static enum put put_all_out(struct weft_case *k, int n, struct waiting *w,
			    int *did)
{
	int i, at = (int)random_below((u32)n);
	enum put r;
	u64 who = 0;

	for (i = 0; i < n; i++, at = at + 1 < n ? at + 1 : 0) {
		if (!k[at].chan)
			continue;
		r = put_out(&k[at], w, &who);
		if (r == PUT_OUT)
			continue;
		if (r == PUT_DONE && who)
			wake_who(this_m(), who);
		*did = at;
		return r;
	}
	return PUT_OUT;
}

/* ---- all of it ---- */

static int check(const struct weft_case *k, int n)
{
	const struct chan *c;
	int i;

	if (!this_m() && weft__check() == -ECHILD)
		return -ECHILD;
	if (n < 0 || (n && !k))
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (k[i].op != WEFT_SEND && k[i].op != WEFT_RECV)
			return -EINVAL;
		c = chan_of(&k[i]);
		if (c && k[i].op == WEFT_SEND && !k[i].elem && c->elem)
			return -EINVAL;
	}
	return 0;
}

static int first_look(struct weft_case *k, int n)
{
	int i, tries;

	for (tries = 0; tries < TRIES; tries++) {
		i = choose(k, n);
		if (i < 0)
			break;
		if (try_case(&k[i]))
			return i;
	}
	return -1;
}

static int channels(const struct weft_case *k, int n)
{
	int i, many = 0;

	for (i = 0; i < n; i++)
		many += k[i].chan != NULL;
	return many;
}

/* Another select and we have just been in one another's way. */
static void stand_aside(u32 round)
{
	u32 i = random_below(16u << (round < 8 ? round : 8));

	while (i--)
		cpu_relax();
}

/* Somebody took one of our nodes: what he did. */
static int done_by(struct weft_case *k, int n, const struct waiting *w)
{
	int i;

	for (i = 0; w->sel != (u64)node_of(&k[i]); i++)
		if (i == n)
			weft__bug(NULL, "a select was won by no case of it");
	k[i].ret = node_of(&k[i])->ret;
	return i;
}

/* All nodes are out: wait, or not. */
static int wait_out(struct waiting *w, bool poll)
{
	if (!poll)
		return weft__wait_select(w);
	return cas(&w->sel, SEL_SETUP, SEL_MINE) ? -EAGAIN : 0;
}

/* 1: again; else what weft_select() returns is in *ret. */
static int one_round(struct weft_case *k, int n, struct waiting *w, bool poll,
		     int *ret)
{
	int did = -1, r = 0;
	enum put put;

	/* The deadline's timer, which is armed, looks at it at any time. */
	WRITE_ONCE(w->sel, SEL_SETUP);
	clear_nodes(k, n);
	put = n ? put_all_out(k, n, w, &did) : PUT_OUT;
	if (put == PUT_OUT)
		r = wait_out(w, poll);
	take_all_back(k, n, &w->sel);
	if (put == PUT_AGAIN)
		return 1;
	if (put != PUT_OUT)
		weft__wait_none(w);
	if (put == PUT_DONE)
		*ret = did;
	else
		*ret = r ? r : done_by(k, n, w);
	return 0;
}

int weft_select(struct weft_case *k, int n, int64_t deadline)
{
	bool poll = deadline <= 0;
	struct waiting w;
	u32 round;
	int r, i;

	r = check(k, n);
	if (r)
		return r;
	i = first_look(k, n);
	if (i >= 0)
		return i;
	if (poll && channels(k, n) < 2)
		return -EAGAIN;
	r = weft__wait_begin(&w, NULL, NULL, poll ? INT64_MAX : deadline);
	if (r)
		return r;
	for (round = 0; one_round(k, n, &w, poll, &r); round++) {
		stand_aside(round);
		i = first_look(k, n);
		if (i >= 0) {
			weft__wait_none(&w);
			return i;
		}
	}
	return r;
}
