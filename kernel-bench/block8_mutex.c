// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block8_mutex.c - block on a pthread mutex that an ordinary thread holds, as
 * on a lock inside a library.
 *
 * There are two.  The holder takes the other one before it releases the one
 * that it held for 10 ms, and the blockers pass through them in turn: whoever
 * comes through one finds the other held.  With a single mutex the holder would
 * have to leave it free for a while, in which they would go round without
 * blocking.
 */
#include "block8.h"

static struct {
	pthread_mutex_t lock[2];
	pthread_t holder;
	uint32_t holds;
	bool held;
	unsigned char next[BLOCK8_BLOCKERS];	/* each written by its own */
} mutexes = {
	.lock = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER },
};

static void *mutexes_hold(void *arg)
{
	unsigned int k = 0;

	pthread_mutex_lock(&mutexes.lock[k]);
	store_release(&mutexes.holds, 1);
	while (load_acquire(&mutexes.held)) {
		sleep_until(now_ns() + BLOCK8_NS);
		pthread_mutex_lock(&mutexes.lock[!k]);
		pthread_mutex_unlock(&mutexes.lock[k]);
		k = !k;
	}
	pthread_mutex_unlock(&mutexes.lock[k]);
	return arg;
}

static void mutexes_start(void)
{
	mutexes.held = true;
	mutexes.holds = 0;
	check(thread_start(&mutexes.holder, mutexes_hold, NULL), "a thread");
	while (!load_acquire(&mutexes.holds))
		sched_yield();
}

static void mutexes_stop(void)
{
	store_release(&mutexes.held, false);
	pthread_join(mutexes.holder, NULL);
}

static void mutexes_block(int i)
{
	pthread_mutex_t *lock = &mutexes.lock[mutexes.next[i]];

	pthread_mutex_lock(lock);
	pthread_mutex_unlock(lock);
	mutexes.next[i] ^= 1;
}

const struct block8_way way_mutex = {
	.start = mutexes_start,
	.block = mutexes_block,
	.stop = mutexes_stop,
};
