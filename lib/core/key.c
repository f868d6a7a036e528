// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * key.c - values that each G has for itself, and the cold end of a G.
 *
 * A table of destructors for the process; an array of values for a G, made at
 * its first set.  As for POSIX thread keys, up to four rounds of destructors
 * run at its end, and deleting a key runs none.
 */
#include "policy_hooks.h"
#include "gpool.h"
#include "g_end.h"
#include "preempt.h"
#include "run.h"

#include <weft/g.h>
#include <stdlib.h>

#define ROUNDS 4

struct key {
	u32 used;		/* generation << 1 | in use; under the lock */
	void (*dtor)(void *);
};

static struct weft__lock lock;	/* guards keys[] for writers */
static struct key keys[WEFT_KEYS_MAX];

struct slot {
	u32 gen;		/* of the key that it was set under */
	void *val;
};

int weft_key_create(weft_key *key, void (*dtor)(void *))
{
	u32 i;

	if (!key)
		return -EINVAL;
	weft__lock(&lock);
	for (i = 0; i < WEFT_KEYS_MAX && keys[i].used & 1; i++)
		;
	if (i < WEFT_KEYS_MAX) {
		keys[i].dtor = dtor;
		smp_store_release(&keys[i].used, keys[i].used + 3);
		*key = i;
	}
	weft__unlock(&lock);
	return i < WEFT_KEYS_MAX ? 0 : -EAGAIN;
}

static bool valid(weft_key key, u32 *gen)
{
	if (key >= WEFT_KEYS_MAX)
		return false;
	*gen = smp_load_acquire(&keys[key].used);
	return *gen & 1;
}

int weft_key_delete(weft_key key)
{
	int ret = -EINVAL;
	u32 gen;

	weft__lock(&lock);
	if (valid(key, &gen)) {
		smp_store_release(&keys[key].used, gen - 1);
		ret = 0;
	}
	weft__unlock(&lock);
	return ret;
}

static struct slot *slots_of(const struct g *g)
{
	if (!(g->flags & GF_COLD))
		return NULL;
	return (struct slot *)g_cold(g)->keys;
}

void *weft_key_get(weft_key key)
{
	struct m *m = this_m();
	struct slot *s = m ? slots_of(m->cur) : NULL;
	u32 gen;

	if (!s || !valid(key, &gen) || s[key].gen != gen)
		return NULL;
	return s[key].val;
}

int weft_key_set(weft_key key, const void *val)
{
	struct m *m = this_m();
	struct slot *s;
	u32 gen;

	if (!m)
		return -EPERM;
	if (!valid(key, &gen))
		return -EINVAL;
	s = slots_of(m->cur);
	if (!s) {
		s = calloc(WEFT_KEYS_MAX, sizeof(*s));
		if (!s)
			return -ENOMEM;
		g_flag(m->cur, GF_COLD);
		g_cold(m->cur)->keys = (void **)s;
	}
	s[key] = (struct slot){ gen, (void *)(uintptr_t)val };
	return 0;
}

static bool one_round(struct slot *s)
{
	bool ran = false;
	void *val;
	u32 i, gen;

	for (i = 0; i < WEFT_KEYS_MAX; i++) {
		val = s[i].val;
		s[i].val = NULL;
		if (!val || !valid(i, &gen) || gen != s[i].gen ||
		    !keys[i].dtor)
			continue;
		keys[i].dtor(val);
		ran = true;
	}
	return ran;
}

static void run_dtors(struct g *g)
{
	struct slot *s = slots_of(g);
	int i;

	for (i = 0; s && i < ROUNDS && one_round(s); i++)
		;
	free(s);
	g_cold(g)->keys = NULL;
}

/* g ends with flags set: destructors, which may switch; then all is clean. */
void weft__g_end(struct g *g)
{
	no_stretch(this_m());
	if (g->flags & GF_COLD)
		run_dtors(g);
	weft__unlock_all(g);
	if (g->flags & GF_POLICY)
		weft__policy_ended(g);
	if (g->flags & GF_COLD)
		*g_cold(g) = (struct gcold){ 0 };
	own_set(g->flags, 0);
}

void weft__keys_forked(void)
{
	lock = (struct weft__lock)WEFT__LOCK_INIT;
}
