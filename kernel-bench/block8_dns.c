// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * block8_dns.c - block in getaddrinfo(), whose server is silent.
 *
 * The server is a UDP socket on loopback that nobody reads.  getaddrinfo() uses
 * the calling thread's resolver state (_res) once that was changed, so each
 * kernel thread is pointed there before its first call, and /etc is left alone.
 * One attempt and the shortest time that the resolver knows: a call takes a
 * second, and not 10 ms as in the other ways.
 */
#include "block8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <string.h>
#include <sys/socket.h>

static struct sockaddr_in dns_server;

static bool dns_ready(struct run *r)
{
	socklen_t len = sizeof(dns_server);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	dns_server.sin_family = AF_INET;
	dns_server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&dns_server, len) &&
	    !getsockname(fd, (struct sockaddr *)&dns_server, &len))
		return true;
	run_skip(r, "no UDP socket on loopback: %s", strerror(errno));
	return false;
}

/* Not inlined: the kernel thread is the same from here to the call's end. */
static noinline void dns_point(void)
{
	struct __res_state *res = &_res;

	if ((res->options & RES_INIT) &&
	    res->nsaddr_list[0].sin_port == dns_server.sin_port)
		return;
	if (res_init())
		check(-EIO, "res_init");
	res->nscount = 1;
	res->nsaddr_list[0] = dns_server;
	res->retrans = 1;
	res->retry = 1;
}

static void dns_block(int i)
{
	const struct addrinfo hints = { .ai_family = AF_INET,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	(void)i;
	dns_point();
	if (!getaddrinfo("silent.invalid.", NULL, &hints, &found))
		freeaddrinfo(found);
}

const struct block8_way way_dns = {
	.ready = dns_ready,
	.block = dns_block,
};
