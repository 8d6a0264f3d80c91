//! The buckets that were opened in a transaction, and what is done with their keys.
//!
//! B1. A bucket's number is larger than its parent's, unless it was moved; a commit goes through them from
//!     the deepest up.
//! B2. A name is opened once: the same name gives the same number. Numbers are never used again in the
//!     transaction.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::format::bytes::copied;
use crate::format::meta::Meta;
use crate::format::page::{Kind, put_header};
use crate::format::{BUCKET_HEADER_LEN, MAX_KEY_LEN, PAGE_HEADER_LEN, max_value_len};
use crate::tree::{At, Condition, Root, Source, Tree};

use super::Txn;
use super::free_pages::stored_root;

/// Up to so many open buckets a name is looked for one by one.
const SCAN_LEN: usize = 8;

/// A bucket opened in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketId {
    index: u32,
    /// Counts the transaction's renewals, so that a bucket from before one is told from those after it.
    renewal: u32,
}

impl BucketId {
    /// A small number, unique within the transaction, and until its renewal never used again in it.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// The root bucket, which holds the top-level ones. It is always open, in every transaction.
pub const ROOT: BucketId = BucketId { index: 0, renewal: 0 };

/// What changes in an open bucket, beside its nodes.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub parent: BucketId,
    /// Where its name lies, and the name's length.
    pub name: (At, u64),
    pub sequence: u64,
    /// Where the file has it as the transaction began; `None` where the transaction made it.
    pub stored: Option<Root>,
    /// Whether its parent's entry must be written anew.
    pub changed: bool,
    pub deleted: bool,
    pub fill_percent: Option<f64>,
}

/// An open bucket.
pub(super) struct Bucket {
    pub state: State,
    pub tree: Tree,
    /// The epoch in which it was opened or last kept for a savepoint.
    epoch: u64,
}

/// All open buckets.
#[derive(Default)]
pub(super) struct Buckets {
    list: Vec<Bucket>,
    /// Those from number [`SCAN_LEN`] on, by parent and name; of several, one at most is there and has that
    /// parent.
    by_name: HashMap<(u32, Box<[u8]>), Vec<u32>>,
    was_moved: bool,
    renewal: u32,
    /// Counts savepoints and rollbacks to them; 0 while nothing need be kept.
    epoch: u64,
    /// Buckets as they were before their first change in an epoch, oldest first.
    kept: Vec<(BucketId, State, Root)>,
}

/// A state of the buckets to which they can be taken back.
#[derive(Clone, Copy, Debug)]
pub(super) struct BucketsMark {
    list_len: usize,
    kept_len: usize,
}

impl Buckets {
    pub fn new(meta: &Meta) -> Result<Buckets> {
        let mut buckets = Buckets::default();
        buckets.renew(meta)?;
        Ok(buckets)
    }

    /// Goes on with what a reader of the same snapshot has left, if anything.
    pub fn resume(&mut self, meta: &Meta) -> Result<()> {
        if self.list.is_empty() { self.renew(meta) } else { Ok(()) }
    }

    /// Those of the transaction's next snapshot: no bucket from before is one of them.
    pub fn follow(&mut self, buckets: Buckets) {
        let renewal = self.renewal.wrapping_add(1);
        *self = Buckets { renewal, ..buckets };
    }

    /// Forgets all buckets and hands them over, unless they are many.
    pub fn hand_over(&mut self) -> Buckets {
        let empty = Buckets { renewal: self.renewal, ..Buckets::default() };
        let buckets = std::mem::replace(self, empty);
        if buckets.list.len() > SCAN_LEN { Buckets::default() } else { buckets }
    }

    /// Begins anew with the root bucket of `meta`.
    pub fn renew(&mut self, meta: &Meta) -> Result<()> {
        self.list.clear();
        self.by_name.clear();
        self.list.try_reserve(1)?;
        let root = Root::Page(meta.root);
        let state = State::new(ROOT, (At::file(0), 0), meta.sequence, Some(root));
        let tree = Tree::new(root);
        self.list.push(Bucket { state, tree, epoch: 0 });
        Ok(())
    }

