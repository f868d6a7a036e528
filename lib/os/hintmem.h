/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * hintmem.h - the shared mapping of weft/hint_page.h.
 */
#ifndef WEFT__HINTMEM_H
#define WEFT__HINTMEM_H

#include "arch/compiler.h"

#include <weft/hint_page.h>

#define WEFT__HINT_PAGE 4096u

/** weft__hintmem_probe() - can there be a memory file?  NULL, or why not */
const char *weft__hintmem_probe(void);

/**
 * weft__hintmem_open() - map it
 * @n:		for so many Ms
 *
 * Shared with who looks from outside if the feature WEFT__HINTS is on, else
 * private.  One at a time.
 *
 * Return: 0, -ENOMEM.
 */
int weft__hintmem_open(u32 n);

/** weft__hint_words() - those of M @id, zero at first */
struct weft_hint_words *weft__hint_words(u32 id);

/** weft__hintmem_close() - unmap it; nobody looks any more */
void weft__hintmem_close(void);

#endif /* WEFT__HINTMEM_H */
