//! Damaged metas, one at a time, and metas in each other's place.

use std::path::Path;

use bolt::Options;
use bolt::format::meta::Meta;

use crate::content::{self, MODES, assert_same, options, read_only};
use crate::oracle::Oracle;
use crate::script::{Machine, Op, Script};
use crate::{mixed, seeds};

/// Where the struct of a meta stands in its page, and how long it is.
const META_OFFSET: usize = 16;
const META_STRUCT_LEN: usize = 64;

/// Every page size.
pub const PAGE_SIZES: [u32; 7] = [1024, 2048, 4096, 8192, 16384, 32768, 65536];

/// The metas of a file, first slot first.
pub fn metas(bytes: &[u8], page_size: usize) -> [Option<Meta>; 2] {
    [0, page_size].map(|offset| Meta::decode(&bytes[offset..]).ok())
}

/// The slot of the newest meta, and the meta.
pub fn newest(bytes: &[u8], page_size: usize) -> (usize, Meta) {
    let [first, second] = metas(bytes, page_size);
    match (first, second) {
        (Some(first), Some(second)) if second.txid > first.txid => (1, second),
        (Some(first), _) => (0, first),
        (None, Some(second)) => (1, second),
        (None, None) => panic!("no meta is sound"),
    }
}

/// Panics unless the file reads here and in Go as `expected`, and changes made here suit Go.
fn assert_usable(oracle: &mut Oracle, path: &Path, expected: &[String], what: &str, salt: u64) {
    oracle.assert_sound(path, what);
    assert_same(what, &oracle.dump(path), expected);
    assert_same(what, &content::read(path, &read_only()), expected);
    let changes = Script::parse(content::changes(expected));
    let gos = oracle.path("go.db");
    std::fs::copy(path, &gos).unwrap();
    oracle.apply(&gos, changes.text_from(0));
    let bbolt_rules = mixed(salt, 1) % 5 == 0;
    Machine::run_all(path, Options { bbolt_rules, ..options(MODES[salt as usize % 4]) }, &changes);
    oracle.assert_sound(path, what);
    let after = oracle.dump(path);
    assert_same(what, &after, &oracle.dump(&gos));
    assert_same(what, &content::read(path, &read_only()), &after);
}

/// A file with some history, by either side, and the contents that its two metas stand for.
struct History {
    bytes: Vec<u8>,
    page_size: usize,
    last: Vec<String>,
    before: Vec<String>,
}

impl History {
    fn write(oracle: &mut Oracle, page_size: u32, seed: u64, by_go: bool) -> History {
        let script = Script::parse(oracle.workload(seed, 150, "mixed", page_size));
        let snapshots = oracle.snapshots(script.text_from(0));
        let (bytes, mut contents) = if by_go {
            let numbers = 0..=snapshots.commit_count;
            let contents = numbers.map(|number| state(oracle, &snapshots.path(number))).collect();
            (std::fs::read(snapshots.last()).unwrap(), contents)
        } else {
            History::write_here(oracle, &script, page_size, seed)
        };
        // A new file begins with two metas, of transactions 0 and 1, both of nothing.
        contents.extend([(0, Vec::new()), (1, Vec::new())]);
        let [first, second] = metas(&bytes, page_size as usize).map(|meta| {
            let txid = meta.unwrap().txid;
            let known = contents.get(&txid).cloned();
            known.unwrap_or_else(|| {
                panic!("transaction {txid} of seed {seed}, page size {page_size}, by Go: {by_go}")
            })
        });
        let (slot, _) = newest(&bytes, page_size as usize);
        let (last, before) = if slot == 0 { (first, second) } else { (second, first) };
        History { bytes, page_size: page_size as usize, last, before }
    }

    /// The file and the content of each transaction, in Go's eyes.
    fn write_here(oracle: &mut Oracle, script: &Script, page_size: u32, seed: u64) -> (Vec<u8>, Contents) {
        let path = oracle.path("history.db");
        let copy = oracle.path("history-copy.db");
        let _ = std::fs::remove_file(&path);
        let mut machine = Machine::open(&path, Options { page_size, ..options(MODES[seed as usize % 4]) });
        let mut contents = Contents::new();
        let mut bytes = std::fs::read(&path).unwrap();
        for line in &script.lines {
            machine.run(line);
            if matches!(line.op, Op::Commit | Op::Reopen) {
                bytes = std::fs::read(&path).unwrap();
                std::fs::write(&copy, &bytes).unwrap();
                contents.extend([state(oracle, &copy)]);
            }
        }
        machine.close();
        (bytes, contents)
    }
}

