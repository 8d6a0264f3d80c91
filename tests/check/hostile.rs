//! Files made to hurt: whatever the bytes are, the check ends, in time and with findings in proportion to the
//! file. And what it lets pass can be read and written on.

use std::collections::BTreeSet;
use std::path::Path;

use bolt::storage::memory::MemoryNamespace;
use bolt::{CheckOptions, Db, FindingCode as Code, Options, ROOT, Severity, Wait};

use super::common::edit::{BRANCH, COUNT, Found, ID, Image, KIND, LEAF, OVERFLOW, findings_of};
use super::common::random::Random;
use super::common::{assert_sound, dump, dump_backward};
use super::{ABSENT, SOUND, key};

const PAGE_SIZE: usize = 1024;

/// A file of `page_count` pages without a freelist; its root page is page 2 and all pages are zero.
fn blank(page_count: u64) -> Image {
    let mut bytes = SOUND.bytes.clone();
    bytes.resize(page_count as usize * PAGE_SIZE, 0);
    bytes[2 * PAGE_SIZE..].fill(0);
    let mut image = Image::new(bytes);
    image.edit_meta(|meta| {
        meta.root = 2;
        meta.freelist = u64::MAX;
        meta.high_water = page_count;
    });
    image
}

fn header(image: &mut Image, id: u64, kind: u16, count: u16, overflow: u32) {
    image.set_u64(id, ID, id);
    image.set_u16(id, KIND, kind);
    image.set_u16(id, COUNT, count);
    image.set_u32(id, OVERFLOW, overflow);
}

fn is_found(findings: &[Found], code: Code, page: u64) -> bool {
    findings.iter().any(|found| (found.code, found.page) == (code, page))
}

/// Each key is a megabyte long and begins as all the others: comparing them all would take a day.
#[test]
fn keys_that_share_their_bytes_are_not_compared_without_end() {
    let mut image = blank(4000);
    let (count, overflow) = (0xFFFE, 3990);
    header(&mut image, 2, LEAF, count, overflow);
    let data = 16 + 16 * u32::from(count);
    for index in 0..u32::from(count) {
        image.set_field(2, index as usize, "pos", data - 16 - 16 * index);
        image.set_field(2, index as usize, "key_len", 1_000_000 + index);
    }
    let findings = image.findings();
    assert!(is_found(&findings, Code::ElementsOverlap, 2), "{findings:?}");
    assert_eq!(findings.iter().filter(|found| found.severity == Severity::Error).count(), 1);
}

/// Every page is a branch over all pages behind it, whose elements are all of them.
#[test]
fn runs_that_share_their_pages_are_not_entered_again_and_again() {
    let page_count = 3000;
    for descending in [false, true] {
        let mut image = blank(page_count);
        for id in 2..page_count {
            header(&mut image, id, BRANCH, 60, (page_count - id - 1) as u32);
            for index in 0..60 {
                let step = if descending { page_count - 1 - index } else { id + 1 + index };
                image.set_child(id, index as usize, step);
            }
        }
        header(&mut image, 2, BRANCH, 60, 0);
        let findings = image.findings();
        assert!(findings.len() <= image.bytes.len() / 8, "{} findings", findings.len());
        assert!(findings.iter().any(|found| found.code == Code::PageTwice));
    }
}

/// Inline buckets in inline buckets, each level with many names for the same bytes.
#[test]
fn inline_buckets_that_share_their_bytes_are_not_entered_again_and_again() {
    let mut image = blank(64);
    header(&mut image, 2, LEAF, 0, 61);
    let (level_len, width) = (600, 8);
    let end = 62 * PAGE_SIZE;
    let mut start = 0;
    while start + level_len + 16 < end {
        let page = start;
        header_at(&mut image, page, width);
        let value = start + 16 + 16 * usize::from(width) + 8;
        for index in 0..usize::from(width) {
            let element = page + 16 + 16 * index;
            let key = page + 16 + 16 * usize::from(width) + index;
            image.page_mut(2)[key] = b'a' + index as u8;
            for (offset, field) in [(0, 1), (4, key - element), (8, 1), (12, end - key - 1)] {
                image.set_u32(2, element + offset, field as u32);
            }
        }
        start = value + 16;
    }
    image.set_u64(2, ID, 2);
    image.set_u32(2, OVERFLOW, 61);
    let findings = image.findings();
    assert!(is_found(&findings, Code::ElementsOverlap, 2), "{findings:?}");
    assert!(findings.len() < 5000, "{} findings", findings.len());
}

