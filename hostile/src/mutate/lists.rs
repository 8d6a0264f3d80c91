//! The list of free pages: its header, its count in both forms, its entries.

use bolt::FindingCode as Code;

use super::{Draft, Expect, Mutation};
use crate::layout::List;

pub const ALL: &[(&str, Mutation)] = &[
    ("list id outside", outside),
    ("list id twice", twice),
    ("list names itself", itself),
    ("list names a page in use", live),
    ("list unsorted", unsorted),
    ("list entry", entry),
    ("list shorter", shorter),
    ("list longer than its pages", longer),
    ("list count", count),
    ("list in the long form", long_form),
    ("list in the long form, its count false", long_false),
    ("list header", header),
    ("list overflow", overflow),
];

/// The list, and where one of its ids stands.
fn place<'a>(draft: &mut Draft<'a>) -> Option<(&'a List, usize)> {
    let list = draft.list().filter(|list| !list.ids.is_empty())?;
    Some((list, list.ids_at + 8 * draft.random.below(list.ids.len())))
}

/// How many ids fit the list's run.
fn room(draft: &Draft<'_>, list: &List) -> usize {
    (list.page_count as usize * draft.layout.page_size - (list.ids_at - list.at)) / 8
}

fn outside(draft: &mut Draft<'_>) -> Option<Expect> {
    let ((_, at), id) = (place(draft)?, draft.outside());
    draft.set_u64(at, id)?;
    Some(Expect::Found(Code::FreelistRange))
}

fn twice(draft: &mut Draft<'_>) -> Option<Expect> {
    let (list, at) = place(draft)?;
    let own = draft.u64(at)?;
    let other = *list.ids.iter().find(|&&id| id != own)?;
    draft.set_u64(at, other)?;
    Some(Expect::Found(Code::FreelistTwice))
}

fn itself(draft: &mut Draft<'_>) -> Option<Expect> {
    let (list, at) = place(draft)?;
    let within = draft.random.below(list.page_count as usize) as u64;
    draft.set_u64(at, list.id + within)?;
    Some(Expect::Found(Code::FreelistSelf))
}

fn live(draft: &mut Draft<'_>) -> Option<Expect> {
    let (_, at) = place(draft)?;
    let page = draft.page();
    let within = draft.random.below(page.len / draft.layout.page_size) as u64;
    draft.set_u64(at, page.id + within)?;
    Some(Expect::Found(Code::PageFreed))
}

fn unsorted(draft: &mut Draft<'_>) -> Option<Expect> {
    let ((_, one), (_, other)) = (place(draft)?, place(draft)?);
    let (first, second) = (draft.u64(one)?, draft.u64(other)?);
    draft.set_u64(one, second)?;
    draft.set_u64(other, first)?;
    Some(Expect::Sound)
}

fn entry(draft: &mut Draft<'_>) -> Option<Expect> {
    let ((_, at), value) = (place(draft)?, draft.telling());
    draft.set_u64(at, value)?;
    Some(Expect::Anything)
}

fn shorter(draft: &mut Draft<'_>) -> Option<Expect> {
    let list = draft.list().filter(|list| !list.ids.is_empty() && list.ids.len() < 0xFFFF)?;
    let count = draft.random.below(list.ids.len()) as u16;
    draft.set_u16(list.at + 10, count)?;
    Some(Expect::Found(Code::Unreachable))
}

fn longer(draft: &mut Draft<'_>) -> Option<Expect> {
    let list = draft.list().filter(|list| list.ids.len() < 0xFFFF)?;
    let count = (room(draft, list) + 1 + draft.random.below(9)).min(0xFFFE);
    if count <= room(draft, list) {
        return None;
    }
    draft.set_u16(list.at + 10, count as u16)?;
    Some(Expect::Found(Code::FreelistLength))
}

fn count(draft: &mut Draft<'_>) -> Option<Expect> {
    let (list, value) = (draft.list()?, draft.telling());
    draft.set_u16(list.at + 10, value as u16)?;
    Some(Expect::Anything)
}

fn long_form(draft: &mut Draft<'_>) -> Option<Expect> {
    let list = draft.list().filter(|list| list.ids.len() < 0xFFFF)?;
    if list.ids.len() >= room(draft, list) {
        return None;
    }
    draft.set_u16(list.at + 10, 0xFFFF)?;
    draft.set_u64(list.at + 16, list.ids.len() as u64)?;
    for (index, &id) in list.ids.iter().enumerate() {
        draft.set_u64(list.at + 24 + 8 * index, id)?;
    }
    Some(Expect::Sound)
}

fn long_false(draft: &mut Draft<'_>) -> Option<Expect> {
    let list = draft.list()?;
    let room = room(draft, list) as u64;
    let count = [room + 1, 1 << 29, 1 << 32, 1 << 60, 1 << 61, (1 << 61) - 2, u64::MAX / 8, u64::MAX];
    let count = draft.random.pick(&count);
    draft.set_u16(list.at + 10, 0xFFFF)?;
    draft.set_u64(list.at + 16, count)?;
    Some(Expect::Found(Code::FreelistLength))
}

fn header(draft: &mut Draft<'_>) -> Option<Expect> {
    let (list, value) = (draft.list()?, draft.telling());
    if draft.random.once_in(2) {
        if value == list.id {
            return None;
        }
        draft.set_u64(list.at, value)?;
    } else {
        let flags = draft.random.pick(&[0, 1, 2, 4, 0x11, 0xFFFF]);
        draft.set_u16(list.at + 8, flags)?;
    }
    Some(Expect::Found(Code::FreelistPage))
}

fn overflow(draft: &mut Draft<'_>) -> Option<Expect> {
    let (list, value) = (draft.list()?, draft.telling());
    draft.set_u32(list.at + 12, value as u32)?;
    Some(Expect::Anything)
}
