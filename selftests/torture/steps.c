// SPDX-License-Identifier: GPL-2.0-only
/*
 * steps.c - what a G does in a step, one function for each mode.
 *
 * A step ends by itself, whatever others do: partners are children of the G
 * itself, or ordinary threads that serve everyone.
 */
#include "torture.h"

#include <errno.h>
#include <pthread.h>

const char *const mode_names[NMODES] = {
	[YIELD] = "yield", [SPAWN] = "spawn", [PARK] = "park",
	[TIMED] = "timed", [BLOCK] = "block", [LOCK] = "lock_thread",
	[KEYS] = "keys",   [EXIT] = "exit",
};

static void yield(struct self *s)
{
	s64 t = weft__now();

	away(s, weft_yield());
	waited(W_YIELD, t);
}

/* ---- children ---- */

void child_init(struct child *c, u64 seed, u32 depth)
{
	*c = (struct child){ .seed = seed, .depth = depth,
			     .born = weft__now() };
	count(begun);
}

static void *child_result(const struct child *c)
{
	return (void *)(uintptr_t)mix(c->seed ^ 1);
}

static struct weft_g *spawn(struct self *s, struct child *c, u32 depth)
{
	struct weft_attr attr = { .sz = sizeof(attr), .name = "child" };
	struct weft_g *g = NULL;
	u64 how = rnd(&s->rng, 16);
	int ret;

	child_init(c, rnd(&s->rng, ~0ull), depth);
	if (!how)
		attr.stack = 32768;
	self_leave(s);
	ret = weft_spawn(&g, how < 2 ? &attr : NULL, child_fn, c);
	self_enter(s);
	if (ret || !g)
		die("weft_spawn: %d", ret);
	return g;
}

void child_check(struct child *c, void *ret)
{
	if (ret != child_result(c))
		die("a child's result is %p", ret);
	if (READ_ONCE(c->ran) != 2)
		die("a child was joined, and ran %u", c->ran);
}

static void join(struct self *s, struct weft_g *g, struct child *c)
{
	void *val = NULL;
	int ret;

	away(s, ret = weft_join(g, &val));
	if (ret)
		die("weft_join: %d", ret);
	child_check(c, val);
}

/* Two each, joined in one order or the other: inline joins that nest. */
static void tree(struct self *s, u32 depth)
{
	struct child c[2];
	struct weft_g *g[2];
	u64 first = rnd(&s->rng, 2);

	g[0] = spawn(s, &c[0], depth);
	g[1] = spawn(s, &c[1], depth);
	if (!rnd(&s->rng, 8))
		yield(s);
	join(s, g[first], &c[first]);
	join(s, g[!first], &c[!first]);
}

static void child_body(struct child *c, struct self *s)
{
	if (xchg(&c->ran, 1))
		die("a child ran twice");
	waited(W_SPAWN, c->born);
	self_begin(s, c->seed);
	if (run.modes & 1 << KEYS && !rnd(&s->rng, 16))
		key_set(s);
	if (c->depth)
		tree(s, c->depth - 1);
	else if (!rnd(&s->rng, 4))
		yield(s);
	if (xchg(&c->ran, 2) != 1)
		die("a child ended twice");
	self_end(s);
	count(ended);
}

/* Not known never to return: else a compiler sees an endless recursion. */
static void (*volatile leave)(void *) = weft_exit;

static weft__noinline void exit_deep(void *ret, int depth)
{
	char room[64];

	__asm__ __volatile__("" : : "r"(room) : "memory");
	if (depth)
		exit_deep(ret, depth - 1);
	else
		leave(ret);
	__asm__ __volatile__("" : : "r"(room) : "memory");
}

void *child_fn(void *arg)
{
	struct child *c = arg;
	struct self s;

	child_body(c, &s);
	if (run.modes & 1 << EXIT && !rnd(&s.rng, 16))
		exit_deep(child_result(c), (int)rnd(&s.rng, 5));
	return child_result(c);
}

/* Its struct is its own. */
void *child_detached(void *arg)
{
	struct child *c = arg;
	struct self s;

	child_body(c, &s);
	free(c);
	return NULL;
}

static void detached(struct self *s)
{
	struct child *c = malloc(sizeof(*c));
	struct weft_g *g;
	int ret;

	if (!c)
		die("no memory");
	child_init(c, rnd(&s->rng, ~0ull), 0);
	if (rnd(&s->rng, 2)) {
		away(s, ret = weft_go(child_detached, c));
	} else {
		away(s, ret = weft_spawn(&g, NULL, child_detached, c));
		if (rnd(&s->rng, 2))
			yield(s);
		if (!ret)
			away(s, ret = weft_detach(g));
	}
	if (ret)
		die("a detached child: %d", ret);
}

