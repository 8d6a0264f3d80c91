//! The values of many keys at once.

use crate::error::{Error, Result};

use super::Txn;
use super::bucket::BucketId;

impl Txn {
    /// Sets each place of `values` to the value of the key at the same place of `keys`; `None` where that is
    /// missing or a bucket. Faster than to ask for one after the other, as the lookups wait for memory
    /// together.
    pub fn get_many<'t>(
        &'t self,
        bucket: BucketId,
        keys: &[&[u8]],
        values: &mut [Option<&'t [u8]>],
    ) -> Result<()> {
        if keys.len() != values.len() {
            return Err(Error::Argument("as many places for values as there are keys"));
        }
        if self.is_reading() {
            for (key, value) in keys.iter().zip(values) {
                *value = self.get(bucket, key)?;
            }
            return Ok(());
        }
        let root = self.buckets.get(bucket)?.tree.root;
        self.source()?.get_many(root, keys, |number, found| {
            if let Some(place) = values.get_mut(number) {
                *place = found.filter(|found| !found.is_bucket).map(|found| self.value(found));
            }
        })
    }
}
