/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runq.pml - one run queue: its ring, its two words and its seat
 *
 * State: slots, phead, tail and B in mem[]; the seat; for each thread its CPU,
 * whether it is in a sequence or was aborted, its store buffer, its registers;
 * the registers of thieves and seizers, which use no sequence and may sleep
 * between any two steps.  As ghost, where each G is.
 *
 * A sequence is two steps, snapshot and commit.  What the snapshot read can
 * change in between only through someone who aborts us first; B is the
 * exception, and each operation leans only on what a thief cannot undo: that
 * B is empty, and where head + len lies.  All operations of an owner are then
 * one thing: load, write free slots, one committing store of value v to a.
 *
 * TWIN=1: no rseq.  The CPU of an M is its own number; there is no abort, but
 * a busy word; an M may be preempted in the middle for ever.  TWIN=2: no
 * membarrier either, busy is set by an exchange.
 *
 * N slots, NG Gs pushed, NM threads (FOREIGN: the last one only pushes),
 * NZ seizers, NT thieves, TSO store buffers, BATCH push and pop by two.
 * inv() may look whenever no store is in flight: every G that is queued lies
 * in exactly one part, once, and nothing else does.
 */
#ifndef N
#define N 2
#endif
#ifndef NG
#define NG 3
#endif
#ifndef NM
#define NM 2
#endif
#ifndef NZ
#define NZ 1
#endif
#ifndef NT
#define NT 1
#endif
#ifndef TWIN
#define TWIN 0
#endif
#if TWIN && !defined(TSO)
#define TSO
#endif

#define NC	2
#define NONE	9
#define STOPPED	8
#define PH	N
#define TL	(N + 1)
#define BB	(N + 2)
#define BUSY(m)	(N + 3 + (m))
#if TWIN
#define NW	(N + 3 + NM)
#define D	4
#else
#define NW	(N + 3)
#define D	3
#endif

/* B = {head, len}; published is [head, head + len) */
#define HEAD(b)		((b) >> 3)
#define LEN(b)		((b) & 7)
#define MKB(h, n)	(((h) << 3) | (n))
#define SPLIT(b)	(HEAD(b) + LEN(b))
#define FIRST(ph, b)	((ph) > SPLIT(b) -> (ph) : SPLIT(b))
#define LOWEST(ph, b)	(LEN(b) -> HEAD(b) : FIRST(ph, b))

byte mem[NW];
byte seat;
byte oncpu[NM], occ[NC];
byte st[NM];			/* 0, IN a sequence, ABORTED */
#ifdef TSO
byte sba[NM * D], sbv[NM * D], sbn[NM];
#endif
byte where[NG + 1];		/* 0 not pushed, 1 in the ring, 2 out again */
byte who[NG + 1];		/* who pushed it */
byte nextg = 1;
hidden byte tl, ph, b_, i_, x_;

#define IN	1
#define ABORTED	2
#define ABORT(m)	st[m] = (st[m] -> ABORTED : 0)

#if TWIN
#define RUN	true
#define MYCPU	me
#define CUT	false
#else
#define RUN	(oncpu[me] != NONE)
#define MYCPU	oncpu[me]
#ifdef BUG_NOABORT
#define CUT	false
#else
#define CUT	(st[me] == ABORTED)
#endif
#endif
#ifdef BUG_NOSEAT
#define SEATED	true
#else
#define SEATED	(seat == MYCPU)
#endif
#ifdef TSO
#define ROOM	(sbn[me] < D)
#define ROOM3	(sbn[me] + 3 <= D)
#else
#define ROOM	true
#define ROOM3	true
#endif

inline load(x, a) {
	x = mem[a];
#ifdef TSO
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
#endif
}
inline store(a, v) {
#ifdef TSO
	sba[me * D + sbn[me]] = a;
	sbv[me * D + sbn[me]] = v;
	sbn[me]++
#else
	mem[a] = v
#endif
}
inline drain1(m) {
#ifdef TSO
	mem[sba[(m) * D]] = sbv[(m) * D];
	sbn[m]--;
	i_ = 0;
	do
	:: i_ < D - 1 ->
		sba[(m) * D + i_] = sba[(m) * D + i_ + 1];
		sbv[(m) * D + i_] = sbv[(m) * D + i_ + 1];
		i_++
	:: else -> break
	od;
	sba[(m) * D + D - 1] = 0;
	sbv[(m) * D + D - 1] = 0
#else
	skip
#endif
}
inline drain(m) {
#ifdef TSO
	do
	:: sbn[m] > 0 -> drain1(m)
	:: else -> break
	od
#else
	skip
#endif
}

