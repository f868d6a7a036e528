/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * entry.S - where a G begins, and how its function is called.
 */
	.text

/*
 * weft__g_entry: the first resume point of a G, on an empty stack.
 * In: rdi m, rsi who left, rdx its context, rax what is owed to it; passed on
 * as weft__g_main(m, prev, pc, post).  The return address is undefined, so
 * that an unwinder ends here.
 */
	.globl	weft__g_entry
	.type	weft__g_entry, @function
	.p2align 4
weft__g_entry:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	xorl	%ebp, %ebp
	movq	%rax, %rcx
	call	weft__g_main
	ud2
	.cfi_endproc
	.size	weft__g_entry, . - weft__g_entry

/*
 * void *weft__call(weft_fn *fn, void *arg): fn(arg).
 *
 * A frame of its own, with a personality, so that weft_exit() has somewhere to
 * unwind to: the unwinder restores the callee-saved registers and goes on at
 * weft__call_exit with the result in rax (g_exit.c).  So leaving from deep
 * inside costs nothing when it is not used.
 */
	.globl	weft__call
	.type	weft__call, @function
	.globl	weft__call_exit
	.hidden	weft__call_exit
	.p2align 4
weft__call:
	.cfi_startproc
	.cfi_personality 0x9b, DW.ref.weft__personality
	endbr64
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
weft__call_exit:
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	weft__call, . - weft__call

	.hidden	DW.ref.weft__personality
	.weak	DW.ref.weft__personality
	.section .data.rel.local.DW.ref.weft__personality, "awG", @progbits, DW.ref.weft__personality, comdat
	.p2align 3
	.type	DW.ref.weft__personality, @object
	.size	DW.ref.weft__personality, 8
DW.ref.weft__personality:
	.quad	weft__personality

	.section .note.GNU-stack, "", @progbits
