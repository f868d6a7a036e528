// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block8_pipe.c - block in a read of a pipe that an ordinary thread feeds, or
 * in nanosleep().
 */
#include "block8.h"

#include <errno.h>
#include <unistd.h>

static struct {
	int fd[BLOCK8_BLOCKERS][2];
	pthread_t feeder;
	bool fed;
} pipes;

static bool pipes_ready(struct run *r)
{
	int i;

	(void)r;
	for (i = 0; i < BLOCK8_BLOCKERS; i++)
		if (pipe(pipes.fd[i]))
			check(-errno, "pipe");
	return true;
}

static void *pipes_feed(void *arg)
{
	int64_t next = now_ns();
	int i;

	while (load_acquire(&pipes.fed)) {
		next += BLOCK8_NS;
		sleep_until(next);
		for (i = 0; i < BLOCK8_BLOCKERS; i++)
			if (write(pipes.fd[i][1], "x", 1) != 1)
				check(-EIO, "a write to a pipe");
	}
	return arg;
}

static void pipes_start(void)
{
	pipes.fed = true;
	check(thread_start(&pipes.feeder, pipes_feed, NULL), "a thread");
}

static void pipes_stop(void)
{
	store_release(&pipes.fed, false);
	pthread_join(pipes.feeder, NULL);
}

static void pipes_block(int i)
{
	char c;

	if (read(pipes.fd[i][0], &c, 1) != 1)
		check(-EIO, "a read of a pipe");
}

static void nanosleep_block(int i)
{
	struct timespec t = { 0, BLOCK8_NS };

	(void)i;
	nanosleep(&t, NULL);
}

const struct block8_way way_pipe = {
	.ready = pipes_ready,
	.start = pipes_start,
	.block = pipes_block,
	.stop = pipes_stop,
};
const struct block8_way way_nanosleep = {
	.block = nanosleep_block,
};
