// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * blocked.c - WEFT_DEBUG=blocked: which calls blocked Gs, how often, how long,
 * and where the Gs were started.
 *
 * What is counted is what the runtime notices: a call that still sleeps at a
 * tick of the monitor, or for which a token was handed on.  Shorter ones cost
 * the program nothing that it could save, and are not seen.
 *
 * A block begins when a sentinel sees it; or when the M last popped a G, as far
 * as sysmon has noticed; or, to the ns, when BPF says so.  It ends when the M
 * says that it is back; which it says only if it has lost its token.
 * Otherwise, or if it is elsewhere for long, sysmon looks: at LOOKS Ms a tick.
 *
 * The table is bounded and open-addressed; an entry is claimed by one CAS and
 * never given back.  It is in a memfd, so that a tool can watch it grow.
 */
#define _GNU_SOURCE
#include "../core/blocked.h"
#include "../core/g_end.h"
#include "../core/sched.h"
#include "../core/seen.h"
#include "../os/mem.h"
#include "calls.h"
#include "symbol.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOOKS 16
#define PROBES 16

u32 weft__blocked_wanted;

static struct {
	struct calls *calls;	/* mapped while wanted */
	int fd;			/* or -1: tools cannot see it */
	u32 next;		/* sysmon: whom to look at */
	struct weft__lock naming;	/* of entries: sysmon, and a report */
} own = { .fd = -1 };

/* ---- beginning and end ---- */

static u64 key_of(int nr, const void *site)
{
	return (u64)(u16)(nr + 2) << 48 | ((uintptr_t)site & (-1ull >> 16));
}

/* Its number plus 1; 0: no room. */
static u32 find(u64 key, const void *site, const void *fn)
{
	u32 i, at, h = (u32)(key ^ key >> 32) * 2654435761u >> 24;

	for (i = 0; i < PROBES; i++) {
		struct calls_entry *e;

		at = (h + i) % CALLS_MAX;
		e = &own.calls->e[at];
		if (cas(&e->key, 0, key)) {
			WRITE_ONCE(e->site, (uintptr_t)site);
			WRITE_ONCE(e->fn, (uintptr_t)fn);
			return at + 1;
		}
		if (READ_ONCE(e->key) == key)
			return at + 1;
	}
	atomic_add(&own.calls->lost, 1);
	return 0;
}

/*
 * What m->cur is now.  If m is about to come back, it may end and its struct be
 * used again: then we name the wrong one, but read nothing that is not there.
 */
static void whose(struct m *m, const void **site, const void **fn)
{
	struct g *g = READ_ONCE(m->cur);

	*site = *fn = NULL;
	if (!g || g == &m->g0)
		return;
	*fn = (const void *)(uintptr_t)READ_ONCE(g->fn);
	*site = weft__g_site(g);
}

void weft__blocked_begin(struct m *m, int nr, s64 since)
{
	const void *site, *fn;
	u32 entry;

	if (READ_ONCE(m->blocked.open))
		return;
	whose(m, &site, &fn);
	entry = find(key_of(nr, site ? site : fn), site, fn);
	if (!entry)
		return;
	WRITE_ONCE(m->blocked.since, since ? since : weft__now());
	if (cas(&m->blocked.open, 0, entry))
		atomic_add(&own.calls->e[entry - 1].count, 1);
}

void weft__blocked_ended(struct m *m, s64 when)
{
	u32 entry = xchg(&m->blocked.open, 0);
	struct calls_entry *e;
	u64 ns, max;

	if (!entry)
		return;
	e = &own.calls->e[entry - 1];
	if (!when)
		when = weft__now();
	when -= READ_ONCE(m->blocked.since);
	ns = when > 0 ? (u64)when : 0;
	atomic_add(&e->ended, 1);
	atomic_add(&e->total_ns, ns);
	do
		max = READ_ONCE(e->max_ns);
	while (ns > max && !cas(&e->max_ns, max, ns));
}

/* ---- sysmon ---- */

