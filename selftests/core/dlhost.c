// SPDX-License-Identifier: GPL-2.0-only
/*
 * dlhost.c - a program that is not linked to weft loads libweft.so, runs Gs,
 * and lets go of it again.  Says "ok" and exits 0.  Started by dlopen.c.
 */
#include <weft/weft.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GS 100

static int ran;

static int (*go)(weft_fn *fn, void *arg);
static int (*start)(const struct weft_opts *opts);
static int (*stop)(void);
static void (*let_others)(void);

static void *counts(void *arg)
{
	let_others();
	__atomic_add_fetch(&ran, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void *sym(void *lib, const char *name)
{
	void *p = dlsym(lib, name);

	if (!p) {
		printf("%s: %s\n", name, dlerror());
		exit(1);
	}
	return p;
}

static int use(void)
{
	int i, err;

	ran = 0;
	err = start(NULL);
	for (i = 0; i < GS && !err; i++)
		err = go(counts, NULL);
	if (err)
		return err;
	while ((err = stop()) == -16 /* EBUSY */)
		usleep(100);
	return err ? err : ran != GS;
}

static int round_of(const char *path, int n)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int i, err = 0;

	if (!lib) {
		printf("%s\n", dlerror());
		return 1;
	}
	start = (int (*)(const struct weft_opts *))sym(lib, "weft_start");
	stop = (int (*)(void))sym(lib, "weft_stop");
	go = (int (*)(weft_fn *, void *))sym(lib, "weft_go");
	let_others = (void (*)(void))sym(lib, "weft_yield");
	for (i = 0; i < n && !err; i++)
		err = use();
	if (err)
		printf("start, work, stop: %d, %d Gs ran\n", err, ran);
	if (dlclose(lib)) {
		printf("%s\n", dlerror());
		err = 1;
	}
	return err;
}

int main(int argc, char **argv)
{
	int i;

	if (argc != 2)
		return 2;
	for (i = 0; i < 3; i++) {
		if (round_of(argv[1], 3))
			return 1;
		/* the kernel may still read what a thread of ours named */
		usleep(1000);
	}
	puts("ok");
	return 0;
}
