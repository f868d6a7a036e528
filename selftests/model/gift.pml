/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gift.pml - a G that goes straight to an M that spins (lib/core/gift.h)
 *
 * All moves of the word are CAS, so steps interleave whole.  NS Ms spin; a waker gives each of NG Gs, or puts it into the global queue and
 * wakes whoever sleeps; one more M, which did not set WANTED, may take a gift.
 *
 * Each G runs once; and when all is quiet no G is left: an M that sleeps has
 * looked at the queue after its announcement, and need not look at the word.
 */
#ifndef NS
#define NS 2
#endif
#ifndef NG
#define NG 2
#endif
#define NONE	0
#define WANTED	1
#define G(n)	(2 + (n))

byte word = NONE;
byte ran[NG];
byte gq;			/* bit n: G n waits there */
byte hungry;
bit asleep[NS], woken[NS];
byte given;

inline run_gift(w)
{
	ran[w - 2]++;
	assert(ran[w - 2] == 1)
}

/* CAS of word from what was read to NONE */
inline take_gift()
{
	w = word;
	if
	:: w > WANTED ->
		if
#ifdef BUG_TAKE_PLAIN
		:: word = NONE; run_gift(w)
#else
		:: d_step { word == w -> word = NONE } run_gift(w)
		:: else
#endif
		fi
	:: else
	fi
}

inline take_queue()
{
	if
	:: d_step { gq & 1 -> gq = gq - 1 } ran[0]++; assert(ran[0] == 1)
	:: d_step { gq & 2 -> gq = gq - 2 } ran[1]++; assert(ran[1] == 1)
	:: else
	fi
}

proctype spinner(byte me)
{
	byte w, n, rounds;
	bit wants;

again:
	hungry++;
	wants = 0;
	if
	:: d_step { word == NONE -> word = WANTED; wants = 1 }
	:: else
	fi;
	n = 0;
	do
	:: n < 1 -> take_gift(); take_queue(); n++
	:: break
	od;
	hungry--;
#ifndef BUG_NO_UNWANT
	if
	:: wants ->
#ifdef BUG_STORE
		word = NONE
#else
		if
		:: d_step { word == WANTED -> word = NONE }
		:: else -> take_gift()
		fi
#endif
	:: else
	fi;
#endif
	/* announce, look at the queue, sleep */
	asleep[me] = 1;
	do
	:: gq -> take_queue()
	:: else -> break
	od;
	if
	:: woken[me] -> woken[me] = 0; asleep[me] = 0; goto again
	:: given == NG && !woken[me] && !gq	/* for ever */
	:: rounds < 1 && me == 0 -> rounds++; asleep[me] = 0; goto again
	fi
}

proctype waker()
{
	byte n, i;

	for (n : 0 .. NG - 1) {
		if
		:: hungry ->
			if
			:: d_step { word == WANTED -> word = G(n) }
			:: else -> goto queue
			fi
		:: else ->
queue:			gq = gq | (1 << n);
			for (i : 0 .. NS - 1) {
				if
				:: asleep[i] -> woken[i] = 1
				:: else
				fi
			}
		fi;
		given++
	}
}

proctype other()
{
	byte w;

	take_gift()
}

init {
	byte i;

	atomic {
		for (i : 0 .. NS - 1) {
			run spinner(i)
		}
		run waker();
		run other()
	}
	(_nr_pr == 1);
	assert(word <= WANTED);
#ifndef BUG_NO_UNWANT
	assert(word == NONE);
#endif
	for (i : 0 .. NG - 1) {
		assert(ran[i] == 1)
	}
}
