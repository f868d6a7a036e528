// SPDX-License-Identifier: GPL-2.0-only
/*
 * inside.c - waits for weft-bpf, then looks whether a block of one of its Ms is
 * seen; for check.sh, which starts it in a namespace.  Status 0 if so.
 */
#include "../core/rt.h"
#include <core/seen.h>

static int fd[2];
static u32 stop;

static void *spins(void *arg)
{
	G_SPIN(rt_get(&stop));
	return arg;
}

static struct m *reader;

static void *reads(void *arg)
{
	char c;

	WRITE_ONCE(reader, this_m());
	CHECK(read(fd[0], &c, 1) == 1);
	return arg;
}

int main(void)
{
	bool ok;

	if (pipe(fd) || rt_start(1) || weft_go(spins, NULL))
		return 2;
	ok = AWAIT(weft__detect_on());
	rt_set(&stop, 1);
	if (weft_go(reads, NULL) || !AWAIT(READ_ONCE(reader)))
		return 3;
	ok = ok && AWAIT(m_seen(reader) == WEFT__SEEN_BLOCKED);
	if (write(fd[1], "x", 1) != 1 || !rt_stop())
		return 4;
	return ok ? 0 : 1;
}
