//! Damage to the values of buckets, and to the pages within them.

use super::*;

/// The leaf with a bucket's value, and where the value begins in it.
fn value_of(image: &Image, name: &str) -> (u64, usize, usize) {
    let (leaf, index) = image.find(image.meta().root, name.as_bytes());
    (leaf, index, image.value_range(leaf, index).start)
}

#[test]
fn a_value_shorter_than_a_bucket_header_is_found() {
    let (page, ..) = value_of(&SOUND, "large");
    let found = after(|image, _| {
        let (leaf, index, _) = value_of(image, "large");
        image.set_field(leaf, index, "value_len", 15);
    });
    assert_eq!(found, [(Code::BucketValue, page)]);
    let (_, places) = sound();
    let found = after(|image, places| {
        image.set_field(places.leaf, 2, "flags", 1);
        image.set_field(places.leaf, 2, "value_len", 0);
    });
    assert_eq!(found, [(Code::BucketValue, places.leaf)]);
}

#[test]
fn bytes_behind_the_header_of_a_bucket_with_pages_are_a_warning() {
    let (mut image, _) = sound();
    let root = image.bucket_root(&["outer"]);
    let (outer, index, _) = value_of(&image, "outer");
    image.set_field(outer, index, "flags", 0);
    let (leaf, _, start) = value_of(&image, "small");
    image.set_u64(leaf, start, root);
    let findings = image.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(has(&findings, Severity::Warning, Code::BucketValue, leaf));
}

#[test]
fn an_inline_page_with_a_foreign_header_is_found() {
    let (page, ..) = value_of(&SOUND, "small");
    for (offset, value) in [(ID, 1), (KIND, BRANCH), (KIND, 0), (KIND, 0x10), (OVERFLOW, 1)] {
        let found = after(|image, _| {
            let (leaf, _, start) = value_of(image, "small");
            image.set_u16(leaf, start + 16 + offset, value);
        });
        assert_eq!(found, [(Code::InlinePage, page)], "{offset} {value}");
    }
}

#[test]
fn an_inline_page_that_is_cut_short_is_found() {
    let (page, ..) = value_of(&SOUND, "none");
    for len in [16, 20, 31] {
        let found = after(|image, _| {
            let (leaf, index, _) = value_of(image, "none");
            image.set_field(leaf, index, "value_len", len);
        });
        assert_eq!(found, [(Code::InlinePage, page)], "{len}");
    }
}

#[test]
fn the_elements_of_an_inline_page_are_checked_as_those_of_any() {
    let (page, ..) = value_of(&SOUND, "small");
    let damages: [(Code, usize, u32); 5] = [
        (Code::ElementOutside, 16 + 4, 5000),
        (Code::ElementInTable, 16 + 4, 16),
        (Code::EmptyKey, 16 + 8, 0),
        (Code::ElementFlags, 16, 4),
        (Code::InlinePage, 16, 1),
    ];
    for (code, offset, value) in damages {
        let (mut image, _) = sound();
        let (leaf, _, start) = value_of(&image, "small");
        image.set_u32(leaf, start + 16 + offset, value);
        let findings = image.findings();
        assert_eq!((findings[0].code, findings[0].page), (code, page));
        assert!(findings[0].text.contains("the inline page of bucket 736d616c6c on page"), "{findings:?}");
    }
    let found = after(|image, _| {
        let (leaf, _, start) = value_of(image, "small");
        let key = start + 16 + 16 + 3 * 16;
        assert_eq!(image.page(leaf)[key], b'x');
        image.page_mut(leaf)[key] = b'z';
    });
    assert_eq!(found, [(Code::KeyOrder, page)]);
    let found = after(|image, _| {
        let (leaf, _, start) = value_of(image, "small");
        image.set_u16(leaf, start + 16 + COUNT, 0xFFFF);
    });
    assert_eq!(found, [(Code::ElementOutside, page)]);
}

#[test]
fn a_bucket_in_an_inline_page_is_found_and_followed() {
    let (mut image, _) = sound();
    let (leaf, index, start) = value_of(&image, "small");
    let value = inline_with_bucket(ABSENT);
    assert!(value.len() <= image.value_range(leaf, index).len());
    image.page_mut(leaf)[start..start + value.len()].copy_from_slice(&value);
    image.set_field(leaf, index, "value_len", value.len() as u32);
    assert_eq!(image.codes(), [(Code::InlinePage, leaf), (Code::PageRange, leaf)]);
}

/// The value of an inline bucket that has a bucket, whose root page is `root`.
fn inline_with_bucket(root: u64) -> Vec<u8> {
    use bolt::format::bytes::{put_u16, put_u32, put_u64};
    let mut value = vec![0; 16 + 16 + 16 + 1 + 16];
    put_u16(&mut value, 16 + KIND, LEAF).unwrap();
    put_u16(&mut value, 16 + COUNT, 1).unwrap();
    for (offset, field) in [(0, 1), (4, 16), (8, 1), (12, 16)] {
        put_u32(&mut value, 32 + offset, field).unwrap();
    }
    value[48] = b'b';
    put_u64(&mut value, 49, root).unwrap();
    value
}
