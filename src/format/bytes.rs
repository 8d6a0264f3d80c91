//! The only place where integers are read from bytes or written to them. All are little-endian.
#![allow(clippy::disallowed_methods, reason = "this is the place that the rule names")]

use crate::error::Result;

/// The `N` bytes at `offset`, or `None` past the end.
#[inline(always)]
fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

/// The 16-bit integer at `offset`, or `None` past the end.
#[inline(always)]
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_le_bytes)
}

/// The 32-bit integer at `offset`, or `None` past the end.
#[inline(always)]
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array_at(bytes, offset).map(u32::from_le_bytes)
}

/// The 64-bit integer at `offset`, or `None` past the end.
#[inline(always)]
pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array_at(bytes, offset).map(u64::from_le_bytes)
}

/// The 16 bytes at `offset` as two 64-bit integers, in one check.
#[inline(always)]
pub fn u64_pair_at(bytes: &[u8], offset: usize) -> Option<(u64, u64)> {
    let both = u128::from_le_bytes(array_at(bytes, offset)?);
    Some((both as u64, (both >> 64) as u64))
}

/// The bytes once more, where there is memory for them.
pub fn copied(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Writes a 16-bit integer. `None` past the end, and nothing is written.
#[inline(always)]
pub fn put_u16(bytes: &mut [u8], offset: usize, value: u16) -> Option<()> {
    *bytes.get_mut(offset..)?.first_chunk_mut()? = value.to_le_bytes();
    Some(())
}

/// Writes a 32-bit integer. `None` past the end, and nothing is written.
#[inline(always)]
pub fn put_u32(bytes: &mut [u8], offset: usize, value: u32) -> Option<()> {
    *bytes.get_mut(offset..)?.first_chunk_mut()? = value.to_le_bytes();
    Some(())
}

/// Writes a 64-bit integer. `None` past the end, and nothing is written.
#[inline(always)]
pub fn put_u64(bytes: &mut [u8], offset: usize, value: u64) -> Option<()> {
    *bytes.get_mut(offset..)?.first_chunk_mut()? = value.to_le_bytes();
    Some(())
}

/// Writes two 64-bit integers at the head of `bytes`. `None` where they are too few.
#[inline(always)]
pub fn put_u64_pair(bytes: &mut [u8], first: u64, second: u64) -> Option<()> {
    *bytes.first_chunk_mut()? = (u128::from(first) | u128::from(second) << 64).to_le_bytes();
    Some(())
}

/// The first 8 bytes as a number that orders as they do, zeros behind a shorter key. Where two keys' prefixes
/// are equal the keys themselves must be compared.
#[inline(always)]
pub fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => short_prefix(key),
    }
}

/// [`prefix`] of fewer than 8 bytes, apart, so that it takes no registers from the loops that need it rarely.
#[inline(never)]
fn short_prefix(key: &[u8]) -> u64 {
    let number = key.iter().fold(0, |prefix, &byte| prefix << 8 | u64::from(byte));
    number << (8 * (8 - key.len() as u32 % 8) % 64)
}

/// [`prefix`] of the `len` bytes at `offset`; `None` past the end.
#[inline(always)]
pub fn prefix_at(bytes: &[u8], offset: usize, len: usize) -> Option<u64> {
    if len >= 8 {
        return array_at(bytes, offset).map(u64::from_be_bytes);
    }
    bytes.get(offset..)?.get(..len).map(short_prefix)
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo; IETF draft-eastlake-fnv), the checksum of the meta page.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_nothing_lies_past_the_end() {
        let mut bytes = [0u8; 16];
        assert_eq!(put_u16(&mut bytes, 0, 0x1234), Some(()));
        assert_eq!(put_u32(&mut bytes, 2, 0x5678_9abc), Some(()));
        assert_eq!(put_u64(&mut bytes, 8, u64::MAX - 1), Some(()));
        assert_eq!(u16_at(&bytes, 0), Some(0x1234));
        assert_eq!(u32_at(&bytes, 2), Some(0x5678_9abc));
        assert_eq!(u64_at(&bytes, 8), Some(u64::MAX - 1));
        assert_eq!(u64_pair_at(&bytes, 0).map(|pair| pair.1), Some(u64::MAX - 1));
        assert_eq!(put_u64_pair(&mut bytes, 7, 1 << 63 | 9), Some(()));
        assert_eq!(u64_pair_at(&bytes, 0), Some((7, 1 << 63 | 9)));
        assert_eq!(u64_pair_at(&bytes, 1), None);
        assert_eq!(put_u64_pair(&mut bytes[1..], 7, 9), None);
        assert_eq!(put_u64(&mut bytes, 8, u64::MAX - 1), Some(()));
        assert_eq!(u64_at(&bytes, 9), None);
        assert_eq!(u16_at(&bytes, usize::MAX), None);
        assert_eq!(put_u32(&mut bytes, 13, 1), None);
        assert_eq!(bytes[13..], [0xff, 0xff, 0xff]);
    }

    #[test]
    fn a_copy_has_the_same_bytes() {
        assert_eq!(copied(b"").unwrap(), b"");
        assert_eq!(copied(b"\0ab").unwrap(), b"\0ab");
    }

    #[test]
    fn prefixes_order_as_their_keys_do() {
        let keys: [&[u8]; 9] = [
            b"",
            b"\0",
            b"\0\0",
            b"a",
            b"a\0",
            b"ab",
            b"abcdefgh",
            b"abcdefghi",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
        ];
        for (index, left) in keys.iter().enumerate() {
            for right in &keys[index..] {
                assert!(prefix(left) <= prefix(right), "{left:?} {right:?}");
            }
        }
        assert_eq!(prefix(b"abcdefghi"), prefix(b"abcdefgh"));
        assert_eq!(prefix(b""), 0);
        assert_eq!(prefix(b"a"), 0x6100_0000_0000_0000);
        assert_eq!(prefix(b"ab"), 0x6162_0000_0000_0000);
        assert_eq!(prefix(b"abcdefg"), 0x6162_6364_6566_6700);
        assert_eq!(prefix(b"abcdefgh"), 0x6162_6364_6566_6768);
    }

    #[test]
    fn fnv1a_has_the_published_value() {
        assert_eq!(fnv1a(b"foobar"), 0x85944171f73967e8);
    }
}
