/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * dirsum-share.h - what the files of the walk share among themselves.
 */
#ifndef DIRSUM_SHARE_H
#define DIRSUM_SHARE_H

#include "dirsum-common.h"

#define noinline __attribute__((noinline))

/* Nothing more can be done: say so once, and let the walk end. */
void dirsum_give_up(struct dirsum *d, const char *what, int err);
/* One path of many could not be read. */
void dirsum_complain(struct dirsum *d, const char *path, int err);
void dirsum_check_stdout(struct dirsum *d, bool failed);
void dirsum_print(struct dirsum *d, const struct dirsum_file *f);
void dirsum_print_total(struct dirsum *d);

/* Give a found file to the program. */
void dirsum_submit(struct dirsum *d, struct dirsum_file *f);
/* No more come: wait for those in flight. */
void dirsum_drain(struct dirsum *d);

/* For any length of path; the descriptor or -errno */
int dirsum_open_path(const char *path, int flags);

#endif /* DIRSUM_SHARE_H */
