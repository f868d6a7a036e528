// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * boost.cpp - our rows with Boost.Fiber.
 *
 * At 1 P one thread with the default scheduler, round_robin.  At N P as many
 * threads, each with work_stealing in its default form: a thread that has
 * nothing to do asks the others again and again and does not sleep.  (With
 * suspend = true it sleeps, but nobody wakes it when there is work to steal.)
 *
 * What differs from weft:
 *
 *   - the fiber that measures is that of main(); it is bound to its thread;
 *   - stacks have 16 KiB and come from malloc (the default is 128 KiB; the
 *     pooled allocator does not allow for several threads);
 *   - the queue of those that are ready is first in, first out, so that a tree
 *     grows breadth first and has most of its stacks at once: a gigabyte for
 *     each 100,000.  Hence fib(27) at most, 100,000 leaves in skynet (the time
 *     is scaled up) and 100,000 fibers in mem.  With launch::dispatch in place
 *     of post they are fewer, but it takes longer;
 *   - park and wake are a mutex, a condition variable and a flag: there is no
 *     permit of one word;
 *   - nothing announces a call that blocks, so block8 and block8_sleep are not
 *     there, and block8_plain is.
 *
 * A fiber that was blocked goes back to the thread on which it blocked.  So in
 * parkwake the one that waits is started on the second thread, with round_robin
 * on both.
 *
 * The channels, locks and sleepers are in sync.cpp.
 */
#include "boost.hpp"

#include <atomic>
#include <cerrno>
#include <malloc.h>
#include <unistd.h>

#include <boost/version.hpp>

#define FIB_MAX 27
#define FIBERS_MAX 100000	/* at once */

const char *peer_version(void)
{
	static char buf[96];

	snprintf(buf, sizeof(buf), "Boost.Fiber %d.%d.%d, g++ %s",
		 BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000,
		 BOOST_VERSION % 100, __VERSION__);
	return buf;
}

