// SPDX-License-Identifier: GPL-2.0-only
/*
 * blocked.c - WEFT_DEBUG=blocked: the report names the calls in which Gs
 * blocked, how often, for how long, and where the Gs were started.
 */
#include "../core/rt.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <obs/calls.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#define LONG_NS (30 * NSEC_PER_MSEC)	/* more than a slice */

static u32 turns;

/* What stands in the table, or NULL */
struct row {
	unsigned long long count;
	double total, max;
	char rest[256];
};

/* The first row of this call with what in it */
static bool row_of(const struct rt_child *c, const char *call,
		   const char *what, struct row *r)
{
	const char *s;
	char name[32];

	for (s = c->said; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (sscanf(s, "weft: %llu %lf %lf %31s%255[^\n]", &r->count,
			   &r->total, &r->max, name, r->rest) == 5 &&
		    !strcmp(name, call) && strstr(r->rest, what))
			return true;
	}
	fprintf(stderr, "# no row of %s with %s in:\n%s\n", call, what,
		c->said);
	return false;
}

/* ---- Gs that block, each started in a function of its own ---- */

__attribute__((noinline)) void *block_nanosleep(void *arg)
{
	struct timespec ts = { .tv_nsec = LONG_NS };

	nanosleep(&ts, NULL);
	return arg;
}

static int pipe_fd[2];

__attribute__((noinline)) void *block_read(void *arg)
{
	char c;

	if (WEFT_BLOCKING(read(pipe_fd[0], &c, 1)) != 1)
		_exit(3);
	return arg;
}

static u32 futex_word;

__attribute__((noinline)) void *block_futex(void *arg)
{
	while (!rt_get(&futex_word))
		syscall(SYS_futex, &futex_word, FUTEX_WAIT, 0, NULL, NULL, 0);
	return arg;
}

static char *fault_page;

__attribute__((noinline)) void *block_fault(void *arg)
{
	(void)*(volatile char *)fault_page;
	return arg;
}

/* One place of three Gs, so not to be unrolled. */
__attribute__((noinline)) void start_nanosleep(void)
{
	static volatile int n;

	for (n = 0; n < 3; n++)
		weft_go(block_nanosleep, NULL);
}

__attribute__((noinline)) void start_read(void)
{
	weft_go(block_read, NULL);
	barrier();
}

__attribute__((noinline)) void start_futex(void)
{
	weft_go(block_futex, NULL);
	barrier();
}

__attribute__((noinline)) void start_fault(void)
{
	weft_go(block_fault, NULL);
	barrier();
}

/* Somebody always waits for a P. */
static void *yields(void *arg)
{
	u32 *left = arg;

	while (rt_get(left)) {
		atomic_add(&turns, 1);
		weft_yield();
	}
	return NULL;
}

static u32 busy = 1;

static void run(void (*start)(void), void (*release)(void))
{
	setenv("WEFT_DEBUG", "blocked", 1);
	if (rt_start(1) || weft_go(yields, &busy))
		_exit(4);
	start();
	usleep(2 * LONG_NS / 1000);
	if (release)
		release();
	if (!AWAIT(rt_stats().gs == 1))
		_exit(5);
	rt_set(&busy, 0);
	_exit(rt_stop() ? 0 : 6);
}

static void in_nanosleep(void *arg)
{
	(void)arg;
	run(start_nanosleep, NULL);
}

TEST(nanosleep_is_named_counted_and_timed)
{
	struct rt_child *c = rt_in_child(in_nanosleep, NULL);
	struct row r;

	EXPECT_EXIT(c, 0);
	ASSERT_TRUE(row_of(c, "clock_nanosleep", "start_nanosleep+", &r));
	EXPECT_NE(NULL, strstr(r.rest, "runs block_nanosleep+0x0"));
	EXPECT_EQ(3, r.count);
	EXPECT_GE(r.max, 25);
	EXPECT_GE(r.total, 3 * 25);
	EXPECT_LE(r.max, r.total);
}

static void feed(void)
{
	if (write(pipe_fd[1], "x", 1) != 1)
		_exit(7);
}

static void in_read(void *arg)
{
	(void)arg;
	if (pipe(pipe_fd))
		_exit(8);
	run(start_read, feed);
}

TEST(read_is_named)
{
	struct rt_child *c = rt_in_child(in_read, NULL);
	struct row r;

	EXPECT_EXIT(c, 0);
	ASSERT_TRUE(row_of(c, "read", "start_read+", &r));
	EXPECT_NE(NULL, strstr(r.rest, "runs block_read+0x0"));
	EXPECT_EQ(1, r.count);
	EXPECT_GE(r.max, 25);
}

