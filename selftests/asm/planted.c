// SPDX-License-Identifier: GPL-2.0-only
/* planted.c - probe.c with PLANT defined; see there */
#include "probe.c"
