//! Deleting a bucket with all that is in it, however deep, without calling itself.
//!
//! The pages to free are gathered first; nothing has changed if that fails. A bucket below that is open in
//! the transaction is taken as it stands there, not as its parent's entry has it.

use crate::error::{Error, Result};
use crate::freelist::{PageSet, Run};
use crate::tree::{Found, Root, Visit, walk};

use super::Txn;
use super::bucket::{BucketId, ROOT};
use super::free_pages::stored_root;

impl Txn {
    /// Deletes the bucket `name` in `parent` and all buckets in it. Their numbers answer `BadHandle` from
    /// then on.
    ///
    /// `NotFound` where there is none, `WrongType` where the key has a value, `NotWritable`.
    pub fn delete_bucket(&mut self, parent: BucketId, name: &[u8]) -> Result<()> {
        self.check_writable()?;
        let root = self.buckets.get(parent)?.tree.root;
        let found = self.find(root, name)?.ok_or(Error::NotFound)?;
        if !found.is_bucket {
            return Err(Error::WrongType("the key is no bucket"));
        }
        let stored = stored_root(found.value, found.at);
        let gathered = self.gather(parent, name, stored)?;
        self.nodes.freed.try_reserve(gathered.runs.len())?;
        self.remove_entry(parent, name, true)?;
        self.nodes.freed.extend(gathered.runs);
        for id in gathered.open {
            self.buckets.get_mut(id)?.state.deleted = true;
        }
        Ok(())
    }

    /// All runs of the bucket and of those below, and which of them are open.
    fn gather(&self, parent: BucketId, name: &[u8], stored: Result<(Root, u64)>) -> Result<Gathered> {
        let mut gathered = Gathered { seen: PageSet::new(), runs: Vec::new(), open: Vec::new() };
        let mut pending = vec![match self.open_child(parent, name)? {
            Some(id) => Below::Open(id),
            None => Below::Stored(stored?.0),
        }];
        while let Some(below) = pending.pop() {
            let (root, id) = match below {
                Below::Open(id) => {
                    gathered.open.try_reserve(1)?;
                    gathered.open.push(id);
                    (self.buckets.get(id)?.tree.root, Some(id))
                }
                Below::Stored(root) => (root, None),
            };
            let mut visit =
                Gathering { txn: self, gathered: &mut gathered, pending: &mut pending, bucket: id };
            walk(&**self.snapshot()?, &self.nodes, root, &mut visit)?;
        }
        Ok(gathered)
    }
}

enum Below {
    Open(BucketId),
    Stored(Root),
}

struct Gathered {
    seen: PageSet,
    runs: Vec<Run>,
    open: Vec<BucketId>,
}

struct Gathering<'a> {
    txn: &'a Txn,
    gathered: &'a mut Gathered,
    pending: &'a mut Vec<Below>,
    bucket: Option<BucketId>,
}

impl Visit for Gathering<'_> {
    fn run(&mut self, run: Run) -> Result<()> {
        if !self.gathered.seen.insert_run(run.id, run.page_count)? {
            return Err(Error::corrupt(run.id, "two places in the file refer to the page"));
        }
        self.gathered.runs.try_reserve(1)?;
        self.gathered.runs.push(run);
        Ok(())
    }

    fn bucket(&mut self, name: &[u8], found: Found<'_>) -> Result<()> {
        let open = match self.bucket {
            Some(id) => self.txn.open_child(id, name)?.filter(|&child| child != ROOT),
            None => None,
        };
        self.pending.try_reserve(1)?;
        self.pending.push(match open {
            Some(id) => Below::Open(id),
            None => Below::Stored(stored_root(found.value, found.at)?.0),
        });
        Ok(())
    }
}
