// SPDX-License-Identifier: GPL-2.0-only
/*
 * hints.c - each sentence of include/weft/hint.h and hint_page.h.
 */
#define _GNU_SOURCE
#include "../core/rt.h"
#include <core/hint.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

static u32 step, others, stop;
static int pipe_fd[2];

static void *yields(void *arg)
{
	while (!READ_ONCE(stop)) {
		WRITE_ONCE(others, others + 1);
		weft_yield();
	}
	return arg;
}

static void *other(void *arg)
{
	__atomic_add_fetch(&others, 1, __ATOMIC_SEQ_CST);
	return arg;
}

/* ---- what can be said ---- */

static struct weft_hints said(void)
{
	struct weft_hints h = { .sz = sizeof(h) };

	CHECK(!weft_hints(NULL, &h));
	return h;
}

static void *says(void *arg)
{
	struct weft_hints h = said(), *none = NULL;

	CHECK(!h.block_ns && !h.slice_ns && !h.near && !h.handoff);
	CHECK(weft_hint_block(-1) == -EINVAL);
	CHECK(weft_hint_handoff(3) == -EINVAL);
	CHECK(weft_hint_handoff(-1) == -EINVAL);
	CHECK(weft_hint_slice(WEFT_HINT_SLICE_MIN - 1) == -EINVAL);
	CHECK(weft_hint_slice(WEFT_HINT_SLICE_MAX + 1) == -EINVAL);
	CHECK(weft_hint_slice(-1) == -EINVAL);
	CHECK(weft_hint_urgency(-1) == -EINVAL);
	CHECK(weft_hint_urgency(3) == -EINVAL);
	CHECK(weft_hint_near(weft_self()) == -EINVAL);
	CHECK(weft_block_begin_for(-1) == -EINVAL);
	CHECK(READ_ONCE(this_m()->state) == M_RUN);
	CHECK(weft_hints(NULL, none) == -EINVAL);
	h.sz = 4;
	CHECK(weft_hints(NULL, &h) == -EINVAL);
	h = said();
	CHECK(!h.block_ns && !h.slice_ns && !h.near && !h.handoff);
	CHECK(!this_m()->hinted);
	CHECK(!weft_hint_block(1234));
	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	CHECK(!weft_hint_slice(WEFT_HINT_SLICE_MIN));
	CHECK(!weft_hint_near(arg));
	h = said();
	CHECK(h.block_ns == 1234 && h.slice_ns == WEFT_HINT_SLICE_MIN);
	CHECK(h.handoff == WEFT_HANDOFF_NEVER && h.near == weft_id(arg));
	CHECK(!weft_hint_near(NULL));
	h = said();
	CHECK(!h.near);
	return NULL;
}

TEST(what_is_said_is_read)
{
	struct weft_hints h = { .sz = sizeof(h) };
	struct weft_g *a, *b;

	EXPECT_EQ(-EPERM, weft_hint_block(1));
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(-EPERM, weft_hint_block(1));
	EXPECT_EQ(-EPERM, weft_hint_slice(0));
	EXPECT_EQ(-EPERM, weft_hint_handoff(0));
	EXPECT_EQ(-EPERM, weft_hint_urgency(0));
	EXPECT_EQ(-EPERM, weft_hint_near(NULL));
	EXPECT_EQ(-EPERM, weft_hints(NULL, &h));
	EXPECT_EQ(0, weft_block_begin_for(WEFT_BLOCK_LONG));
	ASSERT_EQ(0, weft_spawn(&a, NULL, other, NULL));
	ASSERT_EQ(0, weft_spawn(&b, NULL, says, a));
	EXPECT_EQ(0, weft_join(b, NULL));
	EXPECT_EQ(0, weft_join(a, NULL));
	DONE();
}

static void *has(void *arg)
{
	struct weft_hints h = said(), *want = arg;

	CHECK(h.block_ns == want->block_ns && h.slice_ns == want->slice_ns &&
	      h.handoff == want->handoff);
	return NULL;
}

