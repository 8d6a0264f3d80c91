//! Buckets: nested to any depth, inline when small, deleted with all that is in them; their names and
//! sequences.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod common;

use std::path::Path;

use bolt::storage::memory::MemoryNamespace;
use bolt::{BucketId, Db, Error, FreelistMode, Options, ROOT, Txn, Wait};
use common::lint;
use common::random::Random;
use common::raw;
use common::sound::{close_sound_in, write};
use common::{assert_sound, dump, entries};

const PATH: &str = "/a.db";

/// A database in memory whose file always has a list of its free pages, so that no page goes missing unseen.
struct Base {
    names: MemoryNamespace,
    db: Db,
}

impl Base {
    fn new(page_size: u32) -> Base {
        Base::open(MemoryNamespace::new(), page_size)
    }

    fn of_file(bytes: Vec<u8>) -> Base {
        let names = MemoryNamespace::new();
        names.insert(Path::new(PATH), bytes).unwrap();
        Base::open(names, 0)
    }

    /// One over which no linter watches: it cannot follow buckets as deep as here.
    fn new_deep() -> Base {
        let names = MemoryNamespace::new();
        let options = Options { page_size: 1024, ..common::options() };
        Base { db: Db::open_in(&names, Path::new(PATH), &options).unwrap(), names }
    }

    fn open(names: MemoryNamespace, page_size: u32) -> Base {
        let options = Options { page_size, freelist_mode: FreelistMode::EachCommit, ..common::options() };
        let db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
        Base { names, db }
    }

    fn reopen(self) -> Base {
        close_sound_in(&self.names, &self.db);
        Base::open(self.names, 0)
    }

    /// Changes something, commits it, and checks the file.
    fn write(&self, change: impl FnOnce(&mut Txn)) {
        write(&self.db, change);
        assert_sound(&self.db);
        raw::assert_sound_file(&self.bytes());
    }

    fn read(&self) -> Txn {
        self.db.begin_read().unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        self.names.to_vec(Path::new(PATH)).unwrap().unwrap()
    }

    /// How long the value of a bucket of the root is; 16 bytes where it has pages of its own.
    fn value_len(&self, name: &[u8]) -> usize {
        raw::bucket_value(&self.bytes(), name).expect("the bucket is there").len()
    }

    /// How many pages the tree of buckets has.
    fn page_count(&self) -> usize {
        raw::assert_sound_file(&self.bytes()).tree.len()
    }

    fn close(self) {
        close_sound_in(&self.names, &self.db);
    }
}

fn open_path(txn: &mut Txn, names: &[&str]) -> BucketId {
    names.iter().fold(ROOT, |bucket, name| txn.bucket(bucket, name.as_bytes()).unwrap())
}

fn fill(txn: &mut Txn, bucket: BucketId, count: u32, value_len: usize) {
    (0..count)
        .for_each(|number| txn.put(bucket, &number.to_be_bytes(), &vec![number as u8; value_len]).unwrap());
}

/// Runs `deep` in a thread with little room for a recursion.
fn on_a_small_stack(deep: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, deep).unwrap().join().unwrap();
    });
}

const DEPTH: u64 = 20_000;

fn create_deep(txn: &mut Txn) {
    let mut bucket = ROOT;
    for depth in 0..DEPTH {
        bucket = txn.create_bucket(bucket, b"deeper").unwrap();
        txn.put(bucket, b"depth", &depth.to_ne_bytes()).unwrap();
    }
}

