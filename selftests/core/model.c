// SPDX-License-Identifier: GPL-2.0-only
/*
 * model.c - the eight sentences of the model, each a test of its name.
 *
 * They look at counters, at the trace rings and at the structures themselves;
 * what they wait for is a condition, and time only bounds the wait.
 */
#include "rt.h"

#include <fcntl.h>

#include "kselftest_harness.h"

/* ---- 1: go starts a G and does not wait ---- */

static u32 gate, ran, ran_at_return;

static void *waits_for_gate(void *arg)
{
	G_AWAIT(READ_ONCE(gate));
	atomic_add(&ran, 1);
	return arg;
}

static void *only_runs(void *arg)
{
	atomic_add(&ran, 1);
	return arg;
}

static void *goes(void *arg)
{
	CHECK(!weft_go(only_runs, NULL));
	WRITE_ONCE(ran_at_return, READ_ONCE(ran));
	return arg;
}

TEST(go_returns_at_once)
{
	struct weft_stats st;
	int i;

	ASSERT_EQ(0, rt_start(1));
	/* From a thread: none of them can end before go has returned. */
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, weft_go(waits_for_gate, NULL));
	EXPECT_EQ(0, READ_ONCE(ran));
	EXPECT_EQ(10, rt_stats().gs);
	WRITE_ONCE(gate, 1);
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 10));
	/* From a G on the only P: the parent runs on, the child has not run. */
	ASSERT_EQ(0, weft_go(goes, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 11));
	EXPECT_EQ(10, ran_at_return);
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	st = rt_stats();
	EXPECT_EQ(12, st.spawned);
	EXPECT_EQ(12, st.ended);
	EXPECT_EQ(0, st.inlined);
	DONE();
}

/* ---- 2: what is switched out comes back whole ---- */

#define REGS 6

#if defined(__x86_64__)
/*
 * regs_over(fn, arg, in, out): fn(arg) with in[] in the callee-saved
 * registers; what is there afterwards goes to out[].
 */
void regs_over(void (*fn)(void *), void *arg, const u64 *in, u64 *out);
__asm__(".text\n"
	".globl regs_over\n"
	".type regs_over, @function\n"
	"regs_over:\n\t"
	"pushq %rbx\n\tpushq %rbp\n\tpushq %r12\n\tpushq %r13\n\t"
	"pushq %r14\n\tpushq %r15\n\tpushq %rcx\n\t"
	"movq %rdi, %rax\n\tmovq %rsi, %rdi\n\t"
	"movq (%rdx), %rbx\n\tmovq 8(%rdx), %rbp\n\tmovq 16(%rdx), %r12\n\t"
	"movq 24(%rdx), %r13\n\tmovq 32(%rdx), %r14\n\tmovq 40(%rdx), %r15\n\t"
	"call *%rax\n\t"
	"popq %rcx\n\t"
	"movq %rbx, (%rcx)\n\tmovq %rbp, 8(%rcx)\n\tmovq %r12, 16(%rcx)\n\t"
	"movq %r13, 24(%rcx)\n\tmovq %r14, 32(%rcx)\n\tmovq %r15, 40(%rcx)\n\t"
	"popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\t"
	"popq %rbp\n\tpopq %rbx\n\t"
	"ret\n\t"
	".size regs_over, . - regs_over\n");
#else
static void regs_over(void (*fn)(void *), void *arg, const u64 *in, u64 *out)
{
	memcpy(out, in, REGS * sizeof(*in));
	fn(arg);
}
#endif

static weft__noinline void set_errno(int e)
{
	barrier();
	errno = e;
}

/* One G: what it holds, and how it is switched out. */
struct whole {
	u32 n;
	struct fpenv fp;
	struct weft_parker p, *other;
	char fill[2048];	/* on its stack, since it lives there */
};

#define KINDS 6

static void *slow_child(void *arg)
{
	set_errno(777);
	weft_yield();
	return arg;
}

static void *quick_child(void *arg)
{
	/* As a call on the joiner's stack, or not: its errno is its own. */
	set_errno(778);
	return arg;
}

static void join_one(weft_fn *fn, size_t stack, bool until)
{
	struct weft_attr a = { .sz = sizeof(a), .stack = stack };
	struct weft_g *g = NULL;
	void *ret = NULL;

	if (!CHECK(!weft_spawn(&g, stack ? &a : NULL, fn, &a)))
		return;
	if (until)
		CHECK(!weft_join_until(g, &ret, weft__now() + RT_PATIENCE));
	else
		CHECK(!weft_join(g, &ret));
	CHECK(ret == &a);
}