TEST(of_a_new_g)
{
	struct weft_attr a = { .sz = sizeof(a), .stack = 1 << 17 };
	struct weft_hints want = { .block_ns = 77, .slice_ns = 20000,
				   .handoff = WEFT_HANDOFF_NOW };
	struct weft_g *g;
	int i;

	ASSERT_EQ(0, rt_start(1));
	a.block_ns = -1;
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a, has, NULL));
	a.block_ns = 77;
	a.slice_ns = 1;
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a, has, NULL));
	a.slice_ns = 20000;
	a.handoff = 3;
	EXPECT_EQ(-EINVAL, weft_spawn(&g, &a, has, NULL));
	a.handoff = WEFT_HANDOFF_NOW;
	for (i = 0; i < 2; i++, a.stack = 0) {
		ASSERT_EQ(0, weft_spawn(&g, &a, has, &want));
		ASSERT_EQ(0, weft_join(g, NULL));
	}
	/* The next one in the same place has none. */
	memset(&want, 0, sizeof(want));
	ASSERT_EQ(0, weft_spawn(&g, NULL, has, &want));
	ASSERT_EQ(0, weft_join(g, NULL));
	DONE();
}

/* ---- the page ---- */

/* This M's page is that of the calling G. */
static bool shown(s64 block_ns)
{
	struct weft_hint_words *w = this_m()->hint;

	return w->g == weft_id(weft_self()) && w->block_ns == block_ns &&
	       w->tid == weft__gettid();
}

static void *without(void *arg)
{
	while (READ_ONCE(step) < 2) {
		CHECK(!this_m()->hint->g);
		__atomic_add_fetch(&others, 1, __ATOMIC_SEQ_CST);
		weft_yield();
	}
	return arg;
}

static void *with(void *arg)
{
	s64 ns = (s64)(intptr_t)arg;
	int i;

	CHECK(!weft_hint_block(ns));
	for (i = 0; i < 1000; i++) {
		CHECK(shown(ns));
		weft_yield();
	}
	CHECK(!weft_sleep(NSEC_PER_MSEC));
	CHECK(shown(ns));
	CHECK(!weft_lock_thread());
	weft_yield();
	CHECK(shown(ns));
	CHECK(!weft_unlock_thread());
	weft_yield();
	CHECK(shown(ns));
	__atomic_add_fetch(&step, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void shown_by(struct __test_metadata *_metadata, u32 procs)
{
	ASSERT_EQ(0, rt_start(procs));
	ASSERT_EQ(0, weft_go(with, (void *)1000l));
	ASSERT_EQ(0, weft_go(with, (void *)2000l));
	ASSERT_EQ(0, weft_go(without, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(step) == 2));
	EXPECT_LT(100, others);
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_TRUE(AWAIT(!READ_ONCE(S.m[0]->hint->g)));
	DONE();
}

TEST(the_page_is_of_the_g_that_runs)
{
	shown_by(_metadata, 1);
}

TEST(on_two_ps_too)
{
	NEEDS_CPUS(2);
	shown_by(_metadata, 2);
}

static struct weft_parker inside;

static void *child(void *arg)
{
	CHECK(this_m()->hint->g == (u64)(uintptr_t)arg);
	WRITE_ONCE(step, 1);
	CHECK(!weft_park_until(&inside, WEFT_FOREVER));
	CHECK(!this_m()->hint->g);
	return NULL;
}

static void *child_with(void *arg)
{
	CHECK(!weft_hint_block(9));
	CHECK(shown(9));
	return arg;
}

/* Runs c, which never ran, as a call. */
static void *joiner(void *arg)
{
	struct weft_g *g;
	u64 before, id = weft_id(weft_self());

	CHECK(!weft_hint_block(4711));
	before = this_m()->ninline;
	CHECK(!weft_spawn(&g, NULL, child_with, NULL));
	CHECK(!weft_join(g, NULL));
	CHECK(this_m()->ninline == before + 1 && shown(4711));
	CHECK(!weft_spawn(&g, NULL, child, (void *)(uintptr_t)id));
	CHECK(!weft_join(g, NULL));
	CHECK(shown(4711));
	weft_yield();
	CHECK(shown(4711));
	WRITE_ONCE(step, 2);
	return arg;
}

TEST(a_child_inside_of_its_joiner)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(joiner, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(step) == 1));
	ASSERT_EQ(0, weft_unpark(&inside));
	EXPECT_TRUE(AWAIT(READ_ONCE(step) == 2));
	DONE();
}

