//! Files that once went wrong, each with the number from which chance began: `NAME-NUMBER.db`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::path::{Path, PathBuf};

use hostile::exercise::{Way, exercise};
use hostile::memory::Counted;

#[global_allocator]
static MEMORY: Counted = Counted;

fn seeds() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut seeds: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    seeds
}

#[test]
fn what_once_went_wrong_gives_results_and_errors() {
    let directory = tempfile::tempdir().unwrap();
    let seeds = seeds();
    assert!(seeds.len() >= 3, "only {seeds:?}");
    for path in seeds {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let number: u64 = name.rsplit('-').next().unwrap().parse().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for way in [Way::Memory, Way::File] {
            let seen = exercise(&bytes, number, way, directory.path());
            assert!(seen.is_ok(), "{name}, {way:?}: {seen:?}");
        }
    }
}
