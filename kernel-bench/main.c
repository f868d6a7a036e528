// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * main.c - weft-bench: what weft costs, beside pthreads, on this machine.
 */
#include "driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: weft-bench list [--json]\n"
	"       weft-bench run [options]\n"
	"       weft-bench primitives [options]\n"
	"       weft-bench compare [options] OLD.json NEW.json\n"
	"\n"
	"  list        the rows: name, unit, what an operation is; then the\n"
	"              implementations\n"
	"  run         measure rows, and the primitives of this machine\n"
	"  primitives  measure these alone\n"
	"  compare     two files of --json; its options: compare --help\n"
	"\n"
	"  --bench A,B     these rows; default: all\n"
	"  --impl A,B      these implementations; default: weft,pthread;\n"
	"                  all-peers: all that make peers builds;\n"
	"                  built-peers: those of them that are there\n"
	"  --procs N,M     these numbers of processors; default: 1,2, where\n"
	"                  the row is defined for them\n"
	"  --runs R        rounds; default: 5, with --quick 3\n"
	"  --quick         smaller sizes, shorter times\n"
	"  --json FILE     results as JSON too; -: on stdout, table on stderr\n"
	"  --progress      a line on stderr for each measurement\n"
	"  --timeout S     kill a measurement after S seconds; default: 120\n"
	"  --seed S        for what is random; default: 1\n"
	"  --peer N=PATH   a further implementation: a program (see README)\n"
	"\n"
	"Exit status: 0; 1 if a measurement failed (the others are shown); 2\n"
	"for a mistake on the command line.\n"
	"\n"
	"Implementations:\n";

static void print_help(void)
{
	int i;

	fputs(help, stdout);
	for (i = 0; impl_nth(i); i++)
		printf("  %-15s %s\n", impl_nth(i)->name, impl_nth(i)->doc);
}

static void list_json(void)
{
	int i;

	for (i = 0; bench_nth(i); i++) {
		const struct bench *b = bench_nth(i);

		printf("%s {\"bench\": \"%s\", \"unit\": \"%s\", \"doc\": ",
		       i ? ",\n" : "[\n", b->name, b->unit);
		json_put_str(stdout, b->doc);
		printf(", \"better\": \"%s\", \"primitive\": %s",
		       b->higher ? "higher" : "lower",
		       b->host ? "true" : "false");
		if (b->twin)
			printf(", \"twin\": ");
		if (b->twin)
			json_put_str(stdout, b->twin);
		putchar('}');
	}
	puts("\n]");
}

/* A peer that is not there says why. */
static void list_text(void)
{
	int i;

	for (i = 0; bench_nth(i); i++)
		printf("%-22s %-8s %s\n", bench_nth(i)->name,
		       bench_nth(i)->unit, bench_nth(i)->doc);
	puts("\nImplementations:");
	impl_locate();
	for (i = 0; impl_nth(i); i++) {
		const struct impl *im = impl_nth(i);

		printf("%-22s %-8s %s%s%s\n", im->name,
		       im->side == SIDE_PEER ? "peer" : "", im->doc,
		       im->why ? "; SKIP: " : "", im->why ?: "");
	}
}

static int list(int argc, char **argv)
{
	if (argc > 1 && (argc > 2 || strcmp(argv[1], "--json")))
		usage_error("list: '%s' is not an option; there is --json",
			    argv[1]);
	if (argc > 1)
		list_json();
	else
		list_text();
	return 0;
}

/* Opened before anything is measured: hours must not end in EACCES. */
static FILE *json_open(const char *path)
{
	FILE *f;

	if (!path)
		return NULL;
	if (!strcmp(path, "-"))
		return stdout;
	f = fopen(path, "we");
	if (!f)
		usage_error("--json: %s: %s", path, strerror(errno));
	return f;
}

static int json_close(FILE *f, const char *path)
{
	int bad = ferror(f);

	if (f == stdout)
		bad |= fflush(f);
	else
		bad |= fclose(f);
	if (!bad)
		return 0;
	fprintf(stderr, "weft-bench: %s: could not be written\n", path);
	return EXIT_BROKEN;
}

static int run(struct options *o)
{
	FILE *json = json_open(o->json);
	int status = 0;
	struct cells cs = rounds_run(o, &status);

	table_print(json == stdout ? stderr : stdout, &cs, o);
	if (json) {
		report_json(json, &cs, o);
		status |= json_close(json, o->json);
	}
	cells_free(&cs);
	return status;
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "--help";
	struct options o;
	int i;

	if (!strcmp(cmd, "compare"))
		return compare_main(argc - 1, argv + 1);
	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(cmd, "help"))
			cmd = "--help";
	if (!strcmp(cmd, "--help")) {
		print_help();
		return argc > 1 ? 0 : EXIT_USAGE;
	}
	if (!strcmp(cmd, "list"))
		return list(argc - 1, argv + 1);
	if (!strcmp(cmd, "one"))
		return child_main(argc - 1, argv + 1);
	if (strcmp(cmd, "run") && strcmp(cmd, "primitives"))
		usage_error("no command '%s'; there are list, run, primitives, "
			    "compare", cmd);
	options_parse(&o, argc - 1, argv + 1, false);
	if (!strcmp(cmd, "primitives"))
		o.nimpl = 0;
	return run(&o);
}
