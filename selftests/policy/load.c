// SPDX-License-Identifier: GPL-2.0-only
/*
 * load.c - which policy a start uses: by struct, by call, by name, by path;
 * and what is refused, with what is said.
 */
#include "pol.h"

#include <libgen.h>
#include <limits.h>

#include "kselftest_harness.h"

static char folder[PATH_MAX];

static const char *in_folder(const char *name)
{
	static char path[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	if (n <= 0)
		exit(1);
	folder[n] = '\0';
	dirname(folder);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void *name_is(void *arg)
{
	CHECK(!strcmp(weft_policy_name(), arg));
	weft_yield();
	return arg;
}

static bool starts(const struct weft_opts *o, const char *name)
{
	if (!CHECK(!weft_start(o)))
		return false;
	pol_run(name_is, (void *)(uintptr_t)name);
	return rt_stop();
}

static struct weft_sched_ops other_ops, third_ops;

TEST(who_goes_before_whom)
{
	struct weft_opts o = { .sz = sizeof(o), .policy = &other_ops };

	other_ops = log_ops;
	other_ops.name = "other";
	third_ops = log_ops;
	third_ops.name = "third";
	EXPECT_TRUE(starts(NULL, "builtin"));
	EXPECT_EQ(0, weft_policy_set(&log_ops));
	EXPECT_EQ(0, weft_policy_set(&log_ops));
	EXPECT_TRUE(starts(NULL, "log"));
	EXPECT_TRUE(starts(&o, "other"));
	EXPECT_EQ(0, weft_policy_register(&third_ops));
	EXPECT_TRUE(starts(&o, "other"));
	setenv("WEFT_POLICY", "third", 1);
	EXPECT_TRUE(starts(&o, "third"));
	setenv("WEFT_POLICY", "builtin", 1);
	EXPECT_TRUE(starts(&o, "builtin"));
	unsetenv("WEFT_POLICY");
	EXPECT_EQ(0, weft_policy_set(NULL));
	EXPECT_TRUE(starts(NULL, "builtin"));
	EXPECT_EQ(0, rt_bad);
}

static int first(void *arg)
{
	return CHECK(!strcmp(weft_policy_name(), arg)) ? 17 : 1;
}

TEST(weft_run_has_it_too)
{
	EXPECT_EQ(0, weft_policy_set(&log_ops));
	EXPECT_EQ(17, weft_run(first, "log"));
	EXPECT_EQ(1, pol.exits);
}

TEST(registering)
{
	static struct weft_sched_ops o;
	char name[80];

	EXPECT_EQ(-EINVAL, weft_policy_register(NULL));
	EXPECT_EQ(0, weft_policy_set(NULL));
	o = log_ops;
	EXPECT_EQ(0, weft_policy_register(&log_ops));
	EXPECT_EQ(-EEXIST, weft_policy_register(&log_ops));
	EXPECT_EQ(-EEXIST, weft_policy_register(&o));
	EXPECT_EQ(-EEXIST, weft_policy_set(&o));
	o.name = "builtin";
	EXPECT_EQ(-EINVAL, weft_policy_register(&o));
	o.name = "a/b";
	EXPECT_EQ(-EINVAL, weft_policy_register(&o));
	o.name = "";
	EXPECT_EQ(-EINVAL, weft_policy_set(&o));
	o.name = NULL;
	EXPECT_EQ(-EINVAL, weft_policy_set(&o));
	memset(name, 'x', sizeof(name));
	name[64] = '\0';
	o.name = name;
	EXPECT_EQ(-EINVAL, weft_policy_register(&o));
	name[63] = '\0';
	EXPECT_EQ(0, weft_policy_register(&o));
	o.sz = 8;
	EXPECT_EQ(-EINVAL, pol_start(1, &o));
	EXPECT_EQ(-EPERM, weft__check());
}

TEST(a_struct_may_be_older_or_newer)
{
	struct {
		struct weft_sched_ops ops;
		void (*later)(void);
	} newer = { .ops = log_ops };
	struct weft_sched_ops older = {
		.sz = offsetof(struct weft_sched_ops, select_cpu),
		.name = "older",
		.dispatch = (void (*)(int32_t, struct weft_g *))8,
	};
	struct weft_opts o = { .sz = sizeof(o), .policy = &newer.ops };

	newer.ops.sz = sizeof(newer);
	newer.ops.name = "newer";
	EXPECT_TRUE(starts(&o, "newer"));
	newer.later = (void (*)(void))exit;
	EXPECT_EQ(-EINVAL, weft_start(&o));
	o.policy = &older;
	EXPECT_TRUE(starts(&o, "older"));
	/* A program of an earlier version has no such field. */
	o.sz = offsetof(struct weft_opts, policy);
	EXPECT_TRUE(starts(&o, "builtin"));
}

TEST(by_path)
{
	setenv("WEFT_POLICY", in_folder("../../examples/libweft-fifo.so"), 1);
	EXPECT_TRUE(starts(NULL, "fifo"));
	setenv("WEFT_POLICY", in_folder("../../examples/libweft-vtime.so"), 1);
	EXPECT_TRUE(starts(NULL, "vtime"));
	EXPECT_TRUE(starts(NULL, "vtime"));
	EXPECT_EQ(0, rt_bad);
}

/* The dynamic linker reads its path when a process begins. */
static void demo(void *arg)
{
	char program[2 * PATH_MAX];

	snprintf(program, sizeof(program), "%s",
		 in_folder("../../examples/policy-demo"));
	setenv("LD_LIBRARY_PATH", in_folder("../../examples"), 1);
	setenv("WEFT_POLICY", arg, 1);
	execl(program, program, (char *)NULL);
	perror(program);
}

TEST(by_name)
{
	struct rt_child *c = rt_in_child(demo, "fifo");

	EXPECT_EXIT(c, 0);
	EXPECT_TRUE(rt_said(c, "policy fifo: 100: "));
}

/* ---- refused ---- */

static void start_it(void *arg)
{
	setenv("WEFT_POLICY", arg, 1);
	if (weft_start(NULL) == -EINVAL)
		fprintf(stderr, "refused\n");
	/* And nothing is left of it. */
	unsetenv("WEFT_POLICY");
	if (starts(NULL, "builtin"))
		fprintf(stderr, "builtin\n");
}

#define REFUSED(value, why)                                                   \
	do {                                                                  \
		char v_[2 * PATH_MAX];                                        \
		struct rt_child *c_;                                          \
		snprintf(v_, sizeof(v_), "%s", value);                        \
		c_ = rt_in_child(start_it, v_);                               \
		EXPECT_TRUE(rt_said(c_, why));                                \
		EXPECT_TRUE(rt_said(c_, "refused"));                          \
		EXPECT_TRUE(rt_said(c_, "builtin"));                          \
	} while (0)

TEST(bad_names_are_refused)
{
	REFUSED("nix", "weft: WEFT_POLICY=\"nix\": libweft-nix.so: ");
	REFUSED("", "weft: WEFT_POLICY=\"\": not a name");
	REFUSED("a b", "not a name of letters");
	REFUSED("/nix/nix.so", "/nix/nix.so: cannot open");
	REFUSED("/dev/null", "weft: WEFT_POLICY=\"/dev/null\": ");
	REFUSED(in_folder("libweft-nosymbol.so"),
		"exports no struct weft_sched_ops weft_policy");
	REFUSED(in_folder("libweft-badsz.so"), "a policy has sz 3: ");
}

TEST_HARNESS_MAIN
