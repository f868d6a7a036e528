// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * policy-demo - what a scheduling policy does with Gs that compute.
 *
 *	WEFT_PROCS=1 WEFT_POLICY=examples/libweft-vtime.so policy-demo
 *
 * Four Gs with the policy words 100, 200, 300 and 400 compute side by side for
 * half a second, and call weft_checkpoint() all the time.  Each then prints its
 * word and its part of all the rounds.  Under the built-in policy or fifo, a
 * quarter each; under vtime, 10, 20, 30 and 40 %.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <weft/weft.h>

#define GS 4

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t until;
static unsigned long rounds[GS];

static void *compute(void *arg)
{
	unsigned long *mine = arg;

	while (now() < until) {
		++*mine;
		weft_checkpoint();
	}
	return NULL;
}

static int start(void *arg)
{
	struct weft_attr attr = { .sz = sizeof(attr) };
	struct weft_g *g[GS];
	unsigned long all = 0;
	int i, err;

	(void)arg;
	until = now() + 500000000;
	for (i = 0; i < GS; i++) {
		attr.policy_word = 100 * ((uint64_t)i + 1);
		err = weft_spawn(&g[i], &attr, compute, &rounds[i]);
		if (err) {
			fprintf(stderr, "policy-demo: %s\n", strerror(-err));
			return 1;
		}
	}
	for (i = 0; i < GS; i++)
		weft_join(g[i], NULL);
	for (i = 0; i < GS; i++)
		all += rounds[i];
	printf("policy %s:", weft_policy_name());
	for (i = 0; i < GS; i++)
		printf(" %d: %lu %%", 100 * (i + 1), rounds[i] * 100 / all);
	printf("\n");
	return 0;
}

int main(void)
{
	return weft_run(start, NULL) ? 1 : 0;
}
