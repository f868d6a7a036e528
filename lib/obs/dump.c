// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dump.c - weft_dump(): every P, M and G; and the report of an overflow.
 *
 * It reads what others change and takes no lock, so that it works in a process
 * that hangs.  A G's line may be a mixture of two moments; a stack that it
 * names is never unmapped while the runtime runs.
 */
#define _GNU_SOURCE
#include "../core/policy_hooks.h"
#include "../core/gpool.h"
#include "../core/g_end.h"
#include "../core/holder.h"
#include "../core/run.h"
#include "../ctx/stack.h"
#include "symbol.h"

#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>
#include <weft/stats.h>

struct out {
	int fd;
	int err;
	size_t n;
	char buf[2048];
};

static void flush(struct out *o)
{
	size_t done = 0;
	ssize_t r;

	while (done < o->n && !o->err) {
		r = write(o->fd, o->buf + done, o->n - done);
		if (r > 0)
			done += (size_t)r;
		else if (r < 0 && errno != EINTR)
			o->err = -errno;
	}
	o->n = 0;
}

__attribute__((format(printf, 2, 3))) static void
put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (o->n > sizeof(o->buf) / 2)
		flush(o);
	va_start(ap, fmt);
	n = vsnprintf(o->buf + o->n, sizeof(o->buf) - o->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		o->n += (size_t)n < sizeof(o->buf) - o->n ?
				(size_t)n :
				sizeof(o->buf) - o->n - 1;
}

static void put_symbol(struct out *o, const void *addr)
{
	char buf[512];

	put(o, "%s", weft__symbol(buf, sizeof(buf), addr, "(nil)"));
}

/* ---- Gs ---- */

static struct m *runs_on(const struct g *g)
{
	u32 i, n = smp_load_acquire(&S.nm);

	for (i = 0; i < n; i++)
		if (READ_ONCE(S.m[i]->cur) == g)
			return S.m[i];
	return NULL;
}

/* What a G in a queue waits for, and of what kind the object is. */
static const char *const waits_for[WAIT_KINDS][2] = {
	[WAIT_SEND] = { "waits to send", "channel" },
	[WAIT_RECV] = { "waits to receive", "channel" },
	[WAIT_SELECT] = { "waits in a select", "its word" },
	[WAIT_MUTEX] = { "waits for a mutex", "mutex" },
	[WAIT_READ] = { "waits to read", "rwlock" },
	[WAIT_WRITE] = { "waits to write", "rwlock" },
	[WAIT_COND] = { "waits for a condition", "cond" },
	[WAIT_SEM] = { "waits for a semaphore", "sem" },
	[WAIT_ZERO] = { "waits for a wait group", "wait group" },
	[WAIT_ONCE] = { "waits for who runs it once", "once" },
	[WAIT_BARRIER] = { "waits at a barrier", "barrier" },
	[WAIT_EVENT] = { "waits for an event", "event" },
};

/* obj: what a G waits for, which somebody holds if it is of such a kind. */
static void put_holder(struct out *o, enum wait kind, const void *obj)
{
	u64 w;

	if (kind != WAIT_MUTEX && kind != WAIT_READ && kind != WAIT_WRITE &&
	    kind != WAIT_ONCE)
		return;
	w = READ_ONCE(*(const u64 *)((const char *)obj + HOLDER_AT));
	if (w & HOLDER_THREAD)
		put(o, ", held by thread %u", (u32)(w >> 1));
	else if (weft__is_g((void *)w))
		put(o, ", held by G %llu",
		    (unsigned long long)((struct g *)w)->id);
}

