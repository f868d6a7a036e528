// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * thread.c - kernel threads of the runtime, and what the kernel says of them.
 *
 * A thread sets its name and timer slack before it calls its function.  Its
 * CPUs are set by its creator: it need not wait then for the CPU that it
 * happened to be put on, which may well be its creator's.
 */
#include "os/thread.h"
#include "arch/syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

struct start {
	char name[WEFT__THREAD_NAME];
	void *(*fn)(void *arg);
	void *arg;
};

static void *settle_and_run(void *p)
{
	struct start s = *(struct start *)p;

	free(p);
	weft__syscall(SYS_prctl, PR_SET_NAME, s.name);
	weft__syscall(SYS_prctl, PR_SET_TIMERSLACK, 1);
	return s.fn(s.arg);
}

static struct start *new_start(const struct weft__thread_attr *attr,
			       void *(*fn)(void *), void *arg)
{
	struct start *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	memcpy(s->name, attr->name, sizeof(s->name));
	s->name[WEFT__THREAD_NAME - 1] = '\0';
	s->fn = fn;
	s->arg = arg;
	return s;
}

void weft__thread_sigmask(sigset_t *set)
{
	static const int own[] = { SIGSEGV, SIGBUS,  SIGFPE,
				   SIGILL,  SIGTRAP, SIGSYS };

	sigfillset(set);
	for (unsigned int i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(set, own[i]);
}

static int create_blocked(pthread_t *t, const pthread_attr_t *pa,
			  struct start *s)
{
	sigset_t block, old;
	int err;

	weft__thread_sigmask(&block);
	pthread_sigmask(SIG_SETMASK, &block, &old);
	err = pthread_create(t, pa, settle_and_run, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

/* With these CPUs, or without if they are not ours (any more) */
static int create_bound(pthread_t *t, const struct weft__thread_attr *attr,
			bool bind, struct start *s)
{
	pthread_attr_t pa;
	int err = -pthread_attr_init(&pa);

	if (err)
		return err;
	if (attr->stack)
		err = -pthread_attr_setstacksize(&pa, attr->stack);
	if (!err && bind)
		err = -pthread_attr_setaffinity_np(&pa, attr->setsize,
						   attr->cpus);
	if (!err)
		err = create_blocked(t, &pa, s);
	pthread_attr_destroy(&pa);
	return err;
}

int weft__thread_create(pthread_t *t, const struct weft__thread_attr *attr,
			void *(*fn)(void *), void *arg)
{
	struct start *s = new_start(attr, fn, arg);
	int err;

	if (!s)
		return -ENOMEM;
	err = create_bound(t, attr, attr->cpus, s);
	if (err && err != -EAGAIN && attr->cpus)
		err = create_bound(t, attr, false, s);
	if (err)
		free(s);
	return err;
}

int weft__thread_bind(int tid, const cpu_set_t *cpus, size_t setsize)
{
	long ret = weft__syscall(SYS_sched_setaffinity, tid, setsize, cpus);

	return ret < 0 ? ret : 0;
}

int weft__gettid(void)
{
	return weft__syscall(SYS_gettid);
}

int weft__thread_idle_class(void)
{
	struct sched_param none = { 0 };

	return weft__syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none);
}

/* snprintf() may allocate, and this may run where nothing may. */
static void task_path(char *path, int tid, const char *file)
{
	char digits[16];
	int n = 0;

	path = stpcpy(path, "/proc/self/task/");
	do
		digits[n++] = '0' + tid % 10;
	while (tid /= 10);
	while (n)
		*path++ = digits[--n];
	strcpy(path, file);
}

static int task_open(int tid, const char *file)
{
	char path[64];

	if (tid <= 0)
		return -EINVAL;
	task_path(path, tid, file);
	return weft__syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

int weft__thread_stat_open(int tid)
{
	return task_open(tid, "/stat");
}

/* The number in a field; @s is at the state, the third. */
static int stat_field(const char *s, int field)
{
	for (int i = 3; i < field; i++) {
		s = strchr(s, ' ');
		if (!s)
			return -1;
		s++;
	}
	return *s >= '0' && *s <= '9' ? atoi(s) : -1;
}

char weft__thread_stat(int fd, int *cpu)
{
	char buf[1024], *s;
	long n = weft__syscall(SYS_pread64, fd, buf, sizeof(buf) - 1, 0);

	if (cpu)
		*cpu = -1;
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	/* A name may hold blanks and brackets: the last one ends it. */
	s = strrchr(buf, ')');
	if (!s || s[1] != ' ')
		return 0;
	s += 2;
	if (cpu)
		*cpu = stat_field(s, 39);
	return *s;
}

void weft__thread_stat_close(int fd)
{
	weft__syscall(SYS_close, fd);
}

char weft__thread_state(int tid)
{
	int fd = weft__thread_stat_open(tid);
	char state;

	if (fd < 0)
		return 0;
	state = weft__thread_stat(fd, NULL);
	weft__thread_stat_close(fd);
	return state;
}

int weft__thread_call_open(int tid)
{
	return task_open(tid, "/syscall");
}

/*
 * "running", or number, six arguments, stack pointer and pc; in a page fault
 * "-1", stack pointer and pc.
 */
int weft__thread_call(int fd, struct weft__thread_call *c)
{
	char buf[256], *pc;
	long n = weft__syscall(SYS_pread64, fd, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return n ? n : -ESRCH;
	if (buf[0] != '-' && (buf[0] < '0' || buf[0] > '9'))
		return 0;
	buf[n] = '\0';
	pc = strrchr(buf, ' ');
	c->nr = atoi(buf);
	c->pc = pc ? strtoull(pc + 1, NULL, 16) : 0;
	return 1;
}

/*
 * The program may have closed all descriptors, as a daemon does, and have a
 * file of its own under this number.
 */
void weft__thread_call_close(int fd)
{
	struct statfs fs;

	if (fd >= 0 && !weft__syscall(SYS_fstatfs, fd, &fs) &&
	    fs.f_type == PROC_SUPER_MAGIC)
		weft__syscall(SYS_close, fd);
}

/* As the kernel has it; the C library of Debian 12 has no declaration. */
struct attr {
	u32 size;
	u32 policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period;
};

void weft__thread_short_slice(void)
{
	struct attr a = { .size = sizeof(a) };

	if (weft__syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0))
		return;
	if (a.policy != SCHED_OTHER && a.policy != SCHED_BATCH)
		return;
	a.size = sizeof(a);
	a.runtime = 100000;
	weft__syscall(SYS_sched_setattr, 0, &a, 0);
}

#define RELAX_SPIN 128
#define RELAX_YIELD (RELAX_SPIN + 32)
#define RELAX_NS 20000

void weft__thread_relax(u32 round)
{
	struct timespec ts = { 0, RELAX_NS };

	if (round < RELAX_SPIN)
		cpu_relax();
	else if (round < RELAX_YIELD)
		weft__syscall(SYS_sched_yield);
	else
		weft__syscall(SYS_nanosleep, &ts, NULL);
}
