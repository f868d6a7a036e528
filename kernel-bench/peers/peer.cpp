// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * peer.cpp - what the peers in C++ share: arguments, loops, the result.
 *
 *	PROGRAM one BENCH NAME PROCS --n N --ms MS [--round K] [--seed S]
 *	PROGRAM version
 */
#include "peer.h"

extern "C" {
#include "../json.h"
}

long peer_fib(long n)
{
	return n < 2 ? n : peer_fib(n - 1) + peer_fib(n - 2);
}

long peer_fib_tasks(long n)
{
	return peer_fib(n + 1) - 1;
}

void peer_fib_row(struct run *r, long (*tree)(long n))
{
	long want = peer_fib(r->n), trees = 0, got = tree(r->n);

	run_begin(r);
	do {
		got = tree(r->n);
		trees++;
		if (got != want)
			run_fail(r, "fib(%ld) was %ld, not %ld", r->n, got,
				 want);
	} while (got == want && !stopping());
	run_end(r, (double)trees * peer_fib_tasks(r->n));
}

void peer_skynet_row(struct run *r, long (*tree)(long leaves))
{
	static struct peer_rounds k;

	tree(r->n);
	run_begin(r);
	do {
		int64_t t = now_ns();
		long sum = tree(r->n);

		k.v[k.n++] = (now_ns() - t) / 1e6;
		if (sum != r->n * (r->n - 1) / 2)
			run_fail(r, "the sum was %ld", sum);
	} while (peer_more(&k, 1));
	run_stop_clock(r);
	r->value = median_of(k.v, k.n);
	run_field(r, "trees", k.n);
}

void peer_batch_row(struct run *r, void (*round)(long n))
{
	static struct peer_rounds k;

	run_begin(r);
	while (peer_more(&k, 7)) {
		int64_t t = now_ns();

		round(r->n);
		k.v[k.n++] = (double)(now_ns() - t) / r->n;
	}
	peer_median(r, &k, 2);
}

void peer_steal_row(struct run *r, void (*round)(long n, int us))
{
	static struct peer_rounds k;

	run_begin(r);
	do {
		int64_t t = now_ns();

		round(r->n, r->arg);
		k.v[k.n++] = (double)(now_ns() - t) / r->n;
	} while (peer_more(&k, 1));
	peer_median(r, &k, 0);
	run_field(r, "percent_ideal",
		  100 * (r->arg * 1000.0 / r->procs) / r->value);
}

static const struct peer_row *row_find(const char *name)
{
	const struct peer_row *row = peer_rows;

	while (row->name && strcmp(row->name, name))
		row++;
	return row->name ? row : NULL;
}

static void put_num(const char *name, double v)
{
	printf(",\"%s\":", name);
	json_put_num(stdout, v);
}

static void put_text(const char *name, const char *s)
{
	if (!s || !*s)
		return;
	printf(",\"%s\":", name);
	json_put_str(stdout, s);
}

static void put_head(const char *bench, const char *impl, int procs)
{
	printf("{\"procs\":%d", procs);
	put_text("bench", bench);
	put_text("impl", impl);
	put_text("version", peer_version());
}

static void put_result(const struct peer_row *row, const struct run *r)
{
	int i;

	put_text("unit", row->unit ? row->unit : "ns");
	put_num("median", r->value);
	put_num("min", r->value);
	put_num("max", r->value);
	put_num("runs", 1);
	put_num("wall_s", r->wall_ns / 1e9);
	if (r->wall_ns)
		put_num("cpus_busy", (double)r->cpu_ns / r->wall_ns);
	put_num("cpus_used", r->cpus_used);
	for (i = 0; i < r->nfields; i++)
		put_num(r->field[i].name, r->field[i].val);
	put_text("note", *r->note ? r->note : row->note);
	put_text("skip", r->skip);
	put_text("error", r->error);
}

static void usage(const char *what)
{
	fprintf(stderr,
		"%s\nusage: one BENCH NAME PROCS --n N --ms MS [--round K] "
		"[--seed S] [--quick]\n",
		what);
	exit(2);
}

static void options(struct run *r, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		const char *o = argv[i], *val = argv[i + 1];

		if (!strcmp(o, "--quick"))
			continue;
		if (!val)
			usage(o);
		if (!strcmp(o, "--n"))
			r->n = atol(val);
		else if (!strcmp(o, "--ms"))
			r->ms = atoi(val);
		else if (!strcmp(o, "--round"))
			r->round = atoi(val);
		else if (!strcmp(o, "--seed"))
			r->seed = strtoull(val, NULL, 10);
		else
			usage(o);
		i++;
	}
}

static void measure(const struct peer_row *row, struct run *r)
{
	r->arg = row->arg;
	if (!r->n && !r->ms)
		usage("--n and --ms are missing");
	work_calibrate();
	stopper_start();
	row->fn(r);
	put_result(row, r);
}

int main(int argc, char **argv)
{
	static struct run r;
	const struct peer_row *row;

	if (argc == 2 && !strcmp(argv[1], "version")) {
		puts(peer_version());
		return 0;
	}
	if (argc < 5 || strcmp(argv[1], "one"))
		usage("one or version?");
	r.procs = atoi(argv[4]);
	options(&r, argc - 5, argv + 5);
	if (r.procs < 1 || r.procs > CPUS_MAX)
		usage("PROCS");
	row = row_find(argv[2]);
	put_head(argv[2], argv[3], r.procs);
	if (row && row->fn)
		measure(row, &r);
	else
		put_text("skip", row ? row->why : "this peer has no such row");
	puts("}");
	fflush(stdout);
	/* The runtime's threads are not waited for. */
	_Exit(0);
}
