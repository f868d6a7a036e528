// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem.c - maps are aligned and zero; a guard faults, by either means, and
 * can be taken away again; running out of maps is an error, not a crash.
 */
#include "os/feature.h"
#include "os/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

#define PAGE	4096ul

static sigjmp_buf out;
static void *volatile fault_at;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	fault_at = si->si_addr;
	siglongjmp(out, 1);
}

static bool faults(volatile char *p, bool write)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };
	struct sigaction old;
	bool did;

	sigaction(SIGSEGV, &sa, &old);
	fault_at = NULL;
	did = sigsetjmp(out, 1);
	if (!did) {
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	sigaction(SIGSEGV, &old, NULL);
	return did && fault_at == p;
}

TEST(maps_are_aligned_and_zero)
{
	for (size_t align = 1; align <= 64ul << 20; align *= 2) {
		char *p = weft__map(8 * PAGE, align, -1, WEFT__MAP_NOHUGE);

		ASSERT_NE(NULL, p);
		ASSERT_EQ(0, (uintptr_t)p & (align - 1));
		ASSERT_EQ(0, p[0] | p[8 * PAGE - 1]);
		p[0] = p[8 * PAGE - 1] = 1;
		weft__unmap(p, 8 * PAGE);
		ASSERT_TRUE(faults(p, false));
	}
}

TEST(maps_leave_nothing_behind)
{
	char line[256];
	int before = 0, after = 0;

	for (int pass = 0; pass < 2; pass++) {
		FILE *f = fopen("/proc/self/maps", "re");

		if (!f)
			SKIP(return, "no /proc");
		while (fgets(line, sizeof(line), f))
			pass ? after++ : before++;
		fclose(f);
		for (int i = 0; i < 100; i++) {
			void *p = weft__map(1 << 20, 1 << 20, -1, 0);

			ASSERT_NE(NULL, p);
			weft__unmap(p, 1 << 20);
		}
	}
	ASSERT_LE(after, before + 2);
}

TEST(no_address_space)
{
	volatile int *e = &errno;

	*e = 12345;
	ASSERT_EQ(NULL, weft__map(SIZE_MAX - 2 * PAGE + 1, PAGE, -1, 0));
	ASSERT_EQ(NULL, weft__map(SIZE_MAX - PAGE + 1, 1 << 20, -1, 0));
	ASSERT_EQ(NULL, weft__map(1ul << 60, 0, -1, 0));
	ASSERT_EQ(12345, *e);
}

TEST(preferred_node)
{
	char *p;

	weft__features_probe(0, 0);
	p = weft__map(64 * PAGE, PAGE, 0, WEFT__MAP_HUGE);
	ASSERT_NE(NULL, p);
	memset(p, 1, 64 * PAGE);
	/* A node that is not there is no reason to fail. */
	ASSERT_NE(NULL, weft__map(PAGE, PAGE, 1000, 0));
	ASSERT_NE(NULL, weft__map(PAGE, PAGE, 100000, 0));
}

static void guard_and_unguard(struct __test_metadata *_metadata, char *p)
{
	volatile int *e = &errno;

	memset(p, 7, 3 * PAGE);
	*e = 12345;
	ASSERT_EQ(0, weft__guard(p + PAGE, PAGE));
	ASSERT_EQ(12345, *e);
	ASSERT_TRUE(faults(p + PAGE, false));
	ASSERT_TRUE(faults(p + PAGE, true));
	ASSERT_TRUE(faults(p + 2 * PAGE - 1, true));
	ASSERT_FALSE(faults(p + PAGE - 1, true));
	ASSERT_FALSE(faults(p + 2 * PAGE, true));
	weft__discard(p, 3 * PAGE);
	ASSERT_TRUE(faults(p + PAGE, false));
	ASSERT_EQ(0, weft__unguard(p + PAGE, PAGE));
	ASSERT_FALSE(faults(p + PAGE, false));
	ASSERT_EQ(0, p[PAGE]);
	ASSERT_FALSE(faults(p + PAGE, true));
	weft__unmap(p, 3 * PAGE);
}

TEST(guard_by_madvise)
{
	weft__features_probe(0, 0);
	if (!weft__feature(WEFT__GUARD))
		SKIP(return, "%s", weft__feature_why(WEFT__GUARD));
	guard_and_unguard(_metadata, weft__map(3 * PAGE, 0, -1, 0));
}

TEST(guard_by_mprotect)
{
	weft__features_probe(WEFT__BIT(WEFT__GUARD), 0);
	guard_and_unguard(_metadata, weft__map(3 * PAGE, 0, -1, 0));
}

/* Where all is locked the feature is on, but refuses this very map. */
TEST(guard_in_locked_memory)
{
	char *p;

	weft__features_probe(0, 0);
	p = weft__map(3 * PAGE, 0, -1, 0);
	ASSERT_NE(NULL, p);
	if (mlock(p, 3 * PAGE))
		SKIP(return, "mlock: %s", strerror(errno));
	memset(p, 7, 3 * PAGE);
	ASSERT_EQ(0, weft__guard(p + PAGE, PAGE));
	ASSERT_TRUE(faults(p + PAGE, true));
	ASSERT_FALSE(faults(p + PAGE - 1, true));
	ASSERT_EQ(0, weft__unguard(p + PAGE, PAGE));
	ASSERT_FALSE(faults(p + PAGE, true));
}

#define MANY 100000

static int guard_many(char *p)
{
	for (int i = 0; i < MANY; i++) {
		int err = weft__guard(p + 2 * i * PAGE, PAGE);

		if (err)
			return err;
	}
	return 0;
}

static long max_map_count(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	long n = -1;

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

TEST(many_guards_by_madvise)
{
	weft__features_probe(0, 0);
	if (!weft__feature(WEFT__GUARD))
		SKIP(return, "%s", weft__feature_why(WEFT__GUARD));
	ASSERT_EQ(0, guard_many(weft__map(2 * MANY * PAGE, 0, -1,
					  WEFT__MAP_NOHUGE)));
}

TEST(many_guards_by_mprotect_name_the_limit)
{
	char said[1024] = "", *where;
	FILE *f = tmpfile();
	int saved = dup(2);

	if (max_map_count() < 0 || max_map_count() > 2 * MANY)
		SKIP(return, "vm.max_map_count is out of reach or unknown");
	weft__features_probe(WEFT__BIT(WEFT__GUARD), 0);
	ASSERT_NE(NULL, f);
	dup2(fileno(f), 2);
	ASSERT_EQ(-ENOMEM, guard_many(weft__map(2 * MANY * PAGE, 0, -1, 0)));
	/* Said once, however often it fails. */
	ASSERT_EQ(-ENOMEM, guard_many(weft__map(2 * MANY * PAGE, 0, -1, 0)));
	dup2(saved, 2);
	rewind(f);
	ASSERT_LT(0, fread(said, 1, sizeof(said) - 1, f));
	where = strstr(said, "vm.max_map_count");
	ASSERT_NE(NULL, where);
	ASSERT_EQ(NULL, strstr(where + 1, "vm.max_map_count"));
}

TEST_HARNESS_MAIN
