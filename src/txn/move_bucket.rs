//! Moving a bucket with all that is in it, and with what was changed in it in the same transaction.

use crate::error::{Error, Result};
use crate::tree::Root;

use super::Txn;
use super::bucket::BucketId;

impl Txn {
    /// Moves the bucket `name` of `from` into `to`, under the same name. Its number stays.
    ///
    /// `NotFound`, `WrongType` where the key of `from` has a value; `Exists`, `WrongType` where `to` has that
    /// key; `SameBucket` where `to` is `from`, or lies within the bucket that is moved. Nothing has
    /// changed then.
    pub fn move_bucket(&mut self, from: BucketId, name: &[u8], to: BucketId) -> Result<()> {
        self.check_writable()?;
        self.buckets.get(to)?;
        let id = self.bucket(from, name)?;
        if from == to || id == to || self.buckets.ancestors(to).any(|above| above == id) {
            return Err(Error::SameBucket);
        }
        match self.find(self.buckets.get(to)?.tree.root, name)? {
            Some(found) if found.is_bucket => return Err(Error::Exists),
            Some(_) => return Err(Error::WrongType("the key is no bucket")),
            None => {}
        }
        let snapshot = self.snapshot()?.clone();
        let bucket = self.buckets.get_mut(id)?;
        if let Root::Inline { .. } = bucket.tree.root {
            self.nodes.take_root(&*snapshot, &mut bucket.tree)?;
        }
        self.put_entry(to, name, &[0; crate::format::BUCKET_HEADER_LEN], true)?;
        self.remove_entry(from, name, true)?;
        let root = self.buckets.get(to)?.tree.root;
        let found = self.source()?.get(root, name)?.ok_or(Error::NotFound)?;
        let at = found.key_at;
        self.buckets.set_parent(id, to, name, at)
    }
}
