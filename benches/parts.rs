//! The parts that calls are made of, one at a time: for whoever changes one of them.
//!
//! `cargo bench --bench parts [NAME]`. What is public of a part is called itself; where a part lies within, the
//! workload goes through the database and consists of little else: the name says of what.
#![allow(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]
#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use bolt::format::builder::PageBuilder;
use bolt::format::page::{Kind, Page};
use bolt::freelist::{Freelist, Run};
use bolt::{BucketId, Db, Options, ROOT, Txn, Wait};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const PAGE_LEN: usize = 4096;
const KEY_LEN: usize = 16;
const VALUE_LEN: usize = 100;
/// Entries that fill a page with keys and values of these lengths.
const LEAF_ENTRIES: usize = 30;
const FREE_COUNTS: [u64; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];

/// A number that depends on `index` alone and tells nothing of it (the finalizer of splitmix64).
fn mixed(index: u64) -> u64 {
    let z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn key(number: u64) -> [u8; KEY_LEN] {
    let mut key = [0; KEY_LEN];
    key[..8].copy_from_slice(&number.wrapping_mul(1 << 40).to_be_bytes());
    key[8..].copy_from_slice(&mixed(number).to_be_bytes());
    key
}

/// A database with so many keys in order, and its path's directory.
fn filled(count: u64) -> (tempfile::TempDir, Db) {
    let directory = tempfile::tempdir().unwrap();
    let db = open(&directory.path().join("parts.db"));
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"b").unwrap();
    (0..count).for_each(|number| txn.put(bucket, &key(number), &[1; VALUE_LEN]).unwrap());
    txn.commit().unwrap();
    (directory, db)
}

fn open(path: &Path) -> Db {
    Db::open(path, &Options { no_sync: true, ..Options::default() }).unwrap()
}

fn reader(db: &Db) -> (Txn, BucketId) {
    let mut txn = db.begin_read().unwrap();
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    (txn, bucket)
}

fn writer(db: &Db) -> (Txn, BucketId) {
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.bucket(ROOT, b"b").unwrap();
    (txn, bucket)
}

/// Writes a full leaf into `run`.
fn encode(run: &mut [u8], keys: &[[u8; KEY_LEN]], value: &[u8]) {
    let mut page = PageBuilder::new(run, 7, Kind::Leaf, keys.len(), 0).unwrap();
    page.leaf_table(keys.iter().map(|_| (KEY_LEN as u32, VALUE_LEN as u32, false))).unwrap();
    for key in keys {
        page.data(key).unwrap();
        page.data(value).unwrap();
    }
    page.finish().unwrap();
}

fn pages(c: &mut Criterion) {
    let keys: Vec<[u8; KEY_LEN]> = (0..LEAF_ENTRIES as u64).map(key).collect();
    let value = [1; VALUE_LEN];
    let mut run = vec![0; PAGE_LEN];
    c.bench_function("page/encode a leaf", |b| b.iter(|| encode(black_box(&mut run), &keys, &value)));
    c.bench_function("page/verify a leaf", |b| {
        b.iter(|| Page::verify(black_box(&run), 7, 1000).unwrap().count());
    });
    let children = 100usize;
    let mut branch = vec![0; PAGE_LEN];
    let mut page = PageBuilder::new(&mut branch, 8, Kind::Branch, children, 0).unwrap();
    page.branch_table((0..children).map(|child| (KEY_LEN as u32, 10 + child as u64))).unwrap();
    (0..children).for_each(|child| page.data(&key(child as u64)).unwrap());
    page.finish().unwrap();
    c.bench_function("page/verify a branch", |b| {
        b.iter(|| Page::verify(black_box(&branch), 8, 1000).unwrap().count());
    });
}

/// A tree that is one leaf: a get is a search in it.
fn search(c: &mut Criterion) {
    let (_directory, db) = filled(LEAF_ENTRIES as u64);
    let (txn, bucket) = reader(&db);
    let mut step = 0;
    c.bench_function("search/get in one leaf", |b| {
        b.iter(|| {
            step += 1;
            txn.get(bucket, &key(mixed(step) % LEAF_ENTRIES as u64)).unwrap().unwrap().len()
        });
    });
}

fn freelist(c: &mut Criterion) {
    let mut group = c.benchmark_group("freelist");
    for count in FREE_COUNTS {
        // Single pages, no two side by side, and at the end four that are.
        let ids = (0..count).map(|index| 2 + 2 * index).chain((0..4).map(|index| 2 * count + 10 + index));
        let high_water = 2 * count + 100;
        let mut list = Freelist::load(ids.map(Ok)).unwrap();
        group.bench_with_input(BenchmarkId::new("allocate one, give back", count), &count, |b, _| {
            b.iter(|| {
                let id = list.allocate(1).unwrap();
                list.give_back(Run { id, page_count: 1 }).unwrap();
            });
        });
        group.bench_with_input(
            BenchmarkId::new("allocate four, the last, give back", count),
            &count,
            |b, _| {
                b.iter(|| {
                    let id = list.allocate(4).unwrap();
                    list.give_back(Run { id, page_count: 4 }).unwrap();
                });
            },
        );
        let mut txid = 0;
        group.bench_with_input(BenchmarkId::new("free ten, release", count), &count, |b, _| {
            b.iter(|| {
                txid += 1;
                let runs: Vec<Run> =
                    (0..10).map(|_| Run { id: list.allocate(1).unwrap(), page_count: 1 }).collect();
                list.free(txid, runs, high_water).unwrap();
                list.release(txid).unwrap();
            });
        });
    }
    group.finish();
}

/// A put to each leaf makes all of them nodes, and is taken back.
fn take_over(c: &mut Criterion) {
    let leaves = 500u64;
    let (_directory, db) = filled(leaves * LEAF_ENTRIES as u64);
    let mut group = c.benchmark_group("write");
    group.throughput(Throughput::Elements(leaves));
    group.bench_function("a put to each of 500 leaves, rollback", |b| {
        b.iter(|| {
            let (mut txn, bucket) = writer(&db);
            for leaf in 0..leaves {
                txn.put(bucket, &key(leaf * LEAF_ENTRIES as u64), &[2; VALUE_LEN]).unwrap();
            }
            txn.rollback();
        });
    });
    group.bench_function("a put to each of 500 leaves, commit", |b| {
        b.iter(|| {
            let (mut txn, bucket) = writer(&db);
            for leaf in 0..leaves {
                txn.put(bucket, &key(leaf * LEAF_ENTRIES as u64), &[2; VALUE_LEN]).unwrap();
            }
            txn.commit().unwrap();
        });
    });
    group.finish();
}

fn reading(c: &mut Criterion) {
    let count = 10_000u64;
    let (_directory, db) = filled(count);
    c.bench_function("read/begin and end a transaction", |b| b.iter(|| db.begin_read().unwrap().rollback()));
    let (txn, bucket) = reader(&db);
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(count));
    group.bench_function("cursor, next over 10,000", |b| {
        b.iter(|| {
            let mut cursor = txn.cursor(bucket).unwrap();
            let (mut len, mut entry) = (0, cursor.first(&txn).unwrap());
            while let Some(here) = entry {
                len += here.key.len();
                entry = cursor.next(&txn).unwrap();
            }
            len
        });
    });
    group.finish();
}

criterion_group! {
    name = parts;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500));
    targets = pages, search, freelist, take_over, reading
}
criterion_main!(parts);
