/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * overflow.h - a G that ran into its guard page is named, not just killed.
 */
#ifndef WEFT_CTX_OVERFLOW_H
#define WEFT_CTX_OVERFLOW_H

/*
 * Catch SIGSEGV and SIGBUS; report() is asked whether an address is the guard
 * page of the G that runs, and then writes what it knows to fd 2.  Other
 * faults go to whoever handled the signal before.
 */
void weft__overflow_catch(_Bool (*report)(const void *addr, void *ucontext));
void weft__overflow_release(void);

/* An alternate signal stack for the calling thread; NULL: it has one. */
void *weft__altstack_new(void);
void weft__altstack_free(void *stk);
/* Do we run on this one, in a handler? */
_Bool weft__altstack_on(const void *stk);

#endif /* WEFT_CTX_OVERFLOW_H */
