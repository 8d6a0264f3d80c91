//! Under bbolt's rules the same changes give Go's bytes, from byte 0 to the high water, after each commit.
//!
//! Go repeats its own bytes only where it has one order to visit nodes in: puts in one bucket, and deletes
//! there of which at most one a transaction makes it merge pages, the two profiles of the oracle; and chains
//! of nested buckets that lose at most one entry a transaction.
//!
//! A failure tells which pages differ, and of the first ones where.

use std::fmt::Write as _;
use std::path::Path;

use bolt::format::NO_FREELIST;
use bolt::format::bytes::{u16_at, u32_at, u64_at};
use bolt::format::meta::Meta;
use bolt::{FreelistMode, Options};

use crate::content::{self, options};
use crate::metas::{PAGE_SIZES, metas, newest};
use crate::oracle::Oracle;
use crate::script::{Machine, Op, Script};
use crate::{mixed, seeds};

const PAGE_HEADER_LEN: usize = 16;
const ELEMENT_LEN: usize = 16;

/// A script by a profile of the oracle.
fn by_profile(oracle: &mut Oracle, profile: &str, page_size: u32, seed: u64) -> Vec<String> {
    // Larger pages need more keys before anything is cut; now and then a tree shall have a third level.
    let ops = if seed % 8 == 0 { 3000 } else { 300 + u64::from(page_size / 32) };
    oracle.workload(seed, ops, profile, page_size)
}

fn compare(profile: &str, page_size: u32, count: u64) {
    let mut oracle = Oracle::start();
    let mut merge_count = 0;
    for seed in seeds(1, count) {
        let lines = by_profile(&mut oracle, profile, page_size, seed);
        let merges = lines.last().and_then(|line| line.strip_prefix("# merges "));
        merge_count += merges.map_or(0, |merges| merges.parse::<u64>().unwrap());
        let what = format!("{profile}, seed {seed}, page size {page_size}");
        compare_script(&mut oracle, Script::parse(lines), page_size, &what);
    }
    assert_eq!(profile == "deletes", merge_count > 0, "{merge_count} merges");
}

/// Runs a script on both sides and compares the bytes after each commit.
fn compare_script(oracle: &mut Oracle, script: Script, page_size: u32, what: &str) {
    compare_from(oracle, None, script, page_size, what);
}

/// The same on copies of the file `start`.
fn compare_from(oracle: &mut Oracle, start: Option<&Path>, script: Script, page_size: u32, what: &str) {
    let snapshots = oracle.snapshots_from(start, script.text_from(0));
    let path = oracle.path("rules.db");
    if let Some(start) = start {
        std::fs::copy(start, &path).unwrap();
    }
    let rules = Options { page_size, bbolt_rules: true, ..options(FreelistMode::EachCommit) };
    let mut machine = Machine::open(&path, rules);
    let mut commit_count = 0;
    let assert_bytes = |commit_count: usize| {
        let what = format!("{what}, commit {commit_count}");
        assert_bytes(&path, &snapshots.path(commit_count), page_size as usize, &what);
    };
    assert_bytes(0);
    for line in &script.lines {
        machine.run(line);
        if matches!(line.op, Op::Commit) {
            commit_count += 1;
            assert_bytes(commit_count);
        }
    }
    assert_eq!(commit_count, snapshots.commit_count);
    machine.close();
    assert_bytes(commit_count);
    std::fs::remove_file(&path).unwrap();
}

/// Panics with a description of the first page that differs from Go's.
fn assert_bytes(ours: &Path, gos: &Path, page_size: usize, what: &str) {
    let ours = std::fs::read(ours).unwrap();
    let gos = std::fs::read(gos).unwrap();
    let (_, our_meta) = newest(&ours, page_size);
    if our_meta.high_water as usize * page_size == gos.len() && ours.starts_with(&gos) {
        return;
    }
    panic!("{what}:\n{}", difference(&ours, &gos, page_size));
}

