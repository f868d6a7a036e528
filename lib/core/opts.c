// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * opts.c - the settings, resolved.
 *
 * table[] is all there is to know of a setting: parsing, checking, refusing,
 * the help text and the manual page come from its line.
 *
 * WEFT_* variables that no setting is named after are refused as well: a
 * misspelt one would else be a setting that silently does nothing.
 */
#include "core/opts.h"
#include "os/cgroup.h"
#include "os/cpu.h"
#include "os/feature.h"
#include "os/membarrier.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

#define STACK_FLOOR	(16ul << 10)
#define STACK_ROOM	(4ul << 10)	/* beyond a signal frame */

enum kind {
	NUMBER,
	SIZE,		/* bytes; K, M or G may follow */
	WORD,		/* one of words[] */
	FLAGS,		/* some of words[], by comma */
	TEXT,		/* what it is, its user judges */
};

struct word {
	const char *name;
	u32 value;
};

struct setting {
	const char *name;
	enum kind kind;
	u16 at;			/* in weft__opts: u32; SIZE, TEXT: u64 */
	s16 user_at;		/* in weft_opts, plus 1: size_t or u32; or 0 */
	u64 min, max, value;	/* numbers; the default */
	const char *usual;	/* the default in words, if not @value */
	const struct word *words;
	const char *help;
	const char *set_by;	/* the benchmarks that set the number */
};

static const struct word tri_words[] = {
	{ "auto", WEFT__AUTO }, { "on", WEFT__ON }, { "off", WEFT__OFF }, { 0 }
};
static const struct word bind_words[] = {
	{ "node", WEFT_BIND_NODE },
	{ "cpu", WEFT_BIND_CPU },
	{ "none", WEFT_BIND_NONE },
	{ 0 }
};
static const struct word fpenv_words[] = {
	{ "keep", WEFT_FPENV_KEEP },
	{ "declared", WEFT_FPENV_DECLARED },
	{ 0 }
};
static const struct word clock_words[] = {
	{ "real", WEFT_CLOCK_REAL },
	{ "virtual", WEFT_CLOCK_VIRTUAL },
	{ 0 }
};
static const struct word detect_words[] = {
	{ "auto", WEFT__DETECT_AUTO },
	{ "sentinel", WEFT__DETECT_SENTINEL },
	{ "bpf", WEFT__DETECT_BPF },
	{ "sysmon", WEFT__DETECT_SYSMON },
	{ 0 }
};
static const struct word debug_words[] = {
	{ "trace", WEFT__DEBUG_TRACE },
	{ "dump", WEFT__DEBUG_DUMP },
	{ "stats", WEFT__DEBUG_STATS },
	{ "oversubscribe", WEFT__DEBUG_OVERSUB },
	{ "blocked", WEFT__DEBUG_BLOCKED },
	{ 0 }
};

#define AT(field)	.at = offsetof(struct weft__opts, field)
#define USER(field)	.user_at = 1 + offsetof(struct weft_opts, field)