/// Contents by transaction.
type Contents = std::collections::HashMap<u64, Vec<String>>;

/// The newest transaction of a file, and its content in Go's eyes.
fn state(oracle: &mut Oracle, path: &Path) -> (u64, Vec<String>) {
    let info = oracle.lines(&["info", path.to_str().unwrap()]);
    let txid = info.iter().find_map(|line| line.strip_prefix("txid ")).unwrap();
    (txid.parse().unwrap(), oracle.dump(path))
}

#[test]
fn a_damaged_meta_gives_way_to_the_other() {
    let mut oracle = Oracle::start();
    for seed in seeds(1, 2) {
        for (page_size, by_go) in PAGE_SIZES.into_iter().flat_map(|size| [(size, true), (size, false)]) {
            let History { bytes, page_size, last, before } =
                History::write(&mut oracle, page_size, seed, by_go);
            let (newest, _) = newest(&bytes, page_size);
            for salt in 0..6 {
                let slot = salt as usize % 2;
                let at = (mixed(seed, salt) % META_STRUCT_LEN as u64) as usize;
                let what =
                    format!("seed {seed}, page size {page_size}, by Go: {by_go}, byte {at} of meta {slot}");
                let mut damaged = bytes.clone();
                damaged[slot * page_size + META_OFFSET + at] ^= 1 << (mixed(seed, salt + 9) % 8);
                let path = oracle.path("damaged.db");
                std::fs::write(&path, &damaged).unwrap();
                let expected = if slot == newest { &before } else { &last };
                assert_usable(&mut oracle, &path, expected, &what, salt);
            }
        }
    }
}

#[test]
fn a_meta_page_that_was_lost_whole_gives_way_to_the_other() {
    let mut oracle = Oracle::start();
    for page_size in PAGE_SIZES {
        let by_go = page_size % 4096 == 0;
        let History { bytes, page_size, last, before } = History::write(&mut oracle, page_size, 3, by_go);
        let (newest, _) = newest(&bytes, page_size);
        for slot in 0..2 {
            for fill in [0x00, 0xff] {
                let mut damaged = bytes.clone();
                damaged[slot * page_size + META_OFFSET..(slot + 1) * page_size].fill(fill);
                let path = oracle.path("damaged.db");
                std::fs::write(&path, &damaged).unwrap();
                let expected = if slot == newest { &before } else { &last };
                let what = format!("page size {page_size}, meta {slot} filled with {fill:#x}");
                assert_usable(&mut oracle, &path, expected, &what, slot as u64);
            }
        }
    }
}

/// Writes the metas anew: each slot gets the meta that `choose` gives it.
fn with_metas(bytes: &[u8], page_size: usize, choose: impl Fn([Meta; 2]) -> [Meta; 2]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let chosen = choose(metas(bytes, page_size).map(Option::unwrap));
    for (slot, meta) in chosen.into_iter().enumerate() {
        let encoded = meta.encode(slot as u64);
        changed[slot * page_size..slot * page_size + encoded.len()].copy_from_slice(&encoded);
    }
    changed
}

#[test]
fn metas_whose_ids_do_not_fit_their_pages_are_read_and_written() {
    let mut oracle = Oracle::start();
    for page_size in PAGE_SIZES {
        let History { bytes, page_size, last, .. } = History::write(&mut oracle, page_size, 4, true);
        let (slot, meta) = newest(&bytes, page_size);
        let swapped = with_metas(&bytes, page_size, |[first, second]| [second, first]);
        let mut alone = swapped.clone();
        alone[slot * page_size + META_OFFSET] ^= 1;
        let twice = with_metas(&bytes, page_size, |_| [meta, meta]);
        let two_ahead = with_metas(&bytes, page_size, |mut metas| {
            metas[1 - slot] = Meta { txid: meta.txid + 2, ..meta };
            metas
        });
        let files = [
            ("swapped", swapped),
            ("swapped and one damaged", alone),
            ("twice the same", twice),
            ("two ahead", two_ahead),
        ];
        for (salt, (name, file)) in files.iter().enumerate() {
            let path = oracle.path("metas.db");
            std::fs::write(&path, file).unwrap();
            assert_usable(&mut oracle, &path, &last, &format!("page size {page_size}, {name}"), salt as u64);
        }
    }
}

