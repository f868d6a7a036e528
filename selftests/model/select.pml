/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * select.pml - how a select is decided: lib/sync/wait.h, lib/sync/select.c
 *
 * State: for each select its word and whether its frame stands; for each
 * channel its lock, and who has a node in it.  Two selects meet on two channels
 * without capacity, one sends on both, one receives on both, each from either
 * end on; plain senders and receivers wait in one channel each.  The lock and
 * the CAS order everything, so there are no store buffers here; the order of a
 * queue is chance, which covers first in, first out.
 *
 * Laws: who is served is served once, and by who won its word; a frame is not
 * touched after its select has returned; a select that is woken has left; and
 * when all is quiet, as many have sent as have received, and no two wait that
 * could serve one another.
 *
 * PLAIN plain senders on channel 0, RPLAIN plain receivers on channel 1, TIMER:
 * the first select has a deadline, POLL: it does not wait.
 */
#ifndef PLAIN
#define PLAIN 0
#endif
#ifndef RPLAIN
#define RPLAIN 0
#endif
#define NS	2			/* selects: 0 receives, 1 sends */
#define NP	(NS + PLAIN + RPLAIN)
#define NC	2
#define NONE	15

/* the word */
#define SETUP	0
#define PARKED	1
#define LATE	2
#define MINE	3
#define WON	4			/* + channel */

byte word[NS];
bit gone[NS];
bit in[NP * NC];
bit left[NP];			/* its context is saved */
bit waits[NP], woken[NP], served[NP];
bit locked[NC];
byte late;

#define IN(p, c)	in[(p) * NC + (c)]
#define SENDS(p)	((p) == 1 || ((p) >= NS && (p) < NS + PLAIN))
#define OPEN(q)		((q) >= NS || word[q] <= PARKED)
#define PARTNER(q, c)	(IN(q, c) && SENDS(q) != SENDS(me))

#define lock(c)		atomic { !locked[c] -> locked[c] = 1 }
#define unlock(c)	locked[c] = 0
#define touch(p)	assert((p) >= NS || !gone[p])

inline wake(p)
{
	atomic { assert(!woken[p]); assert(left[p]); woken[p] = 1 }
}

/* q's node in c, lock held: r = who was won, w = who is to be woken */
inline take(q, c)
{
	if
	:: q >= NS -> atomic { IN(q, c) = 0; r = q; w = q }
	:: q < NS ->
#ifdef BUG_IN_FIRST
		IN(q, c) = 0;
#endif
		touch(q);
#ifdef BUG_PLAIN_STORE
		v = word[q];
		if
		:: v <= PARKED -> word[q] = WON + c; r = q;
			w = (v == PARKED -> q : NONE)
		:: else
		fi;
#else
		do
		:: skip;
#ifdef BUG_TWO_LOOKS
			v = (word[q] == PARKED -> PARKED : NONE);
			if
			:: v == NONE -> v = (word[q] == SETUP -> SETUP : NONE)
			:: else
			fi;
#else
			v = word[q];
#endif
			if
			:: v > PARKED -> break
			:: else
			fi;
			atomic {
				if
				:: word[q] == v ->
					word[q] = WON + c; r = q;
#ifdef BUG_WAKE_SETUP
					w = q;
#else
					w = (v == PARKED -> q : NONE);
#endif
					break
				:: else
				fi
			}
		od;
#endif
#ifndef BUG_IN_FIRST
		IN(q, c) = 0;
#endif
	fi;
	if
	:: r != NONE -> atomic { touch(r); assert(!served[r]); served[r] = 1 }
	:: else
	fi
}

/* lock held: the first that can be had; r == NONE: none */
inline take_any(c)
{
	r = NONE;
	w = NONE;
	do
	:: r == NONE && PARTNER(0, c) -> q = 0; take(q, c)
	:: r == NONE && PARTNER(1, c) -> q = 1; take(q, c)
#if NP > 2
	:: r == NONE && PARTNER(2, c) -> q = 2; take(q, c)
#endif
#if NP > 3
	:: r == NONE && PARTNER(3, c) -> q = 3; take(q, c)
#endif
	:: r != NONE -> break
	:: else -> break
	od
}

#if NP > 3
#define SOMEBODY(c) ((PARTNER(0, c) && OPEN(0)) || \
	(PARTNER(1, c) && OPEN(1)) || PARTNER(2, c) || PARTNER(3, c))
#elif NP > 2
#define SOMEBODY(c) ((PARTNER(0, c) && OPEN(0)) || \
	(PARTNER(1, c) && OPEN(1)) || PARTNER(2, c))
#else
#define SOMEBODY(c) ((PARTNER(0, c) && OPEN(0)) || (PARTNER(1, c) && OPEN(1)))
#endif

inline finish_with(c)
{
	atomic { assert(!served[me]); served[me] = 1 };
	unlock(c);
	if
	:: w != NONE -> touch(w); wake(w)
	:: else
	fi
}

inline take_back(c)
{
	if
	:: IN(me, c) || (word[me] == WON + c
#ifdef BUG_NO_LOCK
			 && false
#endif
			) -> lock(c); IN(me, c) = 0; unlock(c)
	:: else
	fi
}

