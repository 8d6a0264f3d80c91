//! A set of page ids as a sparse bitmap: 4 KiB for each 32,768 pages of which any is or was in it.
//!
//! Memory follows what is put into the set, not the size of the file. Ascending order, membership and runs come for
//! nothing, and an id that is added twice is seen.

use crate::error::{Error, Result};
use crate::format::PageId;

const WORD_BITS: u64 = 64;
const CHUNK_WORDS: usize = 512;
const CHUNK_BITS: u64 = WORD_BITS * CHUNK_WORDS as u64;

struct Chunk {
    words: Box<[u64; CHUNK_WORDS]>,
    count: u32,
}

impl Chunk {
    /// Without any id. A box would be made or the program would end; for a slice there may be no memory.
    fn new() -> Result<Chunk> {
        let mut words = Vec::new();
        words.try_reserve_exact(CHUNK_WORDS)?;
        words.resize(CHUNK_WORDS, 0);
        let words = words.into_boxed_slice().try_into().map_err(|_| Error::NoMemory)?;
        Ok(Chunk { words, count: 0 })
    }
}

/// Some of the 64 ids from a multiple of 64 on, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    base: PageId,
    bits: Bits,
}

/// [`PageSet::find_group`] looks at so many ids as one.
pub const GROUP_LEN: u64 = 16;
/// One in each of those of a word.
const GROUPS: u64 = u64::MAX / 0xFFFF;

impl Group {
    /// The multiple of 64.
    pub fn base(&self) -> PageId {
        self.base
    }

    /// How many ids it has.
    pub fn page_count(&self) -> u64 {
        u64::from(self.bits.0.count_ones())
    }
}

impl Iterator for Group {
    type Item = PageId;

    fn next(&mut self) -> Option<PageId> {
        self.bits.next().map(|position| self.base + position)
    }
}

/// The chunk, unless it is empty.
fn in_use(chunk: &Option<Chunk>) -> Option<&Chunk> {
    chunk.as_ref().filter(|chunk| chunk.count > 0)
}

/// A set of page ids.
#[derive(Default)]
pub struct PageSet {
    chunks: Vec<Option<Chunk>>,
    count: u64,
    /// No id is lower than this one.
    lowest: PageId,
}

impl PageSet {
    /// An empty set.
    pub fn new() -> PageSet {
        PageSet::default()
    }

    /// How many ids it holds.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of memory that it takes.
    pub fn memory_len(&self) -> u64 {
        let table = self.chunks.capacity() * size_of::<Option<Chunk>>();
        (table + self.chunks.iter().flatten().count() * size_of::<[u64; CHUNK_WORDS]>()) as u64
    }

    /// Whether it holds `id`.
    pub fn contains(&self, id: PageId) -> bool {
        let chunk = usize::try_from(id / CHUNK_BITS).ok().and_then(|index| self.chunks.get(index)?.as_ref());
        chunk.is_some_and(|chunk| chunk.words[word_index(id)] & bit(id) != 0)
    }

    /// Adds `id`; `false` where it was there before.
    pub fn insert(&mut self, id: PageId) -> Result<bool> {
        let index = usize::try_from(id / CHUNK_BITS).map_err(|_| Error::NoMemory)?;
        if index >= self.chunks.len() {
            self.chunks.try_reserve(index + 1 - self.chunks.len())?;
            self.chunks.resize_with(index + 1, || None);
        }
        let Some(slot) = self.chunks.get_mut(index) else { return Err(Error::NoMemory) };
        let chunk = match slot {
            Some(chunk) => chunk,
            none => none.insert(Chunk::new()?),
        };
        let word = &mut chunk.words[word_index(id)];
        if *word & bit(id) != 0 {
            return Ok(false);
        }
        *word |= bit(id);
        chunk.count += 1;
        self.count += 1;
        self.lowest = if self.count == 1 { id } else { self.lowest.min(id) };
        Ok(true)
    }

    /// Adds the `len` ids from `start` on; `false` where one was there before (the others are added).
    pub fn insert_run(&mut self, start: PageId, len: u64) -> Result<bool> {
        let mut all_new = true;
        for id in start..start.saturating_add(len) {
            all_new &= self.insert(id)?;
        }
        Ok(all_new)
    }

