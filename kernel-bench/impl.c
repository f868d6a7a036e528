// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * impl.c - what there is to measure: the rows, and what to measure them with.
 *
 * Rows register themselves in two sections, those compiled on their own and
 * those of inline.c, which have the same names.
 *
 * weft-so runs in a second program, of the same objects linked to libweft.so.
 *
 * A peer is a program that is called as this driver calls itself,
 *
 *	PATH one BENCH NAME PROCS --n N --ms MS --round K --seed S [--quick]
 *
 * and prints one result object; see README.  Those that make peers builds are
 * known by name; --peer defines others, or another program for one of these.
 */
#include "driver.h"

#include <string.h>

typedef const struct bench *const bench_row;

/* Made by the linker. */
extern bench_row __start_bench_rows[], __stop_bench_rows[];
extern bench_row __start_bench_inline[], __stop_bench_inline[];

#define IMPLS_MAX 32

static struct impl impls[IMPLS_MAX] = {
	{ .name = "weft",
	  .doc = "weft, calls that may switch inlined (WEFT_INLINE)",
	  .side = SIDE_WEFT, .inlined = true },
	{ .name = "weft-lib",
	  .doc = "weft, exported functions of the static library",
	  .side = SIDE_WEFT },
	{ .name = "weft-so",
	  .doc = "weft, exported functions of the shared library",
	  .side = SIDE_WEFT, .program = "weft-bench-so" },
	{ .name = "weft-declared",
	  .doc = "as weft, with WEFT_FPENV=declared",
	  .side = SIDE_WEFT, .inlined = true, .env = "WEFT_FPENV=declared" },
	{ .name = "weft-sentinel",
	  .doc = "as weft, with WEFT_BLOCK_DETECT=sentinel",
	  .side = SIDE_WEFT, .inlined = true,
	  .env = "WEFT_BLOCK_DETECT=sentinel" },
	{ .name = "weft-bpf",
	  .doc = "as weft, with WEFT_BLOCK_DETECT=bpf",
	  .side = SIDE_WEFT, .inlined = true,
	  .env = "WEFT_BLOCK_DETECT=bpf" },
	{ .name = "weft-sysmon",
	  .doc = "as weft, with WEFT_BLOCK_DETECT=sysmon",
	  .side = SIDE_WEFT, .inlined = true,
	  .env = "WEFT_BLOCK_DETECT=sysmon" },
	{ .name = "pthread",
	  .doc = "the twin: ordinary threads on as many CPUs",
	  .side = SIDE_PTHREAD },
	{ .name = "host",
	  .doc = "the machine itself, for the primitives",
	  .side = SIDE_HOST },
	{ .name = "go",
	  .doc = "goroutines",
	  .side = SIDE_PEER },
	{ .name = "boost",
	  .doc = "Boost.Fiber",
	  .side = SIDE_PEER },
	{ .name = "tokio",
	  .doc = "tasks of tokio (Rust)",
	  .side = SIDE_PEER },
	{ .name = "tbb",
	  .doc = "tasks of oneTBB",
	  .side = SIDE_PEER },
	{ .name = "gomp",
	  .doc = "OpenMP tasks, GCC's libgomp",
	  .side = SIDE_PEER },
	{ .name = "omp",
	  .doc = "OpenMP tasks, LLVM's libomp",
	  .side = SIDE_PEER },
};

/* In the order of the table; NULL behind the last. */
const struct bench *bench_nth(int i)
{
	return i < __stop_bench_rows - __start_bench_rows ?
		       __start_bench_rows[i] : NULL;
}

const struct bench *bench_find(const char *name, bool inlined)
{
	bench_row *b = __start_bench_rows, *end = __stop_bench_rows;

	if (inlined) {
		b = __start_bench_inline;
		end = __stop_bench_inline;
	}
	for (; b < end; b++)
		if (!strcmp((*b)->name, name))
			return *b;
	return NULL;
}

const struct impl *impl_nth(int i)
{
	return i < IMPLS_MAX && impls[i].name ? &impls[i] : NULL;
}

const struct impl *impl_find(const char *name)
{
	int i;

	for (i = 0; impl_nth(i); i++)
		if (!strcmp(impls[i].name, name))
			return &impls[i];
	return NULL;
}

/* NULL if the name is taken or there are too many. */
const struct impl *impl_add_peer(const char *name, const char *path)
{
	int i = 0;

	while (impl_nth(i) && strcmp(impls[i].name, name))
		i++;
	if (i == IMPLS_MAX ||
	    (impl_nth(i) && (impls[i].side != SIDE_PEER || impls[i].path)))
		return NULL;
	impls[i] = (struct impl){ .name = name, .doc = "a peer",
				  .side = SIDE_PEER, .path = path };
	return &impls[i];
}

/* After the options: what has no --peer is looked for where it is built. */
void impl_locate(void)
{
	int i;

	for (i = 0; impl_nth(i); i++)
		if (impls[i].program && !impls[i].path)
			program_locate(&impls[i]);
		else if (impls[i].side == SIDE_PEER && !impls[i].path)
			peer_locate(&impls[i]);
}

/* NULL if the row has none, as for every peer. */
bench_fn *impl_fn(const struct impl *im, const struct bench *b)
{
	switch (im->side) {
	case SIDE_WEFT:
		b = bench_find(b->name, im->inlined);
		return b ? b->weft : NULL;
	case SIDE_PTHREAD:
		return b->pthread;
	case SIDE_HOST:
		return b->host;
	case SIDE_PEER:
		break;
	}
	return NULL;
}
