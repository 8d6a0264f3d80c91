//! Damage that knows nothing of the format: bytes, lengths, noise.

use super::{Draft, Expect, Mutation};

pub const ALL: &[(&str, Mutation)] = &[
    ("byte", byte),
    ("bits", bits),
    ("word", word),
    ("bytes copied", copied),
    ("bytes of zeros", zeros),
    ("cut short", cut),
    ("cut at a page", cut_at_page),
    ("longer by zeros", longer),
    ("longer by noise", longer_by_noise),
    ("noise behind the metas", noise),
    ("nothing but noise", all_noise),
    ("bytes taken out", taken_out),
];

fn byte(draft: &mut Draft<'_>) -> Option<Expect> {
    let at = draft.random.below(draft.bytes.len().max(1));
    let byte = draft.random.next() as u8;
    draft.set_byte(at, byte)?;
    Some(Expect::Anything)
}

fn bits(draft: &mut Draft<'_>) -> Option<Expect> {
    for _ in 0..1 + draft.random.below(40) {
        let at = draft.random.below(draft.bytes.len().max(1));
        let (byte, bit) = (*draft.bytes.get(at)?, 1 << draft.random.below(8));
        draft.set_byte(at, byte ^ bit)?;
    }
    Some(Expect::Anything)
}

fn word(draft: &mut Draft<'_>) -> Option<Expect> {
    let at = draft.random.below(draft.bytes.len().max(1)) & !7;
    let value = draft.telling();
    draft.set_u64(at, value)?;
    Some(Expect::Anything)
}

fn copied(draft: &mut Draft<'_>) -> Option<Expect> {
    let len = 1 + draft.random.below(draft.layout.page_size);
    let room = draft.bytes.len().checked_sub(len).filter(|&room| room > 0)?;
    let (from, to) = (draft.random.below(room), draft.random.below(room));
    draft.bytes.copy_within(from..from + len, to);
    Some(Expect::Anything)
}

fn zeros(draft: &mut Draft<'_>) -> Option<Expect> {
    let at = draft.random.below(draft.bytes.len().max(1));
    let end = (at + 1 + draft.random.below(4096)).min(draft.bytes.len());
    draft.bytes.get_mut(at..end)?.fill(0);
    Some(Expect::Anything)
}

fn cut(draft: &mut Draft<'_>) -> Option<Expect> {
    let len = draft.random.below(draft.bytes.len() + 1);
    draft.bytes.truncate(len);
    Some(Expect::Anything)
}

fn cut_at_page(draft: &mut Draft<'_>) -> Option<Expect> {
    let page_count = draft.high_water() as usize;
    let len = draft.random.below(page_count) * draft.layout.page_size;
    draft.bytes.truncate(len.saturating_sub(draft.random.below(2)));
    Some(Expect::Anything)
}

fn longer(draft: &mut Draft<'_>) -> Option<Expect> {
    let len = draft.bytes.len() + 1 + draft.random.below(3 * draft.layout.page_size);
    draft.bytes.resize(len, 0);
    Some(Expect::Sound)
}

fn longer_by_noise(draft: &mut Draft<'_>) -> Option<Expect> {
    let mut noise = vec![0; 1 + draft.random.below(3 * draft.layout.page_size)];
    draft.random.fill(&mut noise);
    draft.bytes.extend_from_slice(&noise);
    Some(Expect::Sound)
}

fn noise(draft: &mut Draft<'_>) -> Option<Expect> {
    let start = 2 * draft.layout.page_size;
    let mut noise = vec![0; draft.bytes.len().checked_sub(start)?];
    draft.random.fill(&mut noise);
    draft.bytes.get_mut(start..)?.copy_from_slice(&noise);
    Some(Expect::Damaged)
}

fn all_noise(draft: &mut Draft<'_>) -> Option<Expect> {
    let len = draft.random.below(3 * draft.layout.page_size);
    draft.bytes.resize(len, 0);
    let mut random = draft.random.clone();
    random.fill(&mut draft.bytes);
    Some(if len == 0 { Expect::Anything } else { Expect::Refused })
}

fn taken_out(draft: &mut Draft<'_>) -> Option<Expect> {
    let at = draft.random.below(draft.bytes.len().max(1));
    let end = (at + 1 + draft.random.below(64)).min(draft.bytes.len());
    draft.bytes.drain(at..end);
    Some(Expect::Anything)
}