#[test]
fn buckets_nest_twenty_thousand_deep_on_a_small_stack() {
    let base = Base::new_deep();
    on_a_small_stack(|| {
        base.write(create_deep);
        assert_eq!(
            base.page_count() as u64,
            DEPTH,
            "the last one is inline, each other one has a page, as the root has"
        );

        let mut txn = base.read();
        let mut bucket = ROOT;
        for depth in 0..DEPTH {
            let mut cursor = txn.cursor(bucket).unwrap();
            let first = cursor.first(&txn).unwrap().unwrap();
            assert_eq!((first.key, first.value), (&b"deeper"[..], None));
            assert_eq!(
                cursor.next(&txn).unwrap().map(|entry| entry.key),
                Some(&b"depth"[..]).filter(|_| depth > 0)
            );
            bucket = txn.bucket(bucket, b"deeper").unwrap();
            assert_eq!(txn.get(bucket, b"depth").unwrap(), Some(&depth.to_ne_bytes()[..]));
        }
        assert!(matches!(txn.bucket(bucket, b"deeper"), Err(Error::NotFound)));
        drop(txn);

        base.write(|txn| {
            let mut bucket = ROOT;
            (0..DEPTH).for_each(|_| bucket = txn.bucket(bucket, b"deeper").unwrap());
            txn.put(bucket, b"depth", b"bottom").unwrap();
        });
        // Not opened at all, then opened to the middle and changed there.
        let mut txn = base.db.begin_write(Wait::Try).unwrap();
        txn.delete_bucket(ROOT, b"deeper").unwrap();
        txn.rollback();
        base.write(|txn| {
            let mut bucket = ROOT;
            (0..DEPTH / 2).for_each(|_| bucket = txn.bucket(bucket, b"deeper").unwrap());
            txn.put(bucket, b"depth", b"middle").unwrap();
            txn.delete_bucket(ROOT, b"deeper").unwrap();
            assert!(matches!(txn.get(bucket, b"depth"), Err(Error::BadHandle(_))));
        });
        assert_eq!(base.page_count(), 1);
        // Made and deleted within one transaction.
        base.write(|txn| {
            create_deep(txn);
            txn.delete_bucket(ROOT, b"deeper").unwrap();
        });
        assert_eq!(base.page_count(), 1);
        base.write(create_deep);
        // Found by a walk where the file has no list.
        base.db.set_freelist_mode(FreelistMode::Never);
        write(&base.db, |txn| txn.put(ROOT, b"key", b"value").unwrap());
        assert!(raw::free_ids(&base.bytes()).is_none());
        let base = base.reopen();
        base.write(|txn| txn.delete_bucket(ROOT, b"deeper").unwrap());
        base.close();
    });
}

/// The bucket at the end of the names, made where it is missing.
fn at(txn: &mut Txn, names: &[&str]) -> BucketId {
    names.iter().fold(ROOT, |bucket, name| txn.ensure_bucket(bucket, name.as_bytes()).unwrap())
}

fn delete_if_there(txn: &mut Txn, parent: BucketId, name: &str) {
    let deleted = txn.delete_bucket(parent, name.as_bytes());
    assert!(matches!(deleted, Ok(()) | Err(Error::NotFound)), "{deleted:?}");
}

/// outer: keys, paged (keys), inner (keys, innermost 0 to 19: keys), small (inline). And some keys of the
/// root's own.
fn create_nest(txn: &mut Txn) {
    let outer = txn.create_bucket(ROOT, b"outer").unwrap();
    fill(txn, outer, 100, 20);
    for (name, count) in [("paged", 200), ("inner", 50), ("small", 3)] {
        let bucket = txn.create_bucket(outer, name.as_bytes()).unwrap();
        fill(txn, bucket, count, 30);
    }
    let inner = open_path(txn, &["outer", "inner"]);
    for number in 0..20 {
        let bucket = txn.create_bucket(inner, format!("innermost {number}").as_bytes()).unwrap();
        fill(txn, bucket, number * 5, 40);
    }
    fill(txn, ROOT, 40, 40);
}

