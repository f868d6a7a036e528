// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

//! Rows in which tasks start, yield, wait and wake.

use crate::run::*;
use crate::{block8, mem, sync};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::*};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::{spawn, yield_now};

pub type Measured = Pin<Box<dyn Future<Output = Run> + Send>>;

pub struct Row {
    name: &'static str,
    pub unit: &'static str,
    pub arg: i64,
    pub note: &'static str,
    start: fn(Run) -> Measured,
}

/// A table of rows out of async functions.
macro_rules! rows {
    ($($name:literal $unit:literal $arg:expr, $f:path, $note:expr;)*) => {
        &[$(Row {
            name: $name, unit: $unit, arg: $arg, note: $note,
            start: |r| Box::pin($f(r)),
        }),*]
    };
}

const BOXED: &str = "tasks have no stacks; each level of recursion is boxed";
const NO_STACK: &str = "tasks have no stacks";
const NOTIFY: &str = "a permit is a Notify; tasks have no stacks";
const SLOT: &str =
    "the task woken waits in a slot of its waker's worker until \
    that yields: no other takes it from there";
const IN_PLACE: &str = "in block_in_place(), and a yield after each";

const ROOM: &str = "room for one: an mpsc channel has no less";
const SHARED: &str = "the one receiver of an mpsc channel, in a Mutex";
const NO_COND: &str = "a condition is a Notify beside the Mutex";
const TICKS: &str = "tokio's timers count in ms";

const ROWS: &[Row] = rows! {
    "switch" "ns" 0, switch, NOTIFY;
    "yield_g2" "ns" 2, yields, NO_STACK;
    "yield_g64" "ns" 64, yields, NO_STACK;
    "yield_g10000" "ns" 10000, yields, NO_STACK;
    "spawn_join" "ns" 0, spawn_join, NO_STACK;
    "spawn_join_sw" "ns" 1, spawn_join, NO_STACK;
    "batch" "ns" 0, batch, NO_STACK;
    "fib" "ns" 0, fib, BOXED;
    "skynet" "ms" 0, skynet, BOXED;
    "parkwake" "ns" 1_200_000, parkwake, SLOT;
    "parkwake_spin" "ns" 4000, parkwake, SLOT;
    "steal" "ns" 10, steal, NO_STACK;
    "steal_1us" "ns" 1, steal, NO_STACK;
    "pingpong" "ns" 0, sync::pingpong, ROOM;
    "chan1x1" "ns" 0, sync::chan1x1, "";
    "chan4x4" "ns" 0, sync::chan4x4, SHARED;
    "select4" "ns" 0, sync::select4, ROOM;
    "mutex_2" "ns" 2, sync::mutex, "";
    "mutex_8" "ns" 8, sync::mutex, "";
    "mutex_64" "ns" 64, sync::mutex, "";
    "rwlock_read8" "ns" 8, sync::rwlock, "";
    "cond_pingpong" "ns" 0, sync::cond, NO_COND;
    "sem_pingpong" "ns" 0, sync::sem, "";
    "block8" "percent" block8::PIPE, block8::measure, IN_PLACE;
    "block8_sleep" "percent" block8::SLEEP, block8::measure, IN_PLACE;
    "block8_plain" "percent" block8::PLAIN, block8::measure, "";
    "block8_yield" "percent" block8::YIELD, block8::measure, "";
    "block8_nanosleep" "percent" block8::NANO, block8::measure, "";
    "hog" "percent" block8::HOG, block8::measure, "";
    "mem" "ns" 0, mem::mem, NOTIFY;
    "idle" "ns" 0, mem::idle, NOTIFY;
    "sleepers_10000" "ns" 0, sync::sleepers, TICKS;
    "sleepers_100000" "ns" 0, sync::sleepers, TICKS;
};

/// Of a row that is not in the table.
pub fn why_not(name: &str) -> &'static str {
    match name {
        "timer_churn" => "no timer by itself: a future that sleeps is one",
        _ => "this peer has no such row",
    }
}

pub fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

impl Row {
    /// As the first task of a runtime with so many workers.
    pub fn measure(&self, r: Run) -> Run {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(r.procs);
        // Its driver is in the way of each worker that goes to sleep.
        if self.name.starts_with("sleepers") {
            builder.enable_time();
        }
        let rt = builder.build().expect("a runtime");
        let first = rt.spawn((self.start)(r));
        let r = rt.block_on(first).expect("the first task");
        rt.shutdown_background();
        r
    }
}

