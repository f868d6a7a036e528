// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * calls.c - names of system calls, and the table of blocked ones in print.
 *
 * The names come from <asm/unistd.h> of where the library is built.
 */
#include "calls.h"

#include <asm/unistd.h>
#include <stdio.h>

static const char *const names[] = {
#define CALL(name) [__NR_##name] = #name,
#include <generated/calls.h>
#undef CALL
};

const char *weft__call_name(int nr, char buf[CALL_NAME])
{
	if (nr == -1)
		return "page fault";
	if (nr >= 0 && nr < (int)ARRAY_SIZE(names) && names[nr])
		return names[nr];
	snprintf(buf, CALL_NAME, "call %d", nr);
	return buf;
}

/* The next in order after the one at rank prev; -1: the first. */
static bool before(const struct calls_entry *a, const struct calls_entry *b)
{
	u64 x = READ_ONCE(a->total_ns), y = READ_ONCE(b->total_ns);

	return x != y ? x > y : a < b;
}

static void print_entry(const struct calls_entry *e,
			void (*line)(const char *fmt, ...)
				__attribute__((format(printf, 1, 2))))
{
	bool named = smp_load_acquire(&e->named);
	u64 total = READ_ONCE(e->total_ns), max = READ_ONCE(e->max_ns);
	char buf[CALL_NAME];

	line("weft: %8llu %9llu.%03llu %7llu.%03llu  %-16s %s; runs %s",
	     (unsigned long long)READ_ONCE(e->count),
	     (unsigned long long)(total / 1000000),
	     (unsigned long long)(total / 1000 % 1000),
	     (unsigned long long)(max / 1000000),
	     (unsigned long long)(max / 1000 % 1000),
	     weft__call_name(calls_nr(READ_ONCE(e->key)), buf),
	     named ? e->where : "?", named ? e->runs : "?");
}

void weft__calls_print(const struct calls *c,
		       void (*line)(const char *fmt, ...)
			       __attribute__((format(printf, 1, 2))))
{
	const struct calls_entry *e[CALLS_MAX], *x;
	u32 i, j, n = 0;

	for (i = 0; i < CALLS_MAX; i++) {
		x = &c->e[i];
		if (!READ_ONCE(x->key))
			continue;
		for (j = n++; j && before(x, e[j - 1]); j--)
			e[j] = e[j - 1];
		e[j] = x;
	}
	line("weft: blocked calls that the runtime noticed: %u kinds", n);
	if (n)
		line("weft: %8s %13s %11s  %-16s started at", "count",
		     "total ms", "max ms", "call");
	for (i = 0; i < n; i++)
		print_entry(e[i], line);
	if (c->lost)
		line("weft: and %llu others, for which the table had no room",
		     (unsigned long long)c->lost);
}
