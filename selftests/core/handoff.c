// SPDX-License-Identifier: GPL-2.0-only
/*
 * handoff.c - sentences 4 and 5 of the model: an M that blocks loses its P
 * to another one, and an M that comes back takes a token or sleeps.
 *
 * They look at counters, at the trace rings and at the structures; what they
 * wait for is a condition, and time only bounds the wait.
 */
#include "rt.h"

#include "kselftest_harness.h"

/* ---- an M that blocks ---- */

struct blocker {
	int fd[2];
	bool announced;
	u32 in, out;
	bool kept;		/* its M has a token */
	pid_t tid, tid_after;
};

static void *blocks(void *arg)
{
	struct blocker *b = arg;
	char c = 0;

	b->tid = (pid_t)syscall(SYS_gettid);
	WRITE_ONCE(b->in, 1);
	if (b->announced)
		CHECK(WEFT_BLOCKING(read(b->fd[0], &c, 1)) == 1);
	else
		CHECK(read(b->fd[0], &c, 1) == 1);
	CHECK(c == 'x');
	b->kept = has_token(this_m());
	b->tid_after = (pid_t)syscall(SYS_gettid);
	WRITE_ONCE(b->out, 1);
	return NULL;
}

static void *feeds(void *arg)
{
	struct blocker *b = arg;

	/* It runs at all: so the P went on while the other was in read(). */
	CHECK(READ_ONCE(b->in));
	CHECK(!READ_ONCE(b->out));
	CHECK(write(b->fd[1], "x", 1) == 1);
	return NULL;
}

static void *block_and_feed(void *arg)
{
	CHECK(!weft_go(blocks, arg));
	CHECK(!weft_go(feeds, arg));
	return NULL;
}

/* One round; which M went on: its id */
static u32 blocked_once(struct __test_metadata *_metadata, bool announced)
{
	struct blocker b = { .announced = announced };
	u32 before = READ_ONCE(S.trace.next);
	struct trace_entry e = { 0 };
	u64 handoffs = rt_stats().handoffs;

	ASSERT_EQ(0, pipe(b.fd));
	/* Both wait in the same P when the first of them blocks. */
	ASSERT_EQ(0, weft_go(block_and_feed, &b));
	EXPECT_TRUE(AWAIT(READ_ONCE(b.out)));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_TRUE(AWAIT(rt_stats().handoffs > handoffs));
	EXPECT_TRUE(AWAIT(rt_event(&S.trace, TRACE_HANDOFF, before, &e)));
	close(b.fd[0]);
	close(b.fd[1]);
	return (u32)e.b;
}

static void blocked(struct __test_metadata *_metadata, bool announced)
{
	u32 made, next;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(1, rt_stats().m_created);
	/* There is no other M: this one is new. */
	next = blocked_once(_metadata, announced);
	EXPECT_GE(next, 1);
	EXPECT_GE(rt_stats().m_created, 2);
	/* Now one waits in the cache, and is taken. */
	ASSERT_TRUE(AWAIT(rt_stats().spares >= 1));
	made = READ_ONCE(S.nm);
	next = blocked_once(_metadata, announced);
	EXPECT_LT(next, made);
	DONE();
}

TEST(blocked_m_loses_its_p)
{
	blocked(_metadata, true);
}

TEST(blocked_m_loses_its_p_unannounced)
{
	blocked(_metadata, false);
}

/* ---- an M that comes back ---- */

static u32 hog_up, hog_go;

static void *hogs(void *arg)
{
	WRITE_ONCE(hog_up, 1);
	G_SPIN(READ_ONCE(hog_go));
	return arg;
}

static void *block_and_hog(void *arg)
{
	CHECK(!weft_go(blocks, arg));
	CHECK(!weft_go(hogs, NULL));
	return NULL;
}

