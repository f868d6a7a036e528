// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

//! What tasks lose by others beside them, 56 by 8 that block their threads or
//! 100 by one that never yields; see beside.h, block8.c and hog.c.
//!
//! block_in_place() is what announces it: the worker's queue goes to another
//! thread.  After it the task yields, which weft's does not: tasks that yielded
//! on the same thread just before it blocked stand in a list of that thread,
//! and tokio 1.24 looks at it again only when the task that blocked gives up.

use crate::run::*;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::time::Duration;
use tokio::task::{block_in_place, spawn, yield_now};

pub const PIPE: i64 = 0;
pub const SLEEP: i64 = 1;
pub const PLAIN: i64 = 2;
pub const YIELD: i64 = 3;
pub const NANO: i64 = 4;
pub const HOG: i64 = 5;

const WORKERS: usize = 56;
const BLOCKERS: usize = 8;
const HOG_WORKERS: usize = 100;
const WORK_US: i64 = 20;
const BLOCK_NS: i64 = 10_000_000;

/// What all phases of a kind gave together.
#[derive(Default)]
struct Sum {
    s: f64,
    pieces: i64,
    worst_ms: f64,
    done: i64,
}

/// How many pieces, and the longest gap without one: also from the start of
/// the phase, and to the turn that finds it over.
async fn worker(start: i64) -> (i64, i64) {
    let (mut pieces, mut worst, mut last) = (0, 0, start);
    while !stopping() {
        work(WORK_US);
        pieces += 1;
        cpu_mark();
        let t = now();
        worst = worst.max(t - last);
        last = t;
        yield_now().await;
    }
    (pieces, worst.max(now() - last))
}

fn read_one(fd: i32) {
    let mut c = 0u8;
    let got = unsafe { libc::read(fd, &mut c as *mut u8 as *mut _, 1) };
    assert!(got == 1, "a read of a pipe");
}

fn nap() {
    std::thread::sleep(Duration::from_nanos(BLOCK_NS as u64))
}

async fn other(how: i64, fd: i32) -> i64 {
    let mut done = 0;
    while !stopping() {
        match how {
            SLEEP => block_in_place(nap),
            NANO => nap(),
            PIPE => block_in_place(|| read_one(fd)),
            HOG => {}
            _ => read_one(fd),
        }
        done += 1;
        if how != PLAIN && how != HOG {
            yield_now().await;
        }
    }
    done
}

async fn phase(r: &mut Run, fds: &[[i32; 2]], sum: &mut Sum) {
    let how = r.arg;
    let n = if how == HOG { HOG_WORKERS } else { WORKERS };
    r.begin();
    let others: Vec<_> =
        fds.iter().map(|fd| spawn(other(how, fd[0]))).collect();
    let workers: Vec<_> = (0..n).map(|_| spawn(worker(r.t0))).collect();
    let mut all = Vec::new();
    for w in workers {
        all.push(w.await.expect("a worker"));
    }
    sum.s += (now() - r.t0) as f64 / 1e9;
    r.stop_clock();
    for o in others {
        sum.done += o.await.expect("one of the others");
    }
    sum.pieces += all.iter().map(|w| w.0).sum::<i64>();
    let worst = all.iter().map(|w| w.1).max().unwrap() as f64 / 1e6;
    sum.worst_ms = sum.worst_ms.max(worst);
}

static FED: AtomicBool = AtomicBool::new(false);

fn feed(fds: Vec<[i32; 2]>) {
    let mut next = now();
    while FED.load(Acquire) {
        next += BLOCK_NS;
        sleep_until(next);
        for fd in &fds {
            let put =
                unsafe { libc::write(fd[1], b"x".as_ptr() as *const _, 1) };
            assert!(put == 1, "a write to a pipe");
        }
    }
}

async fn with_others(r: &mut Run, sum: &mut Sum) {
    let mut fds = vec![[-1; 2]; if r.arg == HOG { 1 } else { BLOCKERS }];
    if [SLEEP, NANO, HOG].contains(&r.arg) {
        return phase(r, &fds, sum).await;
    }
    for fd in &mut fds {
        assert!(unsafe { libc::pipe(fd.as_mut_ptr()) } == 0, "pipe");
    }
    FED.store(true, Release);
    let feeder = {
        let fds = fds.clone();
        std::thread::spawn(|| feed(fds))
    };
    phase(r, &fds, sum).await;
    FED.store(false, Release);
    feeder.join().expect("the feeder");
    for fd in fds.iter().flatten() {
        unsafe { libc::close(*fd) };
    }
}

pub async fn measure(mut r: Run) -> Run {
    let mut with = Sum::default();
    let mut without = Sum::default();
    for i in 0..r.n {
        let first = (r.round as i64 + i) & 1 == 1;
        for there in [first, !first] {
            if there {
                with_others(&mut r, &mut with).await;
            } else {
                phase(&mut r, &[], &mut without).await;
            }
        }
    }
    let rate = |sum: &Sum| sum.pieces as f64 / sum.s;
    r.value = 100.0 * rate(&with) / rate(&without);
    r.field("worst_ms", with.worst_ms - without.worst_ms);
    r.field("stall_with_ms", with.worst_ms);
    r.field("stall_without_ms", without.worst_ms);
    r.field("pieces_s_with", rate(&with));
    r.field("pieces_s_without", rate(&without));
    if r.arg != HOG {
        r.field("blocks_s", with.done as f64 / with.s);
    }
    r
}