/// What differs: the metas, the lists of free pages, which pages, and the first of them in detail.
fn difference(ours: &[u8], gos: &[u8], page_size: usize) -> String {
    let mut text = String::new();
    for (side, bytes) in [("here", ours), ("Go's", gos)] {
        let (slot, meta) = newest(bytes, page_size);
        let _ = writeln!(text, "{side}: meta {slot} {meta:?}\n      free {:?}", free_ids(bytes, &meta));
    }
    let page = |bytes: &[u8], id: usize| bytes.get(id * page_size..(id + 1) * page_size).map(<[u8]>::to_vec);
    let differing: Vec<usize> =
        (0..gos.len() / page_size).filter(|&id| page(ours, id) != page(gos, id)).collect();
    let _ = writeln!(text, "differing pages: {differing:?}");
    for &id in differing.iter().filter(|&&id| id >= 2).take(3) {
        let _ = writeln!(text, "page {id} here: {}", describe(&ours[id * page_size..]));
        let _ = writeln!(text, "page {id} Go's: {}", describe(&gos[id * page_size..]));
        let _ = writeln!(
            text,
            "{}",
            first_difference(&ours[id * page_size..], &gos[id * page_size..], page_size)
        );
    }
    text
}

fn free_ids(bytes: &[u8], meta: &Meta) -> Option<Vec<u64>> {
    let page = bytes.get(meta.freelist.checked_mul(u64::from(meta.page_size))? as usize..)?;
    let count = u16_at(page, 10)?;
    (0..usize::from(count)).map(|index| u64_at(page, PAGE_HEADER_LEN + 8 * index)).collect()
}

/// The header of a page.
fn describe(page: &[u8]) -> String {
    let kind = match u16_at(page, 8).unwrap() {
        0x01 => "branch",
        0x02 => "leaf",
        0x10 => "freelist",
        _ => "no head of a run",
    };
    let (id, count, overflow) =
        (u64_at(page, 0).unwrap(), u16_at(page, 10).unwrap(), u32_at(page, 12).unwrap());
    format!("{kind}, id {id}, {count} elements, {overflow} overflow pages")
}

/// The first element in which two pages differ, or the first byte.
fn first_difference(ours: &[u8], gos: &[u8], page_size: usize) -> String {
    let is_leaf = u16_at(gos, 8) == Some(0x02);
    let at = ours.iter().zip(&gos[..page_size]).take_while(|(ours, gos)| ours == gos).count();
    let count = |page: &[u8]| usize::from(u16_at(page, 10).unwrap());
    let different = (0..count(ours).min(count(gos)))
        .find(|&index| element(ours, index, is_leaf) != element(gos, index, is_leaf));
    match different {
        Some(index) => format!(
            "first in byte {at}, in element {index}:\n  here {}\n  Go's {}",
            element(ours, index, is_leaf),
            element(gos, index, is_leaf)
        ),
        None => format!("first in byte {at}; the elements that both have are equal"),
    }
}

/// An element of a leaf or a branch, as text. Nothing is taken for granted: a page may hold anything.
fn element(page: &[u8], index: usize, is_leaf: bool) -> String {
    let start = PAGE_HEADER_LEN + ELEMENT_LEN * index;
    let word = |offset: usize| u32_at(page, start + offset).unwrap_or(0) as usize;
    let (pos, key_len, rest) = if is_leaf {
        (word(4), word(8), format!("flags {}, value of {} bytes", word(0), word(12)))
    } else {
        (word(0), word(4), format!("child {}", u64_at(page, start + 8).unwrap_or(0)))
    };
    let key =
        page.get(start + pos..start + pos + key_len).map_or("out of bounds".to_string(), crate::common::hex);
    format!("at {pos}, key {key:.60} of {key_len} bytes, {rest}")
}

/// Scripts of one chain of nested buckets, in which a transaction takes out at most one entry of one bucket:
/// there is one order in which Go can visit what changed.
struct Chain {
    seed: u64,
    draws: u64,
    page_size: u64,
    lines: Vec<String>,
    /// The paths of the buckets of the chain, and the keys that each holds.
    buckets: Vec<(String, Vec<String>)>,
}

impl Chain {
    fn script(seed: u64, page_size: u32, transactions: usize) -> Vec<String> {
        let mut chain =
            Chain { seed, draws: 0, page_size: u64::from(page_size), lines: Vec::new(), buckets: Vec::new() };
        chain.lines.push(format!("open pagesize={page_size} freelist=array nosync=1"));
        chain.buckets.push((".".to_string(), Vec::new()));
        for _ in 0..transactions {
            chain.transaction();
        }
        chain.lines
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.draws += 1;
        mixed(self.seed, self.draws) % below
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.draw(100) < percent
    }

