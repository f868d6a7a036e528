/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * detect.h - what the kernel's scheduler did with a thread last, told by BPF.
 *
 * tools/bpf/weft-bpf, which has privileges, loads a program that writes a word
 * for each thread that we name, at each context switch; this process, which has
 * none, maps the words.  To ask is a load, where /proc takes a microsecond.
 *
 * All of it is a hint: the word may be stale, as after a wake-up that has not
 * led to a CPU yet, or wrong.  WEFT__SEEN_NEVER: ask /proc.
 */
#ifndef WEFT__DETECT_H
#define WEFT__DETECT_H

#include "../arch/compiler.h"
#include "slot.h"

/**
 * weft__detect_open() - map the words, if somebody offers them
 *
 * By one thread at a time.  Costs a system call while nobody does.
 *
 * Return: 0 if they are mapped now or were already; -ENOENT if nobody offers
 * them; -EPROTO if who does is of another version, or another negative errno.
 */
int weft__detect_open(void);

/** weft__detect_on() - are they mapped, and believed? */
bool weft__detect_on(void);

/**
 * weft__detect_distrust() - do not use them any more
 *
 * They stay mapped, for others may look at this moment; until a later
 * weft__detect_open() finds another offer.
 */
void weft__detect_distrust(void);

/** weft__detect_forked() - in the child of a fork: they are the parent's */
void weft__detect_forked(void);

/**
 * weft__detect_claim() - have a thread of this process watched
 * @tid:	its number
 *
 * From its next context switch on.  By any thread, at any time.
 *
 * Return: its slot; NULL if there is none free or no words are mapped.
 */
struct weft__slot *weft__detect_claim(int tid);

/** weft__detect_drop() - the calling thread ends; @s, its own, may be NULL */
void weft__detect_drop(struct weft__slot *s);

/** weft__slot_seen() - WEFT__SEEN_*; @s may be NULL */
static inline u32 weft__slot_seen(const struct weft__slot *s)
{
	return s ? (u32)READ_ONCE(s->word) & WEFT__SEEN_MASK :
		   WEFT__SEEN_NEVER;
}

/** weft__slot_since() - when that began, as weft__now() counts; 0: not told */
static inline s64 weft__slot_since(const struct weft__slot *s)
{
	return s ? (s64)READ_ONCE(s->since) : 0;
}

#endif /* WEFT__DETECT_H */
