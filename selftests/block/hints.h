/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hints.h - what hints.c and heeded.c share.
 */
#ifndef SELFTESTS_BLOCK_HINTS_H
#define SELFTESTS_BLOCK_HINTS_H

#include "../core/rt.h"
#include <core/hint.h>

static u32 step, others, stop;

static void *other(void *arg)
{
	__atomic_add_fetch(&others, 1, __ATOMIC_SEQ_CST);
	return arg;
}

#endif /* SELFTESTS_BLOCK_HINTS_H */
