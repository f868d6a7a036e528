// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * bug.c - messages, and the end when an invariant broke.
 *
 * No malloc and no stdio: the process may be in any state.
 */
#include "sched.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void say(const char *fmt, va_list ap)
{
	char line[512];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	ssize_t r;

	if (n < 0)
		return;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	r = write(2, line, (size_t)n);
	(void)r;
}

void weft__say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

_Noreturn void weft__bug(const struct g *g, const char *rule, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, rule);
	vsnprintf(text, sizeof(text), rule, ap);
	va_end(ap);
	if (g)
		weft__say("weft: G %llu: %s", (unsigned long long)g->id, text);
	else
		weft__say("weft: %s", text);
	abort();
}
