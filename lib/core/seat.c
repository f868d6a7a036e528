// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * seat.c - which P sits on which CPU: stop, seize, re-seat, relocate.
 *
 * Two words agree: p->q.seat, the CPU whose threads may use P's queue, and
 * S.seat[cpu], the P that sits there.  Whoever has stopped P writes both:
 *
 *	re-seat P to c				an M whose compare failed
 *
 *	o = seat; CAS seat o -> STOPPED		p = S.seat[its CPU]  (acquire)
 *	CAS S.seat[c] NULL -> P			m->p = p
 *	membarrier RSEQ, CPU o			sections compare p->q.seat
 *	S.seat[o] = NULL
 *	seat = c		(release)
 *
 * The new entry is reserved before the membarrier is paid for, so that a race
 * for a CPU is lost for free; nothing happened to P by then, and its seat goes
 * back.  The old entry is cleared before the new seat is stored, so that an
 * entry that names P while P sits elsewhere is seen only while P is stopped.
 *
 * The membarrier names the seat that the CAS replaced, never a CPU remembered
 * from before.  Where there is no rseq a seat is the number of an M, and
 * stopping asks that M's busy word after a plain membarrier (twin.h).
 *
 * Nobody waits on STOPPED.  A push goes to the global queue, a pop looks
 * elsewhere, a second seizer leaves.
 *
 * P is manned if another M with a token that is not idle names it in m->p; or
 * in m->last, if m->p is poisoned: it has its token back, or somebody wants it
 * in its slow path.  Else an M that is not in the scheduler right now would
 * lose its P, with a membarrier, for nothing.  (One that a G is locked to
 * names nothing: it serves no queue.)  There are as many Ps as tokens and each
 * M names one P, so a token holder without a P finds one that is unmanned.
 * Whether that M is on P's CPU right now is no criterion: it would man two.
 *
 * membarrier takes a mutex of the whole system: moves of a P may spend one in
 * 50 us, 16 in a burst.  An M that may not works from the global queue.
 *
 * selftests/model/seat.pml explores this file, runq.pml what sections see.
 */
#include "policy_hooks.h"

#define MB_STEP (50 * NSEC_PER_USEC)
#define MB_BURST 16

struct p weft__dead_p = { .q = { .seat = RUNQ_STOPPED, .id = ~0u } };

static bool is_cpu(u32 seat)
{
	return seat < RUNQ_STOPPED;
}

/* The threads that may be inside a section under seat o are out of it. */
static bool restart_sections(u32 o)
{
	if (!weft__twin) {
		weft__membarrier_rseq_cpu((int)o);
		return true;
	}
	fence_all();
	return !smp_load_acquire(&S.m[o]->vc->busy);
}

static bool stop_at(struct p *p, u32 o)
{
	return o != RUNQ_STOPPED && cas(&p->q.seat, o, RUNQ_STOPPED);
}

/*
 * Stop P's queue.  Returns the seat that weft__rq_release() wants back, or
 * RUNQ_STOPPED: another works on it, or its M is inside a section.
 */
u32 weft__rq_stop(struct p *p)
{
	u32 o = READ_ONCE(p->q.seat);

	if (!stop_at(p, o))
		return RUNQ_STOPPED;
	if (is_cpu(o) && !restart_sections(o)) {
		smp_store_release(&p->q.seat, o);
		return RUNQ_STOPPED;
	}
	return o;
}

void weft__rq_release(struct p *p, u32 seat)
{
	smp_store_release(&p->q.seat, seat);
}

/*
 * The private part's older half, or all; P is stopped.  What was published
 * has been taken, and nobody can publish, so phead may move.
 */
static u32 take_private(struct p *p, void **out, u32 got, bool all)
{
	u64 head = runq_private_head(&p->q, READ_ONCE(p->q.b));
	u32 n = (u32)(p->q.tail - head), i;

	if (!all)
		n = got > n ? 0 : (got + n + 1) / 2 - got;
	for (i = 0; i < n; i++)
		out[i] = READ_ONCE(p->q.slot[(head + i) & RUNQ_MASK]);
	smp_store_release(&p->q.phead, head + n);
	return n;
}

/* Take from P's queue wherever it is; out has room for RUNQ_SIZE. */
u32 weft__seize(struct p *p, void **out, bool all)
{
	u32 n, o = weft__rq_stop(p);

	if (o == RUNQ_STOPPED)
		return 0;
	n = weft__rq_take(p, out, RUNQ_SIZE);
	n += take_private(p, out + n, n, all);
	weft__rq_release(p, o);
	return n;
}

/* P takes part no more: nobody can re-seat it until a start does. */
void weft__retire(struct p *p)
{
	void *g[RUNQ_SIZE];
	u32 o, n, nap = 0;

	/* Who has it stopped, or is inside, may be preempted. */
	while ((o = weft__rq_stop(p)) == RUNQ_STOPPED)
		weft__futex_wait(&nap, 0, weft__now() + NSEC_PER_USEC);
	n = weft__rq_take(p, g, RUNQ_SIZE);
	n += take_private(p, g + n, n, true);
	if (is_cpu(o))
		smp_store_release(&S.seat[o], NULL);
	weft__rq_release(p, RUNQ_NOSEAT);
	if (n)
		weft__gq_put_batch(NULL, g, n);
}

