//! Damage of every class that the format allows, each aimed at a place that a sound file has.
//!
//! A mutation says what must come of it where it is the only one: whether the checker has to find it is part
//! of what is tested.

mod bombs;
mod elements;
mod lists;
mod metas;
mod pages;
mod raw;

use bolt::FindingCode;
use bolt::format::bytes::{fnv1a, put_u16, put_u32, put_u64, u32_at, u64_at};
use crashsim::random::Random;

use crate::layout::{Element, Layout, List, TreePage};

/// What must come of a mutation that is the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever: the file may be sound.
    Anything,
    /// The file is as good as before: it opens, and the checker has no error to report.
    Sound,
    /// It is damaged: it is refused when it is opened, or the checker reports an error.
    Damaged,
    /// As `Damaged`, and the checker reports this.
    Found(FindingCode),
    /// It is refused when it is opened.
    Refused,
}

/// A file under damage.
pub struct Draft<'a> {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where everything stood when it was sound.
    pub layout: &'a Layout,
    /// Where chance comes from.
    pub random: Random,
}

/// One way to damage a file; `None` where the file has nothing of the kind.
pub type Mutation = fn(&mut Draft<'_>) -> Option<Expect>;

/// All of them, by their names.
pub fn classes() -> impl Iterator<Item = &'static (&'static str, Mutation)> {
    [metas::ALL, pages::ALL, elements::ALL, lists::ALL, raw::ALL, bombs::ALL].into_iter().flatten()
}

impl<'a> Draft<'a> {
    fn u32(&self, at: usize) -> Option<u32> {
        u32_at(&self.bytes, at)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        u64_at(&self.bytes, at)
    }

    fn set_u16(&mut self, at: usize, value: u16) -> Option<()> {
        put_u16(&mut self.bytes, at, value)
    }

    fn set_u32(&mut self, at: usize, value: u32) -> Option<()> {
        put_u32(&mut self.bytes, at, value)
    }

    fn set_u64(&mut self, at: usize, value: u64) -> Option<()> {
        put_u64(&mut self.bytes, at, value)
    }

    fn set_byte(&mut self, at: usize, value: u8) -> Option<()> {
        *self.bytes.get_mut(at)? = value;
        Some(())
    }

    /// Gives the meta in `slot` the checksum of what it says.
    fn repair(&mut self, slot: usize) -> Option<()> {
        let at = self.layout.meta_range(slot).start + 16;
        let checksum = fnv1a(self.bytes.get(at..at + 56)?);
        self.set_u64(at + 56, checksum)
    }

    /// One of the trees' pages.
    fn page(&mut self) -> &'a TreePage {
        // A layout has at least the root's page.
        &self.layout.pages[self.random.below(self.layout.pages.len())]
    }

    /// One of the pages of which `of` holds.
    fn page_of(&mut self, of: impl Fn(&TreePage) -> bool) -> Option<&'a TreePage> {
        let start = self.random.below(self.layout.pages.len());
        let (before, from) = self.layout.pages.split_at(start);
        from.iter().chain(before).find(|page| of(page))
    }

    /// One of the elements of which `of` holds.
    fn element_of(&mut self, of: impl Fn(&Element) -> bool) -> Option<&'a Element> {
        let all = &self.layout.elements;
        let (before, from) = all.split_at(if all.is_empty() { 0 } else { self.random.below(all.len()) });
        from.iter().chain(before).find(|element| of(element))
    }

    fn list(&self) -> Option<&'a List> {
        self.layout.list.as_ref()
    }

    fn high_water(&self) -> u64 {
        self.layout.meta.high_water
    }

    /// A page id that is none.
    fn outside(&mut self) -> u64 {
        let end = self.high_water();
        self.random.pick(&[0, 1, end, end + 1, 2 * end, 1 << 32, 1 << 52, 1 << 60, u64::MAX / 1024, u64::MAX])
    }

    /// A number that means something to some field.
    fn telling(&mut self) -> u64 {
        let end = self.high_water();
        match self.random.below(20) {
            0 => 0,
            1 => 1,
            2 => 2,
            3 => end,
            4 => end - 1,
            5 => 0xFFFE,
            6 => 0xFFFF,
            7 => u64::from(u32::MAX),
            8 => u64::from(u32::MAX) - self.random.below(64) as u64,
            9 => 1 << 31,
            10 => (1 << 31) - 1,
            11 => u64::MAX,
            12 => u64::MAX - 1,
            13 => 1 << 63,
            14 => self.layout.page_size as u64,
            15 => self.bytes.len() as u64,
            16 => self.random.below(64) as u64,
            17 => self.random.below(4096) as u64,
            18 => self.random.next(),
            _ => self.page().id,
        }
    }
}
