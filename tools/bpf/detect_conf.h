/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * detect_conf.h - what the loader tells the program before it is verified.
 */
#ifndef WEFT_BPF_DETECT_CONF_H
#define WEFT_BPF_DETECT_CONF_H

struct detect_conf {
	int tgid;		/* of the process, as the kernel counts */
	unsigned int level;	/* namespaces of numbers between us and it */
	unsigned int timed;	/* since when, and in which call */
	unsigned int mask;	/* of slots: their number less one */
};

#endif /* WEFT_BPF_DETECT_CONF_H */
