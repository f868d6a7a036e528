/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parker.pml - the permit: a CPU-biased word, its revocation, the waiter in it
 *
 * State: w, the bias {seat, version}, a word of the waiter's context, one word
 * of data per unparker and the run queue (a G or none) in mem[], each behind
 * store buffers; for each thread its CPU, its sequence flag, its registers.
 * Thread 0 runs the G that parks until it has seen all data; the others store
 * their datum and unpark; the last one, with TIMER, times parks out.  Anyone
 * may be preempted or moved between any two steps.
 *
 * gw, a ghost, is what w holds in the order of commits.  A commit whose old
 * value is not gw has lost an update: that is the law that the seat keeps.
 * The other two: a waiter is made runnable once and with its context saved;
 * and when all is quiet, the G does not wait.
 *
 * NU unparkers, NB times that the bias may come back (a count in the code,
 * chance here), TIMER the number of timeouts tried.
 */
#ifndef NU
#define NU 1
#endif
#ifndef NB
#define NB 1
#endif
#ifndef TIMER
#define TIMER 0
#endif
#if TIMER
#define NT (NU + 2)
#else
#define NT (NU + 1)
#endif
#define NC	2
#define NONE	9
#define D	3

/* bias word: version * 16 + seat */
#define SHARED	2
#define NOBODY	3
#define STOP(c)	(4 + (c))		/* being revoked from c */
#define SALL(c)	(8 + (c))		/* being given to c */
#define SEAT(b)	((b) & 15)
#define VER(b)	((b) & 240)
#ifdef BUG_NOVERSION
#define NEXT(b)	VER(b)
#else
#define NEXT(b)	(VER(b) + 16)
#endif

/* values of w */
#define PERMIT	1
#define WAITER	2

/* addresses */
#define BI	0
#define WW	1
#define CTX	2
#define RQ	3
#define DATA(u)	(3 + (u))		/* u from 1 */
#define NW	(4 + NU)

/* operations */
#define CONSUME	1
#define PARK	2
#define UNPARK	3
#define TIMEOUT	4

byte mem[NW];
byte oncpu[NT], occ[NC], st[NT];
byte sba[NT * D], sbv[NT * D], sbn[NT];
bit fin[NT], waiting;
byte gw, rebiased;
hidden byte i_;

#define IN	1
#define ABORTED	2
#define ABORT(m)	st[m] = (st[m] -> ABORTED : 0)
#define RUN	(oncpu[me] != NONE)
#define ROOM	(sbn[me] < D)
#define CUT	(st[me] == ABORTED)

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

/* what operation k makes of o; o itself: nothing */
#define NEW(k, o) \
	(k == CONSUME -> (o == PERMIT -> 0 : o) : \
	(k == PARK -> (o == PERMIT -> 0 : WAITER) : \
	(k == UNPARK -> (o == WAITER -> 0 : PERMIT) : \
	(o == WAITER -> 0 : o))))

