#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Documentation/safety.md has each public function once, nothing else, and what
# it says of ordinary threads without a runtime, beside one, and after a fork,
# is so: "error" calls have that answer, "nothing" calls return.

src=${SRC:-$srctree}
. "$src/selftests/examples/common.sh"
page=$src/Documentation/safety.md

# rows: NAME G thread handler before child switches blocks
rows()
{
	sed -n 's/^| `\(weft_[a-z_]*\)` | \(.*\) |$/\1 \2/p' "$page" |
		sed 's/ | / /g'
}

# The headers that have sections: "## Name (run.h, g.h)".
headers()
{
	sed -n 's/^## .*(\(.*\.h\))$/\1/p' "$page" | tr -d , | tr ' ' '\n' |
		sort -u
}

# What they declare.
declared()
{
	for header in $(headers); do
		sed -n '/^typedef/d
			/^[a-z].*\<weft_[a-z][a-z_]*(/{
				s/.*\<\(weft_[a-z][a-z_]*\)(.*/\1/p
			}' "$src/include/weft/$header" || return
	done | sort -u
}

exported()
{
	nm -D --defined-only "$lib" |
		sed -n 's/.* T \(weft_[a-z][a-z_]*\)\(@.*\)*$/\1/p' | sort -u
}

# Each call with arguments that are good where it is allowed, so that what it
# answers is for the place alone.
program()
{
	cat <<-'END'
	#include <errno.h>
	#include <stdio.h>
	#include <string.h>
	#include <sys/wait.h>
	#include <unistd.h>
	#include <weft/weft.h>

	static const char *err(long v)
	{
		static char buf[24];

		switch (v) {
		case 0: return "0";
		case -EPERM: return "-EPERM";
		case -EINVAL: return "-EINVAL";
		case -EBUSY: return "-EBUSY";
		case -ECHILD: return "-ECHILD";
		case -EAGAIN: return "-EAGAIN";
		case -EPIPE: return "-EPIPE";
		}
		snprintf(buf, sizeof(buf), "%ld", v);
		return buf;
	}

	#define I(f, ...) printf("%s " #f " %s\n", where, err(f(__VA_ARGS__)))
	#define P(f, ...) printf("%s " #f " %s\n", where, f(__VA_ARGS__) ? \
				 "yes" : "NULL")
	#define B(f, ...) printf("%s " #f " %s\n", where, f(__VA_ARGS__) ? \
				 "true" : "false")
	#define V(f, ...) (f(__VA_ARGS__), printf("%s " #f " nothing\n", where))

	static void *end(void *arg)
	{
		return arg;
	}

	static int first(void *arg)
	{
		return arg != NULL;
	}

	static struct weft_chan *c, *tick;
	static struct weft_ctx *ctx;
	static struct weft_group *group;
	static weft_key key;

	/* Not those that a thread may use beside a runtime. */
	static void without(const char *where)
	{
		struct weft_case k = { .chan = c, .op = WEFT_RECV };
		struct weft_hints h = { .sz = sizeof(h) };
		struct weft_ticker ticker = WEFT_TICKER_INIT;
		struct weft_parker p = WEFT_PARKER_INIT;
		struct weft_timer t = WEFT_TIMER_INIT;
		struct weft_stats st;
		struct weft_g *g;
		_Bool idle;

		I(weft_stop);
		I(weft_set_procs, 1);
		I(weft_procs);
		I(weft_go, end, NULL);
		I(weft_spawn, &g, NULL, end, NULL);
		I(weft_join, NULL, NULL);
		I(weft_join_until, NULL, NULL, WEFT_POLL);
		I(weft_detach, NULL);
		I(weft_unpark_signal, &p);
		I(weft_thread_register);
		I(weft_thread_unregister);
		I(weft_hints, NULL, &h);
		I(weft_stats, &st, sizeof(st));
		I(weft_dump, 2);
		P(weft_entity, NULL);
		I(weft_g_cpu, NULL);
		I(weft_nr_cpus);
		I(weft_select_cpu_dfl, NULL, 0, 0, &idle);
		I(weft_timer_start, &t, 1, end, NULL);
		I(weft_timer_chan, &t, 1, tick);
		I(weft_timer_reset, &t, 1);
		I(weft_timer_stop, &t);
		I(weft_timer_stop_sync, &t);
		I(weft_ticker_start, &ticker, 1, end, NULL);
		I(weft_ticker_chan, &ticker, 1, tick);
		I(weft_ticker_reset, &ticker, 1);
		I(weft_ticker_stop, &ticker);
		I(weft_ticker_stop_sync, &ticker);
		I(weft_group_go, group, first, NULL);
		I(weft_group_try_go, group, first, NULL);
		if (strcmp(where, "child"))
			return;
		P(weft_group_new, NULL);
		P(weft_group_ctx, group);
		I(weft_group_limit, group, 1);
		I(weft_group_wait, group);
		I(weft_group_free, group);
		I(weft_chan_send, c, "");
		I(weft_chan_try_send, c, "");
		I(weft_chan_send_until, c, "", WEFT_POLL);
		I(weft_chan_recv, c, NULL);
		I(weft_chan_try_recv, c, NULL);
		I(weft_chan_recv_until, c, NULL, WEFT_POLL);
		I(weft_chan_close, c);
		I(weft_select, &k, 1, WEFT_POLL);
		P(weft_ctx_cancelable, ctx);
		P(weft_ctx_until, ctx, WEFT_FOREVER);
		I(weft_ctx_sleep, ctx, 1);
		I(weft_ctx_send, ctx, c, "");
		I(weft_ctx_recv, ctx, c, NULL);
		I(weft_ctx_cancel, ctx, 0);
		I(weft_ctx_put, ctx);
		I(weft_chan_free, c);
	}

	static void beside(const char *where)
	{
		I(weft_run, first, NULL);
		I(weft_start, NULL);
	}

	static void always(const char *where)
	{
		P(weft_self);
		V(weft_checkpoint);
		I(weft_lock_thread);
		I(weft_unlock_thread);
		I(weft_fesetenv, 0x1f80, 0x37f);
		P(weft_key_get, key);
		I(weft_key_set, key, "");
		V(weft_block_begin);
		V(weft_block_begin_for, WEFT_BLOCK_LONG);
		V(weft_block_end);
		I(weft_hint_block, WEFT_BLOCK_LONG);
		I(weft_hint_handoff, WEFT_HANDOFF_NOW);
		I(weft_hint_urgency, WEFT_BATCH);
		I(weft_hint_slice, 0);
		I(weft_hint_near, NULL);
		I(weft_preempt_enable);
		I(weft_preempt_disable);
		I(weft_policy_word, 1);
		I(weft_create_dsq, 1, -1);
		I(weft_destroy_dsq, 1);
		I(weft_dsq_nr_queued, 1);
		I(weft_dsq_insert, NULL, 1, 0, 0);
		I(weft_dsq_insert_vtime, NULL, 1, 0, 0, 0);
		B(weft_dsq_move_to_local, 1);
		V(weft_kick_cpu, 0, 0);
		V(weft_policy_error, "not in a callback");
	}

	static int in_child(void)
	{
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			alarm(30);
			without("child");
			always("child");
			fflush(stdout);
			_exit(0);
		}
		return waitpid(pid, &status, 0) != pid || status;
	}

	int main(void)
	{
		int ret;

		c = weft_chan_new(1, 1);
		ctx = weft_ctx_cancelable(weft_ctx_background());
		tick = weft_chan_new(sizeof(int64_t), 1);
		group = weft_group_new(NULL);
		if (!c || !ctx || !tick || !group || weft_key_create(&key, NULL))
			return 1;
		without("before");
		always("before");
		if (weft_start(NULL))
			return 1;
		beside("thread");
		always("thread");
		ret = in_child();
		return ret || weft_stop();
	}
	END
}

