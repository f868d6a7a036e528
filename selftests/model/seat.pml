/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * seat.pml - the seat table: seat[p] and seat_of[cpu], who moves which P where
 *
 * State: both words of each seat; for each M the CPU it runs on (or none), its
 * sequence flag, its rq, the P it named last, whether it holds a token, and the
 * place in its walk through compare, look-up, pick and re-seat.  The kernel
 * moves Ms between any two steps; tokens pass from M to M (with NM > 2); and
 * anybody may poison the rq of an M that keeps its token (POISON): who took the
 * token gave it back, or wants that M in its slow path.  Rings and store buffers
 * are not here (runq.pml): a sequence on P is snapshot and commit, and what is
 * checked is that none commits while someone else holds P stopped.
 *
 * Safety, in every state:
 *   seat_of[c] == p  implies  seat[p] == c, or somebody holds p stopped
 *   seat[p] == c     implies  seat_of[c] == p, so no two Ps share a seat
 *   no commit on a P in the hands of a re-seater
 *   a re-seat that loses the race for the entry cost no membarrier
 *   nobody picks a P that another token holder works on, poisoned or not
 * Liveness (LIVE): when the kernel has moved Ms MOVES times and lets each run
 * on a CPU of its own, then in the end every token holder works on a P that
 * sits on its CPU.
 *
 * NC CPUs, two Ps, NM Ms.
 */
#ifndef NC
#define NC 2
#endif
#ifndef NM
#define NM 2
#endif
#ifndef MOVES
#define MOVES 3
#endif
#define NP	2
#define NIL	7			/* no P */
#define NONE	7			/* no CPU */
#define STOPPED	6
#define NOCPU	5			/* a P that never sat anywhere */

byte seat[NP], seat_of[NC];
byte oncpu[NM], occ[NC], st[NM], rq[NM], last[NM];
bit token[NM];
bit held[NP];				/* ghost: between membarrier and release */
byte moves;
hidden byte o_, p_;
byte works[NM];				/* ghost: named, and no compare failed since */

#define IN	1
#define ABORTED	2
#define ABORT(m)	st[m] = (st[m] -> ABORTED : 0)
#define RUN	(oncpu[me] != NONE && token[me])
#define ISCPU(c)	((c) < NC)

/* another token holder names p: by its rq, or by what that was before the poison */
#ifdef BUG_MANNED_DEAD
#define NAMES(m)	rq[m]
#else
#define NAMES(m)	(rq[m] == NIL -> last[m] : rq[m])
#endif
#ifdef BUG_MANNED_CPU
/* ... or one of them runs on the CPU where p sits */
#define BY(m, p)	((m) != me && token[m] && \
			 (NAMES(m) == (p) || (ISCPU(seat[p]) && oncpu[m] == seat[p])))
#else
#define BY(m, p)	((m) != me && token[m] && NAMES(m) == (p))
#endif
#if NM > 2
#define MANNED(p)	(BY(0, p) || BY(1, p) || BY(2, p))
#else
#define MANNED(p)	(BY(0, p) || BY(1, p))
#endif

/* m->last before m->p: poison in between leaves no other P named */
#ifdef BUG_LAST_LATE
#define NAME1	atomic { RUN -> rq[me] = q; works[me] = q }
#define NAME2	last[me] = q
#else
#define NAME1	atomic { RUN -> last[me] = q }
#define NAME2	rq[me] = q; works[me] = q
#endif
#define HAS(m, p)	((m) != me && token[m] && works[m] == (p))
#if NM > 2
#define TAKEN(p)	(HAS(0, p) || HAS(1, p) || HAS(2, p))
#else
#define TAKEN(p)	(HAS(0, p) || HAS(1, p))
#endif

