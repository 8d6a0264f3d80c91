//! The metas: each field of either, with the checksum made right again or not.

use bolt::FindingCode as Code;
use bolt::format::meta::META_LEN;

use super::{Draft, Expect, Mutation};

/// Where the fields of a meta stand, from the head of its page.
const MAGIC: usize = 16;
const VERSION: usize = 20;
const PAGE_SIZE: usize = 24;
const FLAGS: usize = 28;
const ROOT: usize = 32;
const SEQUENCE: usize = 40;
const FREELIST: usize = 48;
const HIGH_WATER: usize = 56;
const TXID: usize = 64;

pub const ALL: &[(&str, Mutation)] = &[
    ("meta field", field),
    ("meta field of 32 bits", short_field),
    ("meta root outside", root_outside),
    ("meta root another page", root_another),
    ("meta freelist outside", freelist_outside),
    ("meta freelist another page", freelist_another),
    ("meta freelist none", freelist_none),
    ("meta high water low", high_water_low),
    ("meta high water past the file", high_water_high),
    ("meta page size", page_size),
    ("meta page size of the first", first_page_size),
    ("meta transaction id", txid),
    ("meta bytes", unrepaired),
    ("meta both broken", both_broken),
    ("meta copied", copied),
    ("meta header", header),
    ("meta sequence and flags", harmless),
];

impl Draft<'_> {
    /// Where the newest meta's page begins.
    fn newest(&self) -> usize {
        self.layout.slot * self.layout.page_size
    }

    fn slot(&mut self) -> usize {
        if self.random.once_in(4) { 1 - self.layout.slot } else { self.layout.slot }
    }

    fn set_newest(&mut self, field: usize, value: u64) -> Option<()> {
        self.set_u64(self.newest() + field, value)?;
        self.repair(self.layout.slot)
    }
}

fn field(draft: &mut Draft<'_>) -> Option<Expect> {
    let (slot, value) = (draft.slot(), draft.telling());
    let at = slot * draft.layout.page_size;
    let field = draft.random.pick(&[ROOT, SEQUENCE, FREELIST, HIGH_WATER, TXID]);
    draft.set_u64(at + field, value)?;
    draft.repair(slot)?;
    Some(Expect::Anything)
}

fn short_field(draft: &mut Draft<'_>) -> Option<Expect> {
    let (slot, value) = (draft.slot(), draft.telling());
    let at = slot * draft.layout.page_size;
    let field = draft.random.pick(&[MAGIC, VERSION, PAGE_SIZE, FLAGS]);
    draft.set_u32(at + field, value as u32)?;
    draft.repair(slot)?;
    Some(Expect::Anything)
}

fn root_outside(draft: &mut Draft<'_>) -> Option<Expect> {
    let id = draft.outside();
    draft.set_newest(ROOT, id)?;
    Some(Expect::Refused)
}

fn root_another(draft: &mut Draft<'_>) -> Option<Expect> {
    let root = draft.layout.meta.root;
    let page = draft.page_of(|page| page.id != root)?;
    draft.set_newest(ROOT, page.id)?;
    // Without a list nobody can say that the pages of the true root are in no use.
    Some(if draft.list().is_some() { Expect::Damaged } else { Expect::Anything })
}

fn freelist_outside(draft: &mut Draft<'_>) -> Option<Expect> {
    let id = draft.outside();
    draft.set_newest(FREELIST, id)?;
    Some(if id == u64::MAX { Expect::Sound } else { Expect::Refused })
}

fn freelist_another(draft: &mut Draft<'_>) -> Option<Expect> {
    let root = draft.layout.meta.root;
    let page = draft.page_of(|page| page.id != root)?;
    draft.set_newest(FREELIST, page.id)?;
    Some(Expect::Found(Code::FreelistPage))
}

fn freelist_none(draft: &mut Draft<'_>) -> Option<Expect> {
    draft.set_newest(FREELIST, u64::MAX)?;
    Some(Expect::Sound)
}

fn high_water_low(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page();
    draft.set_newest(HIGH_WATER, page.id)?;
    Some(Expect::Damaged)
}

fn high_water_high(draft: &mut Draft<'_>) -> Option<Expect> {
    let len = draft.bytes.len() as u64 / draft.layout.page_size as u64;
    let past = draft.random.pick(&[len + 1, len * 2 + 1, 1 << 32, 1 << 54, 1 << 63, u64::MAX]);
    draft.set_newest(HIGH_WATER, past)?;
    Some(Expect::Refused)
}

fn page_size(draft: &mut Draft<'_>) -> Option<Expect> {
    let size = 1u32 << draft.random.below(32);
    for slot in [0, 1] {
        draft.set_u32(slot * draft.layout.page_size + PAGE_SIZE, size)?;
        draft.repair(slot)?;
    }
    Some(Expect::Anything)
}

fn first_page_size(draft: &mut Draft<'_>) -> Option<Expect> {
    let size = if draft.random.once_in(2) { draft.telling() as u32 } else { 1 << draft.random.below(32) };
    draft.set_u32(PAGE_SIZE, size)?;
    draft.repair(0)?;
    Some(Expect::Anything)
}

fn txid(draft: &mut Draft<'_>) -> Option<Expect> {
    let (slot, own) = (draft.slot(), draft.layout.meta.txid);
    let near = [0, 1, own, own + 1, (1 << 63) - 2, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];
    let value = draft.random.pick(&near);
    draft.set_u64(slot * draft.layout.page_size + TXID, value)?;
    draft.repair(slot)?;
    Some(Expect::Anything)
}

fn unrepaired(draft: &mut Draft<'_>) -> Option<Expect> {
    let slot = draft.slot();
    let at = slot * draft.layout.page_size + MAGIC + draft.random.below(META_LEN - MAGIC);
    let (byte, bit) = (*draft.bytes.get(at)?, 1 << draft.random.below(8));
    draft.set_byte(at, byte ^ bit)?;
    Some(Expect::Anything)
}

fn both_broken(draft: &mut Draft<'_>) -> Option<Expect> {
    for slot in [0, 1] {
        let at = slot * draft.layout.page_size + MAGIC + draft.random.below(META_LEN - MAGIC);
        let (byte, bit) = (*draft.bytes.get(at)?, 1 << draft.random.below(8));
        draft.set_byte(at, byte ^ bit)?;
    }
    Some(Expect::Refused)
}

fn copied(draft: &mut Draft<'_>) -> Option<Expect> {
    let from = draft.slot();
    let (source, target) = (draft.layout.meta_range(from), draft.layout.meta_range(1 - from));
    let bytes = draft.bytes.get(source)?.to_vec();
    draft.bytes.get_mut(target)?.copy_from_slice(&bytes);
    Some(if from == draft.layout.slot { Expect::Sound } else { Expect::Anything })
}

fn header(draft: &mut Draft<'_>) -> Option<Expect> {
    let (slot, value) = (draft.slot(), draft.telling());
    let field = draft.random.pick(&[0, 8]);
    draft.set_u64(slot * draft.layout.page_size + field, value)?;
    // Of a new file that may be what a crash at its creation leaves.
    Some(if draft.layout.meta.txid > 1 { Expect::Sound } else { Expect::Anything })
}

fn harmless(draft: &mut Draft<'_>) -> Option<Expect> {
    let value = draft.telling();
    draft.set_newest(SEQUENCE, value)?;
    let value = draft.telling() as u32;
    draft.set_u32(draft.newest() + FLAGS, value)?;
    draft.repair(draft.layout.slot)?;
    Some(Expect::Sound)
}
