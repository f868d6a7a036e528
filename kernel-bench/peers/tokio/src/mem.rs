// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

//! What a task costs in memory, and all of them while they wait.

use crate::run::*;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering::*};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::{spawn, yield_now};

const QUEUED: i64 = 10_000;
const CHUNK: i64 = 1000;
const IDLE_GS: usize = 100;
const IDLE_SETTLE_NS: i64 = 100_000_000;

static RUNNING: AtomicI64 = AtomicI64::new(0);
static ENDED: AtomicI64 = AtomicI64::new(0);

fn used() -> f64 {
    status_bytes("VmRSS:") + status_bytes("VmPTE:")
}

/// The permit is in the task itself, as weft's is on the stack.
async fn park(slots: Arc<Vec<AtomicPtr<Notify>>>, i: usize) {
    let p = Notify::new();
    slots[i].store(&p as *const _ as *mut _, Release);
    RUNNING.fetch_add(1, Relaxed);
    p.notified().await;
    ENDED.fetch_add(1, Relaxed);
}

async fn all_ended(n: i64) {
    while ENDED.load(Acquire) < n {
        yield_now().await;
    }
    ENDED.store(0, Relaxed);
}

pub async fn mem(mut r: Run) -> Run {
    let n = r.n;
    let slots: Arc<Vec<_>> =
        Arc::new((0..n).map(|_| AtomicPtr::new(null_mut())).collect());
    let (base, pte) = (used(), status_bytes("VmPTE:"));
    for _ in 0..QUEUED {
        spawn(async { ENDED.fetch_add(1, Relaxed) });
    }
    r.field("bytes_queued", (used() - base) / QUEUED as f64);
    all_ended(QUEUED).await;
    let (mut i, mut start_ns) = (0, 0);
    r.begin();
    while i < n {
        let t = now();
        let end = n.min(i + CHUNK);
        while i < end {
            spawn(park(slots.clone(), i as usize));
            i += 1;
        }
        start_ns += now() - t;
        while RUNNING.load(Acquire) < i {
            yield_now().await;
        }
    }
    r.stop_clock();
    r.value = start_ns as f64 / n as f64;
    r.field("ns_first_run", (r.wall - start_ns) as f64 / n as f64);
    r.field("bytes_parked", (used() - base) / n as f64);
    r.field("bytes_pte", (status_bytes("VmPTE:") - pte) / n as f64);
    let t = now();
    for slot in slots.iter() {
        // It lives until it is notified, which nobody else does.
        unsafe { (*slot.load(Acquire)).notify_one() };
    }
    all_ended(n).await;
    r.field("ns_wake_and_end", (now() - t) as f64 / n as f64);
    r
}

fn watch(mut r: Run, first: Arc<Notify>) -> Run {
    sleep_until(now() + IDLE_SETTLE_NS);
    r.begin();
    let cpu = process_cpu();
    sleep_until(now() + r.n * 1_000_000);
    let cpu = process_cpu() - cpu;
    r.stop_clock();
    r.value = cpu as f64 / (r.n as f64 / 1e3);
    r.field("cpu_ms_per_s", r.value / 1e6);
    first.notify_one();
    r
}

pub async fn idle(r: Run) -> Run {
    let first = Arc::new(Notify::new());
    let permits: Vec<_> =
        (0..IDLE_GS).map(|_| Arc::new(Notify::new())).collect();
    let tasks: Vec<_> = permits
        .iter()
        .cloned()
        .map(|p| spawn(async move { p.notified().await }))
        .collect();
    let watcher = {
        let first = first.clone();
        std::thread::spawn(|| watch(r, first))
    };
    first.notified().await;
    for p in &permits {
        p.notify_one();
    }
    for t in tasks {
        t.await.expect("a task");
    }
    watcher.join().expect("the watcher")
}
