/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * weft-bpf.h - the pieces of the loader.
 */
#ifndef WEFT_BPF_H
#define WEFT_BPF_H

#include "detect_conf.h"

#include <sys/types.h>

/* The process for which the program is loaded. */
struct target {
	pid_t pid;		/* its number here */
	pid_t own;		/* and as it knows itself */
	unsigned int level;	/* namespaces between the two */
	int pidfd;		/* readable once it has ended */
};

/* What is handed to it. */
struct attached {
	int map;
	int link;
	unsigned int nslots;
};

struct wishes {
	unsigned int nslots;
	unsigned int timed;
};

void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* target.c: 0 or -errno, with a complaint */
int target_open(struct target *t, pid_t pid);
/* Why a program cannot be loaded here, in words; NULL: no reason known. */
const char *why_not(void);

/* attach.c */
int attach(struct attached *a, const struct target *t,
	   const struct wishes *w);
void detach(struct attached *a);

/* offer.c */
int offer_open(const struct target *t);
int offer_serve(int fd, const struct target *t, const struct attached *a);
void offer_close(int fd);

#endif /* WEFT_BPF_H */
