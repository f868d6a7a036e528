// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * report.c - results as JSON: an array with one object for each cell.
 *
 * README says what each member means.
 */
#include "driver.h"

#include <string.h>

static void put(FILE *f, const char *name, double v)
{
	fprintf(f, ",\n   \"%s\": ", name);
	json_put_num(f, v);
}

static void put_text(FILE *f, const char *name, const char *s)
{
	if (!s)
		return;
	fprintf(f, ",\n   \"%s\": ", name);
	json_put_str(f, s);
}

static bool is_stat(const struct series *s)
{
	return !strncmp(s->name, "stats.", 6);
}

static void put_value(FILE *f, const struct series *s)
{
	int i;

	put(f, "median", series_value(s));
	put(f, "min", series_min(s));
	put(f, "max", series_max(s));
	put(f, "runs", s->n);
	fputs(",\n   \"samples\": [", f);
	for (i = 0; i < s->n; i++) {
		fputs(i ? ", " : "", f);
		json_put_num(f, s->v[i]);
	}
	fputc(']', f);
}

/* A cell that was not measured has its members all the same, as null. */
static void put_nothing(FILE *f)
{
	static const char *const nulls[] = { "median", "min", "max", "cpu_s",
					     "rss_kb" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nulls); i++)
		fprintf(f, ",\n   \"%s\": null", nulls[i]);
	put(f, "runs", 0);
}

static void put_stats(FILE *f, const struct cell *c)
{
	int i, n = 0;

	for (i = 0; i < c->nseries; i++) {
		if (!is_stat(&c->series[i]))
			continue;
		fprintf(f, "%s\"%s\": ", n++ ? ", " : ",\n   \"stats\": {",
			c->series[i].name + 6);
		json_put_num(f, series_value(&c->series[i]));
	}
	if (n)
		fputc('}', f);
}

static void put_cell(FILE *f, const struct cell *c)
{
	const struct series *s = cell_series(c, "median");
	int i;

	fprintf(f, "  {\"bench\": \"%s\",\n   \"impl\": ", c->bench->name);
	json_put_str(f, c->impl->name);
	put(f, "procs", c->procs);
	put_text(f, "unit", c->bench->unit);
	put_text(f, "better", c->bench->higher ? "higher" : "lower");
	if (s)
		put_value(f, s);
	else
		put_nothing(f);
	for (i = 0; i < c->nseries; i++)
		if (&c->series[i] != s && !is_stat(&c->series[i]))
			put(f, c->series[i].name, series_value(&c->series[i]));
	put_stats(f, c);
	put_text(f, "version", c->version);
	put_text(f, "note", c->note);
	put_text(f, "skip", c->skip);
	put_text(f, "error", c->error);
}

void report_json(FILE *f, const struct cells *cs, const struct options *o)
{
	struct host h;
	int i;

	host_read(&h, o);
	fputs("[\n", f);
	for (i = 0; i < cs->n; i++) {
		put_cell(f, &cs->cell[i]);
		put(f, "seed", o->seed);
		put_text(f, "kernel", h.kernel);
		put_text(f, "flags", h.flags);
		put_text(f, "cpu", h.cpu);
		put_text(f, "date", h.date);
		fprintf(f, "}%s\n", i < cs->n - 1 ? "," : "");
	}
	fputs("]\n", f);
}
