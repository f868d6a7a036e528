// SPDX-License-Identifier: GPL-2.0-only
/*
 * wait.c - the base of all that waits in a queue, by the smallest object that
 * can be made of it, a counter of permits: first in first out, nothing lost and
 * nothing doubled, whoever waits, wakes or comes too late; a select's word; and
 * an object that is gone as soon as its waiter has run.
 */
#include "../core/rt.h"

#include <sync/wait_until.h>

#include "kselftest_harness.h"

struct permits {
	struct clk lock;
	struct wqueue q;
	long n;
};

static struct permits s, s2;

static int down(struct permits *p, s64 deadline)
{
	struct waiting w;
	int r = weft__wait_begin(&w, &p->lock, &p->q, deadline);

	if (r)
		return r;
	clk_lock(weft__my_vcpu(), &p->lock);
	if (p->n) {
		p->n--;
		clk_unlock(&p->lock);
		weft__wait_none(&w);
		return 0;
	}
	wq_push(&p->q, &w.n);
	r = weft__wait(&w, WAIT_SEM);
	return r ? r : w.n.ret;
}

static void up(struct permits *p)
{
	struct wnode *n;
	u64 who;

	clk_lock(weft__my_vcpu(), &p->lock);
	n = wq_take(&p->q, NULL, &who);
	if (!n) {
		p->n++;
		who = 0;
	}
	clk_unlock(&p->lock);
	wake_who(this_m(), who);
}

static u32 waiters(struct permits *p)
{
	struct wnode *n;
	u32 k = 0;

	clk_lock(weft__my_vcpu(), &p->lock);
	for (n = p->q.head; n; n = n->next)
		k++;
	clk_unlock(&p->lock);
	return k;
}

/* A thread or a G, and how it is waited for. */
struct actor {
	weft_fn *fn;
	void *arg;
	pthread_t t;
	bool thread;
	u32 ended;
};

static void *acts(void *arg)
{
	struct actor *a = arg;

	a->fn(a->arg);
	rt_set(&a->ended, 1);
	return NULL;
}

static bool begin(struct actor *a, weft_fn *fn, void *arg, bool thread)
{
	*a = (struct actor){ .fn = fn, .arg = arg, .thread = thread };
	return thread ? !pthread_create(&a->t, NULL, acts, a) :
			!weft_go(acts, a);
}

static bool ended(struct actor *a)
{
	return AWAIT(rt_get(&a->ended)) &&
	       (!a->thread || !pthread_join(a->t, NULL));
}

/* ---- first in, first out ---- */

#define MANY 60

static struct actor act[MANY];
static u32 turn;

static void *takes_its_turn(void *arg)
{
	CHECK(!down(&s, WEFT_FOREVER));
	CHECK(READ_ONCE(turn) == (uintptr_t)arg);
	rt_set(&turn, turn + 1);
	return NULL;
}

TEST(first_in_first_out)
{
	uintptr_t i;

	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < MANY; i++) {
		ASSERT_TRUE(begin(&act[i], takes_its_turn, (void *)i,
				  i % 3 == 0));
		ASSERT_TRUE(AWAIT(waiters(&s) == i + 1));
	}
	for (i = 0; i < MANY; i++) {
		up(&s);
		ASSERT_TRUE(AWAIT(rt_get(&turn) == i + 1));
	}
	for (i = 0; i < MANY; i++)
		EXPECT_TRUE(ended(&act[i]));
	EXPECT_EQ(0, s.n);
	DONE();
}

/* From the middle, the end and the front: the others keep their places. */
static void *is_ended(void *arg)
{
	struct waiting *w = arg;

	CHECK(!weft__wait_begin(w, &s.lock, &s.q, WEFT_FOREVER));
	clk_lock(weft__my_vcpu(), &s.lock);
	wq_push(&s.q, &w->n);
	CHECK(!weft__wait(w, WAIT_SEM));
	CHECK(w->n.ret == 0 || w->n.ret == -ECANCELED);
	atomic_add(&turn, w->n.ret ? 1 : 100);
	return NULL;
}

