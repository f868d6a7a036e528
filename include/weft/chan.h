/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * chan.h - channels, and waiting for several of them: as Go's.
 *
 * A channel hands over elements of one size, in the order in which they were
 * sent, from any number of senders to any number of receivers: Gs or ordinary
 * threads.  Without capacity a sender and a receiver meet; with it, that many
 * elements wait.  Who waits longest is served first, and an element goes from
 * the sender's memory to the receiver's directly where one of them waits.
 *
 * None of these may be called in a signal handler; of those that would wait
 * there one is refused that runs on an M's alternate stack (-EPERM).
 */
#ifndef WEFT_CHAN_H
#define WEFT_CHAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weft_chan;

/**
 * weft_chan_new() - a channel
 * @elem:	bytes of an element; may be 0
 * @cap:	elements that wait in it; 0: a sender waits for a receiver
 *
 * Needs no runtime.
 *
 * Return: the channel; NULL without memory, or if it would be too large.
 */
struct weft_chan *weft_chan_new(size_t elem, size_t cap);

/**
 * weft_chan_free() - give it back, and the elements in it
 * @c:		the channel; NULL is none
 *
 * It need not be closed.  Nobody may begin a call on it any more; one that
 * waits in it, a select that has not returned included, is seen.
 *
 * Return: 0; -EBUSY: somebody waits, and nothing was done; -ECHILD after fork.
 */
int weft_chan_free(struct weft_chan *c);

/** weft_chan_len() - elements in it at the moment; 0 for NULL */
size_t weft_chan_len(const struct weft_chan *c);

/** weft_chan_cap() - elements that it has room for; 0 for NULL */
size_t weft_chan_cap(const struct weft_chan *c);

/**
 * weft_chan_send() - send an element
 * @c:		the channel
 * @elem:	the element; may be NULL if elements have no bytes
 *
 * Return: 0; -EPIPE: it is closed, or was while we waited; -EINVAL: no channel,
 * no element; -EPERM in a signal handler, if that can be seen; -ECHILD in the
 * child of a fork.
 */
int weft_chan_send(struct weft_chan *c, const void *elem);

/**
 * weft_chan_try_send() - send an element, if that needs no waiting
 * @c:		the channel
 * @elem:	the element
 *
 * Return: as weft_chan_send(), or -EAGAIN.
 */
int weft_chan_try_send(struct weft_chan *c, const void *elem);

/**
 * weft_chan_send_until() - send an element, waiting no longer than that
 * @c:		the channel
 * @elem:	the element
 * @deadline_ns: on CLOCK_MONOTONIC; WEFT_FOREVER; WEFT_POLL only tries
 *
 * Return: as weft_chan_send(), -ETIMEDOUT: it was not sent, -ENOMEM.
 */
int weft_chan_send_until(struct weft_chan *c, const void *elem,
			 int64_t deadline_ns);

/**
 * weft_chan_recv() - receive an element
 * @c:		the channel
 * @elem:	where it is stored; NULL: nowhere
 *
 * What was sent before the channel was closed is received first.
 *
 * Return: 0; -EPIPE: it is closed and empty, and zeros are stored; -EINVAL: no
 * channel; -EPERM, -ECHILD as weft_chan_send().
 */
int weft_chan_recv(struct weft_chan *c, void *elem);

/**
 * weft_chan_try_recv() - receive an element, if there is one
 * @c:		the channel
 * @elem:	where it is stored
 *
 * Return: as weft_chan_recv(), or -EAGAIN.
 */
int weft_chan_try_recv(struct weft_chan *c, void *elem);

/**
 * weft_chan_recv_until() - receive an element, waiting no longer than that
 * @c:		the channel
 * @elem:	where it is stored
 * @deadline_ns: on CLOCK_MONOTONIC; WEFT_FOREVER; WEFT_POLL only tries
 *
 * Return: as weft_chan_recv(), -ETIMEDOUT, -ENOMEM.
 */
int weft_chan_recv_until(struct weft_chan *c, void *elem, int64_t deadline_ns);

/**
 * weft_chan_close() - nothing more will be sent
 * @c:		the channel
 *
 * Who waits to receive gets -EPIPE, for the channel is empty; who waits to
 * send gets -EPIPE, and has sent nothing.
 *
 * Return: 0; -EPIPE: it was closed before; -EINVAL: no channel; -ECHILD.
 */
int weft_chan_close(struct weft_chan *c);

/** enum weft_op - what a case of weft_select() does */
enum weft_op {
	WEFT_SEND = 1,
	WEFT_RECV,
};

/**
 * struct weft_case - one of the things that weft_select() waits for
 * @chan:	the channel; NULL: never ready
 * @elem:	what is sent, or where it is received (NULL: nowhere)
 * @op:		WEFT_SEND or WEFT_RECV
 * @ret:	written for the case that was chosen: 0; -EPIPE: the channel
 *		is closed, as weft_chan_send() and weft_chan_recv() say it
 *
 * The other fields are the library's, while weft_select() runs.
 */
struct weft_case {
	struct weft_chan *chan;
	void *elem;
	int op;
	int ret;
	uint64_t weft__node[6];
};

/**
 * weft_select() - do one of several things, the first that is possible
 * @cases:	what may be done; the same channel may stand in several
 * @n:		how many
 * @deadline_ns: on CLOCK_MONOTONIC; WEFT_FOREVER; WEFT_POLL: do not wait, as
 *		with Go's default
 *
 * If several are possible, each of them has the same chance.  What was not
 * chosen has not happened, and nothing of it is left in a channel.
 *
 * Return: the index of the case that was done; -EAGAIN: WEFT_POLL, and none was
 * possible; -ETIMEDOUT; -EINVAL: an @op or @n that is none, no element to send;
 * -ENOMEM, -EPERM, -ECHILD as the calls on channels.
 */
int weft_select(struct weft_case *cases, int n, int64_t deadline_ns);

#ifdef __cplusplus
}
#endif

#endif /* WEFT_CHAN_H */
