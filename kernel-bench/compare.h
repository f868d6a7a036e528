/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * compare.h - between the parts of weft-bench compare.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "driver.h"

/**
 * struct result - a cell as it stands in a file; texts belong to the file
 * @bench:	the row
 * @impl:	the implementation; "host" for a primitive
 * @unit:	of the value
 * @why:	why there is no value, or NULL
 * @procs:	number of processors
 * @higher:	the higher the better
 * @median:	the value
 * @v:		each run's, sorted
 * @n:		how many; 0 if it was not measured
 * @cpus:	CPUs that it had; 0 if that says nothing
 */
struct result {
	const char *bench, *impl, *unit, *why;
	unsigned int procs;
	bool higher;
	double median, *v;
	int n, cpus;
};

/**
 * struct results - a file of them
 * @path:	as on the command line
 * @json:	what was read
 * @r:		the results
 * @n:		how many
 */
struct results {
	const char *path;
	struct json *json;
	struct result *r;
	int n;
};

struct results results_read(const char *path);
void results_free(struct results *rs);
const struct result *results_find(const struct results *rs,
				  const struct result *like);
const char *results_text(const struct results *rs, const char *name);

enum verdict { VERDICT_SAME, VERDICT_FASTER, VERDICT_SLOWER };

double band_of(const struct result *a, const struct result *b, double least);
double ratio_of(const struct result *a, const struct result *b);
enum verdict verdict_of(const struct result *a, const struct result *b,
			double band);

#endif /* COMPARE_H */
