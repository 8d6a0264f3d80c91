//! Go's bbolt as the oracle: what it writes is read here; what is written here it reads, and finds sound.
//!
//! The oracle is the Go program of `interop/` (`interop/PROTOCOL.txt` says what it can be asked). It is built
//! once for a run, from Debian's packages, which `interop/build.sh` installs where they are missing; each
//! test talks to a server process of its own.
//!
//! ```text
//! cargo test --test interop                          what CI runs
//! BOLT_INTEROP_SEEDS=500 cargo test --test interop   500 random workloads in each test that runs such
//! BOLT_INTEROP_FIRST=7 BOLT_INTEROP_SEEDS=1 ..       the one with seed 7: a failure names its seed
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `oracle` | the server process, and what is asked of it |
//! | `script` | the language of the workloads, and its execution here |
//! | `content` | the logical content: comparing it, and making changes that fit it |
//! | `feature_files` | files by Go with every feature of the format: read, and written, here |
//! | `workloads` | random workloads here, each commit judged by Go; files that go back and forth |
//! | `byte_identity` | under bbolt's rules the same changes give Go's bytes |
//! | `statistics` | a bucket's statistics are Go's |
//! | `mixtures` | moves, deletions, savepoints and ranges, each commit judged by Go |
//! | `metas` | damaged metas, metas in each other's place |
//! | `locks` | Go and libbolt keep each other out |
//! | `contention` | processes of both write to one file in turns |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/model/mod.rs"]
mod model;

mod byte_identity;
mod content;
mod contention;
mod feature_files;
mod locks;
mod metas;
mod mixtures;
mod oracle;
mod script;
mod statistics;
mod workloads;

/// The seeds to run: `count` from `first` on, unless the environment says otherwise.
fn seeds(first: u64, count: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("BOLT_INTEROP_FIRST").unwrap_or(first);
    first..first + number("BOLT_INTEROP_SEEDS").unwrap_or(count)
}

/// A number that `seed` and `salt` alone decide and that looks random (the finalizer of splitmix64).
fn mixed(seed: u64, salt: u64) -> u64 {
    let mut z =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
