//! Elements, their keys and values, bucket headers and inline buckets.

use bolt::FindingCode as Code;

use super::{Draft, Expect, Mutation};
use crate::layout::{Element, Holds};

pub const ALL: &[(&str, Mutation)] = &[
    ("element field", field),
    ("element pos outside", pos_outside),
    ("element key length outside", key_outside),
    ("element value length outside", value_outside),
    ("element key empty", key_empty),
    ("element key in the table", key_in_table),
    ("element unknown flags", unknown_flags),
    ("element bucket flag", bucket_flag),
    ("element twice", twice),
    ("elements swapped", swapped),
    ("elements shared", shared),
    ("element noise", noise),
    ("key byte", key_byte),
    ("key below its parent's", key_below),
    ("key reaches the next", key_reaches),
    ("branch key", branch_key),
    ("bucket sequence", bucket_sequence),
    ("bucket root", bucket_root),
    ("bucket value short", bucket_short),
    ("bucket value long", bucket_long),
    ("inline page header", inline_header),
    ("inline page count", inline_count),
    ("inline page noise", inline_noise),
    ("inline bucket with a root", inline_root),
];

impl Element {
    /// Where the number of a field stands: flags 0 (of a leaf), pos 1, length of the key 2, of the value 3.
    fn field(&self, number: usize) -> usize {
        self.at + 4 * if self.holds == Holds::Child { number - 1 } else { number }
    }
}

fn any(_: &Element) -> bool {
    true
}

fn in_leaf(element: &Element) -> bool {
    element.holds != Holds::Child
}

fn field(draft: &mut Draft<'_>) -> Option<Expect> {
    let (element, value) = (draft.element_of(any)?, draft.telling());
    let number = draft.random.below(4);
    draft.set_u32(element.at + 4 * number, value as u32)?;
    Some(Expect::Anything)
}

/// A length that no run of this file has.
fn far(draft: &mut Draft<'_>) -> u32 {
    let len = draft.bytes.len() as u32;
    draft.random.pick(&[len, len + 1, 1 << 30, 1 << 31, u32::MAX - 15, u32::MAX - 1, u32::MAX])
}

fn pos_outside(draft: &mut Draft<'_>) -> Option<Expect> {
    let (element, value) = (draft.element_of(any)?, far(draft));
    draft.set_u32(element.field(1), value)?;
    Some(Expect::Found(Code::ElementOutside))
}

fn key_outside(draft: &mut Draft<'_>) -> Option<Expect> {
    let (element, value) = (draft.element_of(any)?, far(draft));
    draft.set_u32(element.field(2), value)?;
    Some(Expect::Found(Code::ElementOutside))
}

fn value_outside(draft: &mut Draft<'_>) -> Option<Expect> {
    let (element, value) = (draft.element_of(in_leaf)?, far(draft));
    draft.set_u32(element.field(3), value)?;
    Some(Expect::Found(Code::ElementOutside))
}

fn key_empty(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(any)?;
    draft.set_u32(element.field(2), 0)?;
    Some(Expect::Found(Code::EmptyKey))
}

fn key_in_table(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(any)?;
    let table_len = 16 * (element.count - element.index);
    let pos = draft.random.below(table_len);
    draft.set_u32(element.field(1), pos as u32)?;
    Some(Expect::Damaged)
}

fn unknown_flags(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(in_leaf)?;
    let flags = draft.u32(element.at)? | (draft.random.next() as u32 & !1) | 2;
    draft.set_u32(element.at, flags)?;
    Some(Expect::Sound)
}

fn bucket_flag(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(in_leaf)?;
    let flags = draft.u32(element.at)?;
    draft.set_u32(element.at, flags ^ 1)?;
    let is_short = element.holds == Holds::Value && element.value.len() < 16;
    Some(if is_short { Expect::Found(Code::BucketValue) } else { Expect::Anything })
}

/// The element behind `element` in the same table becomes the same.
fn twice(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| element.index + 1 < element.count)?;
    let bytes = draft.bytes.get(element.at..element.at + 16)?.to_vec();
    draft.bytes.get_mut(element.at + 16..element.at + 32)?.copy_from_slice(&bytes);
    let pos = draft.u32(element.field(1))?;
    draft.set_u32(element.field(1) + 16, pos.wrapping_sub(16))?;
    Some(Expect::Damaged)
}

fn swapped(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| element.index + 1 < element.count)?;
    let (one, two) = (element.at, element.at + 16);
    let first = draft.bytes.get(one..one + 16)?.to_vec();
    let second = draft.bytes.get(two..two + 16)?.to_vec();
    draft.bytes.get_mut(one..one + 16)?.copy_from_slice(&second);
    draft.bytes.get_mut(two..two + 16)?.copy_from_slice(&first);
    let at = element.field(1);
    let (first, second) = (draft.u32(at)?, draft.u32(at + 16)?);
    draft.set_u32(at, first.wrapping_add(16))?;
    draft.set_u32(at + 16, second.wrapping_sub(16))?;
    Some(Expect::Found(Code::KeyOrder))
}

