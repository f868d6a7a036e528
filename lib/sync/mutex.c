// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * mutex.c - the mutex, when there is contention; see weft/sync.h.
 *
 * The word l is the mutex: 0, or its holder.  It is taken by a compare-and-swap
 * that is biased to a CPU (ds/bias.h), and given back by one plain store, which
 * needs no sequence: while the word is not 0, only the holder writes it.  So a
 * holder runs at full speed beside any number of waiters, if it can tell
 * without an atomic operation that there are any: that is sig, and this is how
 *
 *	waiter					unlock
 *
 *	lock lk; announced++; sig = 1; unlock	word = 0
 *	membarrier				(compiler barrier)
 *	word 0? take it, done			sig? lock lk, take one out
 *	lock lk; word 0? again
 *	announced--; into the queue; switch
 *	the next runner: unlock lk
 *
 * Either unlock's store is seen by the look behind the membarrier, or sig by
 * unlock, which then finds the waiter in the queue, or the lock lk taken by who
 * is about to enter it and looks at the word once more.  lk is not held over
 * the membarrier, nor over a compare-and-swap of l, which may need one.
 *
 * One waiter at most is on its way (woken, as Go's mutexWoken): sig is 0
 * meanwhile, so that the holder's streak goes on.  It owes: when it has the
 * mutex, or has given up, it clears woken under lk, and sets sig again if
 * others wait; as the holder it will see that itself, and else it has to
 * membarrier and look, as any waiter.  Who comes while one is on its way goes
 * to the queue at once, without a membarrier.
 *
 * Starvation, as Go's: a waiter that was woken, came too late and has waited
 * for more than 1 ms goes to the head of the queue and sets starving, and with
 * it sig.  Then unlock does not free the word, but writes the first waiter
 * there; so nobody comes in between.  It ends with the queue, or with a waiter
 * that was served within 1 ms.
 *
 * Without membarrier (TWIN_FENCE) sig always has SIG_FENCE: an unlock is then
 * an exchange, the fence_all() of a waiter a fence.
 *
 * Rejected: a bit for waiters in the word, which makes unlock a second
 * compare-and-swap, and costs a revocation whenever somebody waits (the streak
 * is over: 2 to 20 ns on 2 Ps).  Handing over at each unlock: a switch for
 * each pair of calls.  In its favour would be that unlock touches nothing once
 * the word is 0; as it is, the mutex must stay until unlock has returned.
 *
 * selftests/model/mutex.pml explores it.
 */
#include "object.h"

OBJECT(mutex);

#define STARVES_NS NSEC_PER_MSEC

/*
 * Looks before a waiter goes to sleep, and pauses between: each look that
 * succeeds moves the word's line here and back.
 */
#define LOOKS 4
#define PAUSES 30

enum { WOKEN, GRANTED };	/* wnode.ret */

/* ---- who one is ---- */

static __thread u32 thread_id;

u64 weft__holder_me(struct m *m)
{
	if (m)
		return (u64)m->cur;
	if (unlikely(!thread_id))
		thread_id = (u32)weft__gettid();
	return (u64)thread_id << 1 | HOLDER_THREAD;
}

/* ---- sig; lk is held ---- */

static void set_sig(struct mutex *mx)
{
	u32 sig = mx->starving ||
		  (!mx->woken && (mx->announced || !wq_empty(&mx->q)));

	if (weft__twin == TWIN_FENCE)
		sig |= SIG_FENCE;
	WRITE_ONCE(mx->sig, sig);
}

static bool is_free(struct mutex *mx)
{
	return !READ_ONCE(mx->l.word);
}

/* No lock held: a revocation needs a membarrier. */
static bool take(struct mutex *mx, u64 who)
{
	return is_free(mx) && bias_cas(weft__my_vcpu(), &mx->l, 0, who);
}

/* ---- wake ---- */

/* The first waiter is to try; unless one is on its way.  lk is held. */
static struct wnode *choose(struct mutex *mx, u64 *who)
{
	struct wnode *n = NULL;

	if (!mx->woken)
		n = wq_take(&mx->q, NULL, who);
	if (n) {
		n->ret = WOKEN;
		mx->woken = 1;
	}
	set_sig(mx);
	return n;
}

weft__noinline void weft__mutex_wake(struct mutex *mx)
{
	struct wnode *n;
	u64 who;

	lock(&mx->lk);
	n = choose(mx, &who);
	clk_unlock(&mx->lk);
	if (n)
		wake_who(this_m(), who);
}

/* The first waiter has it from here on.  lk is held. */
static struct wnode *hand_over(struct mutex *mx, u64 *who)
{
	struct wnode *n = wq_take(&mx->q, NULL, who);

	if (!n)
		return NULL;
	n->ret = GRANTED;
	if (wq_empty(&mx->q))
		mx->starving = 0;
	set_sig(mx);
	smp_store_release(&mx->l.word, (u64)n->data);
	return n;
}

weft__noinline int weft__mutex_unlock_slow(struct mutex *mx)
{
	struct m *m = this_m();
	struct wnode *n = NULL;
	u64 who;

	if (READ_ONCE(mx->l.word) != weft__holder_me(m))
		return -EPERM;
	lock(&mx->lk);
	if (mx->starving)
		n = hand_over(mx, &who);
	if (!n) {
		n = choose(mx, &who);
		if (weft__twin == TWIN_FENCE)
			(void)xchg(&mx->l.word, 0);
		else
			smp_store_release(&mx->l.word, 0);
	}
	clk_unlock(&mx->lk);
	if (n)
		wake_who(m, who);
	return 0;
}

/* ---- wait ---- */

/* The caller has it: what it owes to those who wait.  late: it starved. */
static void settle(struct mutex *mx, bool woken, bool late)
{
	lock(&mx->lk);
	if (woken)
		mx->woken = 0;
	if (wq_empty(&mx->q) || !late)
		mx->starving = 0;
	set_sig(mx);
	clk_unlock(&mx->lk);
}

/* It gives up; with woken others may count on it. */
static void give_up(struct mutex *mx, bool woken)
{
	bool others;

	lock(&mx->lk);
	if (woken)
		mx->woken = 0;
	if (wq_empty(&mx->q))
		mx->starving = 0;
	set_sig(mx);
	others = woken && !wq_empty(&mx->q);
	clk_unlock(&mx->lk);
	if (!others)
		return;
	fence_all();	/* as who announces itself: partner mutex_unlock() */
	if (is_free(mx))
		weft__mutex_wake(mx);
}

/*
 * sig is set, lk is not held.  True: it has the mutex; false: it has not, and
 * lk is held.
 */
static bool last_look(struct mutex *mx, u64 who)
{
	fence_all();	/* partner: the barrier in mutex_unlock() */
	do {
		if (take(mx, who)) {
			lock(&mx->lk);
			mx->announced--;
			set_sig(mx);
			clk_unlock(&mx->lk);
			return true;
		}
		lock(&mx->lk);
		if (!is_free(mx)) {
			mx->announced--;
			return false;
		}
		clk_unlock(&mx->lk);
	} while (true);
}

/* As last_look(); and if it has not, it is in the queue. */
static bool enter(struct mutex *mx, struct waiting *w, u64 me, bool again,
		  bool late)
{
	lock(&mx->lk);
	if (again)
		mx->woken = 0;
	if (late)
		mx->starving = 1;
	if (!mx->woken) {
		mx->announced++;
		set_sig(mx);
		clk_unlock(&mx->lk);
		if (last_look(mx, me))
			return true;
	}
	w->n.data = (void *)me;
	if (again)
		wq_push_front(&mx->q, &w->n);
	else
		wq_push(&mx->q, &w->n);
	set_sig(mx);
	return false;
}

static int wait_for(struct mutex *mx, u64 me, s64 deadline)
{
	bool again = false, late = false;
	struct waiting w;
	s64 start = 0;
	int r;

	for (;;) {
		r = weft__wait_begin(&w, &mx->lk, &mx->q, deadline);
		if (r) {
			give_up(mx, again);
			return r;
		}
		if (!start)
			start = weft__now();
		if (enter(mx, &w, me, again, late)) {
			weft__wait_none(&w);
			if (again)
				settle(mx, false, late);
			return 0;
		}
		r = weft__wait(&w, WAIT_MUTEX);
		if (r) {
			give_up(mx, false);
			return r;
		}
		late = weft__now() - start > STARVES_NS;
		if (w.n.ret == GRANTED) {
			settle(mx, false, late);
			return 0;
		}
		if (take(mx, me)) {
			settle(mx, true, late);
			return 0;
		}
		again = true;
	}
}

static bool look_around(struct mutex *mx, u64 me)
{
	u32 i, k;

	if (take(mx, me))
		return true;
	for (i = 0; i < LOOKS && READ_ONCE(S.nprocs) > 1; i++) {
		for (k = 0; k < PAUSES; k++)
			cpu_relax();
		if (take(mx, me))
			return true;
	}
	return false;
}

/* An unlock without membarrier has to fence: tell it so. */
static int taken(struct mutex *mx)
{
	if (weft__twin == TWIN_FENCE && !(READ_ONCE(mx->sig) & SIG_FENCE)) {
		lock(&mx->lk);
		set_sig(mx);
		clk_unlock(&mx->lk);
	}
	return 0;
}

weft__noinline int weft__mutex_lock_slow(struct mutex *mx, s64 deadline)
{
	u64 me = weft__holder_me(this_m());
	int r;

	if (READ_ONCE(mx->l.word) == me)
		return -EDEADLK;
	if (look_around(mx, me))
		return taken(mx);
	r = wait_for(mx, me, deadline);
	return r ? r : taken(mx);
}

/* ---- the calls ---- */

int weft_mutex_lock(struct weft_mutex *mx)
{
	return mutex_lock(to_mutex(mx));
}

int weft_mutex_try(struct weft_mutex *mx)
{
	return take(to_mutex(mx), weft__holder_me(this_m())) ?
		       taken(to_mutex(mx)) : -EBUSY;
}

int weft_mutex_until(struct weft_mutex *mx, int64_t deadline)
{
	struct m *m = this_m();
	u64 me = weft__holder_me(m);

	if (take(to_mutex(mx), me))
		return taken(to_mutex(mx));
	return weft__mutex_lock_slow(to_mutex(mx), deadline);
}

int weft_mutex_unlock(struct weft_mutex *mx)
{
	return mutex_unlock(to_mutex(mx));
}