inline take(x) {
	assert((x) != 0 && where[x] == 1);
	where[x] = 2
}
/* what is taken at the front leaves nothing older of the same pusher behind */
inline fifo(x) {
	i_ = 1;
	do
	:: i_ < (x) -> assert(!(where[i_] == 1 && who[i_] == who[x])); i_++
	:: else -> break
	od
}

/* the conditions, each with what it could have been */
#ifdef BUG_POP_BLIND			/* pop does not look at B */
#define POPPABLE	true
#else
#ifdef BUG_POP_LEN			/* pop asks only whether B is empty */
#define POPPABLE	(LEN(b_) == 0)
#else
#define POPPABLE	(MKB(ph, 0) >= b_)
#endif
#endif
#ifdef BUG_PUB_NONEMPTY
#define PUBLISHABLE	true
#else
#define PUBLISHABLE	(MKB(ph, 0) >= b_)
#endif
#ifdef BUG_SPACE_SPLIT			/* published slots count as free */
#define USED	(tl - FIRST(ph, b_))
#else
#ifdef BUG_SPACE_HEAD			/* a stale empty B makes the ring full */
#define USED	(tl - HEAD(b_))
#else
#define USED	(tl - ph)
#endif
#endif
#ifdef BUG_TT_PHEAD			/* may take back what is published */
#define TAKABLE	(tl != ph)
#else
#ifdef BUG_TT_SPLIT			/* may take back what was popped */
#define TAKABLE	(tl != 0 && tl != SPLIT(b_))
#else
#define TAKABLE	(tl != ph && tl != SPLIT(b_))
#endif
#endif
#ifdef BUG_TAKEBACK_H0			/* leaves head where it was */
#define REST(b)	MKB(HEAD(b), 0)
#else
#define REST(b)	MKB(HEAD(b) + 1, 0)
#endif

inline newg(g) {
	g = nextg;
	who[g] = me;
	nextg++
}

#define CLR	a = 0; v = 0; x = 0; y = 0; st[me] = 0
#if TWIN
#define FAIL	CLR; goto unbusy
#define DONE	CLR; goto unbusy
#else
#define FAIL	CLR; goto top
#define DONE	CLR; goto top
#endif
#define OWNER	(!foreign)
#define GIVE	where[g] = 2; where[h] = (h -> 2 : 0); g = 0; h = 0

/* the snapshot: picks an operation that its loads allow */
inline snapshot() {
	load(tl, TL);
	load(ph, PH);
	load(b_, BB);
	if
	:: h == 0 && (g || nextg <= NG) ->		/* push */
		if
		:: USED >= N ->				/* full */
			/* if settling would not help, then it is */
			assert(MKB(ph, 0) < b_ || tl - LOWEST(ph, b_) >= N);
			FAIL
		:: else
		fi;
		if
		:: g == 0 -> newg(g)
		:: else
		fi;
		assert(tl - LOWEST(ph, b_) < N);
		store(tl % N, g);
		a = TL;
		v = tl + 1
#ifdef BATCH
	:: (h || (g == 0 && nextg < NG)) && USED + 2 <= N ->	/* push_batch */
		if
		:: h == 0 -> newg(g); newg(h)
		:: else
		fi;
		assert(tl + 1 - LOWEST(ph, b_) < N);
		store(tl % N, g);
		store((tl + 1) % N, h);
		a = TL;
		v = tl + 2
	:: h && USED + 2 > N ->				/* no room: h goes to the global queue */
		where[h] = 2;
		h = 0;
		FAIL
	:: OWNER && POPPABLE && ph + 1 < tl ->		/* pop_batch */
		load(x, ph % N);
		load(y, (ph + 1) % N);
		a = PH;
		v = ph + 2
	:: OWNER && tl > LOWEST(ph, b_) + 1 ->		/* pop_tail */
		load(x, (tl - 2) % N);
		load(y, (tl - 1) % N);
		a = TL;
		v = tl - 2
#endif
	:: OWNER && POPPABLE && ph < tl ->		/* pop */
		load(x, ph % N);
		a = PH;
		v = ph + 1
	:: OWNER && LEN(b_) == 0 && ph < HEAD(b_) ->	/* settle */
		a = PH;
		v = HEAD(b_)
	:: OWNER && PUBLISHABLE && ph < tl ->		/* publish some */
		a = BB;
		if
		:: v = MKB(ph, 1)
		:: tl - ph > 1 -> v = MKB(ph, tl - ph)
		fi
	:: c && TAKABLE ->				/* take_tail */
		load(x, (tl - 1) % N);
		if
		:: x != c -> FAIL
		:: else
		fi;
		a = TL;
		v = tl - 1
	:: else -> FAIL
	fi
}
inline commit() {
	store(a, v);
	if
	:: a == TL && x == 0 ->				/* pushed */
		where[g] = 1;
		c = g;
		g = 0;
#ifdef BATCH
		if
		:: h -> where[h] = 1; c = h; h = 0
		:: else
		fi
#endif
	:: a == TL && x ->
		take(x);
		c = 0;
		if
		:: y -> take(y)
		:: else
		fi
	:: a == PH && x ->
		take(x);
		fifo(x);
		if
		:: y -> take(y); fifo(y)
		:: else
		fi;
		if
		:: c && where[c] == 2 -> c = 0
		:: else
		fi
	:: else
	fi
}

