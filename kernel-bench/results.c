// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * results.c - a file that --json wrote, read and checked.
 *
 * Whatever is wrong with it ends the program with one line that names the
 * file and the place, and status 2.
 */
#include "compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64 * 1024 * 1024)

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t size = 4096, len = 0;
	char *text = NULL;

	while (f && size <= FILE_MAX && !ferror(f) && !feof(f)) {
		size *= 2;
		text = realloc(text, size);
		if (!text)
			check(-ENOMEM, path);
		len += fread(text + len, 1, size - 1 - len, f);
	}
	if (!f || ferror(f))
		usage_error("%s: %s", path, strerror(errno));
	if (!feof(f))
		usage_error("%s: larger than results are", path);
	fclose(f);
	text[len] = '\0';
	if (strlen(text) != len)
		usage_error("%s: not text", path);
	return text;
}

static int line_of(const char *text, const char *at)
{
	int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

static struct json *parse(const char *path)
{
	char *text = slurp(path);
	const char *end;
	struct json *j = json_parse_at(text, &end);

	if (!j)
		usage_error("%s:%d: not JSON, from there on", path,
			    line_of(text, end));
	free(text);
	return j;
}

/* The @i-th element of @path is wrong, counted from 1. */
static void wrong(const char *path, int i, const char *what)
{
	usage_error("%s: result %d: %s", path, i + 1, what);
}

static double number(const struct json *obj, const char *name, double none)
{
	const struct json *j = json_get(obj, name);

	return j && j->type == JSON_NUM ? j->num : none;
}

/* "samples"; from a file without them min, median and max must do. */
static void read_samples(struct result *r, const struct json *obj,
			 const char *path, int i)
{
	const struct json *all = json_get(obj, "samples"), *j;
	int n = 0;

	if (all && all->type != JSON_ARR)
		wrong(path, i, "\"samples\" is not an array");
	for (j = all ? all->child : NULL; j; j = j->next, n++)
		if (j->type != JSON_NUM)
			wrong(path, i, "\"samples\" holds no numbers");
	r->v = zalloc(n ? n : 3, sizeof(*r->v));
	for (j = all ? all->child : NULL; j; j = j->next)
		r->v[r->n++] = j->num;
	if (!n) {
		r->v[0] = number(obj, "min", r->median);
		r->v[1] = r->median;
		r->v[2] = number(obj, "max", r->median);
		r->n = 3;
	}
	qsort(r->v, r->n, sizeof(*r->v), compare_double);
}

/* What the file says, else what this program knows of the row. */
static void read_row(struct result *r, const struct json *obj,
		     const char *path, int i)
{
	const struct bench *b = bench_find(r->bench, false);
	const char *better = json_str(obj, "better");

	if (better && strcmp(better, "higher") && strcmp(better, "lower"))
		wrong(path, i, "\"better\" is not higher or lower");
	r->higher = better ? !strcmp(better, "higher") : b && b->higher;
	if (!b || !b->serial)
		r->cpus = cpus_had(b, number(obj, "cpus_used", 0),
				   number(obj, "cpus_busy", 0));
}

static void read_result(struct result *r, const struct json *obj,
			const char *path, int i)
{
	const struct json *median = json_get(obj, "median");
	double procs = number(obj, "procs", 0);

	r->bench = json_str(obj, "bench");
	r->impl = json_str(obj, "impl");
	r->unit = json_str(obj, "unit");
	if (obj->type != JSON_OBJ || !r->bench || !r->impl || !r->unit)
		wrong(path, i, "not an object with bench, impl and unit");
	if (procs < 1 || procs > CPUS_MAX)
		wrong(path, i, "\"procs\" is no number of processors");
	r->procs = procs;
	r->why = json_str(obj, "error") ?: json_str(obj, "skip");
	if (!median || (median->type != JSON_NUM && median->type != JSON_NULL))
		wrong(path, i, "\"median\" is neither a number nor null");
	read_row(r, obj, path, i);
	if (median->type == JSON_NULL || r->why)
		return;
	r->median = median->num;
	read_samples(r, obj, path, i);
}

struct results results_read(const char *path)
{
	struct results rs = { .path = path, .json = parse(path) };
	const struct json *j;
	int n = 0;

	if (rs.json->type != JSON_ARR || !rs.json->child)
		usage_error("%s: not an array of results", path);
	for (j = rs.json->child; j; j = j->next)
		n++;
	rs.r = zalloc(n, sizeof(*rs.r));
	for (j = rs.json->child; j; j = j->next, rs.n++) {
		read_result(&rs.r[rs.n], j, path, rs.n);
		if (results_find(&rs, &rs.r[rs.n]))
			wrong(path, rs.n, "the same once more");
	}
	return rs;
}

void results_free(struct results *rs)
{
	int i;

	for (i = 0; i < rs->n; i++)
		free(rs->r[i].v);
	free(rs->r);
	json_free(rs->json);
}

/* The same row, implementation and number of processors; or NULL. */
const struct result *results_find(const struct results *rs,
				  const struct result *like)
{
	int i;

	for (i = 0; i < rs->n; i++)
		if (rs->r[i].procs == like->procs &&
		    !strcmp(rs->r[i].bench, like->bench) &&
		    !strcmp(rs->r[i].impl, like->impl))
			return &rs->r[i];
	return NULL;
}

/* "kernel", "flags", ...: the same for all results of a file. */
const char *results_text(const struct results *rs, const char *name)
{
	return json_str(rs->json->child, name) ?: "unknown";
}
