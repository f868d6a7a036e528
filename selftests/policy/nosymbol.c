// SPDX-License-Identifier: GPL-2.0-only
/*
 * nosymbol.c - a shared object that exports no policy.
 */
int weft_policies;