/* Kind k of being switched out. */
static void switched(void *arg)
{
	u64 k = (u64)(uintptr_t)arg;

	switch (k % KINDS) {
	case 0:
		weft_yield();
		break;
	case 1:
		CHECK(!weft_sleep(100 * NSEC_PER_USEC));
		break;
	case 2:
		join_one(slow_child, 0, false);
		break;
	case 3:
		join_one(slow_child, 65536, true);
		break;
	case 4:
		join_one(quick_child, 0, false);
		break;
	case 5: {
		struct weft_parker p = WEFT_PARKER_INIT;

		CHECK(weft_park_until(&p, weft__now() + 100000) == -ETIMEDOUT);
		break;
	}
	}
}

static void with_registers(u32 n, u32 round)
{
	u64 in[REGS], out[REGS] = { 0 };
	int i;

	for (i = 0; i < REGS; i++)
		in[i] = ((u64)n << 32 | round) * 0x9e3779b97f4a7c15ull + (u64)i;
	regs_over(switched, (void *)(uintptr_t)(n + round), in, out);
	CHECK(!memcmp(in, out, sizeof(in)));
}

static void park_and_unpark(struct whole *w)
{
	/* In turn: two permits for one park would be one. */
	if (w->n == 1)
		CHECK(!weft_park(&w->p));
	CHECK(!weft_unpark(w->other));
	if (w->n == 0)
		CHECK(!weft_park(&w->p));
}

static struct whole *volatile partner[2];

static void fp_own(struct whole *w)
{
#if defined(__x86_64__)
	/* each its own rounding, and precision on the x87 */
	w->fp = weft__fp_start;
	w->fp.mxcsr = (w->fp.mxcsr & ~0x6000u & ~0x3fu) | (w->n % 4) << 13;
	w->fp.fpcw = (u16)((w->fp.fpcw & ~0xf00) | (w->n % 4) << 10 |
			   (w->n & 4 ? 0x200 : 0x300));
	fp_load(&w->fp);
#endif
}

static void fp_check(const struct whole *w)
{
#if defined(__x86_64__)
	struct fpenv fp;

	fp_read(&fp);
	CHECK((fp.mxcsr & ~0x3fu) == w->fp.mxcsr);
	CHECK(fp.fpcw == w->fp.fpcw);
#endif
}

static void check_whole(struct whole *w, int err)
{
	u32 i, wrong = 0;

	CHECK(weft_errno() == err);
	fp_check(w);
	for (i = 0; i < sizeof(w->fill); i++)
		wrong += w->fill[i] != (char)(w->n * 31 + i);
	CHECK(!wrong);
}

#define WHOLE_ROUNDS 30

static void *be_whole(void *arg)
{
	struct whole w = { .n = (u32)(uintptr_t)arg };
	struct fpenv first;
	u32 r, i;

	fp_read(&first);
	CHECK(!memcmp(&first, &weft__fp_start, sizeof(first)));
	CHECK(weft_errno() == 0);
	for (i = 0; i < sizeof(w.fill); i++)
		w.fill[i] = (char)(w.n * 31 + i);
	fp_own(&w);
	if (w.n < 2) {
		partner[w.n] = &w;
		G_AWAIT(partner[!w.n]);
		w.other = &partner[!w.n]->p;
	}
	for (r = 0; r < WHOLE_ROUNDS; r++) {
		int err = (int)(1000 * (w.n + 1) + r);

		set_errno(err);
		with_registers(w.n, r);
		check_whole(&w, err);
		if (w.n < 2) {
			park_and_unpark(&w);
			check_whole(&w, err);
		}
	}
	return NULL;
}

static void all_whole(u32 procs, struct __test_metadata *_metadata)
{
	u32 i;

	ASSERT_EQ(0, rt_start(procs));
	for (i = 0; i < 12; i++)
		ASSERT_EQ(0, weft_go(be_whole, (void *)(uintptr_t)i));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_GE(rt_stats().parked, 12 * WHOLE_ROUNDS / KINDS);
	DONE();
}

TEST(switched_out_comes_back_whole)
{
	all_whole(1, _metadata);
}

TEST(switched_out_comes_back_whole_on_all_procs)
{
	all_whole(0, _metadata);
}

