// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-bpf - let the kernel tell a weft program which of its Ms have blocked.
 *
 *	weft-bpf [-t] [-n SLOTS] -p PID
 *	weft-bpf [-t] [-n SLOTS] -- PROGRAM [ARGUMENT]...
 *	weft-bpf --check
 *
 * It loads a BPF program for one process, hands it over, and ends: a link keeps
 * the program attached for as long as the process lives.  What it does needs
 * privileges, the process none.
 *
 * PROGRAM keeps our number and our place: it is this process, that becomes it.
 * The work is done by a grandchild, so that PROGRAM has no child that it does
 * not know of.
 *
 * Exit status: 0; 1 if it cannot be done here; 2 for a bad argument; 127 if
 * PROGRAM cannot be started.
 */
#include "weft-bpf.h"

#include "os/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void complain(const char *fmt, ...)
{
	va_list ap;

	fputs("weft-bpf: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: weft-bpf [-t] [-n SLOTS] -p PID\n"
		"       weft-bpf [-t] [-n SLOTS] -- PROGRAM [ARGUMENT]...\n"
		"       weft-bpf --check\n"
		"Lets the kernel tell a program that uses weft which of its "
		"kernel threads have\n"
		"blocked (WEFT_BLOCK_DETECT=auto or bpf).  -t: and since "
		"when, and in which call,\n"
		"for WEFT_DEBUG=blocked.  SLOTS: for so many threads, a power "
		"of two; %u.\n", WEFT__SLOTS);
	return 2;
}

/* ---- for a process that runs ---- */

static int listening = -1;

/* Leave no file behind. */
static void interrupted(int sig)
{
	if (listening >= 0)
		offer_close(listening);
	_exit(128 + sig);
}

static int for_process(pid_t pid, const struct wishes *w)
{
	struct target target;
	struct attached a;
	int err = target_open(&target, pid);

	if (!err)
		err = attach(&a, &target, w);
	if (err)
		return 1;
	listening = offer_open(&target);
	if (listening < 0)
		return 1;
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	signal(SIGHUP, interrupted);
	err = offer_serve(listening, &target, &a);
	offer_close(listening);
	detach(&a);
	if (err)
		complain("process %d: %s", pid, err == -ESRCH ?
			 "ended before it asked" : strerror(-err));
	return err ? 1 : 0;
}

/* ---- for a program to be started ---- */

static void alone(int ready)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	setsid();
	if (write(ready, "", 1) != 1)
		_exit(1);
	close(ready);
}

/* The grandchild */
static _Noreturn void serve(pid_t pid, const struct wishes *w, int ready)
{
	struct target t;
	struct attached a;
	int fd;

	if (target_open(&t, pid) || attach(&a, &t, w))
		_exit(1);
	fd = offer_open(&t);
	if (fd < 0)
		_exit(1);
	alone(ready);
	offer_serve(fd, &t, &a);
	offer_close(fd);
	_exit(0);
}

/* 0 once somebody serves. */
static int start_server(const struct wishes *w)
{
	pid_t self = getpid(), child;
	int p[2], status;
	char c;

	if (pipe2(p, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		close(p[0]);
		child = fork();
		if (!child)
			serve(self, w, p[1]);
		_exit(child < 0);
	}
	close(p[1]);
	waitpid(child, &status, 0);
	status = read(p[0], &c, 1) == 1 ? 0 : -ECHILD;
	close(p[0]);
	return status;
}

static int for_program(char **argv, const struct wishes *w)
{
	if (start_server(w))
		return 1;
	execvp(argv[0], argv);
	complain("%s: %s", argv[0], strerror(errno));
	return 127;
}

/* ---- */

/* Can it be done here?  Does all but wait for somebody. */
static int check(const struct wishes *w)
{
	struct target t;
	struct attached a;

	if (target_open(&t, getpid()) || attach(&a, &t, w))
		return 1;
	detach(&a);
	puts("weft-bpf: works here");
	return 0;
}

static unsigned int number(const char *text, unsigned int max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *text < '0' || *text > '9' || *end || n > max ? 0 :
							(unsigned int)n;
}

/* -n and -p; false: not understood */
static bool arguments(int argc, char **argv, struct wishes *w,
		      unsigned int *pid)
{
	int c;

	while ((c = getopt(argc, argv, "+n:p:t")) != -1) {
		if (c == 'n')
			w->nslots = number(optarg, WEFT__SLOTS_MAX);
		else if (c == 't')
			w->timed = 1;
		else if (c == 'p')
			*pid = number(optarg, 1u << 22);
		if (c == '?' || (c == 'p' && !*pid))
			return false;
	}
	if (w->nslots < 64 || w->nslots & (w->nslots - 1))
		return false;
	return *pid ? optind == argc : optind < argc;
}

int main(int argc, char **argv)
{
	struct wishes w = { .nslots = WEFT__SLOTS };
	unsigned int pid = 0;
	bool checks = argc == 2 && !strcmp(argv[1], "--check");
	const char *why;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage();
		return 0;
	}
	if (!checks && !arguments(argc, argv, &w, &pid))
		return usage();
	why = why_not();
	if (why) {
		complain("%s", why);
		return 1;
	}
	if (checks)
		return check(&w);
	return pid ? for_process((pid_t)pid, &w) :
		     for_program(argv + optind, &w);
}
