//! Savepoints: states within a write transaction to which it can be taken back.
//!
//! Each change of a node or of a bucket passes one place, which keeps what was there before its first change
//! since the last savepoint. So setting one costs nothing, and rolling back costs what was changed since.
//!
//! V1. Bytes that were handed out stay where they are: the arena is not taken back.

use crate::error::{Error, Result};
use crate::tree::NodesMark;

use super::Txn;
use super::bucket::BucketsMark;

/// A savepoint of a transaction; later ones have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Savepoint(pub u64);

struct Mark {
    savepoint: Savepoint,
    nodes: NodesMark,
    buckets: BucketsMark,
    hook_count: usize,
}

/// The savepoints of a transaction, oldest first.
#[derive(Default)]
pub(super) struct Savepoints {
    marks: Vec<Mark>,
    /// The last epoch given out; savepoints are numbered by it.
    epoch: u64,
}

impl Savepoints {
    fn position(&self, savepoint: Savepoint) -> Result<usize> {
        let found = self.marks.binary_search_by_key(&savepoint, |mark| mark.savepoint);
        found.map_err(|_| Error::BadHandle("the savepoint is released, or rolled back past"))
    }
}

impl Txn {
    /// Sets a savepoint. They nest: rolling back to one gives up those set after it.
    pub fn savepoint(&mut self) -> Result<Savepoint> {
        self.check_writable()?;
        let points = &mut self.savepoints;
        points.marks.try_reserve(1)?;
        points.epoch += 1;
        let savepoint = Savepoint(points.epoch);
        let (nodes, buckets) = (self.nodes.mark(points.epoch), self.buckets.mark(points.epoch));
        points.marks.push(Mark { savepoint, nodes, buckets, hook_count: self.hooks.len() });
        Ok(savepoint)
    }

    /// Takes back all that was done since `savepoint` was set, and keeps the savepoint. Buckets that were
    /// opened since answer `BadHandle`; slices stay valid; hooks given since will not run.
    ///
    /// `BadHandle` where the savepoint is released, or a rollback went past it.
    pub fn rollback_to(&mut self, savepoint: Savepoint) -> Result<()> {
        self.check_writable()?;
        let points = &mut self.savepoints;
        let position = points.position(savepoint)?;
        points.marks.truncate(position + 1);
        points.epoch += 1;
        if let Some(mark) = points.marks.last() {
            self.nodes.take_back(mark.nodes, points.epoch);
            self.buckets.take_back(mark.buckets, points.epoch);
            self.hooks.truncate(mark.hook_count);
        }
        Ok(())
    }

    /// Gives up `savepoint` and those set after it; what was done since stays.
    ///
    /// `BadHandle` where it is released, or a rollback went past it.
    pub fn release(&mut self, savepoint: Savepoint) -> Result<()> {
        self.check_writable()?;
        let position = self.savepoints.position(savepoint)?;
        self.savepoints.marks.truncate(position);
        if position == 0 {
            self.nodes.forget_marks();
            self.buckets.forget_marks();
        }
        Ok(())
    }
}
