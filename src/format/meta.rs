//! The meta page: 64 bytes behind a page header that say where everything begins.
//!
//! Decoding checks the struct by itself: magic, version, checksum. Whether a file can live up to it, and
//! which of two metas is chosen, is decided where the file is opened.

use super::bytes::{fnv1a, put_u32, put_u64, u32_at, u64_at};
use super::page::{self, Kind};
use super::{PAGE_HEADER_LEN, PageId, TXID_LIMIT, TxnId};
use crate::error::{Error, Result};

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const STRUCT_LEN: usize = 64;
const CHECKSUM_OFFSET: usize = 56;

/// The bytes of a meta page that carry anything: its header and the struct.
pub const META_LEN: usize = PAGE_HEADER_LEN + STRUCT_LEN;

/// What a meta page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The page size in bytes.
    pub page_size: u32,
    /// Carried forward and otherwise unused, as in bbolt.
    pub flags: u32,
    /// The root page of the root bucket.
    pub root: PageId,
    /// The sequence of the root bucket.
    pub sequence: u64,
    /// The freelist's page, or [`super::NO_FREELIST`].
    pub freelist: PageId,
    /// The first page id never given out.
    pub high_water: PageId,
    /// The transaction that wrote it.
    pub txid: TxnId,
}

impl Meta {
    /// Reads the meta at the head of `page`.
    pub fn decode(page: &[u8]) -> Result<Meta> {
        Self::decode_struct(page).unwrap_or_else(|| Err(Error::Invalid("the meta page is cut short".into())))
    }

    fn decode_struct(page: &[u8]) -> Option<Result<Meta>> {
        let bytes = page.get(PAGE_HEADER_LEN..META_LEN)?;
        let magic = u32_at(bytes, 0)?;
        if magic == MAGIC.swap_bytes() {
            return Some(Err(Error::Endian));
        }
        if magic != MAGIC {
            return Some(Err(Error::Invalid("its first page is no meta page".into())));
        }
        let version = u32_at(bytes, 4)?;
        if version != VERSION {
            return Some(Err(Error::Version(version)));
        }
        if u64_at(bytes, CHECKSUM_OFFSET)? != fnv1a(bytes.get(..CHECKSUM_OFFSET)?) {
            return Some(Err(Error::Checksum("the checksum of the meta page does not match".into())));
        }
        Some(Ok(Meta {
            page_size: u32_at(bytes, 8)?,
            flags: u32_at(bytes, 12)?,
            root: u64_at(bytes, 16)?,
            sequence: u64_at(bytes, 24)?,
            freelist: u64_at(bytes, 32)?,
            high_water: u64_at(bytes, 40)?,
            txid: u64_at(bytes, 48)?,
        }))
    }

    /// The header and struct as they stand at the head of meta page `slot` (0 or 1).
    pub fn encode(&self, slot: PageId) -> [u8; META_LEN] {
        let mut page = [0; META_LEN];
        let written = self.encode_into(&mut page, slot);
        debug_assert!(written.is_some(), "the array has the length of a meta");
        page
    }

    fn encode_into(&self, page: &mut [u8; META_LEN], slot: PageId) -> Option<()> {
        page::put_header(page, slot, Kind::Meta, 0, 0)?;
        let (_, bytes) = page.split_at_mut(PAGE_HEADER_LEN);
        put_u32(bytes, 0, MAGIC)?;
        put_u32(bytes, 4, VERSION)?;
        put_u32(bytes, 8, self.page_size)?;
        put_u32(bytes, 12, self.flags)?;
        put_u64(bytes, 16, self.root)?;
        put_u64(bytes, 24, self.sequence)?;
        put_u64(bytes, 32, self.freelist)?;
        put_u64(bytes, 40, self.high_water)?;
        put_u64(bytes, 48, self.txid)?;
        let checksum = fnv1a(bytes.get(..CHECKSUM_OFFSET)?);
        put_u64(bytes, CHECKSUM_OFFSET, checksum)
    }

    /// The id of the transaction after the one that wrote this.
    pub fn next_txid(&self) -> Result<TxnId> {
        let next = self.txid.saturating_add(1);
        if next < TXID_LIMIT {
            Ok(next)
        } else {
            Err(Error::corrupt(self.slot(), "the transaction ids have run out"))
        }
    }

    /// The slot into which this transaction's commit writes its meta: Go goes by parity.
    pub fn slot(&self) -> PageId {
        self.txid % 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(txid: TxnId) -> Meta {
        Meta { page_size: 4096, flags: 0, root: 3, sequence: 0, freelist: 2, high_water: 4, txid }
    }

    #[test]
    fn a_fresh_file_of_go_has_these_checksums() {
        for (txid, checksum) in [(0, 0x07516e114689fdee), (1, 0x264c351a5179480f)] {
            let page = fresh(txid).encode(txid);
            assert_eq!(u64_at(&page, 72), Some(checksum));
            assert_eq!(Meta::decode(&page).unwrap(), fresh(txid));
        }
    }

    #[test]
    fn each_transaction_has_the_next_id_and_the_other_slot_until_the_ids_run_out() {
        assert_eq!(META_LEN, 80);
        assert_eq!((fresh(6).slot(), fresh(7).slot()), (0, 1));
        assert_eq!(fresh(7).next_txid().unwrap(), 8);
        assert_eq!(fresh(TXID_LIMIT - 2).next_txid().unwrap(), TXID_LIMIT - 1);
        for txid in [TXID_LIMIT - 1, TXID_LIMIT, u64::MAX] {
            assert!(matches!(fresh(txid).next_txid(), Err(Error::Corrupt { .. })), "{txid}");
        }
    }

    #[test]
    fn what_is_no_meta_is_refused_with_the_reason() {
        let page = fresh(1).encode(1);
        let changed = |offset: usize| {
            let mut bad = page;
            bad[offset] ^= 0x10;
            Meta::decode(&bad)
        };
        assert!(matches!(changed(16), Err(Error::Invalid(_))));
        assert!(matches!(changed(20), Err(Error::Version(0x12))));
        assert!(matches!(changed(24), Err(Error::Checksum(_))));
        assert!(matches!(Meta::decode(&page[..79]), Err(Error::Invalid(_))));
    }

    #[test]
    fn any_changed_byte_of_the_struct_is_noticed() {
        let page = fresh(7).encode(1);
        for offset in PAGE_HEADER_LEN..META_LEN {
            let mut bad = page;
            bad[offset] ^= 0x10;
            assert!(Meta::decode(&bad).is_err(), "byte {offset}");
        }
    }

    #[test]
    fn a_meta_of_the_other_byte_order_is_named_so() {
        let mut page = fresh(1).encode(1);
        page[16..20].reverse();
        assert!(matches!(Meta::decode(&page), Err(Error::Endian)));
    }
}
