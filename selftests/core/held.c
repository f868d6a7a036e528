// SPDX-License-Identifier: GPL-2.0-only
/*
 * held.c - sentence 3 of the model: who holds what, in the structures
 * themselves and in a dump of them.
 */
#include "rt.h"

#include "kselftest_harness.h"

static struct weft_parker held_parker;
static struct weft_g *g_parked, *g_runner, *g_queued[3];
static u32 runner_up, runner_go;

static void *yields_once(void *arg)
{
	weft_yield();
	return arg;
}

static void *some_at_a_time(void *arg)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK(!weft_go(yields_once, NULL));
	return arg;
}

static void *parks(void *arg)
{
	CHECK(!weft_park(&held_parker));
	return arg;
}

static void *runner(void *arg)
{
	int i;

	for (i = 0; i < 3; i++)
		CHECK(!weft_spawn(&g_queued[i], NULL, yields_once, NULL));
	WRITE_ONCE(runner_up, 1);
	G_SPIN(READ_ONCE(runner_go));
	for (i = 0; i < 3; i++)
		CHECK(!weft_join(g_queued[i], NULL));
	return arg;
}

static char *dumped(struct __test_metadata *_metadata)
{
	static char text[65536];
	int fd = memfd_create("dump", 0);
	ssize_t n;

	ASSERT_EQ(0, weft_dump(fd));
	n = pread(fd, text, sizeof(text) - 1, 0);
	ASSERT_GT(n, 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static bool dump_says(const char *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static bool dump_says(const char *text, const char *fmt, ...)
{
	char want[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	if (strstr(text, want))
		return true;
	fprintf(stderr, "# no \"%s\" in:\n%s\n", want, text);
	return false;
}

static void look_at_m(struct __test_metadata *_metadata, struct m *m)
{
	ASSERT_NE(NULL, m);
	EXPECT_EQ(rt_g(g_runner), READ_ONCE(m->cur));
	EXPECT_EQ(M_RUN, READ_ONCE(m->state));
	EXPECT_NE(0, m->rng);
	EXPECT_NE(0, m->tid);
	EXPECT_NE(NULL, m->gfree);	/* caches of Gs */
	EXPECT_GT(m->ngfree, 0);
	EXPECT_GT(m->nstk, 0);		/* and of stacks */
	EXPECT_EQ(0, m->tok);
}

static void look_at_g(struct __test_metadata *_metadata, struct g *g)
{
	char *lo = g->stk, *hi = lo + ((size_t)1 << g->cls);

	EXPECT_EQ(WAIT_PARK, g->wait);
	EXPECT_GT((char *)g->ctx, lo);
	EXPECT_LT((char *)g->ctx, hi);
	EXPECT_GT((char *)ctx_sp(g->ctx), lo);
	EXPECT_LT((char *)ctx_sp(g->ctx), hi);
	EXPECT_EQ((void *)&held_parker, g->ctx->arg);
	EXPECT_EQ((u64)(uintptr_t)g, held_parker.weft__word);
}

static void look_at_p(struct __test_metadata *_metadata, struct p *p)
{
	u64 h = p->q.phead;
	int i;

	EXPECT_EQ(3, runq_waiting(&p->q));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ((void *)g_queued[i],
			  p->q.slot[(h + (u64)i) & RUNQ_MASK]);
		EXPECT_EQ(CTX_FRESH, (uintptr_t)rt_g(g_queued[i])->ctx);
	}
	EXPECT_NE(NULL, p->timers);
}

/* Away from the P's CPU a foreign spawn goes to Sched's queue. */
static void leave_cpu(u32 seat)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	CPU_CLR(seat, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void look_at_sched(struct __test_metadata *_metadata)
{
	struct m *m = tok_m(READ_ONCE(S.tok[0]));

	EXPECT_EQ(RT_RUN, S.state);
	EXPECT_EQ(1, S.nprocs);
	EXPECT_GE(S.nm, 1);
	EXPECT_EQ(m, S.m[m->id]);
	if (!weft__twin && weft__cpus_allowed() > 1)
		leave_cpu(S.p[0]->q.seat);
	ASSERT_EQ(0, weft_go(yields_once, NULL));
	if (weft__twin || weft__cpus_allowed() > 1)
		EXPECT_FALSE(weft__gq_empty(&S.node[0].gq));
}

TEST(who_holds_what)
{
	struct m *m;
	char *text;

	ASSERT_EQ(0, rt_start(1));
	/* Some that are there at a time, so that there are stacks to keep. */
	ASSERT_EQ(0, weft_go(some_at_a_time, NULL));
	ASSERT_TRUE(AWAIT(!rt_stats().gs));
	ASSERT_EQ(0, weft_spawn(&g_parked, NULL, parks, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(held_parker.weft__word) > PARK_PERMIT));
	ASSERT_EQ(0, weft_spawn(&g_runner, NULL, runner, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(runner_up)));

	m = tok_m(READ_ONCE(S.tok[0]));
	look_at_m(_metadata, m);
	look_at_g(_metadata, rt_g(g_parked));
	look_at_p(_metadata, S.p[0]);
	text = dumped(_metadata);
	EXPECT_TRUE(dump_says(text, "M %u (thread %d): runs, G %llu", m->id,
			      m->tid, (unsigned long long)weft_id(g_runner)));
	EXPECT_TRUE(dump_says(text, "G %llu: waits for a permit (parker %p)",
			      (unsigned long long)weft_id(g_parked),
			      (void *)&held_parker));
	EXPECT_TRUE(dump_says(text, "P 0: 0 published, 3 private"));
	EXPECT_TRUE(dump_says(text, "token 0: M %u\n", m->id));
	EXPECT_TRUE(dump_says(text, "weft: 1 Ps, "));
	look_at_sched(_metadata);

	WRITE_ONCE(runner_go, 1);
	EXPECT_EQ(0, weft_unpark(&held_parker));
	EXPECT_EQ(0, weft_join(g_parked, NULL));
	EXPECT_EQ(0, weft_join(g_runner, NULL));
	DONE();
}

TEST_HARNESS_MAIN