proctype M(byte me)
{
	byte c, q, o;

end:top: do
	/* a sequence on the P that sits here */
	:: atomic { RUN && rq[me] != NIL && seat[rq[me]] == oncpu[me] ->
			q = rq[me];
			st[me] = IN };
		atomic { RUN ->
			assert(st[me] == ABORTED || !held[q]);
			st[me] = 0;
			q = 0 }
	/* the compare failed */
	:: atomic { RUN && (rq[me] == NIL || seat[rq[me]] != oncpu[me]) ->
			c = oncpu[me];
			works[me] = NIL };
		atomic { RUN -> q = seat_of[c] };
		if
		:: atomic { RUN && q != NIL };		/* a P sits here: work on it */
			NAME1;
			atomic { RUN -> NAME2; q = 0; c = 0; goto top }
		:: atomic { RUN && q == NIL }
		fi;
		/* the one used last if nobody mans it, else any */
		atomic { RUN ->
			if
			:: !MANNED(last[me]) -> q = last[me]
			:: MANNED(last[me]) && !MANNED(1 - last[me]) -> q = 1 - last[me]
			:: else -> assert(false)	/* the pigeonhole: one is free */
			fi;
			assert(!TAKEN(q)) };
#ifndef BUG_RQ_LATE
		NAME1;
		atomic { RUN -> NAME2 };
#endif
		/* reseat(q, c) */
		atomic { RUN -> o = seat[q];
			if
			:: o == STOPPED || o == c -> goto leave
			:: else
			fi };
		atomic { RUN ->
			if
			:: seat[q] == o -> seat[q] = STOPPED
			:: else -> goto leave
			fi };
#ifdef BUG_STEALENTRY			/* writes an entry of a P that it has not stopped */
		atomic { RUN -> seat_of[c] = q };
#else
#ifdef BUG_RESERVE_LATE			/* the entry is asked for when the old one is gone */
		atomic { RUN ->
			if
			:: ISCPU(o) && occ[o] != NONE -> ABORT(occ[o])
			:: else
			fi;
			if
			:: ISCPU(o) -> seat_of[o] = NIL
			:: else
			fi };
		atomic { RUN ->
			if
			:: seat_of[c] == NIL -> seat_of[c] = q; held[q] = 1
			:: else -> seat[q] = o; goto leave
			fi };
		goto release;
#endif
#ifdef BUG_RESERVE_AFTER_MB		/* a lost race is not free */
		atomic { RUN -> if :: ISCPU(o) && occ[o] != NONE -> ABORT(occ[o]) :: else fi };
		atomic { RUN ->
			if
			:: seat_of[c] == NIL -> seat_of[c] = q; held[q] = 1
			:: else -> assert(!ISCPU(o)); seat[q] = o; goto leave
			fi };
		goto clear;
#endif
		atomic { RUN ->
			if
			:: seat_of[c] == NIL -> seat_of[c] = q
			:: else -> seat[q] = o; goto leave
			fi };
#endif
#ifdef BUG_NOMEMBARRIER
		held[q] = 1;
#else
		atomic { RUN ->
			if :: ISCPU(o) && occ[o] != NONE -> ABORT(occ[o]) :: else fi;
			held[q] = 1 };
#endif
clear:
#ifndef BUG_CLEAR_AFTER
#ifndef BUG_NOCLEAR
		atomic { RUN -> if :: ISCPU(o) -> seat_of[o] = NIL :: else fi };
#endif
#endif
release:	atomic { RUN -> held[q] = 0; seat[q] = c };
#ifdef BUG_CLEAR_AFTER
		atomic { RUN -> if :: ISCPU(o) -> seat_of[o] = NIL :: else fi };
#endif
#ifdef BUG_RQ_LATE
		NAME1;
		atomic { RUN -> NAME2 };
#endif
leave:		atomic { c = 0; q = 0; o = 0; goto top }
	od
}

inline off(m) {
	occ[oncpu[m]] = NONE;
	oncpu[m] = NONE;
	ABORT(m)
}
inline on(m, c) {
	occ[c] = m;
	oncpu[m] = c
}
#define LOSE(m)		token[m] = 0; rq[m] = NIL; works[m] = NIL
#define FREE(m, c)	(oncpu[m] == NONE && occ[c] == NONE)

