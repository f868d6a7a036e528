// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * g_exit.c - weft_exit(): leave a G from anywhere.
 *
 * The stack is unwound up to the call of the G's function, as pthread_exit()
 * does: cleanups and C++ destructors run.  That call stands in weft__call,
 * whose frame has a personality (entry.S); it tells the unwinder to go on
 * behind the call, with the result.  This works for a child that runs as a
 * call on its joiner's stack, too: the innermost weft__call is its own.
 */
#include "sched.h"
#include "gpool.h"

#include <stdlib.h>
#include <unwind.h>

#if defined(__x86_64__) && !defined(WEFT_CONTEXT_UCONTEXT)

#define EXIT_CLASS 0x574546540045584full	/* "WEFT\0EXO" */

extern char weft__call_exit[];

struct leaving {
	struct _Unwind_Exception ex;
	void *ret;
};

_Unwind_Reason_Code weft__personality(int version, _Unwind_Action actions,
				      _Unwind_Exception_Class cls,
				      struct _Unwind_Exception *ex,
				      struct _Unwind_Context *ctx);

_Unwind_Reason_Code weft__personality(int version, _Unwind_Action actions,
				      _Unwind_Exception_Class cls,
				      struct _Unwind_Exception *ex,
				      struct _Unwind_Context *ctx)
{
	struct leaving *l = (struct leaving *)ex;

	(void)version;
	if (!(actions & _UA_CLEANUP_PHASE) || cls != EXIT_CLASS)
		return _URC_CONTINUE_UNWIND;
	_Unwind_SetGR(ctx, __builtin_eh_return_data_regno(0),
		      (_Unwind_Word)l->ret);
	_Unwind_SetIP(ctx, (_Unwind_Ptr)weft__call_exit);
	free(l);
	return _URC_INSTALL_CONTEXT;
}

static _Unwind_Reason_Code go_on(int version, _Unwind_Action actions,
				 _Unwind_Exception_Class cls,
				 struct _Unwind_Exception *ex,
				 struct _Unwind_Context *ctx, void *arg)
{
	(void)version, (void)cls, (void)ex, (void)ctx, (void)arg;
	return actions & _UA_END_OF_STACK ? _URC_END_OF_STACK : _URC_NO_REASON;
}

_Noreturn void weft__exit(void *ret)
{
	struct m *m = this_m();
	struct leaving *l;

	if (!m)
		weft__bug(NULL, "weft_exit() outside a G");
	l = calloc(1, sizeof(*l));
	if (!l)
		weft__bug(m->cur, "weft_exit(): no memory to unwind with");
	l->ex.exception_class = EXIT_CLASS;
	l->ret = ret;
	_Unwind_ForcedUnwind(&l->ex, go_on, NULL);
	weft__bug(this_m()->cur,
		  "weft_exit(): a caller was compiled without unwind tables");
}

#else

#include <setjmp.h>

/* Without our own frames: a chain of jump buffers, one for each call. */
struct frame {
	jmp_buf env;
	struct frame *up;
	void *ret;
};

void *weft__call(weft__fn *fn, void *arg)
{
	struct g *g = this_m()->cur;
	struct frame f = { .up = g_cold(g)->frame };
	void *ret;

	g_cold(g)->frame = &f;
	if (_setjmp(f.env))
		ret = f.ret;
	else
		ret = fn(arg);
	if (this_m())
		g_cold(this_m()->cur)->frame = f.up;
	return ret;
}

_Noreturn void weft__exit(void *ret)
{
	struct m *m = this_m();
	struct frame *f;

	if (!m)
		weft__bug(NULL, "weft_exit() outside a G");
	f = g_cold(m->cur)->frame;
	f->ret = ret;
	_longjmp(f->env, 1);
}

#endif