    /// Which renewal of its transaction this is.
    pub fn renewal(&self) -> u32 {
        self.renewal
    }

    /// The bucket at `index` of the list, which may be deleted.
    fn id(&self, index: u32) -> BucketId {
        if index == 0 { ROOT } else { BucketId { index, renewal: self.renewal } }
    }

    /// Where bucket `id` stands in the list, unless it is from before the renewal.
    #[inline]
    fn position(&self, id: BucketId) -> usize {
        if id.renewal == self.renewal || id == ROOT { id.index() } else { usize::MAX }
    }

    pub fn get(&self, id: BucketId) -> Result<&Bucket> {
        match self.list.get(self.position(id)) {
            Some(bucket) if !bucket.state.deleted => Ok(bucket),
            _ => Err(gone()),
        }
    }

    /// An open bucket, to be changed: the one way to it. Before its first change after a savepoint it is kept
    /// as it was.
    pub fn get_mut(&mut self, id: BucketId) -> Result<&mut Bucket> {
        let position = self.position(id);
        match self.list.get_mut(position) {
            Some(bucket) if !bucket.state.deleted => {
                if bucket.epoch < self.epoch {
                    self.kept.try_reserve(1)?;
                    self.kept.push((id, bucket.state, bucket.tree.root));
                    bucket.epoch = self.epoch;
                }
                Ok(bucket)
            }
            _ => Err(gone()),
        }
    }

    /// The open buckets but the root, children before parents (B1).
    pub fn children_first(&self) -> Result<Vec<BucketId>> {
        let mut order = Vec::new();
        order.try_reserve_exact(self.list.len())?;
        order.extend((1..self.list.len() as u32).rev().map(|index| self.id(index)));
        if self.was_moved {
            let mut depths = Vec::new();
            depths.try_reserve_exact(self.list.len())?;
            depths.extend((0..self.list.len() as u32).map(|index| self.depth(self.id(index))));
            order.sort_by_key(|id| std::cmp::Reverse(depths.get(id.index()).copied()));
        }
        Ok(order)
    }

    /// How many buckets lie above `id`.
    fn depth(&self, id: BucketId) -> usize {
        self.ancestors(id).count()
    }

    /// The buckets above `id`, the root last.
    pub fn ancestors(&self, id: BucketId) -> impl Iterator<Item = BucketId> + '_ {
        let above =
            |id: &BucketId| if *id == ROOT { None } else { Some(self.list.get(id.index())?.state.parent) };
        std::iter::successors(Some(id), above).skip(1)
    }

    /// Whether there is anything to commit.
    pub fn any_changed(&self) -> bool {
        self.list.iter().any(|bucket| bucket.state.changed && !bucket.state.deleted)
    }

    /// Begins an epoch: what is changed from now on can be taken back to here.
    pub fn mark(&mut self, epoch: u64) -> BucketsMark {
        self.epoch = epoch;
        BucketsMark { list_len: self.list.len(), kept_len: self.kept.len() }
    }

    /// Takes all buckets back to `mark`, and begins a new epoch. Those opened since are open no more.
    pub fn take_back(&mut self, mark: BucketsMark, epoch: u64) {
        while self.kept.len() > mark.kept_len {
            let Some((id, state, root)) = self.kept.pop() else { break };
            if let Some(bucket) = self.list.get_mut(id.index()) {
                bucket.state = state;
                bucket.tree.take_back(root);
            }
        }
        for bucket in self.list.iter_mut().skip(mark.list_len) {
            bucket.state.deleted = true;
        }
        for ids in self.by_name.values_mut() {
            ids.retain(|&id| (id as usize) < mark.list_len);
        }
        self.epoch = epoch;
    }

    /// From now on nothing can be taken back.
    pub fn forget_marks(&mut self) {
        self.epoch = 0;
        self.kept = Vec::new();
    }

    fn add(&mut self, state: State, tree: Tree, name: &[u8]) -> Result<BucketId> {
        let id = self.id(u32::try_from(self.list.len()).map_err(|_| Error::NoMemory)?);
        self.list.try_reserve(1)?;
        self.index(id, state.parent, name)?;
        self.list.push(Bucket { state, tree, epoch: self.epoch });
        Ok(id)
    }

    /// Lets bucket `id` be found by its name.
    fn index(&mut self, id: BucketId, parent: BucketId, name: &[u8]) -> Result<()> {
        if id.index() >= SCAN_LEN {
            self.by_name.try_reserve(1)?;
            let key = (parent.index, copied(name)?.into_boxed_slice());
            let ids = self.by_name.entry(key).or_default();
            ids.try_reserve(1)?;
            ids.push(id.index);
        }
        Ok(())
    }

    /// Bucket `id` has another parent from now on, and its name lies elsewhere.
    pub fn set_parent(&mut self, id: BucketId, parent: BucketId, name: &[u8], at: At) -> Result<()> {
        self.index(id, parent, name)?;
        self.was_moved = true;
        let bucket = self.get_mut(id)?;
        bucket.state.parent = parent;
        bucket.state.name = (at, name.len() as u64);
        bucket.state.changed = true;
        Ok(())
    }
}

