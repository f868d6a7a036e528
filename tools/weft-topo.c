// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * weft-topo - what weft would find on this machine.
 *
 * CPUs, nodes and quota; how many processors a start would have; in which
 * order they would steal; which features are on, and why the others are off;
 * what the primitives cost.  It reads the same environment as a program that
 * starts the runtime, and refuses the same mistakes.
 *
 * Exit status: 0; 1 if something could not be read or written; 2 for a bad
 * argument or setting.
 */
#include "arch/syscall.h"
#include "core/opts.h"
#include "os/cgroup.h"
#include "os/clock.h"
#include "os/cpu.h"
#include "os/detect.h"
#include "os/feature.h"
#include "os/futex.h"
#include "os/membarrier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So much of the steal order is shown; a table of 4096 rows helps nobody. */
#define ORDER_ROWS 16

struct machine {
	struct weft__opts opts;
	struct weft__topo topo;
	unsigned int quota;
	u16 *cpus;	/* the allowed ones */
	u16 *order;	/* [nallowed] scratch */
	u8 *ring;
};

struct price {
	const char *name;
	u32 ns;
};

#define PRICES 5

/* ---- finding out ---- */

static int machine_read(struct machine *m)
{
	unsigned int n = 0;
	int err;

	err = weft__topo_read(&m->topo, m->opts.fake_nodes);
	if (err) {
		fprintf(stderr, "weft-topo: cannot read the CPUs: %s\n",
			strerror(-err));
		return err;
	}
	m->quota = weft__cgroup_cpus();
	m->cpus = calloc(m->topo.nallowed, sizeof(*m->cpus));
	m->order = calloc(m->topo.nallowed, sizeof(*m->order));
	m->ring = calloc(m->topo.nallowed, sizeof(*m->ring));
	if (!m->cpus || !m->order || !m->ring) {
		fprintf(stderr, "weft-topo: no memory\n");
		return -ENOMEM;
	}
	for (unsigned int cpu = 0; cpu < m->topo.ncpu; cpu++) {
		if (weft__topo_allowed(&m->topo, cpu))
			m->cpus[n++] = cpu;
	}
	return 0;
}

static void machine_free(struct machine *m)
{
	weft__topo_free(&m->topo);
	free(m->cpus);
	free(m->order);
	free(m->ring);
}

/* The allowed CPUs but @i, seen from there; how many */
static unsigned int order_from(struct machine *m, unsigned int i)
{
	unsigned int n = m->topo.nallowed, others = 0;
	u16 *rest = calloc(n, sizeof(*rest));

	if (!rest)
		return 0;
	for (unsigned int k = 0; k < n; k++) {
		if (k != i)
			rest[others++] = m->cpus[k];
	}
	weft__topo_order(&m->topo, m->cpus[i], rest, others, m->order,
			 m->ring);
	free(rest);
	return others;
}

static int by_value(const void *a, const void *b)
{
	s64 x = *(const s64 *)a, y = *(const s64 *)b;

	return (x > y) - (x < y);
}

/* Median over batches, so that an interrupt in one does not count */
static u32 measure(void (*op)(void))
{
	enum { BATCHES = 21, BATCH = 200 };
	s64 ns[BATCHES];

	for (int b = 0; b < BATCHES; b++) {
		s64 start = weft__now();

		for (int i = 0; i < BATCH; i++)
			op();
		ns[b] = (weft__now() - start) / BATCH;
	}
	qsort(ns, BATCHES, sizeof(ns[0]), by_value);
	return ns[BATCHES / 2];
}

static void op_syscall(void)
{
	weft__syscall(SYS_getppid);
}

static void op_clock(void)
{
	weft__now();
}

static void op_wake_nobody(void)
{
	static u32 word;

	weft__futex_wake(&word, 1);
}

static void measure_all(struct price *p)
{
	struct weft__membarrier_price mb = weft__membarrier_price();

	p[0] = (struct price){ "clock", measure(op_clock) };
	p[1] = (struct price){ "syscall", measure(op_syscall) };
	p[2] = (struct price){ "futex_wake_nobody", measure(op_wake_nobody) };
	p[3] = (struct price){ "membarrier_idle", mb.idle };
	p[4] = (struct price){ "membarrier_busy", mb.busy };
}

