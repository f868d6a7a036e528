# SPDX-License-Identifier: GPL-2.0-only
#
# counts.awk - how many instructions functions, and the restartable sequences
# in them, are made of.
#
#	probe sequences > SEQ; objdump -d --no-show-raw-insn probe > DIS
#	awk -v roots="in_go in_yield" -f counts.awk SEQ DIS
#
# Prints `NAME INSTRUCTIONS MEMORY BRANCHES`: for each root, in all, those with
# an operand in memory, and jumps and calls; and for each sequence in it as
# NAME.1, NAME.2 by address. Abort code is left out, as in callgraph.awk.

function add(to)
{
	insns[to]++
	if (line ~ /\(/ && op !~ /^lea/)
		memory[to]++
	if (op ~ /^(j|call)/)
		branches[to]++
}

NR == FNR {
	stop[$1] = $2
	next
}

/^[0-9a-f]+ <.*>:$/ {
	cur = $2
	gsub(/[<>:]/, "", cur)
	abort_code = 0
	seq = ""
	next
}

/^ +[0-9a-f]+:/ {
	at = $1
	sub(/:/, "", at)
	line = $0
	sub(/^ +[0-9a-f]+:[ \t]*/, "", line)
	op = line
	sub(/[ \t].*/, "", op)
	if (op == "ud1")
		abort_code = 1
	if (abort_code || op == "" || line ~ /nop|^data16/)
		next
	if (at == ends)
		seq = ""
	if (at in stop) {
		seq = cur "." ++sequences[cur]
		ends = stop[at]
	}
	add(cur)
	if (seq != "")
		add(seq)
}

END {
	k = split(roots, root, " ")
	for (i = 1; i <= k; i++) {
		name = root[i]
		for (j = 0; j <= sequences[root[i]]; j++) {
			if (j)
				name = root[i] "." j
			print name, insns[name] + 0, memory[name] + 0, \
			      branches[name] + 0
		}
	}
}
