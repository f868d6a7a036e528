// SPDX-License-Identifier: GPL-2.0-only
/*
 * victim.c - Gs for a debugger to look at: one parked in a chain of calls, one
 * that runs in such a chain, one that runs inline under its joiner.
 */
#include <weft/weft.h>
#include <core/g.h>

#include <stdio.h>

/* A frame of its own: gdb is to find it. */
#if defined(__clang__)
#define deep __attribute__((noinline))
#else
#define deep __attribute__((noinline, noclone))
#endif

static struct weft_parker parker;
struct g *volatile parked_g;	/* gdb reads it */
volatile int depth;

void stop_here(void);
deep void stop_here(void)
{
	__asm__ __volatile__("");
}

deep static void parked_inner(void)
{
	weft_park(&parker);
	depth++;
}

deep static void parked_outer(void)
{
	parked_inner();
	depth++;
}

static void *parked_fn(void *arg)
{
	parked_g = (struct g *)weft_self();
	parked_outer();
	return arg;
}

deep static void running_inner(void)
{
	stop_here();
	depth++;
}

static void *running_fn(void *arg)
{
	running_inner();
	return arg;
}

static void *inline_fn(void *arg)
{
	running_inner();
	return arg;
}

static int start(void *arg)
{
	struct weft_g *p, *r, *c;

	weft_spawn(&p, NULL, parked_fn, arg);
	while (!parked_g || parked_g->wait != WAIT_PARK)
		weft_yield();
	weft_yield();
	weft_spawn(&r, NULL, running_fn, arg);
	weft_yield();
	weft_join(r, NULL);
	weft_spawn(&c, NULL, inline_fn, arg);
	weft_join(c, NULL);
	weft_unpark(&parker);
	return weft_join(p, NULL);
}

int main(void)
{
	return weft_run(start, NULL);
}
