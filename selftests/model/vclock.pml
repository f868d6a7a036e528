/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vclock.pml - virtual time moves on when all wait (lib/core/vclock.c)
 *
 * NM Ms, whose tokens are idle or not; sysmon, which fires what is due, looks
 * whether all wait, and moves the clock; NT ordinary threads, each of which
 * wakes G 0 if that waits.  G 1 waits for time 3 from the start.  G 0, when it
 * has run, sleeps for one unit, or wakes G 1, or neither, and waits again.
 *
 * The clock does not move while a G can run or runs; and a G that was made
 * runnable sees the time of that.  The lock's sections are steps: enter, leave,
 * look and move.  The look itself is all_wait() of lib/core/silence.c, which
 * tells of deadlocks, too.
 */
#ifndef NT
#define NT 2
#endif
#ifndef NM
#define NM 1
#endif
#ifndef ROUNDS
#define ROUNDS 3
#endif

#ifdef BUG_NO_ARRIVING
#define NOBODY_ON_THE_WAY true
#else
#define NOBODY_ON_THE_WAY (!arriving)
#endif
#ifdef BUG_NO_ARRIVED
#define NOBODY_CAME true
#else
#define NOBODY_CAME (arrived == seen)
#endif

#define LAST 5			/* somebody else sleeps until then */

mtype = { WAITS, READY, RUNS };

mtype st[2] = WAITS;
byte when[2];			/* 0: no deadline */
byte since[2];			/* the time when it was made runnable */
bit in_queue[2];
bit idle[2] = 1;		/* with one M the second remains so */
byte clock = 1;
byte arriving, arrived;
byte parks;

inline wake(g)			/* a push, then the Ms; steps of their own */
{
	if
	:: d_step {
		st[g] == WAITS ->
		st[g] = READY; when[g] = 0; since[g] = clock; in_queue[g] = 1
	   }
	   idle[0] = 0;
	   idle[NM - 1] = 0
	:: else
	fi
}

proctype thread()
{
#ifndef BUG_NO_ENTER
	d_step { arriving++ }
#endif
	wake(0);
	d_step {
#ifndef BUG_NO_ENTER
		arriving--;
#endif
		arrived++
	}
}

inline turn(g)
{
	assert(clock == since[g]);
	if
	:: g == 0 -> when[0] = clock + 1
	:: g == 0 -> wake(1)
	:: true
	fi;
	assert(clock == since[g]);
	st[g] = WAITS
}

proctype m(byte me)
{
end:	do
	:: !idle[me] ->
		if
		:: d_step { in_queue[0] -> in_queue[0] = 0; st[0] = RUNS }
		   turn(0)
		:: d_step { in_queue[1] -> in_queue[1] = 0; st[1] = RUNS }
		   turn(1)
		:: !in_queue[0] && !in_queue[1] ->
			parks++;
			idle[me] = 1;
			/* membarrier, and look again */
			if
			:: in_queue[0] || in_queue[1] -> idle[me] = 0
			:: else
			fi
		fi
	od
}

inline all_idle()
{
	if
	:: !idle[0] -> goto next_round
	:: else
	fi;
	if
	:: !idle[1] -> goto next_round
	:: else
	fi
}

inline fire(g)
{
	if
	:: when[g] && when[g] <= clock -> wake(g)
	:: else
	fi
}

inline move()
{
	d_step {
		next = LAST;
		if
		:: when[0] -> next = when[0]
		:: else
		fi;
		if
		:: when[1] && when[1] < next -> next = when[1]
		:: else
		fi;
		if
		:: next > clock && NOBODY_ON_THE_WAY && NOBODY_CAME ->
			assert(st[0] == WAITS && st[1] == WAITS);
			clock = next
		:: else
		fi
	}
}

proctype sysmon()
{
	byte seen, next, n, before;

	do
	:: n < ROUNDS ->
		fire(0);
		fire(1);
#ifndef BUG_SEEN_LATE
		d_step { seen = arrived }
#endif
		before = parks;
		all_idle();
		/* membarrier */
		if
		:: in_queue[1] -> goto next_round
		:: else
		fi;
		if
		:: in_queue[0] -> goto next_round
		:: else
		fi;
#ifndef BUG_ONE_LOOK
		all_idle();
#ifndef BUG_NO_COUNT
		if
		:: before != parks -> goto next_round
		:: else
		fi;
#endif
#endif
#ifdef BUG_SEEN_LATE
		d_step { seen = arrived }
#endif
		move();
next_round:
		n++
	:: n == ROUNDS -> break
	od
}

init {
	byte i;

	atomic {
		when[1] = 3;
		for (i : 0 .. NM - 1) {
			run m(i)
		}
		run sysmon();
		for (i : 1 .. NT) {
			run thread()
		}
	}
}
