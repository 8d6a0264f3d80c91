//! A bucket's value: 16 bytes of header, and for an inline bucket the leaf page behind it.

use super::bytes::{put_u64, u64_pair_at};
use super::{BUCKET_HEADER_LEN, PageId};

/// The header that stands in a bucket's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketHeader {
    /// The root page, or 0 where the bucket's one page follows the header.
    pub root: PageId,
    /// The bucket's sequence number.
    pub sequence: u64,
}

impl BucketHeader {
    /// Reads the header at the head of a bucket's value; `None` where the value is too short.
    pub fn decode(value: &[u8]) -> Option<BucketHeader> {
        let (root, sequence) = u64_pair_at(value, 0)?;
        Some(BucketHeader { root, sequence })
    }

    /// The header's bytes.
    pub fn encode(&self) -> [u8; BUCKET_HEADER_LEN] {
        let mut bytes = [0; BUCKET_HEADER_LEN];
        let written = put_u64(&mut bytes, 0, self.root).and_then(|()| put_u64(&mut bytes, 8, self.sequence));
        debug_assert!(written.is_some(), "the array has the length of a header");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_as_written() {
        let header = BucketHeader { root: 77, sequence: u64::MAX };
        assert_eq!(BucketHeader::decode(&header.encode()), Some(header));
        assert_eq!(BucketHeader::decode(&header.encode()[..15]), None);
    }
}
