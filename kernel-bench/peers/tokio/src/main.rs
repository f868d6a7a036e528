// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

//! Our rows with tasks of tokio.
//!
//!     PROGRAM one BENCH NAME PROCS --n N --ms MS [--round K] [--seed S]
//!     PROGRAM version
//!
//! PROCS is worker_threads of a multi-threaded runtime; the row itself is its
//! first task, not what main() blocks on.  What differs from weft:
//!
//!   - a task has no stack: a recursive one is boxed at each level;
//!   - a permit is a Notify;
//!   - what was woken or spawned last goes into a slot from which other workers
//!     do not take it: see parkwake.
//!
//! main.rs has arguments and the result, run.rs the clock and the piece of
//! work, rows.rs, block8.rs, mem.rs and sync.rs the rows.

mod block8;
mod mem;
mod rows;
mod run;
mod sync;

use run::Run;
use std::fmt::Write;

fn version() -> String {
    format!(
        "tokio {}, {}",
        option_env!("PEER_TOKIO").unwrap_or("of unknown version"),
        option_env!("PEER_RUSTC").unwrap_or("rustc of unknown version")
    )
}

fn usage(what: &str) -> ! {
    eprintln!("{what}");
    eprintln!(
        "usage: one BENCH NAME PROCS --n N --ms MS [--round K] [--seed S] \
         [--quick]"
    );
    std::process::exit(2)
}

fn number(what: &str, s: &str) -> u64 {
    s.parse()
        .unwrap_or_else(|_| usage(&format!("{what}: not a number: {s}")))
}

fn options(r: &mut Run, args: &[String]) {
    let mut at = args.iter();
    while let Some(o) = at.next() {
        if o == "--quick" {
            continue;
        }
        let v = number(o, at.next().map_or("", |s| s));
        match o.as_str() {
            "--n" => r.n = v as i64,
            "--ms" => r.ms = v,
            "--round" => r.round = v,
            "--seed" => r.seed = v,
            _ => usage(o),
        }
    }
}

/// A string of ours has neither quotes nor control characters, but what a
/// user calls the peer may have.
fn quoted(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 32 => out.push('?'),
            c => out.push(c),
        }
    }
    out + "\""
}

fn put_result(r: &Run, unit: &str, note: &str) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        ",\"unit\":\"{}\",\"median\":{v},\"min\":{v},\"max\":{v},\"runs\":1,\
         \"wall_s\":{},\"cpus_used\":{}",
        unit,
        r.wall as f64 / 1e9,
        r.cpus_used,
        v = r.value
    );
    if r.wall > 0 {
        let _ = write!(out, ",\"cpus_busy\":{}", r.cpu as f64 / r.wall as f64);
    }
    for (name, v) in &r.fields {
        let _ = write!(out, ",\"{name}\":{v}");
    }
    if !note.is_empty() {
        let _ = write!(out, ",\"note\":{}", quoted(note));
    }
    if !r.error.is_empty() {
        let _ = write!(out, ",\"error\":{}", quoted(&r.error));
    }
    out
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() == 2 && args[1] == "version" {
        println!("{}", version());
        return;
    }
    if args.len() < 5 || args[1] != "one" {
        usage("one or version?");
    }
    let mut r = Run::new();
    r.procs = number("PROCS", &args[4]) as usize;
    options(&mut r, &args[5..]);
    if r.procs < 1 {
        usage("PROCS");
    }
    let mut out = format!(
        "{{\"bench\":{},\"impl\":{},\"procs\":{},\"version\":{}",
        quoted(&args[2]),
        quoted(&args[3]),
        r.procs,
        quoted(&version())
    );
    match rows::find(&args[2]) {
        None => {
            out += &format!(",\"skip\":{}", quoted(rows::why_not(&args[2])))
        }
        Some(row) => {
            if r.n == 0 && r.ms == 0 {
                usage("--n and --ms are missing");
            }
            r.arg = row.arg;
            run::calibrate();
            run::start_stopper();
            let r = row.measure(r);
            out += &put_result(&r, row.unit, row.note);
        }
    }
    println!("{out}}}");
    // What the runtime still holds is not waited for.
    std::process::exit(0);
}
