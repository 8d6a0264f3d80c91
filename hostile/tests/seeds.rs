//! Files that once went wrong, each with the number from which chance began: `NAME-NUMBER.db`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::path::{Path, PathBuf};

use hostile::exercise::{Way, exercise};
use hostile::fuzzing;
use hostile::memory::Counted;

#[global_allocator]
static MEMORY: Counted = Counted;

fn seeds(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut seeds: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    seeds
}

#[test]
fn what_once_went_wrong_gives_results_and_errors() {
    let directory = tempfile::tempdir().unwrap();
    let seeds = seeds("seeds");
    assert!(seeds.len() >= 3, "only {seeds:?}");
    for path in seeds {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let number: u64 = name.rsplit('-').next().unwrap().parse().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for way in Way::ALL {
            let seen = exercise(&bytes, number, way, directory.path());
            assert!(seen.is_ok(), "{name}, {way:?}: {seen:?}");
        }
    }
}

#[test]
fn what_the_fuzzers_keep_gives_results_and_errors() {
    for (name, target) in fuzzing::TARGETS {
        let seeds = seeds(&format!("../fuzz/seeds/{name}"));
        assert!(!seeds.is_empty(), "{name}");
        for path in seeds {
            target(&std::fs::read(&path).unwrap());
        }
    }
}