/// An element's value reaches to the end of its run, over all others.
fn shared(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| in_leaf(element) && !element.is_inline)?;
    let page = draft.layout.pages.get(element.page)?;
    draft.set_u32(element.field(3), (page.at + page.len - element.value.start) as u32)?;
    Some(Expect::Anything)
}

fn noise(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(any)?;
    let mut noise = [0; 16];
    draft.random.fill(&mut noise);
    draft.bytes.get_mut(element.at..element.at + 16)?.copy_from_slice(&noise);
    Some(Expect::Anything)
}

fn key_byte(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(any)?;
    let at = element.key.start + draft.random.below(element.key.len().max(1));
    let byte = draft.random.next() as u8;
    draft.set_byte(at, byte)?;
    Some(Expect::Anything)
}

/// The first key of a page that has one in its parent.
fn key_below(draft: &mut Draft<'_>) -> Option<Expect> {
    let page = draft.page_of(|page| !page.parent_key.is_empty())?;
    let first = draft.layout.elements.iter().find(|element| {
        !element.is_inline && element.index == 0 && draft.layout.pages[element.page].id == page.id
    })?;
    if *draft.bytes.get(first.key.start)? == 0 {
        return None;
    }
    draft.set_byte(first.key.start, 0)?;
    Some(Expect::Found(Code::KeyBelow))
}

fn key_reaches(draft: &mut Draft<'_>) -> Option<Expect> {
    let element =
        draft.element_of(|element| element.holds == Holds::Child && element.index + 1 < element.count)?;
    let child = draft.u64(element.at + 8)?;
    let last = draft.layout.elements.iter().find(|last| {
        !last.is_inline && last.index + 1 == last.count && draft.layout.pages[last.page].id == child
    })?;
    draft.set_byte(last.key.start, 0xFF)?;
    Some(Expect::Damaged)
}

fn branch_key(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| element.holds == Holds::Child)?;
    let at = element.key.end - 1;
    let byte = *draft.bytes.get(at)?;
    let bit = 1 << draft.random.below(8);
    draft.set_byte(at, byte ^ bit)?;
    Some(Expect::Damaged)
}

fn bucket_sequence(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| matches!(element.holds, Holds::Bucket | Holds::Inline))?;
    let value = draft.telling();
    draft.set_u64(element.value.start + 8, value)?;
    Some(Expect::Sound)
}

fn bucket_root(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| element.holds == Holds::Bucket)?;
    let value = draft.telling();
    draft.set_u64(element.value.start, value)?;
    Some(Expect::Anything)
}

fn bucket_short(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| matches!(element.holds, Holds::Bucket | Holds::Inline))?;
    let len = draft.random.below(16) as u32;
    draft.set_u32(element.field(3), len)?;
    Some(Expect::Found(Code::BucketValue))
}

fn bucket_long(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| matches!(element.holds, Holds::Bucket | Holds::Inline))?;
    let len = element.value.len() + 1 + draft.random.below(64);
    draft.set_u32(element.field(3), len as u32)?;
    Some(Expect::Anything)
}

fn inline(draft: &mut Draft<'_>) -> Option<(usize, usize)> {
    let all = &draft.layout.inlines;
    if all.is_empty() { None } else { Some(draft.random.pick(all)) }
}

fn inline_header(draft: &mut Draft<'_>) -> Option<Expect> {
    let (at, _) = inline(draft)?;
    let value = draft.telling();
    match draft.random.below(3) {
        0 => draft.set_u64(at, value.max(1))?,
        1 => draft.set_u16(at + 8, [0, 1, 3, 4, 0x10, 0xFFFF][value as usize % 6])?,
        _ => draft.set_u32(at + 12, (value as u32).max(1))?,
    }
    Some(Expect::Found(Code::InlinePage))
}

fn inline_count(draft: &mut Draft<'_>) -> Option<Expect> {
    let ((at, _), value) = (inline(draft)?, draft.telling());
    draft.set_u16(at + 10, value as u16)?;
    Some(Expect::Anything)
}

fn inline_noise(draft: &mut Draft<'_>) -> Option<Expect> {
    let (at, len) = inline(draft)?;
    let from = draft.random.below(len);
    let mut noise = vec![0; len - from];
    draft.random.fill(&mut noise);
    draft.bytes.get_mut(at + from..at + len)?.copy_from_slice(&noise);
    Some(Expect::Anything)
}

fn inline_root(draft: &mut Draft<'_>) -> Option<Expect> {
    let element = draft.element_of(|element| element.holds == Holds::Inline)?;
    let id = draft.outside().max(1);
    draft.set_u64(element.value.start, id)?;
    Some(Expect::Found(Code::PageRange))
}
