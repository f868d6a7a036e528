// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

//! Channels, locks and sleepers; as chan.c, locks.c and sleepers.c.
//!
//! An mpsc channel has one receiver and room for one message at least.  Where
//! four receive from one channel, its receiver is in a Mutex, and the task that
//! waits for a message holds that.

use crate::run::*;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{channel, Receiver, Sender};
use tokio::sync::{Mutex, Notify, RwLock, Semaphore};
use tokio::task::{spawn, yield_now};

const CHAN_CAP: usize = 100;
const CHAN_MANY: usize = 4;

async fn sends(c: Sender<u64>) -> u64 {
    let (mut v, mut sum) = (0u64, 0u64);
    while !stopping() {
        v += 1;
        c.send(v).await.expect("a receiver");
        sum = sum.wrapping_add(v);
        if v & 1023 == 0 {
            cpu_mark();
        }
    }
    sum
}

async fn receives(mut c: Receiver<u64>) -> (i64, u64) {
    let (mut n, mut sum) = (0, 0u64);
    while let Some(v) = c.recv().await {
        n += 1;
        sum = sum.wrapping_add(v);
    }
    (n, sum)
}

async fn receives_shared(c: Arc<Mutex<Receiver<u64>>>) -> (i64, u64) {
    let (mut n, mut sum) = (0, 0u64);
    loop {
        let got = c.lock().await.recv().await;
        match got {
            Some(v) => {
                n += 1;
                sum = sum.wrapping_add(v);
            }
            None => return (n, sum),
        }
    }
}

async fn selects(c: Vec<Receiver<u64>>) -> (i64, u64) {
    let (mut n, mut sum) = (0, 0u64);
    let [mut c0, mut c1, mut c2, mut c3]: [Receiver<u64>; CHAN_MANY] =
        c.try_into().expect("four channels");
    loop {
        let v = tokio::select! {
            Some(v) = c0.recv() => v,
            Some(v) = c1.recv() => v,
            Some(v) = c2.recv() => v,
            Some(v) = c3.recv() => v,
            else => return (n, sum),
        };
        n += 1;
        sum = sum.wrapping_add(v);
    }
}

type Ends = (Vec<Sender<u64>>, Vec<tokio::task::JoinHandle<(i64, u64)>>);

/// All that was sent was received.
async fn chan_result(mut r: Run, (senders, receivers): Ends) -> Run {
    let tasks: Vec<_> = senders.into_iter().map(|c| spawn(sends(c))).collect();
    let (mut sent, mut received, mut n) = (0u64, 0u64, 0);
    for t in tasks {
        sent = sent.wrapping_add(t.await.expect("a sender"));
    }
    for t in receivers {
        let (got, sum) = t.await.expect("a receiver");
        n += got;
        received = received.wrapping_add(sum);
    }
    r.end(n);
    if sent != received {
        r.fail("what was received is not what was sent".into());
    }
    r
}

pub async fn chan1x1(mut r: Run) -> Run {
    let (s, d) = channel(CHAN_CAP);
    r.begin();
    chan_result(r, (vec![s], vec![spawn(receives(d))])).await
}

pub async fn chan4x4(mut r: Run) -> Run {
    let (s, d) = channel(CHAN_CAP);
    let d = Arc::new(Mutex::new(d));
    r.begin();
    let tasks = (0..CHAN_MANY)
        .map(|_| spawn(receives_shared(d.clone())))
        .collect();
    chan_result(r, (vec![s; CHAN_MANY], tasks)).await
}

pub async fn select4(mut r: Run) -> Run {
    let (s, d) = (0..CHAN_MANY).map(|_| channel(1)).unzip();
    r.begin();
    chan_result(r, (s, vec![spawn(selects(d))])).await
}

pub async fn pingpong(mut r: Run) -> Run {
    let (there, mut there_end) = channel::<u64>(1);
    let (back, mut back_end) = channel::<u64>(1);
    let (mut v, mut n) = (0, 0);
    let echo = spawn(async move {
        while let Some(v) = there_end.recv().await {
            back.send(v + 1).await.expect("the first task");
        }
    });
    r.begin();
    while !stopping() {
        there.send(v).await.expect("the echo");
        v = back_end.recv().await.expect("the echo");
        n += 1;
    }
    r.end(n);
    if v != n as u64 {
        r.fail("what came back is not what went".into());
    }
    drop(there);
    echo.await.expect("the echo");
    r
}

const LOCKS_TURN: i64 = 1024;
const LOCKS_MARK: i64 = 16 * LOCKS_TURN;

/// LOCKS_TURN pairs are done.  All have their turn on one processor.
async fn turned(n: &mut i64) -> bool {
    *n += LOCKS_TURN;
    if *n % LOCKS_MARK == 0 {
        cpu_mark();
    }
    yield_now().await;
    !stopping()
}

async fn counts(mx: Arc<Mutex<i64>>) -> i64 {
    let mut n = 0;
    loop {
        for _ in 0..LOCKS_TURN {
            *mx.lock().await += 1;
        }
        if !turned(&mut n).await {
            return n;
        }
    }
}