static bool call_of(struct m *m, struct weft__thread_call *c)
{
	int fd = weft__thread_call_open(m->tid);
	int ret = fd < 0 ? fd : weft__thread_call(fd, c);

	weft__thread_call_close(fd);
	return ret > 0;
}

void weft__blocked_sleeps(struct m *m, s64 since)
{
	struct weft__thread_call c;

	if (READ_ONCE(m->blocked.open))
		return;
	if (m_seen(m) == WEFT__SEEN_BLOCKED && weft__slot_since(m->slot))
		weft__blocked_begin(m, READ_ONCE(m->slot->nr),
				    weft__slot_since(m->slot));
	else if (call_of(m, &c))
		weft__blocked_begin(m, c.nr, since);
}

/* Has m come back without a word?  When: to the ns by BPF, else now. */
static void look_at(struct m *m, s64 now)
{
	u32 seen = m_seen(m);
	s64 since;
	char c;

	if (!READ_ONCE(m->blocked.open) || seen == WEFT__SEEN_BLOCKED)
		return;
	if (seen == WEFT__SEEN_RUNNING) {
		since = weft__slot_since(m->slot);
		weft__blocked_ended(m, since ? since : now);
		return;
	}
	c = weft__thread_state(m->tid);
	if (c == 'R' || !c)
		weft__blocked_ended(m, now);
}

static void name_entries(void)
{
	u32 i;

	weft__lock(&own.naming);
	for (i = 0; i < CALLS_MAX; i++) {
		struct calls_entry *e = &own.calls->e[i];

		if (!READ_ONCE(e->key) || e->named)
			continue;
		weft__symbol(e->where, sizeof(e->where),
			     (void *)READ_ONCE(e->site), "?");
		weft__symbol(e->runs, sizeof(e->runs),
			     (void *)READ_ONCE(e->fn), "the scheduler");
		smp_store_release(&e->named, 1);
	}
	weft__unlock(&own.naming);
}

/* sysmon, at each tick */
void weft__blocked_look(s64 now)
{
	u32 i, looks = 0, n = smp_load_acquire(&S.nm);

	if (!weft__blocked_wanted)
		return;
	for (i = 0; i < n && looks < LOOKS; i++) {
		struct m *m = S.m[own.next++ % n];

		looks += READ_ONCE(m->blocked.open) != 0;
		look_at(m, now);
	}
	name_entries();
}

/* ---- start and stop ---- */

/* The program may end without a stop. */
static void at_exit(void)
{
	static u32 once;

	if (!xchg(&once, 1))
		atexit(weft__blocked_report);
}

int weft__blocked_start(bool wanted)
{
	void *p;

	weft__blocked_free();
	if (!wanted)
		return 0;
	at_exit();
	own.fd = memfd_create(CALLS_NAME, MFD_CLOEXEC);
	if (own.fd >= 0 && ftruncate(own.fd, sizeof(*own.calls))) {
		close(own.fd);
		own.fd = -1;
	}
	p = mmap(NULL, sizeof(*own.calls), PROT_READ | PROT_WRITE,
		 own.fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, own.fd,
		 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	own.calls = p;
	own.calls->magic = CALLS_MAGIC;
	own.calls->version = CALLS_VERSION;
	own.calls->max = CALLS_MAX;
	own.next = 0;
	WRITE_ONCE(weft__blocked_wanted, 1);
	return 0;
}

/* At stop, before the Ms end: all Gs have. */
void weft__blocked_report(void)
{
	if (!weft__blocked_wanted)
		return;
	name_entries();
	weft__calls_print(own.calls, weft__say);
}

/* There are no Ms; or it is the child of a fork, and the table the parent's. */
void weft__blocked_free(void)
{
	WRITE_ONCE(weft__blocked_wanted, 0);
	if (own.calls)
		munmap(own.calls, sizeof(*own.calls));
	if (own.fd >= 0)
		close(own.fd);
	own.calls = NULL;
	own.fd = -1;
	own.naming = (struct weft__lock){ 0 };
}
