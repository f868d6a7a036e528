/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * bench.h - what a benchmark is, and what it may use.
 *
 * A file measures one thing and holds the twin of it that uses pthreads alone.
 * It defines one or more struct bench and registers them with BENCH_ROWS():
 * pointers in a section of their own, so that link order is the order of the
 * table and no list has to be kept.
 *
 * A function of a row runs in a child process of its own, once.  It is given a
 * struct run, measures, and leaves r->value and further fields there:
 *
 *	run_begin(r);			the clock starts; stopping() will be
 *	while (!stopping())		true after the row's time
 *		n += work();
 *	run_end(r, n);			value = time / n
 *
 * The weft function runs as the first G of a runtime with r->procs processors,
 * the pthread function on the main thread, confined to r->procs CPUs.  That of
 * an outside row runs on the main thread, and calls run_weft() for each runtime
 * that it wants.
 *
 * The files are built twice: as they are (impl weft-lib and, in a program
 * linked to the shared library, weft-so: exported functions), and all together
 * in inline.c with WEFT_INLINE (impl weft).  So static names
 * must differ between files.
 */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <weft/weft.h>

#ifdef WEFT_INLINE
#define BENCH_INLINED true
#else
#define BENCH_INLINED false
#endif

/** struct size - how much a row does: a count, a time, or both */
struct size {
	long n;
	int ms;
};

struct run;
typedef void bench_fn(struct run *r);

/**
 * struct bench - one row
 * @name:	as in --bench
 * @unit:	of the value: "ns", "ms" or "percent"
 * @doc:	one line
 * @weft:	measures weft; NULL for a primitive
 * @pthread:	measures the twin
 * @host:	measures a primitive of the machine; NULL for other rows
 * @twin:	what the twin does instead where it cannot do the same; or NULL
 * @full:	sizes
 * @quick:	with --quick
 * @twin_full:	for the twin, where they differ
 * @twin_quick:	the same with --quick
 * @arg:	tells rows apart that share a function
 * @min_procs:	0, or the fewest processors with which it means something
 * @max_procs:	0, or the most
 * @higher:	the higher the value, the better
 * @serial:	only one G has work at a time, so it never fills two CPUs
 * @fills:	there is work for every processor all the time
 * @outside:	the weft function starts its runtimes itself
 * @confined:	weft is confined to as many CPUs, too
 */
struct bench {
	const char *name, *unit, *doc;
	bench_fn *weft, *pthread, *host;
	const char *twin;
	struct size full, quick, twin_full, twin_quick;
	long arg;
	unsigned int min_procs, max_procs;
	bool higher, serial, fills, outside, confined;
};

#ifdef BENCH_INLINE
#define BENCH_SECTION "bench_inline"
#else
#define BENCH_SECTION "bench_rows"
#endif

/** BENCH_ROWS() - put a file's rows into the table, in this order */
#define BENCH_ROWS(file, ...)                                                 \
	static const struct bench *const file##_rows[]                        \
		__attribute__((used, section(BENCH_SECTION),                  \
			       aligned(sizeof(void *)))) = { __VA_ARGS__ }

#define FIELDS_MAX 32

struct field {
	const char *name;
	double val;
};

/**
 * struct run - one measurement in one child
 * @bench:	the row
 * @impl:	weft, weft-lib, weft-so, pthread, host, ...
 * @procs:	number of processors, or of CPUs for the twin
 * @round:	counts from 0; rows with two phases swap them in odd rounds
 * @seed:	for what is random
 * @n:		how much
 * @ms:		how long
 * @arg:	bench->arg
 * @setting:	NULL, or what a runtime may refuse: the row is skipped then
 * @value:	the result, in the row's unit
 * @skip:	set: why it cannot be measured here
 * @error:	set: what went wrong
 * @note:	set: what a reader must know
 * @field:	further figures
 * @stats:	counters of the runtime, if there was one
 */
struct run {
	const struct bench *bench;
	const char *impl;
	unsigned int procs, round;
	uint64_t seed;
	long n;
	int ms;
	long arg;
	const char *setting;

	double value;
	char skip[128], error[128], note[128];
	struct field field[FIELDS_MAX];
	int nfields;
	bool have_stats;
	struct weft_stats stats;

	int64_t t0, cpu0, wall_ns, cpu_ns;
	int cpus_used;
};

/* run.c: the clock of a measurement, and its results */
void run_begin(struct run *r);
void run_end(struct run *r, double ops);
void run_stop_clock(struct run *r);
void run_field(struct run *r, const char *name, double val);
void run_latencies(struct run *r, int64_t *v, long n);
__attribute__((format(printf, 2, 3)))
void run_skip(struct run *r, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void run_fail(struct run *r, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void run_note(struct run *r, const char *fmt, ...);
void stopper_start(void);

/* child.c: @fn as the first G of a runtime; 0, or it has set error or skip */
int run_weft(struct run *r, bench_fn *fn);

/* Alone on its lines: written once, read in every turn of every loop. */
extern struct stop_line {
	uint32_t armed;
	int stop;
} __attribute__((aligned(128))) bench_stop;

/** stopping() - the row's time is over */
static inline bool stopping(void)
{
	return __atomic_load_n(&bench_stop.stop, __ATOMIC_RELAXED);
}

/** stop_now() - a row ends itself before its time */
static inline void stop_now(void)
{
	__atomic_store_n(&bench_stop.stop, 1, __ATOMIC_RELAXED);
}

#define CPUS_MAX 1024
extern unsigned char cpus_seen[CPUS_MAX];

/** cpu_mark() - the caller runs on this CPU; cheap, not for every operation */
static inline void cpu_mark(void)
{
	int c = sched_getcpu();

	if (c >= 0 && c < CPUS_MAX && !cpus_seen[c])
		__atomic_store_n(&cpus_seen[c], 1, __ATOMIC_RELAXED);
}

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* weft/inline.h may have these already. */
#ifndef barrier
#define barrier() __asm__ __volatile__("" ::: "memory")
#endif
#ifndef READ_ONCE
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#endif
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
/* Written by others than its neighbours are. */
#define own_line _Alignas(128)

#ifndef noinline
#define noinline __attribute__((noinline))
#endif
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)

/* util.c */
void *zalloc(size_t n, size_t size);
void check(int err, const char *what);
int64_t process_cpu_ns(void);
void spin_ns(int64_t ns);
void sleep_until(int64_t deadline_ns);
uint64_t rnd(uint64_t *state);
int compare_i64(const void *a, const void *b);
int compare_double(const void *a, const void *b);
double percentile(const int64_t *sorted, long n, double p);
double median_of(double *v, long n);
void work_calibrate(void);
void work_us(int us);
long status_kb(const char *key);
int64_t task_ran_ns(long tid);

/* threads.c: what the twins are made of */
int thread_start(pthread_t *t, void *(*fn)(void *), void *arg);
long threads_start(pthread_t *t, long n, void *(*fn)(void *), void *args,
		   size_t argsize);
void threads_join(pthread_t *t, long n);
void futex_wait(uint32_t *f, uint32_t val);
void futex_wake(uint32_t *f, int n);

/* A permit for threads, made of one futex: the twin of struct weft_parker. */
struct permit {
	uint32_t word;
} __attribute__((aligned(128)));

void permit_wait(struct permit *p);
void permit_give(struct permit *p);

/* wakes.c */
bool futex_wakes(int64_t *lat, long n, uint64_t seed);

/* cpus.c */
int cpus_allowed(void);
int cpu_nth(int n);
int cpus_confine(int n);
int cpus_unconfine(void);
int cpu_bind(int n);

#endif /* BENCH_H */
