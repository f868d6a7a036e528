// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * prim_threads.c - what two CPUs take to reach one another: a cache line's way
 * there and back, membarrier, and the system call that wakes a futex sleeper.
 *
 * The thread that measures is bound to the first CPU, its partner to the
 * second.  membarrier is the kind that restarts sequences on one CPU
 * (PRIVATE_EXPEDITED_RSEQ, FLAG_CPU): idle means that no thread of ours runs
 * there, busy that the partner spins there, so that an interrupt is sent.
 */
#include "prim.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

enum partner_does { PARTNER_ECHO, PARTNER_SPIN, PARTNER_SLEEP };

static struct partner {
	enum partner_does does;
	int cpu;
	pthread_t t;
	bool quit;

	/* Passed to and fro */
	own_line uint32_t ball;
	own_line uint32_t beats;
	struct permit permit;
} partner;

/* Sends back what it gets: an odd ball comes, the next even one goes. */
static void partner_echo(struct partner *p)
{
	uint32_t ball;

	while (!load_acquire(&p->quit)) {
		ball = load_acquire(&p->ball);
		if (ball & 1)
			store_release(&p->ball, ball + 1);
		else
			relax();
	}
}

static void partner_sleep(struct partner *p)
{
	while (!load_acquire(&p->quit)) {
		add_relaxed(&p->beats, 1);
		permit_wait(&p->permit);
	}
}

static void partner_spin(struct partner *p)
{
	while (!load_acquire(&p->quit))
		WRITE_ONCE(p->beats, p->beats + 1);
}

/* Until the partner is seen to run: others use its CPU, too. */
static void partner_await_beat(void)
{
	uint32_t beats = READ_ONCE(partner.beats);

	while (READ_ONCE(partner.beats) == beats)
		relax();
}

static void *partner_main(void *arg)
{
	struct partner *p = arg;

	cpu_bind(p->cpu);
	if (p->does == PARTNER_ECHO)
		partner_echo(p);
	else if (p->does == PARTNER_SLEEP)
		partner_sleep(p);
	else
		partner_spin(p);
	return NULL;
}

/* False, with a reason: no second CPU. */
static bool partner_start(struct run *r, enum partner_does does)
{
	int first = cpu_nth(0);

	partner.does = does;
	partner.cpu = cpu_nth(1);
	if (partner.cpu < 0) {
		run_skip(r, "needs 2 CPUs");
		return false;
	}
	check(thread_start(&partner.t, partner_main, &partner), "a thread");
	cpu_bind(first);
	sleep_until(now_ns() + 5000000);
	return true;
}

static void partner_stop(void)
{
	store_release(&partner.quit, true);
	permit_give(&partner.permit);
	pthread_join(partner.t, NULL);
}

#define LINE_BATCHES 200
#define LINE_TURNS 100

static int64_t line_turns(int n)
{
	int64_t t = now_ns();
	uint32_t ball;

	while (n--) {
		ball = READ_ONCE(partner.ball) + 1;
		store_release(&partner.ball, ball);
		while (load_acquire(&partner.ball) == ball)
			relax();
	}
	return now_ns() - t;
}

static void line(struct run *r)
{
	int64_t ns[LINE_BATCHES];
	int i;

	if (!partner_start(r, PARTNER_ECHO))
		return;
	run_begin(r);
	for (i = 0; i < LINE_BATCHES; i++)
		ns[i] = line_turns(LINE_TURNS) / LINE_TURNS;
	run_stop_clock(r);
	partner_stop();
	run_latencies(r, ns, LINE_BATCHES);
}

static int membarrier(int cmd, unsigned int flags, int cpu)
{
	return syscall(SYS_membarrier, cmd, flags, cpu);
}

#define MEMBARRIERS 1000

static void membarrier_to(struct run *r, enum partner_does does)
{
	const int cmd = MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ;
	int64_t ns[MEMBARRIERS], t;
	int i;

	if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0)) {
		run_skip(r, "the kernel has no membarrier for rseq");
		return;
	}
	if (!partner_start(r, does))
		return;
	run_begin(r);
	for (i = 0; i < MEMBARRIERS; i++) {
		if (does == PARTNER_SPIN)
			partner_await_beat();
		t = now_ns();
		if (membarrier(cmd, MEMBARRIER_CMD_FLAG_CPU, partner.cpu))
			run_fail(r, "membarrier failed");
		ns[i] = now_ns() - t;
	}
	run_stop_clock(r);
	partner_stop();
	run_latencies(r, ns, MEMBARRIERS);
}

static void barrier_idle(struct run *r)
{
	membarrier_to(r, PARTNER_SLEEP);
}

static void barrier_busy(struct run *r)
{
	membarrier_to(r, PARTNER_SPIN);
}

#define FUTEX_WAKES 200
#define FUTEX_SETTLE_NS 100000

static void wake(struct run *r)
{
	int64_t ns[FUTEX_WAKES], t;
	int i;

	if (!partner_start(r, PARTNER_SLEEP))
		return;
	run_begin(r);
	for (i = 0; i < FUTEX_WAKES; i++) {
		while (load_acquire(&partner.beats) != i + 1u)
			relax();
		spin_ns(FUTEX_SETTLE_NS);
		t = now_ns();
		permit_give(&partner.permit);
		ns[i] = now_ns() - t;
	}
	run_stop_clock(r);
	partner_stop();
	run_latencies(r, ns, FUTEX_WAKES);
}

PRIM(prim_line, "a cache line to another CPU and back", line);
PRIM(prim_membarrier_idle, "membarrier to a CPU without us", barrier_idle);
PRIM(prim_membarrier_busy, "membarrier to a CPU that runs us", barrier_busy);
PRIM(prim_futex_wake, "the system call that wakes a sleeper", wake);

BENCH_ROWS(prim_threads,
	   &prim_line, &prim_membarrier_idle,
	   &prim_membarrier_busy, &prim_futex_wake);
