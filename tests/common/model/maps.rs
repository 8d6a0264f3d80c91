//! Nested ordered maps: what a database should hold.

use std::collections::BTreeMap;

use bolt::{BucketId, BucketStats, ROOT, Txn};

use crate::common;

/// The names on the way to a bucket from the root bucket.
pub type Names = Vec<Vec<u8>>;

/// A bucket of the model.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Model {
    pub sequence: u64,
    pub entries: BTreeMap<Vec<u8>, Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bytes(Vec<u8>),
    Bucket(Model),
}

pub fn key_bytes(key: u16) -> Vec<u8> {
    let mut bytes = format!("{key:04}").into_bytes();
    if key % 17 == 0 {
        bytes.resize(4 + usize::from(key), b'k');
    }
    bytes
}

/// All bucket paths of the model, the root's first.
pub fn paths(model: &Model) -> Vec<Names> {
    let mut all = vec![Vec::new()];
    let mut index = 0;
    while index < all.len() {
        let path: Names = all[index].clone();
        for (name, value) in &bucket_of(model, &path).entries {
            if matches!(value, Value::Bucket(_)) {
                all.push([path.clone(), vec![name.clone()]].concat());
            }
        }
        index += 1;
    }
    all
}

pub fn bucket_of<'m>(model: &'m Model, path: &[Vec<u8>]) -> &'m Model {
    path.iter().fold(model, |model, name| match &model.entries[name] {
        Value::Bucket(bucket) => bucket,
        Value::Bytes(_) => panic!("a path leads through buckets"),
    })
}

pub fn bucket_of_mut<'m>(model: &'m mut Model, path: &[Vec<u8>]) -> &'m mut Model {
    path.iter().fold(model, |model, name| match model.entries.get_mut(name) {
        Some(Value::Bucket(bucket)) => bucket,
        _ => panic!("a path leads through buckets"),
    })
}

pub fn assert_same(txn: &mut Txn, bucket: BucketId, model: &Model) {
    let forward = common::entries(txn, bucket, false);
    assert_eq!(forward, common::entries(txn, bucket, true), "forward and backward differ");
    assert_eq!(forward.len(), model.entries.len());
    assert_eq!(txn.sequence(bucket).unwrap(), model.sequence);
    for ((key, value), (model_key, model_value)) in forward.iter().zip(&model.entries) {
        assert_eq!(key, model_key);
        match model_value {
            Value::Bytes(bytes) => {
                assert_eq!(value.as_ref(), Some(bytes));
                assert_eq!(txn.get(bucket, key).unwrap(), Some(&bytes[..]));
            }
            Value::Bucket(below) => {
                assert_eq!(value, &None);
                let child = txn.bucket(bucket, key).unwrap();
                assert_same(txn, child, below);
            }
        }
    }
}

/// The buckets and their keys that are no buckets, as an inspection tells them.
pub fn assert_inspected(txn: &Txn, model: &Model) {
    let mut told = Vec::new();
    let mut way: Names = Vec::new();
    let mut inspection = txn.inspect(ROOT).unwrap();
    while let Some(bucket) = inspection.next(txn).unwrap() {
        if let Some(above) = bucket.depth.checked_sub(1) {
            way.truncate(above);
            way.push(bucket.name.to_vec());
        }
        told.push((way.clone(), bucket.key_count));
    }
    let mut expected = Vec::new();
    expect_inspected(model, &mut Vec::new(), &mut expected);
    assert_eq!(told, expected);
}

fn expect_inspected(model: &Model, way: &mut Names, expected: &mut Vec<(Names, u64)>) {
    let values = model.entries.values();
    let key_count = values.filter(|value| matches!(value, Value::Bytes(_))).count() as u64;
    expected.push((way.clone(), key_count));
    for (name, value) in &model.entries {
        if let Value::Bucket(below) = value {
            way.push(name.clone());
            expect_inspected(below, way, expected);
            way.pop();
        }
    }
}

/// Keys and buckets as the statistics of the root bucket count them.
pub fn assert_counted(stats: BucketStats, model: &Model) {
    let all = paths(model);
    let key_count: usize = all.iter().map(|path| bucket_of(model, path).entries.len()).sum();
    assert_eq!((stats.key_count, stats.bucket_count), (key_count as u64, all.len() as u64));
    let page_count = stats.leaf_page_count + stats.branch_page_count;
    assert!(stats.bucket_count - stats.inline_bucket_count <= page_count);
    assert!(stats.leaf_used_len <= stats.leaf_alloc_len && stats.branch_used_len <= stats.branch_alloc_len);
}
