#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# quick.sh: the small configurations of every model and every planted bug that
# is found soon.  At most 90 s on one core; part of "make check".

# only to end what hangs
time=300
set -- q
. "$(dirname "$0")/list.sh"
