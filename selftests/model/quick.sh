#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# quick.sh: the small configurations of every model and every planted bug that
# is found soon.  About 2 minutes on one core; part of "make check".
#
# timeout: 300

# only to end what hangs
time=300
set -- q
. "$(dirname "$0")/list.sh"
