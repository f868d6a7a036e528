// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * table.c - results as a table for people.
 *
 *	               weft 1P   weft 2P  pthread 1P  ratio 1P  noise
 *	yield_g64      5.02 ns   2.61 ns      512 ns      102x   4 %
 *
 * ratio is pthread / weft at the same number of processors; noise is
 * (max - min) / median of the weft cell where that is largest.  Below come
 * further figures, notes and reasons, and the primitives of the machine.
 */
#include "driver.h"

#include <string.h>

#define NAME_WIDTH 14
#define CELL_WIDTH 11
#define RATIO_WIDTH 9

static const char *digits(char *buf, size_t size, double v)
{
	snprintf(buf, size, "%.*f", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v);
	return buf;
}

/* Three digits and a unit that a person reads at once. */
void format_value(char *buf, size_t size, double v, const char *unit)
{
	static const char *const names[] = { "ns", "us", "ms", "s" };
	char num[32];
	int i = 0;

	if (!strcmp(unit, "ms"))
		v *= 1e6;
	else if (strcmp(unit, "ns")) {
		snprintf(buf, size, "%s %s", digits(num, sizeof(num), v),
			 strcmp(unit, "percent") ? unit : "%");
		return;
	}
	for (; v >= 999.5 && i < 3; i++)
		v /= 1000;
	snprintf(buf, size, "%s %s", digits(num, sizeof(num), v), names[i]);
}

static const struct cell *find(const struct cells *cs, const struct bench *b,
			       const struct impl *im, unsigned int procs)
{
	int i;

	for (i = 0; i < cs->n; i++)
		if (cs->cell[i].bench == b && cs->cell[i].impl == im &&
		    cs->cell[i].procs == procs)
			return &cs->cell[i];
	return NULL;
}

static const struct impl *first_of(const struct options *o, enum side side)
{
	int i;

	for (i = 0; i < o->nimpl; i++)
		if (o->impl[i]->side == side)
			return o->impl[i];
	return NULL;
}

static bool has_ratio(const struct options *o)
{
	return first_of(o, SIDE_WEFT) && first_of(o, SIDE_PTHREAD);
}

/* Wide enough for "NAME 16P". */
static int cell_width(const struct impl *im)
{
	int n = strlen(im->name) + 4;

	return n > CELL_WIDTH ? n : CELL_WIDTH;
}

static void print_head(FILE *f, const struct options *o)
{
	char buf[64];
	int i, p;

	fprintf(f, "%-*s", NAME_WIDTH, "");
	for (i = 0; i < o->nimpl; i++)
		for (p = 0; p < o->nprocs; p++) {
			snprintf(buf, sizeof(buf), "%s %uP", o->impl[i]->name,
				 o->procs[p]);
			fprintf(f, " %*s", cell_width(o->impl[i]), buf);
		}
	for (p = 0; has_ratio(o) && p < o->nprocs; p++) {
		snprintf(buf, sizeof(buf), "ratio %uP", o->procs[p]);
		fprintf(f, " %*s", RATIO_WIDTH, buf);
	}
	fputs("  noise\n", f);
}

/* Measured on fewer CPUs than it has processors. */
static bool too_few_cpus(const struct cell *c)
{
	unsigned int had = cpus_had(c->bench, cell_value(c, "cpus_used"),
				    cell_value(c, "cpus_busy"));

	return had && !c->bench->serial && had < c->procs;
}

static bool print_cell(FILE *f, const struct cell *c, int width)
{
	char buf[48] = "";
	bool few = false;

	if (c && c->error)
		snprintf(buf, sizeof(buf), "ERROR");
	else if (c && c->skip)
		snprintf(buf, sizeof(buf), "skip");
	else if (c && cell_series(c, "median")) {
		format_value(buf, sizeof(buf) - 1, cell_value(c, "median"),
			     c->bench->unit);
		few = too_few_cpus(c);
		if (few)
			strcat(buf, "*");
	}
	fprintf(f, " %*s", width, buf);
	return few;
}