#if defined(__x86_64__)
static void *declares(void *arg)
{
	u32 n = (u32)(uintptr_t)arg, r;
	struct fpenv own = weft__fp_start, now;

	own.mxcsr = (own.mxcsr & ~0x603fu) | n << 13;
	own.fpcw = (u16)((own.fpcw & ~0xc00) | n << 10);
	CHECK(!weft_fesetenv(own.mxcsr, own.fpcw));
	for (r = 0; r < 10; r++) {
		weft_yield();
		fp_read(&now);
		CHECK((now.mxcsr & ~0x3fu) == own.mxcsr);
		CHECK(now.fpcw == own.fpcw);
		CHECK(!weft_sleep(1000));
		fp_read(&now);
		CHECK(now.fpcw == own.fpcw);
	}
	return NULL;
}

TEST(declared_fp_words_come_back)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1,
			       .fpenv = WEFT_FPENV_DECLARED };
	u32 i;

	EXPECT_EQ(-EPERM, weft_fesetenv(0x1f80, 0x37f));
	ASSERT_EQ(0, weft_start(&o));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, weft_go(declares, (void *)(uintptr_t)i));
	DONE();
}
#endif

/* ---- 3: who holds what ---- */

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
		CHECK(!weft_spawn(&g_queued[i], NULL, only_runs, NULL));
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
	ASSERT_EQ(0, weft_go(only_runs, NULL));
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

/* ---- 4: a blocked M loses its P ---- */

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

/* ---- 5: an M that comes back ---- */

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

	CHECK(G_SPIN((s = weft__claim_spare(NULL))));
	weft_block_begin();
	s->tok = m->tok;
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

/* ---- 6: every 61st tick ---- */

/* A G that waits in this M's queue moves to the global one. */
static void to_global(weft_fn *fn, void *arg)
{
	struct weft_g *g = NULL;
	struct m *m = this_m();

	if (!CHECK(!weft_spawn(&g, NULL, fn, arg)))
		return;
	CHECK(!weft_detach(g));
	CHECK(RQ(take_tail, m->vc, &m->p->q, rt_g(g)));
	weft__gq_put(m, rt_g(g));
}

/* Counted here, since weft_stats counts dispatches by ticks: one P, plain. */
static u64 pops, popped_at[4];
static u32 stop_yielding;

static void yield_counted(void)
{
	pops++;
	weft_yield();
}

static void *notes_when(void *arg)
{
	popped_at[(uintptr_t)arg] = pops;
	ran++;
	pops++;		/* its end takes the next G from the queue */
	return NULL;
}

static void *yields(void *arg)
{
	while (!READ_ONCE(stop_yielding))
		yield_counted();
	return arg;
}

static void *watches_ticks(void *arg)
{
	u64 ticks, put, i;

	CHECK(!weft_go(yields, NULL));
	CHECK(!weft_go(yields, NULL));
	yield_counted();
	ticks = rt_stats().ticks;
	for (put = pops; pops < put + 6100;)
		yield_counted();
	ticks = rt_stats().ticks - ticks;
	CHECK(ticks >= 99 && ticks <= 101);
	put = pops;
	for (i = 0; i < 4; i++)
		to_global(notes_when, (void *)i);
	while (READ_ONCE(ran) < 4)
		yield_counted();
	/* The local queue never emptied; each tick took one of them. */
	CHECK(popped_at[0] - put <= 61);
	for (i = 1; i < 4; i++)
		CHECK(popped_at[i] - popped_at[i - 1] == 61);
	WRITE_ONCE(stop_yielding, 1);
	return arg;
}

TEST(global_queue_every_61st_tick)
{
	struct trace_entry e;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(watches_ticks, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_EQ(4, READ_ONCE(ran));
	EXPECT_TRUE(rt_event(&S.m[0]->trace, TRACE_TICK, 0, &e));
	DONE();
}

/* ---- 7: global first, then half of another's ---- */

static u32 both_up, b_go, a_go;
static struct m *ma, *mb;
static u32 a_published, b_trace;

/* Ms that share a CPU would share its P. */
static int start_bound(void)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 2,
			       .bind = WEFT_BIND_CPU };

	return weft_start(&o);
}