static const struct setting table[] = {
	{ "WEFT_PROCS", NUMBER, AT(procs), USER(procs), .min = 1,
	  .max = WEFT__PROCS_MAX, .usual = "as many CPUs as it may use",
	  .help = "processors; lowered to the CPUs in the affinity mask and "
		  "the cgroup's quota" },
	{ "WEFT_STACK", SIZE, AT(stack), USER(stack), .min = 1,
	  .max = WEFT__STACK_MAX, .value = WEFT__STACK_DEFAULT,
	  .help = "stack of a G, rounded up to a power of two; only touched "
		  "pages use memory",
	  .set_by = "mem" },
	{ "WEFT_MAX_M", NUMBER, AT(max_m), USER(max_m), .min = 1, .max = 65535,
	  .value = 10000, .help = "most kernel threads that run Gs" },
	{ "WEFT_BIND", WORD, AT(bind), USER(bind), .value = WEFT_BIND_NODE,
	  .words = bind_words,
	  .help = "which CPUs a kernel thread may run on" },
	{ "WEFT_FPENV", WORD, AT(fpenv), USER(fpenv), .value = WEFT_FPENV_KEEP,
	  .words = fpenv_words,
	  .help = "FP control words of a G: kept over each switch, or only "
		  "those declared by weft_fesetenv()" },
	{ "WEFT_CLOCK", WORD, AT(clock), USER(clock), .value = WEFT_CLOCK_REAL,
	  .words = clock_words,
	  .help = "virtual: time stands while a G runs, and moves on to the "
		  "next deadline when all wait; for tests" },
	{ "WEFT_SPIN", NUMBER, AT(spin_us), .max = 10000, .value = 20,
	  .help = "microseconds that an idle kernel thread looks for work "
		  "before it sleeps",
	  .set_by = "parkwake, idle" },
	{ "WEFT_SYSMON", NUMBER, AT(sysmon_us), .min = WEFT__SYSMON_MIN_US,
	  .max = 1000000, .value = 1000,
	  .help = "microseconds of the monitor's tick; shorter after a "
		  "blocked call, ten times as long while nothing stands",
	  .set_by = "block8, idle, monitor" },
	{ "WEFT_PREEMPT_SIGNAL", NUMBER, AT(preempt_signal), .min = 34,
	  .max = 64, .value = 60,
	  .help = "signal that stops a preemptible G; taken when the first is "
		  "started" },
	{ "WEFT_BLOCK_DETECT", WORD, AT(block_detect), .words = detect_words,
	  .help = "who notices a kernel thread that blocks: a sentinel on its "
		  "CPU, within microseconds, or the monitor at its tick; bpf: "
		  "do not start without what weft-bpf tells" },
	{ "WEFT_RSEQ", WORD, AT(rseq), .words = tri_words,
	  .help = "restartable sequences; on: do not start without" },
	{ "WEFT_MEMBARRIER", WORD, AT(membarrier), .words = tri_words,
	  .help = "membarrier in place of fences" },
	{ "WEFT_MEMBARRIER_US", NUMBER, AT(membarrier_us), .max = 1000000,
	  .value = 500,
	  .help = "microseconds of the dearest membarrier that "
		  "WEFT_MEMBARRIER=auto uses" },
	{ "WEFT_GUARD", WORD, AT(guard), .words = tri_words,
	  .help = "guard pages by MADV_GUARD_INSTALL; off: by mprotect" },
	{ "WEFT_NUMA", WORD, AT(numa), .words = tri_words,
	  .help = "nodes and distances from libnuma; off: one node" },
	{ "WEFT_HINTS", WORD, AT(hints), .words = tri_words,
	  .help = "hints stand where tools can map them; off: they work, and "
		  "nobody else sees them" },
	{ "WEFT_FAKE_NODES", NUMBER, AT(fake_nodes), .min = 1, .max = 1024,
	  .usual = "none",
	  .help = "split the CPUs into so many nodes, for tests" },
	{ "WEFT_POLICY", TEXT, AT(policy_name),
	  .usual = "the program's choice",
	  .help = "scheduling policy: builtin, one that the program knows, "
		  "libweft-NAME.so, or the path of such a file" },
	{ "WEFT_DEBUG", FLAGS, AT(debug), .words = debug_words,
	  .usual = "none",
	  .help = "trace: dumps show the trace rings; dump: write the state, stats: "
		  "the counters to stderr at stop; oversubscribe: allow more "
		  "processors than CPUs; blocked: count the calls that block, "
		  "and list them at stop (weft-blocked)" },
};

/*
 * Names that are no settings of the runtime: read by builds, tests and
 * benchmarks around it.
 */
static const char *const foreign[] = { "WEFT_INLINE", "WEFT_BUILD_",
				       "WEFT_TEST_", "WEFT_BENCH_" };

extern char **environ;

/* ---- printing a line of the table ---- */

static void print_size(FILE *f, u64 n)
{
	static const char unit[] = { 0, 'K', 'M', 'G' };
	unsigned int u = 0;

	for (; n && !(n % 1024) && u < 3; u++)
		n /= 1024;
	fprintf(f, "%" PRIu64, n);
	if (u)
		fputc(unit[u], f);
}

static void print_words(FILE *f, const struct setting *s, const char *between)
{
	for (const struct word *w = s->words; w->name; w++)
		fprintf(f, "%s%s", w == s->words ? "" : between, w->name);
}

static void print_type(FILE *f, const struct setting *s)
{
	switch (s->kind) {
	case NUMBER:
		fprintf(f, "a number from %" PRIu64 " to %" PRIu64, s->min,
			s->max);
		break;
	case SIZE:
		fputs("a size from ", f);
		print_size(f, s->min);
		fputs(" to ", f);
		print_size(f, s->max);
		fputs(" (K, M, G)", f);
		break;
	case WORD:
		fputs("one of ", f);
		print_words(f, s, ", ");
		break;
	case FLAGS:
		fputs("a comma list of ", f);
		print_words(f, s, ", ");
		break;
	case TEXT:
		fputs("a name, or a path with a slash", f);
		break;
	}
}

static void print_default(FILE *f, const struct setting *s)
{
	if (s->usual) {
		fputs(s->usual, f);
	} else if (s->kind == SIZE) {
		print_size(f, s->value);
	} else if (s->kind == WORD) {
		for (const struct word *w = s->words; w->name; w++) {
			if (w->value == s->value)
				fputs(w->name, f);
		}
	} else {
		fprintf(f, "%" PRIu64, s->value);
	}
}