static void batch(struct self *s)
{
	u32 n = 2 + (u32)rnd(&s->rng, 40), i, k;
	bool forwards = rnd(&s->rng, 2);
	struct weft_g *g[42];
	struct child c[42];

	for (i = 0; i < n; i++)
		g[i] = spawn(s, &c[i], 0);
	for (i = 0; i < n; i++) {
		k = forwards ? i : n - 1 - i;
		join(s, g[k], &c[k]);
	}
}

static void spawn_step(struct self *s)
{
	struct weft_g *g;
	struct child c;

	switch (rnd(&s->rng, 8)) {
	case 0:
		detached(s);
		break;
	case 1:
		batch(s);
		break;
	case 2:
		tree(s, (u32)rnd(&s->rng, 4));
		break;
	case 3:
		g = spawn(s, &c, 0);
		yield(s);
		join(s, g, &c);
		break;
	default:
		g = spawn(s, &c, 0);
		join(s, g, &c);
	}
}

/* ---- park and unpark ---- */

struct pair {
	struct weft_parker a, b;
	u64 seed;
	u32 rounds;
	u32 turn;
	s64 t;
};

static void unpark(struct self *s, struct weft_parker *p)
{
	int ret;

	away(s, ret = weft_unpark(p));
	if (ret)
		die("weft_unpark: %d", ret);
}

static void park(struct self *s, struct weft_parker *p)
{
	int ret;

	away(s, ret = weft_park(p));
	if (ret)
		die("weft_park: %d", ret);
}

static void turn(struct pair *p, u32 mine)
{
	if (READ_ONCE(p->turn) != mine)
		die("a park returned out of turn");
	waited(W_UNPARK, p->t);
	p->turn = !mine;
	p->t = weft__now();
}

static void *pong(void *arg)
{
	struct pair *p = arg;
	struct self s;
	u32 i;

	self_begin(&s, p->seed);
	for (i = 0; i < p->rounds; i++) {
		park(&s, &p->b);
		turn(p, 1);
		unpark(&s, &p->a);
	}
	self_end(&s);
	return NULL;
}

static void ping(struct self *s)
{
	struct pair p = { .rounds = 1 + (u32)rnd(&s->rng, 20) };
	struct weft_g *g;
	u32 i;
	int ret;

	p.seed = rnd(&s->rng, ~0ull);
	away(s, ret = weft_spawn(&g, NULL, pong, &p));
	if (ret)
		die("weft_spawn: %d", ret);
	p.t = weft__now();
	for (i = 0; i < p.rounds; i++) {
		turn(&p, 0);
		unpark(s, &p.b);
		park(s, &p.a);
	}
	away(s, weft_join(g, NULL));
}

/* Any number of permits are one. */
static void permits(struct self *s)
{
	struct weft_parker p = WEFT_PARKER_INIT;
	u64 i, n = 1 + rnd(&s->rng, 3);
	int ret;

	for (i = 0; i < n; i++)
		unpark(s, &p);
	park(s, &p);
	away(s, ret = weft_park_until(&p, WEFT_POLL));
	if (ret != -ETIMEDOUT)
		die("%llu permits were more than one", (unsigned long long)n);
}

/* An ordinary thread that wakes whoever woke it. */
struct echo {
	u32 busy;
	u32 stop;
	struct weft_parker in, *out;
	pthread_t thread;
};
static struct echo echos[2];

static void *echo(void *arg)
{
	struct echo *e = arg;

	if (weft_thread_register())
		die("weft_thread_register failed");
	for (;;) {
		if (weft_park(&e->in))
			die("a thread's weft_park failed");
		if (READ_ONCE(e->stop))
			break;
		if (weft_unpark(e->out))
			die("a thread's weft_unpark failed");
	}
	weft_thread_unregister();
	return NULL;
}

int echo_start(void)
{
	u32 i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(echos) && !ret; i++)
		ret = pthread_create(&echos[i].thread, NULL, echo, &echos[i]);
	return ret;
}

void echo_stop(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(echos); i++) {
		WRITE_ONCE(echos[i].stop, 1);
		weft_unpark(&echos[i].in);
		pthread_join(echos[i].thread, NULL);
	}
}

static void with_thread(struct self *s)
{
	struct echo *e = &echos[rnd(&s->rng, ARRAY_SIZE(echos))];
	struct weft_parker p = WEFT_PARKER_INIT;
	u64 i, n = 1 + rnd(&s->rng, 3);

	if (!cas(&e->busy, 0, 1))
		return;
	e->out = &p;
	for (i = 0; i < n; i++) {
		unpark(s, &e->in);
		park(s, &p);
	}
	smp_store_release(&e->busy, 0);
}

