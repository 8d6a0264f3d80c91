//! A copy of the database as one transaction sees it, byte for byte what bbolt's `Tx.WriteTo` gives: the meta
//! twice, the second with the id before, then all pages as they stand in the file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::meta::Meta;
use crate::tree::{Pages, Scoped};

use super::Txn;

/// How much is given to the writer at once.
const PIECE_LEN: u64 = 1 << 20;

impl Txn {
    /// Whether `path` names the file of the database.
    pub fn is_in_file(&self, path: &Path) -> bool {
        self.shared.storage.is_named(path)
    }

    /// Gives the copy to `write`, piece by piece. An error of `write` ends it at once and comes back.
    ///
    /// The copy has [`Txn::len`] bytes. For a write transaction it is the state with which it began.
    pub fn write_to<E: From<Error>>(
        &self,
        mut write: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let snapshot = self.snapshot()?;
        let page_size = u64::from(snapshot.meta.page_size);
        for (slot, txid) in [(0, snapshot.meta.txid), (1, snapshot.meta.txid.wrapping_sub(1))] {
            write(&meta_page(Meta { txid, ..snapshot.meta }, slot)?)?;
        }
        let mut offset = 2 * page_size;
        let mut piece = Vec::new();
        while offset < snapshot.len() {
            let len = PIECE_LEN.min(snapshot.len() - offset);
            if snapshot.view.is_random() {
                write(self.read(&mut piece, offset, len)?)?;
            } else {
                write(snapshot.scope().bytes(offset, len)?)?;
            }
            offset += len;
        }
        Ok(())
    }

    /// Reads into `piece` from the file, past the map: the kernel reads ahead of such reads, and of those through this
    /// map it does not.
    fn read<'p>(&self, piece: &'p mut Vec<u8>, offset: u64, len: u64) -> Result<&'p [u8]> {
        piece.try_reserve((len as usize).saturating_sub(piece.len()))?;
        piece.resize(len as usize, 0);
        let count = self.shared.storage.read_at(piece, offset)? as u64;
        if count < len {
            return Err(Error::Truncated { len: offset + count, expected: offset + len });
        }
        Ok(piece)
    }
}

fn meta_page(meta: Meta, slot: u64) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    page.try_reserve_exact(meta.page_size as usize)?;
    page.extend_from_slice(&meta.encode(slot));
    page.resize(meta.page_size as usize, 0);
    Ok(page)
}
