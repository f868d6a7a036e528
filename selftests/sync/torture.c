// SPDX-License-Identifier: GPL-2.0-only
/*
 * torture.c - all objects at once, in a random order, by Gs and ordinary
 * threads, while the number of Ps changes.
 *
 * SYNC_SEED replays the choices (not their timing), SYNC_SECONDS says how long.
 * Each worker has its own sequence, from the seed and its number.
 */
#include "crowd.h"
#include <sync/object.h>

#include "kselftest_harness.h"

#define GS 24
#define THREADS 4
#define MUTEXES 3

static struct {
	struct weft_mutex mx;
	u64 a, b;
} locked[MUTEXES];

static struct weft_rwlock rw;
static u64 ra, rb;
static struct weft_sem sem = WEFT_SEM_INIT(2);
static struct weft_mutex pool_mx;	/* a pool of tickets */
static struct weft_cond pool;
static u32 tickets = 3, held_sem;
static struct weft_wg wg;
static u64 steps, lates, seed, deaths;
static s64 end_at;

static s64 some_deadline(u64 *rnd)
{
	u64 r = crowd_random(rnd);

	return r % 3 ? WEFT_FOREVER : weft__now() + (s64)(r >> 8) % 80000;
}

static void linger(u64 *rnd)
{
	switch (crowd_random(rnd) % 32) {
	case 0:
		weft_sleep((s64)(crowd_random(rnd) % 60000));
		break;
	case 1:
		busy((s64)(crowd_random(rnd) % 20000));
		break;
	case 2:
	case 3:
	case 4:
		weft_yield();
		break;
	}
}

static bool in_time(int r)
{
	CHECK(!r || r == -ETIMEDOUT);
	if (r)
		atomic_add(&lates, 1);
	return !r;
}

static void a_mutex(u64 *rnd)
{
	u32 i = crowd_random(rnd) % MUTEXES;
	u64 a;

	if (crowd_random(rnd) % 8 == 0) {
		if (weft_mutex_try(&locked[i].mx))
			return;
	} else if (!in_time(weft_mutex_until(&locked[i].mx,
					     some_deadline(rnd)))) {
		return;
	}
	a = READ_ONCE(locked[i].a);
	CHECK(a == READ_ONCE(locked[i].b));
	WRITE_ONCE(locked[i].a, a + 1);
	linger(rnd);
	WRITE_ONCE(locked[i].b, a + 1);
	CHECK(!weft_mutex_unlock(&locked[i].mx));
}

static void reads(u64 *rnd)
{
	u64 a;

	if (!in_time(weft_rwlock_read_until(&rw, some_deadline(rnd))))
		return;
	a = READ_ONCE(ra);
	linger(rnd);
	CHECK(a == READ_ONCE(rb));
	CHECK(!weft_rwlock_read_unlock(&rw));
}

static void writes(u64 *rnd)
{
	if (!in_time(weft_rwlock_write_until(&rw, some_deadline(rnd))))
		return;
	WRITE_ONCE(ra, ra + 1);
	linger(rnd);
	WRITE_ONCE(rb, rb + 1);
	CHECK(!weft_rwlock_write_unlock(&rw));
}

static void a_sem(u64 *rnd)
{
	if (!in_time(weft_sem_until(&sem, some_deadline(rnd))))
		return;
	CHECK(atomic_add(&held_sem, 1) <= 2);
	linger(rnd);
	atomic_sub(&held_sem, 1);
	CHECK(!weft_sem_release(&sem, 1));
}

static void a_ticket(u64 *rnd)
{
	s64 deadline = some_deadline(rnd);
	bool got = true;

	CHECK(!weft_mutex_lock(&pool_mx));
	while (!tickets && got)
		got = in_time(weft_cond_wait_until(&pool, &pool_mx, deadline));
	if (got)
		tickets--;
	else if (tickets)	/* a signal may have been ours */
		weft_cond_signal(&pool);
	CHECK(!weft_mutex_unlock(&pool_mx));
	if (!got)
		return;
	linger(rnd);
	CHECK(!weft_mutex_lock(&pool_mx));
	tickets++;
	if (crowd_random(rnd) % 8)
		CHECK(!weft_cond_signal(&pool));
	else
		CHECK(!weft_cond_broadcast(&pool));
	CHECK(!weft_mutex_unlock(&pool_mx));
}