    /// Takes `id` out; `false` where it was not there. Its memory stays, so that it can come back where there
    /// is no more.
    pub fn remove(&mut self, id: PageId) -> bool {
        let slot = usize::try_from(id / CHUNK_BITS).ok().and_then(|index| self.chunks.get_mut(index));
        let Some(slot) = slot else { return false };
        let Some(chunk) = slot else { return false };
        let word = &mut chunk.words[word_index(id)];
        if *word & bit(id) == 0 {
            return false;
        }
        *word &= !bit(id);
        chunk.count -= 1;
        self.count -= 1;
        true
    }

    /// Takes out the `len` ids from `start` on.
    pub fn remove_run(&mut self, start: PageId, len: u64) {
        for id in start..start.saturating_add(len) {
            self.remove(id);
        }
    }

    /// All ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = PageId> + '_ {
        let chunks = self.chunks.iter().enumerate().skip(self.lowest_chunk());
        chunks.filter_map(|(index, chunk)| Some((index as u64 * CHUNK_BITS, in_use(chunk)?))).flat_map(
            |(base, chunk)| {
                chunk.words.iter().enumerate().flat_map(move |(index, &word)| {
                    Bits(word).map(move |bit| base + index as u64 * WORD_BITS + bit)
                })
            },
        )
    }

    fn lowest_chunk(&self) -> usize {
        (self.lowest / CHUNK_BITS) as usize
    }

    /// The first id of the lowest run of at least `len` ids, as bbolt's array freelist finds it.
    pub fn find_run(&mut self, len: u64) -> Option<PageId> {
        let (mut start, mut found, mut expected) = (0, 0, 0);
        let run = self.words().find_map(|(base, word)| {
            if base != expected {
                found = 0;
            }
            expected = base + WORD_BITS;
            scan_word(word, base, len, &mut start, &mut found)
        });
        if let (Some(id), 1) = (run, len) {
            self.lowest = id;
        }
        run
    }

    /// The first `len` ids, up to 64, that lie side by side within one of the first `word_limit` words of 64 ids.
    pub fn find_near(&self, len: u64, word_limit: usize) -> Option<Group> {
        self.words().take(word_limit).find_map(|(base, word)| {
            let starts = run_starts(word, len);
            // The ones of a run that begins at the lowest of them.
            let run = u64::MAX >> (WORD_BITS - len.clamp(1, WORD_BITS));
            (starts != 0).then(|| Group { base, bits: Bits(run << starts.trailing_zeros()) })
        })
    }

    /// Of the groups in the `word_limit` words of 64 ids from that of `start` on the first that has `enough` ids, or
    /// the one that has most.
    pub fn find_group(&self, start: PageId, word_limit: usize, enough: u64) -> Option<Group> {
        let (mut best, mut most) = (Group::default(), 0);
        let mut look = |(base, word): (PageId, u64)| {
            let counts = group_counts(word);
            // The highest bit of a group's 16 is set where its count is above `most`.
            if (counts + GROUPS * (0x7FFF - most)) & (GROUPS << 15) == 0 {
                return None;
            }
            for shift in (0..WORD_BITS).step_by(GROUP_LEN as usize) {
                let count = counts >> shift & 0xFFFF;
                if count > most {
                    (best, most) = (Group { base, bits: Bits(word & (0xFFFF << shift)) }, count);
                }
            }
            (most >= enough).then_some(best)
        };
        let found = self.words_from(start.max(self.lowest)).take(word_limit).find_map(&mut look);
        found.or((most > 0).then_some(best))
    }

    /// The words that may hold ids, each with the id of its first bit.
    fn words(&self) -> impl Iterator<Item = (PageId, u64)> + '_ {
        self.words_from(self.lowest)
    }

    /// The same from the word of `start` on.
    fn words_from(&self, start: PageId) -> impl Iterator<Item = (PageId, u64)> + '_ {
        let first = usize::try_from(start / CHUNK_BITS).unwrap_or(usize::MAX);
        let skipped = word_index(start);
        let chunks = self.chunks.iter().enumerate().skip(first);
        chunks.filter_map(|(index, chunk)| Some((index, in_use(chunk)?))).flat_map(move |(index, chunk)| {
            let skipped = if index == first { skipped } else { 0 };
            let words = chunk.words.iter().enumerate().skip(skipped);
            words.map(move |(word, &bits)| (index as u64 * CHUNK_BITS + word as u64 * WORD_BITS, bits))
        })
    }
}

