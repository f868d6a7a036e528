// SPDX-License-Identifier: GPL-2.0-only
/*
 * target.c - the process, and what this machine lets us do for it.
 */
#include "weft-bpf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's number for the first of all namespaces of processes */
#define INIT_PIDNS "pid:[4026531836]"
#define BTF "/sys/kernel/btf/vmlinux"

/*
 * "NSpid:	1234	17	1": our number, then those of the namespaces in
 * between, its own last.
 */
static int read_numbers(struct target *t)
{
	char path[64], line[256], *s;
	int ret = -ESRCH;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", t->pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "NSpid:", 6))
			continue;
		t->level = 0;
		for (s = strtok(line + 6, "\t\n "); s;
		     s = strtok(NULL, "\t\n ")) {
			t->own = atoi(s);
			t->level++;
		}
		t->level--;
		ret = 0;
	}
	fclose(f);
	return ret;
}

int target_open(struct target *t, pid_t pid)
{
	int err;

	t->pid = pid;
	t->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	err = t->pidfd < 0 ? -errno : read_numbers(t);
	if (err)
		complain("process %d: %s", pid, strerror(-err));
	return err;
}

const char *why_not(void)
{
	char ns[64];
	ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	if (n < 0)
		return "/proc is not there";
	ns[n] = '\0';
	if (strcmp(ns, INIT_PIDNS))
		return "numbers of processes are not the kernel's own here "
		       "(a container); run it on the host";
	if (access(BTF, R_OK))
		return "the kernel does not describe its types (" BTF
		       "; CONFIG_DEBUG_INFO_BTF)";
	return NULL;
}
