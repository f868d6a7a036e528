// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dirsum-pthread PATH... - dirsum on a pool of threads, for comparison.
 *
 * The walk is the main thread.  It puts files into a queue, from which each
 * thread of the pool takes one after the other; walk and output are dirsum's.
 * Four threads for each CPU: fewer leave it idle while they wait for the disk,
 * many more cost a cached tree a third of its speed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "dirsum-common.h"

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;		/* there is a file, or no more come */
	pthread_cond_t read;		/* the one awaited has been read */
	struct dirsum_file *first, **last;
	struct dirsum_file *awaited;
	bool stop;
	unsigned long threads;
	pthread_t *thread;
};

static void read_all(struct dirsum_file *f, int fd, unsigned char *buf)
{
	uLong crc = crc32(0, NULL, 0);
	ssize_t n;

	for (;;) {
		n = read(fd, buf, DIRSUM_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		crc = crc32(crc, buf, (uInt)n);
		f->size += (uint64_t)n;
	}
	f->err = n < 0 ? errno : 0;
	f->crc = (uint32_t)crc;
}

static void read_file(struct dirsum_file *f, unsigned char *buf)
{
	int fd = dirsum_open(f->path);

	if (fd < 0) {
		f->err = -fd;
		return;
	}
	read_all(f, fd, buf);
	close(fd);
}

/* The next file of the queue; NULL: no more will come.  Under the lock. */
static struct dirsum_file *next_file(struct pool *p)
{
	struct dirsum_file *f;

	while (!p->first && !p->stop)
		pthread_cond_wait(&p->work, &p->lock);
	f = p->first;
	if (f) {
		p->first = f->task;
		if (!p->first)
			p->last = &p->first;
	}
	return f;
}

static void *worker(void *arg)
{
	unsigned char buf[DIRSUM_CHUNK];
	struct pool *p = arg;
	struct dirsum_file *f;

	pthread_mutex_lock(&p->lock);
	while ((f = next_file(p))) {
		pthread_mutex_unlock(&p->lock);
		read_file(f, buf);
		pthread_mutex_lock(&p->lock);
		f->done = true;
		if (p->awaited == f)
			pthread_cond_signal(&p->read);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int start(struct dirsum_file *f)
{
	struct pool *p = f->d->data;

	pthread_mutex_lock(&p->lock);
	f->task = NULL;
	*p->last = f;
	p->last = (struct dirsum_file **)&f->task;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

static void wait_for(struct dirsum_file *f)
{
	struct pool *p = f->d->data;

	pthread_mutex_lock(&p->lock);
	p->awaited = f;
	while (!f->done)
		pthread_cond_wait(&p->read, &p->lock);
	p->awaited = NULL;
	pthread_mutex_unlock(&p->lock);
}

static void nothing(void)
{
}

static const struct dirsum_ops ops = {
	.start = start,
	.wait = wait_for,
	.block_begin = nothing,
	.block_end = nothing,
};

/* As many threads as there may be; an error only if there is none. */
static int start_threads(struct pool *p, unsigned long n)
{
	int err = 0;

	p->thread = calloc(n, sizeof(*p->thread));
	if (!p->thread)
		return ENOMEM;
	while (p->threads < n && !err) {
		err = pthread_create(&p->thread[p->threads], NULL, worker, p);
		p->threads += !err;
	}
	return p->threads ? 0 : err;
}

static void stop_threads(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned long i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	free(p->thread);
}

int main(int argc, char **argv)
{
	struct dirsum d = {
		.prog = "dirsum-pthread",
		.limit_name = "threads",
		.limit_help = "threads; as many files are open at most",
		.limit = 4 * (unsigned long)sysconf(_SC_NPROCESSORS_ONLN),
		.ops = &ops,
	};
	struct pool pool = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.work = PTHREAD_COND_INITIALIZER,
		.read = PTHREAD_COND_INITIALIZER,
		.last = &pool.first,
	};
	int ret;

	ret = dirsum_options(&d, argc, argv);
	if (ret >= 0)
		return ret;
	d.data = &pool;
	ret = start_threads(&pool, d.limit);
	if (ret) {
		fprintf(stderr, "dirsum-pthread: no thread: %s\n",
			strerror(ret));
		return 1;
	}
	ret = dirsum_walk(&d);
	stop_threads(&pool);
	return ret;
}
