// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * threads.c - what the pthread twins are made of.
 *
 * Threads with small stacks and no guard pages, so that the twins are limited
 * by the kernel and not by their address space; and a permit of one futex, the
 * best that two threads can do to wait for one another.
 */
#include "bench.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_SIZE (32 * 1024)

int thread_start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	pthread_attr_setguardsize(&attr, 0);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	err = pthread_create(t, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return err;
}

/* As many of @n as there can be; the return says how many. */
long threads_start(pthread_t *t, long n, void *(*fn)(void *), void *args,
		   size_t argsize)
{
	long i;

	for (i = 0; i < n; i++)
		if (thread_start(&t[i], fn, (char *)args + i * argsize))
			break;
	return i;
}

void threads_join(pthread_t *t, long n)
{
	long i;

	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

void futex_wait(uint32_t *f, uint32_t val)
{
	syscall(SYS_futex, f, FUTEX_WAIT_PRIVATE, val, NULL, NULL, 0);
}

void futex_wake(uint32_t *f, int n)
{
	syscall(SYS_futex, f, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

void permit_wait(struct permit *p)
{
	while (!__atomic_exchange_n(&p->word, 0, __ATOMIC_ACQUIRE))
		futex_wait(&p->word, 0);
}

void permit_give(struct permit *p)
{
	__atomic_store_n(&p->word, 1, __ATOMIC_RELEASE);
	futex_wake(&p->word, 1);
}
