// SPDX-License-Identifier: GPL-2.0-only
/*
 * dlopen.c - a runtime in a library that was loaded at run time: dlhost does
 * it, in a process of its own that has weft from nowhere else.
 */
#include "rt.h"

#include <libgen.h>
#include <limits.h>

#include "kselftest_harness.h"

static char folder[PATH_MAX];

static void find_folder(struct __test_metadata *_metadata)
{
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	ASSERT_GT(n, 0);
	folder[n] = '\0';
	dirname(folder);
}

static void start_host(void *arg)
{
	char host[PATH_MAX + 16], lib[PATH_MAX + 32];

	snprintf(host, sizeof(host), "%s/dlhost", folder);
	snprintf(lib, sizeof(lib), "%s/../../libweft.so", folder);
	execl(host, host, lib, (char *)NULL);
	perror(host);
}

TEST(start_and_stop_in_a_library_that_was_loaded)
{
	struct rt_child *c;

	find_folder(_metadata);
	c = rt_in_child(start_host, NULL);
	EXPECT_EXIT(c, 0);
	EXPECT_TRUE(rt_said(c, "ok\n"));
}

TEST_HARNESS_MAIN
