/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mutex.pml - the mutex's waiters: is one left asleep beside a free mutex?
 *
 * The word is taken by one atomic step (clk.pml and parker.pml explore that),
 * and given back by a plain store, which may stay in a store buffer; so may
 * sig.  The lock lk drains who takes it, and is given back by a plain store; sleep and wake are a
 * permit.  Each thread locks and unlocks R times, and with GIVEUP may leave
 * after it was woken.  A membarrier drains every store buffer; a compiler
 * barrier is nothing.
 *
 * Laws: one holder; and when nobody can go on, nobody waits.
 *
 * NT threads; HANDOVER: a waiter that was woken in vain starves.
 */
#ifndef NT
#define NT 2
#endif
#ifndef R
#define R 2
#endif
#define D	4
#define NONE	9

#define WORD	0
#define SIG	1
#define LK	2

byte mem[3];
byte sba[NT * D], sbv[NT * D], sbn[NT];
/* under lk: */
bit woken, starving, inq[NT];
byte announced, nq;
byte q[NT];
bit permit[NT], granted[NT], asleep[NT], fin[NT];
byte inside;
hidden byte i_;

#define ROOM	(sbn[me] < D)

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
	sba[(m) * D + 2] = sba[(m) * D + 3];
	sbv[(m) * D + 2] = sbv[(m) * D + 3];
	sba[(m) * D + 3] = 0;
	sbv[(m) * D + 3] = 0;
	sbn[m]--
}
inline drain(m) {
	do
	:: sbn[m] > 0 -> drain1(m)
	:: else -> break
	od
}
inline fence_all() {
	drain(0);
	drain(1);
#if NT > 2
	drain(2)
#endif
}
inline lock_lk() { mem[LK] == 0 && ROOM -> drain(me); mem[LK] = 1 }
inline set_sig() {
	if
	:: starving || (!woken && (announced || nq)) -> store(SIG, 1)
	:: else -> store(SIG, 0)
	fi
}
inline take_first(x) {
	x = q[0];
	q[0] = q[1];
#if NT > 2
	q[1] = q[2];
	q[2] = 0;
#else
	q[1] = 0;
#endif
	nq--;
	inq[x] = 0
}
inline enter() { inside++; assert(inside == 1) }
/* the word is free: take it */
inline take(ok) {
	drain(me);
	if
	:: mem[WORD] == 0 -> mem[WORD] = 1; enter(); ok = 1
	:: else -> ok = 0
	fi
}

proctype T(byte me)
{
	byte c, w = NONE, left = R;
	bit ok, again;

top:	atomic {
		if
		:: left == 0 -> goto out
		:: else -> left--
		fi };
	atomic { take(ok);
		if
		:: ok -> ok = 0; goto holds
		:: else
		fi };
wait:	atomic { lock_lk();
		if
		:: again -> woken = 0
		:: else
		fi;
#ifdef HANDOVER
		if
		:: again -> starving = 1
		:: else
		fi;
#endif
#ifdef BUG_NOLOOK
		set_sig();
		goto enqueue;
#endif
		if
		:: woken -> goto enqueue
		:: else -> announced++
		fi;
		set_sig() };
	atomic { ROOM -> store(LK, 0) };
#ifndef BUG_NOMEMBARRIER
	atomic { fence_all() };
#endif
look:	atomic { take(ok);
		if
		:: ok -> ok = 0; goto mine
		:: else
		fi };
	atomic { lock_lk();
#ifndef BUG_NOSECONDLOOK
		if
		:: mem[WORD] == 0 -> store(LK, 0); goto look
		:: else
		fi;
#endif
		announced-- };
enqueue: atomic { ROOM ->
		if
		:: again && nq == 1 -> q[1] = q[0]; q[0] = me
#if NT > 2
		:: again && nq == 2 -> q[2] = q[1]; q[1] = q[0]; q[0] = me
#endif
		:: !again || nq == 0 -> q[nq] = me
		fi;
		nq++;
		inq[me] = 1;
		set_sig()
		};
	atomic { ROOM -> store(LK, 0); drain(me); asleep[me] = 1 };
	atomic { permit[me] -> permit[me] = 0; asleep[me] = 0; again = 1;
		if
		:: granted[me] -> granted[me] = 0; enter(); again = 0; goto settle
		:: else
		fi };
	if
	:: true
#ifdef GIVEUP
	:: goto gives_up
#endif
	fi;
	atomic { take(ok);
		if
		:: ok -> ok = 0; goto settle
		:: else -> goto wait
		fi };

mine:	atomic { lock_lk(); announced--; set_sig() };
	atomic { ROOM -> store(LK, 0);
		if
		:: again -> goto settle
		:: else -> goto holds
		fi };

settle:	atomic { lock_lk();
#ifndef BUG_WOKENKEPT
		if
		:: again -> woken = 0
		:: else
		fi;
#endif
		again = 0;
		if
		:: nq == 0 -> starving = 0
		:: else
		fi;
		set_sig() };
	atomic { ROOM -> store(LK, 0) };

holds:	atomic { load(c, SIG);
		if
		:: c -> c = 0; goto slow
		:: else
		fi };
	atomic { ROOM -> inside--; store(WORD, 0) };
#ifdef BUG_NOAFTER
	goto top;
#endif
	atomic { load(c, SIG);
		if
		:: c == 0 -> goto top
		:: else -> c = 0
		fi };
wake:	atomic { lock_lk();
		w = NONE;
		if
		:: !woken && nq -> take_first(w); woken = 1
		:: else
		fi;
		set_sig() };
	atomic { ROOM -> store(LK, 0);
		if
		:: w != NONE -> permit[w] = 1; w = NONE
		:: else
		fi;
		if
		:: again -> again = 0
		:: else
		fi;
		goto top };

slow:	atomic { lock_lk();
		w = NONE;
		if
		:: starving && nq ->
			take_first(w);
			granted[w] = 1;
			if
			:: nq == 0 -> starving = 0
			:: else
			fi;
			inside--;		/* the word stays */
			set_sig()
		:: else ->
			if
			:: !woken && nq -> take_first(w); woken = 1
			:: else
			fi;
			set_sig();
			inside--;
			store(WORD, 0)
		fi };
	atomic { ROOM -> store(LK, 0);
		if
		:: w != NONE -> permit[w] = 1; w = NONE
		:: else
		fi;
		goto top };

#ifdef GIVEUP
gives_up: atomic { lock_lk(); woken = 0; again = 0;
		if
		:: nq == 0 -> starving = 0
		:: else
		fi;
		set_sig();
		c = nq };
	atomic { ROOM -> store(LK, 0);
		if
		:: c == 0 -> goto top
		:: else -> c = 0
		fi };
#ifdef BUG_GIVEUP
	goto top;
#endif
	atomic { fence_all() };
	atomic { load(c, WORD);
		if
		:: c -> c = 0; goto top
		:: else -> goto wake
		fi };
#endif
out:	atomic { drain(me); fin[me] = 1 }
}

proctype drains()
{
end:	do
	:: d_step { sbn[0] > 0 -> drain1(0) }
	:: d_step { sbn[1] > 0 -> drain1(1) }
#if NT > 2
	:: d_step { sbn[2] > 0 -> drain1(2) }
#endif
	od
}

#define REST(m)	(fin[m] || (asleep[m] && !permit[m]))
proctype inv()
{
end:	do
	:: d_step { REST(0) && REST(1) && REST(NT - 1) ->
		assert(fin[0] && fin[1] && fin[NT - 1]) }
	od
}

init { atomic {
	byte i;

	do :: i < NT -> run T(i); i++ :: else -> break od;
	run drains();
	run inv() } }