static void park_step(struct self *s)
{
	switch (rnd(&s->rng, 8)) {
	case 0:
		permits(s);
		break;
	case 1:
		with_thread(s);
		break;
	default:
		ping(s);
	}
}

/* ---- deadlines ---- */

struct race {
	struct weft_parker p;
	u64 seed;
	u32 late;
};

static void *racer(void *arg)
{
	struct race *r = arg;
	struct self s;

	self_begin(&s, r->seed);
	if (r->late)
		away(&s, weft_sleep(r->late));
	unpark(&s, &r->p);
	self_end(&s);
	return NULL;
}

/* One permit and a deadline: exactly one of the two, and none is lost. */
static void race(struct self *s)
{
	struct race r = { .seed = rnd(&s->rng, ~0ull) };
	u64 early = rnd(&s->rng, 200000);
	struct weft_g *g;
	int ret;

	r.late = (u32)rnd(&s->rng, 200000);
	away(s, ret = weft_spawn(&g, NULL, racer, &r));
	if (ret)
		die("weft_spawn: %d", ret);
	away(s, ret = weft_park_until(&r.p, weft__now() + (s64)early));
	if (ret && ret != -ETIMEDOUT)
		die("weft_park_until: %d", ret);
	if (ret)
		park(s, &r.p);
	away(s, weft_join(g, NULL));
	away(s, ret = weft_park_until(&r.p, WEFT_POLL));
	if (ret != -ETIMEDOUT)
		die("a permit too many");
}

static void impatient(struct self *s)
{
	struct child c;
	struct weft_g *g = spawn(s, &c, (u32)rnd(&s->rng, 3));
	u32 tries = (u32)rnd(&s->rng, 5);
	void *val = NULL;
	int ret;

	do {
		s64 t = weft__now() + (s64)rnd(&s->rng, 50000);

		away(s, ret = weft_join_until(g, &val,
					      tries ? t : WEFT_FOREVER));
		tries -= tries > 0;
	} while (ret == -ETIMEDOUT);
	if (ret)
		die("weft_join_until: %d", ret);
	child_check(&c, val);
}

static void nap(struct self *s)
{
	s64 ns = (s64)rnd(&s->rng, 300000), t = weft__now();

	away(s, weft_sleep(ns));
	if (weft__now() - t < ns)
		die("slept too short");
}

static void timed_step(struct self *s)
{
	switch (rnd(&s->rng, 4)) {
	case 0:
		nap(s);
		break;
	case 1:
		impatient(s);
		break;
	default:
		race(s);
	}
}

/* ---- the kernel ---- */

static void block_step(struct self *s)
{
	struct timespec ts = { 0, (long)rnd(&s->rng, 2000) * 1000 };

	switch (rnd(&s->rng, 32)) {
	case 0:
		self_leave(s);
		weft_block_begin();
		nanosleep(&ts, NULL);
		weft_block_end();
		self_enter(s);
		break;
	case 1:
		nanosleep(&ts, NULL);
		break;
	default:
		self_leave(s);
		weft_block_begin();
		weft_block_end();
		self_enter(s);
	}
}

static void lock_step(struct self *s)
{
	u64 i, n = rnd(&s->rng, 5);
	struct m *m;

	if (rnd(&s->rng, 8))
		return;
	away(s, weft_lock_thread());
	m = this_m();
	for (i = 0; i < n; i++) {
		if (rnd(&s->rng, 4))
			yield(s);
		else
			ping(s);
		if (this_m() != m)
			die("a locked G changed its M");
	}
	away(s, weft_unlock_thread());
	yield(s);
}

static void keys_step(struct self *s)
{
	key_set(s);
	yield(s);
}

static void exit_step(struct self *s)
{
	struct child c;
	struct weft_g *g = spawn(s, &c, 0);

	join(s, g, &c);
}

void step(struct self *s)
{
	static void (*const what[NMODES])(struct self *) = {
		[YIELD] = yield,      [SPAWN] = spawn_step,
		[PARK] = park_step,   [TIMED] = timed_step,
		[BLOCK] = block_step, [LOCK] = lock_step,
		[KEYS] = keys_step,   [EXIT] = exit_step,
	};
	u32 m;

	do {
		m = (u32)rnd(&s->rng, NMODES);
	} while (!(run.modes & 1u << m));
	what[m](s);
	count(steps[m]);
}
