// SPDX-License-Identifier: GPL-2.0-only
/*
 * sentinel.c - each sentence of lib/block/sentinel.c: when it is armed, what it
 * does, when it stops, and what happens when it is preempted in the middle.
 */
#define _GNU_SOURCE
#include "../core/rt.h"
#include <block/sentinel.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"

#define NEEDS_SENTINEL()                                                      \
	do {                                                                  \
		if (!weft__feature(WEFT__SENTINEL)) {                         \
			CHECK(!weft_stop());                                  \
			SKIP(return, "%s",                                    \
			     weft__feature_why(WEFT__SENTINEL));              \
		}                                                             \
	} while (0)

static u32 stop;
static u64 turns;

static void *yields(void *arg)
{
	while (!READ_ONCE(stop)) {
		WRITE_ONCE(turns, READ_ONCE(turns) + 1);
		weft_yield();
	}
	return arg;
}

/* Reads bytes that nobody announced, and yields after each. */
struct reader {
	int fd[2];
	u32 in, out;		/* reads begun and done */
	u32 fed;		/* bytes written; the feeder's own */
	u32 rounds;
};

static void *reads(void *arg)
{
	struct reader *r = arg;
	char c;

	while (r->out < r->rounds) {
		WRITE_ONCE(r->in, r->in + 1);
		CHECK(read(r->fd[0], &c, 1) == 1);
		WRITE_ONCE(r->out, r->out + 1);
		weft_yield();
	}
	return NULL;
}

/* An ordinary thread feeds it, once the yielder has gone on without it. */
static bool feed(struct reader *r)
{
	u64 t;

	/* It has read all that it was given, and asks for more. */
	if (!AWAIT(READ_ONCE(r->in) == r->fed + 1))
		return false;
	r->fed++;
	t = READ_ONCE(turns);
	return AWAIT(READ_ONCE(turns) > t + 1) && write(r->fd[1], "x", 1) == 1;
}

static bool reader_start(struct reader *r, u32 rounds)
{
	r->rounds = rounds;
	return !pipe(r->fd) && !weft_go(reads, r);
}

static const struct sentinel *sentinel_of(u32 p)
{
	return READ_ONCE(S.p[p]->sentinel);
}

/* The kernel thread of this name, or 0 */
static pid_t thread_named(const char *want)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	char path[300], name[32];
	pid_t found = 0;
	FILE *f;

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 e->d_name);
		f = fopen(path, "r");
		if (f && fgets(name, sizeof(name), f) &&
		    !strcmp(strtok(name, "\n"), want))
			found = atoi(e->d_name);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

/* ---- what it is for ---- */

TEST(unannounced_block_is_noticed)
{
	struct reader r = { 0 };
	u32 i;

	ASSERT_EQ(0, rt_start(1));
	NEEDS_SENTINEL();
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_TRUE(reader_start(&r, 200));
	for (i = 0; i < 200; i++)
		ASSERT_TRUE(feed(&r));
	EXPECT_TRUE(AWAIT(READ_ONCE(r.out) == 200));
	/* Where the CPUs have no time for it, the monitor does the most. */
	EXPECT_GE(rt_stats().handoffs_sentinel, 1);
	WRITE_ONCE(stop, 1);
	DONE();
}

/* A scheduler class of its own, on the seat's CPU, one for each P. */
TEST(it_is_a_sched_idle_thread_on_the_seat)
{
	struct reader r = { 0 };
	const struct sentinel *s;
	pid_t tid;

	ASSERT_EQ(0, rt_start(1));
	NEEDS_SENTINEL();
	ASSERT_EQ(0, thread_named("weft-s0"));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_TRUE(AWAIT((tid = thread_named("weft-s0"))));
	EXPECT_TRUE(AWAIT(sched_getscheduler(tid) == SCHED_IDLE));
	s = sentinel_of(0);
	ASSERT_NE(NULL, s);
	EXPECT_TRUE(AWAIT(rt_first_cpu(tid) == (int)READ_ONCE(s->cpu) &&
			  READ_ONCE(s->cpu) == READ_ONCE(S.p[0]->q.seat)));
	/* It has seen a block, and nobody was left behind. */
	ASSERT_TRUE(reader_start(&r, 1));
	ASSERT_TRUE(feed(&r));
	EXPECT_TRUE(AWAIT(READ_ONCE(r.out)));
	WRITE_ONCE(stop, 1);
	DONE();
	EXPECT_EQ(0, thread_named("weft-s0"));
}

