// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

//! What 56 tasks lose by 8 others that block their threads; see block8.c.
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

const WORKERS: usize = 56;
const BLOCKERS: usize = 8;
const WORK_US: i64 = 20;
const BLOCK_NS: i64 = 10_000_000;

struct Phase {
    rate: f64,
    worst_ms: f64,
    blocks_s: f64,
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

async fn blocker(how: i64, fd: i32) -> i64 {
    let mut blocks = 0;
    while !stopping() {
        match how {
            SLEEP => block_in_place(|| {
                std::thread::sleep(Duration::from_nanos(BLOCK_NS as u64))
            }),
            PIPE => block_in_place(|| read_one(fd)),
            _ => read_one(fd),
        }
        blocks += 1;
        if how != PLAIN {
            yield_now().await;
        }
    }
    blocks
}

async fn phase(r: &mut Run, fds: Option<&[[i32; 2]]>) -> Phase {
    let how = r.arg;
    r.begin();
    let blockers: Vec<_> = fds
        .unwrap_or(&[])
        .iter()
        .map(|fd| spawn(blocker(how, fd[0])))
        .collect();
    let workers: Vec<_> = (0..WORKERS).map(|_| spawn(worker(r.t0))).collect();
    let mut all = Vec::new();
    for w in workers {
        all.push(w.await.expect("a worker"));
    }
    let s = (now() - r.t0) as f64 / 1e9;
    r.stop_clock();
    let mut blocks = 0;
    for b in blockers {
        blocks += b.await.expect("one that blocks");
    }
    Phase {
        rate: all.iter().map(|w| w.0).sum::<i64>() as f64 / s,
        worst_ms: all.iter().map(|w| w.1).max().unwrap() as f64 / 1e6,
        blocks_s: blocks as f64 / s,
    }
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

async fn with_blockers(r: &mut Run) -> Phase {
    let mut fds = vec![[-1; 2]; BLOCKERS];
    if r.arg == SLEEP {
        return phase(r, Some(&fds)).await;
    }
    for fd in &mut fds {
        assert!(unsafe { libc::pipe(fd.as_mut_ptr()) } == 0, "pipe");
    }
    FED.store(true, Release);
    let feeder = {
        let fds = fds.clone();
        std::thread::spawn(|| feed(fds))
    };
    let ph = phase(r, Some(&fds)).await;
    FED.store(false, Release);
    feeder.join().expect("the feeder");
    ph
}

pub async fn measure(mut r: Run) -> Run {
    let (with, without);
    if r.round & 1 == 1 {
        with = with_blockers(&mut r).await;
        without = phase(&mut r, None).await;
    } else {
        without = phase(&mut r, None).await;
        with = with_blockers(&mut r).await;
    }
    r.value = 100.0 * with.rate / without.rate;
    r.field("worst_ms", with.worst_ms - without.worst_ms);
    r.field("stall_with_ms", with.worst_ms);
    r.field("stall_without_ms", without.worst_ms);
    r.field("pieces_s_with", with.rate);
    r.field("pieces_s_without", without.rate);
    r.field("blocks_s", with.blocks_s);
    r
}