proctype select_(byte me)
{
	byte c, i, q, r, w, v, agains;

	agains = 0;
begin:
	word[me] = SETUP;
	i = 0;
	if
	:: c = 0
	:: c = 1
	fi;
	do
	:: i == NC -> break
	:: i < NC ->
		lock(c);
		if
		:: !SOMEBODY(c) ->
#ifdef BUG_LOOK_ONLY
			IN(me, c) = (me != 0);
#else
			IN(me, c) = 1;
#endif
			unlock(c)
		:: else ->
#ifdef BUG_OTHER_FIRST
			take_any(c);
			if
			:: r == NONE -> IN(me, c) = 1; unlock(c)
			:: else ->
				atomic {
					if
					:: word[me] == SETUP ->
						word[me] = MINE; v = 1
					:: else -> v = 0
					fi
				};
				if
				:: v -> finish_with(c); goto out
				:: else -> unlock(c);
					if
					:: w != NONE -> wake(w)
					:: else
					fi;
					goto won
				fi
			fi
#else
			atomic {
				if
				:: word[me] == SETUP -> word[me] = MINE; v = 1
				:: else -> v = 0
				fi
			};
			if
			:: !v -> unlock(c); goto won
			:: else
			fi;
			take_any(c);
			if
			:: r != NONE -> finish_with(c); goto out
			:: else
			fi;
			/* the other was decided meanwhile */
#ifdef BUG_GO_ON
			word[me] = SETUP;
			IN(me, c) = 1;
			unlock(c)
#else
			unlock(c);
#ifndef BUG_NO_TAKE_BACK
			take_back(0);
			take_back(1);
#endif
			if
			:: agains < 2 -> agains++; goto begin
			:: else -> goto lost	/* a bound for the search */
			fi
#endif
#endif
		fi;
		i++;
		c = 1 - c
	od;
#ifdef POLL
	if
	:: me == 0 ->
		atomic {
			if
			:: word[me] == SETUP ->
				word[me] = MINE;
				assert(!(IN(1, 0) && word[1] == PARKED));
				assert(!(IN(1, 1) && word[1] == PARKED));
#if PLAIN
				assert(!IN(2, 0));
#endif
				goto none
			:: else -> goto won
			fi
		}
	:: else
	fi;
#endif
	/* the switch; then the next runner */
	left[me] = 1;
	waits[me] = 1;
	atomic {
		if
		:: word[me] == SETUP -> word[me] = PARKED
		:: else -> waits[me] = 0; left[me] = 0; goto won
		fi
	};
end_waits:
	woken[me] -> waits[me] = 0;
won:
	if
	:: word[me] == LATE -> assert(!served[me])
	:: else
	fi;
out:
	take_back(0);
	take_back(1);
	assert(word[me] == LATE || served[me]);
	atomic { assert(!IN(me, 0) && !IN(me, 1)); gone[me] = 1; goto over };
none:
	take_back(0);
	take_back(1);
	atomic { assert(!served[me]); gone[me] = 1; goto over };
lost:
	gone[me] = 1;	/* gave up: the search is bounded */
over:
	skip
}

proctype plain(byte me; byte c)
{
	byte q, r, w, v;

	lock(c);
	take_any(c);
	if
	:: r != NONE -> finish_with(c)
	:: else ->
		IN(me, c) = 1;
		left[me] = 1;
		waits[me] = 1;
		unlock(c);	/* the next runner */
end_waits:
		woken[me] -> waits[me] = 0;
		assert(served[me])
	fi
}

#ifdef TIMER
proctype timer_()
{
	atomic {
		if
		:: word[0] == PARKED && !gone[0] -> word[0] = LATE; late = 1
		:: else
		fi
	};
	if
	:: late -> wake(0)
	:: else
	fi
}
#endif

/*
 * Both wait, neither is decided, and both want c, whether or not a node of a
 * select is there, as it ought to be.
 */
#define WANTS(p, c)	(waits[p] && OPEN(p) && ((p) < NS || IN(p, c)))
#define STUCK(p, q, c)	(WANTS(p, c) && WANTS(q, c) && SENDS(p) != SENDS(q))
#define NSENT(p)	(SENDS(p) && served[p])
#define NGOT(p)		(!SENDS(p) && served[p])

init {
	atomic {
		run select_(0);
		run select_(1);
#if PLAIN
		run plain(2, 0);
#endif
#if RPLAIN
		run plain(2 + PLAIN, 1);
#endif
#ifdef TIMER
		run timer_();
#endif
	};
end_quiet:
	timeout ->
		assert(!STUCK(0, 1, 0) && !STUCK(0, 1, 1));
#if NP > 2
		assert(!STUCK(0, 2, 0) && !STUCK(0, 2, 1));
		assert(!STUCK(1, 2, 0) && !STUCK(1, 2, 1));
#endif
#if NP > 3
		assert(!STUCK(0, 3, 0) && !STUCK(0, 3, 1));
		assert(!STUCK(1, 3, 0) && !STUCK(1, 3, 1));
		assert(!STUCK(2, 3, 0) && !STUCK(2, 3, 1));
#endif
#if NP > 3
		assert(NSENT(0) + NSENT(1) + NSENT(2) + NSENT(3) ==
		       NGOT(0) + NGOT(1) + NGOT(2) + NGOT(3));
#elif NP > 2
		assert(NSENT(0) + NSENT(1) + NSENT(2) ==
		       NGOT(0) + NGOT(1) + NGOT(2));
#else
		assert(NSENT(0) + NSENT(1) == NGOT(0) + NGOT(1));
#endif
		assert(!locked[0] && !locked[1])
}