TEST(sysmon_setting_turns_it_off)
{
	struct reader r = { 0 };
	u32 i;

	setenv("WEFT_BLOCK_DETECT", "sysmon", 1);
	ASSERT_EQ(0, rt_start(1));
	EXPECT_FALSE(weft__feature(WEFT__SENTINEL));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_TRUE(reader_start(&r, 5));
	for (i = 0; i < 5; i++)
		ASSERT_TRUE(feed(&r));
	ASSERT_TRUE(AWAIT(READ_ONCE(r.out) == 5));
	EXPECT_GE(rt_stats().handoffs, 1);
	EXPECT_EQ(0, rt_stats().handoffs_sentinel);
	EXPECT_EQ(NULL, sentinel_of(0));
	WRITE_ONCE(stop, 1);
	DONE();
}

/* ---- when it looks ---- */

TEST(sleeps_when_no_g_waits)
{
	pid_t tid;
	u64 looks;

	ASSERT_EQ(0, rt_start(1));
	NEEDS_SENTINEL();
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_TRUE(AWAIT((tid = thread_named("weft-s0"))));
	WRITE_ONCE(stop, 1);
	ASSERT_TRUE(AWAIT(!rt_stats().gs));
	EXPECT_TRUE(AWAIT(!READ_ONCE(sentinel_of(0)->armed) &&
			  weft__thread_state(tid) == 'S'));
	looks = rt_stats().sentinel_looks;
	usleep(20000);
	EXPECT_EQ(looks, rt_stats().sentinel_looks);
	EXPECT_EQ('S', weft__thread_state(tid));
	DONE();
}

/*
 * Its M hogs another CPU than the seat, with a G waiting: so the seat's CPU is
 * idle, and the sentinel runs there for nothing.
 */
static void *hogs_elsewhere(void *arg)
{
	u32 here = READ_ONCE(this_m()->vc->cpu_id), i;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	CPU_CLR(here, &set);
	for (i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			break;
	CPU_ZERO(&set);
	CPU_SET(i, &set);
	CHECK(!sched_setaffinity(0, sizeof(set), &set));
	G_SPIN(READ_ONCE(stop));
	sched_setaffinity(0, S.topo.setsize, S.topo.allowed);
	return arg;
}

TEST(runs_in_vain_never_takes_and_retires)
{
	u64 looks, handoffs;

	NEEDS_CPUS(2);
	/* The monitor comes too late to put another M beside the hog. */
	setenv("WEFT_SYSMON", "1000000", 1);
	ASSERT_EQ(0, rt_start(1));
	NEEDS_SENTINEL();
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_EQ(0, weft_go(hogs_elsewhere, NULL));
	ASSERT_TRUE(AWAIT(rt_stats().sentinel_looks));
	/* That it runs is no proof: the M is running. */
	ASSERT_TRUE(AWAIT(rt_stats().sentinels_retired));
	looks = rt_stats().sentinel_looks;
	handoffs = rt_stats().handoffs_sentinel;
	EXPECT_EQ(0, handoffs);
	/* For a second at least it looks no more. */
	usleep(100000);
	EXPECT_EQ(looks, rt_stats().sentinel_looks);
	EXPECT_FALSE(weft__sentinel_in_charge(S.p[0], weft__now()));
	WRITE_ONCE(stop, 1);
	DONE();
}

/* ---- the spare ---- */

static int woke_on = -1;

static void *where_am_i(void *arg)
{
	WRITE_ONCE(woke_on, sched_getcpu());
	return arg;
}

struct here {
	int fd[2];
	int cpu;
	u32 in;
};

static void *blocks_here(void *arg)
{
	struct here *h = arg;
	char c;

	WRITE_ONCE(woke_on, -1);
	CHECK(!weft_go(where_am_i, NULL));
	h->cpu = sched_getcpu();
	WRITE_ONCE(h->in, 1);
	CHECK(read(h->fd[0], &c, 1) == 1);
	return NULL;
}

TEST(successor_runs_where_the_m_blocked)
{
	struct here h = { .cpu = -1 };
	u32 i, same = 0;

	NEEDS_CPUS(2);
	ASSERT_EQ(0, rt_start(1));
	NEEDS_SENTINEL();
	ASSERT_EQ(0, pipe(h.fd));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, weft_go(blocks_here, &h));
		ASSERT_TRUE(AWAIT(READ_ONCE(woke_on) >= 0));
		same += woke_on == h.cpu;
		ASSERT_EQ(1, write(h.fd[1], "x", 1));
		ASSERT_TRUE(AWAIT(!rt_stats().gs));
	}
	EXPECT_GE(same, 90);
	/* It is free again, once sysmon has seen it run. */
	ASSERT_EQ(0, weft_go(yields, NULL));
	EXPECT_TRUE(AWAIT(READ_ONCE(tok_m(READ_ONCE(S.tok[0]))->bound) ==
			  RUNQ_NOCPU));
	WRITE_ONCE(stop, 1);
	DONE();
}

