// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * ucontext.c - the switch by swapcontext(), for machines without their own.
 *
 * What travels in registers elsewhere goes through a thread-local letter: it
 * is written right before the switch, and read right after it on the same
 * kernel thread.
 */
#include "../core/m.h"

#if !defined(__x86_64__) || defined(WEFT_CONTEXT_UCONTEXT)

#include <stdint.h>

struct letter {
	struct m *m;
	struct g *prev;
	struct ctx *pc;
	u64 post;
};

static __thread struct letter letter;

/* Not inlined: a compiler may keep a thread-local address over a switch. */
static weft__noinline struct letter *my_letter(void)
{
	barrier();
	return &letter;
}

weft__noinline struct m *weft__this_m(void)
{
	barrier();
	return *(struct m *volatile *)&weft__m;
}

static void resume(ucontext_t *from, struct ctx *to)
{
	swapcontext(from, to->uc);
}

void weft__ctx_switch(struct m **m, struct g **prev, struct ctx **pc,
		      struct ctx *to, u64 *post)
{
	ucontext_t uc;
	struct letter *l = my_letter();

	*l = (struct letter){ *m, *prev, *pc, *post };
	(*pc)->uc = &uc;
	(*pc)->sp = __builtin_frame_address(0);
	resume(&uc, to);
	l = my_letter();
	*m = l->m;
	*prev = l->prev;
	*pc = l->pc;
	*post = l->post;
}

void weft__g_main(struct m *m, struct g *prev, struct ctx *pc, u64 post);

static void entry(void)
{
	struct letter l = *my_letter();

	weft__g_main(l.m, l.prev, l.pc, l.post);
}

/*
 * The context and its ucontext_t stay at the top; what runs has the rest.  The
 * size is only told for form: the stack ends where its guard page is.
 */
void weft__ctx_make(struct ctx *c, void *top)
{
	ucontext_t *uc = (ucontext_t *)(((uintptr_t)top - sizeof(*uc)) & -64);

	getcontext(uc);
	uc->uc_stack.ss_sp = (char *)uc - 4096;
	uc->uc_stack.ss_size = 4096;
	uc->uc_link = NULL;
	makecontext(uc, entry, 0);
	*c = (struct ctx){ .sp = uc, .uc = uc, .fp = weft__fp_start };
}

#endif
