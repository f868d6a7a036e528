// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * peer.c - where the programs of peers are, and our own second one.
 *
 * weft-bench-so is beside weft-bench.
 *
 * make peers puts each into peers/bin/NAME beside weft-bench; or, where one
 * could not be had, peers/bin/NAME.why, whose first line is the reason.
 */
#include "driver.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char no_proc[] = "/proc/self/exe does not tell where to look";

/* The folder of this program; false where /proc does not tell. */
static bool own_folder(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	if (n < 0)
		return false;
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (slash)
		*slash = '\0';
	return slash;
}

/* The first line of @path; NULL if there is none. */
static char *first_line(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[160] = "";

	if (!f)
		return NULL;
	if (fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	fclose(f);
	return *line ? strdup(line) : NULL;
}

/* These set @im's path, or why there is none; both are kept for good. */
void program_locate(struct impl *im)
{
	char folder[PATH_MAX], *path;

	if (!own_folder(folder, sizeof(folder))) {
		im->why = no_proc;
		return;
	}
	if (asprintf(&path, "%s/%s", folder, im->program) < 0)
		abort();
	if (!access(path, X_OK))
		im->path = path;
	else if (asprintf((char **)&im->why, "no program %s", path) < 0)
		abort();
}

void peer_locate(struct impl *im)
{
	char folder[PATH_MAX], *path;

	if (!own_folder(folder, sizeof(folder))) {
		im->why = no_proc;
		return;
	}
	if (asprintf(&path, "%s/peers/bin/%s.why", folder, im->name) < 0)
		abort();
	im->why = first_line(path);
	*strrchr(path, '.') = '\0';
	if (!im->why && access(path, X_OK))
		im->why = "not built: make peers";
	if (im->why)
		free(path);
	else
		im->path = path;
}
