//! The part of a tree in which a cursor moves.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::format::page::Page;

use super::search::search;

/// The keys between which a cursor stays.
#[derive(Default)]
pub(super) struct Bounds {
    pub from: Option<Vec<u8>>,
    pub to: Option<Vec<u8>>,
}

impl Bounds {
    pub fn new(from: Option<&[u8]>, to: Option<&[u8]>) -> Result<Bounds> {
        Ok(Bounds { from: from.map(copy).transpose()?, to: to.map(copy).transpose()? })
    }

    #[inline]
    pub fn contain(&self, key: &[u8]) -> bool {
        self.from.as_deref().is_none_or(|from| key >= from) && self.to.as_deref().is_none_or(|to| key < to)
    }

    /// The entries of a leaf page that lie within.
    pub fn window(&self, page: &Page<'_>) -> Result<Range<u32>> {
        let start = self.from.as_deref().map_or(Ok(0), |from| Ok::<_, Error>(search(page, from)?.0))?;
        let end = self.to.as_deref().map_or(Ok(page.count()), |to| Ok::<_, Error>(search(page, to)?.0))?;
        Ok(start as u32..end as u32)
    }
}

fn copy(key: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(key.len())?;
    copy.extend_from_slice(key);
    Ok(copy)
}
