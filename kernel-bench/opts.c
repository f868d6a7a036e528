// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * opts.c - the options of run and primitives.
 *
 * A wrong one ends the program with a line that names it and what would be
 * right, and status 2, before anything is measured.
 */
#include "driver.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PROCS_MAX 1024
#define RUNS_MAX 1000
#define TIMEOUT_S 120

void usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("weft-bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

unsigned long parse_number(const char *what, const char *s,
			   unsigned long min, unsigned long max)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || end == s || *end || strchr(s, '-') || v < min || v > max)
		usage_error("%s: '%s' is not a number from %lu to %lu", what,
			    s, min, max);
	return v;
}

static void add_bench(struct options *o, const char *name)
{
	const struct bench *b = bench_find(name, false);

	if (!b)
		usage_error("--bench: no row '%s'; 'weft-bench list' has them",
			    name);
	o->bench[o->nbench++] = b;
}

/* Naming it twice is no mistake: all-peers,go. */
static void add_one_impl(struct options *o, const struct impl *im)
{
	int i;

	for (i = 0; i < o->nimpl; i++)
		if (o->impl[i] == im)
			return;
	if (o->nimpl == LIST_MAX)
		usage_error("--impl: more than %d implementations", LIST_MAX);
	o->impl[o->nimpl++] = im;
}

static void add_impl(struct options *o, const char *name)
{
	const struct impl *im = impl_find(name);
	int i;

	if (im && im->side == SIDE_HOST)
		usage_error("--impl: host is always measured; alone: "
			    "weft-bench primitives");
	if (im) {
		add_one_impl(o, im);
		return;
	}
	if (!strcmp(name, "all-peers") || !strcmp(name, "built-peers")) {
		for (i = 0; impl_nth(i); i++)
			if (impl_nth(i)->side == SIDE_PEER &&
			    (*name == 'a' || !impl_nth(i)->why))
				add_one_impl(o, impl_nth(i));
		return;
	}
	fprintf(stderr, "weft-bench: --impl: no implementation '%s'; there are",
		name);
	for (i = 0; impl_nth(i); i++)
		if (impl_nth(i)->side != SIDE_HOST)
			fprintf(stderr, " %s", impl_nth(i)->name);
	fputs(" all-peers built-peers\n", stderr);
	exit(EXIT_USAGE);
}

static void add_procs(struct options *o, const char *s)
{
	o->procs[o->nprocs++] = parse_number("--procs", s, 1, PROCS_MAX);
}

/* Calls @add for each part of "a,b,c". */
static void each(struct options *o, const char *what, const char *list,
		 void (*add)(struct options *, const char *))
{
	char *copy = strdup(list), *at = copy, *part;
	int n = 0;

	while ((part = strsep(&at, ","))) {
		if (!*part)
			usage_error("%s: an empty name in '%s'", what, list);
		if (++n == LIST_MAX)
			usage_error("%s: more than %d names", what, LIST_MAX);
		add(o, part);
	}
	free(copy);
}

/* NAME=PATH; kept, so strdup'd for good. */
static void add_peer(const char *arg)
{
	char *name = strdup(arg), *eq = strchr(name, '=');

	if (!eq || eq == name || !eq[1])
		usage_error("--peer: '%s' is not NAME=PATH", arg);
	*eq = '\0';
	if (!impl_add_peer(name, eq + 1))
		usage_error("--peer: the name '%s' is taken", name);
}

/* --impl may name a peer that a later --peer defines. */
struct lists {
	const char *bench, *impl, *procs;
};

static void defaults(struct options *o)
{
	if (!o->nimpl)
		each(o, "--impl", "weft,pthread", add_impl);
	if (!o->nprocs)
		each(o, "--procs", "1,2", add_procs);
	if (!o->runs)
		o->runs = o->quick ? 3 : 5;
}

static void option(struct options *o, struct lists *l, int c)
{
	switch (c) {
	case 'b':
		l->bench = optarg;
		break;
	case 'i':
		l->impl = optarg;
		break;
	case 'p':
		l->procs = optarg;
		break;
	case 'P':
		add_peer(optarg);
		break;
	case 'r':
		o->runs = parse_number("--runs", optarg, 1, RUNS_MAX);
		break;
	case 'j':
		o->json = optarg;
		break;
	case 'q':
		o->quick = true;
		break;
	case 'v':
		o->progress = true;
		break;
	case 't':
		o->timeout_s = parse_number("--timeout", optarg, 1, 86400);
		break;
	case 's':
		o->seed = parse_number("--seed", optarg, 0, UINT32_MAX);
		break;
	case 'R':
		o->round = parse_number("--round", optarg, 0, RUNS_MAX);
		break;
	case 'n':
		o->n = parse_number("--n", optarg, 1, INT32_MAX);
		break;
	default:
		exit(EXIT_USAGE); /* getopt_long has said why */
	}
}

/* The first ONE_OPTIONS are those of the hidden command alone. */
#define ONE_OPTIONS 2

void options_parse(struct options *o, int argc, char **argv, bool one)
{
	static const struct option longs[] = {
		{ "round", required_argument, NULL, 'R' },
		{ "n", required_argument, NULL, 'n' },
		{ "bench", required_argument, NULL, 'b' },
		{ "impl", required_argument, NULL, 'i' },
		{ "procs", required_argument, NULL, 'p' },
		{ "runs", required_argument, NULL, 'r' },
		{ "json", required_argument, NULL, 'j' },
		{ "quick", no_argument, NULL, 'q' },
		{ "progress", no_argument, NULL, 'v' },
		{ "timeout", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "peer", required_argument, NULL, 'P' },
		{ NULL, 0, NULL, 0 },
	};
	struct lists l = { NULL, NULL, NULL };
	int c;

	*o = (struct options){ .timeout_s = TIMEOUT_S, .seed = 1 };
	while ((c = getopt_long(argc, argv, "", longs + (one ? 0 : ONE_OPTIONS),
				NULL)) != -1)
		option(o, &l, c);
	if (optind < argc)
		usage_error("'%s' is not an option; see --help", argv[optind]);
	if (l.bench)
		each(o, "--bench", l.bench, add_bench);
	impl_locate();
	if (l.impl)
		each(o, "--impl", l.impl, add_impl);
	if (l.impl && !o->nimpl)
		usage_error("--impl: no peer is built: make peers");
	if (l.procs)
		each(o, "--procs", l.procs, add_procs);
	o->procs_given = l.procs;
	defaults(o);
}