impl State {
    fn new(parent: BucketId, name: (At, u64), sequence: u64, stored: Option<Root>) -> State {
        State { parent, name, sequence, stored, changed: false, deleted: false, fill_percent: None }
    }
}

#[cold]
fn gone() -> Error {
    Error::BadHandle("the bucket is deleted, or its transaction has ended")
}

impl Txn {
    /// The open bucket of that name in `parent`, if it was opened before (B2).
    pub(super) fn open_child(&self, parent: BucketId, name: &[u8]) -> Result<Option<BucketId>> {
        let source = self.source()?;
        for (index, bucket) in self.buckets.list.iter().enumerate().take(SCAN_LEN).skip(1) {
            let state = &bucket.state;
            let may_be = state.parent == parent && !state.deleted && state.name.1 == name.len() as u64;
            if may_be && source.bytes(state.name.0, state.name.1)? == name {
                return Ok(Some(self.buckets.id(index as u32)));
            }
        }
        if self.buckets.by_name.is_empty() {
            return Ok(None);
        }
        let key = (parent.index, copied(name)?.into_boxed_slice());
        let Some(ids) = self.buckets.by_name.get(&key) else { return Ok(None) };
        let is_there =
            |&id: &BucketId| self.buckets.get(id).is_ok_and(|bucket| bucket.state.parent == parent);
        Ok(ids.iter().map(|&index| self.buckets.id(index)).find(is_there))
    }

    /// Opens the bucket `name` in `parent`. The same name gives the same number.
    ///
    /// `NotFound` where there is none, `WrongType` where the key has a value, `BadHandle` where `parent` is
    /// deleted.
    pub fn bucket(&mut self, parent: BucketId, name: &[u8]) -> Result<BucketId> {
        let root = self.buckets.get(parent)?.tree.root;
        if let Some(id) = self.open_child(parent, name)? {
            return Ok(id);
        }
        let found = self.find(root, name)?.ok_or(Error::NotFound)?;
        if !found.is_bucket {
            return Err(Error::WrongType("the key is no bucket"));
        }
        let (root, sequence) = stored_root(found.value, found.at)?;
        Source { pages: &self.scope()?, nodes: &self.nodes }.check_root(root)?;
        let name_at = (found.key_at, name.len() as u64);
        self.buckets.add(State::new(parent, name_at, sequence, Some(root)), Tree::new(root), name)
    }

    /// Whether the bucket had pages of its own as the transaction began (bbolt: `Root` is not 0).
    pub fn has_pages(&self, bucket: BucketId) -> Result<bool> {
        Ok(matches!(self.buckets.get(bucket)?.state.stored, Some(Root::Page(_))))
    }

