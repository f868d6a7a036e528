// SPDX-License-Identifier: GPL-2.0-only
/*
 * self.c - what a G knows of itself, and checks whenever it comes back.
 *
 * It runs on one M at a time; its stack, its FP control words, weft_errno(),
 * weft_self() and the value of its key are what they were when it left.
 */
#include "torture.h"

#include <errno.h>
#include <stdarg.h>

weft_key torture_key;
s64 longest[NWAITS];

_Noreturn void die(const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	weft__say("torture: %s (seed %llu)", text,
		  (unsigned long long)run.seed);
	weft_dump(2);
	abort();
}

void waited(enum wait_kind kind, s64 since)
{
	s64 t = weft__now() - since, old = READ_ONCE(longest[kind]);

	while (t > old && !cas(&longest[kind], old, t))
		old = READ_ONCE(longest[kind]);
}

/* The address of errno is another one after each switch. */
static weft__noinline void set_errno(int e)
{
	errno = e;
}

static void fp_choose(struct self *s)
{
	fp_read(&s->joiner);
	s->fp = s->joiner;
#if defined(__x86_64__)
	u32 r = (u32)rnd(&s->rng, 16);

	/* rounding; sometimes flush to zero */
	s->fp.mxcsr = 0x1f80 | (r & 3) << 13 | (r & 4) << 13;
	s->fp.fpcw = (u16)(0x37f | (r & 3) << 10);
	fp_load(&s->fp);
#endif
}

static void fp_check(const struct self *s)
{
	struct fpenv now;

	fp_read(&now);
	if ((now.mxcsr & 0xffc0) != (s->fp.mxcsr & 0xffc0) ||
	    now.fpcw != s->fp.fpcw)
		die("FP words %x %x, left with %x %x", now.mxcsr, now.fpcw,
		    s->fp.mxcsr, s->fp.fpcw);
}

static u64 canary(const struct self *s)
{
	return mix((uintptr_t)s);
}

void key_set(struct self *s)
{
	u64 *val = malloc(sizeof(*val));

	if (!val)
		die("no memory");
	free(weft_key_get(torture_key));
	if (!s->key)
		count(set);
	s->key = (u64)(uintptr_t)val;
	*val = mix(s->key);
	if (weft_key_set(torture_key, val))
		die("weft_key_set failed");
}

void key_destroyed(void *val)
{
	if (*(u64 *)val != mix((u64)(uintptr_t)val))
		die("a value of a key was spoilt");
	free(val);
	count(destroyed);
}

static void check(struct self *s)
{
	if (s->canary[0] != canary(s) || s->canary[1] != canary(s))
		die("stack of G %llu spoilt",
		    (unsigned long long)weft_id(s->g));
	if (weft_self() != s->g)
		die("weft_self() is G %llu in G %llu",
		    (unsigned long long)weft_id(weft_self()),
		    (unsigned long long)weft_id(s->g));
	if (weft_errno() != s->err)
		die("weft_errno() is %d, was %d", weft_errno(), s->err);
	if ((u64)(uintptr_t)weft_key_get(torture_key) != s->key)
		die("the value of a key changed");
	fp_check(s);
}

void self_begin(struct self *s, u64 seed)
{
	*s = (struct self){ .running = 1, .rng = mix(seed) };
	s->canary[0] = s->canary[1] = canary(s);
	s->g = weft_self();
	fp_choose(s);
	s->err = 1 + (int)rnd(&s->rng, 1000);
	set_errno(s->err);
	check(s);
}

/* A function that changed the FP words gives them back. */
void self_end(struct self *s)
{
	check(s);
	fp_load(&s->joiner);
	if (xchg(&s->running, 0) != 1)
		die("a G ended while it ran elsewhere");
}

void self_leave(struct self *s)
{
	set_errno(s->err);
	if (xchg(&s->running, 0) != 1)
		die("G %llu left twice", (unsigned long long)weft_id(s->g));
}

void self_enter(struct self *s)
{
	if (xchg(&s->running, 1) != 0)
		die("G %llu runs twice", (unsigned long long)weft_id(s->g));
	check(s);
}
