// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * overflow.c - the SIGSEGV handler and the alternate stacks; see overflow.h.
 *
 * The handler runs on the alternate stack, since the G has none left.  After
 * its report the signal's default action takes its course, so that a core
 * dump shows the place.
 */
#include "overflow.h"
#include "../os/mem.h"

#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static struct sigaction old_segv, old_bus;
static _Bool (*who)(const void *addr, void *ucontext);
static _Bool installed;	/* ours is somewhere in the chain of handlers */

static size_t altstack_size(void)
{
	long min = sysconf(_SC_MINSIGSTKSZ);
	size_t sz = (size_t)(min > 0 ? min : 8192) + 32768;

	return (sz + 4095) & ~(size_t)4095;
}

static void again_by_default(int sig)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };

	sigaction(sig, &sa, NULL);	/* the instruction faults once more */
}

static void chain(int sig, siginfo_t *si, void *uc)
{
	struct sigaction *old = sig == SIGSEGV ? &old_segv : &old_bus;

	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(sig, si, uc);
	} else if (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN) {
		again_by_default(sig);
		if (si->si_code <= 0)	/* sent, not caused: send it on */
			raise(sig);
	} else {
		old->sa_handler(sig);
	}
}

static void handler(int sig, siginfo_t *si, void *uc)
{
	if (si->si_code > 0 && who && who(si->si_addr, uc))
		again_by_default(sig);
	else
		chain(sig, si, uc);
}

void weft__overflow_catch(_Bool (*report)(const void *addr, void *ucontext))
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
	void *frame;

	who = report;
	if (installed)
		return;
	/* The first backtrace loads a library: not in the handler. */
	backtrace(&frame, 1);
	installed = 1;
	sa.sa_sigaction = handler;
	sigaction(SIGSEGV, &sa, &old_segv);
	sigaction(SIGBUS, &sa, &old_bus);
}

static _Bool on_top(int sig)
{
	struct sigaction now;

	sigaction(sig, NULL, &now);
	return now.sa_flags & SA_SIGINFO && now.sa_sigaction == handler;
}

/*
 * Unless the host has put a handler of its own on top, which may call ours:
 * then it stays, and passes everything on.
 */
void weft__overflow_release(void)
{
	if (!on_top(SIGSEGV) || !on_top(SIGBUS)) {
		who = NULL;
		return;
	}
	sigaction(SIGSEGV, &old_segv, NULL);
	sigaction(SIGBUS, &old_bus, NULL);
	installed = 0;
}

void *weft__altstack_new(void)
{
	size_t sz = altstack_size();
	stack_t ss = { .ss_size = sz }, old;

	if (!sigaltstack(NULL, &old) && !(old.ss_flags & SS_DISABLE))
		return NULL;
	ss.ss_sp = weft__map(sz, 0, -1, 0);
	if (ss.ss_sp && sigaltstack(&ss, NULL)) {
		weft__unmap(ss.ss_sp, sz);
		return NULL;
	}
	return ss.ss_sp;
}

_Bool weft__altstack_on(const void *stk)
{
	static size_t size;	/* who is first writes the same as any other */
	size_t sz = __atomic_load_n(&size, __ATOMIC_RELAXED);

	if (!stk)
		return 0;
	if (!sz) {
		sz = altstack_size();
		__atomic_store_n(&size, sz, __ATOMIC_RELAXED);
	}
	return (size_t)((char *)__builtin_frame_address(0) -
			(const char *)stk) < sz;
}

void weft__altstack_free(void *stk)
{
	stack_t off = { .ss_flags = SS_DISABLE };

	if (!stk)
		return;
	sigaltstack(&off, NULL);
	weft__unmap(stk, altstack_size());
}