/* One that has started, and one with hints: both are switched to. */
static void *starts_first(void *arg)
{
	struct weft_attr a = { .sz = sizeof(a), .block_ns = 5 };
	struct weft_hints want = { .block_ns = 5 };
	struct weft_g *g;

	CHECK(!weft_hint_block(6));
	CHECK(!weft_spawn(&g, &a, has, &want));
	CHECK(!weft_join(g, NULL));
	CHECK(shown(6));
	CHECK(!weft_spawn(&g, NULL, other, NULL));
	weft_yield();
	CHECK(!weft_join(g, NULL));
	CHECK(shown(6));
	return arg;
}

TEST(a_child_with_hints_of_its_own)
{
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, starts_first, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

/* As a tool finds it: by the links in /proc/PID/fd. */
static int hint_file(pid_t pid)
{
	char dir[64], path[400], to[64];
	int fd = -1;
	ssize_t n;
	DIR *d;
	struct dirent *e;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", pid);
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		n = readlink(path, to, sizeof(to) - 1);
		if (n < 0)
			continue;
		to[n] = 0;
		if (!strcmp(to, "/memfd:" WEFT_HINT_FILE " (deleted)"))
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return fd;
}

static const struct weft_hint_head *map_hints(pid_t pid)
{
	int fd = hint_file(pid);
	void *p;

	if (fd < 0)
		return NULL;
	p = mmap(NULL, 4096 * 8, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static void *keeps(void *arg)
{
	CHECK(!weft_hint_block(31337));
	WRITE_ONCE(step, 1);
	CHECK(G_SPIN(READ_ONCE(stop)));
	return arg;
}

/* In another process: the words of M 0 */
static int looks_from_outside(pid_t of)
{
	const struct weft_hint_head *h = map_hints(of);
	const struct weft_hint_words *w;

	if (!h || h->magic != WEFT_HINT_MAGIC || h->pid != of ||
	    h->version != WEFT_HINT_VERSION || h->npages < 2 ||
	    h->words_size != sizeof(*w))
		return 1;
	w = (const void *)((const char *)h + h->page_size);
	return !w->g || !w->tid || w->block_ns != 31337;
}

TEST(another_process_can_map_it)
{
	int status = -1;
	pid_t pid;

	ASSERT_EQ(0, rt_start(1));
	if (!weft__feature(WEFT__HINTS)) {
		CHECK(!weft_stop());
		SKIP(return, "%s", weft__feature_why(WEFT__HINTS));
	}
	ASSERT_EQ(0, weft_go(keeps, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(step) == 1));
	pid = fork();
	if (!pid) {
		/* Its own is gone. */
		if (hint_file(getpid()) >= 0)
			_exit(2);
		_exit(looks_from_outside(getppid()));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	WRITE_ONCE(stop, 1);
	DONE();
	EXPECT_EQ(-1, hint_file(getpid()));
}

TEST(private_where_it_is_turned_off)
{
	struct weft_g *g;

	setenv("WEFT_HINTS", "off", 1);
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(-1, hint_file(getpid()));
	ASSERT_EQ(0, weft_spawn(&g, NULL, starts_first, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

TEST(no_file_beyond_the_limit)
{
	struct rlimit l = { 4096, 4096 };

	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &l));
	ASSERT_EQ(0, rt_start(1));
	EXPECT_EQ(-1, hint_file(getpid()));
	DONE();
}

/* The host may close what it does not know, and open something there. */
TEST(a_descriptor_of_the_host_is_not_closed)
{
	int fd, i;

	ASSERT_EQ(0, rt_start(1));
	fd = open("/dev/null", O_RDWR);
	for (i = 3; i < 64; i++)
		dup2(fd, i);
	DONE();
	for (i = 3; i < 64; i++)
		EXPECT_EQ(0, fcntl(i, F_GETFD) & ~FD_CLOEXEC);
}

/* ---- Gs with hints leave nothing undone ---- */

static void *from_the_global_queue(void *arg)
{
	CHECK(!weft_lock_thread());
	CHECK(!weft_go(other, NULL));	/* not into the P's queue */
	CHECK(!weft_unlock_thread());
	return arg;
}

static void *yields_with_a_hint(void *arg)
{
	CHECK(!weft_hint_block(1));
	WRITE_ONCE(step, 1);
	CHECK(G_AWAIT(READ_ONCE(others)));
	return arg;
}

TEST(the_global_queue_is_looked_at)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(yields_with_a_hint, NULL));
	ASSERT_EQ(0, weft_go(yields_with_a_hint, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(step)));
	ASSERT_EQ(0, weft_go(from_the_global_queue, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(others)));
	DONE();
}

/* ---- expected to block for long, hand off now or never ---- */

/* With a monitor that sees nothing, and a section that does not sleep. */
static void start_blind(struct __test_metadata *_metadata)
{
	setenv("WEFT_SYSMON", "1000000", 1);
	ASSERT_EQ(0, rt_start(1));
}

static void *hands_off(void *arg)
{
	s64 ns = (s64)(intptr_t)arg;

	CHECK(!weft_go(other, NULL));
	errno = EXDEV;
	CHECK(!weft_block_begin_for(ns));
	CHECK(errno == EXDEV);
	CHECK(G_SPIN(READ_ONCE(others)));
	weft_block_end();
	CHECK(weft_errno() == EXDEV);
	WRITE_ONCE(step, 1);
	return NULL;
}

TEST(a_long_section_hands_off_at_once)
{
	start_blind(_metadata);
	ASSERT_EQ(0, weft_go(hands_off, (void *)(intptr_t)WEFT_BLOCK_LONG));
	EXPECT_TRUE(AWAIT(READ_ONCE(step)));
	/* counted after the deed */
	EXPECT_TRUE(AWAIT(rt_stats().handoffs_begin == 1));
	EXPECT_LE(1, rt_stats().handoffs);
	DONE();
}

static void *hands_off_now(void *arg)
{
	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NOW));
	return hands_off(arg);
}

TEST(and_one_that_says_now)
{
	start_blind(_metadata);
	ASSERT_EQ(0, weft_go(hands_off_now, (void *)WEFT_BLOCK_SHORT));
	EXPECT_TRUE(AWAIT(READ_ONCE(step)));
	/* counted after the deed */
	EXPECT_TRUE(AWAIT(rt_stats().handoffs_begin == 1));
	DONE();
}

static void *not_at_once(void *arg)
{
	struct m *m = this_m();
	uintptr_t t = m_token(m);

	CHECK(!weft_block_begin_for(WEFT_BLOCK_SHORT));
	CHECK(m_token(m) == t);
	weft_block_end();
	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	CHECK(!weft_block_begin_for(WEFT_BLOCK_LONG));
	CHECK(m_token(m) == t);
	weft_block_end();
	return arg;
}

TEST(others_do_not)
{
	struct weft_g *g;

	start_blind(_metadata);
	ASSERT_EQ(0, weft_spawn(&g, NULL, not_at_once, NULL));
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_EQ(0, rt_stats().handoffs_begin);
	DONE();
}

/* Its M comes back as any other, and its G waits its turn. */
static void *comes_back(void *arg)
{
	int i;

	for (i = 0; i < 50; i++) {
		u32 n = READ_ONCE(others);

		CHECK(!weft_block_begin_for(WEFT_BLOCK_LONG));
		CHECK(G_SPIN(READ_ONCE(others) != n));
		weft_block_end();
	}
	WRITE_ONCE(stop, 1);
	return arg;
}

TEST(its_end_is_that_of_any_section)
{
	struct weft_stats st;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(comes_back, NULL));
	ASSERT_EQ(0, weft_go(yields, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(stop)));
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	st = rt_stats();
	EXPECT_EQ(50, st.handoffs_begin);
	EXPECT_LE(1, st.returns_global);
	EXPECT_GE(10, st.ms);
	DONE();
}

