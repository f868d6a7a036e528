// SPDX-License-Identifier: GPL-2.0-only
/*
 * seen.c - what BPF tells of an M is what it does.
 */
#include "loader.h"

#include <sched.h>

#include "kselftest_harness.h"

#define MANY 40

/* ---- a G that reads from a pipe, then computes until it is told ---- */

struct reader {
	int fd[2];
	pid_t tid;
	u32 in, out, end;
};

static void *reads(void *arg)
{
	struct reader *r = arg;
	char c;

	r->tid = (pid_t)syscall(SYS_gettid);
	rt_set(&r->in, 1);
	CHECK(read(r->fd[0], &c, 1) == 1);
	/* Whoever looks at itself runs. */
	CHECK(!READ_ONCE(this_m()->slot) ||
	      m_seen(this_m()) == WEFT__SEEN_RUNNING);
	rt_set(&r->out, 1);
	G_SPIN(rt_get(&r->end));
	return NULL;
}

/* On a CPU, or it would be, if we were not on it. */
static bool runs(const struct m *m)
{
	return m_seen(m) == WEFT__SEEN_RUNNING ||
	       m_seen(m) == WEFT__SEEN_RUNNABLE;
}

static bool blocked(const struct m *m)
{
	return m && m_seen(m) == WEFT__SEEN_BLOCKED;
}

static void blocks_and_runs(struct __test_metadata *_metadata, bool timed)
{
	s64 before = weft__now(), since;
	struct reader r = { .end = 0 };
	struct m *m;
	u64 word;

	ASSERT_EQ(0, pipe(r.fd));
	ASSERT_EQ(0, weft_go(reads, &r));
	ASSERT_TRUE(AWAIT(rt_get(&r.in)));
	m = m_of_tid(r.tid);
	ASSERT_NE(NULL, m);
	ASSERT_NE(NULL, READ_ONCE(m->slot));
	ASSERT_TRUE(AWAIT(blocked(m)));
	word = READ_ONCE(m->slot->word);
	since = weft__slot_since(m->slot);
	if (timed) {
		EXPECT_EQ(SYS_read, READ_ONCE(m->slot->nr));
		EXPECT_GT(since, before);
		EXPECT_LE(since, weft__now());
	} else {
		EXPECT_EQ(0, since);
	}

	ASSERT_EQ(1, write(r.fd[1], "x", 1));
	ASSERT_TRUE(AWAIT(rt_get(&r.out)));
	EXPECT_TRUE(AWAIT(runs(m)));
	EXPECT_GT(READ_ONCE(m->slot->word), word);
	if (timed)
		EXPECT_GT(weft__slot_since(m->slot), since);
	rt_set(&r.end, 1);
	EXPECT_TRUE(AWAIT(!rt_stats().gs));
	close(r.fd[0]);
	close(r.fd[1]);
}

TEST(a_block_and_a_return_are_seen)
{
	struct loader l;

	NEEDS_LOADER(&l);
	ASSERT_EQ(0, seen_start(1));
	ASSERT_TRUE(loader_ends(&l));
	ASSERT_TRUE(weft__detect_on());
	blocks_and_runs(_metadata, false);
	DONE();
}

TEST(since_when_and_in_which_call)
{
	struct loader l;

	if (!loader_start_with(&l, "-t"))
		SKIP(return, "%s", l.said);
	ASSERT_EQ(0, seen_start(1));
	ASSERT_TRUE(loader_ends(&l));
	blocks_and_runs(_metadata, true);
	DONE();
}

TEST(the_loader_need_not_stay)
{
	struct loader l;

	NEEDS_LOADER(&l);
	ASSERT_EQ(0, seen_start(1));
	ASSERT_TRUE(loader_ends(&l));
	blocks_and_runs(_metadata, false);
	EXPECT_TRUE(rt_stop());
	/* And for another start as well */
	ASSERT_EQ(0, seen_start(1));
	blocks_and_runs(_metadata, false);
	DONE();
}

/* ---- preempted is not blocked ---- */

static u32 stop;

static void *burns(void *arg)
{
	while (!rt_get(&stop))
		cpu_relax();
	return arg;
}

static struct m *spinner;

static void *spins(void *arg)
{
	WRITE_ONCE(spinner, this_m());
	G_SPIN(rt_get(&stop));
	return arg;
}

TEST(a_preempted_m_is_runnable)
{
	struct loader l;
	pthread_t t;
	cpu_set_t one;
	int cpu = rt_first_cpu(0);

	NEEDS_LOADER(&l);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_EQ(0, seen_start(1));
	ASSERT_TRUE(loader_ends(&l));
	ASSERT_EQ(0, pthread_create(&t, NULL, burns, NULL));
	ASSERT_EQ(0, weft_go(spins, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(spinner)));
	/* All on one CPU: whoever sees this has preempted the M. */
	EXPECT_TRUE(AWAIT(m_seen(spinner) == WEFT__SEEN_RUNNABLE));
	rt_set(&stop, 1);
	pthread_join(t, NULL);
	DONE();
}

/* ---- many ---- */

static void many(struct __test_metadata *_metadata)
{
	static struct reader r[MANY];
	struct m *m[MANY];
	int i, j;

	memset(r, 0, sizeof(r));
	for (i = 0; i < MANY; i++) {
		r[i].end = 1;
		ASSERT_EQ(0, pipe(r[i].fd));
		ASSERT_EQ(0, weft_go(reads, &r[i]));
	}
	for (i = 0; i < MANY; i++) {
		ASSERT_TRUE(AWAIT(rt_get(&r[i].in)));
		m[i] = m_of_tid(r[i].tid);
		ASSERT_NE(NULL, m[i]);
		ASSERT_TRUE(AWAIT(blocked(m[i])));
		for (j = 0; j < i; j++)
			ASSERT_NE(m[j]->slot, m[i]->slot);
	}
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(1, write(r[i].fd[1], "x", 1));
	for (i = 0; i < MANY; i++) {
		ASSERT_TRUE(AWAIT(rt_get(&r[i].out)));
		close(r[i].fd[0]);
		close(r[i].fd[1]);
	}
}

