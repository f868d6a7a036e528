// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sync.cpp - channels, locks and sleepers with Boost.Fiber; as chan.c, locks.c
 * and sleepers.c.
 */
#include "boost.hpp"

#include <atomic>
#include <chrono>

#define CHAN_ROOM 128	/* a power of two, of which one stays empty */

struct chan_end {
	long n;
	uint64_t sum;
} __attribute__((aligned(128)));

void chan_row(struct run *r)
{
	bf::buffered_channel<uint64_t> c(CHAN_ROOM);
	std::vector<bf::fiber> s(r->arg), d(r->arg);
	struct chan_end se[CHAN_MANY] = {}, de[CHAN_MANY] = {};
	uint64_t sent = 0, received = 0;
	long i, n = 0;
	threads ts(r->procs);

	run_begin(r);
	for (i = 0; i < r->arg; i++)
		d[i] = start([&c, e = &de[i]] {
			uint64_t v, sum = 0;
			long n = 0;

			while (c.pop(v) == bf::channel_op_status::success) {
				n++;
				sum += v;
			}
			e->n = n;
			e->sum = sum;
		});
	for (i = 0; i < r->arg; i++)
		s[i] = start([&c, e = &se[i]] {
			uint64_t v = 0, sum = 0;

			while (!stopping()) {
				c.push(++v);
				sum += v;
				if (!(v & 1023))
					cpu_mark();
			}
			e->sum = sum;
		});
	for (auto &one : s)
		one.join();
	c.close();
	for (auto &one : d)
		one.join();
	for (i = 0; i < r->arg; i++) {
		sent += se[i].sum;
		received += de[i].sum;
		n += de[i].n;
	}
	run_end(r, n);
	if (sent != received)
		run_fail(r, "what was received is not what was sent");
}

void pingpong(struct run *r)
{
	bf::unbuffered_channel<uint64_t> there, back;
	uint64_t v = 0;
	long n = 0;
	threads ts(r->procs);
	bf::fiber f = start([&] {
		uint64_t x;

		while (there.pop(x) == bf::channel_op_status::success)
			back.push(x + 1);
	});

	run_begin(r);
	while (!stopping()) {
		there.push(v);
		back.pop(v);
		n++;
	}
	run_end(r, n);
	if (v != (uint64_t)n)
		run_fail(r, "what came back is not what went");
	there.close();
	f.join();
}

#define LOCKS_MAX 64
#define LOCKS_TURN 1024
#define LOCKS_MARK (16 * LOCKS_TURN)

static struct {
	bf::mutex mx;
	long count;
	int turn;
	bool over;
	bf::condition_variable cond[2];
} __attribute__((aligned(128))) locks;

static long locks_mutex(void)
{
	long n = 0;
	int i;

	do {
		for (i = 0; i < LOCKS_TURN; i++) {
			locks.mx.lock();
			locks.count++;
			locks.mx.unlock();
		}
		n += LOCKS_TURN;
		if (n % LOCKS_MARK == 0)
			cpu_mark();
		boost::this_fiber::yield();
	} while (!stopping());
	return n;
}

void mutex_row(struct run *r)
{
	std::vector<bf::fiber> f(r->arg);
	long done[LOCKS_MAX] = {}, i, sum = 0;
	threads ts(r->procs);

	run_begin(r);
	for (i = 0; i < r->arg; i++)
		f[i] = start([&done, i] { done[i] = locks_mutex(); });
	for (i = 0; i < r->arg; i++) {
		f[i].join();
		sum += done[i];
	}
	run_end(r, sum);
	if (sum != locks.count)
		run_fail(r, "%ld counted under the mutex, %ld done",
			 locks.count, sum);
}

/* The first ends it, in its turn; the other goes when it sees that. */
static long locks_cond(int me)
{
	std::unique_lock<bf::mutex> hold(locks.mx);
	long n = 0;

	while (!locks.over) {
		while (locks.turn != me && !locks.over)
			locks.cond[me].wait(hold);
		n++;
		if (!me && stopping())
			locks.over = true;
		locks.turn = !me;
		locks.cond[!me].notify_one();
	}
	return n;
}

static permit_fiber sem[2];
static std::atomic<bool> sem_over;

/* The first begins, and ends it; the other answers each time. */
static long locks_sem(int me)
{
	bool last;
	long n = 0;

	if (me)
		sem[1].wait();
	do {
		if (!me)
			sem_over.store(stopping(), std::memory_order_release);
		last = sem_over.load(std::memory_order_acquire);
		sem[!me].give();
		if (!last || !me)
			sem[me].wait();
		n++;
	} while (!last);
	return n;
}

static void two(struct run *r, long (*fn)(int me))
{
	long n[2];
	threads ts(r->procs);

	run_begin(r);
	bf::fiber a = start([&n, fn] { n[0] = fn(0); });
	bf::fiber b = start([&n, fn] { n[1] = fn(1); });
	a.join();
	b.join();
	run_end(r, n[0]);
}

void cond_pingpong(struct run *r)
{
	two(r, locks_cond);
}

void sem_pingpong(struct run *r)
{
	two(r, locks_sem);
}

#define SLEEPERS_TURNS 10
#define SLEEPERS_MIN_NS 1000000ull
#define SLEEPERS_SPAN_NS 99000001ull
#define SLEEPERS_SETTLE_NS 100000000
#define SLEEPERS_START_NS 20000

static void sleeper_sleep(int64_t ns)
{
	boost::this_fiber::sleep_for(std::chrono::nanoseconds(ns));
}

static void sleeper(int64_t *lat, int64_t begin, uint64_t seed)
{
	int64_t t, ns;
	int k;

	sleeper_sleep(begin + rnd(&seed) % SLEEPERS_SPAN_NS - now_ns());
	for (k = 0; k < SLEEPERS_TURNS; k++) {
		ns = SLEEPERS_MIN_NS + rnd(&seed) % SLEEPERS_SPAN_NS;
		t = now_ns();
		sleeper_sleep(ns);
		lat[k] = now_ns() - t - ns;
	}
	cpu_mark();
}

void sleepers(struct run *r)
{
	std::vector<int64_t> lat(r->n * SLEEPERS_TURNS);
	std::vector<bf::fiber> f(r->n);
	uint64_t seed = r->seed + r->round;
	int64_t begin, early;
	long i;
	threads ts(r->procs);

	begin = now_ns() + SLEEPERS_SETTLE_NS + r->n * SLEEPERS_START_NS;
	for (i = 0; i < r->n; i++)
		f[i] = start([&lat, begin, seed, i] {
			sleeper(&lat[i * SLEEPERS_TURNS], begin,
				seed + i * 0x9e3779b97f4a7c15ull);
		});
	early = begin - now_ns();
	if (early < 0)
		run_note(r, "began %.0f ms before all were there",
			 early / -1e6);
	else
		sleeper_sleep(early);
	run_begin(r);
	for (auto &one : f)
		one.join();
	run_stop_clock(r);
	run_latencies(r, lat.data(), lat.size());
	run_field(r, "sleep_cpu_s", r->cpu_ns / 1e9);
}
