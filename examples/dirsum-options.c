// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dirsum-options.c - the command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "dirsum-share.h"

static void usage(const struct dirsum *d, FILE *out)
{
	fprintf(out, "usage: %s [OPTION]... PATH...\n\n", d->prog);
	fputs("Print CRC-32, size and path of each regular file in the trees "
	      "named, and the\ntotal.  Links are not followed; links and "
	      "special files are counted.\n\n", out);
	fprintf(out, "  --%s N\t%s (default: %lu)\n", d->limit_name,
		d->limit_help, d->limit);
	fputs("  --sort\tprint in the order of the paths, at the end\n"
	      "  --time\tprint on stderr how long it took\n"
	      "  --help\tthis text\n\n"
	      "A file name with a newline, carriage return or backslash is "
	      "escaped, and its\nline marked by a backslash in front, as "
	      "sha256sum does it.\n\n"
	      "Exit status: 0; 1 if a file could not be read or the output not "
	      "be written;\n2 for bad usage.\n", out);
}

static int parse_limit(struct dirsum *d, const char *arg)
{
	char *end;

	errno = 0;
	d->limit = strtoul(arg, &end, 10);
	if (*arg >= '0' && *arg <= '9' && !*end && !errno && d->limit)
		return 0;
	fprintf(stderr, "%s: --%s: not a number above 0: %s\n", d->prog,
		d->limit_name, arg);
	return 2;
}

/* A file may need two descriptors while it is opened; some are for others. */
static void clamp_limit(struct dirsum *d)
{
	struct rlimit rl;
	rlim_t most;

	if (d->limit > DIRSUM_WINDOW)
		d->limit = DIRSUM_WINDOW;
	if (getrlimit(RLIMIT_NOFILE, &rl) || rl.rlim_cur == RLIM_INFINITY)
		return;
	most = rl.rlim_cur > 34 ? (rl.rlim_cur - 32) / 2 : 1;
	if (d->limit > most)
		d->limit = most;
}

/* Or a file that is read may become the standard output. */
static void fill_std_fds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

int dirsum_options(struct dirsum *d, int argc, char **argv)
{
	const struct option options[] = {
		{ d->limit_name, required_argument, NULL, 'n' },
		{ "sort", no_argument, NULL, 's' },
		{ "time", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	fill_std_fds();
	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 's') {
			d->sort = true;
		} else if (c == 't') {
			d->time = true;
		} else if (c == 'h') {
			usage(d, stdout);
			dirsum_check_stdout(d, fflush(stdout));
			return d->fatal ? 1 : 0;
		} else if (c != 'n' || parse_limit(d, optarg)) {
			usage(d, stderr);
			return 2;
		}
	}
	d->paths = argv + optind;
	if (!*d->paths) {
		usage(d, stderr);
		return 2;
	}
	clamp_limit(d);
	return -1;
}
