/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clk.pml - the biased lock: a compare-and-swap under a seat, a plain unlock
 *
 * State: the lock's word, the bias {seat, version} and a datum in mem[], each
 * behind store buffers; for each thread its CPU, its sequence flag, its
 * registers.  Each thread locks R times, counts the datum up in two steps, and
 * unlocks by a plain store.  Anyone may be preempted or moved between any two
 * steps, its holder and who revokes included.
 *
 * Two laws: no two are inside; and each sees what the holder before it wrote.
 *
 * NT threads, R rounds, NB times that the bias may come back (a count in the
 * code, chance here).  NORSEQ: the last thread has no rseq.
 */
#ifndef NT
#define NT 2
#endif
#ifndef R
#define R 2
#endif
#ifndef NB
#define NB 1
#endif
#define NC	2
#define NONE	9
#define D	3

/* bias word: version * 16 + seat */
#define SHARED	2
#define NOBODY	3
#define STOP(c)	(4 + (c))		/* being revoked from c */
#define SALL(c)	(8 + (c))		/* being given to c */
#define FOREVER	12
#define SEAT(b)	((b) & 15)
#define VER(b)	((b) & 240)
#ifdef BUG_NOVERSION
#define NEXT(b)	VER(b)
#else
#define NEXT(b)	(VER(b) + 16)
#endif

/* addresses */
#define BI	0
#define WW	1
#define DATA	2
#define NW	3

byte mem[NW];
byte oncpu[NT], occ[NC], st[NT];
byte sba[NT * D], sbv[NT * D], sbn[NT];
bit fin[NT];
byte inside, total, rebiased;
hidden byte i_;

#define IN	1
#define ABORTED	2
#define ABORT(m)	st[m] = (st[m] -> ABORTED : 0)
#define RUN	(oncpu[me] != NONE)
#define ROOM	(sbn[me] < D)
#ifdef BUG_NOABORT
#define CUT	false
#else
#define CUT	(st[me] == ABORTED)
#endif
#ifdef NORSEQ
#define RSEQ	(me != NT - 1)
#else
#define RSEQ	true
#endif

inline load(x, a) {
	x = mem[a];
	i_ = 0;
	do
	:: i_ < sbn[me] ->
		if
		:: sba[me * D + i_] == (a) -> x = sbv[me * D + i_]
		:: else
		fi;
		i_++
	:: else -> break
	od
}
inline store(a, v) {
	sba[me * D + sbn[me]] = a;
	sbv[me * D + sbn[me]] = v;
	sbn[me]++
}
inline drain1(m) {
	mem[sba[(m) * D]] = sbv[(m) * D];
	sba[(m) * D] = sba[(m) * D + 1];
	sbv[(m) * D] = sbv[(m) * D + 1];
	sba[(m) * D + 1] = sba[(m) * D + 2];
	sbv[(m) * D + 1] = sbv[(m) * D + 2];
	sba[(m) * D + 2] = 0;
	sbv[(m) * D + 2] = 0;
	sbn[m]--
}
inline drain(m) {
	do
	:: sbn[m] > 0 -> drain1(m)
	:: else -> break
	od
}
inline membarrier(c) {
	drain(me);
	if
	:: occ[c] != NONE -> ABORT(occ[c]); drain(occ[c])
	:: else
	fi
}
inline membarrier_all() {
	membarrier(0);
	membarrier(1)
}
inline cas(old, new) {
	drain(me);
	if
	:: mem[BI] == (old) -> mem[BI] = (new)
	:: else
	fi
}
inline enter() {
	inside++;
	assert(inside == 1)
}

