/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * block.h - calls that block the kernel thread.
 *
 * A G that calls read() on a pipe blocks its M.  Announced, the other Gs go on
 * within some tens of microseconds: the token of the blocked M goes to another
 * M, which works on the same queue.  A section that does not block costs two
 * stores and a load.
 *
 *	weft_block_begin();
 *	n = read(fd, buf, sizeof(buf));
 *	weft_block_end();
 *
 * or	n = WEFT_BLOCKING(read(fd, buf, sizeof(buf)));
 *
 * What is known to take long begins with weft_block_begin_for() (hint.h).
 *
 * errno is kept over weft_block_end() as over any switch; read it through
 * weft_errno().
 */
#ifndef WEFT_BLOCK_H
#define WEFT_BLOCK_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * weft_block_begin() - the calls that follow may block
 *
 * Between begin and end no weft call but weft_block_end() may be made, and
 * sections do not nest.  On an ordinary thread nothing happens.
 */
void weft_block_begin(void);

/**
 * weft_block_end() - the section is over
 *
 * If the token went to another M meanwhile, the G waits for its turn here; but
 * a G that has been seen to run only some us between its sections goes on at
 * once, on a kernel thread of its own, until it calls weft for something else.
 */
void weft_block_end(void);

/** WEFT_BLOCKING() - evaluate an expression as an announced section */
#define WEFT_BLOCKING(expr)                                                   \
	__extension__({                                                       \
		weft_block_begin();                                           \
		__typeof__(expr) weft__ret = (expr);                          \
		weft_block_end();                                             \
		weft__ret;                                                    \
	})

/**
 * weft_thread_register() - this ordinary thread may still wake a G
 *
 * While a registered thread lives, no deadlock is reported.
 *
 * Return: 0; -EPERM in a G or without a runtime, -EBUSY if it is registered.
 */
int weft_thread_register(void);

/** weft_thread_unregister() - undo it; -EINVAL if it is not registered */
int weft_thread_unregister(void);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_BLOCK_H */