pub async fn mutex(mut r: Run) -> Run {
    let mx = Arc::new(Mutex::new(0));
    let mut sum = 0;
    r.begin();
    let tasks: Vec<_> = (0..r.arg).map(|_| spawn(counts(mx.clone()))).collect();
    for t in tasks {
        sum += t.await.expect("a task");
    }
    r.end(sum);
    let count = *mx.lock().await;
    if count != sum {
        r.fail(format!("{count} counted under the mutex, {sum} done"));
    }
    r
}

async fn reads(rw: Arc<RwLock<()>>) -> i64 {
    let mut n = 0;
    loop {
        for _ in 0..LOCKS_TURN {
            drop(rw.read().await);
        }
        if !turned(&mut n).await {
            return n;
        }
    }
}

pub async fn rwlock(mut r: Run) -> Run {
    let rw = Arc::new(RwLock::new(()));
    let mut sum = 0;
    r.begin();
    let tasks: Vec<_> = (0..r.arg).map(|_| spawn(reads(rw.clone()))).collect();
    for t in tasks {
        sum += t.await.expect("a task");
    }
    r.end(sum);
    r
}

#[derive(Default)]
struct Turn {
    turn: usize,
    over: bool,
}

#[derive(Default)]
struct Cond {
    mx: Mutex<Turn>,
    cond: [Notify; 2],
}

/// The first ends it, in its turn; the other goes when it sees that.  A Notify
/// keeps what comes between the unlock and the wait.
async fn waits(l: Arc<Cond>, me: usize) -> i64 {
    let mut n = 0;
    let mut t = l.mx.lock().await;
    while !t.over {
        while t.turn != me && !t.over {
            drop(t);
            l.cond[me].notified().await;
            t = l.mx.lock().await;
        }
        n += 1;
        t.over |= me == 0 && stopping();
        t.turn = 1 - me;
        l.cond[1 - me].notify_one();
    }
    n
}

pub async fn cond(mut r: Run) -> Run {
    let l = Arc::new(Cond::default());
    r.begin();
    let first = spawn(waits(l.clone(), 0));
    let other = spawn(waits(l, 1));
    let n = first.await.expect("the first");
    other.await.expect("the other");
    r.end(n);
    r
}

async fn wait(s: &Semaphore) {
    s.acquire().await.expect("a semaphore").forget();
}

/// The first begins, and ends it; the other answers each time.
async fn posts(sem: Arc<[Semaphore; 2]>, me: usize) -> i64 {
    static OVER: AtomicBool = AtomicBool::new(false);
    let mut n = 0;
    if me == 1 {
        wait(&sem[1]).await;
    }
    loop {
        if me == 0 {
            OVER.store(stopping(), Release);
        }
        let last = OVER.load(Acquire);
        sem[1 - me].add_permits(1);
        if !last || me == 0 {
            wait(&sem[me]).await;
        }
        n += 1;
        if last {
            return n;
        }
    }
}

pub async fn sem(mut r: Run) -> Run {
    let s = Arc::new([Semaphore::new(0), Semaphore::new(0)]);
    r.begin();
    let first = spawn(posts(s.clone(), 0));
    let other = spawn(posts(s, 1));
    let n = first.await.expect("the first");
    other.await.expect("the other");
    r.end(n);
    r
}

const SLEEP_TURNS: usize = 10;
const SLEEP_MIN_NS: i64 = 1_000_000;
const SLEEP_SPAN_NS: u64 = 99_000_001;
const SETTLE_NS: i64 = 100_000_000;
const START_NS: i64 = 20_000;

async fn sleep(ns: i64) {
    tokio::time::sleep(Duration::from_nanos(ns.max(0) as u64)).await
}

async fn sleeper(begin: i64, mut seed: u64) -> [i64; SLEEP_TURNS] {
    let mut lat = [0; SLEEP_TURNS];
    let first = begin + (rnd(&mut seed) % SLEEP_SPAN_NS) as i64;
    sleep(first - now()).await;
    for late in &mut lat {
        let ns = SLEEP_MIN_NS + (rnd(&mut seed) % SLEEP_SPAN_NS) as i64;
        let t = now();
        sleep(ns).await;
        *late = now() - t - ns;
    }
    cpu_mark();
    lat
}

pub async fn sleepers(mut r: Run) -> Run {
    let begin = now() + SETTLE_NS + r.n * START_NS;
    let seed = r.seed.wrapping_add(r.round);
    let tasks: Vec<_> = (0..r.n as u64)
        .map(|i| i.wrapping_mul(0x9e3779b97f4a7c15).wrapping_add(seed))
        .map(|seed| spawn(sleeper(begin, seed)))
        .collect();
    let mut lat = Vec::with_capacity(tasks.len() * SLEEP_TURNS);
    sleep(begin - now()).await;
    r.begin();
    for t in tasks {
        lat.extend(t.await.expect("a task"));
    }
    r.stop_clock();
    r.latencies(lat);
    r.field("sleep_cpu_s", r.cpu as f64 / 1e9);
    r
}
