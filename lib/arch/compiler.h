/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * compiler.h - types, hints and shared memory accesses.
 *
 * Shared memory is touched through these only, so that each access says what
 * it relies on:
 *
 *	READ_ONCE, WRITE_ONCE	one access, no order
 *	smp_load_acquire	what follows stays after it
 *	smp_store_release	what precedes stays before it
 *	xchg, cas, atomic_*	a full fence on both sides
 *	*_acquire, *_release	as far as their names go
 *	smp_mb			a full fence
 *	barrier			the compiler only; its partner is a membarrier
 *
 * Everything else is owned by one thread, or guarded by a lock.
 */
#ifndef WEFT_ARCH_COMPILER_H
#define WEFT_ARCH_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define weft__noinline __attribute__((noinline))
#define weft__cold __attribute__((cold, noinline))

#define WEFT__LINE 64

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ __volatile__("" ::: "memory")

#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define smp_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#define xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
#define atomic_sub(p, v) __atomic_sub_fetch((p), (v), __ATOMIC_SEQ_CST)
#define atomic_or(p, v) __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define atomic_and(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)

#define xchg_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define xchg_release(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)

/* True if *p was old, and is new_ now. */
#define cas(p, old, new_)                                                     \
	__extension__({                                                       \
		__typeof__(*(p)) weft__old = (old);                           \
		__atomic_compare_exchange_n((p), &weft__old, (new_), false,   \
					    __ATOMIC_SEQ_CST,                 \
					    __ATOMIC_RELAXED);                \
	})

/* What *p was: old if it is new_ now. */
#define cmpxchg_acquire(p, old, new_)                                         \
	__extension__({                                                       \
		__typeof__(*(p)) weft__old = (old);                           \
		__atomic_compare_exchange_n((p), &weft__old, (new_), false,   \
					    __ATOMIC_ACQUIRE,                 \
					    __ATOMIC_RELAXED);                \
		weft__old;                                                    \
	})

/* A counter with one writer: readers may see it a little late. */
#define stat_add(c, n) WRITE_ONCE(c, (c) + (n))
#define stat_inc(c) stat_add(c, 1)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member)                                       \
	((type *)((char *)(ptr) - offsetof(type, member)))

static __always_inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield" ::: "memory");
#else
	barrier();
#endif
}

#endif /* WEFT_ARCH_COMPILER_H */
