// SPDX-License-Identifier: GPL-2.0-only
/*
 * attach.c - load the program for one process, and attach it.
 */
#include "weft-bpf.h"

#include "os/slot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The program itself, as clang made it */
__asm__(".pushsection .rodata, \"a\"\n"
	".balign 16\n"
	"detect_begin: .incbin \"" DETECT_OBJECT "\"\n"
	"detect_end:\n"
	".popsection\n");
extern const char detect_begin[], detect_end[];

/* What libbpf says goes with our own complaint, and only then. */
static char log_text[65536];
static size_t log_len;

static int keep_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	size_t room = sizeof(log_text) - log_len;
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	n = vsnprintf(log_text + log_len, room, fmt, ap);
	if (n > 0)
		log_len += (size_t)n < room ? (size_t)n : room - 1;
	return n;
}

static int failed(const char *what, int err)
{
	const char *hint = "";

	if (err == -EPERM || err == -EACCES)
		hint = "; it takes CAP_BPF and CAP_PERFMON, and a kernel that "
		       "is not locked down";
	else if (err == -EINVAL || err == -ESRCH)
		hint = "; Linux 5.18 or later?";
	complain("%s: %s%s", what, strerror(-err), hint);
	if (log_len)
		fputs(log_text, stderr);
	return err;
}

static int configure(struct bpf_object *o, const struct target *t,
		     const struct wishes *w)
{
	struct detect_conf conf = { t->pid, t->level, w->timed, w->nslots - 1 };
	struct bpf_map *m;
	int err = -ENOENT;

	for (m = bpf_object__next_map(o, NULL); m;
	     m = bpf_object__next_map(o, m)) {
		if (strstr(bpf_map__name(m), ".rodata"))
			err = bpf_map__set_initial_value(m, &conf,
							 sizeof(conf));
		else if (!strcmp(bpf_map__name(m), "slots"))
			bpf_map__set_max_entries(m, w->nslots);
	}
	return err;
}

/* The descriptors outlive libbpf's objects. */
static int keep_fds(struct attached *a, struct bpf_object *o,
		    struct bpf_link *l)
{
	int map = bpf_object__find_map_fd_by_name(o, "slots");

	a->map = fcntl(map, F_DUPFD_CLOEXEC, 3);
	a->link = fcntl(bpf_link__fd(l), F_DUPFD_CLOEXEC, 3);
	return a->map < 0 || a->link < 0 ? -errno : 0;
}

static int attach_loaded(struct attached *a, struct bpf_object *o)
{
	struct bpf_program *p =
		bpf_object__find_program_by_name(o, "on_switch");
	struct bpf_link *l = p ? bpf_program__attach(p) : NULL;
	int err;

	if (!l)
		return failed("cannot attach", -errno);
	err = keep_fds(a, o, l);
	bpf_link__destroy(l);
	return err ? failed("descriptors", err) : 0;
}

int attach(struct attached *a, const struct target *t,
	   const struct wishes *w)
{
	struct bpf_object *o;
	int err;

	libbpf_set_print(keep_log);
	*a = (struct attached){ -1, -1, w->nslots };
	o = bpf_object__open_mem(detect_begin,
				 (size_t)(detect_end - detect_begin), NULL);
	if (!o)
		return failed("cannot read the program", -errno);
	err = configure(o, t, w);
	if (!err)
		err = bpf_object__load(o);
	if (err)
		err = failed("cannot load the program", err);
	else
		err = attach_loaded(a, o);
	bpf_object__close(o);
	if (err)
		detach(a);
	return err;
}

void detach(struct attached *a)
{
	if (a->link >= 0)
		close(a->link);
	if (a->map >= 0)
		close(a->map);
	a->link = a->map = -1;
}
