//! Bytes of the file that a check looks at: shown by a map or by memory, or read for it. The check keeps only
//! those of the pages on its way.

use std::ops::Range;
use std::sync::Arc;

use crate::storage::reading::Piece;

/// See the module's page.
#[derive(Clone)]
pub(super) enum Bytes<'a> {
    Shown(&'a [u8]),
    Read(Arc<Piece>, Range<usize>),
}

impl<'a> Bytes<'a> {
    pub fn read(piece: Arc<Piece>) -> Bytes<'a> {
        let len = piece.bytes().len();
        Bytes::Read(piece, 0..len)
    }

    pub fn get(&self) -> &[u8] {
        match self {
            Bytes::Shown(bytes) => bytes,
            Bytes::Read(piece, range) => piece.bytes().get(range.clone()).unwrap_or_default(),
        }
    }

    /// A part of these bytes, which [`Self::get`] gave, for as long as these.
    pub fn part(&self, part: &[u8]) -> Bytes<'a> {
        let start = part.as_ptr().addr().wrapping_sub(self.get().as_ptr().addr());
        let within = start..start.wrapping_add(part.len());
        match self {
            Bytes::Shown(bytes) => Bytes::Shown(bytes.get(within).unwrap_or_default()),
            Bytes::Read(piece, range) => {
                let start = range.start.wrapping_add(within.start);
                Bytes::Read(Arc::clone(piece), start..start.wrapping_add(part.len()))
            }
        }
    }
}
