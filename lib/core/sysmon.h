/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * sysmon.h - what sysmon calls that lives higher up.
 */
#ifndef WEFT_CORE_SYSMON_H
#define WEFT_CORE_SYSMON_H

/* sync/parker.c: unpark what signal handlers listed */
void weft__signals_run(void);
/* in the child of a fork */
void weft__signals_forget(void);

#endif /* WEFT_CORE_SYSMON_H */
