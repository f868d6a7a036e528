// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * seen.c - the Ms that BPF watches, and whether it still does.
 *
 * Whoever asks whether an M sleeps looks into its slot first (m_seen()), and
 * asks /proc if that says nothing.  A start looks for an offer (os/detect.c),
 * and sysmon again once a second: weft-bpf may come when the program runs.
 *
 * A slot may be wrong.  It costs a handoff for nothing, or that a blocked M is
 * noticed late: sysmon asks /proc for who has stood for a slice.  What must not
 * be is that all of them are frozen, since somebody has detached the program.
 * sysmon tells by itself: it naps, and a nap that timed out was a switch that
 * its own slot must show.
 */
#include "seen.h"
#include "sched.h"

#include <string.h>

#define ASK_AGAIN NSEC_PER_SEC
#define MISSES 8		/* naps in a row that BPF did not see */
#define NAP (20 * NSEC_PER_USEC) /* not so short that it may not sleep */

/* sysmon's, but for weft__seen_start() */
static struct {
	s64 ask;		/* look for an offer then; or INT64_MAX */
	struct weft__slot *slot; /* its own */
	u32 misses;
} own;

/* Before there are Ms. */
int weft__seen_start(void)
{
	u32 how = S.opts.block_detect;
	int ret = -ENOENT;

	own.ask = INT64_MAX;
	own.slot = NULL;
	own.misses = 0;
	if (how == WEFT__DETECT_AUTO || how == WEFT__DETECT_BPF)
		ret = weft__detect_open();
	if (ret && how == WEFT__DETECT_AUTO)
		own.ask = 0;
	if (!ret || how != WEFT__DETECT_BPF)
		return 0;
	if (ret == -EPROTO)
		weft__say("weft: WEFT_BLOCK_DETECT=bpf: weft-bpf is of another "
			  "version");
	else
		weft__say("weft: WEFT_BLOCK_DETECT=bpf: nobody offers it to "
			  "this process (%s); start it by weft-bpf -- PROGRAM",
			  strerror(-ret));
	return -EINVAL;
}

/* Any thread, once it has a number; twice is as good as once. */
void weft__seen_claim(struct m *m, int tid)
{
	if (S.opts.block_detect == WEFT__DETECT_AUTO ||
	    S.opts.block_detect == WEFT__DETECT_BPF)
		WRITE_ONCE(m->slot, weft__detect_claim(tid));
}

static void ask(s64 now)
{
	u32 i, n;
	int tid;

	own.ask = now + ASK_AGAIN;
	if (weft__detect_open())
		return;
	own.ask = INT64_MAX;
	n = smp_load_acquire(&S.nm);
	for (i = 0; i < n; i++) {
		tid = READ_ONCE(S.m[i]->tid);
		if (tid)
			weft__seen_claim(S.m[i], tid);
	}
}

/* Not once more in this run: somebody may still look at the old words. */
static void give_up(void)
{
	u32 i, n = smp_load_acquire(&S.nm);

	weft__detect_distrust();
	for (i = 0; i < n; i++)
		WRITE_ONCE(S.m[i]->slot, NULL);
	own.slot = NULL;
}

static void judge(u64 before)
{
	if (READ_ONCE(own.slot->word) != before)
		own.misses = 0;
	else if (++own.misses == MISSES)
		give_up();
}

void weft__seen_end(void)
{
	weft__detect_drop(own.slot);
	own.slot = NULL;
}

int weft__seen_nap(u32 *futex, s64 until)
{
	s64 now = 0;
	u64 word = 0;
	int ret;

	if (own.ask != INT64_MAX || weft__detect_on()) {
		now = weft__now();
		if (now >= own.ask)
			ask(now);
		if (!own.slot && weft__detect_on())
			own.slot = weft__detect_claim(weft__gettid());
	}
	if (own.slot)
		word = READ_ONCE(own.slot->word);
	ret = weft__futex_wait(futex, 0, until);
	if (own.slot && ret == -ETIMEDOUT && until - now > NAP)
		judge(word);
	return ret;
}