/*
 * Told by BPF which Ms sleep?  Not a feature of the system, but of who started
 * the process.  NULL: yes; else why not.
 */
static const char *bpf_why(const struct machine *m)
{
	if (m->opts.block_detect == WEFT__DETECT_SENTINEL ||
	    m->opts.block_detect == WEFT__DETECT_SYSMON)
		return "turned off by WEFT_BLOCK_DETECT";
	switch (weft__detect_open()) {
	case 0:
		return NULL;
	case -ENOENT:
		break;
	case -EPROTO:
		return "weft-bpf is of another version";
	default:
		return "what weft-bpf offers cannot be mapped";
	}
	if (access("/sys/kernel/btf/vmlinux", F_OK))
		return "nobody offers it, and the kernel has no BTF for it";
	return "nobody offers it to this process (weft-bpf -- PROGRAM)";
}

/* ---- for people ---- */

static void show_list(const char *what, const struct weft__topo *t, int node)
{
	const char *between = "";

	printf("%s", what);
	for (unsigned int cpu = 0; cpu < t->ncpu; cpu++) {
		unsigned int last = cpu;

		if (!weft__topo_allowed(t, cpu) ||
		    (node >= 0 && t->node_of[cpu] != node))
			continue;
		while (weft__topo_allowed(t, last + 1) &&
		       (node < 0 || t->node_of[last + 1] == node))
			last++;
		printf("%s%u", between, cpu);
		if (last > cpu)
			printf("-%u", last);
		between = ",";
		cpu = last;
	}
	putchar('\n');
}

static void show_nodes(const struct weft__topo *t)
{
	char what[64];

	printf("nodes:      %u%s\n", t->nnodes,
	       t->fake ? " (WEFT_FAKE_NODES)" : "");
	for (unsigned int n = 0; n < t->nnodes; n++) {
		snprintf(what, sizeof(what), "  node %-4u CPUs ", n);
		show_list(what, t, n);
		printf("            distance");
		for (unsigned int k = 0; k < t->nnodes; k++)
			printf(" %u", t->distance[n * t->nnodes + k]);
		putchar('\n');
	}
}

static void show_order(struct machine *m)
{
	unsigned int rows = m->topo.nallowed;

	if (rows > ORDER_ROWS)
		rows = ORDER_ROWS;
	printf("steal order, | between those not equally near:\n");
	for (unsigned int i = 0; i < rows; i++) {
		unsigned int n = order_from(m, i);

		printf("  CPU %-5u", m->cpus[i]);
		for (unsigned int k = 0; k < n; k++) {
			bool next = k && m->ring[k] != m->ring[k - 1];

			printf("%s %u", next ? " |" : "", m->order[k]);
		}
		printf("%s\n", n ? "" : " nobody");
	}
	if (rows < m->topo.nallowed)
		printf("  ... and %u more\n", m->topo.nallowed - rows);
}

static void show_feature(const char *name, const char *use, const char *why)
{
	printf("  %-16s %-4s %s\n", name, why ? "off" : "on", use);
	if (why)
		printf("  %-21s off: %s\n", "", why);
}

static void show_features(const struct machine *m)
{
	printf("features:\n");
	for (int f = 0; f < WEFT__NFEATURES; f++) {
		show_feature(weft__feature_name(f), weft__feature_use(f),
			     weft__feature_why(f));
	}
	show_feature("bpf", "tells blocked Ms by a load; else by /proc",
		     bpf_why(m));
}

static void show(struct machine *m, const struct price *p)
{
	printf("CPUs:       %u possible, %u allowed\n", m->topo.ncpu,
	       m->topo.nallowed);
	show_list("allowed:    ", &m->topo, -1);
	if (m->quota)
		printf("quota:      %u CPUs\n", m->quota);
	else if (weft__feature(WEFT__CGROUP))
		printf("quota:      none\n");
	else
		printf("quota:      cannot be told\n");
	printf("processors: %u\n", m->opts.procs);
	printf("stack:      %zu KiB\n", (size_t)m->opts.stack >> 10);
	show_nodes(&m->topo);
	show_order(m);
	show_features(m);
	printf("prices, ns, medians:\n");
	for (int i = 0; i < PRICES; i++)
		printf("  %-18s %u\n", p[i].name, p[i].ns);
}

/* ---- for programs; no string here needs escaping ---- */