/* An owner or a foreign pusher.  g, h: in hand; c: the child pushed last. */
proctype M(byte me; bit foreign)
{
	byte g, h, c, a, v, x, y;

end:top: do
#if TWIN
	:: true ->
#ifdef BUG_SEATFIRST
		atomic { SEATED -> skip };
#endif
#if TWIN == 2 && !defined(BUG_NOFENCE)
		atomic { drain(me); mem[BUSY(me)] = 1 };
#else
		atomic { ROOM -> store(BUSY(me), 1) };
#endif
#ifndef BUG_SEATFIRST
		atomic { if :: SEATED :: else -> goto unbusy fi };
#endif
		atomic { ROOM3 -> snapshot() };
#ifdef BUG_UNBUSYEARLY
		atomic { ROOM -> store(BUSY(me), 0) };
#endif
		atomic { ROOM -> commit(); DONE };
unbusy:
#ifndef BUG_UNBUSYEARLY
		atomic { ROOM -> store(BUSY(me), 0) };
#else
		skip;
#endif
		goto top
#else
	:: atomic { RUN && ROOM3 && SEATED -> st[me] = IN; snapshot() };
		atomic { RUN && ROOM ->
			if
			:: CUT -> FAIL
			:: else -> commit(); DONE
			fi }
#endif
	:: atomic { RUN && g && !SEATED -> GIVE; CLR }		/* global queue */
	:: atomic { RUN && OWNER ->			/* takes published ones */
		load(b_, BB);
		if
		:: LEN(b_) == 0 -> b_ = 0; goto top
		:: else
		fi;
		a = b_;
		load(x, HEAD(a) % N) };
		atomic { RUN -> drain(me);
			if
			:: mem[BB] != a
			:: mem[BB] == a -> mem[BB] = MKB(HEAD(a) + 1, LEN(a) - 1);
				take(x);
				fifo(x)
			:: mem[BB] == a && LEN(a) > 1 -> mem[BB] = REST(a);
				take(x);
				fifo(x)
			fi;
			if
			:: c && where[c] == 2 -> c = 0
			:: else
			fi;
			CLR;
			goto top }
	od
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
#define FREE(m, c)	(oncpu[m] == NONE && occ[c] == NONE)
proctype kernel()
{
end:	do
#if !TWIN
	:: d_step { oncpu[0] != NONE -> off(0) }
	:: d_step { FREE(0, 0) -> on(0, 0) }
	:: d_step { FREE(0, 1) -> on(0, 1) }
	:: d_step { oncpu[1] != NONE -> off(1) }
	:: d_step { FREE(1, 0) -> on(1, 0) }
	:: d_step { FREE(1, 1) -> on(1, 1) }
#if NM > 2
	:: d_step { oncpu[2] != NONE -> off(2) }
	:: d_step { FREE(2, 0) -> on(2, 0) }
	:: d_step { FREE(2, 1) -> on(2, 1) }
#endif
#endif
#ifdef TSO
	:: d_step { sbn[0] > 0 -> drain1(0) }
	:: d_step { sbn[1] > 0 -> drain1(1) }
#if NM > 2
	:: d_step { sbn[2] > 0 -> drain1(2) }
#endif
#endif
	od
}

/* all threads of the process get a full fence */
inline membarrier_all() {
	drain(0);
	drain(1);
#if NM > 2
	drain(2)
#endif
}
inline membarrier_rseq(c) {
	if
	:: occ[c] != NONE -> ABORT(occ[c]); drain(occ[c])
	:: else
	fi
}

/* stops the queue, takes some, puts it on the same seat or another one */
proctype seizer()
{
	byte c, k, x, y, b;

end:top: do
	:: atomic { seat != STOPPED -> c = seat };
#ifdef BUG_STOP_PLAIN
		seat = STOPPED;
#else
		atomic { if :: seat == c -> seat = STOPPED :: else -> c = 0; goto top fi };
#endif
#if TWIN
#if TWIN == 1 && !defined(BUG_NOFENCE)
		atomic { membarrier_all() };
#endif
#ifndef BUG_NOBUSY
		if
		:: mem[BUSY(c)] -> seat = c; c = 0; goto top
		:: else
		fi;
#endif
#else
#ifndef BUG_NOMEMBARRIER
#ifdef BUG_WRONGCPU			/* the P's home, not the seat that the CAS replaced */
		c = 0;
#endif
		atomic { membarrier_rseq(c) };
#endif
#endif
		c = 0;
#ifndef BUG_SEIZE_PRIVATE		/* the private part though B is not empty */
pub:		atomic { b = mem[BB];
			if
			:: LEN(b) -> x = mem[HEAD(b) % N]
			:: else -> goto priv
			fi };
#ifdef BUG_SEIZE_PLAIN
		atomic { mem[BB] = MKB(HEAD(b) + 1, LEN(b) - 1); take(x) };
#else
		atomic { if
			:: mem[BB] == b -> mem[BB] = MKB(HEAD(b) + 1, LEN(b) - 1); take(x)
			:: else
			fi };
#endif
		atomic { b = 0; x = 0 };
		if :: goto pub :: goto release fi;	/* some, or all */
priv:
#endif
		atomic { tl = mem[TL]; ph = mem[PH]; b = mem[BB];
			ph = FIRST(ph, b);
			b = 0;
			k = 0;
			if
			:: ph < tl -> x = mem[ph % N]; k = 1
			:: else
			fi;
			if
			:: ph + 1 < tl -> y = mem[(ph + 1) % N]; k = 2
			:: true
			fi;
			b = ph };
#ifdef BUG_RELEASE_EARLY
		if :: seat = 0 :: seat = 1 fi;
#endif
		atomic { if
			:: k > 0 -> mem[PH] = b + k; take(x)
			:: else
			fi;
			if
			:: k > 1 -> take(y)
			:: else
			fi;
			k = 0; b = 0; x = 0; y = 0 };
#ifdef BUG_RELEASE_EARLY
		goto top;
#endif
release:	if :: seat = 0 :: seat = 1 fi
	od
}

/* load B, copy, CAS: what it read may be as old as it likes */
proctype thief()
{
	byte b, k, x, y;

end:	do
	:: atomic { LEN(mem[BB]) > 0 -> b = mem[BB]; k = 1;
			if :: LEN(b) > 1 -> k = 2 :: true fi };
#ifdef BUG_LATECOPY
		atomic { if
			:: mem[BB] == b -> mem[BB] = MKB(HEAD(b) + k, LEN(b) - k)
			:: else -> b = 0; k = 0; goto end
			fi };
#endif
		x = mem[HEAD(b) % N];
		if :: k == 2 -> y = mem[(HEAD(b) + 1) % N] :: else fi;
		atomic { if
#ifdef BUG_LATECOPY
			:: true ->
#else
			:: mem[BB] == b -> mem[BB] = MKB(HEAD(b) + k, LEN(b) - k);
#endif
				take(x);
				if :: k == 2 -> take(y) :: else fi
#ifndef BUG_LATECOPY
			:: else
#endif
			fi;
			b = 0; k = 0; x = 0; y = 0 }
	od
}

#ifndef TSO
#define NOBUF	true
#else
#if NM > 2
#define NOBUF	(sbn[0] == 0 && sbn[1] == 0 && sbn[2] == 0)
#else
#define NOBUF	(sbn[0] == 0 && sbn[1] == 0)
#endif
#endif
proctype inv()
{
	byte i, n, q;

end:	do :: d_step { NOBUF ->
		i = HEAD(mem[BB]);
		do
		:: i < SPLIT(mem[BB]) -> assert(where[mem[i % N]] == 1); n++; i++
		:: else -> break
		od;
		i = FIRST(mem[PH], mem[BB]);
		do
		:: i < mem[TL] -> assert(where[mem[i % N]] == 1); n++; i++
		:: else -> break
		od;
		i = 1;
		do
		:: i <= NG -> if :: where[i] == 1 -> q++ :: else fi; i++
		:: else -> break
		od;
		assert(q == n);
		i = 0; n = 0; q = 0 } od
}

init { atomic {
	byte i;

	do :: i < NM -> oncpu[i] = NONE; i++ :: else -> break od;
	occ[0] = NONE;
	occ[1] = NONE;
	i = 0;
	do :: i < NM - 1 -> run M(i, 0); i++ :: else -> break od;
#ifdef FOREIGN
	run M(NM - 1, 1);
#else
	run M(NM - 1, 0);
#endif
	run kernel();
	i = 0;
	do :: i < NZ -> run seizer(); i++ :: else -> break od;
	i = 0;
	do :: i < NT -> run thief(); i++ :: else -> break od;
	run inv() } }
