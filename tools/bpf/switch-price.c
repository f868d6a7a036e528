// SPDX-License-Identifier: GPL-2.0-only
/*
 * switch-price - what weft-bpf costs each context switch of this machine, and
 * how soon a reader knows that a thread sleeps.
 *
 *	switch-price [ROUNDS]		as root; on CPUs 0 and 1
 *
 * Two threads on one CPU pass a byte to and fro through pipes, with the program
 * attached and without, in short pieces by turns: what a neighbour does to the
 * machine hits all alike.  The lower quartile of the rounds is shown.
 *
 *	nothing		no program
 *	others		it watches another process: what all others pay
 *	watched		both threads are watched
 *	timed		the same with -t
 */
#include "os/clock.h"
#include "os/detect.h"
#include "os/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSES 3000
#define ROUNDS_MAX 1000
#define LOOKS 3000

enum { NOTHING, OTHERS, WATCHED, TIMED, WAYS };
static const char *const names[] = { "nothing", "others", "watched", "timed" };

static char loader[512];
static int there[2], back[2];

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void bind_to(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void put(int fd)
{
	if (write(fd, "", 1) != 1)
		die("write");
}

static void get(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		die("read");
}

/* This process is watched from here on. */
static void attach(const char *opt)
{
	char of[16];
	int i, status;
	pid_t pid;

	snprintf(of, sizeof(of), "%d", getpid());
	pid = fork();
	if (!pid) {
		execl(loader, loader, "-p", of, opt, NULL);
		die(loader);
	}
	for (i = 0; weft__detect_open(); i++) {
		if (i == 5000 || waitpid(pid, &status, WNOHANG) == pid)
			exit(1);
		usleep(1000);
	}
	waitpid(pid, &status, 0);
}

/* ---- a context switch ---- */

static void *answers(void *arg)
{
	struct weft__slot *s = weft__detect_claim(weft__gettid());
	int i;

	for (i = 0; i < PASSES; i++) {
		get(there[0]);
		put(back[1]);
	}
	weft__detect_drop(s);
	return arg;
}

/* ns a switch, the pipe included */
static double pass(void)
{
	struct weft__slot *s = weft__detect_claim(weft__gettid());
	pthread_t t;
	s64 start;
	int i;

	if (pthread_create(&t, NULL, answers, NULL))
		die("pthread_create");
	start = weft__now();
	for (i = 0; i < PASSES; i++) {
		put(there[1]);
		get(back[0]);
	}
	start = weft__now() - start;
	pthread_join(t, NULL);
	weft__detect_drop(s);
	return (double)start / (2 * PASSES);
}

static double among_others(void)
{
	int up[2], end[2];
	pid_t pid;
	double ns;

	if (pipe(up) || pipe(end))
		die("pipe");
	pid = fork();
	if (!pid) {
		attach(NULL);
		put(up[1]);
		close(end[1]);
		if (read(end[0], &ns, 1) < 0)
			die("read");
		_exit(0);
	}
	close(end[0]);
	get(up[0]);
	ns = pass();
	close(end[1]);
	waitpid(pid, NULL, 0);
	close(up[0]);
	close(up[1]);
	return ns;
}

static double price(int way)
{
	double ns;

	if (way == NOTHING)
		return pass();
	if (way == OTHERS)
		return among_others();
	attach(way == TIMED ? "-t" : NULL);
	ns = pass();
	weft__detect_forked();	/* the link with it */
	usleep(20000);		/* until it has gone */
	return ns;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void switches(int rounds)
{
	static double ns[WAYS][ROUNDS_MAX];
	int i, way;

	bind_to(1);
	for (i = 0; i < rounds; i++) {
		for (way = 0; way < WAYS; way++) {
			pass();
			ns[way][i] = price(way);
		}
	}
	for (way = 0; way < WAYS; way++) {
		qsort(ns[way], (size_t)rounds, sizeof(double), by_value);
		printf("%-8s %5.0f ns a switch, %+4.0f; least %+4.0f\n",
		       names[way], ns[way][rounds / 4],
		       ns[way][rounds / 4] - ns[NOTHING][rounds / 4],
		       ns[way][0] - ns[NOTHING][0]);
	}
}

/* ---- from read() to a reader ---- */

static s64 began;
static u32 turn;
static struct weft__slot *slot;
static int tid;

static void *sleeps(void *arg)
{
	u32 i;
	s64 end;

	bind_to(1);
	tid = weft__gettid();
	slot = weft__detect_claim(tid);
	for (i = 1; i <= LOOKS; i++) {
		for (end = weft__now() + 20000; weft__now() < end;)
			;
		WRITE_ONCE(began, weft__now());
		smp_store_release(&turn, i);
		get(there[0]);
	}
	weft__detect_drop(slot);
	return arg;
}

static bool asleep(bool by_slot)
{
	return by_slot ? weft__slot_seen(slot) == WEFT__SEEN_BLOCKED :
			 weft__thread_state(tid) == 'S';
}

static void looks(bool by_slot)
{
	static double ns[LOOKS];
	pthread_t t;
	u32 i;

	bind_to(0);
	turn = 0;
	if (pthread_create(&t, NULL, sleeps, NULL))
		die("pthread_create");
	for (i = 1; i <= LOOKS; i++) {
		while (smp_load_acquire(&turn) != i)
			cpu_relax();
		while (!asleep(by_slot))
			cpu_relax();
		ns[i - 1] = weft__now() - READ_ONCE(began);
		put(there[1]);
	}
	pthread_join(t, NULL);
	qsort(ns, LOOKS, sizeof(ns[0]), by_value);
	printf("%-8s %5.0f ns from read() to knowing, p50; p99 %.0f\n",
	       by_slot ? "slot" : "/proc", ns[LOOKS / 2],
	       ns[LOOKS * 99 / 100]);
}

static void syscalls(void)
{
	s64 start = weft__now();
	int i;

	for (i = 0; i < 1000000; i++)
		syscall(SYS_getppid);
	printf("%-8s %5.0f ns\n", "getppid",
	       (double)(weft__now() - start) / 1e6);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 60;
	ssize_t n = readlink("/proc/self/exe", loader, sizeof(loader) - 16);

	if (rounds < 1 || rounds > ROUNDS_MAX || n < 0)
		return 2;
	loader[n] = '\0';
	strcpy(strrchr(loader, '/'), "/weft-bpf");
	if (pipe(there) || pipe(back))
		die("pipe");
	syscalls();
	switches(rounds);
	attach(NULL);
	looks(true);
	looks(false);
	return 0;
}