TEST(ended_by_another)
{
	static const int order[] = { 2, 4, 0, 1 };
	struct waiting w[5];
	u32 i;

	ASSERT_EQ(0, rt_start(0));
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(begin(&act[i], is_ended, &w[i], i == 1 || i == 2));
		ASSERT_TRUE(AWAIT(waiters(&s) == i + 1));
	}
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(weft__wait_end(&w[order[i]], -ECANCELED));
		EXPECT_TRUE(ended(&act[order[i]]));
		EXPECT_EQ(4 - i, waiters(&s));
		EXPECT_EQ(i + 1, READ_ONCE(turn));
	}
	EXPECT_EQ(&w[3].n, s.q.head);
	up(&s);
	EXPECT_TRUE(ended(&act[3]));
	EXPECT_EQ(104, READ_ONCE(turn));
	EXPECT_FALSE(weft__wait_end(&w[3], -ECANCELED));
	DONE();
}

/* ---- deadlines ---- */

static void *deadlines(void *arg)
{
	s64 t;
	int i;

	CHECK(down(&s, WEFT_POLL) == -ETIMEDOUT);
	CHECK(down(&s, 1) == -ETIMEDOUT);
	for (i = 0; i < 10; i++) {
		t = weft__now() + i * 100000;
		CHECK(down(&s, t) == -ETIMEDOUT);
		CHECK(weft__now() >= t);
		CHECK(!waiters(&s));
	}
	up(&s);
	t = weft__now() + RT_PATIENCE;
	CHECK(!down(&s, t));	/* armed, and not needed */
	CHECK(weft__now() < t);
	return arg;
}

TEST(deadline_not_before_its_time)
{
	struct actor a;

	ASSERT_EQ(0, rt_start(0));
	ASSERT_TRUE(begin(&a, deadlines, NULL, false));
	ASSERT_TRUE(ended(&a));
	ASSERT_TRUE(begin(&a, deadlines, NULL, true));
	ASSERT_TRUE(ended(&a));
	DONE();
}

/* ---- nothing is lost, nothing doubled ---- */

#define ACTORS 12
#define ROUNDS 2000

static u64 got, given;
static u32 enough;

static void *takes(void *arg)
{
	uintptr_t me = (uintptr_t)arg, i = 0;
	int r;

	for (;; i++) {
		r = down(&s, (i + me) % 3 ? WEFT_FOREVER :
			 weft__now() + (s64)(i * 7919 % 50) * 1000);
		if (READ_ONCE(enough))
			break;
		if (!r)
			atomic_add(&got, 1);
		else
			CHECK(r == -ETIMEDOUT);
	}
	return NULL;
}

static void *gives(void *arg)
{
	uintptr_t me = (uintptr_t)arg, i;

	for (i = 0; i < ROUNDS; i++) {
		/* no more than a few ahead, so that takers wait */
		while (READ_ONCE(given) > READ_ONCE(got) + 4)
			this_m() ? weft_yield() : (void)sched_yield();
		atomic_add(&given, 1);
		up(&s);
		if (i % 16 == me)
			this_m() ? weft_yield() : (void)sched_yield();
	}
	return NULL;
}

static void all_arrive(struct __test_metadata *_metadata, u32 procs)
{
	struct actor t[ACTORS], g[4];
	uintptr_t i;

	ASSERT_EQ(0, rt_start(procs));
	for (i = 0; i < ACTORS; i++)
		ASSERT_TRUE(begin(&t[i], takes, (void *)i, i % 4 == 3));
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(begin(&g[i], gives, (void *)i, i % 2));
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(ended(&g[i]));
	EXPECT_TRUE(AWAIT(READ_ONCE(got) == 4 * ROUNDS));
	EXPECT_EQ(4 * ROUNDS, READ_ONCE(given));
	EXPECT_EQ(0, READ_ONCE(s.n));
	WRITE_ONCE(enough, 1);
	for (i = 0; i < ACTORS; i++)
		up(&s);
	for (i = 0; i < ACTORS; i++)
		EXPECT_TRUE(ended(&t[i]));
	EXPECT_EQ(0, waiters(&s));
	DONE();
}