static void json_cpus(const struct weft__topo *t)
{
	const char *between = "";

	printf("  \"cpus\": [");
	for (unsigned int cpu = 0; cpu < t->ncpu; cpu++) {
		if (!weft__topo_allowed(t, cpu))
			continue;
		printf("%s\n    {\"cpu\": %u, \"node\": %u, \"llc\": %u, "
		       "\"core\": %u}",
		       between, cpu, t->node_of[cpu], t->llc_of[cpu],
		       t->core_of[cpu]);
		between = ",";
	}
	printf("\n  ],\n");
}

static void json_distance(const struct weft__topo *t)
{
	printf("  \"nodes\": %u,\n  \"distance\": [", t->nnodes);
	for (unsigned int a = 0; a < t->nnodes; a++) {
		printf("%s[", a ? ", " : "");
		for (unsigned int b = 0; b < t->nnodes; b++)
			printf("%s%u", b ? ", " : "",
			       t->distance[a * t->nnodes + b]);
		putchar(']');
	}
	printf("],\n");
}

static void json_order(struct machine *m)
{
	printf("  \"steal_order\": {");
	for (unsigned int i = 0; i < m->topo.nallowed; i++) {
		unsigned int n = order_from(m, i);

		printf("%s\n    \"%u\": [", i ? "," : "", m->cpus[i]);
		for (unsigned int k = 0; k < n; k++)
			printf("%s{\"cpu\": %u, \"ring\": %u}", k ? ", " : "",
			       m->order[k], m->ring[k]);
		putchar(']');
	}
	printf("\n  },\n");
}

static void json_feature(const char *between, const char *name,
			 const char *why)
{
	printf("%s\n    \"%s\": {\"on\": %s", between, name,
	       why ? "false" : "true");
	if (why)
		printf(", \"why\": \"%s\"", why);
	putchar('}');
}

static void json_features(const struct machine *m)
{
	printf("  \"features\": {");
	for (int f = 0; f < WEFT__NFEATURES; f++)
		json_feature(f ? "," : "", weft__feature_name(f),
			     weft__feature_why(f));
	json_feature(",", "bpf", bpf_why(m));
	printf("\n  },\n");
}

static void json(struct machine *m, const struct price *p)
{
	printf("{\n  \"possible\": %u,\n  \"allowed\": %u,\n", m->topo.ncpu,
	       m->topo.nallowed);
	printf("  \"quota\": %u,\n  \"procs\": %u,\n  \"stack\": %zu,\n",
	       m->quota, m->opts.procs, (size_t)m->opts.stack);
	json_cpus(&m->topo);
	json_distance(&m->topo);
	json_order(m);
	json_features(m);
	printf("  \"prices_ns\": {");
	for (int i = 0; i < PRICES; i++)
		printf("%s\n    \"%s\": %u", i ? "," : "", p[i].name, p[i].ns);
	printf("\n  }\n}\n");
}

/* ---- main ---- */

static void usage(FILE *f)
{
	fprintf(f, "usage: weft-topo [--json]\n"
		   "Show what weft finds on this machine: CPUs, nodes, quota, "
		   "processors, steal\n"
		   "order, features and why they are off, prices of "
		   "primitives.\n"
		   "\n"
		   "  --json   for programs\n"
		   "  --help   this text\n"
		   "\n"
		   "Variables that every program that runs on weft obeys:\n");
	weft__opts_help(f);
}

/* What printf could not write is seen here at the latest. */
static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "weft-topo: cannot write: %s\n",
			strerror(errno));
		return 1;
	}
	return status;
}

static int report(bool as_json)
{
	struct machine m = { 0 };
	struct price prices[PRICES];
	int err;

	if (weft__opts_resolve(&m.opts, NULL) || weft__opts_features(&m.opts))
		return 2;
	err = machine_read(&m);
	if (!err) {
		measure_all(prices);
		if (as_json)
			json(&m, prices);
		else
			show(&m, prices);
	}
	machine_free(&m);
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool as_json = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			usage(stdout);
			return finish(0);
		}
		if (strcmp(argv[i], "--json")) {
			fprintf(stderr, "weft-topo: unknown argument '%s'; "
					"weft-topo --help lists them\n",
				argv[i]);
			return 2;
		}
		as_json = true;
	}
	return finish(report(as_json));
}
