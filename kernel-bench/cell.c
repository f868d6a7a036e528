// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * cell.c - the results of one row, implementation and number of processors.
 *
 * Every number that a run printed becomes a series over the rounds.  A series
 * is summed up by its median; one whose name ends in _max, or begins with
 * worst or stall, by its maximum, one that ends in _min by its minimum.
 */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#define BUSY_ENOUGH 0.75

static struct series *series_of(struct cell *c, const char *name)
{
	struct series *s;
	int i;

	for (i = 0; i < c->nseries; i++)
		if (!strcmp(c->series[i].name, name))
			return &c->series[i];
	c->series = realloc(c->series, (c->nseries + 1) * sizeof(*s));
	if (!c->series)
		abort();
	s = &c->series[c->nseries++];
	*s = (struct series){ .name = strdup(name) };
	return s;
}

void cell_add(struct cell *c, const char *name, double v)
{
	struct series *s = series_of(c, name);

	s->v = realloc(s->v, (s->n + 1) * sizeof(*s->v));
	if (!s->v)
		abort();
	s->v[s->n++] = v;
}

void cell_set(char **field, const char *text)
{
	if (!*field && text)
		*field = strdup(text);
}

/* Known from elsewhere, or the same as the value in a single run. */
static bool is_derived(const char *name)
{
	static const char *const names[] = { "procs", "min", "max", "runs",
					     "cpu_s", "rss_kb" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void merge_stats(struct cell *c, const struct json *stats)
{
	const struct json *j;
	char name[64];

	for (j = stats->child; j; j = j->next) {
		if (j->type != JSON_NUM)
			continue;
		snprintf(name, sizeof(name), "stats.%s", j->name);
		cell_add(c, name, j->num);
	}
}

void cell_merge(struct cell *c, const struct json *result)
{
	const struct json *median = json_get(result, "median"), *j;

	cell_set(&c->note, json_str(result, "note"));
	cell_set(&c->version, json_str(result, "version"));
	cell_set(&c->skip, json_str(result, "skip"));
	cell_set(&c->error, json_str(result, "error"));
	if (!c->skip && (!median || median->type != JSON_NUM))
		cell_set(&c->error, "the result has no median");
	if (c->skip || c->error)
		return;
	for (j = result->child; j; j = j->next) {
		if (j->type == JSON_OBJ && !strcmp(j->name, "stats"))
			merge_stats(c, j);
		else if (j->type == JSON_NUM && !is_derived(j->name))
			cell_add(c, j->name, j->num);
	}
}

/* NULL if no run gave it. */
const struct series *cell_series(const struct cell *c, const char *name)
{
	int i;

	for (i = 0; i < c->nseries; i++)
		if (!strcmp(c->series[i].name, name))
			return &c->series[i];
	return NULL;
}

double series_min(const struct series *s)
{
	double m = s->v[0];
	int i;

	for (i = 1; i < s->n; i++)
		m = s->v[i] < m ? s->v[i] : m;
	return m;
}

double series_max(const struct series *s)
{
	double m = s->v[0];
	int i;

	for (i = 1; i < s->n; i++)
		m = s->v[i] > m ? s->v[i] : m;
	return m;
}

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

double series_value(const struct series *s)
{
	double copy[s->n];

	if (ends_in(s->name, "_max") || !strncmp(s->name, "worst", 5) ||
	    !strncmp(s->name, "stall", 5))
		return series_max(s);
	if (ends_in(s->name, "_min"))
		return series_min(s);
	memcpy(copy, s->v, sizeof(copy));
	return median_of(copy, s->n);
}

/* 0 if no run gave it. */
double cell_value(const struct cell *c, const char *name)
{
	const struct series *s = cell_series(c, name);

	return s ? series_value(s) : 0;
}

/*
 * How many CPUs a measurement had; 0 if that is not known.  They are those
 * on which it was seen (@used).  An M that migrates is seen on two, so a row
 * that fills its processors must also have kept each busy (@busy of them, CPU
 * time over wall time) for BUSY_ENOUGH of the time.
 */
int cpus_had(const struct bench *b, double used, double busy)
{
	double most = busy / BUSY_ENOUGH;

	if (!b || !b->fills || busy <= 0 || most >= used)
		return used;
	return most < 1 ? 1 : most;
}
