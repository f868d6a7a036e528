/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * group.h - work that is started, bounded and waited for together.
 *
 * Each function that is started in a group runs in a G of its own.  The first
 * that returns an error cancels the group's context, which the others should
 * look at; who waits for the group gets that error.
 *
 * The calls may be used from Gs and from ordinary threads while a runtime is
 * there, not in a signal handler.
 */
#ifndef WEFT_GROUP_H
#define WEFT_GROUP_H

#include "ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weft_group;

/**
 * weft_group_new() - a group
 * @parent:	what cancels it from outside; NULL: weft_ctx_background()
 *
 * Needs no runtime.
 *
 * Return: the group; NULL, and errno is ENOMEM or ECHILD.
 */
struct weft_group *weft_group_new(struct weft_ctx *parent);

/**
 * weft_group_free() - give it back
 * @group:	the group; NULL is none
 *
 * Nobody may begin a call on it any more, nor be in one of weft_group_go().
 *
 * Return: 0; -EBUSY: a function of it runs, or somebody waits for it, and
 * nothing was done; -ECHILD.
 */
int weft_group_free(struct weft_group *group);

/**
 * weft_group_limit() - how many of its functions run at once
 * @group:	the group
 * @n:		as many; 0: any number, as in a new one
 *
 * Return: 0; -EBUSY: a function of it runs, or is about to, and nothing was
 * changed; -EINVAL: no group; -ENOMEM, -ECHILD.
 */
int weft_group_limit(struct weft_group *group, size_t n);

/**
 * weft_group_go() - start a function in it, waiting while the limit is reached
 * @group:	the group
 * @fn:		returns 0, or an error; must return: no weft_exit()
 * @arg:	its argument
 *
 * A function of the group may start others; but at the limit that may be a
 * deadlock, if all of them do so.
 *
 * Return: 0; or @fn will not be called: -ECANCELED: the group's context is, or
 * was while we waited; -EINVAL: no group, no @fn; -ENOMEM; -EPERM: no runtime,
 * or in a signal handler; -ECHILD.
 */
int weft_group_go(struct weft_group *group, int (*fn)(void *), void *arg);

/**
 * weft_group_try_go() - the same, but without waiting
 * @group:	the group
 * @fn:		as weft_group_go()
 * @arg:	its argument
 *
 * Return: also -EAGAIN: the limit is reached.
 */
int weft_group_try_go(struct weft_group *group, int (*fn)(void *), void *arg);

/**
 * weft_group_wait() - wait until all functions have returned
 * @group:	the group
 *
 * Then its context is cancelled, so that nothing made from it goes on, and the
 * group may be used again, with a new one.  One at a time may wait.  Not from a
 * function of the group: that is a deadlock.
 *
 * Return: 0: so did all; else what the first that did not returned; -EBUSY:
 * another waits; -EINVAL: no group; -ECHILD.
 */
int weft_group_wait(struct weft_group *group);

/**
 * weft_group_ctx() - the context of what runs in it now
 * @group:	the group
 *
 * A reference of the caller: to be given back by weft_ctx_put().
 *
 * Return: the context; NULL, and errno is EINVAL: no group, ENOMEM, ECHILD.
 */
struct weft_ctx *weft_group_ctx(struct weft_group *group);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_GROUP_H */
