// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * weft-blocked - which calls block the Gs of a program.
 *
 *	weft-blocked [-i SECONDS] PID
 *	weft-blocked -- PROGRAM [ARGUMENT]...
 *
 * The first shows what a program that runs with WEFT_DEBUG=blocked has counted
 * so far, once or again and again; the second becomes that program with this
 * setting, so that it lists them when it ends.
 *
 * Exit status: 0; 1 if the process is not there or does not count; 2 for a bad
 * argument; 127 if PROGRAM cannot be started.
 */
#include "obs/calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int usage(FILE *f, int status)
{
	fputs("usage: weft-blocked [-i SECONDS] PID\n"
	      "       weft-blocked -- PROGRAM [ARGUMENT]...\n"
	      "Lists the system calls in which the Gs of a program that runs "
	      "with\n"
	      "WEFT_DEBUG=blocked have blocked: how often, how long, and where "
	      "the Gs\n"
	      "were started.\n", f);
	return status;
}

static bool is_table(const char *path)
{
	static const char want[] = "/memfd:" CALLS_NAME;
	char to[64];
	ssize_t n = readlink(path, to, sizeof(to) - 1);

	return n >= (ssize_t)sizeof(want) - 1 &&
	       !memcmp(to, want, sizeof(want) - 1);
}

/* What pid keeps its table behind; or -1, and errno: ENXIO if it has none. */
static int open_table(const char *pid)
{
	char path[320];
	struct dirent *d;
	int fd = -1, err = ENXIO;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (fd < 0 && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, d->d_name);
		if (!is_table(path))
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		err = errno;
	}
	closedir(dir);
	errno = err;
	return fd;
}

static const struct calls *map_table(int fd)
{
	const struct calls *c;
	struct stat st;

	if (fstat(fd, &st) || st.st_size < (off_t)sizeof(*c))
		return NULL;
	c = mmap(NULL, sizeof(*c), PROT_READ, MAP_SHARED, fd, 0);
	if (c == MAP_FAILED || c->magic != CALLS_MAGIC ||
	    c->version != CALLS_VERSION || c->max != CALLS_MAX)
		return NULL;
	return c;
}

__attribute__((format(printf, 1, 2))) static void line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static int show(const char *pid, unsigned int seconds)
{
	const struct calls *c;
	int fd = open_table(pid);

	if (fd < 0 && errno == ENXIO) {
		fprintf(stderr,
			"weft-blocked: process %s counts no blocked calls; "
			"start it with WEFT_DEBUG=blocked\n", pid);
		return 1;
	}
	c = fd < 0 ? NULL : map_table(fd);
	if (!c) {
		fprintf(stderr, "weft-blocked: process %s: %s\n", pid,
			fd < 0 ? strerror(errno) :
				 "is of another version of weft");
		return 1;
	}
	do {
		weft__calls_print(c, line);
		fflush(stdout);
	} while (seconds && !sleep(seconds) && !kill(atoi(pid), 0));
	return ferror(stdout) ? 1 : 0;
}

static int become(char **argv)
{
	const char *has = getenv("WEFT_DEBUG");
	char want[256];

	snprintf(want, sizeof(want), "%s%sblocked", has ? has : "",
		 has && *has ? "," : "");
	setenv("WEFT_DEBUG", want, 1);
	execvp(argv[0], argv);
	fprintf(stderr, "weft-blocked: %s: %s\n", argv[0], strerror(errno));
	return 127;
}

/* A whole number above 0, or 0 */
static unsigned int number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *text >= '1' && *text <= '9' && !*end && n <= 1ul << 22 ?
		       (unsigned int)n : 0;
}

int main(int argc, char **argv)
{
	unsigned int seconds = 0;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(stdout, 0);
	if (argc > 2 && !strcmp(argv[1], "--"))
		return become(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "-i")) {
		seconds = number(argv[2]);
		if (!seconds)
			return usage(stderr, 2);
		argv += 2;
		argc -= 2;
	}
	if (argc != 2 || !number(argv[1]))
		return usage(stderr, 2);
	return show(argv[1], seconds);
}
