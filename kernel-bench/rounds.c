// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * rounds.c - what is measured, and in which order.
 *
 * Each round measures every cell once, the implementations of a row one after
 * the other (A B C A B C ...): a neighbour that comes and goes on this machine
 * hits all of them alike.  A cell that failed or was skipped is not tried
 * again.
 */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

static void cells_add(struct cells *cs, const struct bench *b,
		      const struct impl *im, unsigned int procs)
{
	struct cell *c;

	cs->cell = realloc(cs->cell, (cs->n + 1) * sizeof(*c));
	if (!cs->cell)
		abort();
	c = &cs->cell[cs->n++];
	*c = (struct cell){ .bench = b, .impl = im, .procs = procs };
	if (im->side == SIDE_PTHREAD)
		cell_set(&c->note, b->twin);
}

/* Why this row cannot be measured so; NULL if it can. */
static const char *reason(const struct bench *b, const struct impl *im,
			  unsigned int procs)
{
	static char buf[80];
	unsigned int cpus = cpus_allowed();

	if (im->why)
		return im->why;
	if (im->side != SIDE_PEER && !impl_fn(im, b))
		return "this implementation has no such row";
	if (procs < b->min_procs || (b->max_procs && procs > b->max_procs)) {
		snprintf(buf, sizeof(buf), "defined for at %s %u P",
			 procs < b->min_procs ? "least" : "most",
			 procs < b->min_procs ? b->min_procs : b->max_procs);
		return buf;
	}
	if (procs <= cpus)
		return NULL;
	snprintf(buf, sizeof(buf), "needs %u CPUs, %u here", procs, cpus);
	return buf;
}

/* Numbers of processors that nobody asked for are left out silently. */
static bool unwanted(const struct options *o, const struct bench *b,
		     unsigned int procs)
{
	return !o->procs_given && (procs < b->min_procs ||
				   (b->max_procs && procs > b->max_procs));
}

static void plan_row(struct cells *cs, const struct options *o,
		     const struct bench *b)
{
	int i, p;

	if (b->host) {
		cells_add(cs, b, impl_find("host"), 1);
		return;
	}
	for (p = 0; p < o->nprocs; p++)
		for (i = 0; i < o->nimpl; i++) {
			const struct impl *im = o->impl[i];

			if (unwanted(o, b, o->procs[p]))
				continue;
			cells_add(cs, b, im, o->procs[p]);
			cell_set(&cs->cell[cs->n - 1].skip,
				 reason(b, im, o->procs[p]));
		}
}

static bool chosen(const struct options *o, const struct bench *b)
{
	int i;

	if (b->host || !o->nbench)
		return true;
	for (i = 0; i < o->nbench; i++)
		if (o->bench[i] == b)
			return true;
	return false;
}

static struct cells plan(const struct options *o)
{
	struct cells cs = { NULL, 0 };
	int i;

	for (i = 0; bench_nth(i); i++)
		if (chosen(o, bench_nth(i)) && (bench_nth(i)->host || o->nimpl))
			plan_row(&cs, o, bench_nth(i));
	return cs;
}

static void progress(const struct cell *c, int at, int total, int round,
		     int runs)
{
	const struct series *s = cell_series(c, "median");
	char val[32] = "";

	if (s && !c->error)
		format_value(val, sizeof(val), s->v[s->n - 1], c->bench->unit);
	fprintf(stderr, "[%*d/%d] %s %s %uP round %d/%d: %s\n",
		total > 999 ? 4 : 3, at, total, c->bench->name, c->impl->name,
		c->procs, round + 1, runs,
		c->error ?: c->skip ?: val);
}

static int measure_cell(struct cell *c, const struct options *o, int round)
{
	int status = measure(c, o, round);

	if (status)
		fprintf(stderr, "weft-bench: %s %s %uP: %s\n", c->bench->name,
			c->impl->name, c->procs, c->error);
	return status;
}

struct cells rounds_run(const struct options *o, int *status)
{
	struct cells cs = plan(o);
	int i, round, at = 0;

	for (round = 0; round < o->runs; round++)
		for (i = 0; i < cs.n; i++) {
			struct cell *c = &cs.cell[i];

			at++;
			if (c->error || c->skip)
				continue;
			*status |= measure_cell(c, o, round);
			if (o->progress)
				progress(c, at, cs.n * o->runs, round, o->runs);
		}
	return cs;
}

void cells_free(struct cells *cs)
{
	int i, k;

	for (i = 0; i < cs->n; i++) {
		struct cell *c = &cs->cell[i];

		for (k = 0; k < c->nseries; k++) {
			free(c->series[k].name);
			free(c->series[k].v);
		}
		free(c->series);
		free(c->note);
		free(c->version);
		free(c->skip);
		free(c->error);
	}
	free(cs->cell);
}