# said COLUMN NAME: what the table says
said()
{
	case $1 in
	thread) rows | awk -v f="$2" '$1 == f { print $3 }' ;;
	before) rows | awk -v f="$2" '$1 == f { print $5 }' ;;
	child) rows | awk -v f="$2" '$1 == f { print $6 }' ;;
	esac
}

# claims: "COLUMN NAME" of each answer in those columns that can be seen
claims()
{
	rows | awk '{
		if ($3 !~ /^(yes|abort)$/) print "thread", $1
		if ($5 !~ /^(yes|abort)$/) print "before", $1
		if ($6 !~ /^(yes|abort|unused)$/) print "child", $1
	}' | sort
}

lib=$(find "$O" -maxdepth 1 -name libweft.so)
echo 'TAP version 13'
echo 1..5

declared >"$dir/functions"
rows | sed 's/ .*//' | sort >"$dir/rows"
test -s "$dir/functions" &&
	diff "$dir/functions" "$dir/rows" >"$dir/log" 2>&1
result 'each function has one row, and each row is of a function'

rows | awk '
	NF != 8 { print "columns: " $0; next }
	{
		for (i = 2; i <= 6; i++)
			if ($i !~ /^(yes|no|nothing|reads|unused|abort|0|NULL|false|-E[A-Z]+)$/)
				print $1 ": what is " $i "?"
		if ($7 !~ /^(yes|no)$/ || $8 !~ /^(yes|no)$/)
			print $1 ": switches, blocks: yes or no"
		if ($4 == "yes" && $1 != "weft_unpark_signal")
			print $1 " is promised to handlers"
	}' >"$dir/log"
test ! -s "$dir/log"
result 'the answers are those of the legend'

if [ -z "$lib" ]; then
	echo 'ok 3 the program # SKIP no shared library'
	echo 'ok 4 the answers # SKIP no shared library'
	echo 'ok 5 the functions # SKIP no shared library'
	exit $status
fi
program >"$dir/prog.c"
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -I"$src/include" -o "$dir/prog" \
	"$dir/prog.c" "$lib" -Wl,-rpath,"${lib%/*}" >"$dir/log" 2>&1 &&
	"$dir/prog" >"$dir/out" 2>"$dir/log"
result 'each place is left again'

while read -r where name got; do
	want=$(said "$where" "$name")
	[ "$got" = "$want" ] || echo "$name, $where: $want, it answers $got"
done <"$dir/out" >"$dir/log"
sed 's/ [^ ]*$//' "$dir/out" | sort >"$dir/asked"
claims | comm -23 - "$dir/asked" | sed 's/$/: nobody asked/' >>"$dir/log"
test -s "$dir/out" && test ! -s "$dir/log"
result 'what they answer outside of Gs and after a fork is in the table'

exported | comm -23 - "$dir/rows" >"$dir/log"
test ! -s "$dir/log"
result 'what the library exports is in the table'
exit $status
