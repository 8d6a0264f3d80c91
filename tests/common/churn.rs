//! Random changes of every kind, for tests in which it matters that much changes and not what.

use bolt::{BucketId, Error, ROOT, Txn};

use super::random::Random;

/// Changes a few buckets, those within them and many keys.
pub fn churn(txn: &mut Txn, random: &mut Random) {
    for _ in 0..4 {
        let name = format!("bucket {}", random.below(4));
        if random.below(12) == 0 {
            delete_bucket(txn, ROOT, &name);
            continue;
        }
        let bucket = txn.ensure_bucket(ROOT, name.as_bytes()).unwrap();
        match random.below(8) {
            0 => delete_bucket(txn, bucket, "inner"),
            1 | 2 => {
                let inner = txn.ensure_bucket(bucket, b"inner").unwrap();
                put_some(txn, inner, random);
            }
            3 => txn.set_sequence(bucket, random.next()).unwrap(),
            4 | 5 => delete_some(txn, bucket, random),
            _ => put_some(txn, bucket, random),
        }
    }
}

fn delete_bucket(txn: &mut Txn, parent: BucketId, name: &str) {
    match txn.delete_bucket(parent, name.as_bytes()) {
        Ok(()) | Err(Error::NotFound) => {}
        Err(error) => panic!("{error}"),
    }
}

fn put_some(txn: &mut Txn, bucket: BucketId, random: &mut Random) {
    for _ in 0..random.below(30) {
        let limit = if random.below(20) == 0 { 6000 } else { 120 };
        let len = random.below(limit) as usize;
        let value = random.bytes(len);
        txn.put(bucket, format!("key {:03}", random.below(150)).as_bytes(), &value).unwrap();
    }
}

fn delete_some(txn: &mut Txn, bucket: BucketId, random: &mut Random) {
    let start = random.below(150);
    for number in start..start + random.below(60) {
        txn.delete(bucket, format!("key {number:03}").as_bytes()).unwrap();
    }
}