/* What malloc has got it keeps, as a pool would. */
__attribute__((constructor)) static void keep_memory(void)
{
	mallopt(M_TRIM_THRESHOLD, INT32_MAX);
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

struct yield_fiber {
	long turns;
} __attribute__((aligned(64)));

static std::atomic<long> yield_ready;
static std::atomic<bool> yield_go;

static void yield_turns(struct yield_fiber *y, long share)
{
	long turns = 0;

	yield_ready++;
	while (!yield_go.load(std::memory_order_acquire))
		boost::this_fiber::yield();
	cpu_mark();
	while (!stopping()) {
		boost::this_fiber::yield();
		if (!(++turns & 255))
			cpu_mark();
		if (turns == share)
			stop_now();
	}
	y->turns = turns;
}

static void yield(struct run *r)
{
	long i, n = r->arg, sum = 0, min, max;
	std::vector<yield_fiber> y(n);
	std::vector<bf::fiber> f(n);
	threads ts(r->procs);

	for (i = 0; i < n; i++)
		f[i] = start([&y, i, r, n] { yield_turns(&y[i], r->n / n); });
	while (yield_ready < n)
		boost::this_fiber::yield();
	run_begin(r);
	yield_go.store(true, std::memory_order_release);
	for (i = 0; i < n; i++)
		f[i].join();
	min = max = y[0].turns;
	for (i = 0; i < n; i++) {
		sum += y[i].turns;
		min = y[i].turns < min ? y[i].turns : min;
		max = y[i].turns > max ? y[i].turns : max;
	}
	run_end(r, sum);
	run_field(r, "turns_min", min);
	run_field(r, "turns_max", max);
}

static void switch_row(struct run *r)
{
	permit_fiber a, b;
	long ops = 0, ops_b = 0;
	threads ts(r->procs);
	bf::fiber f = start([&] {
		for (;;) {
			b.wait();
			if (stopping())
				break;
			if (!(++ops_b & 255))
				cpu_mark();
			a.give();
		}
		a.give();
	});

	run_begin(r);
	while (!stopping()) {
		ops++;
		b.give();
		a.wait();
	}
	run_end(r, ops + ops_b);
	b.give();
	f.join();
}

static void spawn_join(struct run *r)
{
	void *ret = NULL;
	long ops = 0;
	threads ts(r->procs);

	run_begin(r);
	while (!stopping()) {
		ops++;
		bf::fiber f = start([&] { ret = &ops; });

		if (r->arg)
			boost::this_fiber::yield();
		f.join();
		if (ret != &ops)
			run_fail(r, "a fiber left a wrong value");
	}
	run_end(r, ops);
}

static void batch_round(long n)
{
	static std::vector<bf::fiber> f(n);
	long i;

	for (i = 0; i < n; i++)
		f[i] = start([i] {
			if (!(i & 255))
				cpu_mark();
		});
	for (i = 0; i < n; i++)
		f[i].join();
}

static void batch(struct run *r)
{
	threads ts(r->procs);

	peer_batch_row(r, batch_round);
}

static long fib_tree(long n)
{
	long a, b;

	if (n < 2)
		return n;
	if (n == 10)
		cpu_mark();
	bf::fiber f = start([&a, n] { a = fib_tree(n - 1); });
	b = fib_tree(n - 2);
	f.join();
	return a + b;
}

static void fib(struct run *r)
{
	threads ts(r->procs);

	if (r->n > FIB_MAX)
		r->n = FIB_MAX;
	peer_fib_row(r, fib_tree);
}

static long skynet_node(long first, long leaves)
{
	long child[10], sum = 0;
	bf::fiber f[10];
	int i;

	if (leaves == 1)
		return first;
	if (leaves == 100)
		cpu_mark();
	for (i = 0; i < 10; i++)
		f[i] = start([&child, first, leaves, i] {
			child[i] = skynet_node(first + i * (leaves / 10),
					       leaves / 10);
		});
	for (i = 9; i >= 0; i--) {
		f[i].join();
		sum += child[i];
	}
	return sum;
}

static long skynet_tree(long leaves)
{
	return skynet_node(0, leaves);
}

static void skynet(struct run *r)
{
	long all = r->n;
	threads ts(r->procs);

	if (r->n > FIBERS_MAX)
		r->n = FIBERS_MAX;
	peer_skynet_row(r, skynet_tree);
	r->value *= (double)all / r->n;
}

#define PARKWAKE_MAX 200000
#define PARKWAKE_LATE_NS 50000000

static struct {
	permit_fiber permit;
	std::atomic<long> ready;
	std::atomic<int64_t> woken_at;
	std::atomic<bool> quit;
} parkwake_w;

static void parkwake_waiter(void)
{
	long i;

	for (i = 1;; i++) {
		parkwake_w.ready = i;
		parkwake_w.permit.wait();
		parkwake_w.woken_at = now_ns();
		cpu_mark();
		if (parkwake_w.quit)
			return;
	}
}

static int64_t parkwake_once(int64_t gap_ns, long *late)
{
	int64_t t, at;

	spin_ns(gap_ns);
	parkwake_w.woken_at = 0;
	t = now_ns();
	parkwake_w.permit.give();
	while (!(at = parkwake_w.woken_at)) {
		relax();
		if (now_ns() - t < PARKWAKE_LATE_NS)
			continue;
		++*late;
		while (!parkwake_w.woken_at)
			boost::this_fiber::yield();
	}
	return at - t;
}

static void parkwake(struct run *r)
{
	std::vector<int64_t> lat(PARKWAKE_MAX);
	uint64_t seed = r->seed + r->round;
	long n = 0, late = 0;
	std::thread second([] {
		start(parkwake_waiter).join();
	});

	run_begin(r);
	while (!stopping() && n < PARKWAKE_MAX) {
		while (parkwake_w.ready != n + 1)
			boost::this_fiber::yield();
		lat[n++] = parkwake_once(
			r->arg + rnd(&seed) % (r->arg / 2 + 1), &late);
	}
	run_stop_clock(r);
	parkwake_w.quit = true;
	parkwake_w.permit.give();
	second.join();
	run_latencies(r, lat.data(), n);
	run_field(r, "wakes", n);
	run_field(r, "late_50ms", late);
}

static void steal_round(long n, int us)
{
	static std::vector<bf::fiber> f(n);
	long i;

	for (i = 0; i < n; i++)
		f[i] = start([us] {
			work_us(us);
			cpu_mark();
		});
	for (i = 0; i < n; i++)
		f[i].join();
}

static void steal(struct run *r)
{
	threads ts(r->procs);

	peer_steal_row(r, steal_round);
}

#define BLOCK8_WORKERS 56
#define BLOCK8_BLOCKERS 8
#define BLOCK8_WORK_US 20
#define BLOCK8_NS 10000000

#define HOG_WORKERS 100

enum beside_how { BLOCK8_PLAIN, BLOCK8_YIELD, BLOCK8_NANO, HOG };

/* What all phases of a kind gave together */
struct beside_sum {
	double s, pieces, done;
	int64_t worst_ns;
};

struct block8_worker {
	long pieces;
	int64_t last, worst_ns;
} __attribute__((aligned(128)));

static int block8_fd[BLOCK8_BLOCKERS][2];

static void block8_gap(struct block8_worker *w)
{
	int64_t t = now_ns();

	if (t - w->last > w->worst_ns)
		w->worst_ns = t - w->last;
	w->last = t;
}

static void block8_work(struct block8_worker *w)
{
	while (!stopping()) {
		work_us(BLOCK8_WORK_US);
		w->pieces++;
		cpu_mark();
		block8_gap(w);
		boost::this_fiber::yield();
	}
	block8_gap(w);
}

static void block8_feed(const std::atomic<bool> *fed)
{
	int64_t next = now_ns();
	int i;

	while (*fed) {
		next += BLOCK8_NS;
		sleep_until(next);
		for (i = 0; i < BLOCK8_BLOCKERS; i++)
			if (write(block8_fd[i][1], "x", 1) != 1)
				check(-EIO, "a write to a pipe");
	}
}

static void block8_block(long how, int i)
{
	struct timespec t = { 0, BLOCK8_NS };
	char c;

	if (how == BLOCK8_NANO)
		nanosleep(&t, NULL);
	else if (read(block8_fd[i][0], &c, 1) != 1)
		check(-EIO, "a read of a pipe");
}

static long beside_other(long how, int i)
{
	long done = 0;

	for (; !stopping(); done++) {
		if (how == HOG)
			continue;
		block8_block(how, i);
		if (how != BLOCK8_PLAIN)
			boost::this_fiber::yield();
	}
	return done;
}

static void beside_phase(struct run *r, bool with, struct beside_sum *sum)
{
	static struct block8_worker w[HOG_WORKERS];
	int workers = r->arg == HOG ? HOG_WORKERS : BLOCK8_WORKERS;
	int others = r->arg == HOG ? 1 : BLOCK8_BLOCKERS, i;
	bf::fiber f[HOG_WORKERS], b[BLOCK8_BLOCKERS];
	long done[BLOCK8_BLOCKERS] = {}, how = r->arg;

	run_begin(r);
	for (i = 0; with && i < others; i++)
		b[i] = start([&done, how, i] {
			done[i] = beside_other(how, i);
		});
	for (i = 0; i < workers; i++) {
		w[i] = { 0, r->t0, 0 };
		f[i] = start([i] { block8_work(&w[i]); });
	}
	for (i = 0; i < workers; i++)
		f[i].join();
	sum->s += (now_ns() - r->t0) / 1e9;
	run_stop_clock(r);
	for (i = 0; with && i < others; i++) {
		b[i].join();
		sum->done += done[i];
	}
	for (i = 0; i < workers; i++) {
		sum->pieces += w[i].pieces;
		if (w[i].worst_ns > sum->worst_ns)
			sum->worst_ns = w[i].worst_ns;
	}
}

static void beside_with(struct run *r, struct beside_sum *sum)
{
	std::atomic<bool> fed(true);

	if (r->arg == BLOCK8_NANO || r->arg == HOG) {
		beside_phase(r, true, sum);
		return;
	}
	std::thread feeder(block8_feed, &fed);

	beside_phase(r, true, sum);
	fed = false;
	feeder.join();
}

static void beside(struct run *r)
{
	struct beside_sum with = {}, without = {};
	threads ts(r->procs);
	long i;

	for (auto &fd : block8_fd)
		if (pipe(fd))
			check(-errno, "pipe");
	for (i = 0; i < r->n; i++) {
		if ((r->round + i) & 1)
			beside_with(r, &with);
		beside_phase(r, false, &without);
		if (!((r->round + i) & 1))
			beside_with(r, &with);
	}
	r->value = 100 * (with.pieces / with.s) / (without.pieces / without.s);
	run_field(r, "worst_ms", (with.worst_ns - without.worst_ns) / 1e6);
	run_field(r, "stall_with_ms", with.worst_ns / 1e6);
	run_field(r, "stall_without_ms", without.worst_ns / 1e6);
	run_field(r, "pieces_s_with", with.pieces / with.s);
	run_field(r, "pieces_s_without", without.pieces / without.s);
	if (r->arg != HOG)
		run_field(r, "blocks_s", with.done / with.s);
}

#define MEM_QUEUED 10000
#define MEM_CHUNK 1000

static double mem_bytes(const char *what)
{
	return status_kb(what) * 1024.0;
}

static double mem_used(void)
{
	return mem_bytes("VmRSS:") + mem_bytes("VmPTE:");
}

static long mem_running, mem_ended;
static std::vector<permit_fiber *> mem_slots;

static void mem_park(long i)
{
	permit_fiber p;

	mem_slots[i] = &p;
	mem_running++;
	p.wait();
	mem_ended++;
}

/* One processor, so plain counters do. */
static void mem(struct run *r)
{
	int64_t t, start_ns = 0;
	long i, end;
	double base, pte;

	if (r->n > FIBERS_MAX)
		r->n = FIBERS_MAX;
	mem_slots.resize(r->n);
	base = mem_used();
	pte = mem_bytes("VmPTE:");
	for (i = 0; i < MEM_QUEUED; i++)
		start([] { mem_ended++; }).detach();
	run_field(r, "bytes_queued", (mem_used() - base) / MEM_QUEUED);
	while (mem_ended < MEM_QUEUED)
		boost::this_fiber::yield();
	mem_ended = 0;
	run_begin(r);
	for (i = 0; i < r->n;) {
		t = now_ns();
		for (end = i + MEM_CHUNK; i < end && i < r->n; i++)
			start([i] { mem_park(i); }).detach();
		start_ns += now_ns() - t;
		while (mem_running < i)
			boost::this_fiber::yield();
	}
	run_stop_clock(r);
	r->value = (double)start_ns / r->n;
	run_field(r, "ns_first_run", (double)(r->wall_ns - start_ns) / r->n);
	run_field(r, "bytes_parked", (mem_used() - base) / r->n);
	run_field(r, "bytes_pte", (mem_bytes("VmPTE:") - pte) / r->n);
	t = now_ns();
	for (i = 0; i < r->n; i++)
		mem_slots[i]->give();
	while (mem_ended < r->n)
		boost::this_fiber::yield();
	run_field(r, "ns_wake_and_end", (double)(now_ns() - t) / r->n);
}

#define IDLE_GS 100
#define IDLE_SETTLE_NS 100000000ll

static void idle_watch(struct run *r, permit_fiber *first)
{
	int64_t cpu;

	sleep_until(now_ns() + IDLE_SETTLE_NS);
	run_begin(r);
	cpu = process_cpu_ns();
	sleep_until(now_ns() + r->n * 1000000ll);
	cpu = process_cpu_ns() - cpu;
	run_stop_clock(r);
	r->value = cpu / (r->n / 1e3);
	run_field(r, "cpu_ms_per_s", r->value / 1e6);
	first->give();
}

static void idle(struct run *r)
{
	permit_fiber first, p[IDLE_GS];
	bf::fiber f[IDLE_GS];
	threads ts(r->procs);
	int i;

	for (i = 0; i < IDLE_GS; i++)
		f[i] = start([&p, i] { p[i].wait(); });
	std::thread watch(idle_watch, r, &first);

	first.wait();
	for (auto &one : p)
		one.give();
	for (auto &one : f)
		one.join();
	watch.join();
	if (r->procs > 1)
		run_note(r, "work_stealing polls by default");
}

#define STACKS "stacks of 16 KiB by malloc"
#define TREE "fib(27) at most: memory; " STACKS
#define LEAVES "100,000 leaves, the time scaled up: memory; " STACKS
#define PERMIT "a permit is a mutex, a condition variable and a flag"
#define SECOND "the one woken belongs to a second thread; no stealing"
#define ROOM "room for 127; " STACKS
#define NO_SELECT "no select over channels"
#define NO_RWLOCK "no lock for readers and a writer"
#define NO_TIMER "no timers: only fibers that sleep"
#define PERMIT_SEM "a semaphore is a mutex, a condition variable and a flag"
#define NO_ANNOUNCE "nothing announces a call that blocks; see block8_plain"

const struct peer_row peer_rows[] = {
	{ "switch", switch_row, 0, PERMIT, NULL, NULL },
	{ "yield_g2", yield, 2, NULL, NULL, NULL },
	{ "yield_g64", yield, 64, NULL, NULL, NULL },
	{ "yield_g10000", yield, 10000, STACKS, NULL, NULL },
	{ "spawn_join", spawn_join, 0, STACKS, NULL, NULL },
	{ "spawn_join_sw", spawn_join, 1, STACKS, NULL, NULL },
	{ "batch", batch, 0, STACKS, NULL, NULL },
	{ "fib", fib, 0, TREE, NULL, NULL },
	{ "skynet", skynet, 0, LEAVES, NULL, "ms" },
	{ "parkwake", parkwake, 1200000, SECOND, NULL, NULL },
	{ "parkwake_spin", parkwake, 4000, SECOND, NULL, NULL },
	{ "steal", steal, 10, STACKS, NULL, NULL },
	{ "steal_1us", steal, 1, STACKS, NULL, NULL },
	{ "pingpong", pingpong, 0, NULL, NULL, NULL },
	{ "chan1x1", chan_row, 1, ROOM, NULL, NULL },
	{ "chan4x4", chan_row, CHAN_MANY, ROOM, NULL, NULL },
	{ "select4", NULL, 0, NULL, NO_SELECT, NULL },
	{ "mutex_2", mutex_row, 2, NULL, NULL, NULL },
	{ "mutex_8", mutex_row, 8, NULL, NULL, NULL },
	{ "mutex_64", mutex_row, 64, NULL, NULL, NULL },
	{ "rwlock_read8", NULL, 0, NULL, NO_RWLOCK, NULL },
	{ "cond_pingpong", cond_pingpong, 0, NULL, NULL, NULL },
	{ "sem_pingpong", sem_pingpong, 0, PERMIT_SEM, NULL, NULL },
	{ "block8", NULL, 0, NULL, NO_ANNOUNCE, NULL },
	{ "block8_sleep", NULL, 0, NULL, NO_ANNOUNCE, NULL },
	{ "block8_plain", beside, BLOCK8_PLAIN, NULL, NULL, "percent" },
	{ "block8_yield", beside, BLOCK8_YIELD, NULL, NULL, "percent" },
	{ "block8_nanosleep", beside, BLOCK8_NANO, NULL, NULL, "percent" },
	{ "hog", beside, HOG, NULL, NULL, "percent" },
	{ "mem", mem, 0, "100,000 fibers; " STACKS, NULL, NULL },
	{ "idle", idle, 0, PERMIT, NULL, NULL },
	{ "sleepers_10000", sleepers, 0, STACKS, NULL, NULL },
	{ "sleepers_100000", sleepers, 0, STACKS, NULL, NULL },
	{ "timer_churn", NULL, 0, NULL, NO_TIMER, NULL },
	{}
};