    /// Makes the bucket `name` in `parent`.
    ///
    /// `Exists` where it is there, `WrongType` where the key has a value, `NameRequired`, `KeySize`,
    /// `NotWritable`.
    pub fn create_bucket(&mut self, parent: BucketId, name: &[u8]) -> Result<BucketId> {
        self.check_writable()?;
        let root = self.buckets.get(parent)?.tree.root;
        if name.is_empty() {
            return Err(Error::NameRequired);
        }
        if name.len() > MAX_KEY_LEN {
            return Err(Error::KeySize(name.len()));
        }
        match self.find(root, name)? {
            Some(found) if found.is_bucket => return Err(Error::Exists),
            Some(_) => return Err(Error::WrongType("the key is no bucket")),
            None => {}
        }
        let tree = self.nodes.empty_tree()?;
        self.put_entry(parent, name, &empty_inline_bucket(), true)?;
        let parent_root = self.buckets.get(parent)?.tree.root;
        let found = self.source()?.get(parent_root, name)?.ok_or_else(gone)?;
        let name_at = (found.key_at, name.len() as u64);
        self.buckets.add(State { changed: true, ..State::new(parent, name_at, 0, None) }, tree, name)
    }

    /// Opens the bucket `name` in `parent`, and makes it where it is missing.
    pub fn ensure_bucket(&mut self, parent: BucketId, name: &[u8]) -> Result<BucketId> {
        self.check_writable()?;
        match self.bucket(parent, name) {
            Err(Error::NotFound) => self.create_bucket(parent, name),
            other => other,
        }
    }

    /// Sets an entry of a bucket's tree.
    pub(super) fn put_entry(
        &mut self,
        id: BucketId,
        key: &[u8],
        value: &[u8],
        is_bucket: bool,
    ) -> Result<()> {
        let snapshot = self.snapshot.as_ref().ok_or_else(gone)?;
        let bucket = self.buckets.get_mut(id)?;
        self.nodes.put(&**snapshot, &mut bucket.tree, key, value, is_bucket)?;
        bucket.state.changed = true;
        Ok(())
    }

    /// As [`Txn::put`], if `condition` holds: `Exists` or `NotFound` where it does not.
    pub fn put_if(&mut self, id: BucketId, key: &[u8], value: &[u8], condition: Condition) -> Result<()> {
        self.check_put(key, value.len())?;
        let snapshot = self.snapshot.as_ref().ok_or_else(gone)?;
        let bucket = self.buckets.get_mut(id)?;
        self.nodes.put_if(&**snapshot, &mut bucket.tree, key, value, false, condition)?;
        bucket.state.changed = true;
        Ok(())
    }

    /// As [`Txn::put`], with a value of `value_len` zero bytes that the caller is to fill before the
    /// transaction is used again.
    pub fn put_reserve(&mut self, id: BucketId, key: &[u8], value_len: usize) -> Result<&mut [u8]> {
        self.check_put(key, value_len)?;
        let snapshot = self.snapshot.as_ref().ok_or_else(gone)?;
        let bucket = self.buckets.get_mut(id)?;
        let value = self.nodes.put_zeros(&**snapshot, &mut bucket.tree, key, value_len)?;
        bucket.state.changed = true;
        Ok(value)
    }

