/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * park.pml - no wake-up is lost: idle Ms, the waking flag, sysmon's own sleep
 *
 * State: for each queue the count of Gs that all can see; for each pusher the
 * commits that are still in its store buffer; nidle, eager, waking, the token
 * words; for each M its place, its futex, whether it backs off; sysmon's place
 * and its word.  Gs are counted, not named; a pop or a steal is one step.  A G
 * runs, pushes others, or (HANDOFF) blocks in the kernel, and then sysmon
 * hands the token to a spare M, once.  F is a foreign pthread, with a CPU and a
 * queue where no M need ever come by.
 *
 * When all is quiet (every M asleep for good, nobody in the middle):
 *   nothing waits but lone private Gs, and those only while sysmon is awake
 *   waking is 0, every token is idle, the two counts are right
 * In every state:
 *   at most one token is WOKEN
 *   sysmon sleeps only while every token is idle, or someone is about to wake it
 *
 * URGENT: a push may also go to the urgent list, which is looked at first.
 * BATCHED: an M may put what it popped on the batch list, wakes nobody, and goes
 * on to look; it takes from there what it finds when nothing else is left.
 *
 * NM Ms that start with a token, NG pushes in all, HANDOFF one more M.
 * BACKOFF: an M may park for a while only, not counted in eager, which is the
 * word that local pushers look at; nidle counts it, for foreign and global
 * pushes.  MIGRATE moves Ms.
 */
#ifndef NM
#define NM 2
#endif
#ifndef NG
#define NG 2
#endif
#ifdef HANDOFF
#define NT	(NM + 1)
#else
#define NT	NM
#endif
#define F	NT		/* as a pusher */
#define QF	NM		/* its queue */
#define IDLE	8
#define WOKEN	16
#define WHO(t)	((t) & 7)

byte q[NM + 1], gn;		/* visible: each P's queue, the global one */
byte un, bn;			/* the urgent list, the batch list */
byte pb[NT + 1], pbq[NT + 1];	/* commits in a store buffer, all to one queue */
byte cpu[NT], tok[NM], mtok[NT];
byte nidle, eager, telling;	/* telling, a ghost: un-idled, sysmon not told yet */
bit waking, smasleep, smbuf, smsleeps, smbusy, fbusy;
bit futex[NT], asleep[NT], blocked[NT], backoff[NT];
byte left = NG;

inline drain(m) {
	q[pbq[m]] = q[pbq[m]] + pb[m];
	pb[m] = 0
}
inline membarrier() {
	drain(0);
	drain(1);
#ifdef HANDOFF
	drain(2);
#endif
	drain(F)
}

#define HERE	cpu[me]
#define MINE	(WHO(tok[mtok[me]]) == me && !(tok[mtok[me]] & IDLE))
#define VIEW	(q[HERE] + (pbq[me] == HERE -> pb[me] : 0))
/* a queue that is not mine shows a lone private G to nobody */
#define LEAST(i)	(HERE == (i) -> 0 : 1)

#ifdef BUG_CLEARANY		/* anyone who goes by stores waking = 0 */
#define WK
#define ONE	woken[w] = 1; flight++; assert(flight <= 1)
byte flight;
bit woken[NM];
#else
#define WK	| WOKEN
#define ONE	assert((tok[0] & WOKEN) + (tok[1] & WOKEN) <= WOKEN)
#endif

/* M o's token is not idle any more: two counts, and sysmon */
inline tell(o) {
	atomic { nidle--;
		if
		:: backoff[o] -> backoff[o] = 0
		:: else -> eager--
		fi };
	atomic {
		if
		:: smasleep -> smasleep = 0	/* and FUTEX_WAKE */
		:: else
		fi;
		telling-- }
}

inline wake_one(w) {
	if
	:: atomic { waking -> skip }
	:: atomic { !waking -> w = 0 };
		do
		:: atomic { w < NM && !(tok[w] & IDLE) -> w++ }
		:: atomic { w < NM && (tok[w] & IDLE) -> skip };
			atomic {
				if
				:: waking -> w = 0; break
				:: else -> waking = 1
				fi };
			if
			:: atomic { tok[w] & IDLE ->
				tok[w] = WHO(tok[w]) WK;
				ONE;
				telling++;
				w = WHO(tok[w]) };
				tell(w);
				atomic { futex[w] = 1; w = 0; break }
			:: atomic { !(tok[w] & IDLE) -> waking = 0; w++ }
			fi
		:: atomic { w == NM -> w = 0; break }
		od
	fi
}
/* the answer to a wake: whoever takes WOKEN out, and nobody else */
inline clear() {
#ifdef BUG_CLEARANY
	atomic {
		waking = 0;
		if
		:: MINE && woken[mtok[me]] -> woken[mtok[me]] = 0; flight--
		:: else
		fi }
#else
#ifdef BUG_NEVERCLEAR
	atomic {
		if
		:: tok[mtok[me]] == (me | WOKEN) -> tok[mtok[me]] = me
		:: else
		fi }
#else
	if
	:: atomic { tok[mtok[me]] == (me | WOKEN) -> tok[mtok[me]] = me };
		atomic { waking = 0; drain(me) }
	:: atomic { tok[mtok[me]] != (me | WOKEN) }
	fi
#endif
#endif
}

