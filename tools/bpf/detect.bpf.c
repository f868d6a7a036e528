// SPDX-License-Identifier: GPL-2.0-only
/*
 * detect.bpf.c - at each context switch: what do the Ms of one process do?
 *
 * The two threads of a switch are looked at.  One of another process costs a
 * comparison.  One of ours whose number is in a slot (lib/os/slot.h) has the
 * slot written: running, preempted, or blocked.
 *
 * A wake-up is no switch: a thread that was woken and has no CPU yet still
 * counts as blocked.  A hook on each wake-up of the machine would cost more
 * than that mistake, which at worst hands a token on and gets it back.
 *
 * Of the kernel's types only the fields used here are declared; CO-RE finds
 * them where the running kernel has them.  tp_btf, so that they are read by a
 * plain load; the order of the arguments is that of Linux 5.18 and later.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "detect_conf.h"
#include "os/slot.h"

char _license[] SEC("license") = "GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)
struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[];
};

struct task_struct {
	int pid;
	int tgid;
	struct pid *thread_pid;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long orig_ax;
};
#define CALL_NR(regs) ((int)(regs)->orig_ax)
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	int syscallno;
};
#define CALL_NR(regs) ((regs)->syscallno)
#endif
#pragma clang attribute pop

/* Read-only, written by the loader: the verifier drops what is not needed. */
const volatile struct detect_conf conf;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);		/* the loader says how many */
	__type(key, __u32);
	__type(value, struct weft__slot);
} slots SEC(".maps");

/* The number by which the process knows its thread. */
static __always_inline __u32 number_of(struct task_struct *t)
{
	__u32 at, nr = 0;

	if (!conf.level)
		return t->pid;
	at = bpf_core_field_offset(struct pid, numbers) +
	     conf.level * bpf_core_type_size(struct upid) +
	     bpf_core_field_offset(struct upid, nr);
	bpf_probe_read_kernel(&nr, sizeof(nr), (void *)t->thread_pid + at);
	return nr;
}

static __always_inline struct weft__slot *slot_of(struct task_struct *t)
{
	__u32 nr = number_of(t);

	for (__u32 i = 0; i < WEFT__SLOT_PROBES; i++) {
		__u32 key = (nr + i) & conf.mask;
		struct weft__slot *s = bpf_map_lookup_elem(&slots, &key);

		if (s && s->tid == nr)
			return s;
	}
	return NULL;
}

static __always_inline void note(struct weft__slot *s, __u64 seen)
{
	if (conf.timed)
		s->since = bpf_ktime_get_ns();
	barrier();
	s->word = ((s->word | WEFT__SEEN_MASK) + 1) | seen;
}

/* What prev is in, which is the current task. */
static __always_inline int call_of(struct task_struct *t)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs((void *)t);

	return CALL_NR(regs);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempt, struct task_struct *prev,
	     struct task_struct *next, unsigned int prev_state)
{
	struct weft__slot *s;

	if (prev->tgid == conf.tgid) {
		s = slot_of(prev);
		if (s && !preempt && prev_state) {
			if (conf.timed)
				s->nr = call_of(prev);
			note(s, WEFT__SEEN_BLOCKED);
		} else if (s) {
			note(s, WEFT__SEEN_RUNNABLE);
		}
	}
	if (next->tgid == conf.tgid) {
		s = slot_of(next);
		if (s)
			note(s, WEFT__SEEN_RUNNING);
	}
	return 0;
}
