//! bbolt's file format, version 2: a file of pages, each `page size` bytes, all integers little-endian.
//!
//! ```text
//! page header, at the head of each page run         meta, behind the header of pages 0 and 1
//!   offset size field                                 offset size field
//!        0    8 page id (inline pages: 0)                  0    4 magic 0xED0CDAED
//!        8    2 kind: 1 branch, 2 leaf, 4 meta,            4    4 version 2
//!               16 freelist                                8    4 page size
//!       10    2 count of elements                         12    4 flags
//!       12    4 count of overflow pages                   16    8 root page of the root bucket
//!                                                         24    8 sequence of the root bucket
//! branch element                leaf element              32    8 freelist page, or all ones: none
//!        0    4 pos                  0  4 flags, bit 0:   40    8 high water: first id never given out
//!        4    4 key_len                   a bucket        48    8 transaction id
//!        8    8 child page id        4  4 pos             56    8 FNV-1a-64 of bytes 0 to 55
//!                                    8  4 key_len
//!                                   12  4 value_len     bucket header, a bucket's value
//!                                                          0    8 root page, 0: inline
//! freelist page                                            8    8 sequence
//!       16    8 each: page ids; count 0xFFFF: the         16      inline: a leaf page
//!               first is the count
//! ```
//!
//! `pos` counts from the element itself to the key; the value follows the key at once.
//!
//! This module does no I/O and never panics on content: each length and offset that comes from a file is
//! checked where it is read, and only there.
//!
//! F1. A [`page::Page`] never gives bytes from outside its run.
//! F2. What `format` encodes, it decodes to the same.

pub mod bucket;
pub mod builder;
pub mod bytes;
pub mod freelist;
pub mod meta;
pub mod page;

/// The number of a page: its offset in the file divided by the page size.
pub type PageId = u64;
/// The number of a write transaction; each commit has the next one.
pub type TxnId = u64;

/// The length of a page header in bytes.
pub const PAGE_HEADER_LEN: usize = 16;
/// The length of a branch or leaf element in bytes.
pub const ELEMENT_LEN: usize = 16;
/// The length of a bucket header in bytes.
pub const BUCKET_HEADER_LEN: usize = 16;
/// The smallest page size in bytes.
pub const MIN_PAGE_SIZE: u32 = 1 << 10;
/// The largest page size that a new file may have, in bytes.
pub const MAX_PAGE_SIZE: u32 = 1 << 16;
/// The largest page size that is looked for and read (bbolt searches the second meta page up to 16 MiB).
pub const MAX_READ_PAGE_SIZE: u32 = 1 << 24;
/// The longest key in bytes (bbolt: `MaxKeySize`).
pub const MAX_KEY_LEN: usize = 32768;
/// How far an element may reach, from its own first byte to the end of its value: Go cannot read beyond.
pub const MAX_ELEMENT_SPAN: u64 = (1 << 31) - 1;
/// The most elements on one page: Go refuses to write 0xFFFF.
pub const MAX_ELEMENT_COUNT: usize = 0xFFFE;
/// The deepest tree, in pages: with two children a branch it would hold 2^64 leaves.
pub const MAX_DEPTH: usize = 64;
/// The freelist page id of a file that holds no freelist (bbolt: `PgidNoFreelist`).
pub const NO_FREELIST: PageId = u64::MAX;
/// Transaction ids stay below this: whoever reads one can go on counting from it.
pub const TXID_LIMIT: TxnId = 1 << 63;
/// The pages 0 and 1 are the metas; no tree or list may name them.
pub const FIRST_PAGE: PageId = 2;

/// The longest value that goes with a key of `key_len` bytes: 2^31 - 17 - key_len.
pub fn max_value_len(key_len: usize) -> u64 {
    MAX_ELEMENT_SPAN - ELEMENT_LEN as u64 - key_len as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_as_long_as_go_can_read_it() {
        assert_eq!(max_value_len(1), 2_147_483_630);
        assert_eq!(max_value_len(MAX_KEY_LEN), 2_147_450_863);
    }
}