type Change = (&'static str, fn(&mut Txn));

const CHANGES: [Change; 16] = [
    ("nothing", |_| {}),
    ("a key in the root", |txn| txn.put(ROOT, b"key", b"value").unwrap()),
    ("a key in the bucket", |txn| {
        let outer = at(txn, &["outer"]);
        txn.put(outer, b"key", b"value").unwrap();
    }),
    ("keys everywhere in the bucket", |txn| {
        let outer = at(txn, &["outer"]);
        fill(txn, outer, 300, 10);
    }),
    ("keys deleted in the bucket", |txn| {
        let outer = at(txn, &["outer"]);
        (0..100u32).for_each(|number| txn.delete(outer, &number.to_be_bytes()).unwrap());
    }),
    ("buckets below opened", |txn| {
        let outer = at(txn, &["outer"]);
        for name in ["paged", "small", "inner"] {
            assert!(matches!(txn.bucket(outer, name.as_bytes()), Ok(_) | Err(Error::NotFound)));
        }
    }),
    ("a bucket below changed", |txn| {
        let paged = at(txn, &["outer", "paged"]);
        fill(txn, paged, 400, 10);
    }),
    ("a bucket below emptied", |txn| {
        let paged = at(txn, &["outer", "paged"]);
        (0..200u32).for_each(|number| txn.delete(paged, &number.to_be_bytes()).unwrap());
    }),
    ("an inline bucket grown", |txn| {
        let small = at(txn, &["outer", "small"]);
        fill(txn, small, 200, 30);
    }),
    ("a bucket two below changed", |txn| {
        let bucket = at(txn, &["outer", "inner", "innermost 19"]);
        fill(txn, bucket, 10, 3000);
    }),
    ("a bucket below deleted", |txn| {
        let outer = at(txn, &["outer"]);
        delete_if_there(txn, outer, "paged");
    }),
    ("a bucket below deleted and made again", |txn| {
        let outer = at(txn, &["outer"]);
        let paged = at(txn, &["outer", "paged"]);
        fill(txn, paged, 10, 10);
        txn.delete_bucket(outer, b"paged").unwrap();
        let paged = txn.create_bucket(outer, b"paged").unwrap();
        fill(txn, paged, 100, 10);
    }),
    ("a bucket below made", |txn| {
        let newer = at(txn, &["outer", "new", "newer"]);
        fill(txn, newer, 200, 40);
    }),
    ("a sequence below set", |txn| {
        let inner = at(txn, &["outer", "inner"]);
        txn.set_sequence(inner, 9).unwrap();
    }),
    ("the buckets two below deleted", |txn| {
        let inner = at(txn, &["outer", "inner"]);
        (0..20).for_each(|number| delete_if_there(txn, inner, &format!("innermost {number}")));
    }),
    ("another bucket made", |txn| {
        let other = at(txn, &["other"]);
        fill(txn, other, 100, 40);
    }),
];

#[test]
fn a_deletion_takes_everything_below_whatever_happened_before_in_the_transaction() {
    for (what, change) in CHANGES {
        let base = Base::new(1024);
        base.write(create_nest);
        let full = base.page_count();
        base.write(|txn| {
            change(txn);
            txn.delete_bucket(ROOT, b"outer").unwrap();
            assert!(matches!(txn.bucket(ROOT, b"outer"), Err(Error::NotFound)), "{what}");
        });
        assert!(base.page_count() < full / 3, "{what}: {} of {full} pages", base.page_count());
        assert!(matches!(base.read().bucket(ROOT, b"outer"), Err(Error::NotFound)), "{what}");
        base.write(create_nest);
        base.close();
    }
}

#[test]
fn a_bucket_made_again_after_a_deletion_is_as_new_whatever_happened_before() {
    let base = Base::new(1024);
    base.write(create_nest);
    let expected = dump(&mut base.read());
    for (first, one) in CHANGES {
        for (second, two) in CHANGES {
            let mut txn = base.db.begin_write(Wait::Try).unwrap();
            one(&mut txn);
            two(&mut txn);
            txn.delete_bucket(ROOT, b"outer").unwrap();
            delete_if_there(&mut txn, ROOT, "other");
            txn.delete(ROOT, b"key").unwrap();
            create_nest(&mut txn);
            assert!(dump(&mut txn) == expected, "{first}, {second}");
            txn.commit().unwrap();
            raw::assert_sound_file(&base.bytes());
            assert!(dump(&mut base.read()) == expected, "{first}, {second}");
        }
    }
    base.close();
}

#[test]
fn what_was_opened_in_a_deleted_bucket_answers_bad_handle() {
    let base = Base::new(1024);
    base.write(create_nest);
    base.write(|txn| {
        let kept = at(txn, &["other"]);
        let ids =
            [&["outer"][..], &["outer", "inner"], &["outer", "inner", "innermost 3"], &["outer", "small"]];
        let gone = ids.map(|names| open_path(txn, names));
        let mut cursors = gone.map(|id| txn.cursor(id).unwrap());
        for cursor in &mut cursors {
            cursor.first(txn).unwrap();
        }
        txn.delete_bucket(ROOT, b"outer").unwrap();
        let new = open_new(txn);
        for (id, cursor) in gone.into_iter().zip(&mut cursors) {
            assert!(id != new && cursor.bucket() == id);
            let refusals = [
                txn.get(id, b"key").err(),
                txn.put(id, b"key", b"").err(),
                txn.delete(id, b"key").err(),
                txn.bucket(id, b"inner").err(),
                txn.create_bucket(id, b"new").err(),
                txn.ensure_bucket(id, b"inner").err(),
                txn.delete_bucket(id, b"inner").err(),
                txn.sequence(id).err(),
                txn.set_sequence(id, 1).err(),
                txn.next_sequence(id).err(),
                txn.set_fill_percent(id, 0.5).err(),
                txn.cursor(id).err(),
                cursor.first(txn).err(),
                cursor.next(txn).err(),
                cursor.current(txn).err(),
                cursor.seek(txn, b"").err(),
                cursor.delete(txn).err(),
            ];
            for (index, refusal) in refusals.iter().enumerate() {
                assert!(matches!(refusal, Some(Error::BadHandle(_))), "{index}: {refusal:?}");
            }
        }
        assert_eq!(txn.get(new, b"key").unwrap(), Some(&b"new"[..]));
        txn.put(kept, b"key", b"kept").unwrap();
    });
    base.close();
}

/// The bucket "outer", made anew, with a key of its own.
fn open_new(txn: &mut Txn) -> BucketId {
    let new = txn.create_bucket(ROOT, b"outer").unwrap();
    assert_eq!((txn.sequence(new).unwrap(), entries(txn, new, false)), (0, Vec::new()));
    txn.put(new, b"key", b"new").unwrap();
    new
}

#[test]
fn a_name_is_opened_once_and_numbers_are_never_used_again() {
    let base = Base::new(4096);
    base.write(|txn| {
        let names: Vec<String> = (0..50).map(|number| format!("bucket {number}")).collect();
        let ids: Vec<BucketId> = names.iter().map(|name| at(txn, &[name, "same"])).collect();
        for (name, id) in names.iter().zip(&ids) {
            assert_eq!(at(txn, &[name, "same"]), *id);
            assert_eq!(open_path(txn, &[name, "same"]), *id);
        }
        let mut indexes: Vec<usize> = ids.iter().map(|id| id.index()).collect();
        for name in &names {
            txn.delete_bucket(ROOT, name.as_bytes()).unwrap();
            indexes.push(at(txn, &[name, "same"]).index());
        }
        indexes.sort_unstable();
        indexes.dedup();
        assert_eq!(indexes.len(), 100);
        assert!(*indexes.last().unwrap() <= 201, "the numbers are dense");
    });
    base.close();
}

#[test]
fn ten_thousand_buckets_stand_side_by_side() {
    let base = Base::new(4096);
    let name = |number: u32| format!("bucket {:05}", number.wrapping_mul(7919) % 10_000);
    base.write(|txn| {
        for number in 0..10_000 {
            let bucket = txn.create_bucket(ROOT, name(number).as_bytes()).unwrap();
            fill(txn, bucket, number % 4, 10);
            txn.set_sequence(bucket, number.into()).unwrap();
        }
    });
    let mut txn = base.read();
    assert_eq!(entries(&txn, ROOT, false).len(), 10_000);
    for number in (0..10_000).rev() {
        let bucket = txn.bucket(ROOT, name(number).as_bytes()).unwrap();
        assert_eq!(txn.sequence(bucket).unwrap(), u64::from(number));
        assert_eq!(entries(&txn, bucket, true).len() as u32, number % 4);
    }
    drop(txn);
    base.write(|txn| {
        (0..10_000).for_each(|number| txn.delete_bucket(ROOT, name(number).as_bytes()).unwrap())
    });
    assert_eq!(base.page_count(), 1);
    base.close();
}

#[test]
fn a_bucket_is_inline_up_to_a_quarter_of_a_page_exactly() {
    for shift in 10..=16 {
        let page_size = 1usize << shift;
        let base = Base::new(page_size as u32);
        // A page header, an element, a key of one byte.
        let limit = page_size / 4 - 16 - 16 - 1;
        let set = |len: usize| {
            base.write(|txn| {
                let bucket = txn.ensure_bucket(ROOT, b"bucket").unwrap();
                txn.put(bucket, b"k", &vec![7; len]).unwrap();
            });
            let mut txn = base.read();
            let bucket = txn.bucket(ROOT, b"bucket").unwrap();
            assert_eq!(txn.get(bucket, b"k").unwrap(), Some(&vec![7; len][..]));
            base.value_len(b"bucket")
        };
        let inline = |len: usize| 16 + 16 + 16 + 1 + len;
        let sizes = [0, limit, limit + 1, limit, limit + 2, page_size * 3, limit - 1, 1, limit + 1];
        for len in sizes {
            assert_eq!(set(len), if len <= limit { inline(len) } else { 16 }, "{page_size}: {len}");
        }
        base.close();
    }
}

#[test]
fn an_inline_bucket_has_any_number_of_keys_within_its_limit() {
    let base = Base::new(4096);
    let value_len = || base.value_len(b"bucket");
    // 24 bytes each, behind 16 of header: 42 fill 1024 bytes.
    base.write(|txn| {
        let bucket = txn.create_bucket(ROOT, b"bucket").unwrap();
        fill(txn, bucket, 42, 4);
    });
    assert_eq!(value_len(), 16 + 1024);
    base.write(|txn| {
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        txn.put(bucket, b"x", b"").unwrap();
    });
    assert_eq!(value_len(), 16);
    base.write(|txn| {
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        txn.delete(bucket, b"x").unwrap();
    });
    assert_eq!(value_len(), 16 + 1024);
    base.write(|txn| {
        let bucket = txn.bucket(ROOT, b"bucket").unwrap();
        (0..42u32).for_each(|number| txn.delete(bucket, &number.to_be_bytes()).unwrap());
    });
    assert_eq!(value_len(), 32);
    base.close();
}

#[test]
fn a_bucket_with_a_bucket_in_it_is_never_inline() {
    let base = Base::new(4096);
    base.write(|txn| assert!(at(txn, &["bucket", "inner"]) != ROOT));
    assert_eq!(base.value_len(b"bucket"), 16);
    base.write(|txn| {
        let bucket = open_path(txn, &["bucket"]);
        txn.delete_bucket(bucket, b"inner").unwrap();
    });
    assert_eq!(base.value_len(b"bucket"), 32);
    base.write(|txn| assert!(at(txn, &["bucket", "inner"]) != ROOT));
    assert_eq!(base.value_len(b"bucket"), 16);
    base.close();
}

#[test]
fn a_bucket_that_was_large_and_is_emptied_is_inline_again() {
    for count in [100u32, 2000] {
        let base = Base::new(1024);
        base.write(|txn| {
            let bucket = at(txn, &["bucket"]);
            fill(txn, bucket, count, 40);
        });
        base.write(|txn| {
            let bucket = at(txn, &["bucket"]);
            (0..count).for_each(|number| txn.delete(bucket, &number.to_be_bytes()).unwrap());
        });
        assert_eq!((base.value_len(b"bucket"), base.page_count()), (32, 1), "{count} keys");
        base.close();
    }
}

#[test]
fn an_inline_bucket_is_read_wherever_its_page_stands() {
    let base = Base::new(1024);
    // Names of all lengths put the inline pages at every alignment.
    let name = |len: usize| "n".repeat(len);
    base.write(|txn| {
        for len in 1..40 {
            let bucket = at(txn, &[&name(len)]);
            fill(txn, bucket, len as u32 % 5, len);
        }
    });
    base.write(|txn| {
        for len in (1..40).step_by(2) {
            let bucket = at(txn, &[&name(len)]);
            txn.put(bucket, b"another", name(len).as_bytes()).unwrap();
        }
    });
    let mut txn = base.read();
    for len in 1..40 {
        let bucket = txn.bucket(ROOT, name(len).as_bytes()).unwrap();
        assert_eq!(entries(&txn, bucket, true).len(), len % 5 + len % 2);
        for number in 0..len as u32 % 5 {
            assert_eq!(txn.get(bucket, &number.to_be_bytes()).unwrap(), Some(&vec![number as u8; len][..]));
        }
    }
    drop(txn);
    base.close();
}

#[test]
fn sequences_begin_at_1_last_and_wrap() {
    let mut base = Base::new(1024);
    base.write(|txn| {
        let small = at(txn, &["small"]);
        let large = at(txn, &["large"]);
        fill(txn, large, 200, 40);
        for bucket in [ROOT, small, large] {
            assert_eq!(txn.sequence(bucket).unwrap(), 0);
            assert_eq!(txn.next_sequence(bucket).unwrap(), 1);
            assert_eq!(txn.next_sequence(bucket).unwrap(), 2);
            assert_eq!(txn.sequence(bucket).unwrap(), 2);
        }
    });
    for (value, next) in [(u64::MAX, 0), (u64::MAX - 1, u64::MAX), (1 << 63, (1 << 63) + 1), (0, 1)] {
        // Alone in its transaction, a sequence is a change.
        base.write(|txn| {
            for bucket in [ROOT, at(txn, &["small"]), at(txn, &["large"])] {
                txn.set_sequence(bucket, value).unwrap();
            }
        });
        base = base.reopen();
        base.write(|txn| {
            for bucket in [ROOT, at(txn, &["small"]), at(txn, &["large"])] {
                assert_eq!(txn.sequence(bucket).unwrap(), value);
                assert_eq!(txn.next_sequence(bucket).unwrap(), next);
            }
            let large = at(txn, &["large"]);
            assert_eq!(entries(txn, large, false).len(), 200);
        });
    }
    // Changes of keys leave it alone.
    base.write(|txn| {
        let small = at(txn, &["small"]);
        fill(txn, small, 100, 40);
    });
    let mut txn = base.read();
    let small = txn.bucket(ROOT, b"small").unwrap();
    assert_eq!((txn.sequence(small).unwrap(), txn.sequence(ROOT).unwrap()), (1, 1));
    drop(txn);
    base.close();
}

#[test]
fn names_have_1_to_32768_bytes() {
    let base = Base::new(1024);
    let longest = vec![b'n'; 32768];
    base.write(|txn| {
        for make in [Txn::create_bucket, Txn::ensure_bucket] {
            assert!(matches!(make(txn, ROOT, b""), Err(Error::NameRequired | Error::NotFound)));
            assert!(matches!(make(txn, ROOT, &vec![b'n'; 32769]), Err(Error::KeySize(32769))));
        }
        assert!(matches!(txn.create_bucket(ROOT, b""), Err(Error::NameRequired)));
        assert!(matches!(txn.bucket(ROOT, b""), Err(Error::NotFound)));
        assert!(matches!(txn.delete_bucket(ROOT, b""), Err(Error::NotFound)));
        assert!(matches!(txn.delete_bucket(ROOT, &vec![b'n'; 32769]), Err(Error::NotFound)));
        let bucket = txn.create_bucket(ROOT, &longest).unwrap();
        let inner = txn.create_bucket(bucket, &longest).unwrap();
        txn.put(inner, b"key", b"value").unwrap();
    });
    base.write(|txn| {
        let bucket = txn.bucket(ROOT, &longest).unwrap();
        let inner = txn.bucket(bucket, &longest).unwrap();
        assert_eq!(txn.get(inner, b"key").unwrap(), Some(&b"value"[..]));
        fill(txn, inner, 100, 100);
    });
    base.write(|txn| txn.delete_bucket(ROOT, &longest).unwrap());
    base.close();
}

/// Go writes bucket names of any length.
#[test]
fn names_and_keys_of_forty_thousand_bytes_are_read_changed_around_and_deleted() {
    for page_size in [1024, 4096, 65536] {
        let (name, key) = (vec![b'n'; 40_000], vec![b'k'; 40_000]);
        let inline = raw::inline_bucket(3, &[(b"key", b"value", false)]);
        let elements = [(&key[..], &b"long"[..], false), (&name, &inline, true), (b"z", b"last", false)];
        let base = Base::of_file(raw::file(page_size, &elements, Some(2)));
        let mut txn = base.read();
        let bucket = txn.bucket(ROOT, &name).unwrap();
        assert_eq!(
            (txn.sequence(bucket).unwrap(), txn.get(bucket, b"key").unwrap()),
            (3, Some(&b"value"[..]))
        );
        assert_eq!(txn.get(ROOT, &key).unwrap(), Some(&b"long"[..]));
        let found: Vec<Vec<u8>> = entries(&txn, ROOT, true).into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, [key.clone(), name.clone(), b"z".to_vec()]);
        drop(txn);
        let base_write = |change: &dyn Fn(&mut Txn)| {
            write(&base.db, change);
            raw::assert_sound_file(&base.bytes());
        };
        base_write(&|txn| {
            let bucket = txn.bucket(ROOT, &name).unwrap();
            fill(txn, bucket, 200, 50);
            assert!(matches!(txn.put(ROOT, &key, b"new"), Err(Error::KeySize(40_000))));
            assert!(matches!(txn.create_bucket(bucket, &name), Err(Error::KeySize(40_000))));
        });
        base_write(&|txn| fill(txn, ROOT, 300, 50));
        let mut txn = base.read();
        let bucket = txn.bucket(ROOT, &name).unwrap();
        assert_eq!(entries(&txn, bucket, false).len(), 201);
        assert_eq!(txn.get(ROOT, &key).unwrap(), Some(&b"long"[..]));
        drop(txn);
        base_write(&|txn| {
            txn.delete(ROOT, &key).unwrap();
            txn.delete_bucket(ROOT, &name).unwrap();
        });
        assert_eq!(entries(&base.read(), ROOT, false).len(), 301);
        base.close();
    }
}

