// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * inline.c - every row once more, with what may switch inlined (impl weft).
 *
 * The return from an exported function after a switch is a mispredicted one;
 * the rows compiled on their own (weft-lib, weft-so) show what that costs.
 */
#define WEFT_INLINE
#define BENCH_INLINE

#include "switch.c"
#include "switch_mixed.c"
#include "yield.c"
#include "spawn_join.c"
#include "batch.c"
#include "fib.c"
#include "skynet.c"
#include "parkwake.c"
#include "steal.c"
#include "chan.c"
#include "locks.c"
#include "block_nop.c"
#include "block8.c"
#include "handoff.c"
#include "hog.c"
#include "shortblock.c"
#include "critical.c"
#include "neighbour.c"
#include "mem.c"
#include "idle.c"
#include "low_load.c"
#include "sleepers.c"
#include "timer_churn.c"
#include "monitor.c"
#include "sentinel_cost.c"

extern const bool bench_inlined;
const bool bench_inlined = BENCH_INLINED;