/// The bits of `word` at which `len` ones begin.
fn run_starts(word: u64, len: u64) -> u64 {
    let (mut starts, mut covered) = (word, 1);
    while covered < len.min(WORD_BITS) {
        let step = covered.min(len - covered);
        starts &= starts >> step;
        covered += step;
    }
    starts
}

/// Carries the run of `found` ids from `start` on through one word; the start of the lowest run of `len` ids once
/// there is one. It takes the same few steps whatever the word holds, as between many single ids a run is looked
/// for in vain.
fn scan_word(word: u64, base: PageId, len: u64, start: &mut PageId, found: &mut u64) -> Option<PageId> {
    if *found == 0 {
        *start = base;
    }
    *found += u64::from(word.trailing_ones());
    if *found >= len {
        return Some(*start);
    }
    if word == u64::MAX {
        return None;
    }
    let starts = if len <= WORD_BITS { run_starts(word, len) } else { 0 };
    if starts != 0 {
        return Some(base + u64::from(starts.trailing_zeros()));
    }
    *found = u64::from(word.leading_ones());
    *start = base + WORD_BITS - *found;
    None
}

fn word_index(id: PageId) -> usize {
    (id % CHUNK_BITS / WORD_BITS) as usize
}

fn bit(id: PageId) -> u64 {
    1 << (id % WORD_BITS)
}

/// How many ones each 16 bits of a word have, in these bits.
fn group_counts(word: u64) -> u64 {
    let pairs = word - ((word >> 1) & (u64::MAX / 3));
    let fours = (pairs & (u64::MAX / 5)) + ((pairs >> 2) & (u64::MAX / 5));
    let eights = (fours + (fours >> 4)) & (u64::MAX / 17);
    (eights + (eights >> 8)) & (GROUPS * 0xFF)
}

/// The positions of the ones in a word, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bits(u64);

impl Iterator for Bits {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.0 == 0 {
            return None;
        }
        let position = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(u64::from(position))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn lowest_run(ids: &BTreeSet<PageId>, len: u64) -> Option<PageId> {
        ids.iter().copied().find(|&id| (id..id + len).all(|id| ids.contains(&id)))
    }