/* More Gs than there ever were spares block, one after the other. */
TEST(spares_are_replenished)
{
	enum { N = 60 };
	struct reader r[N] = { 0 };
	u64 t;
	u32 i;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(yields, NULL));
	for (i = 0; i < N; i++) {
		ASSERT_TRUE(reader_start(&r[i], 1));
		ASSERT_TRUE(AWAIT(READ_ONCE(r[i].in)));
		t = READ_ONCE(turns);
		ASSERT_TRUE(AWAIT(READ_ONCE(turns) > t + 1));
	}
	EXPECT_GE(rt_stats().ms, N + 1);
	/* And no more are kept than are needed. */
	EXPECT_LE(rt_stats().ms, N + 1 + 16);
	for (i = 0; i < N; i++)
		ASSERT_EQ(1, write(r[i].fd[1], "x", 1));
	WRITE_ONCE(stop, 1);
	DONE();
}

static void cap_of_two(void *arg)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 1, .max_m = 2 };
	struct reader r[3] = { 0 };
	u32 i;

	(void)arg;
	CHECK(!weft_start(&o));
	CHECK(!weft_go(yields, NULL));
	for (i = 0; i < 3; i++)
		CHECK(reader_start(&r[i], 1));
	/* The second that blocks has no successor: one stands for both. */
	CHECK(AWAIT(READ_ONCE(r[0].in) + READ_ONCE(r[1].in) +
			    READ_ONCE(r[2].in) == 2));
	usleep(30000);
	CHECK(rt_stats().ms == 2);
	CHECK(rt_stats().handoffs == 1);
	WRITE_ONCE(stop, 1);
	for (i = 0; i < 3; i++)
		CHECK(write(r[i].fd[1], "x", 1) == 1);
	CHECK(rt_stop());
	_exit(READ_ONCE(rt_bad) != 0);
}

TEST(cap_turns_handoff_off_with_one_warning)
{
	struct rt_child *c = rt_in_child(cap_of_two, NULL);
	const char *first;

	EXPECT_EXIT(c, 0);
	ASSERT_TRUE(rt_said(c, "no kernel thread in place of one that blocked"));
	EXPECT_TRUE(rt_said(c, "WEFT_MAX_M=2"));
	first = strstr(c->said, "no kernel thread");
	EXPECT_EQ(NULL, strstr(first + 1, "no kernel thread"));
	free(c);
}

/* ---- preempted in the middle ---- */

/* In a call; its token HANDED to a spare that nobody has woken. */
struct stalled {
	int fd[2];
	struct m *spare;
	u32 done;
};