#[test]
fn the_meta_before_is_sound_after_every_commit() {
    let mut oracle = Oracle::start();
    for seed in seeds(1, 14) {
        let page_size = PAGE_SIZES[seed as usize % 7];
        let script = Script::parse(oracle.workload(seed, 120, "mixed", page_size));
        let path = oracle.path(&format!("older-{seed}.db"));
        let mut machine = Machine::open(&path, Options { page_size, ..options(MODES[seed as usize % 4]) });
        let mut before = (1, Vec::new());
        for line in &script.lines {
            machine.run(line);
            if !matches!(line.op, Op::Commit) {
                continue;
            }
            let mut bytes = std::fs::read(&path).unwrap();
            let (slot, meta) = newest(&bytes, page_size as usize);
            let now = (meta.txid, content::content(machine.db()));
            let older = metas(&bytes, page_size as usize)[1 - slot].unwrap();
            if now.0 == before.0 + 1 && older.txid == before.0 {
                bytes[slot * page_size as usize + META_OFFSET] ^= 1;
                let copy = oracle.path("older.db");
                std::fs::write(&copy, &bytes).unwrap();
                let what = format!("seed {seed}, the state before transaction {}", now.0);
                oracle.assert_sound(&copy, &what);
                assert_same(&what, &content::read(&copy, &read_only()), &before.1);
                assert_same(&what, &oracle.dump(&copy), &before.1);
            }
            before = now;
        }
        machine.close();
    }
}

/// Writes `meta` into the slot of the newest meta.
fn with_newest(bytes: &[u8], page_size: usize, change: impl Fn(Meta) -> Meta) -> Vec<u8> {
    let (slot, meta) = newest(bytes, page_size);
    with_metas(bytes, page_size, |mut metas| {
        metas[slot] = change(meta);
        metas
    })
}

#[test]
fn flags_and_the_root_buckets_sequence_are_carried_on_by_both_sides() {
    let mut oracle = Oracle::start();
    for (mode, bbolt_rules) in [(MODES[0], false), (MODES[2], false), (MODES[1], true)] {
        let History { bytes, page_size, .. } = History::write(&mut oracle, 4096, 6, true);
        let path = oracle.path("carried.db");
        let bytes = with_newest(&bytes, page_size, |meta| Meta { flags: 4, sequence: 1 << 40, ..meta });
        std::fs::write(&path, bytes).unwrap();
        for turn in 0..3 {
            let script =
                ["open nosync=1", "begin", &format!("create 7e{turn:02x}"), "commit"].map(String::from);
            let script = Script::parse(script.to_vec());
            if turn == 1 {
                oracle.apply(&path, script.text_from(0));
            } else {
                Machine::run_all(&path, Options { bbolt_rules, ..options(mode) }, &script);
            }
            oracle.assert_sound(&path, "carried");
            let (_, meta) = newest(&std::fs::read(&path).unwrap(), page_size);
            assert_eq!((meta.flags, meta.sequence), (4, 1 << 40), "turn {turn}, {mode:?}");
        }
    }
}

#[test]
fn what_lies_behind_the_high_water_means_nothing() {
    let mut oracle = Oracle::start();
    for (salt, page_size) in PAGE_SIZES.into_iter().enumerate() {
        let History { mut bytes, page_size, last, .. } = History::write(&mut oracle, page_size, 8, true);
        let (_, meta) = newest(&bytes, page_size);
        assert_eq!(bytes.len() as u64, meta.high_water * page_size as u64);
        let path = oracle.path("longer.db");
        for tail in [0, 1, 777, page_size, 40 * page_size + 5] {
            bytes.resize(bytes.len() + tail, 0xee);
            std::fs::write(&path, &bytes).unwrap();
            let what = format!("page size {page_size}, {tail} bytes more");
            assert_usable(&mut oracle, &path, &last, &what, (salt + tail) as u64);
        }
    }
}
