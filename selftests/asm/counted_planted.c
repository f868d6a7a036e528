// SPDX-License-Identifier: GPL-2.0-only
/* counted_planted.c - counted.c with PLANT defined; see there */
#include "counted.c"
