// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * chan.c - channels: there and back, one to one, four to four, one of four.
 *
 * pingpong	two Gs, two channels without capacity; per round trip
 * chan1x1	one sender, one receiver, capacity 100; per message
 * chan4x4	four of each on one channel, capacity 100
 * select4	four senders, each with a channel without capacity, and one G
 *		that receives from all four by weft_select()
 *
 * A message is a word, and what was received is added up and compared.  The
 * twin is a ring under a mutex, with a condition for who sends and one for who
 * receives; without capacity the sender waits until its message was taken.
 */
#include "bench.h"

#define CHAN_CAP 100
#define CHAN_MANY 4

/* ---- the twin ---- */

struct chan_ring {
	pthread_mutex_t *lock;
	pthread_cond_t *filled, room;
	uint64_t ring[CHAN_CAP];
	uint32_t n, cap, head;
	uint64_t in, out;	/* messages put in and taken out */
	bool closed;
};

static pthread_mutex_t chan_lock[CHAN_MANY];
static pthread_cond_t chan_filled[CHAN_MANY];

/* Rings with the same lock and condition can be waited for together. */
static void chan_ring_init(struct chan_ring *q, uint32_t cap, int shared)
{
	*q = (struct chan_ring){ .cap = cap, .lock = &chan_lock[shared],
				 .filled = &chan_filled[shared] };
	pthread_mutex_init(q->lock, NULL);
	pthread_cond_init(q->filled, NULL);
	pthread_cond_init(&q->room, NULL);
}

static void chan_ring_send(struct chan_ring *q, uint64_t v)
{
	uint64_t me;

	pthread_mutex_lock(q->lock);
	while (q->n >= (q->cap ? q->cap : 1))
		pthread_cond_wait(&q->room, q->lock);
	q->ring[(q->head + q->n++) % CHAN_CAP] = v;
	me = ++q->in;
	pthread_cond_signal(q->filled);
	while (!q->cap && q->out < me)
		pthread_cond_wait(&q->room, q->lock);
	pthread_mutex_unlock(q->lock);
}

/* Lock held. */
static uint64_t chan_ring_take(struct chan_ring *q)
{
	uint64_t v = q->ring[q->head];

	q->head = (q->head + 1) % CHAN_CAP;
	q->n--;
	q->out++;
	if (q->cap)
		pthread_cond_signal(&q->room);
	else
		pthread_cond_broadcast(&q->room);
	return v;
}

static bool chan_ring_recv(struct chan_ring *q, uint64_t *v)
{
	bool ok;

	pthread_mutex_lock(q->lock);
	while (!q->n && !q->closed)
		pthread_cond_wait(q->filled, q->lock);
	ok = q->n;
	if (ok)
		*v = chan_ring_take(q);
	pthread_mutex_unlock(q->lock);
	return ok;
}

static bool chan_ring_recv_any(struct chan_ring *q, int n, uint64_t *v)
{
	static int from;
	int i, left = 0;
	bool ok = false;

	pthread_mutex_lock(q->lock);
	do {
		for (i = 0, left = 0; i < n && !ok; i++) {
			from = (from + 1) % n;
			left += !q[from].closed;
			ok = q[from].n;
			if (ok)
				*v = chan_ring_take(&q[from]);
		}
		if (!ok && left)
			pthread_cond_wait(q->filled, q->lock);
	} while (!ok && left);
	pthread_mutex_unlock(q->lock);
	return ok;
}

static void chan_ring_close(struct chan_ring *q)
{
	pthread_mutex_lock(q->lock);
	q->closed = true;
	pthread_cond_broadcast(q->filled);
	pthread_mutex_unlock(q->lock);
}

/* ---- who sends and who receives ---- */

static struct weft_chan *chan_c[CHAN_MANY];
static struct chan_ring chan_q[CHAN_MANY];

struct chan_end {
	int at;			/* which channel */
	long n;			/* messages */
	uint64_t sum;
} __attribute__((aligned(128)));

