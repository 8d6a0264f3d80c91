//! A cursor over a bucket of a transaction.

use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use crate::tree;
use crate::tree::{Direction, Entry, Source, Take, Tree};

use super::bucket::BucketId;
use super::cursor_by_reading::Motion;
use super::{Snapshot, Txn};

/// A place in a bucket. It holds no reference to its transaction: each call is given it.
///
/// Over a transaction's own writes it stays where its key is: nothing is skipped and nothing comes twice.
/// Past either end a move answers `None` and the cursor stays on the last (first) entry. With bounds, the
/// ends are those of the entries within.
pub struct Cursor {
    pub(super) bucket: BucketId,
    /// Which renewal of the transaction it belongs to.
    renewal: u32,
    pub(super) place: tree::Cursor,
}

impl Txn {
    /// A cursor over `bucket` that stands nowhere yet.
    pub fn cursor(&self, bucket: BucketId) -> Result<Cursor> {
        self.source()?;
        self.buckets.get(bucket)?;
        self.cursor_count.store(self.cursor_count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        Ok(Cursor { bucket, renewal: self.buckets.renewal(), place: tree::Cursor::default() })
    }

    /// The tree in which `cursor` moves.
    #[inline]
    pub(super) fn tree_of(&self, cursor: &Cursor) -> Result<(Source<'_, Snapshot>, &Tree)> {
        if cursor.renewal != self.buckets.renewal() {
            return Err(Error::BadHandle("the cursor is from before its transaction was renewed"));
        }
        Ok((self.source()?, &self.buckets.get(cursor.bucket)?.tree))
    }
}

impl Cursor {
    /// The bucket it moves in.
    pub fn bucket(&self) -> BucketId {
        self.bucket
    }

    /// From now on keys below `from`, and those that are not below `to`, are for this cursor as if they were
    /// not there (`None`: no bound). It stands nowhere then.
    pub fn set_bounds(&mut self, txn: &Txn, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<()> {
        txn.tree_of(self)?;
        self.place.set_bounds(from, to)
    }

    /// Goes to the first entry; `None` in an empty bucket.
    pub fn first<'t>(&mut self, txn: &'t Txn) -> Result<Option<Entry<'t>>> {
        if txn.is_reading() {
            return self.go(txn, Motion::First);
        }
        let (source, tree) = txn.tree_of(self)?;
        self.place.first(source, tree)
    }

    /// Goes to the last entry; `None` in an empty bucket.
    pub fn last<'t>(&mut self, txn: &'t Txn) -> Result<Option<Entry<'t>>> {
        if txn.is_reading() {
            return self.go(txn, Motion::Last);
        }
        let (source, tree) = txn.tree_of(self)?;
        self.place.last(source, tree)
    }

    /// Goes to the next entry; `None` past the last, where the cursor stays on it, and before the cursor
    /// stood anywhere.
    #[inline]
    pub fn next<'t>(&mut self, txn: &'t Txn) -> Result<Option<Entry<'t>>> {
        let (source, tree) = txn.tree_of(self)?;
        match self.place.step_on_page(source, tree, Direction::Forward) {
            Some(entry) => Ok(Some(entry)),
            None if txn.is_reading() => self.go(txn, Motion::Next),
            None => self.place.next(source, tree),
        }
    }

    /// The first entry where it stands nowhere yet, otherwise the next.
    pub fn next_or_first<'t>(&mut self, txn: &'t Txn) -> Result<Option<Entry<'t>>> {
        if self.place.is_unset() { self.first(txn) } else { self.next(txn) }
    }

    /// Goes to the entry before; `None` before the first, where the cursor stays on it, and before it stood
    /// anywhere.
    #[inline]
    pub fn prev<'t>(&mut self, txn: &'t Txn) -> Result<Option<Entry<'t>>> {
        let (source, tree) = txn.tree_of(self)?;
        match self.place.step_on_page(source, tree, Direction::Backward) {
            Some(entry) => Ok(Some(entry)),
            None if txn.is_reading() => self.go(txn, Motion::Prev),
            None => self.place.prev(source, tree),
        }
    }

    /// Goes to the first entry whose key is not less than `key`. Where there is none, `None`, and `prev`
    /// gives the last.
    pub fn seek<'t>(&mut self, txn: &'t Txn, key: &[u8]) -> Result<Option<Entry<'t>>> {
        if txn.is_reading() {
            return self.go(txn, Motion::Seek(key));
        }
        let (source, tree) = txn.tree_of(self)?;
        self.place.seek(source, tree, key)
    }

    /// Goes to the last entry whose key is not above `key`. Where there is none, `None`, and `next` gives the
    /// first.
    pub fn seek_le<'t>(&mut self, txn: &'t Txn, key: &[u8]) -> Result<Option<Entry<'t>>> {
        if txn.is_reading() {
            return self.go(txn, Motion::SeekLe(key));
        }
        let (source, tree) = txn.tree_of(self)?;
        self.place.seek_le(source, tree, key)
    }

    /// Goes from entry to entry and gives each to `take`, until it has enough or there are no more.
    ///
    /// It begins with the next entry, or with the first (backward: the last) where the cursor stands nowhere
    /// yet. The cursor then stands on the last entry taken, also where going on fails.
    pub fn take<'t>(
        &mut self,
        txn: &'t Txn,
        direction: Direction,
        take: impl FnMut(Entry<'t>) -> Take,
    ) -> Result<()> {
        if txn.is_reading() {
            return self.take_by_reading(txn, direction, take);
        }
        let (source, tree) = txn.tree_of(self)?;
        self.place.take(source, tree, direction, take)
    }

    /// As [`Cursor::take`], but the entries are not given out: each is good while `look` looks at it, and
    /// without a map its page may go afterwards.
    pub fn visit(
        &mut self,
        txn: &Txn,
        direction: Direction,
        look: impl FnMut(Entry<'_>) -> Take,
    ) -> Result<()> {
        if txn.is_reading() {
            return self.visit_by_reading(txn, direction, look);
        }
        let (source, tree) = txn.tree_of(self)?;
        self.place.take(source, tree, direction, look)
    }

    /// The entry on which it stands; `None` where it stands on none or the entry was deleted.
    pub fn current<'t>(&mut self, txn: &'t Txn) -> Result<Option<Entry<'t>>> {
        if txn.is_reading() {
            return self.go(txn, Motion::Current);
        }
        let (source, tree) = txn.tree_of(self)?;
        self.place.current(source, tree)
    }

    /// Deletes the entry on which it stands; `next` then gives the one that followed, `prev` the one before.
    ///
    /// `WrongType` on a bucket, `NotFound` where it stands on none, `NotWritable`.
    pub fn delete(&mut self, txn: &mut Txn) -> Result<()> {
        txn.check_writable()?;
        let current = self.current(txn)?.ok_or(Error::NotFound)?;
        if current.value.is_none() {
            return Err(Error::WrongType("the key is a bucket"));
        }
        let mut key = Vec::new();
        key.try_reserve_exact(current.key.len())?;
        key.extend_from_slice(current.key);
        txn.remove_entry(self.bucket, &key, false)?;
        self.place.leave_gap();
        Ok(())
    }
}