/* An object on a stack that goes as soon as all calls on it have returned */
struct short_lived {
	struct weft_event ev;
};

static void *sets(void *arg)
{
	struct short_lived *s = arg;

	CHECK(!weft_event_set(&s->ev));
	CHECK(!weft_wg_done(&wg));
	return NULL;
}

static void an_event(u64 *rnd)
{
	struct weft_g *g;
	struct short_lived s = { .ev = WEFT_EVENT_INIT };
	int r;

	CHECK(!weft_wg_add(&wg, 1));
	CHECK(!weft_spawn(&g, NULL, sets, &s));
	r = weft_event_until(&s.ev, some_deadline(rnd));
	if (in_time(r))
		CHECK(weft_event_is_set(&s.ev));
	CHECK(!weft_join(g, NULL));
	atomic_add(&deaths, 1);
}

static void *steps_at_random(void *arg)
{
	u64 rnd = (seed + (uintptr_t)arg) * 0x9e3779b97f4a7c15u | 1, n = 0;

	do {
		switch (crowd_random(&rnd) % 12) {
		case 0 ... 4:
			a_mutex(&rnd);
			break;
		case 5:
		case 6:
			reads(&rnd);
			break;
		case 7:
			writes(&rnd);
			break;
		case 8:
		case 9:
			a_sem(&rnd);
			break;
		case 10:
			a_ticket(&rnd);
			break;
		default:
			an_event(&rnd);
			break;
		}
		n++;
	} while (weft__now() < end_at);
	atomic_add(&steps, n);
	return NULL;
}

static void *changes_procs(void *arg)
{
	u64 rnd = seed | 1;

	while (weft__now() < end_at) {
		CHECK(!weft_set_procs(1 + crowd_random(&rnd) % 3));
		usleep(2000);
	}
	return arg;
}

static bool mutex_at_rest(const struct weft_mutex *p)
{
	const struct mutex *k = (const struct mutex *)p;

	return !k->l.word && !(k->sig & SIG_WAITER) && !k->announced &&
	       !k->woken && !k->starving && !k->q.head;
}

static void *watchdog(void *arg)
{
	s64 late = end_at + RT_PATIENCE;

	while (!rt_get(arg)) {
		if (weft__now() > late) {
			weft_dump(2);
			abort();
		}
		usleep(10000);
	}
	return NULL;
}

static s64 env(const char *name, s64 otherwise)
{
	const char *s = getenv(name);

	return s ? strtoll(s, NULL, 0) : otherwise;
}

TEST(all_at_once)
{
	struct weft_opts o = { .sz = sizeof(o), .procs = 3 };
	pthread_t procs, dog;
	u32 i, over = 0;

	seed = (u64)env("SYNC_SEED", weft__now());
	printf("# SYNC_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	end_at = weft__now() + env("SYNC_SECONDS", 4) * NSEC_PER_SEC;
	setenv("WEFT_DEBUG", "oversubscribe", 1);
	ASSERT_EQ(0, weft_start(&o));
	ASSERT_EQ(0, pthread_create(&procs, NULL, changes_procs, NULL));
	ASSERT_EQ(0, pthread_create(&dog, NULL, watchdog, &over));
	crowd(steps_at_random, GS, THREADS);
	EXPECT_EQ(0, weft_wg_wait(&wg));
	rt_set(&over, 1);
	ASSERT_EQ(0, pthread_join(procs, NULL));
	ASSERT_EQ(0, pthread_join(dog, NULL));
	printf("# %llu steps, %llu late, %llu events\n",
	       (unsigned long long)steps, (unsigned long long)lates,
	       (unsigned long long)deaths);
	for (i = 0; i < MUTEXES; i++) {
		EXPECT_EQ(locked[i].a, locked[i].b);
		EXPECT_TRUE(mutex_at_rest(&locked[i].mx));
	}
	EXPECT_TRUE(mutex_at_rest(&pool_mx));
	EXPECT_EQ(ra, rb);
	EXPECT_EQ(2, weft_sem_value(&sem));
	EXPECT_EQ(3, tickets);
	EXPECT_GT(steps, 0);
	DONE();
}

TEST_HARNESS_MAIN
