/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rt.h - what the tests of a running runtime share.
 *
 * ASSERT_* of the harness leaves by longjmp(), so only the thread of the test
 * may use it.  Gs and other threads use CHECK(), which notes a failure and
 * goes on; the test ends with DONE(), which stops the runtime and fails if
 * anything was noted.
 */
#ifndef SELFTESTS_CORE_RT_H
#define SELFTESTS_CORE_RT_H

#include <core/sched.h>
#include <core/g_end.h>
#include <core/gpool.h>
#include <weft/weft.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * A test may wait for a flag by READ_ONCE() and then look at what came before
 * it: x86 keeps that order, and ThreadSanitizer must be told.
 */
#ifdef WEFT__TSAN
#undef READ_ONCE
#undef WRITE_ONCE
#define READ_ONCE(x) smp_load_acquire(&(x))
#define WRITE_ONCE(x, v) smp_store_release(&(x), (v))
#endif

#define RT_PATIENCE (20 * NSEC_PER_SEC)

static u32 rt_bad;

static inline void rt_note(const char *file, int line, const char *what)
{
	__atomic_add_fetch(&rt_bad, 1, __ATOMIC_SEQ_CST);
	fprintf(stderr, "# %s:%d: not so: %s\n", file, line, what);
}

#define CHECK(cond)                                                           \
	__extension__({                                                       \
		bool rt_ok = (cond);                                          \
		if (!rt_ok)                                                   \
			rt_note(__FILE__, __LINE__, #cond);                   \
		rt_ok;                                                        \
	})

/* An ordinary thread waits for a condition: true if it came. */
#define AWAIT(cond)                                                           \
	__extension__({                                                       \
		s64 rt_end = weft__now() + RT_PATIENCE;                       \
		bool rt_ok;                                                   \
		while (!(rt_ok = (cond)) && weft__now() < rt_end)             \
			usleep(50);                                           \
		rt_ok;                                                        \
	})

/* A G waits, letting others run. */
#define G_AWAIT(cond)                                                         \
	__extension__({                                                       \
		s64 rt_end = weft__now() + RT_PATIENCE;                       \
		bool rt_ok;                                                   \
		while (!(rt_ok = (cond)) && weft__now() < rt_end)             \
			weft_yield();                                         \
		rt_ok;                                                        \
	})

/* A G waits and keeps its M: no pop, no push, no switch. */
#define G_SPIN(cond)                                                          \
	__extension__({                                                       \
		s64 rt_end = weft__now() + RT_PATIENCE;                       \
		bool rt_ok;                                                   \
		while (!(rt_ok = (cond)) && weft__now() < rt_end)             \
			cpu_relax();                                          \
		rt_ok;                                                        \
	})

static inline int rt_start(u32 procs)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = procs };

	return weft_start(&o);
}

static inline struct weft_stats rt_stats(void)
{
	struct weft_stats st = { 0 };

	CHECK(!weft_stats(&st, sizeof(st)));
	return st;
}

/* All Gs have ended, and the runtime is gone. */
static inline bool rt_stop(void)
{
	bool ok = AWAIT(weft__live() <= 0);

	if (!ok)
		weft_dump(2);
	return weft_stop() == 0 && ok;
}

#define DONE()                                                                \
	do {                                                                  \
		EXPECT_TRUE(rt_stop());                                       \
		EXPECT_EQ(0, READ_ONCE(rt_bad));                              \
	} while (0)

/* So many CPUs, or skip. */
#define NEEDS_CPUS(n)                                                         \
	do {                                                                  \
		unsigned int rt_has = weft__cpus_allowed();                   \
		if (rt_has < (n))                                             \
			SKIP(return, "needs %d CPUs, has %u", (n), rt_has);   \
	} while (0)

/* A word that one thread or G sets and another waits for. */
static inline void rt_set(u32 *w, u32 val)
{
	/* What came before it is seen by who sees it, in rt_get(). */
	smp_store_release(w, val);
}

static inline u32 rt_get(u32 *w)
{
	/* What rt_set() came after is seen from here on. */
	return smp_load_acquire(w);
}

static inline struct g *rt_g(struct weft_g *g)
{
	return (struct g *)g;
}

/* The last event ev in a ring with seq > after; false: there is none. */
static weft__racy inline bool rt_event(const struct trace *t,
				       enum trace_event ev, u32 after,
				       struct trace_entry *out)
{
	u32 n = READ_ONCE(t->next), i;

	for (i = n; i > after && n - i < TRACE_SIZE; i--) {
		*out = t->e[(i - 1) % TRACE_SIZE];
		if (out->seq == i && out->event == ev)
			return true;
	}
	return false;
}

/* The CPU that thread tid may run on first, or -1. */
static inline int rt_first_cpu(pid_t tid)
{
	cpu_set_t set;
	int c;

	if (sched_getaffinity(tid, sizeof(set), &set))
		return -1;
	for (c = 0; c < CPU_SETSIZE; c++)
		if (CPU_ISSET(c, &set))
			return c;
	return -1;
}

/* What a child process said on stderr, and how it ended. */
struct rt_child {
	int status;
	size_t n;
	char said[32768];
};

static inline struct rt_child *rt_in_child(void (*fn)(void *), void *arg)
{
	struct rt_child *c = calloc(1, sizeof(*c));
	int p[2];
	pid_t pid;
	ssize_t r;

	if (!c || pipe(p))
		exit(1);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		alarm(20);
		dup2(p[1], 2);
		dup2(p[1], 1);
		close(p[0]);
		close(p[1]);
		fn(arg);
		_exit(0);
	}
	close(p[1]);
	while (c->n < sizeof(c->said) - 1 &&
	       (r = read(p[0], c->said + c->n, sizeof(c->said) - 1 - c->n)) > 0)
		c->n += (size_t)r;
	close(p[0]);
	waitpid(pid, &c->status, 0);
	return c;
}

static inline bool rt_said(const struct rt_child *c, const char *what)
{
	if (strstr(c->said, what))
		return true;
	fprintf(stderr, "# not said: %s\n# said (status %x):\n%s\n", what,
		(unsigned int)c->status, c->said);
	return false;
}

#define EXPECT_SIGNAL(c, sig)                                                 \
	do {                                                                  \
		EXPECT_TRUE(WIFSIGNALED((c)->status));                        \
		EXPECT_EQ((sig), WTERMSIG((c)->status));                      \
	} while (0)

#define EXPECT_EXIT(c, code)                                                  \
	do {                                                                  \
		EXPECT_TRUE(WIFEXITED((c)->status));                          \
		EXPECT_EQ((code), WEXITSTATUS((c)->status));                  \
	} while (0)

#endif /* SELFTESTS_CORE_RT_H */
