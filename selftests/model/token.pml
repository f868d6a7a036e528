/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * token.pml - tokens: who may run Gs, and how that passes on
 *
 * State: the token words {M, IDLE, HANDED, WOKEN} and the waking flag; for each
 * M its place, its idea of which token is its own (mtok), its rq (a queue, or
 * dead), a store to rq that is still in its buffer, its futex, whether it
 * sleeps, whether it is in the spare set; the places of those who hand off,
 * which act on what they saw long ago.  Gs are without end: what matters is
 * who runs them.  That an M has blocked is a hint, so a handoff may happen to
 * any M at any time, one that sleeps in its futex and was just woken included.
 *
 * In every state:
 *   no M is named by two tokens (one of them would be lost)
 *   no M is on its fast paths with a live rq, without a token, and with nobody
 *   about to poison it
 *   no token that is not idle names an M that sleeps and that nobody will wake
 *   at most one token is WOKEN; waking is set while one is; and it is set only
 *   while one is, or while somebody is about to set or to clear one
 *
 * NT tokens, NM Ms (the first NT start with one), NS who hand off (sysmon).
 */
#ifndef NT
#define NT 1
#endif
#ifndef NM
#define NM 2
#endif
#ifndef NS
#define NS 1
#endif
#define WHO(t)	((t) & 7)
#define IDLE	8
#define HANDED	16
#define WOKEN	32
#define NONE	7

byte tok[NT], mtok[NM];
bit live[NM];			/* m->rq in memory: a queue, or dead */
bit buf[NM];			/* the store rq = queue has not left m's buffer */
bit futex[NM], spare[NM], asleep[NM];
bit waking;
bit inrun[NM];			/* ghost: on the fast paths */
byte topoison[NM + NS];		/* ghost: whom M m or sysmon s will poison */
byte pend[NM];			/* ghost: futex wakes of m under way */
byte busywake;			/* ghost: wakers and clearers in the middle */

#define RQ	(live[me] || buf[me])
#define FENCE	live[me] = RQ; buf[me] = 0
#define OWN(t)	(WHO(t) == me && !((t) & IDLE))

