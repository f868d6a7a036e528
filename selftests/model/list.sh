# SPDX-License-Identifier: GPL-2.0-only
#
# list.sh: run the lines of the file "configs" that belong to the sets $1, as
# KTAP.  Sourced by quick.sh and full.sh.
#
# A run that had to stop early without an error is a pass with a remark where
# the line says "part", else a failure.

cd "$(dirname "$0")" || exit 1

echo "TAP version 13"
for tool in spin gcc; do
	command -v $tool >/dev/null 2>&1 && continue
	echo "1..0 # SKIP no $tool"
	exit 0
done

lines=$(grep "^[$1] " configs)
echo "1..$(echo "$lines" | wc -l)"
echo "$lines" | {
	n=0
	bad=0
	while read -r set want mode depth name model flags; do
		n=$((n + 1))
		[ "$depth" = part ] && partial=1 || partial=0
		# in the quick set gcc would take longer to optimise than pan runs
		[ "$set" = q ] && opt=-O0 || opt=-O1
		what=$(MODEL_OPT=$opt MODEL_TIME=$time ./model.sh "$want" "$mode" "$model.pml" \
			$flags </dev/null)
		rc=$?
		[ $rc = 2 ] && [ $partial = 1 ] && rc=0
		echo "# $model $flags, must ${want%s}: $what"
		if [ $rc = 0 ]; then
			echo "ok $n $name"
		else
			echo "not ok $n $name"
			bad=$((bad + 1))
		fi
	done
	[ $bad = 0 ]
}
