/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * inline.h - bodies of the calls that may switch; by weft.h under WEFT_INLINE.
 *
 * A switch leaves by an indirect jump, and the place where a G comes back is
 * predicted by that jump's history.  A function's return behind it is not: the
 * return predictor expects the caller of the G that left.  Inlined, there is
 * no return.  Measured by weft-bench (impl "weft" against "weft-lib").
 *
 * The price: the program knows the layout of a G, an M and a P.  It says so
 * when it is loaded, and weft_start answers -EPROTO if the library's differs.
 * This header also claims what impl/ declares: the tags g, m, p, ctx, node and
 * the like, and the names of impl/core/fast.h.
 */
#ifndef WEFT_INLINE_H
#define WEFT_INLINE_H

#ifndef __cplusplus	/* a C++ program calls the functions */

/* Extensions of the language are meant here, whatever a program forbids. */
#pragma GCC system_header

#include "block.h"
#include "chan.h"
#include "g.h"
#include "park.h"
#include "sync.h"

#include "impl/core/fast.h"
#include "impl/sync/chan.h"
#include "impl/sync/sync.h"

void weft__layout_seen(uint64_t layout);

__attribute__((constructor)) static void weft__layout_note(void)
{
	weft__layout_seen(WEFT__LAYOUT);
}

static __always_inline int weft__inline_go(weft_fn *fn, void *arg)
{
	return g_spawn(NULL, fn, arg, JOIN_DETACHED, here());
}

static __always_inline int weft__inline_spawn(struct weft_g **gp,
					      const struct weft_attr *attr,
					      weft_fn *fn, void *arg)
{
	if (attr || !gp)
		return weft_spawn(gp, attr, fn, arg);
	return g_spawn((struct g **)gp, fn, arg, JOIN_NONE, here());
}

static __always_inline int weft__inline_join(struct weft_g *g, void **ret)
{
	return g_join((struct g *)g, ret);
}

static __always_inline int weft__inline_park(struct weft_parker *p)
{
	return parker_park((struct bias *)p);
}

static __always_inline int weft__inline_unpark(struct weft_parker *p)
{
	return parker_unpark((struct bias *)p);
}

static __always_inline int weft__inline_chan_send(struct weft_chan *c,
						  const void *elem)
{
	return chan_send((struct chan *)c, elem);
}

static __always_inline int weft__inline_chan_recv(struct weft_chan *c,
						  void *elem)
{
	return chan_recv((struct chan *)c, elem);
}

static __always_inline int weft__inline_mutex_lock(struct weft_mutex *mx)
{
	return mutex_lock((struct mutex *)mx);
}

static __always_inline int weft__inline_mutex_unlock(struct weft_mutex *mx)
{
	return mutex_unlock((struct mutex *)mx);
}

static __always_inline int weft__inline_cond_wait(struct weft_cond *c,
						  struct weft_mutex *mx)
{
	return cond_wait((struct cond *)c, (struct mutex *)mx);
}

static __always_inline int weft__inline_cond_signal(struct weft_cond *c)
{
	return cond_signal((struct cond *)c);
}

static __always_inline int weft__inline_sem_acquire(struct weft_sem *s)
{
	return sem_acquire((struct sem *)s);
}

static __always_inline int weft__inline_sem_release(struct weft_sem *s,
						    uint64_t n)
{
	return sem_release((struct sem *)s, n);
}

static __always_inline int weft__inline_rwlock_read(struct weft_rwlock *rw)
{
	return rwlock_read((struct rwlock *)rw);
}

static __always_inline int
weft__inline_rwlock_read_unlock(struct weft_rwlock *rw)
{
	return rwlock_read_unlock((struct rwlock *)rw);
}

static __always_inline int weft__inline_rwlock_write(struct weft_rwlock *rw)
{
	return rwlock_write((struct rwlock *)rw);
}

static __always_inline int
weft__inline_rwlock_write_unlock(struct weft_rwlock *rw)
{
	return rwlock_write_unlock((struct rwlock *)rw);
}

/* The functions of these names stay there: &weft_yield is one. */
#define weft_go(fn, arg) weft__inline_go(fn, arg)
#define weft_spawn(gp, attr, fn, arg) weft__inline_spawn(gp, attr, fn, arg)
#define weft_join(g, ret) weft__inline_join(g, ret)
#define weft_yield() g_yield()
#define weft_park(p) weft__inline_park(p)
#define weft_unpark(p) weft__inline_unpark(p)
#define weft_chan_send(c, elem) weft__inline_chan_send(c, elem)
#define weft_chan_recv(c, elem) weft__inline_chan_recv(c, elem)
#define weft_mutex_lock(mx) weft__inline_mutex_lock(mx)
#define weft_mutex_unlock(mx) weft__inline_mutex_unlock(mx)
#define weft_cond_wait(c, mx) weft__inline_cond_wait(c, mx)
#define weft_cond_signal(c) weft__inline_cond_signal(c)
#define weft_sem_acquire(s) weft__inline_sem_acquire(s)
#define weft_sem_release(s, n) weft__inline_sem_release(s, n)
#define weft_rwlock_read(rw) weft__inline_rwlock_read(rw)
#define weft_rwlock_read_unlock(rw) weft__inline_rwlock_read_unlock(rw)
#define weft_rwlock_write(rw) weft__inline_rwlock_write(rw)
#define weft_rwlock_write_unlock(rw) weft__inline_rwlock_write_unlock(rw)
#define weft_block_begin() block_begin()
#define weft_block_end() block_end()

#endif /* __cplusplus */

#endif /* WEFT_INLINE_H */
