// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * measure.c - one measurement, from outside.
 *
 * A child in a process group of its own runs the row, or a peer's program; its
 * stdout is read as JSON, its stderr kept and shown.  Past the time limit the
 * whole group is killed.  CPU time and the most memory come from wait4().
 */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (1024 * 1024)

struct output {
	int fd[2];
	char *buf;
	size_t len;
};

struct child {
	pid_t pid;
	struct output out, err;
	int64_t deadline;
	bool timed_out;
	int status;
	struct rusage usage;
};

/* The sizes are for a peer, which has no table of them. */
static void child_exec(struct child *ch, const struct cell *c,
		       const struct options *o, int round)
{
	const struct size *s = o->quick ? &c->bench->quick : &c->bench->full;
	const char *path = c->impl->path ?: "/proc/self/exe";
	char procs[16], k[16], seed[24], n[24], ms[16];
	const char *argv[16] = { path, "one", c->bench->name, c->impl->name,
				 procs, "--round", k, "--seed", seed };
	int argc = 9;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(procs, sizeof(procs), "%u", c->procs);
	snprintf(k, sizeof(k), "%d", round);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)o->seed);
	snprintf(n, sizeof(n), "%ld", s->n);
	snprintf(ms, sizeof(ms), "%d", s->ms);
	if (c->impl->side == SIDE_PEER && c->bench->confined)
		cpus_confine(c->procs);
	if (c->impl->side == SIDE_PEER) {
		argv[argc++] = "--n";
		argv[argc++] = n;
		argv[argc++] = "--ms";
		argv[argc++] = ms;
	}
	if (o->quick)
		argv[argc++] = "--quick";
	dup2(ch->out.fd[1], STDOUT_FILENO);
	dup2(ch->err.fd[1], STDERR_FILENO);
	execv(path, (char **)argv);
	if (!c->impl->path)	/* no /proc */
		execvp(program_invocation_name, (char **)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

/* False at the end of the output.  What is beyond the limit is dropped. */
static bool output_read(struct output *o)
{
	char drop[4096];
	ssize_t n;

	if (o->len < OUTPUT_MAX)
		n = read(o->fd[0], o->buf + o->len, OUTPUT_MAX - o->len);
	else
		n = read(o->fd[0], drop, sizeof(drop));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (o->len < OUTPUT_MAX)
		o->len += n;
	o->buf[o->len] = '\0';
	return n > 0;
}

static void child_check_time(struct child *ch)
{
	if (ch->timed_out || now_ns() < ch->deadline)
		return;
	ch->timed_out = true;
	kill(-ch->pid, SIGKILL);
}

static void child_read(struct child *ch)
{
	struct pollfd p[2] = { { .fd = ch->out.fd[0], .events = POLLIN },
			       { .fd = ch->err.fd[0], .events = POLLIN } };

	while (!ch->timed_out && (p[0].fd >= 0 || p[1].fd >= 0)) {
		poll(p, 2, 100);
		if (p[0].revents && !output_read(&ch->out))
			p[0].fd = -1;
		if (p[1].revents && !output_read(&ch->err))
			p[1].fd = -1;
		child_check_time(ch);
	}
}

/* It may have closed its output and still run. */
static void child_reap(struct child *ch)
{
	while (!wait4(ch->pid, &ch->status, WNOHANG, &ch->usage)) {
		child_check_time(ch);
		usleep(500);
	}
	kill(-ch->pid, SIGKILL);	/* what it left behind */
}

static void output_open(struct output *o)
{
	o->buf = zalloc(1, OUTPUT_MAX + 1);
	if (pipe2(o->fd, O_CLOEXEC))
		check(-errno, "pipe");
}

static void output_close(struct output *o)
{
	close(o->fd[0]);
	free(o->buf);
}

static void child_run(struct child *ch, const struct cell *c,
		      const struct options *o, int round)
{
	output_open(&ch->out);
	output_open(&ch->err);
	ch->deadline = now_ns() + o->timeout_s * 1000000000ll;
	fflush(NULL);
	ch->pid = fork();
	if (ch->pid < 0)
		check(-errno, "fork");
	if (!ch->pid)
		child_exec(ch, c, o, round);
	setpgid(ch->pid, ch->pid);
	close(ch->out.fd[1]);
	close(ch->err.fd[1]);
	child_read(ch);
	child_reap(ch);
}

static const char *last_line(char *text)
{
	char *end = text + strlen(text), *nl;

	while (end > text && end[-1] == '\n')
		*--end = '\0';
	nl = strrchr(text, '\n');
	return nl ? nl + 1 : text;
}

static void child_failed(struct child *ch, struct cell *c, int timeout_s)
{
	char why[64], text[320];
	const char *said = last_line(ch->err.buf);

	if (ch->timed_out)
		snprintf(why, sizeof(why), "killed after %d s", timeout_s);
	else if (WIFSIGNALED(ch->status))
		snprintf(why, sizeof(why), "killed by signal %d (%s)",
			 WTERMSIG(ch->status), strsignal(WTERMSIG(ch->status)));
	else if (WEXITSTATUS(ch->status))
		snprintf(why, sizeof(why), "exit status %d",
			 WEXITSTATUS(ch->status));
	else
		snprintf(why, sizeof(why), "no result object on stdout");
	snprintf(text, sizeof(text), "%s%s%.200s", why, *said ? ": " : "",
		 said);
	cell_set(&c->error, text);
}

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec / 1e6;
}

static void add_usage(struct cell *c, const struct rusage *u)
{
	cell_add(c, "cpu_s", seconds(u->ru_utime) + seconds(u->ru_stime));
	cell_add(c, "rss_kb", u->ru_maxrss);
}

/* Adds a run to @c, or sets its error or skip.  Non-zero if it failed. */
int measure(struct cell *c, const struct options *o, int round)
{
	struct child ch = { .timed_out = false };
	struct json *j = NULL;

	child_run(&ch, c, o, round);
	fputs(ch.err.buf, stderr);
	if (!ch.timed_out && !ch.status)
		j = json_parse(ch.out.buf);
	if (j && j->type == JSON_OBJ) {
		cell_merge(c, j);
		if (!c->skip && !c->error)
			add_usage(c, &ch.usage);
	} else {
		child_failed(&ch, c, o->timeout_s);
	}
	json_free(j);
	output_close(&ch.out);
	output_close(&ch.err);
	return c->error ? EXIT_BROKEN : 0;
}