/* threads that shared a CPU saw the switch drain the other's buffer */
inline same() {
	if :: cpu[0] == HERE && me != 0 -> drain(0) :: else fi;
	if :: cpu[1] == HERE && me != 1 -> drain(1) :: else fi;
#ifdef HANDOFF
	if :: cpu[2] == HERE && me != 2 -> drain(2) :: else fi
#endif
}
#ifdef BACKOFF
#define HUNGRY	eager
#else
#define HUNGRY	nidle
#endif
#ifdef BUG_UNCOUNTED			/* who backs off has no time out, and no push counts it */
#define ANYIDLE	eager
#else
#define ANYIDLE	nidle
#endif

#ifdef BUG_BATCH_UNSEEN		/* who parks looks at the other queues only */
#define NOBATCH	true
#else
#define NOBATCH	(bn == 0)
#endif

proctype M(byte me; bit spare)
{
	byte w;

	if
	:: spare -> goto cache
	:: else -> goto find
	fi;

grun:	do
	:: atomic { left && (pb[me] == 0 || pbq[me] == HERE) && !blocked[me] ->
		same();				/* a local push */
		left--;
		pb[me]++;
		pbq[me] = HERE;
		w = VIEW };
		if				/* compiler barrier; load */
		:: atomic { HUNGRY == 0 || w < 2 -> w = 0 }
		:: atomic { HUNGRY && w >= 2 -> w = 0 }; wake_one(w)
		fi
	:: atomic { left && !blocked[me] -> left--; drain(me); gn++ };
		if				/* a push to the global queue */
		:: atomic { ANYIDLE == 0 }
		:: atomic { ANYIDLE != 0 }; wake_one(w)
		fi
#ifdef URGENT
	:: atomic { left && !blocked[me] -> left--; drain(me); un++ };
		if
		:: atomic { ANYIDLE == 0 }
		:: atomic { ANYIDLE != 0 }; wake_one(w)
		fi
#endif
#ifdef HANDOFF
	:: atomic { !blocked[me] && MINE -> blocked[me] = 1; drain(me) }
	:: atomic { blocked[me] -> blocked[me] = 0 }
#endif
	:: atomic { !blocked[me] -> break }
	od;

find:	if
	:: atomic { !MINE -> goto lost }
#ifdef URGENT
	:: atomic { MINE && un -> un--; drain(me) }; clear(); goto grun
#endif
#ifdef BATCHED
	:: atomic { MINE && VIEW ->			/* its turn has not come */
		if
		:: pbq[me] == HERE && pb[me] -> pb[me]--
		:: else -> q[HERE]--
		fi;
		drain(me);
		bn++;
		goto find }
	:: atomic { MINE && gn -> gn--; drain(me); bn++; goto find }
	:: atomic { MINE && VIEW == 0 && gn == 0 && bn -> bn--; drain(me) };
		clear(); goto grun
#endif
	:: atomic { MINE && VIEW ->
		if
		:: pbq[me] == HERE && pb[me] -> pb[me]--
		:: else -> q[HERE]--
		fi }; clear(); goto grun
	:: atomic { MINE && gn -> gn--; drain(me) }; clear(); goto grun
	:: atomic { MINE && q[0] > LEAST(0) -> q[0]--; drain(me) }; clear(); goto grun
	:: atomic { MINE && q[1] > LEAST(1) -> q[1]--; drain(me) }; clear(); goto grun
	:: atomic { MINE && q[QF] > LEAST(QF) -> q[QF]--; drain(me) }; clear(); goto grun
	:: atomic { MINE && VIEW == 0 && gn == 0 && un == 0 && NOBATCH &&
		q[0] <= LEAST(0) && q[1] <= LEAST(1) && q[QF] <= LEAST(QF) }
	fi;

	/* park */
#ifdef BUG_LOOKBEFORE
	if
	:: atomic { gn || q[0] > LEAST(0) || q[1] > LEAST(1) || q[QF] > LEAST(QF) -> goto find }
	:: else
	fi;
#endif
	atomic { nidle++;
		drain(me);
		if
		:: eager++
#ifdef BACKOFF
		:: backoff[me] = 1
#endif
		fi };
#ifndef BUG_CLEARLATE
	clear();
#endif
	atomic {
		if
		:: WHO(tok[mtok[me]]) == me ->
#ifdef BUG_CLEARLATE
			w = tok[mtok[me]] & WOKEN;
#endif
			tok[mtok[me]] = me | IDLE
		:: else ->
			nidle--;
			if
			:: backoff[me] -> backoff[me] = 0
			:: else -> eager--
			fi;
			goto lost
		fi };
#ifndef BUG_NOMEMBARRIER
	atomic { membarrier() };
#endif
#ifndef BUG_LOOKBEFORE
	/* the last look, one queue a step */
	if :: atomic { gn -> goto back } :: atomic { gn == 0 } fi;
#if defined(URGENT) && !defined(BUG_URGENT_UNSEEN)
	if :: atomic { un -> goto back } :: atomic { un == 0 } fi;
#endif
#if defined(BATCHED) && !defined(BUG_BATCH_UNSEEN)
	if :: atomic { bn -> goto back } :: atomic { bn == 0 } fi;
#endif
	if :: atomic { q[0] > LEAST(0) -> goto back } :: atomic { q[0] <= LEAST(0) } fi;
	if :: atomic { q[1] > LEAST(1) -> goto back } :: atomic { q[1] <= LEAST(1) } fi;
	if :: atomic { q[QF] > LEAST(QF) -> goto back } :: atomic { q[QF] <= LEAST(QF) } fi;
#endif
#ifdef BUG_CLEARLATE		/* the flag is cleared after the last look */
	if
	:: atomic { w -> w = 0; waking = 0 }
	:: atomic { w == 0 }
	fi;
#endif
	goto fsleep;
back:	atomic {
		if
		:: tok[mtok[me]] == (me | IDLE) -> tok[mtok[me]] = me; telling++
		:: else -> goto fsleep
		fi };
	tell(me);
	goto find;
fsleep:	asleep[me] = 1;
end1:	if
	:: atomic { futex[me] -> futex[me] = 0; asleep[me] = 0; goto find }
#ifdef BACKOFF
	:: atomic { backoff[me] && tok[mtok[me]] == (me | IDLE) ->	/* time out */
		asleep[me] = 0;
		goto back }
#endif
	fi;

lost:	/* another M has my token, and answers for the wake that came with it */
	atomic { drain(me) };
#ifndef BUG_NOTAKEOVER
	/* an idle one is mine for the asking; its M sleeps on */
	if
	:: atomic { tok[0] & IDLE -> mtok[me] = 0; w = WHO(tok[0]); tok[0] = me; telling++ }
	:: atomic { tok[1] & IDLE -> mtok[me] = 1; w = WHO(tok[1]); tok[1] = me; telling++ }
	:: atomic { !(tok[0] & IDLE) && !(tok[1] & IDLE) -> goto cache }
	fi;
	tell(w);
	atomic { w = 0; goto find };
#endif
cache:	asleep[me] = 1;
end2:	atomic { futex[me] -> futex[me] = 0; asleep[me] = 0; goto find }
}

