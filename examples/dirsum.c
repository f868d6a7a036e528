// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dirsum PATH... - CRC-32 and size of every file in a tree, one G per file.
 *
 * The walk is the first G.  Each file that it finds gets a G of its own, which
 * reads it with plain read() in announced sections: where that waits for the
 * disk, another kernel thread goes on with the other Gs.
 *
 * A G's stack is small, so buffers come from a pool.  Who finds the pool empty
 * parks until another puts one back; and as a buffer is taken before the file
 * is opened, the pool also bounds the open files, and the kernel threads that
 * sit in a read() at the same time.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <weft/weft.h>

#include "dirsum-common.h"

/* a buffer of the pool; the link is kept where the data goes */
union buf {
	union buf *next;
	unsigned char data[DIRSUM_CHUNK];
};

/* who waits for a buffer: on the waiter's stack until it is unparked */
struct waiter {
	struct weft_parker parker;
	struct waiter *next;
	union buf *buf;
};

/* the mutex is held for some instructions, and never over a weft call */
struct pool {
	pthread_mutex_t lock;
	union buf *free;
	union buf *fresh, *end;		/* those not used yet: untouched */
	struct waiter *first, **last;	/* first come, first served */
};

static union buf *take_or_queue(struct pool *p, struct waiter *w)
{
	union buf *b;

	pthread_mutex_lock(&p->lock);
	b = p->free;
	if (b) {
		p->free = b->next;
	} else if (p->fresh < p->end) {
		b = p->fresh++;
	} else {
		*p->last = w;
		p->last = &w->next;
	}
	pthread_mutex_unlock(&p->lock);
	return b;
}

static union buf *take(struct pool *p)
{
	struct waiter w = { .parker = WEFT_PARKER_INIT };
	union buf *b = take_or_queue(p, &w);

	if (b)
		return b;
	weft_park(&w.parker);
	return w.buf;
}

/* A waiter gets the buffer from hand to hand, so nobody can overtake it. */
static void put(struct pool *p, union buf *b)
{
	struct waiter *w;

	pthread_mutex_lock(&p->lock);
	w = p->first;
	if (w) {
		p->first = w->next;
		if (!p->first)
			p->last = &p->first;
		w->buf = b;
	} else {
		b->next = p->free;
		p->free = b;
	}
	pthread_mutex_unlock(&p->lock);
	if (w)
		weft_unpark(&w->parker);
}

static void read_all(struct dirsum_file *f, int fd, union buf *b)
{
	uLong crc = crc32(0, NULL, 0);
	ssize_t n;

	for (;;) {
		n = WEFT_BLOCKING(read(fd, b->data, sizeof(b->data)));
		if (n < 0 && weft_errno() == EINTR)
			continue;
		if (n <= 0)
			break;
		crc = crc32(crc, b->data, (uInt)n);
		f->size += (uint64_t)n;
		weft_checkpoint();
	}
	f->err = n < 0 ? weft_errno() : 0;
	f->crc = (uint32_t)crc;
}

static void *read_file(void *arg)
{
	struct dirsum_file *f = arg;
	struct pool *p = f->d->data;
	union buf *b = take(p);
	int fd;

	fd = WEFT_BLOCKING(dirsum_open(f->path));
	if (fd < 0) {
		f->err = -fd;
	} else {
		read_all(f, fd, b);
		WEFT_BLOCKING(close(fd));
	}
	put(p, b);
	return NULL;
}

static int start(struct dirsum_file *f)
{
	const struct weft_attr attr = { .sz = sizeof(attr), .name = "file" };
	struct weft_g *g;
	int err = weft_spawn(&g, &attr, read_file, f);

	f->task = err ? NULL : g;
	return err;
}

static void wait_for(struct dirsum_file *f)
{
	weft_join(f->task, NULL);
}

static const struct dirsum_ops ops = {
	.start = start,
	.wait = wait_for,
	.block_begin = weft_block_begin,
	.block_end = weft_block_end,
};

static int walk(void *arg)
{
	return dirsum_walk(arg);
}

static int run(struct dirsum *d)
{
	struct pool pool = { .lock = PTHREAD_MUTEX_INITIALIZER };
	union buf *bufs = malloc(d->limit * sizeof(*bufs));
	int ret;

	if (!bufs)
		return -ENOMEM;
	pool.fresh = bufs;
	pool.end = bufs + d->limit;
	pool.last = &pool.first;
	d->data = &pool;
	ret = weft_run(walk, d);
	free(bufs);
	return ret;
}

int main(int argc, char **argv)
{
	struct dirsum d = {
		.prog = "dirsum",
		.limit_name = "open",
		.limit_help = "most files open at once",
		.limit = 64,
		.ops = &ops,
	};
	int ret = dirsum_options(&d, argc, argv);

	if (ret >= 0)
		return ret;
	ret = run(&d);
	if (ret < 0)
		fprintf(stderr, "dirsum: cannot start: %s\n", strerror(-ret));
	return ret ? 1 : 0;
}
