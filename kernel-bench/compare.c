// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * compare.c - weft-bench compare OLD NEW: what became faster or slower.
 *
 *	row       impl  procs      old      new  ratio   band
 *	yield_g64 weft     1P  5.02 ns  4.10 ns   0.82    5 %  faster
 *
 * ratio is new / old, band what the runs themselves show (band.c).  The
 * primitives of both machines come first: where these differ beyond their
 * band, so may all that follows.
 */
#include "compare.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define THRESHOLD 5	/* percent */

static const char help[] =
	"usage: weft-bench compare [options] OLD.json NEW.json\n"
	"\n"
	"For each row, implementation and number of processors that both files\n"
	"have: the medians, new / old, the band within which the runs differ by\n"
	"themselves, and whether it is the same, faster or slower.\n"
	"\n"
	"  --threshold P   no difference below P percent counts; default: 5\n"
	"  --bench A,B     these rows\n"
	"  --impl A,B      these implementations\n"
	"\n"
	"Exit status: 0; 1 if something is slower; 2 for a mistake on the\n"
	"command line, a file that cannot be read or is malformed, or if the\n"
	"files have nothing in common.\n";

struct comparison {
	struct results old, new;
	const char *bench, *impl;	/* lists, or NULL: all */
	double threshold;
	int same, faster, slower, hosts, drifted;
};

/* Is @name in "a,b,c"? */
static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);
	const char *p;

	for (p = list; p; p = strchr(p, ',')) {
		p += p != list;
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ','))
			return true;
	}
	return !list;
}

static bool is_host(const struct result *r)
{
	return !strcmp(r->impl, "host");
}

static bool chosen(const struct comparison *c, const struct result *r)
{
	return !is_host(r) && listed(c->bench, r->bench) &&
	       listed(c->impl, r->impl);
}

/* Was it run on as many CPUs both times? */
static bool unlike(const struct result *a, const struct result *b)
{
	return a->cpus && b->cpus && a->cpus != b->cpus;
}

static enum verdict print_pair(const struct result *a, const struct result *b,
			       double threshold)
{
	static const char *const words[] = { "same", "faster", "slower" };
	double band = band_of(a, b, threshold), ratio = ratio_of(a, b);
	enum verdict v = verdict_of(a, b, band);
	char old[48], new[48], num[16] = "-";

	format_value(old, sizeof(old), a->median, a->unit);
	format_value(new, sizeof(new), b->median, b->unit);
	if (isfinite(ratio))
		snprintf(num, sizeof(num), "%.2f", ratio);
	printf("%-21s %-13s %2uP %10s %10s %6s %4.0f %%  %s%s\n", a->bench,
	       a->impl, a->procs, old, new, num, 100 * band, words[v],
	       unlike(a, b) ? " *" : "");
	return v;
}

static void print_head(const char *what)
{
	printf("%-21s %-13s     %10s %10s %6s %6s\n", what, "", "old", "new",
	       "ratio", "band");
}

/* Both measured it. */
static const struct result *partner(const struct results *in,
				    const struct result *r)
{
	const struct result *other = results_find(in, r);

	return r->n && other && other->n ? other : NULL;
}

static void print_hosts(struct comparison *c)
{
	int i;

	print_head("this machine takes");
	for (i = 0; i < c->old.n; i++) {
		const struct result *a = &c->old.r[i];
		const struct result *b = partner(&c->new, a);

		if (!is_host(a) || !b)
			continue;
		c->hosts++;
		c->drifted += print_pair(a, b, c->threshold) != VERDICT_SAME;
	}
	putchar('\n');
}

/* One line: which primitives are not what they were. */
static void print_drift(const struct comparison *c)
{
	int i;

	if (!c->drifted)
		return;
	printf("the machines differ, no absolute comparison is fair:");
	for (i = 0; i < c->old.n; i++) {
		const struct result *a = &c->old.r[i];
		const struct result *b = partner(&c->new, a);

		if (is_host(a) && b &&
		    verdict_of(a, b, band_of(a, b, c->threshold)))
			printf(" %s %.2f", a->bench, ratio_of(a, b));
	}
	putchar('\n');
}

