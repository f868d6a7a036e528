/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * dirsum-common.h - what dirsum and its twin on pthreads share.
 *
 * The walk, the window of files in flight, the output and the options are the
 * same; how a file gets read is not.  A program fills a struct dirsum_ops and
 * calls dirsum_walk().  One thread (or G) walks, starts files, and waits for
 * them in the order in which it found them; so it alone writes to stdout and
 * stderr, and nothing here needs a lock.
 */
#ifndef DIRSUM_COMMON_H
#define DIRSUM_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* how many files may be in flight: found, and not printed yet */
#define DIRSUM_WINDOW 2048
/* how many bytes are read at once */
#define DIRSUM_CHUNK (128 * 1024)

struct dirsum;
struct dirsum_dir;

/**
 * struct dirsum_file - a file that was found
 * @d:		the run that it belongs to
 * @next:	the one found after it; the walker's
 * @task:	the program's: what reads it
 * @done:	the program's: it has been read
 * @err:	0, or the errno of what went wrong
 * @crc:	CRC-32 of the @size bytes that were read
 * @size:	so many
 * @path:	as found
 */
struct dirsum_file {
	struct dirsum *d;
	struct dirsum_file *next;
	void *task;
	bool done;
	int err;
	uint32_t crc;
	uint64_t size;
	char path[];
};

/**
 * struct dirsum_ops - how a program reads files
 * @start:	begin to read a file; 0, or -ENOMEM: not now
 * @wait:	wait until a started file has been read
 * @block_begin: a system call that may block comes
 * @block_end:	it is over
 */
struct dirsum_ops {
	int (*start)(struct dirsum_file *f);
	void (*wait)(struct dirsum_file *f);
	void (*block_begin)(void);
	void (*block_end)(void);
};

/**
 * struct dirsum - one run
 * @prog:	name of the program, in its messages
 * @limit_name:	name of the option that sets @limit, "open" or "threads"
 * @limit_help:	what --help says of it
 * @limit:	most files open at once; the program sets the default
 * @sort:	print in the order of the paths, at the end
 * @time:	print on stderr how long it took
 * @paths:	where to begin, NULL at the end
 * @ops:	how files are read
 * @data:	the program's
 *
 * The rest is the walker's: the window, what waits, and the counts.
 */
struct dirsum {
	const char *prog;
	const char *limit_name;
	const char *limit_help;
	unsigned long limit;
	bool sort;
	bool time;
	char **paths;
	const struct dirsum_ops *ops;
	void *data;

	struct dirsum_file *oldest, **newest;
	unsigned int in_flight;
	struct dirsum_dir *dirs;

	struct dirsum_file **sorted;
	size_t nsorted, room;

	uint64_t files, bytes, links, special, failed;
	struct timespec began;
	int fatal;
};

/**
 * dirsum_options() - read the command line, and fill @d
 *
 * Return: the exit status if the program is to end now, else -1.
 */
int dirsum_options(struct dirsum *d, int argc, char **argv);

/** dirsum_walk() - do all of it; returns the exit status */
int dirsum_walk(struct dirsum *d);

/**
 * dirsum_open() - open a regular file for reading
 *
 * Does not follow a link, does not wait for a FIFO that has taken the file's
 * place, and knows what to do with a path longer than PATH_MAX.
 *
 * Return: the descriptor, or a negative errno.
 */
int dirsum_open(const char *path);

#endif /* DIRSUM_COMMON_H */
