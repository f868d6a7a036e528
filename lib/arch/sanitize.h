/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * sanitize.h - what ThreadSanitizer and AddressSanitizer must be told.
 *
 * Empty in a build without either: no code, no field.
 *
 * Both follow one stack for each kernel thread, so each switch is announced:
 *
 *	san_leave(c, to)	before the switch, c is the context that leaves
 *	san_end(c, to)		... for good: its stack may go to another G
 *	san_arrive(own, c)	after it, on the other stack, whose context was
 *				own
 *	san_enter(c)		the same where a fresh context begins
 *	san_bind(c, lo, size)	a fresh context, which has never run
 *	san_clean(lo, size)	the last frames on this stack have gone
 *
 * To ThreadSanitizer a stack in use is a fiber, and a switch orders what came
 * before it on this kernel thread before what comes after, as the kernel
 * thread does.  So two Gs on one M never race in its eyes.
 *
 * It does not see accesses of inline assembly.  So restartable sequences are
 * off in such a build, for their stores are invisible and their order is not
 * modelled; the twins in C (twin.h) serve the queues, and LOCK the biased
 * words.  What membarrier orders needs no word here: the twins hand a queue
 * on by a release and an acquire of busy and of the seat, and membarrier only
 * makes one of the two sides see the other.  liburcu's queues are in
 * assembly: core/gq.c hides their words (san_hide) and names their order.
 */
#ifndef WEFT_ARCH_SANITIZE_H
#define WEFT_ARCH_SANITIZE_H

#include "compiler.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT__TSAN 1
#elif __has_feature(address_sanitizer)
#define WEFT__ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WEFT__TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define WEFT__ASAN 1
#endif

/*
 * On a fast path: own_set() a word that one thread writes and others only look
 * at; peek() at one that others write, where old is as good as new and it is
 * read but once.  Plain accesses: the compiler may keep a count one instruction
 * (--m->tick) and may write late, but it does not tear a word.  As atomics they
 * cost one to four instructions in a spawn and a park.
 */
#ifdef WEFT__TSAN
#define own_set(x, v) WRITE_ONCE(x, v)
#define peek(x) READ_ONCE(x)
#else
#define own_set(x, v) ((x) = (v))
#define peek(x) (x)
#endif
#define own_add(x, n) own_set(x, (x) + (n))

/*
 * A report: it reads what others may write at the same time, and says so of
 * what it prints.
 */
#ifdef WEFT__TSAN
#define weft__racy __attribute__((no_sanitize("thread")))
#else
#define weft__racy
#endif

#if defined(WEFT__TSAN) || defined(WEFT__ASAN)

/* In each context. */
struct san {
	void *own;		/* its fiber, or its fake stack */
	const void *lo;		/* its stack: ASan */
	size_t size;
	u32 ended;
};
#define WEFT__FIBERS	/* struct ctx has one */

#define san_leave(c, to) san__leave(&(c)->san, &(to)->san)
#define san_end(c, to) san__end(&(c)->san, &(to)->san)
#define san_arrive(mine, c) san__arrive((mine)->san.own, &(c)->san)
#define san_enter(c) san__arrive(NULL, &(c)->san)
#define san_bind(c, lo, size) san__bind(&(c)->san, lo, size)

#else

#define san_leave(c, to) ((void)0)
#define san_end(c, to) ((void)0)
#define san_arrive(mine, c) ((void)0)
#define san_enter(c) ((void)0)
#define san_bind(c, lo, size) ((void)0)

#endif

#if defined(WEFT__TSAN)

/* sanitizer/tsan_interface.h, which is not always installed */
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned int flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned int flags);
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

static __always_inline void san__bind(struct san *c, const void *lo,
				      size_t size)
{
	(void)lo, (void)size;
	c->own = __tsan_create_fiber(0);
}

static __always_inline void san__leave(struct san *c, const struct san *to)
{
	c->own = __tsan_get_current_fiber();
	c->ended = 0;
	__tsan_switch_to_fiber(to->own, 0);
}

static __always_inline void san__end(struct san *c, const struct san *to)
{
	san__leave(c, to);
	c->ended = 1;
}

static __always_inline void san__arrive(void *own, const struct san *c)
{
	(void)own;
	if (c->ended)
		__tsan_destroy_fiber(c->own);
}

#define san_acquire(p) __tsan_acquire(p)
#define san_release(p) __tsan_release(p)

static inline void san_hide(void)
{
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static inline void san_show(void)
{
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

#else

#define san_acquire(p) ((void)0)
#define san_release(p) ((void)0)
#define san_hide() ((void)0)
#define san_show() ((void)0)

#endif

#if defined(WEFT__ASAN)

/* sanitizer/common_interface_defs.h, asan_interface.h */
void __sanitizer_start_switch_fiber(void **fake, const void *lo, size_t size);
void __sanitizer_finish_switch_fiber(void *fake, const void **lo,
				     size_t *size);
void __asan_unpoison_memory_region(const volatile void *p, size_t size);

static __always_inline void san__bind(struct san *c, const void *lo,
				      size_t size)
{
	c->own = NULL;
	c->lo = lo;
	c->size = size;
}

static __always_inline void san__leave(struct san *c, const struct san *to)
{
	__sanitizer_start_switch_fiber(&c->own, to->lo, to->size);
}

static __always_inline void san__end(struct san *c, const struct san *to)
{
	(void)c;
	__sanitizer_start_switch_fiber(NULL, to->lo, to->size);
}

/* So the stack of a thread is known, too, once it was left. */
static __always_inline void san__arrive(void *own, struct san *c)
{
	__sanitizer_finish_switch_fiber(own, &c->lo, &c->size);
}

#define san_clean(lo, size) __asan_unpoison_memory_region(lo, size)

#else

#define san_clean(lo, size) ((void)0)

#endif

#endif /* WEFT_ARCH_SANITIZE_H */
