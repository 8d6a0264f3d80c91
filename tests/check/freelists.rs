//! Damage to the freelist, and to what it says of the pages.

use super::*;

#[test]
fn an_id_outside_the_database_is_found_and_the_page_it_hides() {
    let (image, places) = sound();
    let hidden = image.free_ids()[2];
    let high_water = image.meta().high_water;
    for bad in [0, 1, high_water, high_water + 1, ABSENT, u64::MAX] {
        let found = after(|image, _| image.set_free_id(2, bad));
        assert_eq!(found, [(Code::FreelistRange, places.list), (Code::Unreachable, hidden)], "{bad}");
    }
}

#[test]
fn an_id_that_stands_twice_is_found() {
    let ids = SOUND.free_ids();
    let found = after(|image, _| image.set_free_id(2, ids[1]));
    assert_eq!(found, [(Code::FreelistTwice, ids[1]), (Code::Unreachable, ids[2])]);
}

#[test]
fn a_list_that_names_itself_is_found() {
    let hidden = SOUND.free_ids()[0];
    let found = after(|image, places| image.set_free_id(0, places.list));
    assert_eq!(found, [(Code::FreelistSelf, sound().1.list), (Code::Unreachable, hidden)]);
}

#[test]
fn a_used_page_in_the_list_is_found_overflow_pages_too() {
    let hidden = SOUND.free_ids()[0];
    let (_, places) = sound();
    for used in [places.root, places.branch, places.leaf, places.inner, places.long, places.long + 2] {
        let found = after(|image, _| image.set_free_id(0, used));
        assert_eq!(found, [(Code::PageFreed, used), (Code::Unreachable, hidden)], "{used}");
    }
}

#[test]
fn a_page_that_the_list_forgets_is_found() {
    let ids = SOUND.free_ids();
    let found = after(|image, places| image.set_u16(places.list, COUNT, ids.len() as u16 - 2));
    let expected: Vec<_> = ids[ids.len() - 2..].iter().map(|&id| (Code::Unreachable, id)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_list_longer_than_its_pages_is_found_in_both_forms() {
    let (_, places) = sound();
    for count in [127, 0xFFFE] {
        let found = after(|image, places| image.set_u16(places.list, COUNT, count));
        assert_eq!(found, [(Code::FreelistLength, places.list)], "{count}");
    }
    for count in [127, u64::MAX / 8, u64::MAX] {
        let found = after(|image, places| {
            image.set_u16(places.list, COUNT, 0xFFFF);
            image.set_u64(places.list, 16, count);
        });
        assert_eq!(found, [(Code::FreelistLength, places.list)], "{count}");
    }
}

#[test]
fn the_long_form_of_the_list_is_read() {
    let ids = SOUND.free_ids();
    let found = after(|image, places| {
        image.set_u16(places.list, COUNT, 0xFFFF);
        image.set_u64(places.list, 16, ids.len() as u64);
        for (index, &id) in ids.iter().rev().enumerate() {
            image.set_free_id(index + 1, id);
        }
    });
    assert_eq!(found, []);
}

#[test]
fn a_list_with_a_foreign_header_is_found_and_nothing_is_said_of_free_pages() {
    let (image, places) = sound();
    for (offset, value) in [(ID, 3), (KIND, LEAF), (KIND, 0x12), (OVERFLOW, 0xFFFF)] {
        let found = after(|image, places| image.set_u16(places.list, offset, value));
        assert_eq!(found, [(Code::FreelistPage, places.list)], "{offset} {value}");
    }
    let found = after(|image, places| image.edit_meta(|meta| meta.freelist = places.leaf));
    assert_eq!(found, [(Code::FreelistPage, image.child(places.branch, 1))]);
}

#[test]
fn without_a_list_pages_that_nothing_reaches_are_free() {
    let found = after(|image, _| image.edit_meta(|meta| meta.freelist = u64::MAX));
    assert_eq!(found, []);
}

#[test]
fn a_tree_that_uses_the_lists_page_is_found() {
    let (image, places) = sound();
    let lost = image.child(places.branch, 1);
    let found = after(|image, places| image.set_child(places.branch, 1, places.list));
    assert_eq!(found, [(Code::PageTwice, places.list)], "page {lost} may be below the list's page");
}
