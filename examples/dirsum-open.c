// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * dirsum-open.c - opening what the walk found, however long its path is.
 *
 * This runs in a G too.  So errno is read here and in other functions that
 * cannot switch and are not inlined into one that does: a compiler may keep the
 * address of errno over a switch, and the G may go on on another kernel thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirsum-share.h"

/* The longest run of whole components in front that the kernel takes. */
static size_t head_length(const char *path)
{
	const char *end = memrchr(path, '/', PATH_MAX - 1);

	return end && end > path ? (size_t)(end - path) : 0;
}

/* openat() from directory to directory */
noinline int dirsum_open_path(const char *path, int flags)
{
	int dir = AT_FDCWD, fd, err = 0;

	flags |= O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
	while (strlen(path) >= PATH_MAX) {
		size_t len = head_length(path);
		char *head = strndup(path, len);

		fd = -1;
		err = len ? ENOMEM : ENAMETOOLONG;
		if (head && len) {
			fd = openat(dir, head, O_PATH | O_DIRECTORY |
				    O_NOFOLLOW | O_CLOEXEC);
			err = errno;
		}
		free(head);
		if (dir != AT_FDCWD)
			close(dir);
		if (fd < 0)
			return -err;
		dir = fd;
		path += len + strspn(path + len, "/");
	}
	fd = openat(dir, path, flags);
	err = errno;
	if (dir != AT_FDCWD)
		close(dir);
	return fd < 0 ? -err : fd;
}

noinline int dirsum_open(const char *path)
{
	int fd = dirsum_open_path(path, O_NONBLOCK | O_NOCTTY), err;
	struct stat st;

	if (fd < 0)
		return fd;
	/* what else took the file's place: the errno that says so best */
	if (fstat(fd, &st))
		err = errno;
	else if (S_ISDIR(st.st_mode))
		err = EISDIR;
	else
		err = S_ISREG(st.st_mode) ? 0 : ENXIO;
	if (!err)
		return fd;
	close(fd);
	return -err;
}
