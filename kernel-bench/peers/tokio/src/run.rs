// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

//! The clock of a measurement and what rows share; as run.c and util.c.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering::*};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

#[derive(Default)]
pub struct Run {
    pub procs: usize,
    pub n: i64,
    pub ms: u64,
    pub round: u64,
    pub seed: u64,
    pub arg: i64,
    pub value: f64,
    pub wall: i64,
    pub cpu: i64,
    pub t0: i64,
    cpu0: i64,
    pub cpus_used: usize,
    pub fields: Vec<(&'static str, f64)>,
    pub error: String,
}

fn clock(which: libc::clockid_t) -> i64 {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(which, &mut t) };
    t.tv_sec as i64 * 1_000_000_000 + t.tv_nsec as i64
}

pub fn now() -> i64 {
    clock(libc::CLOCK_MONOTONIC)
}

pub fn process_cpu() -> i64 {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Blocks the thread.
pub fn sleep_until(deadline: i64) {
    loop {
        let left = deadline - now();
        if left <= 0 {
            return;
        }
        std::thread::sleep(Duration::from_nanos(left as u64));
    }
}

/// Alone on its lines: read in every turn of every loop.
#[repr(align(128))]
struct Line(AtomicBool);

static STOP: Line = Line(AtomicBool::new(false));

pub fn stopping() -> bool {
    STOP.0.load(Relaxed)
}

pub fn stop_now() {
    STOP.0.store(true, Relaxed);
}

/// When the row's time is over; 0 if nothing runs.
static STOP_AT: Mutex<i64> = Mutex::new(0);
static ARMED: Condvar = Condvar::new();

/// An ordinary thread, asleep but for the end of a row.
pub fn start_stopper() {
    std::thread::spawn(|| loop {
        let mut at = STOP_AT.lock().unwrap();
        while *at == 0 {
            at = ARMED.wait(at).unwrap();
        }
        let deadline = *at;
        drop(at);
        sleep_until(deadline);
        stop_now();
        *STOP_AT.lock().unwrap() = 0;
    });
}

fn arm(ms: u64) {
    while *STOP_AT.lock().unwrap() != 0 {
        std::thread::yield_now(); // of an earlier phase
    }
    STOP.0.store(false, Relaxed);
    if ms > 0 {
        *STOP_AT.lock().unwrap() = now() + ms as i64 * 1_000_000;
        ARMED.notify_one();
    }
}

impl Run {
    pub fn new() -> Run {
        Run::default()
    }

    pub fn begin(&mut self) {
        for seen in &CPUS_SEEN {
            seen.store(0, Relaxed);
        }
        cpu_mark();
        arm(self.ms);
        self.cpu0 = process_cpu();
        self.t0 = now();
    }

    /// May be called twice: the second time is added.
    pub fn stop_clock(&mut self) {
        self.wall += now() - self.t0;
        self.cpu += process_cpu() - self.cpu0;
        cpu_mark();
        let seen = CPUS_SEEN.iter().filter(|s| s.load(Relaxed) != 0).count();
        self.cpus_used = self.cpus_used.max(seen);
    }

    pub fn end(&mut self, ops: i64) {
        self.stop_clock();
        if ops < 1 {
            self.fail("no operation was completed".into());
        }
        self.value = self.wall as f64 / ops.max(1) as f64;
    }

    pub fn field(&mut self, name: &'static str, v: f64) {
        self.fields.push((name, v));
    }

    pub fn fail(&mut self, why: String) {
        if self.error.is_empty() {
            self.error = why;
        }
    }

    pub fn latencies(&mut self, mut v: Vec<i64>) {
        if v.is_empty() {
            self.fail("no operation was completed".into());
            return;
        }
        v.sort_unstable();
        let at = |p: f64| v[(p * v.len() as f64) as usize] as f64;
        self.value = at(0.5);
        self.field("p50", at(0.5));
        self.field("p99", at(0.99));
        self.field("lat_max", v[v.len() - 1] as f64);
    }
}

#[allow(clippy::declare_interior_mutable_const)]
const UNSEEN: AtomicU8 = AtomicU8::new(0);
static CPUS_SEEN: [AtomicU8; 1024] = [UNSEEN; 1024];

/// The caller runs on this CPU; cheap, not for every operation.
pub fn cpu_mark() {
    let cpu = unsafe { libc::sched_getcpu() };
    if let Some(seen) = CPUS_SEEN.get(cpu as usize) {
        if seen.load(Relaxed) == 0 {
            seen.store(1, Relaxed);
        }
    }
}

pub fn median(mut v: Vec<f64>) -> f64 {
    let n = v.len();
    if n == 0 {
        return 0.0;
    }
    v.sort_unstable_by(f64::total_cmp);
    if n % 2 == 1 {
        v[n / 2]
    } else {
        (v[n / 2 - 1] + v[n / 2]) / 2.0
    }
}

/// splitmix64, as in util.c
pub fn rnd(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e3779b97f4a7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
    z ^ (z >> 31)
}

/// f64 as bits
static TURNS_PER_US: AtomicU64 = AtomicU64::new(0);

#[inline(never)]
fn work_turns(n: i64) {
    for _ in 0..n {
        unsafe { std::arch::asm!("") }; // as barrier()
    }
}

pub fn calibrate() {
    const N: i64 = 200_000;
    let mut best = i64::MAX;
    for _ in 0..20 {
        let t = now();
        work_turns(N);
        best = best.min(now() - t);
    }
    let turns = N as f64 * 1000.0 / best.max(1) as f64;
    TURNS_PER_US.store(turns.to_bits(), Relaxed);
}

pub fn work(us: i64) {
    work_turns((us as f64 * f64::from_bits(TURNS_PER_US.load(Relaxed))) as i64);
}

pub fn spin(ns: i64) {
    let end = now() + ns;
    while now() < end {
        std::hint::spin_loop();
    }
}

/// A line of /proc/self/status, as "VmRSS:".
pub fn status_bytes(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(key));
    let kb = line.and_then(|l| l.split_whitespace().nth(1));
    kb.and_then(|s| s.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}
