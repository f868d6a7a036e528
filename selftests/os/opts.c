// SPDX-License-Identifier: GPL-2.0-only
/*
 * opts.c - settings: who has the last word, what is refused and in which
 * words, what is rounded.
 */
#include "core/opts.h"
#include "os/cgroup.h"
#include "os/cpu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

static char said[8192];

/* Resolve with stderr kept in said[] */
static int resolve(struct weft__opts *o, const struct weft_opts *user)
{
	FILE *f = tmpfile();
	int saved = dup(2), err;
	size_t n;

	if (!f)
		exit(KSFT_FAIL);
	fflush(stderr);
	dup2(fileno(f), 2);
	err = weft__opts_resolve(o, user);
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	fclose(f);
	return err;
}

/* The tests themselves may be run under settings. */
static void clean(void)
{
	static const char *const names[] = {
		"WEFT_PROCS", "WEFT_STACK", "WEFT_MAX_M", "WEFT_BIND",
		"WEFT_FPENV", "WEFT_CLOCK", "WEFT_SPIN", "WEFT_SYSMON",
		"WEFT_BLOCK_DETECT", "WEFT_PREEMPT_SIGNAL", "WEFT_RSEQ",
		"WEFT_MEMBARRIER", "WEFT_MEMBARRIER_US", "WEFT_GUARD",
		"WEFT_NUMA", "WEFT_FAKE_NODES", "WEFT_POLICY",
		"WEFT_DEBUG",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

static unsigned int cpus(void)
{
	unsigned int quota = weft__cgroup_cpus(), n = weft__cpus_allowed();

	return quota && quota < n ? quota : n;
}

TEST(defaults)
{
	struct weft__opts o;

	clean();
	ASSERT_EQ(0, resolve(&o, NULL));
	EXPECT_EQ(cpus(), o.procs);
	EXPECT_EQ(cpus(), o.cpus);
	EXPECT_EQ(65536, o.stack);
	EXPECT_EQ(10000, o.max_m);
	EXPECT_EQ(WEFT_BIND_NODE, o.bind);
	EXPECT_EQ(WEFT_FPENV_KEEP, o.fpenv);
	EXPECT_EQ(WEFT_CLOCK_REAL, o.clock);
	EXPECT_EQ(WEFT__AUTO, o.rseq);
	EXPECT_EQ(20, o.spin_us);
	EXPECT_EQ(1000, o.sysmon_us);
	EXPECT_EQ(60, o.preempt_signal);
	EXPECT_EQ(0, o.debug);
	EXPECT_EQ(0, o.fake_nodes);
	EXPECT_EQ(NULL, o.policy_name);
	EXPECT_EQ(NULL, o.policy);
	EXPECT_STREQ("", said);
}

TEST(each_value_arrives)
{
	struct weft__opts o;

	clean();
	setenv("WEFT_PROCS", "1", 1);
	setenv("WEFT_STACK", "1M", 1);
	setenv("WEFT_MAX_M", "7", 1);
	setenv("WEFT_BIND", "cpu", 1);
	setenv("WEFT_FPENV", "declared", 1);
	setenv("WEFT_CLOCK", "virtual", 1);
	setenv("WEFT_SPIN", "0", 1);
	setenv("WEFT_SYSMON", "20", 1);
	setenv("WEFT_PREEMPT_SIGNAL", "34", 1);
	setenv("WEFT_RSEQ", "off", 1);
	setenv("WEFT_MEMBARRIER", "on", 1);
	setenv("WEFT_GUARD", "off", 1);
	setenv("WEFT_NUMA", "off", 1);
	setenv("WEFT_FAKE_NODES", "2", 1);
	setenv("WEFT_POLICY", "./fifo.so", 1);
	setenv("WEFT_DEBUG", "trace,dump,stats,oversubscribe", 1);
	ASSERT_EQ(0, resolve(&o, NULL));
	EXPECT_EQ(1, o.procs);
	EXPECT_EQ(1 << 20, o.stack);
	EXPECT_EQ(7, o.max_m);
	EXPECT_EQ(WEFT_BIND_CPU, o.bind);
	EXPECT_EQ(WEFT_FPENV_DECLARED, o.fpenv);
	EXPECT_EQ(WEFT_CLOCK_VIRTUAL, o.clock);
	EXPECT_EQ(0, o.spin_us);
	EXPECT_EQ(20, o.sysmon_us);
	EXPECT_EQ(34, o.preempt_signal);
	EXPECT_EQ(WEFT__OFF, o.rseq);
	EXPECT_EQ(WEFT__ON, o.membarrier);
	EXPECT_EQ(WEFT__OFF, o.guard);
	EXPECT_EQ(WEFT__OFF, o.numa);
	EXPECT_EQ(2, o.fake_nodes);
	EXPECT_STREQ("./fifo.so", o.policy_name);
	EXPECT_EQ(15, o.debug);
}

TEST(bad_values_are_refused_with_their_line)
{
	static const struct {
		const char *name, *value, *says;
	} bad[] = {
		{ "WEFT_PROCS", "zero", "not a number from 1 to 4096" },
		{ "WEFT_PROCS", "", "not a number from 1 to 4096" },
		{ "WEFT_PROCS", "0", "not a number" },
		{ "WEFT_PROCS", "-1", "not a number" },
		{ "WEFT_PROCS", "+1", "not a number" },
		{ "WEFT_PROCS", " 1", "not a number" },
		{ "WEFT_PROCS", "1 ", "not a number" },
		{ "WEFT_PROCS", "1k", "not a number" },
		{ "WEFT_PROCS", "0x1", "not a number" },
		{ "WEFT_PROCS", "4097", "not a number" },
		{ "WEFT_PROCS", "18446744073709551617", "not a number" },
		{ "WEFT_STACK", "0", "not a size from 1 to 1G" },
		{ "WEFT_STACK", "2G", "not a size" },
		{ "WEFT_STACK", "64KB", "not a size" },
		{ "WEFT_STACK", "64T", "not a size" },
		{ "WEFT_STACK", "18014398509481985K", "not a size" },
		{ "WEFT_STACK", "17179869185G", "not a size" },
		{ "WEFT_STACK", "64\x8b", "not a size" },
		{ "WEFT_STACK", "K", "not a size" },
		{ "WEFT_MAX_M", "0", "not a number from 1 to 65535" },
		{ "WEFT_BIND", "socket", "not one of node, cpu, none" },
		{ "WEFT_BIND", "", "not one of" },
		{ "WEFT_BIND", "cpux", "not one of" },
		{ "WEFT_BIND", "cp", "not one of" },
		{ "WEFT_FPENV", "lost", "not one of keep, declared" },
		{ "WEFT_CLOCK", "fake", "not one of real, virtual" },
		{ "WEFT_SPIN", "10001", "not a number from 0 to 10000" },
		{ "WEFT_SYSMON", "19", "not a number from 20 to 1000000" },
		{ "WEFT_PREEMPT_SIGNAL", "33", "not a number from 34 to 64" },
		{ "WEFT_RSEQ", "0", "not one of auto, on, off" },
		{ "WEFT_MEMBARRIER_US", "1000001",
		  "not a number from 0 to 1000000" },
		{ "WEFT_MEMBARRIER", "OFF", "not one of auto, on, off" },
		{ "WEFT_GUARD", "no", "not one of auto, on, off" },
		{ "WEFT_NUMA", "2", "not one of auto, on, off" },
		{ "WEFT_FAKE_NODES", "0", "not a number from 1 to 1024" },
		{ "WEFT_POLICY", "", "not a name, or a path with a slash" },
		{ "WEFT_DEBUG", "", "not a comma list of trace, dump" },
		{ "WEFT_DEBUG", "trace,", "not a comma list" },
		{ "WEFT_DEBUG", "trace,x", "not a comma list" },
		{ "WEFT_PROC", "1", "no such setting; there are WEFT_PROCS" },
		{ "WEFT_", "1", "no such setting" },
		{ "WEFT_PROCSX", "1", "no such setting" },
	};
	char begins[64];
	struct weft__opts o;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		clean();
		setenv(bad[i].name, bad[i].value, 1);
		EXPECT_EQ(-EINVAL, resolve(&o, NULL))
		TH_LOG("%s=%s was taken", bad[i].name, bad[i].value);
		snprintf(begins, sizeof(begins), "weft: %s=", bad[i].name);
		EXPECT_EQ(0, strncmp(said, begins, strlen(begins)))
		TH_LOG("%s=%s: said %s", bad[i].name, bad[i].value, said);
		EXPECT_NE(NULL, strstr(said, bad[i].says))
		TH_LOG("%s=%s: said %s", bad[i].name, bad[i].value, said);
		EXPECT_EQ(said + strlen(said) - 1, strchr(said, '\n'));
		unsetenv(bad[i].name);
	}
}

TEST(names_around_the_runtime_pass)
{
	struct weft__opts o;

	clean();
	setenv("WEFT_INLINE", "1", 1);
	setenv("WEFT_TEST_SEED", "1", 1);
	setenv("WEFT_BENCH_RUNS", "1", 1);
	setenv("WEFTWARD", "1", 1);
	ASSERT_EQ(0, resolve(&o, NULL));
	ASSERT_STREQ("", said);
}

TEST(the_environment_goes_before_the_struct)
{
	struct weft_opts user = {
		.sz = sizeof(user),
		.stack = 32 << 10,
		.max_m = 5,
		.bind = WEFT_BIND_NONE,
		.on_deadlock_arg = &user,
		.clock = WEFT_CLOCK_VIRTUAL,
	};
	struct weft__opts o;

	clean();
	setenv("WEFT_STACK", "128k", 1);
	setenv("WEFT_BIND", "node", 1);
	ASSERT_EQ(0, resolve(&o, &user));
	EXPECT_EQ(128 << 10, o.stack);
	EXPECT_EQ(5, o.max_m);
	EXPECT_EQ(WEFT_BIND_NODE, o.bind);
	EXPECT_EQ(WEFT_FPENV_KEEP, o.fpenv);
	EXPECT_EQ(&user, o.on_deadlock_arg);
	EXPECT_EQ(WEFT_CLOCK_VIRTUAL, o.clock);
	unsetenv("WEFT_BIND");
	ASSERT_EQ(0, resolve(&o, &user));
	EXPECT_EQ(WEFT_BIND_NONE, o.bind);
}

TEST(the_struct_is_checked_too)
{
	struct weft_opts user = { .sz = sizeof(user) };
	struct weft__opts o;

	clean();
	user.procs = 5000;
	ASSERT_EQ(-EINVAL, resolve(&o, &user));
	EXPECT_NE(NULL, strstr(said, "WEFT_PROCS=\"5000\"")) TH_LOG("%s", said);
	user.procs = 0;
	user.bind = 17;
	ASSERT_EQ(-EINVAL, resolve(&o, &user));
	EXPECT_NE(NULL, strstr(said, "WEFT_BIND=\"17\"")) TH_LOG("%s", said);
	user.bind = 0;
	user.stack = (1ul << 30) + 1;
	ASSERT_EQ(-EINVAL, resolve(&o, &user));
	EXPECT_NE(NULL, strstr(said, "WEFT_STACK")) TH_LOG("%s", said);
	user.stack = 0;
	ASSERT_EQ(0, resolve(&o, &user));
}

TEST(the_struct_may_be_older_or_newer)
{
	struct {
		struct weft_opts known;
		char tail[32];
	} newer = { .known = { .sz = sizeof(newer), .max_m = 3 } };
	struct weft_opts older = {
		.sz = offsetof(struct weft_opts, stack),
		.max_m = 4,
		.stack = 7ul << 30,
		.bind = 99,
	};
	struct weft__opts o;

	clean();
	ASSERT_EQ(0, resolve(&o, &newer.known));
	EXPECT_EQ(3, o.max_m);
	newer.tail[31] = 1;
	ASSERT_EQ(-E2BIG, resolve(&o, &newer.known));
	EXPECT_NE(NULL, strstr(said, "weft_opts.sz")) TH_LOG("%s", said);
	ASSERT_EQ(0, resolve(&o, &older));
	EXPECT_EQ(4, o.max_m);
	EXPECT_EQ(65536, o.stack);
	older.sz = 0;
	ASSERT_EQ(-EINVAL, resolve(&o, &older));
	EXPECT_NE(NULL, strstr(said, "weft_opts.sz")) TH_LOG("%s", said);
}

TEST(procs_are_lowered_to_the_cpus)
{
	struct weft_opts user = { .sz = sizeof(user), .procs = 4096 };
	struct weft__opts o;

	clean();
	ASSERT_EQ(0, resolve(&o, &user));
	EXPECT_EQ(cpus(), o.procs);
	setenv("WEFT_PROCS", "1", 1);
	ASSERT_EQ(0, resolve(&o, &user));
	EXPECT_EQ(1, o.procs);
	setenv("WEFT_PROCS", "4096", 1);
	setenv("WEFT_DEBUG", "oversubscribe", 1);
	ASSERT_EQ(0, resolve(&o, NULL));
	EXPECT_EQ(4096, o.procs);
	EXPECT_EQ(cpus(), o.cpus);
}

TEST(stacks_are_powers_of_two_with_room_for_a_signal)
{
	struct weft__opts o;
	size_t min = weft__stack_min();

	clean();
	ASSERT_GE(min, 16 << 10);
	ASSERT_EQ(0, min & (min - 1));
	EXPECT_EQ(min, weft__stack_round(0));
	EXPECT_EQ(min, weft__stack_round(1));
	EXPECT_EQ(min, weft__stack_round(min));
	EXPECT_EQ(2 * min, weft__stack_round(min + 1));
	EXPECT_EQ(1ul << 30, weft__stack_round((1ul << 29) + 1));
	EXPECT_EQ(1ul << 30, weft__stack_round(1ul << 30));
	EXPECT_EQ(0, weft__stack_round((1ul << 30) + 1));
	EXPECT_EQ(0, weft__stack_round(SIZE_MAX));
	setenv("WEFT_STACK", "100000", 1);
	ASSERT_EQ(0, resolve(&o, NULL));
	EXPECT_EQ(128 << 10, o.stack);
	setenv("WEFT_STACK", "1g", 1);
	ASSERT_EQ(0, resolve(&o, NULL));
	EXPECT_EQ(1ul << 30, o.stack);
}

/* Every setting is in the help, in lines that fit a terminal. */
TEST(help)
{
	static char text[16384];
	FILE *f = tmpfile();

	ASSERT_NE(NULL, f);
	weft__opts_help(f);
	rewind(f);
	ASSERT_LT(0, fread(text, 1, sizeof(text) - 1, f));
	EXPECT_NE(NULL, strstr(text, "WEFT_PROCS: a number from 1 to 4096"));
	EXPECT_NE(NULL, strstr(text, "default: 64K"));
	EXPECT_NE(NULL, strstr(text, "WEFT_DEBUG: a comma list of trace"));
	for (char *l = strtok(text, "\n"); l; l = strtok(NULL, "\n")) {
		EXPECT_LT(strlen(l), 80)
		TH_LOG("%s", l);
	}
}

TEST(an_empty_environment)
{
	struct weft__opts o;

	clearenv();
	ASSERT_EQ(0, resolve(&o, NULL));
	ASSERT_EQ(65536, o.stack);
}

TEST_HARNESS_MAIN
