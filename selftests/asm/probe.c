// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe.c - each fast path inlined into a function of its own, for
 * callgraph.sh to look at; with PLANT some do what none may.
 *
 * Run, it prints where the fields are that an announced section touches; with
 * an argument, where each restartable sequence begins and ends.
 */
#define WEFT_INLINE
#include <weft/weft.h>

#include <core/m.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef PLANT
#define planted(insn) __asm__ __volatile__(insn)
#else
#define planted(insn) ((void)(insn))
#endif

void *volatile kept;
void (*volatile indirect)(void);

static weft__noinline void two_calls_deep(void)
{
#ifdef PLANT
	kept = malloc(1);
#endif
}

static weft__noinline void one_call_deep(void)
{
	two_calls_deep();
	__asm__ __volatile__("");
}

int in_go(weft_fn *fn, void *arg);
int in_spawn(struct weft_g **g, weft_fn *fn, void *arg);
int in_join(struct weft_g *g, void **ret);
void in_yield(void);
int in_park(struct weft_parker *p);
int in_unpark(struct weft_parker *p);
void in_block(void);
int in_chan_send(struct weft_chan *c, const void *elem);
int in_chan_recv(struct weft_chan *c, void *elem);
int in_mutex(struct weft_mutex *mx);
int in_cond_wait(struct weft_cond *c, struct weft_mutex *mx);
int in_cond_signal(struct weft_cond *c);
int in_sem_acquire(struct weft_sem *s);
int in_sem_release(struct weft_sem *s);
int in_rwlock_read(struct weft_rwlock *rw);
int in_rwlock_write(struct weft_rwlock *rw);

int in_go(weft_fn *fn, void *arg)
{
	planted("mfence");
	return weft_go(fn, arg);
}

int in_spawn(struct weft_g **g, weft_fn *fn, void *arg)
{
	one_call_deep();
	return weft_spawn(g, NULL, fn, arg);
}

int in_join(struct weft_g *g, void **ret)
{
	planted("xchgl %eax, -4(%rsp)");
	return weft_join(g, ret);
}

void in_yield(void)
{
	planted("lock; addl $0, -4(%rsp)");
	weft_yield();
}

int in_park(struct weft_parker *p)
{
	planted("syscall");
	return weft_park(p);
}

int in_unpark(struct weft_parker *p)
{
#ifdef PLANT
	if (kept)
		pthread_exit(NULL);
#endif
	return weft_unpark(p);
}

int in_chan_send(struct weft_chan *c, const void *elem)
{
	planted("lock; addl $0, -4(%rsp)");
	return weft_chan_send(c, elem);
}

int in_chan_recv(struct weft_chan *c, void *elem)
{
	one_call_deep();
	return weft_chan_recv(c, elem);
}

int in_mutex(struct weft_mutex *mx)
{
	int r = weft_mutex_lock(mx);

	planted("mfence");
	return r ? r : weft_mutex_unlock(mx);
}

int in_cond_wait(struct weft_cond *c, struct weft_mutex *mx)
{
	return weft_cond_wait(c, mx);
}

int in_cond_signal(struct weft_cond *c)
{
	return weft_cond_signal(c);
}

int in_sem_acquire(struct weft_sem *s)
{
	return weft_sem_acquire(s);
}

int in_sem_release(struct weft_sem *s)
{
	one_call_deep();
	return weft_sem_release(s, 1);
}

int in_rwlock_read(struct weft_rwlock *rw)
{
	int r = weft_rwlock_read(rw);

	return r ? r : weft_rwlock_read_unlock(rw);
}

int in_rwlock_write(struct weft_rwlock *rw)
{
	int r = weft_rwlock_write(rw);

	return r ? r : weft_rwlock_write_unlock(rw);
}

void in_block(void)
{
	weft_block_begin();
	__asm__ __volatile__("nop");
#ifdef PLANT
	weft_block_begin();
#endif
	weft_block_end();
}

/* So that all are linked. */
static void *const all[] = {
	(void *)in_go, (void *)in_spawn, (void *)in_join, (void *)in_yield,
	(void *)in_park, (void *)in_unpark, (void *)in_block,
	(void *)&weft_go, (void *)&weft_spawn, (void *)&weft_join,
	(void *)&weft_yield, (void *)&weft_park, (void *)&weft_unpark,
	(void *)&weft_block_begin, (void *)&weft_block_end,
	(void *)in_chan_send, (void *)in_chan_recv,
	(void *)in_mutex, (void *)in_cond_wait, (void *)in_cond_signal,
	(void *)in_sem_acquire, (void *)in_sem_release,
	(void *)in_rwlock_read, (void *)in_rwlock_write,
	(void *)&weft_rwlock_read, (void *)&weft_rwlock_read_unlock,
	(void *)&weft_rwlock_write, (void *)&weft_rwlock_write_unlock,
	(void *)&weft_mutex_lock, (void *)&weft_mutex_unlock,
	(void *)&weft_cond_wait, (void *)&weft_cond_signal,
	(void *)&weft_sem_acquire, (void *)&weft_sem_release,
	(void *)&weft_chan_send, (void *)&weft_chan_recv,
};

/* As the kernel reads them; the linker knows where they begin and end. */
struct sequence {
	u32 version, flags;
	u64 start, length, abort;
};

/* Weak: there are none without rseq. */
extern const struct sequence begin[] __asm__("__start___rseq_cs")
	__attribute__((weak));
extern const struct sequence end[] __asm__("__stop___rseq_cs")
	__attribute__((weak));

/* Those of the program itself, which comes first; addresses as in its file. */
static int print_sequences(struct dl_phdr_info *info, size_t size, void *arg)
{
	const struct sequence *s;
	unsigned long at;

	(void)size;
	(void)arg;
	for (s = begin; s < end; s++) {
		at = s->start - info->dlpi_addr;
		printf("%lx %lx\n", at, at + (unsigned long)s->length);
	}
	return 1;
}

int main(int argc, char **argv)
{
	(void)argv;
	kept = all[0];
	if (argc > 1)
		return !dl_iterate_phdr(print_sequences, NULL);
	printf("%zx %zx\n", offsetof(struct m, state), offsetof(struct m, p));
	return 0;
}
