// SPDX-License-Identifier: GPL-2.0-only
/*
 * badsz.c - a shared object whose policy has a size that cannot be.
 */
#include <weft/policy.h>

const struct weft_sched_ops weft_policy = { .sz = 3, .name = "badsz" };
