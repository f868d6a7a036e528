# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts begin with that hold pages against headers: $dir is a folder
# that goes at the end, $status is what they end with.

dir=$(mktemp -d) || exit 4
trap 'rm -rf "$dir"' EXIT
n=0
status=0

# result NAME: by the status before it, with what $dir/log holds
result()
{
	ok=$?
	n=$((n + 1))
	if [ $ok -eq 0 ]; then
		echo "ok $n $1"
		return
	fi
	status=1
	echo "not ok $n $1"
	sed 's/^/# /' "$dir/log"
}