static weft__racy void put_wait(struct out *o, const struct g *g)
{
	struct ctx *c = (struct ctx *)((uintptr_t)g->ctx & ~CTX_SPECIAL);
	const char *timed = g->flags & GF_TIMED ? " with a deadline" : "";
	u32 ms = READ_ONCE(weft__now_ms) - g->since;

	switch (g->wait) {
	case WAIT_JOIN:
		put(o, "waits for a G to end");
		if (c && !(g->flags & GF_TIMED) && weft__is_g(c->arg))
			put(o, " (G %llu)",
			    (unsigned long long)((struct g *)c->arg)->id);
		break;
	case WAIT_PARK:
		put(o, "waits for a permit");
		if (c && !(g->flags & GF_TIMED))
			put(o, " (parker %p)", c->arg);
		break;
	case WAIT_SLEEP:
		put(o, "sleeps");
		timed = "";
		break;
	case WAIT_STACK:
		put(o, "waits for memory for a stack");
		break;
	default:
		if (g->wait >= WAIT_KINDS)
			break;
		put(o, "%s", waits_for[g->wait][0]);
		if (!c || g->flags & GF_TIMED)
			break;
		put(o, " (%s %p", waits_for[g->wait][1], c->arg);
		put_holder(o, g->wait, c->arg);
		put(o, ")");
		break;
	}
	put(o, "%s, for %u.%03u s", timed, ms / 1000, ms % 1000);
}

static weft__racy void put_state(struct out *o, const struct g *g)
{
	struct m *m = runs_on(g);

	if (m)
		put(o, "runs on M %u%s", m->id,
		    m->state == M_BLOCK ? ", in an announced section" : "");
	else if (g->wait)
		put_wait(o, g);
	else if (g->join == JOIN_INLINE)
		put(o, "runs as a call of the G that joins it");
	else
		put(o, "runnable, or under a child that it joins");
}

static bool live(const struct g *g)
{
	uintptr_t j = READ_ONCE(g->join);

	return j != JOIN_FREE && j != JOIN_DONE && READ_ONCE(g->fn);
}

static bool put_g(struct g *g, void *arg)
{
	struct out *o = arg;

	if (!live(g))
		return true;
	put(o, "G %llu", (unsigned long long)g->id);
	if (g->flags & GF_COLD && g_cold(g)->name)
		put(o, " \"%s\"", g_cold(g)->name);
	put(o, ": ");
	put_state(o, g);
	put(o, "; runs ");
	put_symbol(o, (void *)(uintptr_t)g->fn);
	if (g->join == JOIN_INLINE) {
		put(o, ", on the stack of the G that joins it\n");
	} else {
		put(o, ", started at ");
		put_symbol(o, weft__g_site(g));
		put(o, "\n");
	}
	return !o->err;
}

/* ---- Ms and Ps ---- */

static const char *m_state(const struct m *m)
{
	static const char *const names[] = {
		[M_RUN] = "runs", [M_BLOCK] = "in an announced section",
		[M_SPIN] = "looks for work", [M_PARK] = "idle",
		[M_CACHE] = "in the cache", [M_WAIT] = "waits for its G",
		[M_GONE] = "gone",
	};
	u32 s = READ_ONCE(m->state);

	return s < ARRAY_SIZE(names) ? names[s] : "?";
}

static void put_m(struct out *o, struct m *m)
{
	struct g *g = READ_ONCE(m->cur);
	struct p *p = READ_ONCE(m->p);

	put(o, "M %u (thread %d): %s", m->id, m->tid, m_state(m));
	if (g != &m->g0)
		put(o, ", G %llu", (unsigned long long)g->id);
	if (p != &weft__dead_p)
		put(o, ", P %u", p->q.id);
	put(o, "\n");
}

static void put_p(struct out *o, struct p *p)
{
	u32 seat = READ_ONCE(p->q.seat);

	put(o, "P %u: %u published, %u private", p->q.id,
	    runq_published(&p->q), runq_private(&p->q));
	if (seat == RUNQ_STOPPED)
		put(o, ", stopped\n");
	else if (seat >= RUNQ_STOPPED)
		put(o, ", no seat\n");
	else
		put(o, ", %s %u\n", weft__twin ? "M" : "CPU", seat);
}

static void put_token(struct out *o, u32 i)
{
	uintptr_t t = smp_load_acquire(&S.tok[i]);

	if (!t) {
		put(o, "token %u: vacant\n", i);
		return;
	}
	put(o, "token %u: M %u%s%s%s\n", i, tok_m(t)->id,
	    t & TOK_IDLE ? ", idle" : "", t & TOK_HANDED ? ", handed" : "",
	    t & TOK_WOKEN ? ", woken" : "");
}