static void *has_a_queue(void *arg)
{
	u32 i;

	ma = this_m();
	atomic_add(&both_up, 1);
	G_SPIN(READ_ONCE(both_up) == 2);
	for (i = 0; i < 40; i++)
		CHECK(!weft_go(only_runs, NULL));
	RQ(settle, this_m()->vc, &this_m()->p->q);
	CHECK(RQ(publish, this_m()->vc, &this_m()->p->q));
	a_published = runq_published(&this_m()->p->q);
	WRITE_ONCE(b_go, 1);
	G_SPIN(READ_ONCE(a_go));
	return arg;
}

static void *has_none(void *arg)
{
	mb = this_m();
	atomic_add(&both_up, 1);
	G_SPIN(READ_ONCE(b_go));
	b_trace = READ_ONCE(mb->trace.next);
	to_global(only_runs, NULL);
	return arg;
}

TEST(idle_p_takes_global_then_steals_half)
{
	struct trace_entry get, steal;

	NEEDS_CPUS(2);
	ASSERT_EQ(0, start_bound());
	ASSERT_EQ(0, weft_go(has_a_queue, NULL));
	ASSERT_EQ(0, weft_go(has_none, NULL));
	EXPECT_TRUE(AWAIT(rt_stats().stolen));
	EXPECT_NE(ma, mb);
	EXPECT_EQ(20, a_published);
	ASSERT_TRUE(rt_event(&mb->trace, TRACE_STEAL, b_trace, &steal));
	EXPECT_TRUE(rt_event(&mb->trace, TRACE_GLOBAL_GET, b_trace, &get));
	EXPECT_LT(get.seq, steal.seq);
	EXPECT_EQ(1, get.b);
	EXPECT_GE(rt_stats().steals, 1);
	/* Half of what was shown; then half of the rest, and so on. */
	EXPECT_GE(rt_stats().stolen, 10);
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) >= 11));
	WRITE_ONCE(a_go, 1);
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 41));
	DONE();
}

/* A G on the thief's M steals once: exactly half. */
static void *steals_once(void *arg)
{
	struct m *m = this_m();
	struct g *g;

	mb = m;
	atomic_add(&both_up, 1);
	G_SPIN(READ_ONCE(b_go));
	g = weft__steal(m);
	if (CHECK(g)) {
		CHECK(m->n.stolen == 10 && m->n.steals == 1);
		CHECK(runq_published(&ma->p->q) == 10);
		CHECK(runq_private(&m->p->q) == 9);
		push(m, g);
	}
	WRITE_ONCE(a_go, 1);
	return arg;
}

TEST(steals_exactly_half)
{
	NEEDS_CPUS(2);
	ASSERT_EQ(0, start_bound());
	ASSERT_EQ(0, weft_go(has_a_queue, NULL));
	ASSERT_EQ(0, weft_go(steals_once, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(ran) == 40));
	DONE();
}

/* ---- 8: overflow spills half ---- */

#define FLOOD 1000

static u32 order[FLOOD + 1], norder;

static void *notes_order(void *arg)
{
	order[norder++] = (u32)(uintptr_t)arg;	/* one P: one at a time */
	return NULL;
}

static void *floods(void *arg)
{
	u64 i;

	for (i = 0; i < FLOOD; i++)
		CHECK(!weft_go(notes_order, (void *)i));
	return arg;
}

TEST(overflow_spills_half)
{
	u32 seen[FLOOD] = { 0 }, last[FLOOD / 128 + 1], i, blocks, grp;
	struct weft_stats st;
	struct trace_entry e;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(floods, NULL));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	st = rt_stats();
	/* 256 fit; each further 128 push the 128 oldest out. */
	blocks = (FLOOD - 256 + 127) / 128;
	EXPECT_EQ(blocks, st.spills);
	EXPECT_EQ(blocks * 128, st.global_put);
	EXPECT_TRUE(rt_event(&S.m[0]->trace, TRACE_SPILL, 0, &e));
	EXPECT_EQ(128, e.b);
	ASSERT_EQ(FLOOD, norder);
	/* Order within what was spilled together, and within the rest. */
	memset(last, 0xff, sizeof(last));
	for (i = 0; i < norder; i++) {
		ASSERT_LT(order[i], FLOOD);
		seen[order[i]]++;
		grp = order[i] / 128 < blocks ? order[i] / 128 : blocks;
		EXPECT_TRUE(last[grp] == ~0u || last[grp] < order[i]);
		last[grp] = order[i];
	}
	for (i = 0; i < FLOOD; i++)
		EXPECT_EQ(1, seen[i]);
	DONE();
}

TEST_HARNESS_MAIN