static void *chan_sender(void *arg)
{
	struct chan_end *e = arg;
	struct weft_chan *c = chan_c[e->at];
	uint64_t n = 0, sum = 0, v;

	while (!stopping()) {
		v = ++n;
		weft_chan_send(c, &v);
		sum += n;
		if (!(n & 1023))
			cpu_mark();
	}
	e->sum = sum;
	return NULL;
}

static void *chan_receiver(void *arg)
{
	struct chan_end *e = arg;
	struct weft_chan *c = chan_c[e->at];
	uint64_t sum = 0, v;
	long n = 0;

	while (!weft_chan_recv(c, &v)) {
		n++;
		sum += v;
	}
	e->n = n;
	e->sum = sum;
	return NULL;
}

static void *chan_selecter(void *arg)
{
	struct weft_case k[CHAN_MANY];
	struct chan_end *e = arg;
	int i, left = CHAN_MANY;
	uint64_t v;

	for (i = 0; i < CHAN_MANY; i++)
		k[i] = (struct weft_case){ .chan = chan_c[i], .op = WEFT_RECV,
					   .elem = &v };
	while (left) {
		i = weft_select(k, CHAN_MANY, WEFT_FOREVER);
		if (k[i].ret) {
			k[i].chan = NULL;
			left--;
			continue;
		}
		e->n++;
		e->sum += v;
	}
	return NULL;
}

static void *chan_ring_sender(void *arg)
{
	struct chan_end *e = arg;
	uint64_t v = 0;

	while (!stopping()) {
		chan_ring_send(&chan_q[e->at], ++v);
		e->sum += v;
	}
	return NULL;
}

static void *chan_ring_receiver(void *arg)
{
	struct chan_end *e = arg;
	uint64_t v;

	while (chan_ring_recv(&chan_q[e->at], &v)) {
		e->n++;
		e->sum += v;
	}
	return NULL;
}

static void *chan_ring_selecter(void *arg)
{
	struct chan_end *e = arg;
	uint64_t v;

	while (chan_ring_recv_any(chan_q, CHAN_MANY, &v)) {
		e->n++;
		e->sum += v;
	}
	return NULL;
}

/* All that was sent was received. */
static void chan_result(struct run *r, const struct chan_end *s, int ns,
			const struct chan_end *d, int nd)
{
	uint64_t sent = 0, received = 0;
	long n = 0;
	int i;

	for (i = 0; i < ns; i++)
		sent += s[i].sum;
	for (i = 0; i < nd; i++) {
		received += d[i].sum;
		n += d[i].n;
	}
	run_end(r, (double)n);
	if (sent != received)
		run_fail(r, "what was received is not what was sent");
}

/* ---- one to one, four to four, one of four ---- */

enum { CHAN_SELECT = -4 };

static void chan_weft(struct run *r)
{
	bool sel = r->arg == CHAN_SELECT;
	int i, ns = sel ? CHAN_MANY : (int)r->arg, nd = sel ? 1 : ns;
	struct weft_g *s[CHAN_MANY], *d[CHAN_MANY];
	static struct chan_end se[CHAN_MANY], de[CHAN_MANY];

	for (i = 0; i < (sel ? CHAN_MANY : 1); i++)
		chan_c[i] = weft_chan_new(8, sel ? 0 : CHAN_CAP);
	run_begin(r);
	for (i = 0; i < nd; i++)
		check(weft_spawn(&d[i], NULL,
				 sel ? chan_selecter : chan_receiver, &de[i]),
		      "weft_spawn");
	for (i = 0; i < ns; i++) {
		se[i].at = sel ? i : 0;
		check(weft_spawn(&s[i], NULL, chan_sender, &se[i]),
		      "weft_spawn");
	}
	for (i = 0; i < ns; i++)
		weft_join(s[i], NULL);
	for (i = 0; i < (sel ? CHAN_MANY : 1); i++)
		weft_chan_close(chan_c[i]);
	for (i = 0; i < nd; i++)
		weft_join(d[i], NULL);
	chan_result(r, se, ns, de, nd);
	for (i = 0; i < (sel ? CHAN_MANY : 1); i++)
		check(weft_chan_free(chan_c[i]), "weft_chan_free");
}

