/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * text.h - which program or shared object a piece of code is of.
 */
#ifndef WEFT__TEXT_H
#define WEFT__TEXT_H

#include "arch/compiler.h"

/**
 * weft__text_of() - the executable segment around an instruction
 * @pc:		its address
 * @lo:		where the segment begins
 * @hi:		and ends
 *
 * Takes a lock of the dynamic loader.
 *
 * Return: true; false if it is of no loaded object (made at run time).
 */
bool weft__text_of(uintptr_t pc, uintptr_t *lo, uintptr_t *hi);

/** weft__text_shared() - false: all is one object, the C library included */
bool weft__text_shared(void);

#endif /* WEFT__TEXT_H */