async fn yield_turns(share: i64, ready: &AtomicI64, go: &AtomicBool) -> i64 {
    let mut turns = 0;
    ready.fetch_add(1, Relaxed);
    while !go.load(Acquire) {
        yield_now().await;
    }
    cpu_mark();
    while !stopping() {
        yield_now().await;
        turns += 1;
        if turns & 255 == 0 {
            cpu_mark();
        }
        if turns == share {
            stop_now();
        }
    }
    turns
}

async fn yields(mut r: Run) -> Run {
    static READY: AtomicI64 = AtomicI64::new(0);
    static GO: AtomicBool = AtomicBool::new(false);
    let share = r.n / r.arg;
    let tasks: Vec<_> = (0..r.arg)
        .map(|_| spawn(yield_turns(share, &READY, &GO)))
        .collect();
    while READY.load(Relaxed) < r.arg {
        yield_now().await;
    }
    r.begin();
    GO.store(true, Release);
    let mut turns = Vec::new();
    for t in tasks {
        turns.push(t.await.expect("a task"));
    }
    r.end(turns.iter().sum());
    r.field("turns_min", *turns.iter().min().unwrap() as f64);
    r.field("turns_max", *turns.iter().max().unwrap() as f64);
    r
}

async fn switch(mut r: Run) -> Run {
    let a = Arc::new(Notify::new());
    let b = Arc::new(Notify::new());
    let follow = {
        let (a, b) = (a.clone(), b.clone());
        async move {
            let mut ops = 0;
            loop {
                b.notified().await;
                if stopping() {
                    break;
                }
                ops += 1;
                if ops & 255 == 0 {
                    cpu_mark();
                }
                a.notify_one();
            }
            a.notify_one();
            ops
        }
    };
    let follow = spawn(follow);
    let mut ops = 0i64;
    r.begin();
    while !stopping() {
        ops += 1;
        b.notify_one();
        a.notified().await;
    }
    r.stop_clock();
    b.notify_one();
    ops += follow.await.expect("a task");
    r.value = r.wall as f64 / ops as f64;
    r
}

async fn spawn_join(mut r: Run) -> Run {
    let mut ops = 0i64;
    r.begin();
    while !stopping() {
        ops += 1;
        let n = ops;
        let t = spawn(async move { n });
        if r.arg != 0 {
            yield_now().await;
        }
        if t.await.ok() != Some(ops) {
            r.fail("a task returned a wrong value".into());
        }
    }
    r.end(ops);
    r
}

const MAX_ROUNDS: usize = 1000;

/// The median over the rounds of ns for each of the n, but the first drop.
fn rounds_end(r: &mut Run, mut v: Vec<f64>, drop: usize) {
    r.stop_clock();
    v.drain(..drop);
    r.field("rounds", v.len() as f64);
    r.value = median(v);
}

fn more(v: &[f64], min: usize) -> bool {
    v.len() < min || !stopping() && v.len() < MAX_ROUNDS
}

async fn batch(mut r: Run) -> Run {
    let mut v = Vec::new();
    let mut tasks = Vec::with_capacity(r.n as usize);
    r.begin();
    while more(&v, 7) {
        let t = now();
        for i in 0..r.n {
            tasks.push(spawn(async move {
                if i & 255 == 0 {
                    cpu_mark();
                }
            }));
        }
        for t in tasks.drain(..) {
            t.await.expect("a task");
        }
        v.push((now() - t) as f64 / r.n as f64);
    }
    rounds_end(&mut r, v, 2);
    r
}

fn fib_value(n: i64) -> i64 {
    if n < 2 {
        n
    } else {
        fib_value(n - 1) + fib_value(n - 2)
    }
}

/// One for each call with n >= 2.
fn fib_tasks(n: i64) -> i64 {
    fib_value(n + 1) - 1
}

fn fib_task(n: i64) -> Pin<Box<dyn Future<Output = i64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        if n == 10 {
            cpu_mark();
        }
        let a = spawn(fib_task(n - 1));
        let b = fib_task(n - 2).await;
        a.await.expect("a task") + b
    })
}