static void print_ratio(FILE *f, const struct cell *weft,
			const struct cell *twin)
{
	char buf[48] = "", num[32];
	double a = weft ? cell_value(weft, "median") : 0;
	double b = twin ? cell_value(twin, "median") : 0;

	if (a > 0 && b > 0 && strcmp(weft->bench->unit, "percent"))
		snprintf(buf, sizeof(buf), "%sx", digits(num, sizeof(num),
							 b / a));
	fprintf(f, " %*s", RATIO_WIDTH, buf);
}

static double noise(const struct cell *c)
{
	const struct series *s = c ? cell_series(c, "median") : NULL;

	if (!s || series_value(s) <= 0)
		return 0;
	return 100 * (series_max(s) - series_min(s)) / series_value(s);
}

/* True if a cell of it was marked. */
static bool print_row(FILE *f, const struct cells *cs, const struct options *o,
		      const struct bench *b)
{
	const struct impl *weft = first_of(o, SIDE_WEFT);
	const struct impl *twin = first_of(o, SIDE_PTHREAD);
	double worst = 0;
	bool mark = false;
	int i, p;

	fprintf(f, "%-*s", NAME_WIDTH, b->name);
	for (i = 0; i < o->nimpl; i++)
		for (p = 0; p < o->nprocs; p++)
			mark |= print_cell(f, find(cs, b, o->impl[i],
						   o->procs[p]),
					   cell_width(o->impl[i]));
	for (p = 0; p < o->nprocs; p++) {
		const struct cell *c = find(cs, b, weft ?: o->impl[0],
					    o->procs[p]);

		if (has_ratio(o))
			print_ratio(f, c, find(cs, b, twin, o->procs[p]));
		if (noise(c) > worst)
			worst = noise(c);
	}
	fprintf(f, " %4.0f %%\n", worst);
	return mark;
}

/* Members that say how it was measured, not what came out. */
static bool is_figure(const struct series *s)
{
	static const char *const others[] = {
		"median", "wall_s", "cpus_busy", "cpus_used", "cpu_s", "rss_kb",
		"p50", "rounds", "trees", "wakes", "threads",
	};
	size_t i;

	if (strchr(s->name, '.'))
		return false;
	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(s->name, others[i]))
			return false;
	return true;
}

static void print_figures(FILE *f, const struct cell *c)
{
	int i, n = 0;

	for (i = 0; i < c->nseries; i++) {
		const struct series *s = &c->series[i];
		double v;

		if (!is_figure(s))
			continue;
		if (!n++)
			fprintf(f, "  %s %s %uP:", c->bench->name,
				c->impl->name, c->procs);
		v = series_value(s);
		fprintf(f, " %s %.*f", s->name,
			v > -100 && v < 100 && v != (long)v ? 2 : 0, v);
	}
	if (n)
		fputc('\n', f);
}

static const char *remark(const struct cell *c)
{
	return c->error ?: c->skip ?: c->note;
}

/* The same is to be said of both. */
static bool same_note(const struct cell *a, const struct cell *b)
{
	return a->bench == b->bench && !a->impl->why && !b->impl->why &&
	       !a->error == !b->error && remark(a) && remark(b) &&
	       !strcmp(remark(a), remark(b));
}

/* Of the cells from @from on up to @to. */
static bool noted(const struct cells *cs, int from, int to,
		  const struct cell *c, const struct impl *im)
{
	for (; from < to; from++)
		if (same_note(&cs->cell[from], c) &&
		    (!im || im == cs->cell[from].impl))
			return true;
	return false;
}