#[test]
fn a_key_is_a_value_or_a_bucket_and_neither_becomes_the_other() {
    let base = Base::new(4096);
    base.write(|txn| {
        let bucket = txn.create_bucket(ROOT, b"bucket").unwrap();
        txn.put(ROOT, b"value", b"1").unwrap();
        for _ in 0..2 {
            assert!(matches!(txn.create_bucket(ROOT, b"bucket"), Err(Error::Exists)));
            assert!(matches!(txn.create_bucket(ROOT, b"value"), Err(Error::WrongType(_))));
            assert!(matches!(txn.ensure_bucket(ROOT, b"value"), Err(Error::WrongType(_))));
            assert!(matches!(txn.bucket(ROOT, b"value"), Err(Error::WrongType(_))));
            assert!(matches!(txn.delete_bucket(ROOT, b"value"), Err(Error::WrongType(_))));
            assert!(matches!(txn.put(ROOT, b"bucket", b"2"), Err(Error::WrongType(_))));
            assert!(matches!(txn.delete(ROOT, b"bucket"), Err(Error::WrongType(_))));
            assert_eq!(txn.get(ROOT, b"bucket").unwrap(), None);
            assert_eq!(txn.bucket(ROOT, b"bucket").unwrap(), bucket);
            assert!(matches!(txn.bucket(ROOT, b"missing"), Err(Error::NotFound)));
            assert!(matches!(txn.delete_bucket(ROOT, b"missing"), Err(Error::NotFound)));
        }
    });
    base.write(|txn| {
        // The same keys after a deletion may be of the other kind.
        txn.delete_bucket(ROOT, b"bucket").unwrap();
        txn.put(ROOT, b"bucket", b"now a value").unwrap();
        txn.delete(ROOT, b"value").unwrap();
        txn.create_bucket(ROOT, b"value").unwrap();
    });
    let txn = base.read();
    let found: Vec<(Vec<u8>, bool)> =
        entries(&txn, ROOT, false).into_iter().map(|(key, value)| (key, value.is_some())).collect();
    assert_eq!(found, [(b"bucket".to_vec(), true), (b"value".to_vec(), false)]);
    drop(txn);
    base.close();
}