async fn fib(mut r: Run) -> Run {
    let want = fib_value(r.n);
    let mut trees = 0;
    fib_task(r.n).await;
    r.begin();
    loop {
        let got = fib_task(r.n).await;
        trees += 1;
        if got != want {
            r.fail(format!("fib({}) was {}, not {}", r.n, got, want));
        }
        if got != want || stopping() {
            break;
        }
    }
    r.end(trees * fib_tasks(r.n));
    r
}

fn skynet_task(
    first: i64,
    leaves: i64,
) -> Pin<Box<dyn Future<Output = i64> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        if leaves == 100 {
            cpu_mark();
        }
        let child = leaves / 10;
        let tasks: [_; 10] = std::array::from_fn(|i| {
            spawn(skynet_task(first + i as i64 * child, child))
        });
        let mut sum = 0;
        for t in tasks {
            sum += t.await.expect("a task");
        }
        sum
    })
}

async fn skynet(mut r: Run) -> Run {
    let mut v = Vec::new();
    skynet_task(0, r.n).await;
    r.begin();
    while more(&v, 1) {
        let t = now();
        let sum = skynet_task(0, r.n).await;
        v.push((now() - t) as f64 / 1e6);
        if sum != r.n * (r.n - 1) / 2 {
            r.fail(format!("the sum was {sum}"));
        }
    }
    r.stop_clock();
    r.field("trees", v.len() as f64);
    r.value = median(v);
    r
}

async fn steal(mut r: Run) -> Run {
    let us = r.arg;
    let mut v = Vec::new();
    let mut tasks = Vec::with_capacity(r.n as usize);
    r.begin();
    while more(&v, 1) {
        let t = now();
        for _ in 0..r.n {
            tasks.push(spawn(async move {
                work(us);
                cpu_mark();
            }));
        }
        for t in tasks.drain(..) {
            t.await.expect("a task");
        }
        v.push((now() - t) as f64 / r.n as f64);
    }
    r.stop_clock();
    r.value = median(v);
    let ideal = us as f64 * 1000.0 / r.procs as f64;
    r.field("percent_ideal", 100.0 * ideal / r.value);
    r
}

const PARKWAKE_MAX: usize = 200_000;
const PARKWAKE_LATE_NS: i64 = 50_000_000;

#[repr(align(128))]
#[derive(Default)]
struct Lone(AtomicI64);

#[derive(Default)]
struct Waker {
    permit: Notify,
    ready: Lone,
    woken_at: Lone,
    quit: AtomicBool,
}

async fn parkwake_waiter(w: Arc<Waker>) {
    let mut i = 0;
    loop {
        i += 1;
        w.ready.0.store(i, Release);
        w.permit.notified().await;
        w.woken_at.0.store(now(), Release);
        cpu_mark();
        if w.quit.load(Acquire) {
            return;
        }
    }
}

async fn parkwake_once(w: &Waker, gap: i64, late: &mut i64) -> i64 {
    spin(gap);
    w.woken_at.0.store(0, Relaxed);
    let t = now();
    w.permit.notify_one();
    loop {
        let at = w.woken_at.0.load(Acquire);
        if at != 0 {
            return at - t;
        }
        std::hint::spin_loop();
        if now() - t < PARKWAKE_LATE_NS {
            continue;
        }
        *late += 1;
        while w.woken_at.0.load(Acquire) == 0 {
            yield_now().await;
        }
    }
}

async fn parkwake(mut r: Run) -> Run {
    let w = Arc::new(Waker::default());
    let waiter = spawn(parkwake_waiter(w.clone()));
    let mut seed = r.seed + r.round;
    let mut lat = Vec::new();
    let mut late = 0;
    r.begin();
    while !stopping() && lat.len() < PARKWAKE_MAX {
        while w.ready.0.load(Acquire) != lat.len() as i64 + 1 {
            yield_now().await;
        }
        let more = rnd(&mut seed) % (r.arg as u64 / 2 + 1);
        lat.push(parkwake_once(&w, r.arg + more as i64, &mut late).await);
    }
    r.stop_clock();
    w.quit.store(true, Release);
    w.permit.notify_one();
    waiter.await.expect("a task");
    r.field("wakes", lat.len() as f64);
    r.field("late_50ms", late as f64);
    r.latencies(lat);
    r
}
