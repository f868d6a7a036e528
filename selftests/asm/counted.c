// SPDX-License-Identifier: GPL-2.0-only
/*
 * counted.c - fast paths in loops, for counted.sh to count their instructions.
 *
 * Each path runs TURNS and then twice TURNS times, a call of counted_mark()
 * before, between and after: callgrind writes what it counted since the mark
 * before, so the difference is that of TURNS turns, without what surrounds
 * them. stdout says which: a line "NAME TURNS" for each path.
 *
 * With PLANT each turn has one load more.
 */
#define WEFT_INLINE
#include <weft/weft.h>

#include <stdbool.h>
#include <stdio.h>

/* Ticks come every 61st pop, and all else that is rare by powers of two. */
#define TURNS (61l * 256)

#ifdef PLANT
static int volatile word;
#define turn() ((void)word)
#else
#define turn() ((void)0)
#endif

struct path {
	const char *name;
	void (*run)(long n);
};

static struct weft_parker mine, others;
static bool volatile done;
static int volatile ran;

void counted_mark(void);
weft__noinline void counted_mark(void)
{
	__asm__ __volatile__("");
}

static void *nothing(void *arg)
{
	ran = 1;
	return arg;
}

static void *yielder(void *arg)
{
	while (!done)
		weft_yield();
	return arg;
}

static void run_yield(long n)
{
	struct weft_g *g;

	done = false;
	weft_spawn(&g, NULL, yielder, NULL);
	while (n--) {
		turn();
		weft_yield();
	}
	done = true;
	weft_join(g, NULL);
}

/* The child runs as a call. */
static void run_spawn_join(long n)
{
	struct weft_g *g;

	while (n--) {
		turn();
		weft_spawn(&g, NULL, nothing, NULL);
		weft_join(g, NULL);
	}
}

/* The child is switched to, on a stack of its own, and has ended. */
static void run_spawn_yield_join(long n)
{
	struct weft_g *g;

	while (n--) {
		turn();
		weft_spawn(&g, NULL, nothing, NULL);
		weft_yield();
		weft_join(g, NULL);
	}
}

static void run_go_yield(long n)
{
	while (n--) {
		turn();
		weft_go(nothing, NULL);
		weft_yield();
	}
}

static void run_block(long n)
{
	while (n--) {
		turn();
		weft_block_begin();
		__asm__ __volatile__("");
		weft_block_end();
	}
}

/* A permit is left and taken by the same G. */
static void run_permit(long n)
{
	while (n--) {
		turn();
		weft_unpark(&mine);
		weft_park(&mine);
	}
}

static void *partner(void *arg)
{
	for (;;) {
		weft_park(&others);
		if (done)
			return arg;
		weft_unpark(&mine);
	}
}

/* Two Gs wake one another and park. */
static void run_ping_pong(long n)
{
	struct weft_g *g;

	done = false;
	weft_spawn(&g, NULL, partner, NULL);
	while (n--) {
		turn();
		weft_unpark(&others);
		weft_park(&mine);
	}
	done = true;
	weft_unpark(&others);
	weft_join(g, NULL);
}

/* ---- channels and locks ---- */

static struct weft_chan *to, *back, *ring;
static struct weft_mutex mx;
static struct weft_rwlock rw;
static struct weft_sem sem;

static void *echo(void *arg)
{
	uint64_t v;

	while (!weft_chan_recv(to, &v))
		weft_chan_send(back, &v);
	return arg;
}

/* Two Gs, each of which waits once and finds the other waiting once. */
static void run_chan_ping_pong(long n)
{
	struct weft_g *g;
	uint64_t v = 0;

	to = weft_chan_new(8, 0);
	back = weft_chan_new(8, 0);
	weft_spawn(&g, NULL, echo, NULL);
	while (n--) {
		turn();
		weft_chan_send(to, &v);
		weft_chan_recv(back, &v);
	}
	weft_chan_close(to);
	weft_join(g, NULL);
	weft_chan_free(to);
	weft_chan_free(back);
}

static void run_chan_ring(long n)
{
	uint64_t v = 0;

	if (!ring)
		ring = weft_chan_new(8, 2);
	while (n--) {
		turn();
		weft_chan_send(ring, &v);
		weft_chan_recv(ring, &v);
	}
}

static void run_mutex(long n)
{
	while (n--) {
		turn();
		weft_mutex_lock(&mx);
		weft_mutex_unlock(&mx);
	}
}

static void run_rwlock(long n)
{
	while (n--) {
		turn();
		weft_rwlock_read(&rw);
		weft_rwlock_read_unlock(&rw);
		weft_rwlock_write(&rw);
		weft_rwlock_write_unlock(&rw);
	}
}

static void run_sem(long n)
{
	while (n--) {
		turn();
		weft_sem_release(&sem, 1);
		weft_sem_acquire(&sem);
	}
}

static const struct path paths[] = {
	{ "yield_there_and_back", run_yield },
	{ "spawn_join", run_spawn_join },
	{ "spawn_yield_join", run_spawn_yield_join },
	{ "go_yield", run_go_yield },
	{ "block", run_block },
	{ "permit", run_permit },
	{ "ping_pong", run_ping_pong },
	{ "chan_ping_pong", run_chan_ping_pong },
	{ "chan_ring", run_chan_ring },
	{ "mutex", run_mutex },
	{ "rwlock", run_rwlock },
	{ "sem", run_sem },
};

static int start(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		paths[i].run(TURNS);	/* allocates what there is to */
		counted_mark();
		paths[i].run(TURNS);
		counted_mark();
		paths[i].run(2 * TURNS);
		counted_mark();
		printf("%s %ld\n", paths[i].name, TURNS);
	}
	return 0;
}

int main(void)
{
	return weft_run(start, NULL);
}
