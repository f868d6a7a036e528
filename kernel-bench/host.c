// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * host.c - what a result was measured on and with.
 */
#include "driver.h"

#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define RSEQ_ON (__rseq_size > 0)
#else
#define RSEQ_ON 0
#endif

extern char **environ;

static void kernel(char *buf, size_t size)
{
	struct utsname u;

	uname(&u);
	snprintf(buf, size, "%s %s", u.release, u.machine);
}

static void date(char *buf, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void cpu(char *buf, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *colon;

	snprintf(buf, size, "unknown CPU");
	while (f && fgets(line, sizeof(line), f)) {
		colon = strchr(line, ':');
		if (strncmp(line, "model name", 10) || !colon)
			continue;
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(buf, size, "%s", colon + 2);
		break;
	}
	if (f)
		fclose(f);
}

static bool has_membarrier_rseq(void)
{
	long cmds = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	return cmds > 0 && (cmds & MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ);
}

/* Compiler, features, and each WEFT_ variable that changes something. */
static void flags(char *buf, size_t size, const struct options *o)
{
	char **e;
	size_t n;

#ifdef __clang__
	n = snprintf(buf, size, "%s", __VERSION__);
#else
	n = snprintf(buf, size, "gcc %s", __VERSION__);
#endif
#ifndef __OPTIMIZE__
	n += snprintf(buf + n, size - n, " -O0");
#endif
	n += snprintf(buf + n, size - n, ", inline %s, rseq %s, membarrier %s%s",
		      bench_inlined ? "on" : "off", RSEQ_ON ? "on" : "off",
		      has_membarrier_rseq() ? "on" : "off",
		      o->quick ? ", quick" : "");
	for (e = environ; *e && n < size; e++)
		if (!strncmp(*e, "WEFT_", 5) &&
		    strncmp(*e, "WEFT_PROCS=", 11))
			n += snprintf(buf + n, size - n, ", %s", *e);
}

void host_read(struct host *h, const struct options *o)
{
	kernel(h->kernel, sizeof(h->kernel));
	flags(h->flags, sizeof(h->flags), o);
	cpu(h->cpu, sizeof(h->cpu));
	date(h->date, sizeof(h->date));
}
