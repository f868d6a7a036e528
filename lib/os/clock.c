// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * clock.c - the clock of deadlines, which may be a virtual one.
 */
#include "os/clock.h"

u32 weft__clock_virtual;
s64 weft__clock_at;
