// SPDX-License-Identifier: GPL-2.0-only
/*
 * places.c - Gs that block in calls nobody announced, wherever the process is:
 * niced, of the class SCHED_IDLE itself, in a group of its own, under a quota,
 * beside others that want its CPUs, on fewer CPUs than it began with.
 *
 * A sentinel may see little of a CPU there, or much of a busy one.  What holds
 * in each: while all blockers sleep, the others go on, and nothing is lost.
 */
#define _GNU_SOURCE
#include "../core/group.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

#define BLOCKERS 8
#define OTHERS 8
#define ROUNDS 20

static u32 stop;

static struct blocker {
	int fd[2];
	u32 in, out;
} blockers[BLOCKERS];

static struct other {
	u64 turns;
	u64 pad[7];
} others[OTHERS];

static void *blocks(void *arg)
{
	struct blocker *b = arg;
	u32 i;
	char c;

	for (i = 0; i < ROUNDS; i++) {
		WRITE_ONCE(b->in, i + 1);
		CHECK(read(b->fd[0], &c, 1) == 1);
		WRITE_ONCE(b->out, i + 1);
		weft_yield();
	}
	return NULL;
}

static void *goes_on(void *arg)
{
	struct other *o = arg;

	while (!READ_ONCE(stop)) {
		WRITE_ONCE(o->turns, o->turns + 1);
		weft_yield();
	}
	return NULL;
}

static bool all_in(u32 round)
{
	u32 i;

	for (i = 0; i < BLOCKERS; i++)
		if (READ_ONCE(blockers[i].in) < round)
			return false;
	return true;
}

static bool all_others_moved(const u64 *before)
{
	u32 i;

	for (i = 0; i < OTHERS; i++)
		if (READ_ONCE(others[i].turns) < before[i] + 2)
			return false;
	return true;
}

/* All blockers sleep; the others each have two turns more; and so on. */
static void round_of(u32 round)
{
	u64 before[OTHERS];
	u32 i;

	CHECK(AWAIT(all_in(round)));
	for (i = 0; i < OTHERS; i++)
		before[i] = READ_ONCE(others[i].turns);
	if (!CHECK(AWAIT(all_others_moved(before))))
		weft_dump(2);
	for (i = 0; i < BLOCKERS; i++)
		CHECK(write(blockers[i].fd[1], "x", 1) == 1);
}

static void begin(u32 procs)
{
	u32 i;

	CHECK(!rt_start(procs));
	for (i = 0; i < OTHERS; i++)
		CHECK(!weft_go(goes_on, &others[i]));
	for (i = 0; i < BLOCKERS; i++) {
		CHECK(!pipe(blockers[i].fd));
		CHECK(!weft_go(blocks, &blockers[i]));
	}
}

static void end(void)
{
	u32 i;

	for (i = 0; i < BLOCKERS; i++)
		CHECK(AWAIT(READ_ONCE(blockers[i].out) == ROUNDS));
	WRITE_ONCE(stop, 1);
	CHECK(rt_stop());
}

static u32 some_procs(void)
{
	return weft__cpus_allowed() > 1 ? 2 : 1;
}

static void whole(void)
{
	u32 i;

	begin(some_procs());
	for (i = 1; i <= ROUNDS; i++)
		round_of(i);
	end();
}

TEST(anywhere)
{
	whole();
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

TEST(nice_19)
{
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, 0, 19));
	whole();
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

/* No class is below: the sentinel is the Ms' equal. */
TEST(sched_idle_itself)
{
	struct sched_param none = { 0 };

	ASSERT_EQ(0, sched_setscheduler(0, SCHED_IDLE, &none));
	whole();
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

TEST(an_autogroup_of_its_own)
{
	FILE *f = fopen("/proc/sys/kernel/sched_autogroup_enabled", "r");
	bool on = f && fgetc(f) == '1';
	int status = -1;
	pid_t pid;

	if (f)
		fclose(f);
	if (!on)
		SKIP(return, "no autogroups here");
	/* The harness made us a group leader; a child may begin a session. */
	pid = fork();
	if (!pid) {
		CHECK(setsid() > 0);
		whole();
		_exit(READ_ONCE(rt_bad) != 0);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

/* ---- others want the CPUs ---- */

static pid_t hog_on(int cpu)
{
	pid_t pid = fork();
	cpu_set_t set;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (;;)
		cpu_relax();
}

static void beside_hogs(int hogs)
{
	pid_t pid[CPU_SETSIZE];
	cpu_set_t set;
	int n = 0, c;

	sched_getaffinity(0, sizeof(set), &set);
	for (c = 0; c < CPU_SETSIZE && n < hogs; c++)
		if (CPU_ISSET(c, &set))
			pid[n++] = hog_on(c);
	whole();
	while (n--) {
		kill(pid[n], SIGKILL);
		waitpid(pid[n], NULL, 0);
	}
}

TEST(beside_a_hog_on_one_cpu)
{
	beside_hogs(1);
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

TEST(beside_hogs_on_all_cpus)
{
	beside_hogs((int)weft__cpus_allowed());
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

TEST(sched_idle_beside_hogs_on_all_cpus)
{
	struct sched_param none = { 0 };
	u32 i;

	begin(1);
	/* Only its Ms and its sentinel are idle, not who feeds them. */
	for (i = 0; i < READ_ONCE(S.nm); i++)
		CHECK(AWAIT(READ_ONCE(S.m[i]->tid)) &&
		      !sched_setscheduler(S.m[i]->tid, SCHED_IDLE, &none));
	for (i = 1; i <= ROUNDS; i++)
		round_of(i);
	end();
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

/* ---- less than it began with ---- */

TEST(under_a_quota)
{
	int status = -1;
	pid_t pid;

	if (!find_group())
		SKIP(return, "may make no group of the cpu controller");
	EXPECT_TRUE(quota(50000));
	pid = fork();
	if (!pid) {
		CHECK(enter_group());
		whole();
		_exit(READ_ONCE(rt_bad) != 0);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, rmdir(group));
}

/* All threads of the process may run on the nth CPU only, from now on. */
static void confine(const cpu_set_t *of, int n)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	cpu_set_t set;
	int c;

	for (c = 0; !CPU_ISSET(c, of) || n--; c++)
		;
	CPU_ZERO(&set);
	CPU_SET(c, &set);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			sched_setaffinity(atoi(e->d_name), sizeof(set), &set);
	if (d)
		closedir(d);
}

TEST(cpus_go_while_it_runs)
{
	cpu_set_t all;
	u32 i;

	NEEDS_CPUS(2);
	sched_getaffinity(0, sizeof(all), &all);
	begin(2);
	for (i = 1; i <= ROUNDS; i++) {
		if (i >= 5)
			confine(&all, i % 2);
		round_of(i);
	}
	end();
	EXPECT_EQ(0, READ_ONCE(rt_bad));
}

TEST_HARNESS_MAIN
