// SPDX-License-Identifier: GPL-2.0-only
/*
 * sleeper.c - a G that sleeps in the kernel again and again, until standard
 * input ends; for blocked.sh.
 */
#include <poll.h>
#include <time.h>
#include <unistd.h>
#include <weft/weft.h>

static int sleeps(void *arg)
{
	struct timespec ts = { .tv_nsec = 20000000 };
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char c;

	(void)arg;
	while (!poll(&p, 1, 0) || read(0, &c, 1) > 0)
		nanosleep(&ts, NULL);
	return 0;
}

int main(void)
{
	return weft_run(sleeps, NULL);
}
