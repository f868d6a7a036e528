// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * band.c - what a difference between two results means.
 *
 * The spread of a side is what its own runs show, over their median: from five
 * runs on the distance of the quartiles, so that one run that a neighbour hit
 * does not excuse everything; with fewer, max - min.  The spreads of both
 * sides add up, and --threshold is the least band, whatever the runs say:
 *
 *	band = max(threshold, spread_old + spread_new)
 *
 * A ratio within 1 / (1 + band) ... 1 + band is the same.  For a normal
 * distribution and five runs the band is 3.4 standard errors of the difference
 * of the medians: of a hundred rows that are the same hardly one is called
 * slower.  (Rejected: comparing the minima, which reward the luckiest run and
 * say nothing where only one G may starve; a t test, which one run that a
 * neighbour hit blinds; the spreads as a root of squares, which calls one row
 * slower in every other comparison.)
 */
#include "compare.h"

#include <math.h>

#define QUARTILES_FROM 5

/* Between two of the sorted @v, linear. */
static double quantile(const double *v, int n, double p)
{
	double at = p * (n - 1);
	int i = at;

	return i + 1 < n ? v[i] + (at - i) * (v[i + 1] - v[i]) : v[i];
}

static double spread(const struct result *r)
{
	double width;

	if (r->n >= QUARTILES_FROM)
		width = quantile(r->v, r->n, 0.75) - quantile(r->v, r->n, 0.25);
	else
		width = r->v[r->n - 1] - r->v[0];
	return r->median > 0 ? width / r->median : 0;
}

double band_of(const struct result *a, const struct result *b, double least)
{
	double band = spread(a) + spread(b);

	return band > least ? band : least;
}

/* New over old; 1 where both are nothing. */
double ratio_of(const struct result *a, const struct result *b)
{
	if (a->median > 0)
		return b->median > 0 ? b->median / a->median : 0;
	return b->median > 0 ? INFINITY : 1;
}

enum verdict verdict_of(const struct result *a, const struct result *b,
			double band)
{
	double ratio = ratio_of(a, b);
	bool up = ratio > 1 + band, down = ratio < 1 / (1 + band);

	if (!up && !down)
		return VERDICT_SAME;
	return up == b->higher ? VERDICT_FASTER : VERDICT_SLOWER;
}