#[test]
fn random_nests_lose_no_page_whatever_is_deleted_in_which_order() {
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let mut base = Base::new(1024);
        for step in 0..40 {
            base.write(|txn| {
                for _ in 0..8 {
                    let mut bucket = ROOT;
                    for _ in 0..1 + random.below(5) {
                        bucket = txn.ensure_bucket(bucket, &[b'a' + random.below(3) as u8]).unwrap();
                        match random.below(6) {
                            0 => fill(txn, bucket, random.below(60) as u32, random.below(100) as usize),
                            1 => delete_if_there(txn, bucket, ["a", "b", "c"][random.below(3) as usize]),
                            2 => (0..20u32)
                                .for_each(|number| txn.delete(bucket, &number.to_be_bytes()).unwrap()),
                            _ => {}
                        }
                    }
                }
            });
            if step % 13 == 12 {
                base = base.reopen();
            }
        }
        base.write(|txn| ["a", "b", "c"].iter().for_each(|name| delete_if_there(txn, ROOT, name)));
        assert_eq!(base.page_count(), 1);
        base.close();
    }
}

#[test]
fn a_bucket_made_in_the_gap_that_a_deleted_range_left_is_there_once() {
    let key = |number: u32| format!("{number:04}{}", "k".repeat(if number % 17 == 0 { 136 } else { 0 }));
    let put = |txn: &mut Txn, number| txn.put(ROOT, key(number).as_bytes(), &[1; 46]).unwrap();
    for gap in 76..181 {
        for bbolt_rules in [false, true] {
            let names = MemoryNamespace::new();
            let options = Options { page_size: 1024, bbolt_rules, ..common::options() };
            let db = lint::open_in(&names, Path::new(PATH), &options).unwrap();
            write(&db, |txn| {
                put(txn, 0);
                (76..188).for_each(|number| put(txn, number));
            });
            // Of each of the two branches one leaf is left, and the name lies between them.
            write(&db, |txn| {
                let (from, to) = (key(1), key(181));
                let deleted = txn.delete_range(ROOT, Some(from.as_bytes()), Some(to.as_bytes())).unwrap();
                assert_eq!(deleted, 181 - 76);
                txn.create_bucket(ROOT, key(gap).as_bytes()).unwrap();
            });
            assert_sound(&db);
            close_sound_in(&names, &db);
        }
    }
}

