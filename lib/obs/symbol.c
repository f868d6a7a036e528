// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * symbol.c - an address as a reader knows it.
 */
#define _GNU_SOURCE
#include "symbol.h"

#include <dlfcn.h>
#include <stdio.h>

const char *weft__symbol(char *buf, size_t n, const void *addr,
			 const char *none)
{
	const char *name, *base;
	Dl_info i;

	if (!addr) {
		snprintf(buf, n, "%s", none);
		return buf;
	}
	if (!dladdr(addr, &i)) {
		snprintf(buf, n, "%p", addr);
		return buf;
	}
	name = i.dli_sname ? i.dli_sname : i.dli_fname;
	base = i.dli_sname ? i.dli_saddr : i.dli_fbase;
	snprintf(buf, n, "%s+0x%zx", name,
		 (size_t)((const char *)addr - base));
	return buf;
}
