// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * switch.c - two Gs hand a permit back and forth.
 *
 * An operation is one hand-over: an unpark, a park, and the switch to the
 * other G.  The twin does the same with two threads and a futex each.
 */
#include "bench.h"

struct switch_side {
	struct weft_parker parker;
	struct permit permit;
	struct switch_side *other;
	long ops;
} __attribute__((aligned(128)));

static struct switch_side switch_sides[2];

static void *switch_follow(void *arg)
{
	struct switch_side *s = arg;

	for (;;) {
		weft_park(&s->parker);
		if (stopping())
			break;
		if (!(++s->ops & 255))
			cpu_mark();
		weft_unpark(&s->other->parker);
	}
	weft_unpark(&s->other->parker);
	return NULL;
}

static void switch_weft(struct run *r)
{
	struct switch_side *a = &switch_sides[0], *b = &switch_sides[1];
	struct weft_g *g;
	long ops = 0;

	a->other = b;
	b->other = a;
	check(weft_spawn(&g, NULL, switch_follow, b), "weft_spawn");
	run_begin(r);
	while (!stopping()) {
		ops++;
		weft_unpark(&b->parker);
		weft_park(&a->parker);
	}
	run_end(r, ops + b->ops);
	weft_unpark(&b->parker);
	weft_join(g, NULL);
}

static void *switch_follow_thread(void *arg)
{
	struct switch_side *s = arg;

	for (;;) {
		permit_wait(&s->permit);
		if (stopping())
			break;
		if (!(++s->ops & 255))
			cpu_mark();
		permit_give(&s->other->permit);
	}
	permit_give(&s->other->permit);
	return NULL;
}

static void switch_pthread(struct run *r)
{
	struct switch_side *a = &switch_sides[0], *b = &switch_sides[1];
	pthread_t t;
	long ops = 0;

	a->other = b;
	b->other = a;
	check(thread_start(&t, switch_follow_thread, b), "a thread");
	run_begin(r);
	while (!stopping()) {
		ops++;
		permit_give(&b->permit);
		permit_wait(&a->permit);
	}
	run_end(r, ops + b->ops);
	permit_give(&b->permit);
	pthread_join(t, NULL);
}

static const struct bench switch_row = {
	.name = "switch",
	.unit = "ns",
	.doc = "two Gs hand a permit back and forth; per hand-over",
	.weft = switch_weft,
	.pthread = switch_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.serial = true,
};

BENCH_ROWS(switch, &switch_row);
