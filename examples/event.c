// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * event - a one-shot event from an ordinary thread to a G.
 *
 * A library that brings threads of its own calls back on one of them.  The
 * callback leaves its result and unparks; the G parks until then and uses no
 * kernel thread meanwhile.  A parker holds one permit, so it does not matter
 * who comes first.
 *
 * The thread registers itself, for else the runtime, seeing every G parked,
 * would take this for a deadlock.  It must have done so before the G parks:
 * until then the G waits in the kernel, in an announced section.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <weft/weft.h>

struct event {
	struct weft_parker done;
	sem_t registered;
	int answer;
};

static void *thread(void *arg)
{
	struct event *ev = arg;

	weft_thread_register();
	sem_post(&ev->registered);
	ev->answer = 42;
	weft_unpark(&ev->done);
	weft_thread_unregister();
	return NULL;
}

static int wait_for_it(void *arg)
{
	struct event ev = { .done = WEFT_PARKER_INIT };
	pthread_t t;
	int err;

	(void)arg;
	sem_init(&ev.registered, 0, 0);

	weft_block_begin();
	err = pthread_create(&t, NULL, thread, &ev);
	while (!err && sem_wait(&ev.registered))
		;
	weft_block_end();
	if (err) {
		fprintf(stderr, "event: %s\n", strerror(err));
		return 1;
	}

	weft_park(&ev.done);
	printf("the answer is %d\n", ev.answer);
	return WEFT_BLOCKING(pthread_join(t, NULL));
}

int main(void)
{
	return weft_run(wait_for_it, NULL) ? 1 : 0;
}
