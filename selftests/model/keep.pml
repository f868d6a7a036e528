/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keep.pml - no deadline is slept over: the keeper, who arms, sysmon's sleep
 *
 * Two tokens, three Ms.  M 2 starts in the kernel, without a token; it comes
 * back when it likes and takes an idle one, whose M then sleeps on as a spare.
 * Time has two values: SOON, which comes whenever somebody sleeps until then,
 * and NEVER.  One timer is armed or not, by a running M or by F, a foreign
 * thread, NA times in all; whoever looks and finds it armed fires it.  Memory
 * is TSO: what an M writes to keep_until waits in its buffer for a fence, a
 * LOCK or the kernel.
 *
 * When all is quiet (all Ms sleep, nobody in the middle, nothing kicked, and
 * nobody sleeps until SOON): no timer is armed.
 */
#ifndef NA
#define NA 2
#endif
#define NM	3
#define NOBODY	3
#define IDLE	4
#define SOON	0
#define NEVER	1

byte tok[2], mtok[NM], keeper = NOBODY, futex[NM];
byte until[NM] = NEVER;		/* in memory */
byte ubuf[NM] = NOBODY;		/* in a store buffer */
bit armed, sleeps[NM], timed[NM], smasleep, smkick, smsoon;
bit arming;
byte left = NA;

#ifdef BUG_SHARED		/* one keep_until, and not one in each M */
#define U(m)	until[0]
#else
#define U(m)	until[m]
#endif
inline drain(m) {
	if
	:: ubuf[m] != NOBODY -> U(m) = ubuf[m]; ubuf[m] = NOBODY
	:: else
	fi
}
#define MINE	(tok[mtok[me]] == me)
#define NEXT	(armed -> SOON : NEVER)

inline un_idled() {
	if
	:: smasleep -> smkick = 1
	:: else
	fi
}

/* armed = 1 was the step before; k: who keeps */
inline due(k) {
	atomic { k = keeper };
	if
	:: atomic { k != NOBODY ->
		if
		:: SOON < U(k) && futex[k] == 0 -> futex[k] = 2
		:: else
		fi }
	:: atomic { k == NOBODY ->
		if
		:: smasleep -> smkick = 1
		:: else
		fi
		}
	fi;
	k = NOBODY
}