static void wake(void)
{
	rt_set(&futex_word, 1);
	syscall(SYS_futex, &futex_word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void in_futex(void *arg)
{
	(void)arg;
	run(start_futex, wake);
}

TEST(futex_is_named)
{
	struct rt_child *c = rt_in_child(in_futex, NULL);
	struct row r;

	EXPECT_EXIT(c, 0);
	ASSERT_TRUE(row_of(c, "futex", "start_futex+", &r));
	EXPECT_EQ(1, r.count);
	EXPECT_GE(r.max, 25);
}

/* ---- a page fault that somebody else has to serve ---- */

static int fault_fd = -1;

static bool fault_setup(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range.len = 4096,
				       .mode = UFFDIO_REGISTER_MODE_MISSING };

	fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fault_fd < 0 || ioctl(fault_fd, UFFDIO_API, &api))
		return false;
	fault_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)fault_page;
	return fault_page != MAP_FAILED &&
	       !ioctl(fault_fd, UFFDIO_REGISTER, &reg);
}

static void fill(void)
{
	struct uffdio_zeropage z = { .range = { (uintptr_t)fault_page,
						4096 } };

	if (ioctl(fault_fd, UFFDIO_ZEROPAGE, &z))
		_exit(9);
}

static void in_fault(void *arg)
{
	(void)arg;
	if (!fault_setup())
		_exit(KSFT_SKIP);
	run(start_fault, fill);
}

TEST(page_fault_is_named)
{
	struct rt_child *c = rt_in_child(in_fault, NULL);
	struct row r;

	if (WIFEXITED(c->status) && WEXITSTATUS(c->status) == KSFT_SKIP)
		SKIP(return, "no userfaultfd");
	EXPECT_EXIT(c, 0);
	/* "page fault" is two words. */
	ASSERT_TRUE(row_of(c, "page", "fault", &r));
	EXPECT_NE(NULL, strstr(r.rest, "start_fault+"));
	EXPECT_EQ(1, r.count);
	EXPECT_GE(r.max, 25);
}

/* ---- where no G waits; without a stop; without the setting ---- */

static int first(void *arg)
{
	(void)arg;
	start_nanosleep();
	return 0;
}

static void alone(void *arg)
{
	(void)arg;
	setenv("WEFT_DEBUG", "blocked", 1);
	_exit(weft_run(first, NULL));
}

TEST(counted_though_no_g_waits)
{
	struct rt_child *c = rt_in_child(alone, NULL);
	struct row r;

	EXPECT_EXIT(c, 0);
	EXPECT_TRUE(row_of(c, "clock_nanosleep", "start_nanosleep+", &r));
}

static void exits(void *arg)
{
	(void)arg;
	setenv("WEFT_DEBUG", "blocked", 1);
	if (rt_start(1))
		_exit(4);
	start_nanosleep();
	if (!AWAIT(!rt_stats().gs))
		_exit(5);
	exit(0);
}

TEST(reported_at_an_exit_without_a_stop)
{
	struct rt_child *c = rt_in_child(exits, NULL);
	struct row r;

	EXPECT_EXIT(c, 0);
	EXPECT_TRUE(row_of(c, "clock_nanosleep", "start_nanosleep+", &r));
}

static void without(void *arg)
{
	(void)arg;
	_exit(weft_run(first, NULL));
}

TEST(nothing_is_said_unasked)
{
	struct rt_child *c = rt_in_child(without, NULL);

	EXPECT_EXIT(c, 0);
	EXPECT_STREQ("", c->said);
}

/* ---- names ---- */

TEST(names_are_the_kernels)
{
	char buf[CALL_NAME];

	EXPECT_STREQ("read", weft__call_name(SYS_read, buf));
	EXPECT_STREQ("futex", weft__call_name(SYS_futex, buf));
	EXPECT_STREQ("page fault", weft__call_name(-1, buf));
	EXPECT_STREQ("call 99999", weft__call_name(99999, buf));
	EXPECT_STREQ("call -7", weft__call_name(-7, buf));
}

/* A table that is full counts what it has no room for, and goes on. */
static struct calls full;
static char said[64 * 1024];

static void keep(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
}

TEST(a_full_table_is_in_order)
{
	const char *s;
	u32 i;

	for (i = 0; i < CALLS_MAX; i++) {
		full.e[i].key = (u64)(i + 2) << 48 | 1;
		full.e[i].count = 1;
		full.e[i].total_ns = (u64)(i * 7919 % CALLS_MAX) * 1000000;
	}
	full.lost = 5;
	weft__calls_print(&full, keep);
	/* The longest first: 255 ms before 254 ms. */
	s = strstr(said, " 255.000");
	ASSERT_NE(NULL, s);
	EXPECT_NE(NULL, strstr(s, " 254.000"));
	EXPECT_NE(NULL, strstr(s, "and 5 others"));
}

TEST_HARNESS_MAIN
