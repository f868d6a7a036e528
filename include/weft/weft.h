/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * weft.h - all of weft.
 *
 * weft runs very many lightweight threads (Gs) on few kernel threads (Ms).
 * A first program:
 *
 *	#include <weft/weft.h>
 *
 *	static void *hello(void *name)
 *	{
 *		printf("hello, %s\n", (char *)name);
 *		return NULL;
 *	}
 *
 *	static int start(void *arg)
 *	{
 *		return weft_go(hello, "world");
 *	}
 *
 *	int main(void)
 *	{
 *		return weft_run(start, NULL);
 *	}
 *
 * A program that defines WEFT_INLINE before it includes this file gets the
 * bodies of the calls that may switch (weft/inline.h): the return after a
 * switch is then a predicted jump.  Such a program is bound to one layout of
 * the library, and weft_start refuses it when the two differ.
 */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include "run.h"
#include "g.h"
#include "park.h"
#include "block.h"
#include "hint.h"
#include "chan.h"
#include "ctx.h"
#include "group.h"
#include "sync.h"
#include "time.h"
#include "preempt.h"
#include "stats.h"
#include "policy.h"

#ifdef WEFT_INLINE
#include "inline.h"
#endif

#endif /* WEFT_WEFT_H */