/* No thread can be had: it is a section like any other. */
TEST(the_cap_makes_it_a_plain_one)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1, .max_m = 1 };
	struct weft_g *g;

	ASSERT_EQ(0, weft_start(&o));
	ASSERT_EQ(0, pipe(pipe_fd));
	others = 1;
	ASSERT_EQ(0, weft_spawn(&g, NULL, hands_off,
				(void *)(intptr_t)WEFT_BLOCK_LONG));
	EXPECT_EQ(0, weft_join(g, NULL));
	EXPECT_EQ(0, rt_stats().handoffs_begin);
	DONE();
}

/* ---- never ---- */

static s64 slept;

static void *never(void *arg)
{
	s64 start;

	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	do {
		WRITE_ONCE(others, 0);
		CHECK(!weft_go(other, NULL));
		start = weft__now();
		usleep(20000);
		slept = weft__now() - start;
		WRITE_ONCE(step, READ_ONCE(others));
		CHECK(G_AWAIT(READ_ONCE(others)));
		/* Somebody else had the CPU: once more. */
	} while (slept > 80 * NSEC_PER_MSEC);
	WRITE_ONCE(stop, 1);
	return arg;
}

TEST(one_that_says_never_keeps_its_p)
{
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(never, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(stop)));
	EXPECT_EQ(0, step);
	DONE();
}

