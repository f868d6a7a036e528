/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * preempt.S - from any instruction of a G to weft__preempted() and back.
 *
 *	CFA		the interrupted rsp
 *	CFA-128		below its red zone:
 *	CFA-136		where it was interrupted
 *	CFA-144		flags
 *	CFA-264		15 registers; rbp points here
 *	  aligned	XSAVE's area: x87, SSE, AVX, AVX-512, tiles
 *
 * It was interrupted by a signal, and the kernel resumed it here with all
 * registers as they were: so everything is saved by ourselves, and not in the
 * kernel's frame, which only the same thread could return through (it holds
 * that thread's alternate stack), and which would occupy the M's alternate
 * stack meanwhile.
 *
 * XSAVE leaves most of its header alone, and XRSTOR faults if that is not zero.
 * The x87 stack is emptied and the upper halves of the vector registers are
 * cleared, since C code expects the one and is slow without the other.
 *
 * The signal is unblocked at last, in the thread that we have come to by then.
 * A handler that finds itself between here and weft__preempt_end does nothing.
 */
	.text

	.globl	weft__preempt_entry
	.hidden	weft__preempt_entry
	.type	weft__preempt_entry, @function
	.p2align 4
weft__preempt_entry:
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa rsp, 136
	.cfi_offset rip, -136
	pushfq
	.cfi_adjust_cfa_offset 8
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rbx
	pushq	%rbp
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.cfi_adjust_cfa_offset 120
	.cfi_offset rbx, -176
	.cfi_offset rbp, -184
	.cfi_offset r12, -240
	.cfi_offset r13, -248
	.cfi_offset r14, -256
	.cfi_offset r15, -264
	cld
	movq	%rsp, %rbp
	.cfi_def_cfa rbp, 264
	movl	weft__xsave_size(%rip), %eax
	subq	%rax, %rsp
	andq	$-64, %rsp
	leaq	512(%rsp), %rdi
	xorl	%eax, %eax
	movl	$8, %ecx
	rep stosq
	movl	weft__xsave_mask(%rip), %eax
	movl	weft__xsave_mask+4(%rip), %edx
	xsave64	(%rsp)
	fninit
	testl	$4, %eax
	jz	1f
	vzeroupper
1:	call	weft__preempted
	movl	weft__xsave_mask(%rip), %eax
	movl	weft__xsave_mask+4(%rip), %edx
	xrstor64 (%rsp)
	movl	$14, %eax		/* rt_sigprocmask(SIG_UNBLOCK, &set, */
	movl	$1, %edi		/*		  NULL, 8) */
	leaq	weft__preempt_set(%rip), %rsi
	xorl	%edx, %edx
	movl	$8, %r10d
	syscall
	movq	%rbp, %rsp
	.cfi_def_cfa rsp, 264
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rbp
	popq	%rbx
	popq	%rdx
	popq	%rcx
	popq	%rax
	.cfi_adjust_cfa_offset -120
	popfq
	.cfi_adjust_cfa_offset -8
	ret	$128
	.cfi_endproc
	.globl	weft__preempt_end
	.hidden	weft__preempt_end
weft__preempt_end:
	.size	weft__preempt_entry, . - weft__preempt_entry

	.bss
	.globl	weft__xsave_mask
	.hidden	weft__xsave_mask
	.type	weft__xsave_mask, @object
	.p2align 3
weft__xsave_mask:
	.zero	8
	.size	weft__xsave_mask, 8
	.globl	weft__xsave_size
	.hidden	weft__xsave_size
	.type	weft__xsave_size, @object
weft__xsave_size:
	.zero	4
	.size	weft__xsave_size, 4

	.section .note.GNU-stack, "", @progbits