proctype T(byte me)
{
	byte k, b, o, n, c;
	byte left = TIMER;

	if
	:: me == 0 -> goto look
	:: me > 0 && me <= NU ->
		atomic { RUN && ROOM -> store(DATA(me), 1); k = UNPARK; goto op }
	:: me > NU -> goto timer
	fi;

look:	/* the G looks at what it waits for */
	atomic { RUN ->
		load(n, DATA(1));
#if NU > 1
		if
		:: n -> load(n, DATA(2))
		:: else
		fi;
#endif
		if
		:: n -> n = 0; goto out
		:: else
		fi;
		k = CONSUME;
		goto op };
parking:
#ifndef BUG_EARLYWAITER
	atomic { RUN && ROOM -> store(CTX, 1); k = PARK; goto op };
#else
	k = PARK;
	goto op;
saved:	atomic { RUN && ROOM -> store(CTX, 1) };
#endif
wait:	waiting = 1;
	atomic { RUN && mem[RQ] ->		/* popped and switched to */
		drain(me);
		mem[RQ] = 0;
		mem[CTX] = 0;
		waiting = 0;
		goto look };
timer:	atomic { RUN ->
		if
		:: left == 0 -> goto out
		:: left > 0 -> left--; k = TIMEOUT; goto op
		fi };

op:	atomic { RUN ->
		load(b, BI);
		if
		:: SEAT(b) == oncpu[me] || SEAT(b) == SHARED ->
			st[me] = IN;
			load(o, WW);
			n = NEW(k, o);
			b = (SEAT(b) == SHARED -> b : 0)
		:: SEAT(b) == NOBODY -> goto claim
		:: SEAT(b) < 2 && SEAT(b) != oncpu[me] -> goto revoke
		:: SEAT(b) >= 4 -> goto help
		fi };
	atomic { RUN && ROOM ->
		if
#ifdef BUG_SHAREDNOSEQ
		:: CUT && b == 0 ->
#else
		:: CUT ->
#endif
			st[me] = 0; b = 0; o = 0; n = 0; goto op
		:: else -> st[me] = 0
		fi;
		if
#ifdef BUG_READONLY			/* nothing to change: no LOCK, no fence */
		:: b && o == n -> goto done
		:: b && o != n ->
#else
		:: b ->
#endif
			drain(me);
			if
			:: mem[WW] != o -> b = 0; o = 0; n = 0; goto op
			:: else -> mem[WW] = n
			fi;
			assert(o == gw)
		:: b == 0 ->
			assert(o == gw);
			if
			:: o != n -> store(WW, n)
			:: else
			fi
		fi;
		gw = n };
	if
	:: b && rebiased < NB -> goto rebias
	:: true
	fi;
done:	atomic { b = 0; c = 0;
		if
		:: k == CONSUME && o == PERMIT -> o = 0; n = 0; k = 0; goto look
		:: k == CONSUME && o == 0 -> n = 0; k = 0; goto parking
		:: k == PARK && n == 0 -> o = 0; k = 0; goto unpark0
#ifdef BUG_EARLYWAITER
		:: k == PARK && n != 0 -> o = 0; n = 0; k = 0; goto saved
#else
		:: k == PARK && n != 0 -> o = 0; n = 0; k = 0; goto wait
#endif
		:: k == UNPARK && o != WAITER -> o = 0; n = 0; k = 0; goto out
		:: k == TIMEOUT && o != WAITER -> o = 0; n = 0; k = 0; goto timer
		:: else
		fi };
	atomic { RUN && ROOM ->			/* the waiter is mine to push */
		load(c, CTX);
		assert(c);
		load(c, RQ);
		assert(c == 0);
		store(RQ, 1);
		c = 0; o = 0; n = 0;
		if
		:: k == UNPARK -> k = 0; goto out
		:: k == TIMEOUT -> k = 0; goto timer
		fi };
unpark0: atomic { RUN && ROOM -> store(CTX, 0); goto look };

claim:
#ifdef BUG_NOBODY_PLAIN
	atomic { RUN && ROOM -> store(BI, VER(b) + oncpu[me]); b = 0; goto op };
#else
	atomic { RUN -> cas(b, VER(b) + oncpu[me]); b = 0; goto op };
#endif

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
ended:	atomic { RUN -> cas(b, VER(b) + SHARED); b = 0; goto op };

rebias:	atomic { RUN ->
		c = NEXT(b) + SALL(oncpu[me]);
		drain(me);
		if
		:: mem[BI] == b -> mem[BI] = c; b = c; c = 0; rebiased++
		:: else -> goto done
		fi };
	atomic { RUN ->
#ifdef BUG_REBIAS_ONECPU
		membarrier(SEAT(b) - 8)
#else
		membarrier_all()
#endif
		};
	atomic { RUN -> cas(b, VER(b) + SEAT(b) - 8); goto done };

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
#if NT > 3
	:: d_step { oncpu[3] != NONE -> off(3) }
	:: d_step { FREE(3, 0) -> on(3, 0) }
	:: d_step { FREE(3, 1) -> on(3, 1) }
	:: d_step { sbn[3] > 0 -> drain1(3) }
#endif
	od
}

#define QUIET	(fin[1] && fin[NT - 1] && fin[NU] && waiting && sbn[0] == 0)
proctype inv()
{
end:	do
	:: d_step { QUIET -> assert(mem[RQ] == 1) }
	od
}

init { atomic {
	byte i;

	mem[BI] = NOBODY;
	occ[0] = NONE;
	occ[1] = NONE;
	do :: i < NT -> oncpu[i] = NONE; run T(i); i++ :: else -> break od;
	run kernel();
	run inv() } }