    fn transaction(&mut self) {
        let before = self.buckets.clone();
        self.lines.push("begin".to_string());
        if self.buckets.len() < 4 && self.chance(40) {
            self.create();
        }
        for _ in 0..self.draw(3) {
            self.change_one();
        }
        if self.chance(50) {
            self.take_out_one();
        }
        if self.chance(6) {
            self.lines.push("rollback".to_string());
            self.buckets = before;
        } else {
            self.lines.push("commit".to_string());
        }
        if self.chance(5) {
            self.lines.push("reopen".to_string());
        }
    }

    fn create(&mut self) {
        let (parent, _) = self.buckets.last().unwrap();
        let name = format!("{:02x}627563", 0x10 * self.buckets.len());
        let path = if parent == "." { name } else { format!("{parent}/{name}") };
        self.lines.push(format!("create {path}"));
        self.buckets.push((path, Vec::new()));
    }

    /// Puts into one bucket of the chain, few keys into the root bucket; sets its sequence, its fill percent.
    fn change_one(&mut self) {
        let place = self.draw(self.buckets.len() as u64) as usize;
        let path = self.buckets[place].0.clone();
        if self.chance(12) {
            let percent = ["0.1", "0.3", "0.5", "0.9", "1.0"][self.draw(5) as usize];
            self.lines.push(format!("fill {path} {percent}"));
        }
        for _ in 0..self.draw(if place == 0 { 3 } else { 14 }) {
            let key = format!("80{:0width$x}", self.draw(1 << 20), width = 2 * (3 + self.draw(12) as usize));
            let len = match self.draw(30) {
                0 => self.draw(3 * self.page_size),
                1..4 => self.draw(self.page_size / 3),
                _ => self.draw(60),
            };
            self.lines.push(format!("putlen {path} {key} {len} 5a"));
            self.buckets[place].1.retain(|known| *known != key);
            self.buckets[place].1.push(key);
        }
        if place > 0 && self.chance(10) {
            let sequence = self.draw(1 << 40);
            self.lines.push(if sequence % 2 == 0 {
                format!("seq {path} {sequence}")
            } else {
                format!("nextseq {path}")
            });
        }
    }

    /// Deletes a key, old or new, or one that is not there, or the innermost bucket.
    fn take_out_one(&mut self) {
        let place = self.draw(self.buckets.len() as u64) as usize;
        let (path, keys) = self.buckets[place].clone();
        if place + 1 == self.buckets.len() && place > 0 && self.chance(8) {
            self.lines.push(format!("drop {path}"));
            self.buckets.pop();
        } else if keys.is_empty() || self.chance(10) {
            let missing = self.draw(1 << 20);
            self.lines.push(format!("del {path} 81{missing:06x}"));
        } else {
            // Neighbours, so that leaves become small and merge.
            let start = if self.chance(70) { 0 } else { self.draw(keys.len() as u64) as usize };
            let key = keys.iter().skip(start).min().unwrap();
            self.lines.push(format!("del {path} {key}"));
            self.buckets[place].1.retain(|known| known != key);
        }
    }
}

#[test]
fn chains_of_buckets_give_gos_bytes() {
    let mut oracle = Oracle::start();
    for seed in seeds(1, 120) {
        let page_size = [1024, 1024, 2048, 4096][seed as usize % 4];
        let lines = Chain::script(seed, page_size, if seed % 10 == 0 { 300 } else { 60 });
        let what = format!("chain, seed {seed}, page size {page_size}");
        compare_script(&mut oracle, Script::parse(lines), page_size, &what);
    }
}

#[test]
fn buckets_at_the_limit_of_inline_ones_give_gos_bytes() {
    let mut oracle = Oracle::start();
    for (page_size, key_count) in PAGE_SIZES.into_iter().flat_map(|size| [1, 2, 5].map(|keys| (size, keys))) {
        // The bucket's leaf is a quarter of a page, then a byte more, and comes back.
        let rest = page_size / 4 - 16 - key_count * (16 + 2);
        let mut script: Vec<String> = vec![format!("open pagesize={page_size} nosync=1")];
        script.extend(["begin", "create 62", "commit"].map(String::from));
        for more in [0, 1, 0, 2, 0] {
            script.push("begin".to_string());
            for key in 0..key_count {
                let len = if key == 0 { rest - (key_count - 1) * 7 + more } else { 7 };
                script.push(format!("putlen 62 6b{key:02x} {len} 5a"));
            }
            script.push("commit".to_string());
        }
        let what = format!("{key_count} keys, page size {page_size}");
        compare_script(&mut oracle, Script::parse(script), page_size, &what);
    }
}

