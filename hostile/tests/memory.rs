//! The allocator of the harness has teeth: it counts, and it fails where it is told to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use hostile::memory::{Counted, Plan, failing, peak_of, used};

#[global_allocator]
static MEMORY: Counted = Counted;

fn reserved(count: usize) -> usize {
    let mut got = Vec::new();
    let all: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let mut bytes = Vec::new();
            if bytes.try_reserve_exact(1000).is_ok() {
                got.push(());
            }
            bytes
        })
        .collect();
    drop(all);
    got.len()
}

#[test]
fn one_call_fails_or_all_from_one_on() {
    // The first call is for the table of all.
    assert_eq!(failing(Plan::None, || reserved(5)).0, 5);
    let (got, asked) = failing(Plan::Once(3), || reserved(5));
    assert_eq!((got, asked.failed), (4, Some(1000)));
    let (got, asked) = failing(Plan::From(3), || reserved(5));
    assert_eq!((got, asked.failed), (2, Some(1000)));
    let (got, asked) = failing(Plan::Once(100), || reserved(5));
    assert_eq!((got, asked.failed), (5, None));
}

#[test]
fn the_peak_is_what_was_there_at_once() {
    let before = used();
    let (kept, peak) = peak_of(|| {
        drop(vec![0u8; 100_000]);
        vec![0u8; 1000]
    });
    assert!((100_000..101_000).contains(&peak), "{peak}");
    assert_eq!(used() - before, 1000);
    drop(kept);
    assert_eq!(used(), before);
}