#[test]
fn a_range_that_holds_a_bucket_stays_whole_however_deep_the_bucket_lies() {
    let base = Base::new(1024);
    let key = |number: u32| format!("{number:04}");
    base.write(|txn| {
        let many = txn.create_bucket(ROOT, b"many").unwrap();
        (0..600).for_each(|number| txn.put(many, key(number).as_bytes(), &[1; 40]).unwrap());
        txn.create_bucket(many, b"0300 a bucket").unwrap();
    });
    let before = dump(&mut base.db.begin_read().unwrap());
    base.write(|txn| {
        let many = txn.bucket(ROOT, b"many").unwrap();
        for (from, to) in [(None, None), (Some("0010"), Some("0590")), (Some("0290"), None)] {
            let (from, to) = (from.map(str::as_bytes), to.map(str::as_bytes));
            assert!(matches!(txn.delete_range(many, from, to), Err(Error::WrongType(_))));
        }
        assert_eq!(dump(txn), before);
    });
    assert_eq!(dump(&mut base.db.begin_read().unwrap()), before);
    base.write(|txn| {
        let many = txn.bucket(ROOT, b"many").unwrap();
        assert_eq!(txn.delete_range(many, None, Some(b"0300 a")).unwrap(), 301);
        assert_eq!(txn.delete_range(many, Some(b"0301"), None).unwrap(), 299);
        assert_eq!(entries(txn, many, false).len(), 1);
    });
    base.close();
}

