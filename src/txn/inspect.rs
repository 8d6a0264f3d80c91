//! The tree of buckets with the number of keys in each, one bucket after the other, without recursion.

use crate::error::{Error, Result};
use crate::freelist::{PageSet, Run};
use crate::tree::{At, Found, Root, Visit, walk};

use super::Txn;
use super::bucket::BucketId;
use super::free_pages::stored_root;

/// A bucket of an inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspected<'t> {
    /// How many buckets lie above it, up to the one whose inspection it is.
    pub depth: usize,
    /// Its name; empty for the one whose inspection it is.
    pub name: &'t [u8],
    /// How many keys it has that are no buckets.
    pub key_count: u64,
}

/// A walk through a bucket and all buckets below it, parents before children, children in the order of their
/// names.
///
/// It holds no reference to its transaction: each step is given it. It sees what the transaction has changed.
pub struct Inspection {
    pending: Vec<Pending>,
    seen: PageSet,
}

/// A bucket still to be told.
struct Pending {
    place: Place,
    name: (At, u64),
    depth: usize,
}

/// Where a bucket is: open in the transaction, or as the file has it.
enum Place {
    Open(BucketId),
    Stored(Root),
}

/// What one bucket holds.
struct Content<'a> {
    txn: &'a Txn,
    bucket: Option<BucketId>,
    seen: &'a mut PageSet,
    children: Vec<(Place, (At, u64))>,
    entry_count: u64,
}

impl Txn {
    /// An inspection of `bucket`.
    pub fn inspect(&self, bucket: BucketId) -> Result<Inspection> {
        self.buckets.get(bucket)?;
        let mut pending = Vec::new();
        pending.try_reserve(1)?;
        pending.push(Pending { place: Place::Open(bucket), name: (At::file(0), 0), depth: 0 });
        Ok(Inspection { pending, seen: PageSet::new() })
    }
}

impl Inspection {
    /// The next bucket; `None` after the last.
    pub fn next<'t>(&mut self, txn: &'t Txn) -> Result<Option<Inspected<'t>>> {
        let Some(Pending { place, name, depth }) = self.pending.pop() else { return Ok(None) };
        let snapshot = txn.snapshot()?;
        let (root, bucket) = match place {
            Place::Open(id) => (txn.buckets.get(id)?.tree.root, Some(id)),
            Place::Stored(root) => (root, None),
        };
        let mut content = Content { txn, bucket, seen: &mut self.seen, children: Vec::new(), entry_count: 0 };
        walk(&**snapshot, &txn.nodes, root, &mut content)?;
        let Content { mut children, entry_count, .. } = content;
        let key_count = entry_count - children.len() as u64;
        self.pending.try_reserve(children.len())?;
        let below = children.drain(..).rev();
        self.pending.extend(below.map(|(place, name)| Pending { place, name, depth: depth + 1 }));
        Ok(Some(Inspected { depth, name: txn.source()?.bytes(name.0, name.1)?, key_count }))
    }
}

impl Visit for Content<'_> {
    fn run(&mut self, run: Run) -> Result<()> {
        if self.seen.insert_run(run.id, run.page_count)? {
            Ok(())
        } else {
            Err(Error::corrupt(run.id, "two places in the file refer to the page"))
        }
    }

    fn bucket(&mut self, name: &[u8], found: Found<'_>) -> Result<()> {
        let open = match self.bucket {
            Some(id) => self.txn.open_child(id, name)?,
            None => None,
        };
        let place = match open {
            Some(id) => Place::Open(id),
            None => Place::Stored(stored_root(found.value, found.at)?.0),
        };
        self.children.try_reserve(1)?;
        self.children.push((place, (found.key_at, name.len() as u64)));
        Ok(())
    }

    fn leaf(&mut self, entry_count: usize) -> Result<()> {
        self.entry_count += entry_count as u64;
        Ok(())
    }
}