proctype M(byte me)
{
	byte i, t;

	if
	:: me >= NT -> goto cache
	:: else
	fi;

grun:	inrun[me] = 1;
	do
	:: atomic { buf[me] -> FENCE }		/* a fast path, a system call in a G */
	/* slow entry: a tick, no work, or rq is dead */
	:: atomic { true -> inrun[me] = 0; break }
	od;

find:	atomic { t = tok[mtok[me]];
		if
		:: !OWN(t) -> t = 0; goto lost
		:: OWN(t) && RQ -> goto mine
		:: OWN(t) && !RQ -> buf[me] = 1		/* relocate */
		fi };
#ifndef BUG_NOFENCE
	atomic { FENCE };
#endif
	atomic { t = tok[mtok[me]];
		if
#ifndef BUG_NOCHECK
		:: !OWN(t) -> t = 0; goto lost
#endif
		:: else
		fi };
mine:	/* dispatch: from here on it is not taken back */
	if
	:: atomic { t & HANDED ->
		FENCE;
		if
		:: tok[mtok[me]] == t ->
			tok[mtok[me]] = t - HANDED;
			t = t - HANDED
		:: else -> t = 0; goto find
		fi }
	:: atomic { !(t & HANDED) }
	fi;
	/* the answer to a wake */
#ifdef BUG_CLEARALL
	waking = 0;
#endif
	if
	:: atomic { t & WOKEN ->
		FENCE;
		if
		:: tok[mtok[me]] == t -> tok[mtok[me]] = t - WOKEN; t = 0; busywake++
		:: else -> t = 0; goto find
		fi };
		atomic { waking = 0; busywake--; if :: goto grun :: goto park fi }
	:: atomic { !(t & WOKEN) -> t = 0; if :: goto grun :: goto park fi }
	fi;

park:	atomic { FENCE;
		if
		:: tok[mtok[me]] == me -> tok[mtok[me]] = me | IDLE
		:: else -> goto find
		fi };
	if
	:: atomic { tok[mtok[me]] == (me | IDLE) ->	/* the last look found work */
		tok[mtok[me]] = me;
		goto find }
#ifdef BUG_BACKLOST		/* no longer idle: look for another token */
	:: atomic { tok[mtok[me]] != (me | IDLE) -> goto lost }
#endif
	:: true		/* no work; or woken, or a spare now: the futex tells */
	fi;
	asleep[me] = 1;
	goto sleep;

lost:	/* as an M that comes back */
	atomic { buf[me] = 0; live[me] = 0 };
#ifndef NOTAKEBACK
	atomic { t = tok[mtok[me]];
		if
		:: (t & HANDED) && WHO(t) != me
		:: else -> t = 0
		fi };
	if
	:: t != 0 ->
		atomic {
			if
			:: tok[mtok[me]] == t ->
				tok[mtok[me]] = me | (t & WOKEN);
				topoison[me] = WHO(t)
			:: else -> t = 0; goto lost
			fi };
		atomic { live[WHO(t)] = 0; topoison[me] = NONE };
#ifdef BUG_SPAREBYOTHER		/* who takes back returns the other to the cache */
		spare[WHO(t)] = 1;
#endif
		atomic { t = 0; goto find }
	:: t == 0
	fi;
#endif
	/* an idle one: its M sleeps on, as a spare */
	do
	:: atomic { i < NT ->
		t = tok[i];
		if
		:: t & IDLE
		:: else -> t = 0; i++; goto next
		fi };
		atomic {
			if
			:: tok[i] == t -> tok[i] = me
			:: else -> t = 0; i++; goto next
			fi };
		mtok[me] = i;
		atomic { spare[WHO(t)] = 1; i = 0; t = 0; goto find };
next:		skip
	:: atomic { i == NT -> i = 0; break }
	od;

cache:	asleep[me] = 1;
	spare[me] = 1;
sleep:
end:	atomic { futex[me] -> futex[me] = 0; asleep[me] = 0; goto find }
}

/* a push that finds an idle token */
proctype waker()
{
	byte i, t;

end:	do
	:: atomic { waking == 0 ->
		waking = 1;
		busywake++;
		if
		:: i = 0
#if NT > 1
		:: i = 1
#endif
		fi;
		t = tok[i] };
		atomic {
			if
			:: (t & IDLE) && tok[i] == t ->
				tok[i] = WHO(t) | WOKEN;
				pend[WHO(t)]++;
				busywake--;
				t = WHO(t);
				i = 0
			:: else -> t = NONE; i = 0
			fi };
		if
		:: atomic { t == NONE -> waking = 0; busywake--; t = 0 }
#ifdef BUG_NOFUTEX
		:: atomic { t != NONE -> pend[t]--; t = 0 }
#else
		:: atomic { t != NONE -> futex[t] = 1; pend[t]--; t = 0 }
#endif
		fi
	od
}

