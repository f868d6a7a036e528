/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * driver.h - between the parts of the driver.
 *
 *	main.c		commands and help
 *	opts.c		options, checked
 *	impl.c		what can be measured: rows, implementations
 *	peer.c		where the programs of peers are, and our own second one
 *	child.c		one measurement, inside its process
 *	measure.c	one measurement, from outside: fork, exec, limits
 *	cell.c		the results of one row x implementation x processors
 *	rounds.c	all cells, round by round
 *	report.c	JSON
 *	table.c		a table for people
 *	host.c		what machine this is
 *	results.c	a file of such JSON, read
 *	band.c		what a difference between two such files means
 *	compare.c	the differences
 */
#ifndef DRIVER_H
#define DRIVER_H

#include "bench.h"
#include "json.h"

/* Exit statuses of the driver. */
#define EXIT_BROKEN 1	/* a measurement failed */
#define EXIT_USAGE 2

enum side { SIDE_WEFT, SIDE_PTHREAD, SIDE_HOST, SIDE_PEER };

/**
 * struct impl - an implementation that rows can be measured with
 * @name:	as in --impl
 * @doc:	one line
 * @side:	which function of a row it runs
 * @inlined:	the rows of inline.c
 * @env:	NULL, or a variable to be set, as "NAME=value"
 * @program:	NULL, or the name of another build of this driver, beside it
 * @path:	of a peer or @program: where it is
 * @why:	of these: why there is none, or NULL
 */
struct impl {
	const char *name, *doc;
	enum side side;
	bool inlined;
	const char *env;
	const char *program, *path, *why;
};

extern const bool bench_inlined;

const struct bench *bench_nth(int i);
const struct bench *bench_find(const char *name, bool inlined);
const struct impl *impl_nth(int i);
const struct impl *impl_find(const char *name);
const struct impl *impl_add_peer(const char *name, const char *path);
void impl_locate(void);
bench_fn *impl_fn(const struct impl *im, const struct bench *b);

void peer_locate(struct impl *im);
void program_locate(struct impl *im);

#define LIST_MAX 64

/**
 * struct options - of run, primitives and the hidden command one
 * @bench:	rows chosen
 * @impl:	implementations chosen
 * @procs:	numbers of processors
 * @procs_given: --procs was there
 * @runs:	rounds
 * @timeout_s:	for one measurement
 * @round:	of the hidden command: which round this is
 * @n:		of the same: 0, or how much instead of the row's size
 * @seed:	for what is random
 * @quick:	smaller sizes
 * @progress:	a line for each measurement
 * @json:	where to write results, or NULL
 */
struct options {
	const struct bench *bench[LIST_MAX];
	const struct impl *impl[LIST_MAX];
	unsigned int procs[LIST_MAX];
	int nbench, nimpl, nprocs;
	bool procs_given;
	int runs, timeout_s, round;
	long n;
	uint64_t seed;
	bool quick, progress;
	const char *json;
};

void options_parse(struct options *o, int argc, char **argv, bool one);
__attribute__((format(printf, 1, 2), noreturn))
void usage_error(const char *fmt, ...);
unsigned long parse_number(const char *what, const char *s,
			   unsigned long min, unsigned long max);

/* One figure over the rounds. */
struct series {
	char *name;
	double *v;
	int n;
};

/**
 * struct cell - a row with one implementation and number of processors
 * @series:	"median" (the value), "cpu_s", "rss_kb", "stats.NAME", fields
 * @note:	the first that a run gave, or NULL
 * @version:	what a peer says of itself, or NULL
 * @skip:	why it was not measured, or NULL
 * @error:	what went wrong, or NULL
 */
struct cell {
	const struct bench *bench;
	const struct impl *impl;
	unsigned int procs;
	struct series *series;
	int nseries;
	char *note, *version, *skip, *error;
};

struct cells {
	struct cell *cell;
	int n;
};

void cell_add(struct cell *c, const char *name, double v);
void cell_merge(struct cell *c, const struct json *result);
const struct series *cell_series(const struct cell *c, const char *name);
double series_value(const struct series *s);
double series_min(const struct series *s);
double series_max(const struct series *s);
double cell_value(const struct cell *c, const char *name);
int cpus_had(const struct bench *b, double used, double busy);
void cell_set(char **field, const char *text);

int child_main(int argc, char **argv);
int compare_main(int argc, char **argv);
int measure(struct cell *c, const struct options *o, int round);
struct cells rounds_run(const struct options *o, int *status);
void cells_free(struct cells *cs);
void report_json(FILE *f, const struct cells *cs, const struct options *o);
void table_print(FILE *f, const struct cells *cs, const struct options *o);
void format_value(char *buf, size_t size, double v, const char *unit);

/* What a result was measured on and with */
struct host {
	char kernel[160], flags[512], cpu[128], date[32];
};

void host_read(struct host *h, const struct options *o);

#endif /* DRIVER_H */