static void *writes(void *arg)
{
	slept = weft__now() - slept;
	CHECK(write(pipe_fd[1], "x", 1) == 1);
	return arg;
}

static void *never_and_sleeps(void *arg)
{
	char c;

	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	CHECK(!weft_go(writes, NULL));
	CHECK(read(pipe_fd[0], &c, 1) == 1);
	WRITE_ONCE(step, 1);
	return arg;
}

static void *never_and_computes(void *arg)
{
	char c;

	CHECK(!weft_hint_handoff(WEFT_HANDOFF_NEVER));
	CHECK(!weft_go(writes, NULL));
	CHECK(!fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK));
	CHECK(G_SPIN(read(pipe_fd[0], &c, 1) == 1));
	WRITE_ONCE(step, 1);
	return arg;
}

static void not_for_ever(struct __test_metadata *_metadata, weft_fn *fn)
{
	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(0, rt_start(1));
	slept = weft__now();
	ASSERT_EQ(0, weft_go(fn, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(step)));
	EXPECT_LE(HINT_NEVER, slept);
	DONE();
}

TEST(never_is_100_ms_asleep)
{
	not_for_ever(_metadata, never_and_sleeps);
}

TEST(or_computing)
{
	not_for_ever(_metadata, never_and_computes);
}

/* ---- short ---- */

#define PATIENCE (900 * NSEC_PER_USEC)
#define ROUNDS 20

static s64 gone_at, least;
static u32 in;

/* Goes on when the reader has lost its P, and lets it come back. */
static void *notes(void *arg)
{
	s64 took;
	u32 i;

	for (i = 1; i <= ROUNDS; i++) {
		CHECK(G_AWAIT(READ_ONCE(in) == i));
		took = weft__now() - gone_at;
		if (took < least)
			least = took;
		CHECK(write(pipe_fd[1], "x", 1) == 1);
	}
	return arg;
}

static void *reads(void *arg)
{
	char c;
	int i;

	CHECK(!weft_hint_block((s64)(intptr_t)arg));
	CHECK(!weft_go(notes, NULL));
	for (i = 1; i <= ROUNDS; i++) {
		/*
		 * By a pop after this it has the P; then it sleeps.  One that
		 * came back may go on without a token for some pops, beside
		 * who has got it.
		 */
		do {
			gone_at = weft__now();
			weft_yield();
		} while (!has_token(this_m()));
		WRITE_ONCE(in, i);
		CHECK(read(pipe_fd[0], &c, 1) == 1);
	}
	return NULL;
}