/// The header of a leaf within the run of page 2.
fn header_at(image: &mut Image, offset: usize, count: u16) {
    image.set_u64(2, offset + ID, 0);
    image.set_u16(2, offset + KIND, LEAF);
    image.set_u16(2, offset + COUNT, count);
    image.set_u32(2, offset + OVERFLOW, 0);
}

/// An inline bucket whose only element is an inline bucket, and so on: as deep as the bytes last.
#[test]
fn inline_buckets_nested_without_end_are_followed_without_recursion() {
    let page_count = 8000;
    let mut image = blank(page_count);
    let end = (page_count as usize - 2) * PAGE_SIZE;
    header(&mut image, 2, LEAF, 1, page_count as u32 - 3);
    let mut depth = 0;
    let mut start = 0;
    while start + 16 + 16 + 1 + 32 <= end {
        if start > 0 {
            header_at(&mut image, start, 1);
        }
        let value_len = end - start - 33;
        for (offset, field) in [(0, 1), (4, 16), (8, 1), (12, value_len)] {
            image.set_u32(2, start + 16 + offset, field as u32);
        }
        image.page_mut(2)[start + 32] = b'k';
        start += 33 + 16;
        depth += 1;
    }
    header_at(&mut image, start, 0);
    let findings = image.findings();
    assert_eq!(findings.len(), depth - 1);
    assert!(findings.iter().all(|found| (found.code, found.page) == (Code::InlinePage, 2)));
}

#[test]
fn a_list_of_all_numbers_there_are_is_read_as_far_as_its_pages_go() {
    let mut image = blank(2000);
    header(&mut image, 2, LEAF, 0, 0);
    let mut random = Random::new(7);
    header(&mut image, 3, 0x10, 0xFFFF, 1990);
    image.set_u64(3, 16, 1991 * 128 - 3);
    for index in 0..1991 * 128 - 3 {
        image.set_u64(3, 24 + 8 * index, if index % 3 == 0 { random.next() } else { random.below(2100) });
    }
    image.edit_meta(|meta| meta.freelist = 3);
    let findings = image.findings();
    for code in [Code::FreelistRange, Code::FreelistSelf, Code::PageFreed] {
        assert!(findings.iter().any(|found| found.code == code), "{code:?}");
    }
    assert!(findings.len() <= 1991 * 128);
}

#[test]
fn a_file_of_noise_behind_sound_metas_is_checked() {
    let mut random = Random::new(3);
    for _ in 0..50 {
        let mut image = SOUND.clone();
        let noise = random.bytes(image.bytes.len() - 2 * PAGE_SIZE);
        image.bytes[2 * PAGE_SIZE..].copy_from_slice(&noise);
        let findings = image.findings();
        assert!(findings.iter().any(|found| found.severity == Severity::Error));
    }
}

/// A number that means something to some field.
fn telling(image: &Image, random: &mut Random) -> u64 {
    let high_water = image.meta().high_water;
    match random.below(12) {
        0 => 0,
        1 => 1,
        2 => high_water,
        3 => high_water - 1,
        4 => 0xFFFF,
        5 => u64::from(u32::MAX),
        6 => u64::MAX,
        7 => ABSENT,
        8 => 1 << 31,
        9 => random.below(64),
        10 => random.below(2048),
        _ => 2 + random.below(high_water - 2),
    }
}