/* Text in lines of at most 79 columns */
static void print_filled(FILE *f, const char *indent, const char *text)
{
	size_t room = 79 - strlen(indent);

	while (*text) {
		size_t n = strlen(text);

		if (n > room) {
			for (n = room; n && text[n] != ' ';)
				n--;
			if (!n)
				n = strcspn(text, " ");
		}
		fprintf(f, "%s%.*s\n", indent, (int)n, text);
		text += n;
		text += strspn(text, " ");
	}
}

void weft__opts_help(FILE *f)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		const struct setting *s = &table[i];

		fprintf(f, "  %s: ", s->name);
		print_type(f, s);
		fputs("\n      default: ", f);
		print_default(f, s);
		if (s->set_by)
			fprintf(f, "; set by: %s", s->set_by);
		fputc('\n', f);
		print_filled(f, "      ", s->help);
	}
}

static weft__cold int refuse(const struct setting *s, const char *what,
			     const char *value)
{
	fprintf(stderr, "weft: %s%s=\"%s\": not ", what, s->name, value);
	print_type(stderr, s);
	fputs("; default ", stderr);
	print_default(stderr, s);
	fprintf(stderr, "; %s\n", s->help);
	return -EINVAL;
}

/* ---- one value ---- */

static void store(struct weft__opts *o, const struct setting *s, u64 v)
{
	void *to = (char *)o + s->at;

	if (s->kind == TEXT)
		*(const char **)to = (const char *)(uintptr_t)v;
	else if (s->kind == SIZE)
		*(u64 *)to = v;
	else
		*(u32 *)to = v;
}

static bool parse_number(const struct setting *s, const char *text, u64 *v)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*v = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (s->kind == SIZE && *end) {
		unit = strchr(units, *end & ~0x20);
		if (!unit)
			return false;
		for (long i = unit - units; i >= 0; i--) {
			if (*v > UINT64_MAX / 1024)
				return false;
			*v *= 1024;
		}
		end++;
	}
	return !*end && *v >= s->min && *v <= s->max;
}

static const struct word *find_word(const struct setting *s, const char *text,
				    size_t n)
{
	for (const struct word *w = s->words; w->name; w++) {
		if (strlen(w->name) == n && !memcmp(w->name, text, n))
			return w;
	}
	return NULL;
}

static bool parse_word(const struct setting *s, const char *text, u64 *v)
{
	const struct word *w = find_word(s, text, strlen(text));

	if (w)
		*v = w->value;
	return w;
}

static bool parse_flags(const struct setting *s, const char *text, u64 *v)
{
	*v = 0;
	for (;;) {
		size_t n = strcspn(text, ",");
		const struct word *w = find_word(s, text, n);

		if (!w)
			return false;
		*v |= w->value;
		if (!text[n])
			return true;
		text += n + 1;
	}
}

static bool parse(const struct setting *s, const char *text, u64 *v)
{
	switch (s->kind) {
	case WORD:
		return parse_word(s, text, v);
	case FLAGS:
		return parse_flags(s, text, v);
	case TEXT:
		*v = (uintptr_t)text;
		return *text;
	default:
		return parse_number(s, text, v);
	}
}

/* ---- the three sources ---- */

static void take_defaults(struct weft__opts *o)
{
	memset(o, 0, sizeof(*o));
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		store(o, &table[i], table[i].value);
}

/* A program built against a later version may have fields we do not know. */
static int copy_user(struct weft_opts *mine, const struct weft_opts *user)
{
	const char *tail = (const char *)user + sizeof(*mine);

	memset(mine, 0, sizeof(*mine));
	if (user->sz < sizeof(user->sz)) {
		fprintf(stderr,
			"weft: weft_opts.sz=%zu: not the size of a struct "
			"weft_opts\n",
			user->sz);
		return -EINVAL;
	}
	for (size_t i = sizeof(*mine); i < user->sz; i++) {
		if (*tail++) {
			fprintf(stderr,
				"weft: weft_opts.sz=%zu: byte %zu is set, "
				"which this version of weft does not know "
				"(it knows %zu bytes)\n",
				user->sz, i, sizeof(*mine));
			return -E2BIG;
		}
	}
	memcpy(mine, user,
	       user->sz < sizeof(*mine) ? user->sz : sizeof(*mine));
	return 0;
}

static bool valid(const struct setting *s, u64 v)
{
	if (s->kind == NUMBER || s->kind == SIZE)
		return v >= s->min && v <= s->max;
	for (const struct word *w = s->words; w->name; w++) {
		if (w->value == v)
			return true;
	}
	return false;
}