/* hands token i on to a spare, on a hint that may be old */
proctype sysmon(byte s)
{
	byte i, n, t;

end:	do
	:: atomic {
		if
		:: i = 0
#if NT > 1
		:: i = 1
#endif
		fi;
		t = tok[i];
		if
#ifdef BUG_REWAKE	/* its giver may be preempted before the wake-up */
		:: (t & HANDED) && !(t & IDLE) ->
			n = WHO(t); goto rewake
#endif
#ifdef AGAIN	/* one that sleeps and was not woken loses it, too */
		:: t & IDLE -> t = 0; i = 0; goto end
#else
		:: t & (IDLE | HANDED) -> t = 0; i = 0; goto end
#endif
		:: else
		fi };
		atomic {
			if
			:: spare[0] -> n = 0
			:: spare[1] -> n = 1
#if NM > 2
			:: spare[2] -> n = 2
#endif
#if NM > 3
			:: spare[3] -> n = 3
#endif
			fi;
			spare[n] = 0 };
#ifdef BUG_POISONFIRST
		live[WHO(t)] = 0;
#endif
#ifndef BUG_MTOKLATE
		mtok[n] = i;
#endif
#ifdef BUG_DROPWOKEN
#define KEEP	0
#else
#define KEEP	(t & WOKEN)
#endif
		atomic {
			if
			:: tok[i] == t ->
				tok[i] = n | HANDED | KEEP;
				topoison[NM + s] = WHO(t);
				pend[n]++;
				assert(pend[n] < 3)
			:: else -> spare[n] = 1; n = NONE
			fi };
		if
		:: n == NONE
		:: n != NONE ->
			atomic {
#if !defined(BUG_NOPOISON) && !defined(BUG_POISONFIRST)
				live[WHO(t)] = 0;
#endif
				topoison[NM + s] = NONE };
			atomic { futex[n] = 1; pend[n]-- };
#ifdef BUG_MTOKLATE		/* the spare may look before it is told */
			mtok[n] = i
#endif
		fi;
#ifdef BUG_REWAKE
		goto next;
rewake:		futex[n] = 1;
next:
#endif
		atomic { i = 0; n = 0; t = 0 }
	od
}

proctype buffers()
{
end:	do
	:: d_step { buf[0] -> live[0] = 1; buf[0] = 0 }
	:: d_step { buf[1] -> live[1] = 1; buf[1] = 0 }
#if NM > 2
	:: d_step { buf[2] -> live[2] = 1; buf[2] = 0 }
#endif
#if NM > 3
	:: d_step { buf[3] -> live[3] = 1; buf[3] = 0 }
#endif
	od
}

#define T(i)	(tok[i])
#define HAS1(i, m)	(WHO(T(i)) == (m))
#define RUNS1(i, m)	(HAS1(i, m) && !(T(i) & IDLE))
#if NT > 1
#define NAMES(m)	((HAS1(0, m) -> 1 : 0) + (HAS1(1, m) -> 1 : 0))
#define RUNS(m)		(RUNS1(0, m) || RUNS1(1, m))
#define NWOKEN		((T(0) & WOKEN) / WOKEN + (T(1) & WOKEN) / WOKEN)
#else
#define NAMES(m)	(HAS1(0, m) -> 1 : 0)
#define RUNS(m)		RUNS1(0, m)
#define NWOKEN		((T(0) & WOKEN) / WOKEN)
#endif
proctype inv()
{
	byte m, i;

end:	do
	:: d_step { true ->
		m = 0;
		do
		:: m < NM ->
			assert(NAMES(m) <= 1);
			assert(!(asleep[m] && !futex[m] && pend[m] == 0 && RUNS(m)));
			if
			:: inrun[m] && live[m] && !RUNS(m) ->
				i = 0;
				do
				:: i < NM + NS && topoison[i] != m -> i++
				:: else -> break
				od;
				assert(i < NM + NS)
			:: else
			fi;
			m++
		:: else -> break
		od;
		assert(NWOKEN <= 1);
		assert(NWOKEN == 0 || waking);
		assert(!waking || NWOKEN || busywake);
		m = 0; i = 0 }
	od
}

init { atomic {
	byte i;

	do
	:: i < NM + NS -> topoison[i] = NONE; i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < NM -> mtok[i] = (i < NT -> i : 0); i++
	:: else -> break
	od;
	i = 0;
	do :: i < NT -> tok[i] = i; live[i] = 1; i++ :: else -> break od;
	i = 0;
	do :: i < NM -> run M(i); i++ :: else -> break od;
	i = 0;
	do :: i < NS -> run sysmon(i); i++ :: else -> break od;
	run waker();
	run buffers();
	run inv() } }