    /// Takes out all keys from `from` on (`None`: from the first) that are below `to` (`None`: all), and
    /// gives their number.
    ///
    /// What lies wholly within the range is freed without a look at its keys. `WrongType` where the range
    /// holds a bucket: nothing has changed then. `NotWritable`.
    pub fn delete_range(&mut self, id: BucketId, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<u64> {
        self.check_writable()?;
        let snapshot = self.snapshot.as_ref().ok_or_else(gone)?;
        let bucket = self.buckets.get_mut(id)?;
        let count = self.nodes.remove_range(&**snapshot, &mut bucket.tree, (from, to))?;
        bucket.state.changed |= count > 0;
        Ok(count)
    }

    /// The value of `key`; `None` where it is missing or a bucket.
    // As `Source::get`.
    #[inline(always)]
    pub fn get(&self, bucket: BucketId, key: &[u8]) -> Result<Option<&[u8]>> {
        let root = self.buckets.get(bucket)?.tree.root;
        if self.is_reading() {
            return self.get_by_reading(root, key);
        }
        Ok(self.source()?.get(root, key)?.filter(|found| !found.is_bucket).map(|found| self.value(found)))
    }

    /// Sets `key` to a copy of `value`.
    ///
    /// `KeyRequired`, `KeySize`, `ValueSize` where they are too long, `WrongType` where the key is a bucket,
    /// `NotWritable`.
    pub fn put(&mut self, bucket: BucketId, key: &[u8], value: &[u8]) -> Result<()> {
        self.check_put(key, value.len())?;
        self.put_entry(bucket, key, value, false)
    }

    fn check_put(&self, key: &[u8], value_len: usize) -> Result<()> {
        self.check_writable()?;
        if key.is_empty() {
            return Err(Error::KeyRequired);
        }
        if key.len() > MAX_KEY_LEN {
            return Err(Error::KeySize(key.len()));
        }
        if value_len as u64 > max_value_len(key.len()) {
            return Err(Error::ValueSize(value_len));
        }
        Ok(())
    }

    /// Takes `key` out. A missing key is no error, as in bbolt; a bucket is `WrongType`.
    pub fn delete(&mut self, bucket: BucketId, key: &[u8]) -> Result<()> {
        self.check_writable()?;
        self.remove_entry(bucket, key, false).map(|_| ())
    }

    /// Takes an entry out of a bucket's tree; `false` where it is not there.
    pub(super) fn remove_entry(&mut self, id: BucketId, key: &[u8], is_bucket: bool) -> Result<bool> {
        let snapshot = self.snapshot.as_ref().ok_or_else(gone)?;
        let bucket = self.buckets.get_mut(id)?;
        let removed = self.nodes.remove(&**snapshot, &mut bucket.tree, key, is_bucket)?;
        bucket.state.changed |= removed;
        Ok(removed)
    }

    /// The bucket's sequence number.
    pub fn sequence(&self, bucket: BucketId) -> Result<u64> {
        self.buckets.get(bucket).map(|bucket| bucket.state.sequence)
    }

    /// Sets the bucket's sequence number.
    pub fn set_sequence(&mut self, id: BucketId, sequence: u64) -> Result<()> {
        self.check_writable()?;
        let snapshot = self.snapshot.as_ref().ok_or_else(gone)?;
        let bucket = self.buckets.get_mut(id)?;
        if self.shared.bbolt_rules || matches!(bucket.tree.root, Root::Inline { .. }) {
            self.nodes.take_root(&**snapshot, &mut bucket.tree)?;
        }
        bucket.state.sequence = sequence;
        bucket.state.changed = true;
        Ok(())
    }

    /// Adds one to the bucket's sequence number and gives it. The first is 1; past 2^64-1 comes 0, as in
    /// bbolt.
    pub fn next_sequence(&mut self, id: BucketId) -> Result<u64> {
        let next = self.sequence(id)?.wrapping_add(1);
        self.set_sequence(id, next)?;
        Ok(next)
    }

    /// For this transaction, cuts the bucket's pages by bbolt's rule with this fill percent, 0.1 to 1.0
    /// (others are taken as the nearest).
    pub fn set_fill_percent(&mut self, id: BucketId, percent: f64) -> Result<()> {
        self.check_writable()?;
        if percent.is_nan() {
            return Err(Error::Argument("the fill percent is not a number"));
        }
        self.buckets.get_mut(id)?.state.fill_percent = Some(percent);
        Ok(())
    }
}

impl Buckets {
    /// The name of an open bucket: where it lies, and its length.
    pub fn name(&self, id: BucketId) -> Result<(At, u64)> {
        self.get(id).map(|bucket| bucket.state.name)
    }
}

/// The value of a bucket that holds nothing: header and an empty inline page.
fn empty_inline_bucket() -> [u8; BUCKET_HEADER_LEN + PAGE_HEADER_LEN] {
    let mut value = [0; BUCKET_HEADER_LEN + PAGE_HEADER_LEN];
    let written = value.get_mut(BUCKET_HEADER_LEN..).and_then(|page| put_header(page, 0, Kind::Leaf, 0, 0));
    debug_assert!(written.is_some(), "the array has the length of both headers");
    value
}
