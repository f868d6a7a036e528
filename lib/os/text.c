// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * text.c - which program or shared object a piece of code is of.
 */
#include "os/text.h"

#include <link.h>
#include <sys/auxv.h>

struct lookup {
	uintptr_t pc, lo, hi;
};

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct lookup *l = arg;
	unsigned int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		l->lo = info->dlpi_addr + ph->p_vaddr;
		l->hi = l->lo + ph->p_memsz;
		if (l->pc >= l->lo && l->pc < l->hi)
			return 1;
	}
	return 0;
}

bool weft__text_of(uintptr_t pc, uintptr_t *lo, uintptr_t *hi)
{
	struct lookup l = { .pc = pc };

	if (!dl_iterate_phdr(look, &l))
		return false;
	*lo = l.lo;
	*hi = l.hi;
	return true;
}

/* A program that needs a loader was told where it is. */
bool weft__text_shared(void)
{
	return getauxval(AT_BASE);
}
