#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# full.sh: every configuration, 25 minutes on one core and up to 6 GB; "make
# model".

time=${MODEL_TIME:-200}
set -- qf
. "$(dirname "$0")/list.sh"
