//! The freelist page: the ids of the free pages, ascending.
//!
//! The header counts in 16 bits. From 0xFFFF ids on it says 0xFFFF, and the first 64-bit word is the true
//! count.

use super::bytes::{put_u64, u64_at};
use super::page::{self, Header, Kind};
use super::{FIRST_PAGE, PAGE_HEADER_LEN, PageId};
use crate::error::{Error, Result};

const LONG: u64 = 0xFFFF;
const ID_LEN: u64 = 8;

/// The bytes that a list of `id_count` ids takes, header included.
pub fn encoded_len(id_count: u64) -> u64 {
    PAGE_HEADER_LEN as u64 + ID_LEN * if id_count >= LONG { id_count + 1 } else { id_count }
}

/// Reads the ids from the run `bytes` of page `id`, in the order in which they stand.
///
/// Each id is checked to lie within the file and outside the run itself; that none occurs twice is for the
/// caller to see, who has the set.
pub fn decode(
    bytes: &[u8],
    id: PageId,
    high_water: PageId,
) -> Result<impl Iterator<Item = Result<PageId>> + '_> {
    let header = Header::decode(bytes).ok_or_else(|| Error::corrupt(id, "the freelist page is cut short"))?;
    if header.kind() != Some(Kind::Freelist) || header.id != id {
        return Err(Error::corrupt(id, "is not the freelist page that the meta page names"));
    }
    let own = id..=id.saturating_add(u64::from(header.overflow));
    let (count, start) = match u64::from(header.count) {
        LONG => (u64_at(bytes, PAGE_HEADER_LEN).unwrap_or(u64::MAX), PAGE_HEADER_LEN as u64 + ID_LEN),
        count => (count, PAGE_HEADER_LEN as u64),
    };
    let end = count.checked_mul(ID_LEN).and_then(|len| len.checked_add(start));
    let ids = end
        .and_then(|end| bytes.get(start as usize..usize::try_from(end).ok()?))
        .ok_or_else(|| Error::corrupt(id, "the freelist is longer than its pages"))?;
    Ok(ids.chunks_exact(ID_LEN as usize).map(move |bytes| match u64_at(bytes, 0) {
        Some(free) if free >= FIRST_PAGE && free < high_water && !own.contains(&free) => Ok(free),
        other => Err(Error::corrupt(id, format!("the freelist names page {}", other.unwrap_or(0)))),
    }))
}

/// Writes the list into `run`, which becomes the whole run of page `id`. `ids` must yield `id_count` ids,
/// ascending.
///
/// `None` where the run is too short.
pub fn encode(
    run: &mut [u8],
    id: PageId,
    overflow: u32,
    id_count: u64,
    ids: impl Iterator<Item = PageId>,
) -> Option<()> {
    let mut offset = PAGE_HEADER_LEN;
    if id_count >= LONG {
        page::put_header(run, id, Kind::Freelist, LONG as u16, overflow)?;
        put_u64(run, offset, id_count)?;
        offset += ID_LEN as usize;
    } else {
        page::put_header(run, id, Kind::Freelist, id_count as u16, overflow)?;
    }
    for free in ids {
        put_u64(run, offset, free)?;
        offset += ID_LEN as usize;
    }
    run.get_mut(offset..)?.fill(0);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(count: u64) -> Vec<PageId> {
        let ids: Vec<PageId> = (1000..1000 + count).collect();
        let mut run = vec![0xAA; (encoded_len(count) as usize).div_ceil(4096) * 4096];
        let overflow = (run.len() / 4096 - 1) as u32;
        encode(&mut run, 5, overflow, count, ids.iter().copied()).unwrap();
        let back: Vec<PageId> = decode(&run, 5, 1 << 40).unwrap().map(|id| id.unwrap()).collect();
        assert_eq!(back, ids);
        back
    }

    #[test]
    fn lists_around_the_16_bit_count_are_read_back_as_written() {
        for count in [0, 1, 510, 511, 65534, 65535, 65536] {
            assert_eq!(round_trip(count).len() as u64, count);
        }
    }

    #[test]
    fn a_list_takes_8_bytes_an_id_and_8_more_for_a_long_count() {
        for (count, len) in [(0, 16), (1, 24), (65534, 524288), (65535, 524304), (65536, 524312)] {
            assert_eq!(encoded_len(count), len);
            let mut run = vec![0xAA; len as usize];
            assert_eq!(encode(&mut run[1..], 5, 0, count, 1000..1000 + count), None);
            assert_eq!(encode(&mut run, 5, 0, count, 1000..1000 + count), Some(()));
            assert_eq!(decode(&run, 5, 1 << 40).unwrap().count() as u64, count);
        }
    }

    #[test]
    fn what_is_no_list_or_another_one_is_refused() {
        let mut run = vec![0; 4096];
        page::put_header(&mut run, 5, Kind::Leaf, 1, 0).unwrap();
        assert!(decode(&run, 5, 50).is_err());
        page::put_header(&mut run, 6, Kind::Freelist, 1, 0).unwrap();
        assert!(decode(&run, 5, 50).is_err());
        assert!(decode(&run[..15], 6, 50).is_err());
    }

    #[test]
    fn ids_outside_the_file_or_of_the_list_itself_are_refused() {
        for id in [0, 1, 2, 4, 5, 6, 7, 49, 50, u64::MAX] {
            let mut run = vec![0; 4096];
            encode(&mut run, 5, 1, 1, std::iter::once(id)).unwrap();
            let is_good = [2, 4, 7, 49].contains(&id);
            assert_eq!(decode(&run, 5, 50).unwrap().next().unwrap().is_ok(), is_good, "{id}");
        }
    }

    #[test]
    fn a_count_that_passes_the_run_is_refused() {
        let mut run = vec![0; 4096];
        encode(&mut run, 5, 0, 0, std::iter::empty()).unwrap();
        for count in [511u16, 0xFFFE] {
            run[10..12].copy_from_slice(&count.to_ne_bytes());
            assert!(decode(&run, 5, 50).is_err());
        }
        run[10..12].copy_from_slice(&[0xff, 0xff]);
        run[16..24].copy_from_slice(&[0xff; 8]);
        assert!(decode(&run, 5, 50).is_err());
    }
}