proctype M(byte me)
{
	byte k = NOBODY, u, w;

	if
	:: me == 2 -> goto lost
	:: else
	fi;

grun:	do
	:: atomic { left && !armed -> left--; armed = 1; drain(me) }; due(k)
	:: break
	od;
	if
	:: atomic { !MINE -> goto lost }
	:: atomic { MINE && armed -> armed = 0; drain(me); goto grun }
	:: atomic { MINE && !armed }
	fi;
	atomic { drain(me);
		if
		:: MINE -> tok[mtok[me]] = me | IDLE
		:: else -> goto lost
		fi };

become:	atomic { k = keeper };
	if
#ifdef BUG_STAYS		/* a keeper without a token is one, too */
	:: atomic { k != NOBODY && k != me -> k = NOBODY; goto asleep }
	:: atomic { k == NOBODY || k == me }
#else
	:: atomic { k != NOBODY && k != me && tok[mtok[k]] == (k | IDLE) ->
		k = NOBODY; goto asleep }
	:: atomic { k == NOBODY || k == me || tok[mtok[k]] != (k | IDLE) }
#endif
	fi;
#ifndef BUG_SHARED
	atomic { U(me) = NEVER; drain(me) };
#endif
	atomic {
		if
		:: keeper == k -> keeper = me; k = NOBODY
#ifdef BUG_NORETRY		/* who was there may have left */
		:: else -> k = NOBODY; goto asleep
#else
		:: else -> goto become
#endif
		fi };

keep:	if
	:: atomic { tok[mtok[me]] != (me | IDLE) -> goto leave }
	:: atomic { tok[mtok[me]] == (me | IDLE) }
	fi;
	atomic { u = NEXT };
again:	atomic { ubuf[me] = u };
	atomic { drain(me) };
	if
	:: atomic { NEXT < u -> u = NEXT; goto again }
	:: atomic { NEXT >= u }
	fi;
	atomic {			/* asleep until u */
		drain(me);
		sleeps[me] = 1;
		timed[me] = (u == SOON)
	};
end1:	atomic {
		futex[me] || u == SOON ->
		sleeps[me] = 0;
		timed[me] = 0;
		w = futex[me];
		futex[me] = 0;
		if
		:: w == 2 -> goto keep
		:: w == 1 -> goto leave
		:: else
		fi };
	/* it came */
	atomic {
		if
		:: keeper == me -> keeper = NOBODY
		:: else
		fi };
	atomic {
		if
		:: tok[mtok[me]] == (me | IDLE) ->
			tok[mtok[me]] = me;
			un_idled();
			goto grun
		:: else -> goto asleep
		fi };

leave:	atomic {
		if
		:: keeper == me -> keeper = NOBODY;
			if
			:: w != 1 -> un_idled()
			:: else
			fi
		:: else
		fi;
		if
		:: w == 1 -> w = 0; goto grun
		:: else
		fi };

asleep:	atomic { drain(me); sleeps[me] = 1 };
end2:	atomic { futex[me] ->
		sleeps[me] = 0;
		w = futex[me];
		futex[me] = 0;
		if
		:: w == 1 -> w = 0; goto grun
		:: else -> goto asleep
		fi };

lost:	/* out of the kernel: an idle token is mine for the asking */
	if
	:: atomic { tok[0] & IDLE -> mtok[me] = 0; tok[0] = me; un_idled(); goto grun }
	:: atomic { tok[1] & IDLE -> mtok[me] = 1; tok[1] = me; un_idled(); goto grun }
	:: atomic { !(tok[0] & IDLE) && !(tok[1] & IDLE) -> goto asleep }
	fi
}

proctype F()
{
	byte k = NOBODY;

end:	do
	:: atomic { left && !armed -> left--; armed = 1; arming = 1 };
		due(k);
		arming = 0
	:: atomic { tok[0] & IDLE && left ->	/* wakes one for work */
		left--; tok[0] = tok[0] - IDLE; futex[tok[0]] = 1; un_idled() }
	:: atomic { tok[1] & IDLE && left ->
		left--; tok[1] = tok[1] - IDLE; futex[tok[1]] = 1; un_idled() }
	od
}

#define ALLIDLE	((tok[0] & IDLE) && (tok[1] & IDLE))
proctype sysmon()
{
end:	do
	:: atomic { armed && keeper == NOBODY ->	/* fires; an M may run it */
		armed = 0;
		if
		:: tok[0] & IDLE -> tok[0] = tok[0] - IDLE; futex[tok[0]] = 1
		:: tok[1] & IDLE -> tok[1] = tok[1] - IDLE; futex[tok[1]] = 1
		:: else
		fi }
	:: atomic { ALLIDLE -> smasleep = 1 };
		if
		:: atomic { !ALLIDLE || armed -> smasleep = 0; smkick = 0 }
		:: atomic { ALLIDLE && !armed -> smsoon = 1 };
end1:			atomic { smkick -> smkick = 0; smasleep = 0; smsoon = 0 }
		fi
	od
}

#define QUIET	(sleeps[0] && sleeps[1] && sleeps[2] && !timed[0] && \
		 !timed[1] && !timed[2] && !futex[0] && !futex[1] && \
		 !futex[2] && smsoon && !smkick && !arming)
active proctype watch()
{
end:	atomic { QUIET && armed -> assert(false) }
}

init {
	atomic {
		tok[0] = 0; tok[1] = 1;
		mtok[1] = 1;
		run M(0); run M(1); run M(2); run F(); run sysmon()
	}
}
