//! Which pages are free when the first write transaction begins: the list in the file, or what a walk does
//! not reach.

use crate::error::{Error, Result};
use crate::format::bucket::BucketHeader;
use crate::format::{BUCKET_HEADER_LEN, FIRST_PAGE, NO_FREELIST, freelist};
use crate::freelist::{Freelist, PageSet, Run};
use crate::tree::{At, Found, Nodes, Pages, Root, Scoped, Visit, walk};

use super::snapshot::Snapshot;

/// The free pages of `snapshot`.
pub fn load(snapshot: &Snapshot) -> Result<Freelist> {
    let id = snapshot.meta.freelist;
    if id == NO_FREELIST {
        return rebuild(snapshot);
    }
    Freelist::load(freelist::decode(snapshot.scope().run(id)?, id, snapshot.meta.high_water)?)
}

/// Walks all buckets, as bbolt does where the file has no list; what they do not reach is free.
fn rebuild(snapshot: &Snapshot) -> Result<Freelist> {
    let nodes = Nodes::default();
    let mut reached = Reached { used: PageSet::new(), roots: vec![Root::Page(snapshot.meta.root)] };
    while let Some(root) = reached.roots.pop() {
        walk(snapshot, &nodes, root, &mut reached)?;
    }
    Freelist::load((FIRST_PAGE..snapshot.meta.high_water).filter(|&id| !reached.used.contains(id)).map(Ok))
}

struct Reached {
    used: PageSet,
    roots: Vec<Root>,
}

impl Visit for Reached {
    fn run(&mut self, run: Run) -> Result<()> {
        match self.used.insert_run(run.id, run.page_count)? {
            true => Ok(()),
            false => Err(Error::corrupt(run.id, "two places in the file refer to the page")),
        }
    }

    fn bucket(&mut self, _name: &[u8], found: Found<'_>) -> Result<()> {
        self.roots.try_reserve(1)?;
        self.roots.push(stored_root(found.value, found.at)?.0);
        Ok(())
    }
}

/// The root and the sequence of a bucket whose value is `value`, which lies at `at`.
pub fn stored_root(value: &[u8], at: At) -> Result<(Root, u64)> {
    let header =
        BucketHeader::decode(value).ok_or_else(|| Error::corrupt(0, "a bucket's value is too short"))?;
    if header.root != 0 {
        return Ok((Root::Page(header.root), header.sequence));
    }
    let Some(offset) = at.plus(BUCKET_HEADER_LEN as u64).file_offset() else {
        return Err(Error::corrupt(0, "an inline bucket is not the one that was opened under its name"));
    };
    Ok((Root::Inline { offset, len: (value.len() - BUCKET_HEADER_LEN) as u64 }, header.sequence))
}