#[test]
fn a_reader_of_the_same_snapshot_finds_the_buckets_that_another_opened_and_no_others() {
    let base = Base::new(1024);
    base.write(|txn| {
        for (outer, inner) in [("a", "x"), ("b", "x"), ("b", "a")] {
            let outer_id = txn.ensure_bucket(ROOT, outer.as_bytes()).unwrap();
            let inner_id = txn.ensure_bucket(outer_id, inner.as_bytes()).unwrap();
            txn.put(inner_id, b"key", format!("{outer}{inner}").as_bytes()).unwrap();
        }
    });
    let value = |txn: &mut Txn, names: &[&str]| {
        let id = open_path(txn, names);
        txn.get(id, b"key").unwrap().unwrap().to_vec()
    };
    let paths: [&[&str]; 3] = [&["a", "x"], &["b", "x"], &["b", "a"]];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 0, 1]] {
        let mut txn = base.read();
        for index in order {
            assert_eq!(value(&mut txn, paths[index]), paths[index].concat().as_bytes());
        }
        assert!(matches!(txn.bucket(ROOT, b"x"), Err(Error::NotFound)));
        txn.rollback();
    }
    base.write(|txn| {
        txn.delete_bucket(ROOT, b"a").unwrap();
        let inner = open_path(txn, &["b", "x"]);
        txn.put(inner, b"key", b"new").unwrap();
    });
    let mut txn = base.read();
    assert!(matches!(txn.bucket(ROOT, b"a"), Err(Error::NotFound)));
    assert_eq!(value(&mut txn, &["b", "x"]), b"new");
    txn.rollback();
    base.close();
}