static bool may_membarrier(struct m *m)
{
	s64 now = weft__now(), next = READ_ONCE(S.mb_next);

	if (next > now) {
		stat_inc(m->n.capped);
		return false;
	}
	if (next < now - MB_BURST * MB_STEP)
		next = now - MB_BURST * MB_STEP;
	/* A lost update lets one more through. */
	WRITE_ONCE(S.mb_next, next + MB_STEP);
	return true;
}

bool weft__manned(struct p *p, const struct m *me)
{
	u32 i, n = READ_ONCE(S.nprocs);

	for (i = 0; i < n; i++) {
		uintptr_t t = smp_load_acquire(&S.tok[i]);
		struct m *o = tok_m(t);

		if (o && o != me && !(t & TOK_IDLE) && m_p(o) == p)
			return true;
	}
	return false;
}

static bool reseat(struct m *m, struct p *p, u32 c)
{
	u32 o = READ_ONCE(p->q.seat);

	if (o == c)
		return true;
	if (!stop_at(p, o))
		return false;
	if (!cas(&S.seat[c], NULL, p)) {
		smp_store_release(&p->q.seat, o);
		return false;
	}
	if (is_cpu(o)) {
		if (!restart_sections(o)) {
			smp_store_release(&S.seat[c], NULL);
			smp_store_release(&p->q.seat, o);
			return false;
		}
		smp_store_release(&S.seat[o], NULL);
	}
	smp_store_release(&p->q.seat, c);
	stat_inc(m->n.reseats);
	trace(m, RESEAT, p->q.id, c);
	return true;
}

/* An unmanned P: the one m used last, one of its node that has Gs, ... */
static struct p *pick(struct m *m)
{
	u32 i, n = READ_ONCE(S.nprocs), rank, best_rank = 0;
	struct p *p, *best = NULL;

	if (m->last && m->last->q.id < n && !weft__manned(m->last, m))
		return m->last;
	for (i = 0; i < n; i++) {
		p = S.p[i];
		rank = 1 + (p->node == m->node) + 2 * !!runq_waiting(&p->q);
		if (rank > best_rank && !weft__manned(p, m)) {
			best_rank = rank;
			best = p;
		}
	}
	return best;
}

/* What P old still holds comes along, unless another works there. */
static void bring_along(struct m *m, struct p *old)
{
	void *g[RUNQ_SIZE];
	u32 n;

	if (!old || !runq_waiting(&old->q) || weft__manned(old, m) ||
	    !may_membarrier(m))
		return;
	n = weft__seize(old, g, true);
	stat_inc(m->n.seizures);
	stat_add(m->n.seized, n);
	trace(m, SEIZE, old->q.id, n);
	weft__push_rest(m, g, n);
}

/*
 * m->p = p for an M that believes it has a token.  Who takes the token CASes
 * it and then poisons m->p; we store m->p, fence, and then ask the token.  So
 * either we see that it is gone, or the poison comes after our store.  m->last
 * first: whoever finds m->p dead takes us to name that.
 */
static bool name(struct m *m, struct p *p)
{
	WRITE_ONCE(m->last, p);
	barrier();
	WRITE_ONCE(m->p, p);
	smp_mb();
	if (unlikely(READ_ONCE(S.urgent.n)))
		weft__tick_soon(m);	/* we overwrote poison, perhaps */
	if (weft__confirm(m))
		return true;
	WRITE_ONCE(m->p, &weft__dead_p);
	return false;
}

static struct p *seat_here(struct m *m, u32 c)
{
	struct p *p = pick(m);

	if (!p)
		return NULL;
	/* Named first: else two Ms man the same P (see weft__manned). */
	if (!name(m, p))
		return NULL;
	if (!is_cpu(READ_ONCE(p->q.seat)) || may_membarrier(m))
		reseat(m, p, c);
	return smp_load_acquire(&S.seat[c]);
}

/*
 * After a failed compare.  True: m->p sits here.  False: use something else;
 * the token is gone (m->p is dead), or P is stopped or may not be moved now.
 */
bool weft__relocate(struct m *m)
{
	u32 c = m_here(m);
	struct p *old = m->last, *p;

	if (m->locked || policy_on() || c >= S.nseats || !weft__confirm(m)) {
		WRITE_ONCE(m->p, &weft__dead_p);
		return false;
	}
	p = smp_load_acquire(&S.seat[c]);
	if (!p)
		p = seat_here(m, c);
	if (!p) {
		/* An M that named nothing would break the pigeonhole. */
		if (READ_ONCE(m->p) == &weft__dead_p)
			name(m, old ? old : S.p[m->tok]);
		return false;
	}
	if (!name(m, p))
		return false;
	if (p != old)
		bring_along(m, old);
	return READ_ONCE(p->q.seat) == c;
}