static void *loses_its_token(void *arg)
{
	struct stalled *st = arg;
	struct m *m = this_m(), *s;
	uintptr_t t = m_token(m);
	char c;

	/* As a sentinel does that is preempted right after its CAS. */
	CHECK(G_AWAIT((s = weft__claim_spare(NULL, RUNQ_NOCPU))));
	WRITE_ONCE(st->spare, s);
	m = this_m();
	t = m_token(m);
	WRITE_ONCE(s->tok, m->tok);
	CHECK(cas(&S.tok[m->tok], t, (uintptr_t)s | TOK_HANDED));
	CHECK(read(st->fd[0], &c, 1) == 1);
	WRITE_ONCE(st->done, 1);
	return NULL;
}

TEST(handed_token_of_a_sleeper_is_seen_to)
{
	struct stalled st = { 0 };
	struct reader r = { 0 };
	u64 t;

	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_TRUE(reader_start(&r, 1));
	ASSERT_TRUE(feed(&r));		/* so that there is a spare */
	ASSERT_TRUE(AWAIT(rt_stats().spares));
	ASSERT_EQ(0, pipe(st.fd));
	ASSERT_EQ(0, weft_go(loses_its_token, &st));
	ASSERT_TRUE(AWAIT(READ_ONCE(st.spare)));
	t = READ_ONCE(turns);
	EXPECT_TRUE(AWAIT(READ_ONCE(turns) > t + 1));
	EXPECT_FALSE(READ_ONCE(st.done));
	/* the wake-up after all: it finds that it has none, and is a spare */
	weft__wake_m(st.spare);
	EXPECT_TRUE(AWAIT(READ_ONCE(S.spare[st.spare->id / 64]) >>
			  st.spare->id % 64 & 1));
	ASSERT_EQ(1, write(st.fd[1], "x", 1));
	EXPECT_TRUE(AWAIT(READ_ONCE(st.done)));
	WRITE_ONCE(stop, 1);
	DONE();
}

/* ---- where the M blocks ---- */

static void *reads_with_a_false_cpu(void *arg)
{
	struct reader *r = arg;
	struct vcpu *vc = this_m()->vc;
	char c;

	/* The kernel writes it again on the way back to user mode. */
	WRITE_ONCE(vc->cpu_id, READ_ONCE(vc->cpu_id) + 1);
	WRITE_ONCE(r->in, 1);
	CHECK(read(r->fd[0], &c, 1) == 1);
	WRITE_ONCE(r->out, 1);
	return NULL;
}

TEST(blocks_on_another_cpu_than_its_area_says)
{
	struct reader r = { 0 };
	u64 t;

	ASSERT_EQ(0, rt_start(1));
	NEEDS_SENTINEL();
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_EQ(0, pipe(r.fd));
	ASSERT_EQ(0, weft_go(reads_with_a_false_cpu, &r));
	ASSERT_TRUE(AWAIT(READ_ONCE(r.in)));
	t = READ_ONCE(turns);
	EXPECT_TRUE(AWAIT(READ_ONCE(turns) > t + 1));
	EXPECT_FALSE(READ_ONCE(r.out));
	ASSERT_EQ(1, write(r.fd[1], "x", 1));
	EXPECT_TRUE(AWAIT(READ_ONCE(r.out)));
	WRITE_ONCE(stop, 1);
	DONE();
}

/* A page that a slow handler brings. */
struct slow_page {
	int uffd;
	void *page;
	char copy[4096];
	u32 faults, release;
};

static bool slow_page_open(struct slow_page *sp)
{
	struct uffdio_api api = { .api = UFFD_API };

	sp->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK |
						  UFFD_USER_MODE_ONLY);
	return sp->uffd >= 0 && !ioctl(sp->uffd, UFFDIO_API, &api);
}

/* Its page goes away; who touches it next waits for us. */
static weft__racy bool slow_page_arm(struct slow_page *sp, void *page)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)page, 4096 },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	sp->page = page;
	memcpy(sp->copy, page, 4096);
	return !ioctl(sp->uffd, UFFDIO_REGISTER, &reg) &&
	       !madvise(page, 4096, MADV_DONTNEED);
}

