/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * policy-prio.h - the policy word of policy-prio.c.
 *
 * Levels 0 (the most urgent) to 7; a deadline on CLOCK_MONOTONIC in ns, or 0
 * for none, which is after all others.
 */
#ifndef POLICY_PRIO_H
#define POLICY_PRIO_H

#include <stdint.h>

#define PRIO_LEVELS 8
#define PRIO_BITS 56
#define PRIO_WORD(level, deadline_ns)                                         \
	((uint64_t)(level) << PRIO_BITS | (uint64_t)(deadline_ns))

#endif /* POLICY_PRIO_H */