/* Once for all cells of a row of which the same is to be said. */
static void print_note(FILE *f, const struct cells *cs, int i)
{
	const struct cell *c = &cs->cell[i];
	int k;

	if (!same_note(c, c) || noted(cs, 0, i, c, NULL))
		return;
	fprintf(f, "  %s %s", c->bench->name, c->impl->name);
	for (k = i + 1; k < cs->n; k++)
		if (same_note(&cs->cell[k], c) &&
		    !noted(cs, i, k, c, cs->cell[k].impl))
			fprintf(f, ", %s", cs->cell[k].impl->name);
	fprintf(f, ": %s%s\n", c->error ? "ERROR: " : "", remark(c));
}

static const char *version_of(const struct cells *cs, const struct impl *im)
{
	int i;

	for (i = 0; i < cs->n; i++)
		if (cs->cell[i].impl == im && cs->cell[i].version)
			return cs->cell[i].version;
	return "says nothing of its version";
}

/* Which each peer was, or why there is none: once, not at each row. */
static void print_peers(FILE *f, const struct cells *cs,
			const struct options *o)
{
	const char *head = "\nPeers:\n";
	int i;

	for (i = 0; i < o->nimpl; i++) {
		const struct impl *im = o->impl[i];

		if (im->side != SIDE_PEER && !im->why)
			continue;
		fprintf(f, "%s  %s: %s%s\n", head, im->name,
			im->why ? "SKIP: " : "", im->why ?: version_of(cs, im));
		head = "";
	}
}

static void print_details(FILE *f, const struct cells *cs)
{
	int i;

	fputs("\nFurther figures:\n", f);
	for (i = 0; i < cs->n; i++)
		if (!cs->cell[i].bench->host)
			print_figures(f, &cs->cell[i]);
	fputs("\nNotes:\n", f);
	for (i = 0; i < cs->n; i++)
		if (!cs->cell[i].bench->host)
			print_note(f, cs, i);
}

static void print_primitive(FILE *f, const struct cell *c)
{
	char buf[48];

	format_value(buf, sizeof(buf), cell_value(c, "median"),
		     c->bench->unit);
	fprintf(f, "  %-21s %10s  %3.0f %%  %s\n", c->bench->name,
		c->error ? "ERROR" : c->skip ? "skip" : buf, noise(c),
		c->error ?: c->skip ?: c->bench->doc);
}

static void print_host(FILE *f, const struct cells *cs, const struct options *o)
{
	struct host h;
	int i;

	host_read(&h, o);
	fputs("\nThis machine takes (median, noise):\n", f);
	for (i = 0; i < cs->n; i++)
		if (cs->cell[i].bench->host)
			print_primitive(f, &cs->cell[i]);
	fprintf(f, "\n%s, %d CPUs, Linux %s\n%s\n%s, medians of %d\n", h.cpu,
		cpus_allowed(), h.kernel, h.flags, h.date, o->runs);
}

static void print_legend(FILE *f, const struct options *o, bool mark)
{
	if (has_ratio(o))
		fputs("ratio: pthread / weft.  ", f);
	fprintf(f, "noise: (max - min) / median of %s.\n",
		(first_of(o, SIDE_WEFT) ?: o->impl[0])->name);
	fputs("weft at N P may use every CPU, its Ms are bound to none; the "
	      "twin is confined\nto N CPUs.\n", f);
	if (mark)
		fputs("* ran on fewer CPUs than it has P, or kept fewer busy: "
		      "no measure of that\nmany.\n", f);
}

void table_print(FILE *f, const struct cells *cs, const struct options *o)
{
	const struct bench *last = NULL;
	bool mark = false;
	int i;

	for (i = 0; i < cs->n; i++) {
		const struct bench *b = cs->cell[i].bench;

		if (b->host || b == last)
			continue;
		if (!last)
			print_head(f, o);
		mark |= print_row(f, cs, o, b);
		last = b;
	}
	if (last) {
		print_legend(f, o, mark);
		print_details(f, cs);
		print_peers(f, cs, o);
	}
	print_host(f, cs, o);
}