#[test]
fn a_bucket_from_before_a_renewal_is_none_of_those_that_another_reader_left() {
    let base = Base::new(1024);
    base.write(|txn| {
        for name in ["a", "b"] {
            txn.create_bucket(ROOT, name.as_bytes()).unwrap();
        }
    });
    let mut other = base.read();
    let mut txn = base.read();
    let old = txn.bucket(ROOT, b"a").unwrap();
    for _ in 0..3 {
        txn.reset().unwrap();
        other.bucket(ROOT, b"b").unwrap();
        other.rollback();
        txn.renew().unwrap();
        assert!(matches!(txn.get(old, b"key"), Err(Error::BadHandle(_))));
        let new = txn.bucket(ROOT, b"a").unwrap();
        assert_ne!(new, old);
        assert_eq!(txn.get(new, b"key").unwrap(), None);
        other = base.read();
    }
    other.rollback();
    txn.rollback();
    base.close();
}

#[test]
fn a_changed_page_that_keeps_its_first_key_has_it_in_its_parent_after_a_merge() {
    let key = |number: u32| format!("{number:04}{}", "k".repeat(136));
    let put = |txn: &mut Txn, number, byte| txn.put(ROOT, key(number).as_bytes(), &[byte; 46]).unwrap();
    // Four entries fill a leaf, six leaves a branch. Of a branch that lost its first leaves one is changed within
    // when it is merged into the branch before it.
    for (from, to) in (1..60).flat_map(|from| (from + 4..64).map(move |to| (from, to))) {
        let names = MemoryNamespace::new();
        let db = lint::open_in(&names, Path::new(PATH), &Options { page_size: 1024, ..common::options() })
            .unwrap();
        write(&db, |txn| (0..72).for_each(|number| put(txn, number, 1)));
        write(&db, |txn| {
            (from..to).for_each(|number| txn.delete(ROOT, key(number).as_bytes()).unwrap());
            put(txn, to + 1, 2);
        });
        close_sound_in(&names, &db);
    }
}