static void chan_pthread(struct run *r)
{
	bool sel = r->arg == CHAN_SELECT;
	int i, ns = sel ? CHAN_MANY : (int)r->arg, nd = sel ? 1 : ns;
	static struct chan_end se[CHAN_MANY], de[CHAN_MANY];
	pthread_t s[CHAN_MANY], d[CHAN_MANY];

	for (i = 0; i < (sel ? CHAN_MANY : 1); i++)
		chan_ring_init(&chan_q[i], sel ? 0 : CHAN_CAP, 0);
	run_begin(r);
	for (i = 0; i < nd; i++)
		check(thread_start(&d[i], sel ? chan_ring_selecter :
						chan_ring_receiver, &de[i]),
		      "a thread");
	for (i = 0; i < ns; i++) {
		se[i].at = sel ? i : 0;
		check(thread_start(&s[i], chan_ring_sender, &se[i]),
		      "a thread");
	}
	threads_join(s, ns);
	for (i = 0; i < (sel ? CHAN_MANY : 1); i++)
		chan_ring_close(&chan_q[i]);
	threads_join(d, nd);
	chan_result(r, se, ns, de, nd);
}

/* ---- there and back ---- */

static void *chan_echo(void *arg)
{
	uint64_t v;

	while (!weft_chan_recv(chan_c[0], &v)) {
		v++;
		weft_chan_send(chan_c[1], &v);
	}
	return arg;
}

static void pingpong_weft(struct run *r)
{
	struct weft_g *g;
	uint64_t v = 0;
	long n = 0;

	chan_c[0] = weft_chan_new(8, 0);
	chan_c[1] = weft_chan_new(8, 0);
	check(weft_spawn(&g, NULL, chan_echo, NULL), "weft_spawn");
	run_begin(r);
	while (!stopping()) {
		weft_chan_send(chan_c[0], &v);
		weft_chan_recv(chan_c[1], &v);
		n++;
	}
	run_end(r, (double)n);
	if (v != (uint64_t)n)
		run_fail(r, "what came back is not what went");
	weft_chan_close(chan_c[0]);
	weft_join(g, NULL);
	weft_chan_free(chan_c[0]);
	weft_chan_free(chan_c[1]);
}

static void *chan_ring_echo(void *arg)
{
	uint64_t v;

	while (chan_ring_recv(&chan_q[0], &v))
		chan_ring_send(&chan_q[1], v + 1);
	return arg;
}

static void pingpong_pthread(struct run *r)
{
	uint64_t v = 0;
	pthread_t t;
	long n = 0;

	chan_ring_init(&chan_q[0], 0, 0);
	chan_ring_init(&chan_q[1], 0, 1);
	check(thread_start(&t, chan_ring_echo, NULL), "a thread");
	run_begin(r);
	while (!stopping()) {
		chan_ring_send(&chan_q[0], v);
		chan_ring_recv(&chan_q[1], &v);
		n++;
	}
	run_end(r, (double)n);
	if (v != (uint64_t)n)
		run_fail(r, "what came back is not what went");
	chan_ring_close(&chan_q[0]);
	threads_join(&t, 1);
}

static const struct bench pingpong = {
	.name = "pingpong",
	.unit = "ns",
	.doc = "two Gs, channels without capacity; per round trip",
	.weft = pingpong_weft,
	.pthread = pingpong_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.serial = true,
};
static const struct bench chan1x1 = {
	.name = "chan1x1",
	.unit = "ns",
	.doc = "one sender, one receiver, capacity 100; per message",
	.weft = chan_weft,
	.pthread = chan_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.arg = 1,
};
static const struct bench chan4x4 = {
	.name = "chan4x4",
	.unit = "ns",
	.doc = "four senders, four receivers, capacity 100; per message",
	.weft = chan_weft,
	.pthread = chan_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.arg = CHAN_MANY,
};
static const struct bench select4 = {
	.name = "select4",
	.unit = "ns",
	.doc = "select over four channels without capacity; per message",
	.weft = chan_weft,
	.pthread = chan_pthread,
	.full = { .ms = 1000 },
	.quick = { .ms = 200 },
	.arg = CHAN_SELECT,
};

BENCH_ROWS(chan, &pingpong, &chan1x1, &chan4x4, &select4);
