// SPDX-License-Identifier: GPL-2.0-only
/*
 * whole.c - sentence 2 of the model: what is switched out comes back whole,
 * its registers, FP words, errno and stack, whichever way it left.
 */
#include "rt.h"

#include "kselftest_harness.h"

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

static struct whole *partner[2];

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
		WRITE_ONCE(partner[w.n], &w);
		G_AWAIT(READ_ONCE(partner[!w.n]));
		w.other = &READ_ONCE(partner[!w.n])->p;
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

TEST_HARNESS_MAIN
