/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * hint_page.h - where hints stand, for those who read them from outside.
 *
 * The runtime keeps them in one shared mapping of a memory file of the name
 * WEFT_HINT_FILE: a line in /proc/PID/maps, a descriptor in /proc/PID/fd, so
 * that a tool with the rights of a debugger can map it, too, and a BPF program
 * can read it by its address.
 *
 *	page 0		struct weft_hint_head
 *	page 1 + n	struct weft_hint_words of M n
 *
 * pages of head.page_size bytes, head.npages of them; "weft-mN" in ps(1) is M
 * n.  What is not in use is zero, and takes no memory.
 *
 * The words are those of the G that the M runs.  It writes them by plain stores
 * when such a G begins to run or changes its mind: words[g] = 0, the others,
 * words[g].  A reader that finds the same g != 0 before and after has one state
 * (on machines that reorder stores or loads: with barriers).  They are hints:
 * nothing may rest on them.
 *
 * Includes nothing, so that a BPF program can include it.  A change of the
 * layout or of a meaning changes WEFT_HINT_VERSION; words may be added at the
 * end of a struct without that.
 */
#ifndef WEFT_HINT_PAGE_H
#define WEFT_HINT_PAGE_H

#define WEFT_HINT_FILE "weft-hints"
#define WEFT_HINT_MAGIC 0x6e696874u	/* thin */
#define WEFT_HINT_VERSION 1u

/**
 * struct weft_hint_head - what a reader checks first
 * @magic:	WEFT_HINT_MAGIC
 * @version:	WEFT_HINT_VERSION
 * @page_size:	bytes from one page to the next
 * @npages:	pages, this one included
 * @pid:	the process, as it knows itself
 * @words_size:	bytes of struct weft_hint_words that are in use
 */
struct weft_hint_head {
	unsigned int magic;
	unsigned int version;
	unsigned int page_size;
	unsigned int npages;
	int pid;
	unsigned int words_size;
};

/**
 * struct weft_hint_words - what the G that runs on an M has said
 * @g:		its number, as weft_id() gives it; 0: no G that said anything
 *		runs there, and what follows is of no meaning, but @tid
 * @block_ns:	how long a blocking call takes; 0: not known (hint.h)
 * @slice_ns:	its slice; 0: the default
 * @near:	number of the G that it talks to, or 0
 * @handoff:	enum weft_handoff
 * @urgency:	enum weft_urgency
 * @tid:	the kernel thread; 0: the M has not begun or has ended
 */
struct weft_hint_words {
	unsigned long long g;
	long long block_ns;
	long long slice_ns;
	unsigned long long near;
	unsigned int handoff;
	unsigned int urgency;
	int tid;
	unsigned int weft__pad;
};

#endif /* WEFT_HINT_PAGE_H */
