//! The headers of pages, what refers to pages, and pages that are copied, swapped or overwritten.

use bolt::FindingCode as Code;

use super::{Draft, Expect, Mutation};
use crate::layout::TreePage;

/// Where a page header has its fields.
const ID: usize = 0;
const FLAGS: usize = 8;
const COUNT: usize = 10;
const OVERFLOW: usize = 12;

pub const ALL: &[(&str, Mutation)] = &[
    ("page id", id),
    ("page flags", flags),
    ("page of the other kind", other_kind),
    ("page count", count),
    ("page count 0", count_none),
    ("page overflow", overflow),
    ("page overflow past the end", overflow_long),
    ("page overflow over the next", overflow_next),
    ("page header", header),
    ("reference outside", reference_outside),
    ("reference cycle", reference_cycle),
    ("reference shared", reference_shared),
    ("reference to a free page", reference_free),
    ("reference to the freelist", reference_list),
    ("references swapped", references_swapped),
    ("children swapped", children_swapped),
    ("page copied", copied),
    ("pages swapped", swapped),
    ("page of zeros", zeros),
    ("page of noise", noise),
];

fn id(draft: &mut Draft<'_>) -> Option<Expect> {
    let (page, id) = (draft.page(), draft.telling());
    if id == page.id {
        return None;
    }
    draft.set_u64(page.at + ID, id)?;
    Some(Expect::Found(Code::PageId))
}

fn flags(draft: &mut Draft<'_>) -> Option<Expect> {
    let (page, noise) = (draft.page(), draft.random.next() as u16);
    let flags = draft.random.pick(&[0, 3, 4, 8, 0x10, 0x11, 0xFFFF, noise]);
    draft.set_u16(page.at + FLAGS, flags)?;
    Some(if matches!(flags, 1 | 2) { Expect::Anything } else { Expect::Found(Code::PageKind) })
}

fn other_kind(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page_of(|page| page.count > 0)?;
    draft.set_u16(page.at + FLAGS, if page.is_leaf { 1 } else { 2 })?;
    Some(Expect::Damaged)
}

fn count(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page();
    let near = [page.count as u16 + 1, page.count as u16 - 1.min(page.count as u16), 0xFFFF, 0xFFFE, 0x8000];
    let count = if draft.random.once_in(2) { draft.random.pick(&near) } else { draft.telling() as u16 };
    draft.set_u16(page.at + COUNT, count)?;
    Some(Expect::Anything)
}

fn count_none(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page_of(|page| !page.parent_key.is_empty())?;
    draft.set_u16(page.at + COUNT, 0)?;
    Some(Expect::Found(Code::EmptyPage))
}

fn overflow(draft: &mut Draft<'_>) -> Option<Expect> {
    let (page, value) = (draft.page(), draft.telling());
    draft.set_u32(page.at + OVERFLOW, value as u32)?;
    Some(Expect::Anything)
}

fn overflow_long(draft: &mut Draft<'_>) -> Option<Expect> {
    let (page, end) = (draft.page(), draft.high_water());
    let far = [end - page.id, end, u64::from(u32::MAX), u64::from(u32::MAX) - 1, 1 << 31];
    let overflow = draft.random.pick(&far);
    draft.set_u32(page.at + OVERFLOW, overflow as u32)?;
    Some(Expect::Found(Code::PageLength))
}

fn overflow_next(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page();
    let page_count = (page.len / draft.layout.page_size) as u64;
    if page.id + page_count >= draft.high_water() {
        return None;
    }
    draft.set_u32(page.at + OVERFLOW, page_count as u32)?;
    // Without a list a page that was free may belong to the run as well as not.
    Some(if draft.list().is_some() { Expect::Damaged } else { Expect::Anything })
}

fn header(draft: &mut Draft<'_>) -> Option<Expect> {
    let (page, value) = (draft.page(), draft.random.next());
    let field = draft.random.pick(&[0, 8]);
    draft.set_u64(page.at + field, value)?;
    Some(Expect::Damaged)
}

fn reference_outside(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page_of(|page| page.parent.is_some())?;
    let is_bucket = page.parent_key.is_empty();
    let id = draft.outside();
    draft.set_u64(page.reference, id)?;
    // A bucket whose root is 0 says that it is inline.
    Some(Expect::Found(if id == 0 && is_bucket { Code::InlinePage } else { Code::PageRange }))
}

