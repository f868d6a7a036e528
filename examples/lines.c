// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * lines - count the lines of standard input, and do something else meanwhile.
 *
 * read() on a pipe or a terminal blocks the kernel thread.  Announced as here,
 * that thread's share of the CPU goes to another one, and the other Gs go on:
 * the ticker runs even if there is one processor (WEFT_PROCS=1).
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft/weft.h>

static atomic_bool done;

static void *ticker(void *arg)
{
	(void)arg;
	fprintf(stderr, "waiting for input\n");
	while (!atomic_load(&done))
		weft_sleep(1000000);
	return NULL;
}

static long count(char *buf, size_t size)
{
	long lines = 0;
	ssize_t n;

	for (;;) {
		n = WEFT_BLOCKING(read(STDIN_FILENO, buf, size));
		if (n < 0 && weft_errno() == EINTR)
			continue;
		if (n <= 0)
			return n ? -weft_errno() : lines;
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	}
}

static int start(void *arg)
{
	char buf[4096];
	long n;

	(void)arg;
	weft_go(ticker, NULL);
	n = count(buf, sizeof(buf));
	atomic_store(&done, true);
	if (n < 0) {
		fprintf(stderr, "lines: %s\n", strerror((int)-n));
		return 1;
	}
	printf("%ld lines\n", n);
	return 0;
}

int main(void)
{
	return weft_run(start, NULL) ? 1 : 0;
}