TEST(conserved_on_one_p)
{
	all_arrive(_metadata, 1);
}

TEST(conserved)
{
	all_arrive(_metadata, 0);
}

/* ---- the object is gone when its waiter has run ---- */

static struct permits *volatile page;
static u32 page_no, rounds, done;

static void *waits_on_pages(void *arg)
{
	struct permits *p;
	u32 i;
	int r;

	for (i = 1; i <= rounds; i++) {
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(p != MAP_FAILED);
		page = p;
		rt_set(&page_no, i);
		do {
			r = down(p, i % 4 ? WEFT_FOREVER :
				 weft__now() + 20000);
		} while (r == -ETIMEDOUT);
		CHECK(!r);
		/* who gave the permit has dropped the lock by now */
		while (clk_held(&p->lock))
			cpu_relax();
		munmap(p, 4096);
	}
	rt_set(&done, 1);
	return arg;
}

static void *ups_pages(void *arg)
{
	u32 i, k;

	for (i = 1; i <= rounds; i++) {
		while (rt_get(&page_no) != i)
			this_m() ? weft_yield() : (void)sched_yield();
		for (k = 0; k < i * 7919 % 500; k++)
			cpu_relax();
		up(page);
	}
	return arg;
}

static void gone(struct __test_metadata *_metadata, bool thread_wakes,
		 bool thread_waits)
{
	struct actor a, b;

	rounds = 500;
	ASSERT_EQ(0, rt_start(0));
	ASSERT_TRUE(begin(&a, ups_pages, NULL, thread_wakes));
	ASSERT_TRUE(begin(&b, waits_on_pages, NULL, thread_waits));
	EXPECT_TRUE(ended(&b));
	EXPECT_TRUE(ended(&a));
	DONE();
}

TEST(gone_after_a_g_waited)
{
	gone(_metadata, false, false);
}

TEST(gone_after_a_thread_woke)
{
	gone(_metadata, true, false);
}

TEST(gone_after_a_thread_waited)
{
	gone(_metadata, false, true);
}

/* ---- a select's word: one of two, or the deadline ---- */

static u32 both_go, upped[2], won[3];

static void *ups_one(void *arg)
{
	u32 which = arg != NULL, i, k;

	for (i = 1; i <= rounds; i++) {
		while (rt_get(&both_go) != i)
			this_m() ? weft_yield() : (void)sched_yield();
		for (k = 0; k < i * (which ? 7919 : 104729) % 3000; k++)
			cpu_relax();
		up(which ? &s2 : &s);
		rt_set(&upped[which], i);
	}
	return NULL;
}

/* False: a permit was there, and the select had it, or was won before. */
static bool put_out(struct waiting *w, struct wnode *n, struct permits *p)
{
	bool there;

	*n = (struct wnode){ .who = w->n.who, .sel = &w->sel };
	clk_lock(weft__my_vcpu(), &p->lock);
	there = p->n > 0;
	if (!there)
		wq_push(&p->q, n);
	else if (cas(&w->sel, SEL_SETUP, SEL_MINE))
		p->n--;
	clk_unlock(&p->lock);
	return !there;
}

static void take_back(struct wnode *n, struct permits *p)
{
	clk_lock(weft__my_vcpu(), &p->lock);
	if (n->in)
		wq_del(&p->q, n);
	clk_unlock(&p->lock);
}

