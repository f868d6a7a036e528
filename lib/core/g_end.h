/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * g_end.h - what the files about the end of a G share.
 */
#ifndef WEFT_CORE_G_END_H
#define WEFT_CORE_G_END_H

#include "m.h"

/* g_main.c */
void weft__g_main(struct m *m, struct g *prev, struct ctx *pc, u64 post);
bool weft__odd_stack(struct m *m, struct g *dead, struct ctx *dc);
int weft__g_bind(struct m *m, struct g *g, size_t size);
void *weft__g_site(const struct g *g);

/* key.c: run destructors, unlock from its M, clear the cold part; may park */
void weft__g_end(struct g *g);
void weft__keys_end(struct g *g);

/* locked.c */
void weft__unlock_all(struct g *g);

/* join.c: wake an ordinary thread that waits */
void weft__join_wake(uintptr_t w);

#endif /* WEFT_CORE_G_END_H */
