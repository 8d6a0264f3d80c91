//! What is done while memory fails: each a few calls of the public API.

use std::path::Path;

use bolt::db::{BackupOptions, CompactOptions, backup};
use bolt::{
    BucketId, CheckOptions, Condition, Db, Direction, Error, FreelistMode, Options, ROOT, Result, Take, Txn,
    Wait, WriteList,
};

/// What a scenario has to work with.
pub struct Place<'a> {
    /// The file, which is there but for those that make it.
    pub path: &'a Path,
    /// Where it can put other files.
    pub other: &'a Path,
}

/// A scenario.
#[derive(Clone, Copy)]
pub enum Work {
    /// With a database that is open.
    Open(fn(&Db, &Place<'_>) -> Result<()>),
    /// With a file that is not.
    Closed(fn(&Place<'_>) -> Result<()>),
    /// With no file.
    Missing(fn(&Place<'_>) -> Result<()>),
}

/// All scenarios by their names.
pub const ALL: &[(&str, Work)] = &[
    ("create", Work::Missing(create)),
    ("open for reading", Work::Closed(|place| open(place, true, false))),
    ("open for writing", Work::Closed(|place| open(place, false, false))),
    ("open with the free pages", Work::Closed(|place| open(place, false, true))),
    ("open, write, close", Work::Closed(open_and_write)),
    ("write to a file without a list", Work::Closed(without_list)),
    ("from bytes", Work::Closed(from_bytes)),
    ("read", Work::Open(read)),
    ("search", Work::Open(search)),
    ("many keys", Work::Open(many)),
    ("put", Work::Open(put)),
    ("put long", Work::Open(put_long)),
    ("put many", Work::Open(put_many)),
    ("put on conditions", Work::Open(conditions)),
    ("delete", Work::Open(delete)),
    ("delete by cursor", Work::Open(delete_by_cursor)),
    ("delete a range", Work::Open(delete_range)),
    ("delete a bucket", Work::Open(delete_bucket)),
    ("make buckets", Work::Open(make_buckets)),
    ("move a bucket", Work::Open(move_bucket)),
    ("savepoint", Work::Open(savepoint)),
    ("rollback", Work::Open(rollback)),
    ("commits beside a reader", Work::Open(beside_a_reader)),
    ("batch", Work::Open(batch)),
    ("list of writes", Work::Open(write_list)),
    ("check", Work::Open(check)),
    ("statistics", Work::Open(statistics)),
    ("backup", Work::Open(backup_to)),
    ("compact", Work::Open(compact)),
];

const LARGE: &[u8] = b"large";
/// Longer than all that is of a fixed size: where the library asked for so much without a way to fail, its
/// abort would tell.
const LONG: usize = 5000;

fn large(txn: &mut Txn) -> Result<BucketId> {
    txn.bucket(ROOT, LARGE)
}

fn create(place: &Place<'_>) -> Result<()> {
    let db = Db::open(place.path, &Options { page_size: 1024, ..Options::default() })?;
    put_one(&db)?;
    db.close()
}

fn put_one(db: &Db) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = txn.ensure_bucket(ROOT, b"new")?;
    txn.put(bucket, b"key", b"value")?;
    txn.commit()
}

fn open(place: &Place<'_>, read_only: bool, load_free_pages: bool) -> Result<()> {
    Db::open(place.path, &Options { read_only, load_free_pages, ..Options::default() })?.close()
}

fn open_and_write(place: &Place<'_>) -> Result<()> {
    let db = Db::open(place.path, &Options::default())?;
    put_one(&db)?;
    db.close()
}

fn without_list(place: &Place<'_>) -> Result<()> {
    let db = Db::open(place.path, &Options { freelist_mode: FreelistMode::AtClose, ..Options::default() })?;
    put_one(&db)?;
    db.close()
}

fn from_bytes(place: &Place<'_>) -> Result<()> {
    let db = Db::from_bytes(
        crate::memory::not_failing(|| std::fs::read(place.path).unwrap_or_default()),
        &Options::default(),
    )?;
    put_one(&db)?;
    put_many(&db, place)?;
    db.close()
}

fn read(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_read()?;
    for name in [LARGE, b"values", b"inline"] {
        let bucket = txn.bucket(ROOT, name)?;
        let mut cursor = txn.cursor(bucket)?;
        let mut entry = cursor.first(&txn)?;
        while entry.is_some() {
            entry = cursor.next(&txn)?;
        }
        while cursor.prev(&txn)?.is_some() {}
    }
    txn.reset()?;
    txn.renew()
}

fn search(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_read()?;
    let bucket = large(&mut txn)?;
    txn.get(bucket, &[b'0'; LONG])?;
    let mut cursor = txn.cursor(bucket)?;
    cursor.set_bounds(&txn, Some(b"0003"), Some(&[b'9'; 5000]))?;
    cursor.seek(&txn, b"0042")?;
    cursor.seek_le(&txn, b"0017")?;
    cursor.take(&txn, Direction::Forward, |_| Take::More)
}

fn many(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_read()?;
    let bucket = large(&mut txn)?;
    let keys: [&[u8]; 40] = [b"0017"; 40];
    txn.get_many(bucket, &keys, &mut [None; 40])
}

fn put(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = large(&mut txn)?;
    txn.put(bucket, b"0017", b"other")?;
    txn.put(bucket, &[b'k'; LONG], b"a long key")?;
    txn.commit()
}

fn put_long(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = txn.bucket(ROOT, b"values")?;
    txn.put(bucket, b"long", &[7; 100_000])?;
    txn.put_reserve(bucket, b"longer", 50_000)?.fill(8);
    txn.commit()
}

fn put_many(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = large(&mut txn)?;
    for number in 0..600u32 {
        txn.put(bucket, &format_key(number), &[1; 90])?;
    }
    txn.commit()
}

fn format_key(number: u32) -> [u8; 9] {
    let mut key = *b"....-many";
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

fn conditions(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = large(&mut txn)?;
    txn.put_if(bucket, b"absent", b"now", Condition::Absent)?;
    txn.put_if(bucket, b"absent", b"again", Condition::Present)?;
    txn.put_if(bucket, b"zzz", b"last", Condition::Last)?;
    txn.set_sequence(bucket, 7)?;
    txn.commit()
}

fn delete(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = txn.bucket(ROOT, b"values")?;
    txn.delete(bucket, b"three")?;
    txn.delete(bucket, b"page")?;
    txn.commit()
}

fn delete_by_cursor(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = large(&mut txn)?;
    let mut cursor = txn.cursor(bucket)?;
    txn.put(bucket, &[b'0'; LONG], b"a long key")?;
    cursor.seek(&txn, &[b'0'; LONG])?;
    for _ in 0..30 {
        cursor.delete(&mut txn)?;
        cursor.next(&txn)?;
    }
    txn.commit()
}

fn delete_range(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = large(&mut txn)?;
    txn.delete_range(bucket, Some(b"0010"), Some(b"0070"))?;
    txn.commit()
}

fn delete_bucket(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = txn.bucket(ROOT, b"a")?;
    txn.bucket(bucket, b"b")?;
    txn.delete_bucket(ROOT, b"a")?;
    txn.commit()
}

fn make_buckets(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let mut parent = ROOT;
    for depth in 0..80u8 {
        parent = txn.create_bucket(parent, &[b'n'; LONG])?;
        txn.put(parent, &[depth + 1], &[depth; 70])?;
    }
    let above = txn.bucket(ROOT, &[b'n'; LONG])?;
    txn.bucket(above, &[b'n'; LONG])?;
    txn.move_bucket(ROOT, b"inline", parent)?;
    txn.move_bucket(above, &[b'n'; LONG], ROOT)
        .or_else(|error| if error.code() == Error::Exists.code() { Ok(()) } else { Err(error) })?;
    txn.delete_bucket(above, &[b'n'; LONG])?;
    txn.commit()
}

fn move_bucket(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = large(&mut txn)?;
    txn.move_bucket(ROOT, b"inline", bucket)?;
    txn.move_bucket(ROOT, b"a", bucket)?;
    txn.commit()
}

fn savepoint(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = large(&mut txn)?;
    txn.put(bucket, b"0001", b"kept")?;
    for number in 0..400u32 {
        txn.put(bucket, format_key(number).as_slice(), b"kept")?;
    }
    let outer = txn.savepoint()?;
    txn.put(bucket, b"0002", b"not kept")?;
    txn.delete_bucket(ROOT, b"a")?;
    let inner = txn.savepoint()?;
    txn.delete_range(bucket, Some(b"0010"), Some(b"0040"))?;
    txn.rollback_to(inner)?;
    txn.create_bucket(ROOT, b"not kept")?;
    txn.rollback_to(outer)?;
    txn.commit()
}

fn rollback(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_write(Wait::Try)?;
    let bucket = large(&mut txn)?;
    txn.put(bucket, b"0002", &[3; 3000])?;
    txn.on_commit(Box::new(|| {}))?;
    txn.rollback();
    Ok(())
}

fn beside_a_reader(db: &Db, _: &Place<'_>) -> Result<()> {
    let reader = db.begin_read()?;
    for number in 0..3u8 {
        let mut txn = db.begin_write(Wait::Try)?;
        let bucket = large(&mut txn)?;
        txn.put(bucket, b"0050", &[number; 900])?;
        txn.commit()?;
    }
    drop(reader);
    Ok(())
}

fn batch(db: &Db, _: &Place<'_>) -> Result<()> {
    db.batch(|txn| {
        let bucket = large(txn)?;
        txn.put(bucket, b"0017", b"batched")
    })
}

fn write_list(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut list = WriteList::new();
    for number in 0..30u8 {
        list.put(&[LARGE, &[b'l'; LONG]], &[number + 1; LONG], &[number; 400])?;
    }
    list.delete(&[LARGE], b"0003")?;
    db.write(&std::sync::Arc::new(list), true)
}

fn check(db: &Db, _: &Place<'_>) -> Result<()> {
    let txn = db.begin_read()?;
    txn.check(CheckOptions::default(), |_| Ok(())).map(drop)
}

fn statistics(db: &Db, _: &Place<'_>) -> Result<()> {
    let mut txn = db.begin_read()?;
    txn.bucket_stats(ROOT)?;
    let mut inspection = txn.inspect(ROOT)?;
    while inspection.next(&txn)?.is_some() {}
    txn.page_info(5)?;
    db.stats(false)?;
    db.readers()?;
    db.info().map(drop)
}

fn backup_to(db: &Db, place: &Place<'_>) -> Result<()> {
    let txn = db.begin_read()?;
    let options = BackupOptions { replace: true, ..BackupOptions::default() };
    backup::<Error>(&txn, place.other, options, |_, _| Ok(())).map(drop)
}

fn compact(db: &Db, place: &Place<'_>) -> Result<()> {
    let options = CompactOptions { replace: true, txn_max_len: 9000, ..CompactOptions::default() };
    db.compact::<Error>(place.other, &options, |_| Ok(()))
}
