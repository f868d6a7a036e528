// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * map N... - how many primes are there up to each N?
 *
 * A parallel map: one G for each number, all joined in order.  A G costs little
 * more than a call, so there is no pool to set up and no batch size to choose.
 * A long computation calls weft_checkpoint() now and then, which lets others
 * run when its slice is over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

struct item {
	struct weft_g *g;
	unsigned long n;
	unsigned long primes;
};

static int is_prime(unsigned long n)
{
	for (unsigned long d = 2; d <= n / d; d++)
		if (n % d == 0)
			return 0;
	return n >= 2;
}

static void *count(void *arg)
{
	struct item *it = arg;

	for (unsigned long i = 2; i <= it->n; i++) {
		it->primes += is_prime(i);
		weft_checkpoint();
	}
	return it;
}

static int map(void *arg)
{
	char **argv = arg;
	int n = 0, started, err = 0;
	struct item *item;

	while (argv[n])
		n++;
	item = calloc(n ? n : 1, sizeof(*item));
	if (!item)
		return 1;

	for (started = 0; started < n; started++) {
		item[started].n = strtoul(argv[started], NULL, 10);
		err = weft_spawn(&item[started].g, NULL, count, &item[started]);
		if (err)
			break;
	}
	for (int i = 0; i < started; i++) {
		weft_join(item[i].g, NULL);
		printf("%lu %lu\n", item[i].n, item[i].primes);
	}
	free(item);
	if (err)
		fprintf(stderr, "map: %s\n", strerror(-err));
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	(void)argc;
	return weft_run(map, argv + 1) ? 1 : 0;
}