static void *slow_page_serve(void *arg)
{
	struct slow_page *sp = arg;
	struct uffdio_copy copy = { .src = (uintptr_t)sp->copy, .len = 4096 };
	struct pollfd pfd = { .fd = sp->uffd, .events = POLLIN };
	struct uffd_msg msg;

	CHECK(poll(&pfd, 1, 20000) == 1);
	CHECK(read(sp->uffd, &msg, sizeof(msg)) == sizeof(msg));
	WRITE_ONCE(sp->faults, 1);
	CHECK(AWAIT(READ_ONCE(sp->release)));
	copy.dst = (uintptr_t)sp->page;
	CHECK(!ioctl(sp->uffd, UFFDIO_COPY, &copy));
	return NULL;
}

static u32 parked, resumed;
static char *parked_frame;
static struct weft_parker parker;

static void *parks(void *arg)
{
	char here;

	WRITE_ONCE(parked_frame, &here);
	WRITE_ONCE(parked, 1);
	CHECK(!weft_park(&parker));
	WRITE_ONCE(resumed, 1);
	return arg;
}

/*
 * The page of a G's context is gone: the M that switches to it faults in the
 * middle of the scheduler, with one G in its hands.
 */
TEST(blocks_inside_the_scheduler)
{
	static struct slow_page sp;
	pthread_t server;
	u64 t;

#ifdef WEFT__ASAN
	SKIP(return, "copies a stack, red zones and all");
#endif
	if (!slow_page_open(&sp))
		SKIP(return, "no userfaultfd here");
	ASSERT_EQ(0, rt_start(1));
	ASSERT_EQ(0, weft_go(parks, NULL));
	ASSERT_TRUE(AWAIT(READ_ONCE(parked) && rt_stats().parked));
	ASSERT_TRUE(AWAIT(rt_stats().idle == 1));
	ASSERT_TRUE(slow_page_arm(&sp, (void *)((uintptr_t)parked_frame &
						~4095ul)));
	ASSERT_EQ(0, pthread_create(&server, NULL, slow_page_serve, &sp));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_EQ(0, weft_go(yields, NULL));
	ASSERT_EQ(0, weft_unpark(&parker));
	ASSERT_TRUE(AWAIT(READ_ONCE(sp.faults)));
	t = READ_ONCE(turns);
	EXPECT_TRUE(AWAIT(READ_ONCE(turns) > t + 100));
	EXPECT_FALSE(READ_ONCE(resumed));
	EXPECT_GE(rt_stats().handoffs, 1);
	WRITE_ONCE(sp.release, 1);
	EXPECT_TRUE(AWAIT(READ_ONCE(resumed)));
	pthread_join(server, NULL);
	WRITE_ONCE(stop, 1);
	DONE();
}

/* ---- without /proc ---- */

static void in_an_empty_root(void *arg)
{
	struct reader r = { 0 };
	char dir[] = "/tmp/weft-XXXXXX";
	u64 t;

	(void)arg;
	if (!mkdtemp(dir) || chroot(dir) || chdir("/"))
		_exit(4);
	CHECK(!rt_start(1));
	CHECK(!weft__feature(WEFT__SENTINEL));
	if (weft__feature(WEFT__RSEQ) && weft__feature(WEFT__MEMBARRIER))
		CHECK(strstr(weft__feature_why(WEFT__SENTINEL),
			     "not readable"));
	CHECK(!weft_go(yields, NULL));
	CHECK(!pipe(r.fd));
	r.rounds = 1;
	CHECK(!weft_go(reads, &r));
	CHECK(AWAIT(READ_ONCE(r.in)));
	/* Nobody can ask: after a slice the other one goes on all the same. */
	t = READ_ONCE(turns);
	CHECK(AWAIT(READ_ONCE(turns) > t + 1));
	CHECK(write(r.fd[1], "x", 1) == 1);
	WRITE_ONCE(stop, 1);
	CHECK(rt_stop());
	_exit(READ_ONCE(rt_bad) != 0);
}

TEST(without_proc_sysmon_is_in_charge)
{
	struct rt_child *c;

	if (geteuid())
		SKIP(return, "chroot needs root");
	c = rt_in_child(in_an_empty_root, NULL);
	EXPECT_EXIT(c, 0);
	if (WEXITSTATUS(c->status))
		fprintf(stderr, "%s", c->said);
	free(c);
}

TEST_HARNESS_MAIN