static void *waits_for_both(void *arg)
{
	struct wnode n, n2 = { 0 };
	struct waiting w;
	bool all_out;
	u32 i;
	int r;

	for (i = 1; i <= rounds; i++) {
		do {
			r = weft__wait_begin(&w, NULL, NULL,
					     i % 3 ? WEFT_FOREVER :
					     weft__now() + 20000);
		} while (r == -ETIMEDOUT);
		CHECK(!r);
		put_out(&w, &n, &s);
		if (i % 2)
			rt_set(&both_go, i);	/* in SETUP, too */
		all_out = put_out(&w, &n2, &s2);
		if (i % 2 == 0)
			rt_set(&both_go, i);
		if (all_out)
			r = weft__wait_select(&w);
		else
			weft__wait_none(&w);
		take_back(&n, &s);
		take_back(&n2, &s2);
		CHECK(r ? w.sel == SEL_LATE :
		      w.sel == (u64)&n || w.sel == (u64)&n2 ||
		      w.sel == SEL_MINE);
		won[r ? 2 : w.sel != (u64)&n]++;
		while (rt_get(&upped[0]) != i || rt_get(&upped[1]) != i)
			this_m() ? weft_yield() : (void)sched_yield();
		CHECK(s.n + s2.n == (r ? 2 : 1));
		CHECK(wq_empty(&s.q) && wq_empty(&s2.q));
		s.n = s2.n = 0;
	}
	return arg;
}

static void select_word(struct __test_metadata *_metadata, bool thread_waits)
{
	struct actor a, b, c;

	rounds = 300;	/* each may cost three time slices */
	ASSERT_EQ(0, rt_start(0));
	ASSERT_TRUE(begin(&a, ups_one, NULL, false));
	ASSERT_TRUE(begin(&b, ups_one, &s, true));
	ASSERT_TRUE(begin(&c, waits_for_both, NULL, thread_waits));
	EXPECT_TRUE(ended(&c));
	EXPECT_TRUE(ended(&a));
	EXPECT_TRUE(ended(&b));
	EXPECT_EQ(rounds, won[0] + won[1] + won[2]);
	DONE();
}

TEST(one_wins_a_select)
{
	select_word(_metadata, false);
}

TEST(one_wins_a_thread_that_selects)
{
	select_word(_metadata, true);
}

/* ---- who may not wait ---- */

static int refused;

static void on_signal(int sig)
{
	(void)sig;
	refused = down(&s, WEFT_FOREVER);
}

static void *gets_a_signal(void *arg)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_ONSTACK };

	sigaction(SIGTRAP, &sa, NULL);
	CHECK(!raise(SIGTRAP));
	CHECK(refused == -EPERM);
	return arg;
}

TEST(a_handler_on_its_own_stack_is_refused)
{
	struct actor a;

	ASSERT_EQ(0, rt_start(0));
	ASSERT_TRUE(begin(&a, gets_a_signal, NULL, false));
	ASSERT_TRUE(ended(&a));
	DONE();
}

/* ---- who parks only this way still looks at the global queue ---- */

static void *pings(void *arg)
{
	struct permits *mine = arg ? &s : &s2, *other = arg ? &s2 : &s;

	while (!rt_get(&done)) {
		up(other);
		CHECK(!down(mine, WEFT_FOREVER));
	}
	up(other);
	return NULL;
}

static void *says_done(void *arg)
{
	rt_set(&done, 1);
	return arg;
}

TEST(a_g_in_the_global_queue_runs)
{
	struct actor a, b;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_TRUE(begin(&a, pings, &s, false));
	ASSERT_TRUE(begin(&b, pings, NULL, false));
	usleep(2000);
	ASSERT_EQ(0, weft_go(says_done, NULL));
	EXPECT_TRUE(ended(&a));
	EXPECT_TRUE(ended(&b));
	DONE();
}

/* ---- what the deadlock report says ---- */

static int blocks(void *arg)
{
	(void)arg;
	return down(&s, WEFT_FOREVER);
}

static void deadlocks(void *arg)
{
	(void)arg;
	weft_run(blocks, NULL);
}

TEST(the_report_names_the_object)
{
	struct rt_child *c = rt_in_child(deadlocks, NULL);
	char obj[64];

	snprintf(obj, sizeof(obj), "waits for a semaphore (sem %p)", &s);
	EXPECT_EXIT(c, 2);
	EXPECT_TRUE(rt_said(c, obj));
}

TEST_HARNESS_MAIN
