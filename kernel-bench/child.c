// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * child.c - one measurement, inside its process.
 *
 * The driver starts itself anew as "weft-bench one BENCH IMPL PROCS ...", so
 * that memory, CPU time and the runtime of one measurement are its own.  This
 * prints one result object on stdout; "error" and "skip" are members of it.
 * With --n it does more or less than the row's size, for trying things out.
 */
#include "driver.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bench_fn *measured, *inside;

static int first_g(void *arg)
{
	struct run *r = arg;

	inside(r);
	r->have_stats = !weft_stats(&r->stats, sizeof(r->stats));
	return 0;
}

/* A program exports nothing, so what is found is the shared library's. */
static bool linked_shared(void)
{
	return dlsym(RTLD_DEFAULT, "weft_run");
}

int run_weft(struct run *r, bench_fn *fn)
{
	int err;

	inside = fn;
	err = weft_run(first_g, r);
	if (err && r->setting)
		run_skip(r, "weft refuses %s: %s", r->setting, strerror(-err));
	else if (err)
		run_fail(r, "weft_run: %s", strerror(-err));
	return err;
}

static void confine(struct run *r)
{
	int err = cpus_confine(r->procs);

	if (err)
		run_fail(r, "sched_setaffinity: %s", strerror(-err));
}

static void run_ours(struct run *r, const struct impl *im)
{
	char procs[16];

	if (linked_shared() != !!im->program) {
		run_fail(r, "this program is linked to the %s library",
			 linked_shared() ? "shared" : "static");
		return;
	}
	snprintf(procs, sizeof(procs), "%u", r->procs);
	setenv("WEFT_PROCS", procs, 1);
	if (im->env)
		putenv((char *)im->env);
	r->setting = im->env;
	if (r->bench->confined)
		confine(r);
	if (r->bench->outside)
		measured(r);
	else
		run_weft(r, measured);
}

static void run_twin(struct run *r)
{
	confine(r);
	if (!*r->error)
		measured(r);
}

static void put_stats(const struct weft_stats *s)
{
#define PUT(name) { #name, offsetof(struct weft_stats, name) }
	static const struct {
		const char *name;
		size_t at;
	} kinds[] = {
		PUT(gs), PUT(ms), PUT(spares), PUT(procs), PUT(idle),
		PUT(spawned), PUT(ended), PUT(dispatched), PUT(inlined),
		PUT(parked), PUT(readied), PUT(ticks), PUT(global_put),
		PUT(global_got), PUT(spills), PUT(published), PUT(taken_back),
		PUT(stolen), PUT(steals), PUT(seizures), PUT(seized),
		PUT(reseats), PUT(membarriers), PUT(capped), PUT(handoffs),
		PUT(taken_back_tokens), PUT(returns), PUT(returns_global),
		PUT(returns_loose),
		PUT(m_created), PUT(m_parked), PUT(m_woken),
		PUT(monitor_ticks), PUT(timers),
		PUT(handoffs_sentinel), PUT(sentinel_looks),
		PUT(sentinels_retired), PUT(spares_missed),
	};
#undef PUT
	size_t i;

	printf(",\"stats\":{");
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		printf("%s\"%s\":%llu", i ? "," : "", kinds[i].name,
		       (unsigned long long)*(const uint64_t *)((const char *)s +
							       kinds[i].at));
	printf("}");
}

static void put_num(const char *name, double v)
{
	printf(",\"%s\":", name);
	json_put_num(stdout, v);
}

static void put_text(const char *name, const char *s)
{
	if (!*s)
		return;
	printf(",\"%s\":", name);
	json_put_str(stdout, s);
}

static void put_result(const struct run *r)
{
	int i;

	printf("{\"bench\":\"%s\",\"impl\":\"%s\",\"procs\":%u,\"unit\":\"%s\"",
	       r->bench->name, r->impl, r->procs, r->bench->unit);
	put_num("median", r->value);
	put_num("min", r->value);
	put_num("max", r->value);
	put_num("runs", 1);
	put_num("wall_s", r->wall_ns / 1e9);
	if (r->wall_ns)
		put_num("cpus_busy", (double)r->cpu_ns / r->wall_ns);
	put_num("cpus_used", r->cpus_used);
	for (i = 0; i < r->nfields; i++)
		put_num(r->field[i].name, r->field[i].val);
	put_text("note", r->note);
	put_text("skip", r->skip);
	put_text("error", r->error);
	if (r->have_stats)
		put_stats(&r->stats);
	printf("}\n");
}

static void set_size(struct run *r, const struct impl *im,
		     const struct options *o)
{
	const struct bench *b = r->bench;
	const struct size *s = o->quick ? &b->quick : &b->full;
	const struct size *twin = o->quick ? &b->twin_quick : &b->twin_full;

	if (im->side == SIDE_PTHREAD && (twin->n || twin->ms))
		s = twin;
	r->n = o->n ?: s->n;
	r->ms = s->ms;
	r->arg = b->arg;
}

/* one BENCH IMPL PROCS [options] */
int child_main(int argc, char **argv)
{
	static struct run run;
	const struct impl *im;
	struct options o;

	if (argc < 4)
		usage_error("one BENCH IMPL PROCS [--quick] [--round K]");
	run.bench = bench_find(argv[1], false);
	im = impl_find(argv[2]);
	if (!run.bench || !im)
		usage_error("no row '%s', or no '%s' here", argv[1], argv[2]);
	run.impl = im->name;
	run.procs = parse_number("PROCS", argv[3], 1, CPUS_MAX);
	measured = impl_fn(im, run.bench);
	if (!measured)
		usage_error("row '%s' has no '%s' form", argv[1], argv[2]);
	options_parse(&o, argc - 3, argv + 3, true);
	run.round = o.round;
	run.seed = o.seed;
	set_size(&run, im, &o);
	work_calibrate();
	stopper_start();
	if (im->side == SIDE_WEFT)
		run_ours(&run, im);
	else if (im->side == SIDE_PTHREAD)
		run_twin(&run);
	else
		measured(&run);
	put_result(&run);
	return 0;
}