    proptest! {
        #[test]
        fn it_holds_what_a_tree_set_holds(ops in prop::collection::vec((any::<bool>(), 0u64..400, 0u64..4), 1..200)) {
            let mut set = PageSet::new();
            let mut model = BTreeSet::new();
            for (add, low, high) in ops {
                let id = high * 32_700 + low;
                if add {
                    prop_assert_eq!(set.insert(id).unwrap(), model.insert(id));
                } else {
                    prop_assert_eq!(set.remove(id), model.remove(&id));
                }
                prop_assert_eq!(set.len(), model.len() as u64);
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            for len in 1..8 {
                let near = set.find_near(len, usize::MAX).map(Vec::from_iter);
                let within_a_word = |&id: &PageId| id % 64 + len <= 64 && (id..id + len).all(|id| model.contains(&id));
                let run = model.iter().copied().find(within_a_word).map(|id| Vec::from_iter(id..id + len));
                prop_assert_eq!(near, run);
                prop_assert_eq!(set.find_run(len), lowest_run(&model, len));
            }
        }
    }

    proptest! {
        #[test]
        fn the_lowest_run_is_found_whatever_lies_before_it(
            runs in prop::collection::vec((0u64..600, 1u64..150), 1..12),
            gaps in prop::collection::vec(0u64..700, 0..40),
        ) {
            let mut set = PageSet::new();
            let mut model = BTreeSet::new();
            for (start, len) in runs {
                for id in start..start + len {
                    prop_assert_eq!(set.insert(id).unwrap(), model.insert(id));
                }
            }
            for id in gaps {
                prop_assert_eq!(set.remove(id), model.remove(&id));
            }
            for len in (1..10).chain(60..70).chain([127, 128, 129, 190, 200]) {
                prop_assert_eq!(set.find_run(len), lowest_run(&model, len), "{}", len);
            }
        }
    }

    proptest! {
        #[test]
        fn the_first_group_of_enough_is_found_or_the_fullest(
            ids in prop::collection::vec(0u64..700, 0..120),
            start in 0u64..800,
            words in 1usize..12,
            enough in 1u64..18,
        ) {
            let mut set = PageSet::new();
            let mut model = BTreeSet::new();
            for id in ids {
                prop_assert_eq!(set.insert(id).unwrap(), model.insert(id));
            }
            let first = start.max(set.lowest) / 64 * 64;
            let groups: Vec<Vec<PageId>> = (first..first + words as u64 * 64)
                .step_by(16)
                .map(|base| model.range(base..base + 16).copied().collect())
                .collect();
            // Within a word the fullest one counts.
            let word = groups.chunks(4).find(|word| word.iter().any(|group| group.len() as u64 >= enough));
            let most = word.map_or(&groups[..], |word| word).iter().map(Vec::len).max();
            let found = set.find_group(start, words, enough);
            prop_assert_eq!(found.map(|group| group.page_count() as usize), most.filter(|&most| most > 0));
            if let Some(found) = found {
                prop_assert!(groups.contains(&found.collect()));
            }
        }
    }

    #[test]
    fn the_ones_of_each_16_bits_are_counted() {
        for word in [0, 1, u64::MAX, 0x8000_7FFF_0101_FFFE, 0x0123_4567_89AB_CDEF, 0xFFFF_0000_FFFF_0000] {
            let counts = group_counts(word);
            for shift in [0, 16, 32, 48] {
                let ones = (word >> shift & 0xFFFF).count_ones();
                assert_eq!(counts >> shift & 0xFFFF, u64::from(ones), "{word:x} {shift}");
            }
        }
    }

    #[test]
    fn a_run_goes_on_across_words_and_chunks() {
        let mut set = PageSet::new();
        assert!(set.insert_run(CHUNK_BITS - 70, 140).unwrap());
        assert_eq!(set.find_run(140), Some(CHUNK_BITS - 70));
        assert_eq!(set.find_run(141), None);
        set.remove_run(CHUNK_BITS - 70, 71);
        assert_eq!(set.find_run(1), Some(CHUNK_BITS + 1));
        assert!(!set.insert_run(CHUNK_BITS, 2).unwrap(), "the second was there");
    }

    #[test]
    fn an_id_is_in_the_set_from_its_insertion_to_its_removal() {
        let ids = [0, 1, 63, 64, 127, CHUNK_BITS - 1, CHUNK_BITS, 5 * CHUNK_BITS + 130];
        let mut set = PageSet::new();
        assert!(set.is_empty() && !set.contains(0));
        for (index, id) in ids.into_iter().enumerate() {
            assert!(!set.contains(id), "{id}");
            assert!(set.insert(id).unwrap());
            assert!(!set.insert(id).unwrap(), "{id} is there");
            assert!(set.contains(id) && !set.is_empty());
            assert!((0..=index).all(|index| set.contains(ids[index])));
        }
        assert!(
            ![2, 62, 65, 128, CHUNK_BITS + 1, 5 * CHUNK_BITS, u64::MAX].iter().any(|&id| set.contains(id))
        );
        assert!(set.iter().eq(ids));
        assert!(!set.remove(2) && !set.remove(u64::MAX) && !set.remove(2 * CHUNK_BITS));
        assert!(ids.into_iter().all(|id| set.remove(id) && !set.contains(id)));
        assert!(set.is_empty());
        assert!(set.insert(u64::MAX).is_err(), "nobody has the memory for its table");
    }

    #[test]
    fn memory_follows_what_was_put_into_the_set() {
        let mut set = PageSet::new();
        assert_eq!(set.memory_len(), 0);
        for (id, chunk_count) in [(5, 1), (6, 1), (CHUNK_BITS, 2), (70 * CHUNK_BITS, 3)] {
            set.insert(id).unwrap();
            assert_eq!(set.memory_len(), chunk_count * 4096 + set.chunks.capacity() as u64 * 16);
        }
        let before = set.memory_len();
        set.remove(CHUNK_BITS);
        assert_eq!(
            set.memory_len(),
            before,
            "what was taken out can come back where there is no more memory"
        );
        set.insert(CHUNK_BITS + 1).unwrap();
        assert_eq!(set.memory_len(), before);
    }

    #[test]
    fn a_far_id_costs_a_chunk_and_not_the_way_to_it() {
        let mut set = PageSet::new();
        set.insert(1 << 30).unwrap();
        assert_eq!(set.chunks.iter().flatten().count(), 1);
        assert!(!set.contains((1 << 30) - 1));
    }
}