TEST(each_of_many_has_its_own_slot)
{
	struct weft__slot *slot;
	struct loader l;
	u32 i, used = 0;

	NEEDS_LOADER(&l);
	ASSERT_EQ(0, seen_start(2));
	ASSERT_TRUE(loader_ends(&l));
	many(_metadata);
	slot = S.m[0]->slot - (u32)S.m[0]->tid % WEFT__SLOTS;
	EXPECT_TRUE(rt_stop());
	/* Ms that have ended leave nothing. */
	for (i = 0; i < WEFT__SLOTS; i++)
		used += slot[i].tid != 0 || slot[i].word != 0;
	EXPECT_EQ(0, used);
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

/* ---- it comes late, it goes early ---- */

TEST(it_may_come_while_gs_run)
{
	struct reader r = { .end = 0 };
	struct loader l;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_FALSE(weft__detect_on());
	ASSERT_EQ(0, pipe(r.fd));
	ASSERT_EQ(0, weft_go(burns, NULL));
	if (!loader_start(&l)) {
		rt_set(&stop, 1);
		EXPECT_TRUE(rt_stop());
		SKIP(return, "%s", l.said);
	}
	ASSERT_TRUE(AWAIT(weft__detect_on()));
	ASSERT_TRUE(loader_ends(&l));
	rt_set(&stop, 1);
	ASSERT_TRUE(AWAIT(READ_ONCE(S.m[0]->slot)));
	blocks_and_runs(_metadata, false);
	DONE();
}

/* The link of the program, among our descriptors */
static int close_link(void)
{
	char path[64], to[64];
	ssize_t n;
	int fd;

	for (fd = 3; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n <= 0)
			continue;
		to[n] = '\0';
		if (strstr(to, "bpf_link") || strstr(to, "bpf-link"))
			return close(fd);
	}
	return -1;
}

static void *feeds(void *arg)
{
	struct reader *r = arg;

	CHECK(G_AWAIT(rt_get(&r->in)));
	CHECK(write(r->fd[1], "x", 1) == 1);
	return NULL;
}

TEST(a_program_that_is_gone_is_not_believed)
{
	struct reader r = { .end = 1 };
	struct loader l;
	u32 i;

	NEEDS_LOADER(&l);
	ASSERT_EQ(0, seen_start(1));
	ASSERT_TRUE(loader_ends(&l));
	ASSERT_EQ(0, pipe(r.fd));
	ASSERT_EQ(0, weft_go(burns, NULL));
	ASSERT_TRUE(AWAIT(runs(S.m[0])));
	ASSERT_EQ(0, close_link());
	EXPECT_TRUE(AWAIT(!weft__detect_on()));
	for (i = 0; i < READ_ONCE(S.nm); i++)
		EXPECT_TRUE(AWAIT(m_seen(S.m[i]) == WEFT__SEEN_NEVER));
	rt_set(&stop, 1);
	/* Then a G that blocks is noticed as without. */
	ASSERT_EQ(0, weft_go(reads, &r));
	ASSERT_EQ(0, weft_go(feeds, &r));
	EXPECT_TRUE(AWAIT(rt_get(&r.out)));
	DONE();
}

/* ---- two processes ---- */

static int one_of_two(void *go)
{
	struct reader r = { .end = 1 };
	struct loader l;
	struct m *m;
	u32 *ready = go;

	if (!loader_start(&l))
		return KSFT_SKIP;
	if (seen_start(1) || !loader_ends(&l) || pipe(r.fd) ||
	    weft_go(reads, &r))
		return 1;
	if (!AWAIT(rt_get(&r.in)))
		return 2;
	m = m_of_tid(r.tid);
	if (!m || !AWAIT(blocked(m)))
		return 3;
	/* The other is here too: what it does is not told of us. */
	atomic_add(ready, 1);
	if (!AWAIT(rt_get(ready) >= 2) || !blocked(m))
		return 4;
	if (write(r.fd[1], "x", 1) != 1 || !AWAIT(rt_get(&r.out)))
		return 5;
	return rt_stop() && !rt_bad ? 0 : 6;
}

TEST(two_processes_have_their_own)
{
	u32 *ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[2];
	int i, status;

	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(one_of_two(ready));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		if (WEXITSTATUS(status) == KSFT_SKIP && !i)
			SKIP(waitpid(pid[1], &status, 0); return, "no loader");
		EXPECT_EQ(0, WEXITSTATUS(status));
	}
}

/* ---- a fork ---- */

TEST(a_child_forgets_the_words)
{
	struct loader l;
	int status;
	pid_t pid;

	NEEDS_LOADER(&l);
	ASSERT_EQ(0, seen_start(1));
	ASSERT_TRUE(loader_ends(&l));
	pid = fork();
	if (!pid) {
		/* What it starts is not told of, and does not write there. */
		if (weft__detect_on() || !close_link())
			_exit(1);
		unsetenv("WEFT_BLOCK_DETECT");
		if (rt_start(1) || m_seen(S.m[0]) || weft__detect_on())
			_exit(2);
		_exit(rt_stop() ? 0 : 3);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	blocks_and_runs(_metadata, false);
	DONE();
}

TEST_HARNESS_MAIN
