//! A global allocator that counts, and that fails where it is told to.
//!
//! It counts for each thread by itself, so that what other threads do is not taken for the caller's. Memory
//! that one thread takes and another gives back would be counted wrongly: the harness has no such threads.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted. Install it as the global allocator of a program.
pub struct Counted;

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::NEW) };
}

/// What is known of a thread's memory.
#[derive(Clone, Copy)]
struct State {
    /// Bytes taken and not given back, since the thread began.
    used: isize,
    /// The most that it has been.
    peak: isize,
    /// How many times memory was asked for since the count was begun.
    calls: u64,
    plan: Plan,
    /// What the first failure was.
    failed: Option<usize>,
    /// Whether the way to the first failure is told.
    is_traced: bool,
}

/// Which calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// None.
    None,
    /// That of this number alone.
    Once(u64),
    /// That of this number and all after it.
    From(u64),
}

impl State {
    const NEW: State = State { used: 0, peak: 0, calls: 0, plan: Plan::None, failed: None, is_traced: false };
}

/// Counts a call for `len` bytes; whether it is to fail.
fn asked(len: usize) -> bool {
    STATE.with(|cell| {
        let mut state = cell.get();
        let number = state.calls;
        state.calls += 1;
        let fails = match state.plan {
            Plan::None => false,
            Plan::Once(at) => number == at,
            Plan::From(at) => number >= at,
        };
        let is_first = fails && state.failed.is_none();
        if is_first {
            state.failed = Some(len);
        }
        cell.set(state);
        if is_first && state.is_traced {
            trace(len);
        }
        fails
    })
}

/// Tells how the call that is to fail came about. What that takes does not fail.
#[cold]
fn trace(len: usize) {
    let kept = STATE.with(|cell| cell.replace(State::NEW));
    eprintln!("no {len} bytes:\n{}", std::backtrace::Backtrace::force_capture());
    STATE.with(|cell| cell.set(kept));
}

/// From now on the way to the first failure goes to standard error.
pub fn trace_failures() {
    STATE.with(|cell| cell.set(State { is_traced: true, ..cell.get() }));
}

fn changed(by: isize) {
    STATE.with(|cell| {
        let mut state = cell.get();
        state.used += by;
        state.peak = state.peak.max(state.used);
        cell.set(state);
    });
}

// SAFETY: each call goes to the system's allocator with the caller's own arguments, or answers null, which
// an allocator may; the counting allocates nothing, a constant thread-local of a plain type being no memory.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if asked(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        let at = unsafe { System.alloc(layout) };
        if !at.is_null() {
            changed(layout.size() as isize);
        }
        at
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if asked(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        let at = unsafe { System.alloc_zeroed(layout) };
        if !at.is_null() {
            changed(layout.size() as isize);
        }
        at
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        if asked(len) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        let at = unsafe { System.realloc(at, layout, len) };
        if !at.is_null() {
            // While it is moved both are there.
            changed(len as isize);
            changed(-(layout.size() as isize));
        }
        at
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        changed(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

/// What `work` took at most beyond what there was before, in bytes.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let start = STATE.with(|cell| {
        let state = cell.get();
        cell.set(State { peak: state.used, ..state });
        state.used
    });
    let result = work();
    let peak = STATE.with(|cell| cell.get().peak);
    (result, (peak - start).max(0) as usize)
}

/// Bytes that the thread has taken and not given back.
pub fn used() -> isize {
    STATE.with(|cell| cell.get().used)
}

/// What was asked for while a plan held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How many times.
    pub calls: u64,
    /// The length of the first that failed.
    pub failed: Option<usize>,
}

/// Does `work` while memory fails by `plan`.
pub fn failing<T>(plan: Plan, work: impl FnOnce() -> T) -> (T, Asked) {
    STATE.with(|cell| cell.set(State { calls: 0, plan, failed: None, ..cell.get() }));
    let result = work();
    let state = STATE.with(|cell| {
        let state = cell.get();
        cell.set(State { plan: Plan::None, ..state });
        state
    });
    (result, Asked { calls: state.calls, failed: state.failed })
}

/// Does `work` while nothing fails, within what does.
pub fn not_failing<T>(work: impl FnOnce() -> T) -> T {
    let plan = STATE.with(|cell| {
        let state = cell.get();
        cell.set(State { plan: Plan::None, ..state });
        state.plan
    });
    let calls = STATE.with(|cell| cell.get().calls);
    let result = work();
    STATE.with(|cell| cell.set(State { plan, calls, ..cell.get() }));
    result
}
