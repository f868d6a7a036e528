// SPDX-License-Identifier: GPL-2.0-only
/*
 * hints.c - what can be said by include/weft/hint.h, and how it is shown by
 * hint_page.h; heeded.c has what it does.
 */
#define _GNU_SOURCE
#include "hints.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

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

/*
 * The host may close what it does not know, and open something there.  Not
 * while a thread of ours has just opened a file of /proc and will close it: so
 * once all of them sleep.
 */
TEST(a_descriptor_of_the_host_is_not_closed)
{
	int fd, i;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_TRUE(AWAIT(READ_ONCE(S.mon_asleep)));
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

TEST_HARNESS_MAIN
