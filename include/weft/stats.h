/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * stats.h - what the runtime did.
 */
#ifndef WEFT_STATS_H
#define WEFT_STATS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct weft_stats - counters since the start of the runtime
 * @gs:		Gs alive now
 * @ms:		kernel threads that run Gs, now
 * @spares:	of these, in the M cache
 * @procs:	processors now
 * @idle:	tokens whose M is idle, now
 * @spawned:	Gs started
 * @ended:	Gs ended
 * @dispatched:	times a G that left asked for the next one (a yield is one)
 * @inlined:	children that ran as a call on their joiner's stack
 * @parked:	times a G parked
 * @readied:	times one was made runnable again
 * @ticks:	looks around, one each 61 dispatches; while a P has timers as
 *		many as come 50 us apart, if dispatches are slow
 * @global_put:	Gs that went to a global queue
 * @global_got:	Gs that came from one
 * @spills:	blocks of Gs that left a full queue
 * @published:	times a queue showed Gs to thieves
 * @taken_back:	times it took them back
 * @stolen:	Gs taken from another P's queue
 * @steals:	times Gs were stolen
 * @seizures:	queues stopped to take Gs from them
 * @seized:	Gs taken so
 * @reseats:	times a P moved to another CPU
 * @membarriers: membarrier calls
 * @capped:	moves of a P not done for the rate cap
 * @handoffs:	tokens taken from a blocked M
 * @taken_back_tokens: of these, taken back by their M before they were used
 * @returns:	Ms that came back without a token
 * @returns_global: of these, put their G on a global queue and slept
 * @returns_loose: of these, went on for the moment (block.h)
 * @m_created:	kernel threads created
 * @m_parked:	times an M went to sleep idle
 * @m_woken:	times an idle M was woken
 * @monitor_ticks: rounds of the monitor
 * @timers:	timers that fired
 * @handoffs_sentinel: of @handoffs, those by a sentinel
 * @sentinel_looks: times a sentinel asked what the Ms do
 * @sentinels_retired: times one gave up for a while, and left it to the
 *		monitor: it cost more than 1 % of the time and found nothing
 * @spares_missed: times it found no kernel thread to hand a token to
 * @hogs:	tokens taken from an M whose G computed on while others waited
 * @preempted:	times a G was stopped in a stretch (preempt.h)
 * @handoffs_begin: of @handoffs, those by weft_block_begin_for() itself
 * @urgent:	critical Gs that went first (hint.h)
 */
struct weft_stats {
	uint64_t gs, ms, spares, procs, idle;
	uint64_t spawned, ended, dispatched, inlined;
	uint64_t parked, readied;
	uint64_t ticks, global_put, global_got, spills;
	uint64_t published, taken_back, stolen, steals;
	uint64_t seizures, seized, reseats, membarriers, capped;
	uint64_t handoffs, taken_back_tokens;
	uint64_t returns, returns_global, returns_loose;
	uint64_t m_created, m_parked, m_woken;
	uint64_t monitor_ticks, timers;
	uint64_t handoffs_sentinel, sentinel_looks, sentinels_retired;
	uint64_t spares_missed;
	uint64_t hogs, preempted;
	uint64_t handoffs_begin, urgent;
};

/**
 * weft_stats() - read the counters
 * @st:		where they go
 * @sz:		sizeof(*@st): of a struct that grew, the part the caller knows
 *
 * The counters are read while they change: exact only when all is quiet.
 *
 * Return: 0, -EINVAL, -EPERM without a runtime, -ECHILD.
 */
int weft_stats(struct weft_stats *st, size_t sz);

/**
 * weft_dump() - write the state of every P, M and G to a file descriptor
 * @fd:		where to
 *
 * Return: 0, -EPERM, -ECHILD, or what write() said.
 */
int weft_dump(int fd);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_STATS_H */
