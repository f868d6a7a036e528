// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dirsum-window.c - the files in flight.
 *
 * Found files go into a window, a list of at most DIRSUM_WINDOW.  When it is
 * full, the walker waits for the oldest, prints its line, and frees it.  So
 * memory is bounded however large the tree is, but for the directories that
 * are known and not read yet, and for --sort, which keeps every line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dirsum-share.h"

static int keep(struct dirsum *d, struct dirsum_file *f)
{
	if (d->nsorted == d->room) {
		size_t room = d->room ? 2 * d->room : 1024;
		struct dirsum_file **p;

		p = realloc(d->sorted, room * sizeof(struct dirsum_file *));
		if (!p)
			return -ENOMEM;
		d->sorted = p;
		d->room = room;
	}
	d->sorted[d->nsorted++] = f;
	return 0;
}

/* Wait for the oldest file in flight, and account for it. */
static void collect(struct dirsum *d)
{
	struct dirsum_file *f = d->oldest;

	d->ops->wait(f);
	d->oldest = f->next;
	if (!d->oldest)
		d->newest = &d->oldest;
	d->in_flight--;

	if (f->err) {
		dirsum_complain(d, f->path, f->err);
		free(f);
		return;
	}
	d->files++;
	d->bytes += f->size;
	if (d->sort && !keep(d, f))
		return;
	if (d->sort)
		dirsum_give_up(d, "--sort", ENOMEM);
	dirsum_print(d, f);
	free(f);
}

/* When memory is short, after older ones. */
void dirsum_submit(struct dirsum *d, struct dirsum_file *f)
{
	int err;

	if (d->in_flight == DIRSUM_WINDOW)
		collect(d);
	while ((err = d->ops->start(f)) && d->in_flight)
		collect(d);
	if (err) {
		dirsum_complain(d, f->path, -err);
		free(f);
		return;
	}
	f->next = NULL;
	*d->newest = f;
	d->newest = &f->next;
	d->in_flight++;
}

static int by_path(const void *a, const void *b)
{
	const struct dirsum_file *const *f = a, *const *g = b;

	return strcmp((*f)->path, (*g)->path);
}

static void print_sorted(struct dirsum *d)
{
	if (d->nsorted)
		qsort(d->sorted, d->nsorted, sizeof(struct dirsum_file *),
		      by_path);
	for (size_t i = 0; i < d->nsorted; i++) {
		dirsum_print(d, d->sorted[i]);
		free(d->sorted[i]);
	}
	free(d->sorted);
}

void dirsum_drain(struct dirsum *d)
{
	while (d->in_flight)
		collect(d);
	print_sorted(d);
}