fn mutate(image: &mut Image, random: &mut Random) {
    let high_water = image.meta().high_water;
    let page = 2 + random.below(high_water - 2);
    let value = telling(image, random);
    match random.below(11) {
        0 => {
            let bit = random.below(8 * high_water * PAGE_SIZE as u64);
            image.bytes[bit as usize / 8] ^= 1 << (bit % 8);
        }
        1 => image.set_u16(page, [KIND, COUNT][random.below(2) as usize], value as u16),
        2 => image.set_u32(page, OVERFLOW, value as u32),
        3 => image.set_u64(page, ID, value),
        4 | 5 => image.set_u32(page, 16 + 4 * random.below(48) as usize, value as u32),
        6 => image.set_u64(page, 16 + 8 * random.below(126) as usize, value),
        7 => {
            let from = 2 + random.below(high_water - 2);
            let content = image.page(from)[..PAGE_SIZE].to_vec();
            image.page_mut(page)[..PAGE_SIZE].copy_from_slice(&content);
            if random.below(2) == 0 {
                image.set_u64(page, ID, page);
            }
        }
        8 => {
            let older = 1 - image.newest().1;
            image.set_u16(older, random.below(40) as usize * 2, value as u16);
        }
        9 => {
            let (ids, list) = (SOUND.free_ids(), SOUND.meta().freelist);
            let index = random.below(ids.len() as u64) as usize;
            let id = if random.below(2) == 0 { value } else { ids[random.below(ids.len() as u64) as usize] };
            image.set_u64(list, 16 + 8 * index, id);
        }
        _ => image.edit_meta(|meta| match random.below(5) {
            0 => meta.root = page,
            1 => meta.freelist = page,
            2 => meta.high_water = 4 + random.below(high_water),
            3 => meta.freelist = u64::MAX,
            _ => meta.root = value,
        }),
    }
}

/// Reads all of a file in which no error was found, both ways, and writes on in one without any finding.
fn use_it(image: &Image, findings: &[Found], random: &mut Random) {
    let db = image.open().unwrap();
    let mut txn = db.begin_read().unwrap();
    assert_eq!(dump(&mut txn), dump_backward(&mut txn));
    if !findings.is_empty() {
        return;
    }
    let names = MemoryNamespace::new();
    let path = Path::new("/used.db");
    names.insert(path, image.bytes.clone()).unwrap();
    let db = Db::open_in(&names, path, &Options { no_sync: true, ..super::common::options() }).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    if let Ok(bucket) = txn.bucket(ROOT, b"large") {
        for _ in 0..20 {
            txn.put(bucket, key(random.below(4000) as u32).as_bytes(), b"new").unwrap();
            txn.delete(bucket, key(random.below(4000) as u32).as_bytes()).unwrap();
        }
    }
    txn.create_bucket(ROOT, b"created").unwrap();
    txn.commit().unwrap();
    assert_sound(&db);
}

#[test]
fn thousands_of_mutants_are_checked_and_those_without_errors_are_good() {
    let mut random = Random::new(1);
    let (mut opened, mut sound, mut codes) = (0, 0, BTreeSet::new());
    for _ in 0..3000 {
        let mut image = SOUND.clone();
        for _ in 0..1 + random.below(3) {
            mutate(&mut image, &mut random);
        }
        let Ok(db) = image.open() else { continue };
        opened += 1;
        let findings = findings_of(&db, CheckOptions::default());
        assert!(findings.len() <= image.bytes.len() / 4, "{} findings", findings.len());
        let from_page = Some(random.below(image.meta().high_water + 2));
        let below = findings_of(&db, CheckOptions { from_page });
        assert!(below.len() <= image.bytes.len() / 4, "{} findings", below.len());
        codes.extend(findings.iter().map(|found| found.code));
        if findings.iter().all(|found| found.severity == Severity::Warning) {
            sound += 1;
            use_it(&image, &findings, &mut random);
        }
    }
    assert!(opened > 2000 && sound > 200, "{opened} opened, {sound} sound");
    assert!(codes.len() >= 28, "of the kinds only {codes:?}");
}