/// Where nothing is left, the order in which Go visits what changed leaves no trace.
#[test]
fn a_bucket_emptied_in_one_transaction_gives_gos_bytes() {
    let mut oracle = Oracle::start();
    for (page_size, key_count) in
        PAGE_SIZES.into_iter().flat_map(|size| [1, 60, 900].map(|keys| (size, keys)))
    {
        let mut script: Vec<String> = vec![format!("open pagesize={page_size} nosync=1")];
        script.extend(["begin", "create 62"].map(String::from));
        script.extend((0..key_count).map(|key| format!("putlen 62 {key:04x} {} 5a", page_size / 20)));
        script.extend(["commit", "begin"].map(String::from));
        script.extend((0..key_count).map(|key| format!("del 62 {key:04x}")));
        script.extend(["commit", "begin", "put 62 01 02", "commit"].map(String::from));
        let what = format!("{key_count} keys, page size {page_size}");
        compare_script(&mut oracle, Script::parse(script), page_size, &what);
    }
}

#[test]
fn a_change_of_a_file_of_gos_gives_gos_bytes() {
    let mut oracle = Oracle::start();
    let mut compared = 0;
    for kind in oracle.lines(&["kinds"]) {
        // A page size that is refused, and metas in each other's place, which are put right here.
        if kind == "pagesize-3000" || kind == "metas-swapped" {
            continue;
        }
        let path = oracle.make(&kind, 7);
        let mut bytes = std::fs::read(&path).unwrap();
        let (_, Meta { page_size, freelist, .. }) = newest_of_any(&bytes);
        // What lies behind the metas means nothing, and a commit clears it.
        for slot in 0..2 {
            bytes[slot * page_size as usize + 80..(slot + 1) * page_size as usize].fill(0x77);
        }
        std::fs::write(&path, &bytes).unwrap();
        // Go gives a file without a list one as it opens it.
        let changes =
            if freelist == NO_FREELIST { Vec::new() } else { content::single_changes(&oracle.dump(&path)) };
        for change in changes {
            let what = format!("{kind}: {}", change.join("; "));
            compare_from(&mut oracle, Some(&path), Script::parse(change), page_size, &what);
            compared += 1;
        }
        std::fs::remove_file(&path).unwrap();
    }
    assert!(compared > 80, "only {compared} scripts were compared");
}

/// The newest meta of a file of any page size.
fn newest_of_any(bytes: &[u8]) -> (usize, Meta) {
    let is_its = |&&page_size: &&u32| {
        let metas = metas(bytes, page_size as usize);
        metas.into_iter().flatten().any(|meta| meta.page_size == page_size)
    };
    newest(
        bytes,
        *PAGE_SIZES.iter().filter(|size| bytes.len() >= 2 * **size as usize).find(is_its).unwrap() as usize,
    )
}

macro_rules! identical {
    ($($name:ident: $profile:literal, $page_size:literal, $count:literal;)*) => {$(
        #[test]
        fn $name() {
            compare($profile, $page_size, $count);
        }
    )*};
}

identical! {
    puts_give_gos_bytes_with_pages_of_1024: "puts", 1024, 60;
    puts_give_gos_bytes_with_pages_of_2048: "puts", 2048, 40;
    puts_give_gos_bytes_with_pages_of_4096: "puts", 4096, 40;
    puts_give_gos_bytes_with_pages_of_8192: "puts", 8192, 12;
    puts_give_gos_bytes_with_pages_of_16384: "puts", 16384, 8;
    puts_give_gos_bytes_with_pages_of_65536: "puts", 65536, 3;
    deletes_give_gos_bytes_with_pages_of_1024: "deletes", 1024, 40;
    deletes_give_gos_bytes_with_pages_of_2048: "deletes", 2048, 30;
    deletes_give_gos_bytes_with_pages_of_4096: "deletes", 4096, 30;
    deletes_give_gos_bytes_with_pages_of_8192: "deletes", 8192, 12;
    deletes_give_gos_bytes_with_pages_of_32768: "deletes", 32768, 4;
}