fn reference_cycle(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page_of(|page| page.parent.is_some())?;
    let mut above = page.parent?;
    while !draft.random.once_in(3) {
        let Some(next) = draft.layout.pages.get(above)?.parent else { break };
        above = next;
    }
    draft.set_u64(page.reference, draft.layout.pages.get(above)?.id)?;
    Some(Expect::Damaged)
}

fn reference_shared(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page_of(|page| page.parent.is_some())?;
    let other = draft.page_of(|other| other.id != page.id)?;
    draft.set_u64(page.reference, other.id)?;
    let place = draft.layout.pages.iter().position(|known| known.id == page.id)?;
    let below = draft.layout.pages.iter().position(|known| known.id == other.id)?;
    // Where there is no list, nobody misses the pages between the two.
    let is_cut = draft.list().is_none() && draft.layout.is_above(place, below);
    Some(if is_cut { Expect::Anything } else { Expect::Damaged })
}

fn reference_free(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page_of(|page| page.parent.is_some())?;
    let list = draft.list().filter(|list| !list.ids.is_empty())?;
    let id = draft.random.pick(&list.ids);
    draft.set_u64(page.reference, id)?;
    Some(Expect::Damaged)
}

fn reference_list(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page_of(|page| page.parent.is_some())?;
    let id = draft.list()?.id;
    draft.set_u64(page.reference, id)?;
    Some(Expect::Damaged)
}

fn swap(draft: &mut Draft<'_>, one: &TreePage, other: &TreePage) -> Option<()> {
    let (first, second) = (draft.u64(one.reference)?, draft.u64(other.reference)?);
    draft.set_u64(one.reference, second)?;
    draft.set_u64(other.reference, first)
}

fn references_swapped(draft: &mut Draft<'_>) -> Option<Expect> {
    let (one, other) = (draft.page(), draft.page());
    swap(draft, one, other)?;
    if one.parent.is_none() || other.parent.is_none() {
        draft.repair(draft.layout.slot)?;
    }
    Some(Expect::Anything)
}

fn children_swapped(draft: &mut Draft<'_>) -> Option<Expect> {
    let one = draft.page_of(|page| !page.parent_key.is_empty())?;
    let other = draft
        .page_of(|page| page.id != one.id && page.parent == one.parent && !page.parent_key.is_empty())?;
    swap(draft, one, other)?;
    Some(Expect::Damaged)
}

fn copied(draft: &mut Draft<'_>) -> Option<Expect> {
    let (from, to) = (draft.page(), draft.page());
    let len = from.len.min(to.len);
    let bytes = draft.bytes.get(from.at..from.at + len)?.to_vec();
    draft.bytes.get_mut(to.at..to.at + len)?.copy_from_slice(&bytes);
    if draft.random.once_in(2) {
        draft.set_u64(to.at + ID, to.id)?;
    }
    Some(if from.id == to.id { Expect::Sound } else { Expect::Anything })
}

fn swapped(draft: &mut Draft<'_>) -> Option<Expect> {
    let (one, other) = (draft.page(), draft.page());
    let len = one.len.min(other.len);
    let first = draft.bytes.get(one.at..one.at + len)?.to_vec();
    let second = draft.bytes.get(other.at..other.at + len)?.to_vec();
    draft.bytes.get_mut(one.at..one.at + len)?.copy_from_slice(&second);
    draft.bytes.get_mut(other.at..other.at + len)?.copy_from_slice(&first);
    if draft.random.once_in(2) {
        draft.set_u64(one.at + ID, one.id)?;
        draft.set_u64(other.at + ID, other.id)?;
    }
    Some(Expect::Anything)
}

fn zeros(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page();
    draft.bytes.get_mut(page.at..page.at + draft.layout.page_size)?.fill(0);
    Some(Expect::Damaged)
}

fn noise(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page();
    let from = draft.random.pick(&[0, 8, 16, 32]);
    let mut noise = vec![0; draft.layout.page_size - from];
    draft.random.fill(&mut noise);
    draft.bytes.get_mut(page.at + from..page.at + draft.layout.page_size)?.copy_from_slice(&noise);
    Some(if from < 16 { Expect::Damaged } else { Expect::Anything })
}
