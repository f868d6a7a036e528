# SPDX-License-Identifier: GPL-2.0-only
#
# callgraph.awk - follow the calls of some functions in a disassembly.
#
#	objdump -d --no-show-raw-insn FILE |
#		awk -v roots="weft_go weft_yield" -v slow="weft__pop_slow ..." \
#		    -f callgraph.awk
#
# What is reached from a root, but for the functions named slow, may contain no
# LOCK prefix, xchg with memory, fence or system call, and call nothing outside
# the program. One line for each root: `ROOT ok N instructions, M reached ...`,
# or `ROOT bad`, after a line for each thing found. With -v list_all=1 also a
# line `reached NAME N` for each function on the way, N its indirect calls.
#
# The abort code of restartable sequences stands behind all functions of its
# object file, and jumps back to its own: an ud1, then a jmp, for each. From
# the first ud1 to the next function nothing counts.

function base(sym)
{
	sub(/\+0x[0-9a-f]+$/, "", sym)
	return sym
}

function found(what)
{
	bad[cur] = bad[cur] "\n  " name[cur] ": " what
}

# A call or jump to another function: by its address where that is known.
function edge(line,    target, sym)
{
	sym = line
	sub(/.*</, "", sym)
	sub(/>.*/, "", sym)
	target = line
	sub(/^ *[^ ]+ +/, "", target)
	sub(/ .*/, "", target)
	if (base(sym) == name[cur] && sym != base(sym))
		return
	if (sym == name[cur])
		target = cur
	edges[cur] = edges[cur] " " target ":" base(sym)
}

/^[0-9a-f]+ <.*>:$/ {
	cur = $1
	sub(/^0+/, "", cur)
	name[cur] = $2
	gsub(/[<>:]/, "", name[cur])
	at[name[cur]] = cur
	abort_code = 0
	next
}

/^ +[0-9a-f]+:/ {
	line = $0
	sub(/^ +[0-9a-f]+:[ \t]*/, "", line)
	sub(/^(bnd|notrack|rep|repz) +/, "", line)
	sub(/^notrack +/, "", line)
	if (line == "")
		next
	op = line
	sub(/[ \t].*/, "", op)
	if (op == "ud1")
		abort_code = 1
	if (abort_code || op ~ /^nop/ || line ~ /^cs nop/ || line ~ /^data16/)
		next
	n[cur]++
	if (op == "lock")
		found(line)
	else if (op ~ /^xchg/ && line ~ /\(/)
		found(line)
	else if (op ~ /^(mfence|lfence|sfence|syscall|sysenter|int)$/)
		found(line)
	else if (op ~ /^call/ && line ~ /\*.*\(%rip\)/)
		found("calls out of the program: " line)
	else if (op ~ /^call/ && line ~ /\*/)
		icalls[cur]++
	else if (op ~ /^jmp/ && line ~ /\*/)
		ijumps[cur]++
	else if (op ~ /^(call|j)/ && line ~ /</)
		edge(line)
}

# From f on, depth first; path says how we came there.
function walk(f, path,    i, k, list, part, start)
{
	if (f in visited)
		return
	visited[f] = 1
	reached++
	if (list_all)
		print "  reached", name[f], icalls[f] + 0
	if (bad[f] != "") {
		print "  " path ":" bad[f]
		worst = 1
	}
	k = split(edges[f], list, " ")
	for (i = 1; i <= k; i++) {
		split(list[i], part, ":")
		start = part[1]
		if (!(start in name) && part[2] in at)
			start = at[part[2]]
		if (part[2] in is_slow) {
			used[part[2]] = 1
			continue
		}
		if (part[2] ~ /@/ || !(start in name)) {
			print "  " path ":\n  " name[f] ": calls " part[2]
			worst = 1
			continue
		}
		walk(start, path " > " part[2])
	}
}

END {
	k = split(slow, list, " ")
	for (i = 1; i <= k; i++)
		is_slow[list[i]] = 1
	k = split(roots, root, " ")
	for (i = 1; i <= k; i++) {
		split("", visited)
		reached = worst = 0
		if (!(root[i] in at)) {
			print root[i], "is not there"
			status = 1
			continue
		}
		f = at[root[i]]
		walk(f, root[i])
		printf "%s %s: %d instructions, %d functions reached, " \
		       "%d indirect calls, %d indirect jumps\n", root[i],
		       worst ? "bad" : "ok", n[f], reached, icalls[f],
		       ijumps[f]
		status = status || worst
	}
	exit status
}