proctype foreign()
{
	byte w;

end:	do
	:: atomic { left -> left--; pb[F]++; pbq[F] = QF; fbusy = 1 };
#ifdef BUG_FOREIGN_LONE		/* the lone G is left to its M for a foreign pusher too */
		if
		:: atomic { nidle && q[QF] + pb[F] >= 2 -> skip }; wake_one(w)
		:: atomic { nidle == 0 || q[QF] + pb[F] < 2 }
		fi;
#else
		wake_one(w);
#endif
		fbusy = 0
#ifdef URGENT
	:: atomic { left -> left--; drain(F); un++; fbusy = 1 };
		if
		:: atomic { ANYIDLE != 0 }; wake_one(w)
		:: atomic { ANYIDLE == 0 }
		fi;
		fbusy = 0
#endif
	:: atomic { left -> left--; drain(F); gn++; fbusy = 1 };
		if
		:: atomic { ANYIDLE != 0 }; wake_one(w)
		:: atomic { ANYIDLE == 0 }
		fi;
		fbusy = 0
	od
}

#define ALLIDLE	((tok[0] & IDLE) && (tok[1] & IDLE))
#define NOWORK	(gn == 0 && un == 0 && bn == 0 && q[0] == 0 && q[1] == 0 && q[QF] == 0)
proctype sysmon()
{
	byte w;
#ifdef HANDOFF
	bit gone;
#endif
end:	do
	:: atomic { nidle == NM -> smbusy = 1 };
#ifdef BUG_SM_PLAIN			/* announced by a plain store */
		smbuf = 1;
#else
		smasleep = 1;
#endif
#if !defined(BUG_SM_COUNT) && !defined(BUG_SM_LATE)
		if :: atomic { tok[0] & IDLE } :: atomic { !(tok[0] & IDLE) -> goto awake } fi;
		if :: atomic { tok[1] & IDLE } :: atomic { !(tok[1] & IDLE) -> goto awake } fi;
#endif
#ifndef BUG_SM_NOMEMBARRIER
		atomic { membarrier(); if :: smbuf -> smbuf = 0; smasleep = 1 :: else fi };
#endif
#ifdef BUG_SM_LATE			/* the words are read after the membarrier only */
		if :: atomic { ALLIDLE } :: atomic { !ALLIDLE -> goto awake } fi;
#endif
#ifdef BUG_SM_LONE			/* looks as an M does */
		if
		:: atomic { gn == 0 && q[0] < 2 && q[1] < 2 && q[QF] < 2 }
		:: atomic { !(gn == 0 && q[0] < 2 && q[1] < 2 && q[QF] < 2) -> goto awake }
		fi;
#else
		if :: atomic { NOWORK } :: atomic { !NOWORK -> goto awake } fi;
#endif
		atomic { smbusy = 0; smsleeps = 1 };
endsm:		atomic { !smasleep && !smbuf -> smbusy = 1; smsleeps = 0 };
awake:		atomic { smasleep = 0; smbuf = 0; smbusy = 0 }
	:: atomic { nidle && !NOWORK -> smbusy = 1 }; wake_one(w); smbusy = 0
#ifdef HANDOFF
	:: atomic { !gone && blocked[0] && WHO(tok[mtok[0]]) == 0 -> w = mtok[0]; gone = 1; smbusy = 1 };
		goto hand
	:: atomic { !gone && blocked[1] && WHO(tok[mtok[1]]) == 1 -> w = mtok[1]; gone = 1; smbusy = 1 };
hand:		mtok[NM] = w;
		atomic {
			if
			:: tok[w] & IDLE -> gone = 0
			:: else ->
#ifdef BUG_DROPWOKEN
				tok[w] = NM
#else
				tok[w] = NM | (tok[w] & WOKEN)
#endif
			fi;
			w = 0 };
		atomic {
			if
			:: gone -> futex[NM] = 1
			:: else
			fi;
			smbusy = 0 }
#endif
	od
}

