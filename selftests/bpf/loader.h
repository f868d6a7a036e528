/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loader.h - weft-bpf, started for the process of a test.
 */
#ifndef SELFTESTS_BPF_LOADER_H
#define SELFTESTS_BPF_LOADER_H

#include "../core/rt.h"
#include <core/seen.h>

struct loader {
	pid_t pid;
	int status;		/* how it ended, after loader_ends() */
	char said[512];		/* why not */
};

/* In the tree of this program, or in the one that holds that (ucontext) */
static inline bool loader_path(char *path, size_t n)
{
	static const char *const up[] = { "/../..", "/../../.." };
	char self[256];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len > 0 ? len : 0] = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(up); i++) {
		snprintf(path, n, "%s%s/tools/bpf/weft-bpf", self, up[i]);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static inline void offer_path(char *path, size_t n)
{
	snprintf(path, n, WEFT__OFFER_DIR "/%d", getpid());
}

/* Started, and waiting for us; false: said tells why not. */
static inline bool loader_start_with(struct loader *l, const char *opt)
{
	char path[512], of[16], offer[64];
	int p[2];
	ssize_t n = 0, r;

	*l = (struct loader){ 0 };
	if (!loader_path(path, sizeof(path))) {
		strcpy(l->said, "make bpf has built nothing");
		return false;
	}
	offer_path(offer, sizeof(offer));
	unlink(offer);
	snprintf(of, sizeof(of), "%d", getpid());
	if (pipe(p))
		exit(1);
	l->pid = fork();
	if (!l->pid) {
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		execl(path, path, "-p", of, opt, NULL);
		_exit(127);
	}
	close(p[1]);
	while (access(offer, F_OK)) {
		if (waitpid(l->pid, &l->status, WNOHANG) == l->pid) {
			while ((r = read(p[0], l->said + n,
					 sizeof(l->said) - 1 - (size_t)n)) > 0)
				n += r;
			l->said[strcspn(l->said, "\n")] = '\0';
			close(p[0]);
			return false;
		}
		usleep(1000);
	}
	close(p[0]);
	return true;
}

static inline bool loader_start(struct loader *l)
{
	return loader_start_with(l, NULL);
}

#define NEEDS_LOADER(l)                                                       \
	do {                                                                  \
		if (!loader_start(l))                                         \
			SKIP(return, "%s", (l)->said);                        \
	} while (0)

/* It has handed over what it has. */
static inline bool loader_ends(struct loader *l)
{
	return waitpid(l->pid, &l->status, 0) == l->pid &&
	       WIFEXITED(l->status) && !WEXITSTATUS(l->status);
}

/* A runtime that insists on it */
static inline int seen_start(u32 procs)
{
	setenv("WEFT_BLOCK_DETECT", "bpf", 1);
	return rt_start(procs);
}

/* The M that runs G */
static inline struct m *m_of_tid(pid_t tid)
{
	u32 i;

	for (i = 0; i < READ_ONCE(S.nm); i++)
		if (READ_ONCE(S.m[i]->tid) == tid)
			return S.m[i];
	return NULL;
}

#endif /* SELFTESTS_BPF_LOADER_H */
