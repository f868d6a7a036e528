/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * symbol.h - an address as a reader knows it.
 */
#ifndef WEFT_OBS_SYMBOL_H
#define WEFT_OBS_SYMBOL_H

#include <stddef.h>

/*
 * "name+0x1c", or "file+0x40f1c" where there is no name, or the address; of
 * NULL what none says.  In buf, cut to n; by dladdr(), which takes a lock.
 */
const char *weft__symbol(char *buf, size_t n, const void *addr,
			 const char *none);

#endif /* WEFT_OBS_SYMBOL_H */