#ifdef LIVE
/* MOVES times any M goes to any free CPU; then all stay on CPUs of their own */
proctype kernel()
{
	do
	:: d_step { moves > 0 && oncpu[0] != 0 && occ[0] == NONE -> off(0); on(0, 0); moves-- }
	:: d_step { moves > 0 && oncpu[0] != 1 && occ[1] == NONE -> off(0); on(0, 1); moves-- }
	:: d_step { moves > 0 && oncpu[1] != 0 && occ[0] == NONE -> off(1); on(1, 0); moves-- }
	:: d_step { moves > 0 && oncpu[1] != 1 && occ[1] == NONE -> off(1); on(1, 1); moves-- }
	/* the two change places */
	:: d_step { moves > 0 ->
		moves--;
		o_ = oncpu[0]; p_ = oncpu[1];
		off(0); off(1); on(0, p_); on(1, o_) }
#if NC > 2
	:: d_step { moves > 0 && oncpu[0] != 2 && occ[2] == NONE -> off(0); on(0, 2); moves-- }
	:: d_step { moves > 0 && oncpu[1] != 2 && occ[2] == NONE -> off(1); on(1, 2); moves-- }
#endif
	:: moves == 0 -> break
	od
}
#define SITS(m)	(rq[m] < NP && seat[rq[m]] == oncpu[m])
ltl live { <> [] (SITS(0) && SITS(1)) }
#else
proctype kernel()
{
end:	do
	:: d_step { oncpu[0] != NONE -> off(0) }
	:: d_step { FREE(0, 0) -> on(0, 0) }
	:: d_step { FREE(0, 1) -> on(0, 1) }
	:: d_step { oncpu[1] != NONE -> off(1) }
	:: d_step { FREE(1, 0) -> on(1, 0) }
	:: d_step { FREE(1, 1) -> on(1, 1) }
#if NC > 2
	:: d_step { FREE(0, 2) -> on(0, 2) }
	:: d_step { FREE(1, 2) -> on(1, 2) }
#endif
#if NM > 2
	:: d_step { oncpu[2] != NONE -> off(2) }
	:: d_step { FREE(2, 0) -> on(2, 0) }
	:: d_step { FREE(2, 1) -> on(2, 1) }
#if NC > 2
	:: d_step { FREE(2, 2) -> on(2, 2) }
#endif
	/* a token goes on to the M that has none; the loser's rq is poisoned */
	:: d_step { token[0] && !token[1] -> LOSE(0); token[1] = 1 }
	:: d_step { token[0] && !token[2] -> LOSE(0); token[2] = 1 }
	:: d_step { token[1] && !token[0] -> LOSE(1); token[0] = 1 }
	:: d_step { token[1] && !token[2] -> LOSE(1); token[2] = 1 }
	:: d_step { token[2] && !token[0] -> LOSE(2); token[0] = 1 }
	:: d_step { token[2] && !token[1] -> LOSE(2); token[1] = 1 }
#endif
#ifdef POISON
	:: d_step { token[0] && rq[0] != NIL -> rq[0] = NIL }
	:: d_step { token[1] && rq[1] != NIL -> rq[1] = NIL }
#if NM > 2
	:: d_step { token[2] && rq[2] != NIL -> rq[2] = NIL }
#endif
#endif
	od
}
#endif

#define ENTRY(c) \
	assert(seat_of[c] == NIL || seat[seat_of[c]] == (c) || seat[seat_of[c]] == STOPPED)
#define SEAT(p) \
	assert(!ISCPU(seat[p]) || seat_of[seat[p]] == (p))
proctype inv()
{
end:	do
	:: d_step { true ->
		ENTRY(0);
		ENTRY(1);
#if NC > 2
		ENTRY(2);
#endif
		SEAT(0);
		SEAT(1) }
	od
}

init { atomic {
	byte i;

	do :: i < NC -> seat_of[i] = NIL; occ[i] = NONE; i++ :: else -> break od;
	i = 0;
	do
	:: i < NM ->
		oncpu[i] = NONE;
		rq[i] = NIL;
		works[i] = NIL;
		token[i] = (i < NP);
		i++
	:: else -> break
	od;
	/* P 0 sits on CPU 0, P 1 has never sat */
	seat[0] = 0;
	seat_of[0] = 0;
	seat[1] = NOCPU;
#ifdef LIVE
	moves = MOVES;
	oncpu[0] = 0;
	occ[0] = 0;
	oncpu[1] = 1;
	occ[1] = 1;
#endif
	i = 0;
	do :: i < NM -> run M(i); i++ :: else -> break od;
	run kernel();
#ifndef LIVE
	run inv()
#endif
	} }