static void patience(struct __test_metadata *_metadata, s64 ns)
{
	struct weft_g *g;

	least = INT64_MAX;
	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, reads, (void *)(intptr_t)ns));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

TEST(a_short_call_keeps_the_p_for_so_long)
{
	patience(_metadata, PATIENCE);
	EXPECT_LE(PATIENCE, least);
}

/* The monitor is as patient as the sentinels. */
TEST(so_does_the_monitor)
{
	setenv("WEFT_BLOCK_DETECT", "sysmon", 1);
	setenv("WEFT_SYSMON", "20", 1);
	patience(_metadata, PATIENCE);
	EXPECT_LE(PATIENCE, least);
}

/* ---- slice ---- */

static s64 turn;

static void *computes(void *arg)
{
	s64 start, end;

	CHECK(!weft_hint_slice((s64)(intptr_t)arg));
	do {
		WRITE_ONCE(others, 0);
		CHECK(!weft_go(other, NULL));
		start = weft__now();
		end = start + 30 * NSEC_PER_MSEC;
		do {
			weft_checkpoint();
			turn = weft__now();
		} while (!READ_ONCE(others) && turn < end);
		turn -= start;
		CHECK(G_AWAIT(READ_ONCE(others)));
	} while (turn > 100 * NSEC_PER_MSEC);
	return NULL;
}

static void slice(struct __test_metadata *_metadata, s64 ns)
{
	struct weft_g *g;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_spawn(&g, NULL, computes, (void *)(intptr_t)ns));
	EXPECT_EQ(0, weft_join(g, NULL));
	DONE();
}

TEST(a_long_slice_does_not_end)
{
	slice(_metadata, 200 * NSEC_PER_MSEC);
	EXPECT_LE(30 * NSEC_PER_MSEC, turn);
}

TEST(a_short_slice_ends_early)
{
	s64 best = INT64_MAX;
	int i;

	for (i = 0; i < 20 && best > 8 * NSEC_PER_MSEC; i++) {
		slice(_metadata, NSEC_PER_MSEC);
		best = turn < best ? turn : best;
	}
	EXPECT_GE(8 * NSEC_PER_MSEC, best);
}

/* ---- near ---- */

static struct weft_parker asleep;

static void *listens(void *arg)
{
	CHECK(!weft_park_until(&asleep, WEFT_FOREVER));
	return arg;
}

#define TALKS 20

static u32 given_away;

/* With an idle M a G that runs on gives away what it readies. */
static void *talks(void *arg)
{
	struct weft_g *g;
	struct m *m;
	u64 before;

	CHECK(!weft_spawn(&g, NULL, listens, NULL));
	if (arg)
		CHECK(!weft_hint_near(g));
	weft_yield();
	CHECK(G_SPIN(READ_ONCE(asleep.weft__word) > PARK_PERMIT &&
		     READ_ONCE(weft__want.eager)));
	m = this_m();
	before = m->n.global_put;
	CHECK(!weft_unpark(&asleep));
	given_away += m->n.global_put != before;
	CHECK(!weft_join(g, NULL));
	return NULL;
}

/* The other M may stop being idle just then, and ours be moved: not often. */
static u32 talked(struct __test_metadata *_metadata, void *arg)
{
	struct weft_g *g;
	int i;

	given_away = 0;
	for (i = 0; i < TALKS; i++) {
		ASSERT_EQ(0, weft_spawn(&g, NULL, talks, arg));
		EXPECT_EQ(0, weft_join(g, NULL));
	}
	return given_away;
}

TEST(one_that_is_near_stays_here)
{
	NEEDS_CPUS(2);
	ASSERT_EQ(0, rt_start(2));
	EXPECT_LT(TALKS / 2, talked(_metadata, NULL));
	EXPECT_GT(TALKS / 2, talked(_metadata, &given_away));
	DONE();
}

TEST_HARNESS_MAIN