TEST(returning_m_sleeps_without_a_token)
{
	struct blocker b = { .announced = true };
	struct trace_entry e = { 0 };
	struct weft_stats st;
	struct m *m;
	u64 puts;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, pipe(b.fd));
	ASSERT_EQ(0, weft_go(block_and_hog, &b));
	ASSERT_TRUE(AWAIT(READ_ONCE(hog_up)));
	m = S.m[0];
	ASSERT_EQ(b.tid, m->tid);
	ASSERT_NE(m, tok_m(READ_ONCE(S.tok[0])));
	st = rt_stats();
	puts = READ_ONCE(m->n.global_put);
	ASSERT_EQ(1, write(b.fd[1], "x", 1));
	/* The token is in use: its G to the global queue, it to the cache. */
	EXPECT_TRUE(AWAIT(rt_stats().returns_global > st.returns_global));
	EXPECT_TRUE(AWAIT(READ_ONCE(m->state) == M_CACHE));
	EXPECT_TRUE(AWAIT(READ_ONCE(S.spare[0]) & 1));
	EXPECT_GT(rt_stats().returns, st.returns);
	EXPECT_EQ(puts + 1, READ_ONCE(m->n.global_put));
	EXPECT_FALSE(weft__gq_empty(&S.node[0].gq));
	EXPECT_FALSE(READ_ONCE(b.out));
	EXPECT_TRUE(rt_event(&m->trace, TRACE_RETURN, 0, &e));
	EXPECT_TRUE(rt_event(&m->trace, TRACE_CACHE, e.seq, &e));
	WRITE_ONCE(hog_go, 1);
	EXPECT_TRUE(AWAIT(READ_ONCE(b.out)));
	/* It went on on the M that has the token. */
	EXPECT_NE(b.tid, b.tid_after);
	DONE();
}

/* The monitor sleeps, and so do all Ms but those in the kernel. */
static bool all_quiet(u32 blocked_ms)
{
	struct weft_stats st = rt_stats();

	return READ_ONCE(S.mon_asleep) && READ_ONCE(S.mon_until) == INT64_MAX &&
	       st.ms == blocked_ms + st.idle + st.spares;
}

TEST(returning_m_gets_an_idle_token)
{
	struct blocker b = { .announced = true };
	u64 returns;
	struct m *m;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, pipe(b.fd));
	ASSERT_EQ(0, weft_go(blocks, &b));
	m = S.m[0];
	/* Nothing waits: after a slice the token goes, and its M idles. */
	ASSERT_TRUE(AWAIT(rt_stats().handoffs == 1));
	ASSERT_TRUE(AWAIT(all_quiet(1)));
	ASSERT_NE(m, tok_m(READ_ONCE(S.tok[0])));
	returns = READ_ONCE(m->n.returns);
	ASSERT_EQ(1, write(b.fd[1], "x", 1));
	EXPECT_TRUE(AWAIT(READ_ONCE(b.out)));
	EXPECT_EQ(b.tid, b.tid_after);
	EXPECT_TRUE(b.kept);
	EXPECT_GT(READ_ONCE(m->n.returns), returns);
	DONE();
}

/* In a section: its token is handed to an M that is not woken yet. */
static void *loses_and_takes_back(void *arg)
{
	struct m *m = this_m(), *s = NULL;
	uintptr_t t;

	CHECK(G_SPIN((s = weft__claim_spare(NULL, RUNQ_NOCPU))));
	weft_block_begin();
	WRITE_ONCE(s->tok, m->tok);
	t = m_token(m);
	CHECK(tok_m(t) == m && cas(&S.tok[m->tok], t,
				   (uintptr_t)s | TOK_HANDED |
				   (t & TOK_WOKEN)));
	WRITE_ONCE(m->p, &weft__dead_p);
	weft_block_end();
	CHECK(this_m() == m);
	CHECK(tok_m(m_token(m)) == m);
	weft__wake_m(s);	/* it finds nothing, and enters the cache */
	return arg;
}

TEST(returning_m_takes_its_token_back)
{
	struct weft_stats st;

	ASSERT_EQ(0, rt_start(1));
	/* Have an M in the cache. */
	blocked_once(_metadata, true);
	ASSERT_TRUE(AWAIT(rt_stats().spares >= 1));
	st = rt_stats();
	ASSERT_EQ(0, weft_go(loses_and_takes_back, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(st.taken_back_tokens + 1, rt_stats().taken_back_tokens);
	EXPECT_TRUE(AWAIT(rt_stats().spares >= st.spares));
	DONE();
}

TEST_HARNESS_MAIN
