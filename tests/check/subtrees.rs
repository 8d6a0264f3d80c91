//! The check of a part of the file.

use super::*;

fn below(image: &Image, page: u64) -> Vec<(Code, u64)> {
    let db = image.open().unwrap();
    let found = findings_of(&db, CheckOptions { from_page: Some(page) });
    found.iter().map(|found| (found.code, found.page)).collect()
}

#[test]
fn only_what_lies_below_the_page_is_checked() {
    let (mut image, places) = sound();
    image.page_mut(0)[60] ^= 1;
    image.set_free_id(0, 1);
    image.key_mut(places.leaf, 3)[0] = b'a';
    let expected = [(Code::KeyOrder, places.leaf)];
    for page in [places.leaf, places.branch, places.large, places.root] {
        assert_eq!(below(&image, page), expected);
    }
    for page in [image.child(places.branch, 0), image.child(places.large, 0), places.inner, places.long] {
        assert_eq!(below(&image, page), []);
    }
}

#[test]
fn buckets_below_the_page_are_entered() {
    let (mut image, places) = sound();
    image.set_u16(places.inner, KIND, 7);
    assert_eq!(below(&image, image.bucket_root(&["outer"])), [(Code::PageKind, places.inner)]);
}

#[test]
fn a_used_page_that_the_list_names_is_found() {
    let (mut image, places) = sound();
    image.set_free_id(0, places.leaf);
    assert_eq!(below(&image, places.branch), [(Code::PageFreed, places.leaf)]);
    assert_eq!(below(&image, places.inner), []);
}

#[test]
fn a_page_that_is_none_is_a_finding() {
    for page in [0, 1, SOUND.meta().high_water, ABSENT, u64::MAX] {
        assert_eq!(below(&SOUND, page), [(Code::PageRange, page)]);
    }
}
