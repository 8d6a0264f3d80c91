//! What a transaction gives out where pages are read without a map, and what it only looks at.

use crate::error::Result;
use crate::tree::{At, Found, Root, Source};

use super::Txn;
use super::bucket::BucketId;
use super::scope::Scope;

/// A value up to this length may lie on a page that was read to find it.
const LONG_LEN: usize = 1 << 10;
/// How much of a value is asked for at once, 8 MiB: of a longer one a part may be all that is wanted.
const FETCH_MAX: u64 = 8 << 20;

impl Txn {
    /// Whether pages are read without a map: then whoever only passes through pages does so in a scope, and
    /// lends what it gives out.
    #[inline]
    pub(super) fn is_reading(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.view.reading().is_some())
    }

    /// A scope for one step.
    pub(super) fn scope(&self) -> Result<Scope<'_>> {
        self.snapshot().map(|snapshot| Scope::new(snapshot))
    }

    /// The bytes at `at`, found in `scope`, to be given to the caller: good until the transaction ends.
    pub(super) fn lend<'t>(&'t self, scope: &Scope<'t>, at: At, len: u64) -> Result<&'t [u8]> {
        match at.file_offset() {
            Some(offset) => scope.lend(offset, len),
            None => self.source()?.bytes(at, len),
        }
    }

    /// What stands under `key` in the tree that begins at `root`, as far as it matters where it lies.
    pub(super) fn find(&self, root: Root, key: &[u8]) -> Result<Option<Found<'_>>> {
        if !self.is_reading() {
            return self.source()?.get(root, key);
        }
        let scope = self.scope()?;
        let found = Source { pages: &scope, nodes: &self.nodes }.get(root, key)?;
        found.map(|found| self.lend_found(&scope, found)).transpose()
    }

    /// What was found in `scope`, its value lent.
    fn lend_found<'t>(&'t self, scope: &Scope<'t>, found: Found<'_>) -> Result<Found<'t>> {
        let Found { key_at, at, is_bucket, value } = found;
        let value = self.lend(scope, at, value.len() as u64)?;
        Ok(Found { value, key_at, at, is_bucket })
    }

    #[cold]
    pub(super) fn get_by_reading(&self, root: Root, key: &[u8]) -> Result<Option<&[u8]>> {
        let scope = self.scope()?;
        let found = Source { pages: &scope, nodes: &self.nodes }.get(root, key)?;
        let value = found.filter(|found| !found.is_bucket);
        value.map(|found| self.lend(&scope, found.at, found.value.len() as u64)).transpose()
    }

    /// What `look` makes of the value of `key`; `None` where it is missing or a bucket. The value is not
    /// given out: without a map its page may go afterwards.
    pub fn get_with<R>(
        &self,
        bucket: BucketId,
        key: &[u8],
        look: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        let root = self.buckets.get(bucket)?.tree.root;
        let scope = self.scope()?;
        let found = Source { pages: &scope, nodes: &self.nodes }.get(root, key)?;
        Ok(found.filter(|found| !found.is_bucket).map(|found| look(self.value(found))))
    }

    /// The value that was found, to be given to a caller who asked for it. A long one, in a file that nobody reads ahead
    /// of, is asked for in one piece.
    #[inline]
    pub(super) fn value<'f>(&self, found: Found<'f>) -> &'f [u8] {
        if found.value.len() > LONG_LEN {
            self.fetch_value(&found);
        }
        found.value
    }

    #[cold]
    fn fetch_value(&self, found: &Found<'_>) {
        let (Some(snapshot), Some(offset)) = (&self.snapshot, found.at.file_offset()) else { return };
        if snapshot.view.is_random() {
            snapshot.view.fetch(offset, (found.value.len() as u64).min(FETCH_MAX));
        }
    }
}
