// SPDX-License-Identifier: GPL-2.0-only
/*
 * offer.c - who offers nothing, or nonsense, is not believed; and what a
 * setting insists on is said to be missing.
 */
#include "loader.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "kselftest_harness.h"

/* Descriptors that this process has */
static int fds_open(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

struct false_offer {
	struct weft__offer o;
	size_t len;
	int fd[2];
	int nfds;
	int listen;
};

static int bind_offer(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	mkdir(WEFT__OFFER_DIR, 0755);
	offer_path(a.sun_path, sizeof(a.sun_path));
	unlink(a.sun_path);
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 4)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void *offers(void *arg)
{
	struct false_offer *f = arg;
	struct iovec v = { &f->o, f->len };
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} c = { .h = { .cmsg_len = CMSG_LEN((size_t)f->nfds * sizeof(int)),
		       .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS } };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int conn = accept(f->listen, NULL, NULL);

	if (f->nfds) {
		memcpy(CMSG_DATA(&c.h), f->fd, sizeof(f->fd));
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE((size_t)f->nfds * sizeof(int));
	}
	if (f->len)
		sendmsg(conn, &m, MSG_NOSIGNAL);
	close(conn);
	return NULL;
}

static int taken(struct false_offer *f)
{
	pthread_t t;
	int ret;

	if (pthread_create(&t, NULL, offers, f))
		exit(1);
	ret = weft__detect_open();
	pthread_join(t, NULL);
	return ret;
}

TEST(nonsense_is_refused_and_nothing_leaks)
{
	const struct weft__offer good = { WEFT__OFFER_MAGIC,
					  WEFT__SLOT_VERSION,
					  sizeof(struct weft__slot), 64 };
	struct false_offer f = { .o = good, .len = sizeof(good) };
	char path[64];
	int n;

	f.listen = bind_offer();
	if (f.listen < 0)
		SKIP(return, WEFT__OFFER_DIR " is not ours to write");
	f.fd[0] = open("/dev/null", O_RDWR);
	f.fd[1] = open("/dev/null", O_RDWR);
	n = fds_open();

	f.nfds = 0;	/* a letter without descriptors, with one */
	EXPECT_EQ(-EPROTO, taken(&f));
	f.nfds = 1;
	EXPECT_EQ(-EPROTO, taken(&f));
	f.nfds = 2;	/* cut short; nothing */
	f.len = 7;
	EXPECT_EQ(-EPROTO, taken(&f));
	f.len = 0;
	EXPECT_EQ(-ECONNRESET, taken(&f));
	f.len = sizeof(good);
	f.o.magic++;
	EXPECT_EQ(-EPROTO, taken(&f));
	f.o = good;
	f.o.version++;
	EXPECT_EQ(-EPROTO, taken(&f));
	f.o = good;
	f.o.slot_size *= 2;
	EXPECT_EQ(-EPROTO, taken(&f));
	f.o = good;
	f.o.nslots = 63;
	EXPECT_EQ(-EPROTO, taken(&f));
	f.o = good;	/* well said, but nothing to be mapped shared */
	close(f.fd[0]);
	f.fd[0] = open("/proc/self/stat", O_RDONLY);
	EXPECT_GT(0, taken(&f));

	EXPECT_FALSE(weft__detect_on());
	EXPECT_EQ(n, fds_open());
	/* A file that nobody listens behind */
	close(f.listen);
	EXPECT_EQ(-ENOENT, weft__detect_open());
	offer_path(path, sizeof(path));
	unlink(path);
	EXPECT_EQ(-ENOENT, weft__detect_open());
}

TEST(who_does_not_answer_is_not_waited_for)
{
	int fd = bind_offer();
	s64 before = weft__now();
	char path[64];

	if (fd < 0)
		SKIP(return, WEFT__OFFER_DIR " is not ours to write");
	EXPECT_GT(0, weft__detect_open());
	EXPECT_LT(weft__now() - before, RT_PATIENCE);
	/* It starts all the same. */
	ASSERT_EQ(0, rt_start(1));
	offer_path(path, sizeof(path));
	unlink(path);
	DONE();
}

static void insist(void *arg)
{
	struct weft_opts o = { .sz = sizeof(o) };

	(void)arg;
	setenv("WEFT_BLOCK_DETECT", "bpf", 1);
	_exit(weft_start(&o) == -EINVAL ? 7 : 8);
}

TEST(bpf_that_is_missing_is_a_refusal)
{
	struct rt_child *c = rt_in_child(insist, NULL);

	EXPECT_EXIT(c, 7);
	EXPECT_TRUE(rt_said(c, "weft: WEFT_BLOCK_DETECT=bpf: nobody offers"));
	EXPECT_TRUE(rt_said(c, "weft-bpf --"));
}

TEST(auto_and_sysmon_do_without)
{
	ASSERT_EQ(0, rt_start(1));
	EXPECT_FALSE(weft__detect_on());
	EXPECT_EQ(WEFT__SEEN_NEVER, m_seen(S.m[0]));
	ASSERT_TRUE(rt_stop());
	setenv("WEFT_BLOCK_DETECT", "sysmon", 1);
	ASSERT_EQ(0, rt_start(1));
	EXPECT_FALSE(weft__detect_on());
	DONE();
}

/* Killed before anybody asked: the file stays, and deceives nobody. */
TEST(a_loader_that_was_killed_offers_nothing)
{
	struct loader l;
	char path[64];
	int status;

	NEEDS_LOADER(&l);
	kill(l.pid, SIGKILL);
	waitpid(l.pid, &status, 0);
	ASSERT_EQ(0, rt_start(1));
	EXPECT_FALSE(weft__detect_on());
	offer_path(path, sizeof(path));
	unlink(path);
	DONE();
}

TEST_HARNESS_MAIN