proctype kernel()
{
end:	do
	:: d_step { pb[0] > 0 -> drain(0) }
	:: d_step { pb[1] > 0 -> drain(1) }
#ifdef HANDOFF
	:: d_step { pb[2] > 0 -> drain(2) }
#endif
	:: d_step { pb[F] > 0 -> drain(F) }
#ifdef BUG_SM_PLAIN
	:: d_step { smbuf -> smbuf = 0; smasleep = 1 }
#endif
#ifdef MIGRATE
	:: d_step { cpu[0] != 1 -> drain(0); cpu[0] = 1 }
	:: d_step { cpu[0] != 0 -> drain(0); cpu[0] = 0 }
	:: d_step { cpu[1] != 1 -> drain(1); cpu[1] = 1 }
	:: d_step { cpu[1] != 0 -> drain(1); cpu[1] = 0 }
#endif
	od
}

#ifdef BUG_UNCOUNTED
#define TIMED(m)	0
#else
#define TIMED(m)	(backoff[m] && tok[mtok[m]] == ((m) | IDLE))
#endif
/* m sleeps for good, or in the kernel and without a token */
#define OUT(m)	((asleep[m] && !futex[m] && !TIMED(m)) || \
		 (blocked[m] && WHO(tok[mtok[m]]) != (m)))
#define QUIET	(OUT(0) && OUT(1) && OUT(NT - 1) && !fbusy && !smbusy && telling == 0)
#ifdef HANDOFF
#define NOBUF	(pb[0] == 0 && pb[1] == 0 && pb[2] == 0 && pb[F] == 0)
#else
#define NOBUF	(pb[0] == 0 && pb[1] == 0 && pb[F] == 0)
#endif
proctype inv()
{
end:	do
	:: d_step { QUIET && NOBUF ->
		assert(gn == 0 && un == 0 && bn == 0 && q[0] < 2 && q[1] < 2 && q[QF] < 2);
		assert(NOWORK || !smsleeps || !smasleep);
		assert(!waking);
		assert(ALLIDLE && nidle == NM && eager == NM - backoff[0] - backoff[1]) }
	:: d_step { smsleeps && (smasleep || smbuf) && telling == 0 -> assert(ALLIDLE) }
	od
}

init { atomic {
	byte i;

	do
	:: i < NM -> tok[i] = i; mtok[i] = i; cpu[i] = i; run M(i, 0); i++
	:: else -> break
	od;
#ifdef HANDOFF
	run M(NM, 1);
#endif
	run foreign();
	run kernel();
	run inv();
	run sysmon() } }