static void print_rows(struct comparison *c)
{
	int i, count[3] = { 0 };
	bool mark = false;

	print_head("row");
	for (i = 0; i < c->old.n; i++) {
		const struct result *a = &c->old.r[i];
		const struct result *b = partner(&c->new, a);

		if (!chosen(c, a) || !b)
			continue;
		count[print_pair(a, b, c->threshold)]++;
		mark |= unlike(a, b);
	}
	if (mark)
		puts("* ran on another number of CPUs: says little.");
	c->same = count[VERDICT_SAME];
	c->faster = count[VERDICT_FASTER];
	c->slower = count[VERDICT_SLOWER];
}

/* What only @has measured; and why not the other, if that says so. */
static void print_alone(const struct comparison *c, const struct results *has,
			const struct results *lacks)
{
	int i;

	for (i = 0; i < has->n; i++) {
		const struct result *r = &has->r[i];
		const struct result *other = results_find(lacks, r);

		if (!r->n || (other && other->n) ||
		    (!chosen(c, r) && !is_host(r)))
			continue;
		printf("only in %s: %s %s %uP%s%s\n", has->path, r->bench,
		       r->impl, r->procs, other && other->why ? "; else: " : "",
		       other && other->why ? other->why : "");
	}
}

static void print_text(const struct comparison *c, const char *name)
{
	const char *old = results_text(&c->old, name);
	const char *new = results_text(&c->new, name);

	if (strcmp(old, new))
		printf("%s differ%s: %s | %s\n", name,
		       name[strlen(name) - 1] == 's' ? "" : "s", old, new);
}

static int compare(struct comparison *c)
{
	print_hosts(c);
	print_rows(c);
	putchar('\n');
	print_alone(c, &c->old, &c->new);
	print_alone(c, &c->new, &c->old);
	print_text(c, "cpu");
	print_text(c, "kernel");
	print_text(c, "flags");
	print_drift(c);
	printf("%d same, %d faster, %d slower\n", c->same, c->faster,
	       c->slower);
	if (!(c->same + c->faster + c->slower) &&
	    (!c->hosts || c->bench || c->impl))
		usage_error("%s and %s have no such row in common", c->old.path,
			    c->new.path);
	return c->slower ? EXIT_BROKEN : 0;
}

static bool known(const struct results *rs, const char *name, bool impl)
{
	int i;

	for (i = 0; i < rs->n; i++)
		if (!strcmp(impl ? rs->r[i].impl : rs->r[i].bench, name))
			return true;
	return false;
}

/* A name that neither file has is a slip of the pen. */
static void check_names(const struct comparison *c, const char *list, bool impl)
{
	char *copy = list ? strdup(list) : NULL, *at = copy, *name;

	while ((name = strsep(&at, ",")))
		if (!known(&c->old, name, impl) && !known(&c->new, name, impl))
			usage_error("%s: no '%s' in either file",
				    impl ? "--impl" : "--bench", name);
	free(copy);
}

static void options(struct comparison *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "threshold", required_argument, NULL, 't' },
		{ "bench", required_argument, NULL, 'b' },
		{ "impl", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (opt) {
		case 't':
			c->threshold = parse_number("--threshold", optarg, 0,
						    1000) / 100.0;
			break;
		case 'b':
			c->bench = optarg;
			break;
		case 'i':
			c->impl = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(EXIT_USAGE); /* getopt_long has said why */
		}
	if (argc - optind != 2)
		usage_error("compare takes two files, OLD and NEW; got %d",
			    argc - optind);
}

int compare_main(int argc, char **argv)
{
	struct comparison c = { .threshold = THRESHOLD / 100.0 };
	int status;

	options(&c, argc, argv);
	c.old = results_read(argv[optind]);
	c.new = results_read(argv[optind + 1]);
	check_names(&c, c.bench, false);
	check_names(&c, c.impl, true);
	status = compare(&c);
	results_free(&c.old);
	results_free(&c.new);
	return status;
}