proctype T(byte me)
{
	byte b, c, left = R;

again:	atomic { RUN ->
		if
		:: left == 0 -> goto out
		:: else -> left--
		fi };
op:	atomic { RUN ->
		load(b, BI);
		if
		:: RSEQ && SEAT(b) == oncpu[me] ->
			load(c, WW);
			if
			:: c -> b = 0; c = 0; goto op
			:: else -> st[me] = IN; b = 0; goto biased
			fi
		:: RSEQ && SEAT(b) == SHARED -> st[me] = IN; goto shared
		:: SEAT(b) == FOREVER -> goto plain
		:: SEAT(b) == NOBODY -> goto claim
		:: !RSEQ && SEAT(b) == SHARED -> goto forever
#ifdef BUG_FOREVER_BIASED
		:: !RSEQ && SEAT(b) < NC -> goto forever
		:: RSEQ && SEAT(b) < NC && SEAT(b) != oncpu[me] -> goto revoke
#else
		:: SEAT(b) < NC && !(RSEQ && SEAT(b) == oncpu[me]) ->
			goto revoke
#endif
		:: SEAT(b) >= 4 && SEAT(b) < FOREVER -> goto help
		fi };
biased:	atomic { RUN && ROOM ->
		if
		:: CUT -> st[me] = 0; goto op
		:: else -> st[me] = 0; store(WW, 1); enter(); goto got
		fi };
shared:	atomic { RUN ->
		drain(me);
		if
#ifndef BUG_SHAREDNOSEQ
		:: CUT -> st[me] = 0; b = 0; goto op
#endif
		:: else ->
			st[me] = 0;
			if
			:: mem[WW] -> b = 0; goto op
			:: else -> mem[WW] = 1; enter()
			fi
		fi };
	if
	:: rebiased < NB -> goto rebias
	:: true
	fi;
	atomic { b = 0; goto got };
plain:	atomic { RUN ->
		drain(me);
		b = 0;
		if
		:: mem[WW] -> goto op
		:: else -> mem[WW] = 1; enter(); goto got
		fi };

got:	atomic { RUN -> load(c, DATA); assert(c == total) };
#ifdef BUG_UNLOCK_EARLY
	atomic { RUN && ROOM -> store(WW, 0); inside-- };
	atomic { RUN && ROOM -> total++; store(DATA, c + 1); c = 0; goto again };
#else
	atomic { RUN && ROOM -> total++; store(DATA, c + 1); c = 0 };
	atomic { RUN && ROOM -> store(WW, 0); inside--; goto again };
#endif

claim:	atomic { RUN ->
		c = oncpu[me];
		if
		:: !RSEQ -> c = FOREVER
		:: else
		fi };
#ifdef BUG_NOBODY_PLAIN
	atomic { RUN && ROOM -> store(BI, NEXT(b) + c); b = 0; c = 0; goto op };
#else
	atomic { RUN -> cas(b, NEXT(b) + c); b = 0; c = 0; goto op };
#endif
forever: atomic { RUN -> cas(b, NEXT(b) + FOREVER); b = 0; goto op };

revoke:	atomic { RUN ->
		c = NEXT(b) + STOP(SEAT(b));
		drain(me);
		if
		:: mem[BI] == b -> mem[BI] = c; b = c; c = 0
		:: else -> b = 0; c = 0; goto op
		fi };
#ifdef BUG_REVOKE_NOMB
	goto ended;
#endif
help:
#ifndef BUG_HELP_NOMB
	atomic { RUN ->
		if
		:: SEAT(b) >= 8 -> membarrier_all()
		:: else -> membarrier(SEAT(b) - 4)
		fi };
#endif
ended:	atomic { RUN ->
		if
		:: SEAT(b) >= 8 -> cas(b, VER(b) + SEAT(b) - 8)
		:: else -> cas(b, VER(b) + SHARED)
		fi;
		b = 0;
		goto op };

rebias:	atomic { RUN ->			/* the holder: nobody else commits */
		c = NEXT(b) + SALL(oncpu[me]);
		drain(me);
		if
		:: mem[BI] == b -> mem[BI] = c; b = c; c = 0; rebiased++
		:: else -> b = 0; c = 0; goto got
		fi };
	atomic { RUN ->
#ifdef BUG_REBIAS_ONECPU
		membarrier(SEAT(b) - 8)
#else
		membarrier_all()
#endif
		};
	atomic { RUN -> cas(b, VER(b) + SEAT(b) - 8); b = 0; goto got };

out:	atomic { RUN -> drain(me);
		fin[me] = 1;
		occ[oncpu[me]] = NONE;
		oncpu[me] = NONE }
}

inline off(m) {
	occ[oncpu[m]] = NONE;
	oncpu[m] = NONE;
	drain(m);
	ABORT(m)
}
inline on(m, c) {
	occ[c] = m;
	oncpu[m] = c
}
#define FREE(m, c)	(oncpu[m] == NONE && !fin[m] && occ[c] == NONE)
proctype kernel()
{
end:	do
	:: d_step { oncpu[0] != NONE -> off(0) }
	:: d_step { FREE(0, 0) -> on(0, 0) }
	:: d_step { FREE(0, 1) -> on(0, 1) }
	:: d_step { sbn[0] > 0 -> drain1(0) }
	:: d_step { oncpu[1] != NONE -> off(1) }
	:: d_step { FREE(1, 0) -> on(1, 0) }
	:: d_step { FREE(1, 1) -> on(1, 1) }
	:: d_step { sbn[1] > 0 -> drain1(1) }
#if NT > 2
	:: d_step { oncpu[2] != NONE -> off(2) }
	:: d_step { FREE(2, 0) -> on(2, 0) }
	:: d_step { FREE(2, 1) -> on(2, 1) }
	:: d_step { sbn[2] > 0 -> drain1(2) }
#endif
	od
}

init { atomic {
	byte i;

	mem[BI] = NOBODY;
	occ[0] = NONE;
	occ[1] = NONE;
	do :: i < NT -> oncpu[i] = NONE; run T(i); i++ :: else -> break od;
	run kernel() } }
