/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * cgroup.h - how many CPUs' worth of time the control groups grant.
 *
 * A quota binds a group and all groups below it, so the smallest over every
 * ancestor counts: cpu.max (version 2), cpu.cfs_quota_us and
 * cpu.cfs_period_us (version 1).
 */
#ifndef WEFT__CGROUP_H
#define WEFT__CGROUP_H

/**
 * weft__cgroup_cpus_at() - the quota, rounded up to whole CPUs
 * @root:	put before every path; "" outside tests
 *
 * Return: 0 if there is no limit, -errno or -ENOENT if it cannot be told.
 */
int weft__cgroup_cpus_at(const char *root);

/** weft__cgroup_cpus() - the quota of this process; 0: none, or cannot tell */
unsigned int weft__cgroup_cpus(void);

#endif /* WEFT__CGROUP_H */
