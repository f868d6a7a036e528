// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * preempt.c - a G that opted in is stopped at any instruction of a stretch.
 *
 *	the G's M		sysmon			the handler
 *
 *	enable: open = 1
 *	unblock the signal
 *	computes		the slice is over:
 *				expired = 1, tgkill --> on the alternate stack:
 *							look, then return to
 *	the trampoline, on  <-------------------------- the trampoline, the
 *	  the G's stack					signal blocked
 *	saves all registers
 *	weft__preempted():
 *	  open = 0; yield; maybe another M; open = 1
 *	registers, unblock
 *	computes
 *	disable: block the
 *	  signal, open = 0
 *
 * A C program cannot be stopped just anywhere: it may hold a lock of libc, have
 * the address of a thread-local variable in a register, or be in the middle of
 * weft itself, whose fast paths are inlined into the program and carry no mark.
 * So what counts is not where the code is but what it has promised, and three
 * rules keep that safe by construction:
 *
 *	- The signal is blocked in every M but in a stretch: the mask is the
 *	  lock.  Nothing of weft can be interrupted, and a G without a stretch
 *	  sees no signal at all, so that none of its calls fails with EINTR.
 *	- In a stretch only code of the object that opened it is interrupted,
 *	  not what it calls in libc or elsewhere, where locks and errno are.  A
 *	  later tick tries again; what is not preempted in three ticks is a hog
 *	  (hog.c).
 *	- The handler switches nothing.  It runs on the alternate stack, and
 *	  looks whether all is as expected: the slice over, the stack pointer
 *	  in the G's stack with enough room below it.
 *
 * A call of weft in a stretch breaks the promise; the slow paths notice.
 *
 * In a static program the C library is of the same object as the program, and
 * the second rule cannot be kept: refused.
 */
#include "preempt.h"
#include "gpool.h"
#include "../arch/preempt.h"
#include "../arch/syscall.h"
#include "../ctx/stack.h"
#include "../os/text.h"

#include <unistd.h>
#include <weft/preempt.h>

/* What the way to the next G needs below the trampoline's frame. */
#define ROOM 8192

#define KERNEL_SET 8	/* bytes of the kernel's sigset_t */

u64 weft__preempt_set;

static struct sigaction host;	/* under S.mlock, as the next */
static int installed;		/* the signal, or 0 */

/* ---- the signal ---- */

static bool may_stop(struct m *m, const ucontext_t *uc)
{
	uintptr_t pc = preempt_pc(uc), sp = preempt_sp(uc);
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), lo, top;
	struct g *g = m->cur;

	if (!READ_ONCE(m->stretch.open) || !READ_ONCE(m->expired) ||
	    READ_ONCE(m->state) != M_RUN || g == &m->g0)
		return false;
	if (pc < m->stretch.lo || pc >= m->stretch.hi || preempt_inside(pc))
		return false;
	lo = (uintptr_t)g->stk;
	top = lo + stack_size(g->cls);
	/* No alternate stack: the signal's frame is where ours would be. */
	if (here >= lo && here < top)
		return false;
	return sp <= top && sp >= lo + weft__stack_guard() + ROOM +
					preempt_room();
}

static void handler(int sig, siginfo_t *si, void *ucontext)
{
	ucontext_t *uc = ucontext;
	struct m *m = this_m();

	(void)si;
	if (!m)
		return;
	WRITE_ONCE(m->stretch.sent, 0);
	if (!may_stop(m, uc))
		return;
	sigaddset(&uc->uc_sigmask, sig);
	preempt_redirect(uc);
}

static bool ours(int sig, struct sigaction *now)
{
	sigaction(sig, NULL, now);
	return now->sa_flags & SA_SIGINFO && now->sa_sigaction == handler;
}

static void restore(void)
{
	struct sigaction now;

	/* Unless the host has put its own there meanwhile. */
	if (installed && ours(installed, &now))
		sigaction(installed, &host, NULL);
	installed = 0;
}

static int install(int sig)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK |
					    SA_RESTART };
	struct sigaction now;

	if (!ours(sig, &now)) {
		if (now.sa_handler != SIG_DFL)
			return -EBUSY;
		host = now;
	}
	sa.sa_sigaction = handler;
	weft__preempt_set = 1ull << (sig - 1);
	if (sigaction(sig, &sa, NULL))
		return -EINVAL;
	installed = sig;
	return 0;
}

static int prepare(void)
{
	int sig = (int)S.opts.preempt_signal, ret = 0;

	if (preempt_probe() || !weft__text_shared())
		return -ENOTSUP;
	weft__lock(&S.mlock);
	if (installed != sig) {
		restore();
		ret = install(sig);
	}
	weft__unlock(&S.mlock);
	return ret;
}

/* A spawn: g opts in. */
int weft__preempt_permit(struct g *g)
{
	int ret = prepare();

	if (!ret)
		g_flag(g, GF_PREEMPT);
	return ret;
}

void weft__preempt_release(void)
{
	restore();
}

/*
 * Anyone: m's slice is over and Gs wait.  False: m is in no stretch.  At most
 * one signal is on its way: those for real time would queue up.
 */
bool weft__preempt_send(struct m *m)
{
	if (!READ_ONCE(m->stretch.open))
		return false;
	if (!xchg(&m->stretch.sent, 1))
		weft__syscall(SYS_tgkill, getpid(), m->tid, installed);
	return true;
}

/* From the trampoline, the signal blocked; returns maybe on another M. */
__attribute__((used)) void weft__preempted(void)
{
	struct m *m = this_m();
	uintptr_t lo = m->stretch.lo, hi = m->stretch.hi;

	WRITE_ONCE(m->stretch.open, 0);
	stat_inc(m->n.preempted);
	trace(m, PREEMPT, m->cur->id, m->tok);
	weft__slice_over();
	m = this_m();
	m->stretch.lo = lo;
	m->stretch.hi = hi;
	WRITE_ONCE(m->stretch.open, 1);
}

/* ---- stretches ---- */

static void set_blocked(int how)
{
	weft__syscall(SYS_rt_sigprocmask, how, &weft__preempt_set, NULL,
		      KERNEL_SET);
}

/* After the system call nothing may be used that belongs to the M. */
weft__noinline int weft_preempt_enable(void)
{
	uintptr_t pc = (uintptr_t)__builtin_return_address(0);
	struct m *m = this_m();

	if (!m || !(m->cur->flags & GF_PREEMPT))
		return -EPERM;
	if (m->stretch.open)
		return -EBUSY;
	if ((pc < m->stretch.lo || pc >= m->stretch.hi) &&
	    !weft__text_of(pc, &m->stretch.lo, &m->stretch.hi))
		m->stretch.lo = m->stretch.hi = 0;	/* made at run time */
	WRITE_ONCE(m->stretch.open, 1);
	set_blocked(SIG_UNBLOCK);
	return 0;
}

/* Which M this is, is known when the signal is blocked, not before. */
weft__noinline int weft_preempt_disable(void)
{
	struct m *m;

	if (!this_m())
		return -EPERM;
	set_blocked(SIG_BLOCK);
	m = this_m();
	if (!m->stretch.open)
		return -EPERM;
	WRITE_ONCE(m->stretch.open, 0);
	return 0;
}

/* A slow path of weft was entered from a stretch. */
_Noreturn void weft__preempt_broken(struct m *m)
{
	weft__bug(m->cur,
		  "a call of weft, or the end of the G, between "
		  "weft_preempt_enable() and weft_preempt_disable()");
}
