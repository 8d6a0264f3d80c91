//! Files that once went wrong, each with the number from which chance began: `NAME-NUMBER.db`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::path::{Path, PathBuf};

use hostile::bases::base;
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
        let mut first = None;
        for way in Way::ALL {
            let seen = exercise(&bytes, number, way, directory.path());
            let seen = seen.unwrap_or_else(|violation| panic!("{name}, {way:?}: {violation}"));
            let found = (seen.opened, seen.errors, seen.warning_count);
            let expected = first.get_or_insert_with(|| found.clone());
            assert!(found == *expected, "{name}, {way:?}: the checker says other things than in memory");
        }
    }
}

#[test]
fn a_sound_file_is_written_to_in_each_way() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = base("tiny").unwrap().bytes;
    for way in Way::ALL {
        for number in 0..20 {
            let seen = exercise(&bytes, number, way, directory.path()).unwrap();
            assert!(seen.opened && seen.errors.is_empty() && seen.warning_count == 0, "{way:?}: {seen:?}");
            assert!(seen.commit_count >= 2, "{way:?}: {seen:?}");
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