static int take_user(struct weft__opts *o, const struct weft_opts *user)
{
	struct weft_opts mine;
	char text[24];
	int err = copy_user(&mine, user);

	if (err)
		return err;
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		const struct setting *s = &table[i];
		const void *from = (char *)&mine + s->user_at - 1;
		u64 v;

		if (!s->user_at)
			continue;
		v = s->kind == SIZE ? *(size_t *)from : *(u32 *)from;
		if (!v)
			continue;
		snprintf(text, sizeof(text), "%" PRIu64, v);
		if (!valid(s, v))
			return refuse(s, "struct weft_opts, as ", text);
		store(o, s, v);
	}
	o->on_deadlock = mine.on_deadlock;
	o->on_deadlock_arg = mine.on_deadlock_arg;
	o->policy = mine.policy;
	return 0;
}

static bool is_foreign(const char *var)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(foreign); i++) {
		if (!strncmp(var, foreign[i], strlen(foreign[i])))
			return true;
	}
	return false;
}

static weft__cold int unknown(const char *var)
{
	fprintf(stderr, "weft: %s: no such setting; there are", var);
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		fprintf(stderr, " %s", table[i].name);
	fputc('\n', stderr);
	return -EINVAL;
}

/* WEFT_X=value, as it stands in the environment */
static int take_variable(struct weft__opts *o, const char *var)
{
	size_t n = strcspn(var, "=");
	u64 v;

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		const struct setting *s = &table[i];

		if (strlen(s->name) != n || memcmp(s->name, var, n))
			continue;
		var += n + 1;
		if (!parse(s, var, &v))
			return refuse(s, "", var);
		store(o, s, v);
		return 0;
	}
	return is_foreign(var) ? 0 : unknown(var);
}

/* Not of a program that runs with more rights than its caller. */
static int take_environment(struct weft__opts *o)
{
	if (!environ || getauxval(AT_SECURE))
		return 0;
	for (char **var = environ; *var; var++) {
		int err;

		if (strncmp(*var, "WEFT_", 5) || !strchr(*var, '='))
			continue;
		err = take_variable(o, *var);
		if (err)
			return err;
	}
	return 0;
}

/* ---- what follows from them ---- */

size_t weft__stack_min(void)
{
	size_t frame = getauxval(AT_MINSIGSTKSZ);
	size_t need = STACK_FLOOR;

	while (need < frame + STACK_ROOM)
		need *= 2;
	return need;
}

size_t weft__stack_round(size_t sz)
{
	size_t n = weft__stack_min();

	if (sz > WEFT__STACK_MAX)
		return 0;
	while (n < sz)
		n *= 2;
	return n;
}

static void derive(struct weft__opts *o)
{
	u32 quota = weft__cgroup_cpus();

	o->cpus = weft__cpus_allowed();
	if (quota && quota < o->cpus)
		o->cpus = quota;
	if (o->cpus > WEFT__PROCS_MAX)
		o->cpus = WEFT__PROCS_MAX;
	if (!o->procs ||
	    (o->procs > o->cpus && !(o->debug & WEFT__DEBUG_OVERSUB)))
		o->procs = o->cpus;
	o->stack = weft__stack_round(o->stack);
}

int weft__opts_resolve(struct weft__opts *o, const struct weft_opts *user)
{
	int err = 0;

	take_defaults(o);
	if (user)
		err = take_user(o, user);
	if (!err)
		err = take_environment(o);
	if (!err)
		derive(o);
	return err;
}

int weft__opts_features(const struct weft__opts *o)
{
	const struct {
		u32 want, features;
	} sets[] = {
		{ o->rseq, WEFT__BIT(WEFT__RSEQ) },
		{ o->membarrier, WEFT__BIT(WEFT__MEMBARRIER) |
					 WEFT__BIT(WEFT__MEMBARRIER_RSEQ) },
		{ o->guard, WEFT__BIT(WEFT__GUARD) },
		{ o->numa, WEFT__BIT(WEFT__NUMA) },
		{ o->hints, WEFT__BIT(WEFT__HINTS) },
	};
	u32 off = 0, need = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(sets); i++) {
		if (sets[i].want == WEFT__OFF)
			off |= sets[i].features;
		if (sets[i].want == WEFT__ON)
			need |= sets[i].features;
	}
	if (o->block_detect == WEFT__DETECT_SYSMON)
		off |= WEFT__BIT(WEFT__SENTINEL);
	if (o->block_detect == WEFT__DETECT_SENTINEL)
		need |= WEFT__BIT(WEFT__SENTINEL);
	weft__membarrier_limit_us =
		o->membarrier == WEFT__AUTO ? o->membarrier_us : UINT32_MAX;
	return weft__features_probe(off, need);
}