static weft__racy void put_trace(struct out *o, const char *who,
				 const struct trace *t)
{
	u32 n = READ_ONCE(t->next), i = n > TRACE_SIZE ? n - TRACE_SIZE : 0;

	for (; i < n; i++) {
		struct trace_entry e = t->e[i % TRACE_SIZE];

		if (e.seq != i + 1)
			continue;
		put(o, "%s %lld.%06lld cpu %u: %s %llu %llu\n", who,
		    (long long)((e.t - S.start_ns) / 1000000000),
		    (long long)((e.t - S.start_ns) / 1000 % 1000000), e.cpu,
		    weft__trace_name(e.event), (unsigned long long)e.a,
		    (unsigned long long)e.b);
	}
}

static void put_traces(struct out *o)
{
	u32 i, n = smp_load_acquire(&S.nm);
	char who[16];

	for (i = 0; i < n; i++) {
		snprintf(who, sizeof(who), "M %u", i);
		put_trace(o, who, &S.m[i]->trace);
	}
	put_trace(o, "sysmon", &S.trace);
}

static void put_all(struct out *o)
{
	u32 i, n = smp_load_acquire(&S.nm);

	put(o, "weft: %u Ps, %u Ms, %lld Gs\n", S.nprocs, n,
	    (long long)weft__live());
	for (i = 0; i < S.nprocs; i++)
		put_p(o, S.p[i]);
	for (i = 0; i < S.nprocs; i++)
		put_token(o, i);
	for (i = 0; i < n; i++)
		put_m(o, S.m[i]);
	flush(o);
	weft__policy_dump(o->fd);
	weft__g_walk(put_g, o);
	if (S.opts.debug & WEFT__DEBUG_TRACE)
		put_traces(o);
}

int weft_dump(int fd)
{
	struct out o = { .fd = fd };
	int ret = weft__check();

	if (ret)
		return ret;
	put_all(&o);
	flush(&o);
	return o.err;
}

static void put_stats(struct out *o)
{
	struct weft_stats s;

	weft_stats(&s, sizeof(s));
#define x(field)                                                              \
	put(o, "weft: %-18s %llu\n", #field, (unsigned long long)s.field)
	x(spawned), x(ended), x(dispatched), x(inlined), x(parked), x(readied);
	x(ticks), x(global_put), x(global_got), x(spills), x(published);
	x(taken_back), x(stolen), x(steals), x(seizures), x(seized);
	x(reseats), x(membarriers), x(capped), x(handoffs);
	x(taken_back_tokens), x(returns), x(returns_global);
	x(returns_loose), x(m_created), x(m_parked), x(m_woken);
	x(monitor_ticks), x(timers);
	x(handoffs_sentinel), x(sentinel_looks), x(sentinels_retired);
	x(spares_missed);
	x(hogs), x(preempted);
#undef x
}

/* WEFT_DEBUG: at stop.  The state still says that there is a runtime. */
void weft__stopped_report(void)
{
	struct out o = { .fd = 2 };

	if (S.opts.debug & WEFT__DEBUG_STATS)
		put_stats(&o);
	if (S.opts.debug & WEFT__DEBUG_DUMP)
		put_all(&o);
	flush(&o);
}

/* ---- a guard page was hit ---- */

#define FRAMES 32

/*
 * On the alternate stack, in a process that is about to die.  The backtrace is
 * of the handler, whose frames end at the place of the fault.
 */
_Bool weft__overflow_report(const void *addr, void *ucontext)
{
	struct m *m = this_m();
	struct g *g = m ? m->cur : NULL;
	struct out o = { .fd = 2 };
	void *frame[FRAMES];
	int n;

	(void)ucontext;
	if (!g || !g->stk || g == &m->g0 ||
	    !weft__stack_guarded(g->stk, addr))
		return false;
	put(&o, "weft: stack overflow: G %llu, which runs ",
	    (unsigned long long)g->id);
	put_symbol(&o, (void *)(uintptr_t)g->fn);
	put(&o, ", hit the guard page at %p of its stack %p to %p "
	    "(%zu bytes; WEFT_STACK)\n", addr, (void *)g->stk,
	    (void *)(g->stk + stack_size(g->cls)), stack_size(g->cls));
	flush(&o);
	n = backtrace(frame, FRAMES);
	backtrace_symbols_fd(frame, n, 2);
	return true;
}
