// SPDX-License-Identifier: GPL-2.0-only
/*
 * torture.c - a crowd of Gs goes through everything at once while others move,
 * seize, unseat and hog; each must run exactly once at a time and nothing may
 * be lost.
 *
 *	torture [--mode M,...] [--gs N] [--procs P] [--seed S] [--seconds T]
 *		[--disturb D,...|none]
 *
 * The seed is printed; given again, it replays the decisions.  Without
 * options: all modes, all disturbers, 300 Gs, 60 s, as many Ps as CPUs.
 */
#include "torture.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

struct run run = { .gs = 300, .seconds = 60 };
struct counts counts;

static unsigned int procs;

static u32 bits_of(const char *list, const char *const *names, u32 n)
{
	u32 bits = 0, i;
	size_t len;

	if (!strcmp(list, "none"))
		return 0;
	for (;; list += len + 1) {
		len = strcspn(list, ",");
		for (i = 0; i < n; i++)
			if (strlen(names[i]) == len &&
			    !strncmp(list, names[i], len))
				break;
		if (i == n) {
			fprintf(stderr, "torture: what is %.*s?\n", (int)len,
				list);
			exit(2);
		}
		bits |= 1u << i;
		if (!list[len])
			return bits;
	}
}

static void parse(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "mode", 1, NULL, 'm' },    { "gs", 1, NULL, 'g' },
		{ "threads", 1, NULL, 'g' }, { "procs", 1, NULL, 'p' },
		{ "seed", 1, NULL, 's' },    { "seconds", 1, NULL, 't' },
		{ "disturb", 1, NULL, 'd' }, { 0 },
	};
	int c;

	run.modes = (1u << NMODES) - 1;
	run.disturb = (1u << NDISTURB) - 1;
	if (getrandom(&run.seed, sizeof(run.seed), 0) < 0)
		run.seed = (u64)weft__now();
	run.seed &= 0xffffffff;
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (c) {
		case 'm':
			run.modes = bits_of(optarg, mode_names, NMODES);
			break;
		case 'd':
			run.disturb = bits_of(optarg, disturber_names,
					      NDISTURB);
			break;
		case 'g':
			run.gs = (u32)atoi(optarg);
			break;
		case 'p':
			procs = (u32)atoi(optarg);
			break;
		case 's':
			run.seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			run.seconds = (u32)atoi(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (!run.modes || !run.gs || !run.seconds)
		exit(2);
}

static void *body(void *arg)
{
	struct self s;

	self_begin(&s, run.seed + (uintptr_t)arg);
	while (!READ_ONCE(run.stop))
		step(&s);
	self_end(&s);
	return (void *)((uintptr_t)arg + 1);
}

/* Every G parked, and nothing to wake one: never true here. */
static void deadlock(void *arg)
{
	(void)arg;
	die("a deadlock was reported, and there is none");
}

static void crowd(void)
{
	struct weft_g **g = calloc(run.gs, sizeof(*g));
	struct timespec ts = { (time_t)run.seconds, 0 };
	void *val;
	u32 i;

	if (!g)
		die("no memory");
	for (i = 0; i < run.gs; i++)
		if (weft_spawn(&g[i], NULL, body, (void *)(uintptr_t)i))
			die("weft_spawn failed");
	nanosleep(&ts, NULL);
	WRITE_ONCE(run.stop, 1);
	for (i = 0; i < run.gs; i++) {
		if (weft_join(g[i], &val))
			die("weft_join failed");
		if ((uintptr_t)val != i + 1)
			die("G %u came back as %p", i, val);
	}
	free(g);
}

/* Detached Gs may be alive for a moment. */
static void stop(void)
{
	s64 end = weft__now() + 10 * NSEC_PER_SEC;
	int ret;

	while ((ret = weft_stop()) == -EBUSY && weft__now() < end)
		usleep(1000);
	if (ret)
		die("weft_stop: %d, with %lld Gs alive", ret,
		    (long long)weft__live());
}

static void print_stats(void)
{
	struct weft_stats st;

	if (weft_stats(&st, sizeof(st)))
		die("weft_stats failed");
#define x(f) printf("  %-18s %" PRIu64 "\n", #f, st.f)
	x(ms), x(dispatched), x(inlined), x(parked), x(readied), x(global_put);
	x(global_got), x(spills), x(published), x(taken_back), x(stolen);
	x(steals), x(seizures), x(seized), x(reseats), x(membarriers);
	x(capped), x(handoffs), x(taken_back_tokens), x(returns);
	x(returns_global), x(m_created), x(m_parked), x(m_woken);
	x(monitor_ticks), x(timers);
#undef x
}

static void print_counts(void)
{
	u32 i;

	printf("steps:");
	for (i = 0; i < NMODES; i++)
		if (run.modes & 1u << i)
			printf(" %s %" PRIu64, mode_names[i], counts.steps[i]);
	printf("\nchildren %" PRIu64 " of %" PRIu64 ", keys %" PRIu64 " of %"
	       PRIu64 "\n", counts.ended, counts.begun, counts.destroyed,
	       counts.set);
	printf("moves %" PRIu64 ", seizures %" PRIu64 " (%" PRIu64
	       " Gs), unseated %" PRIu64 ", resized %" PRIu64 ", foreign %"
	       PRIu64 "\n", counts.moves, counts.seizures, counts.seized,
	       counts.unseated, counts.resized, counts.foreign);
	printf("longest wait, us: yield %" PRId64 ", spawn %" PRId64
	       ", unpark %" PRId64 "; no step at all %" PRId64
	       "; work stood beside an idle token %" PRId64
	       "; a token was astray %" PRId64 "\n",
	       longest[W_YIELD] / 1000, longest[W_SPAWN] / 1000,
	       longest[W_UNPARK] / 1000, longest_still / 1000,
	       longest_stood / 1000,
	       longest_astray / 1000);
}

static bool right(void)
{
	u32 i;

	for (i = 0; i < NMODES; i++)
		if (run.modes & 1u << i && !counts.steps[i])
			return false;
	if (longest_astray > NSEC_PER_SEC)
		return false;
	return counts.begun == counts.ended && counts.set == counts.destroyed;
}

int main(int argc, char **argv)
{
	struct weft_opts opts = { .sz = sizeof(opts) };
	int ret;

	parse(argc, argv);
	printf("torture: --seed %" PRIu64 " --gs %u --procs %u --seconds %u\n",
	       run.seed, run.gs, procs, run.seconds);
	fflush(stdout);
	hogs_start();
	opts.procs = procs;
	opts.on_deadlock = deadlock;
	ret = weft_start(&opts);
	if (ret) {
		fprintf(stderr, "torture: weft_start: %d\n", ret);
		return 2;
	}
	if (weft_key_create(&torture_key, key_destroyed) || echo_start())
		die("cannot begin");
	watch_start();
	disturbers_start();
	crowd();
	disturbers_stop();
	echo_stop();
	watch_stop();
	print_stats();
	stop();
	hogs_stop();
	print_counts();
	printf("torture: %s\n", right() ? "right" : "WRONG");
	return !right();
}
