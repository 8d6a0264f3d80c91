//! Damage to the elements of a page.

use super::*;

#[test]
fn an_element_outside_its_page_is_found() {
    let (_, places) = sound();
    for (name, value) in [("pos", 1024), ("pos", u32::MAX), ("key_len", 1024), ("key_len", u32::MAX)] {
        let found = after(|image, places| image.set_field(places.leaf, 2, name, value));
        assert_eq!(found, [(Code::ElementOutside, places.leaf)], "{name} {value}");
        let found = after(|image, places| image.set_field(places.branch, 2, name, value));
        assert_eq!(found, [(Code::ElementOutside, places.branch)], "{name} {value}");
    }
    let found = after(|image, places| image.set_field(places.leaf, 2, "value_len", u32::MAX));
    assert_eq!(found, [(Code::ElementOutside, places.leaf)]);
}

#[test]
fn a_table_longer_than_its_page_is_found() {
    let (_, places) = sound();
    let found = after(|image, places| image.set_u16(places.leaf, COUNT, 0xFFFE));
    assert_eq!(found, [(Code::ElementOutside, places.leaf)]);
}

#[test]
fn a_key_within_the_table_is_found() {
    let (_, places) = sound();
    let found = after(|image, places| image.set_field(places.leaf, 0, "pos", 16));
    assert_eq!(found, [(Code::ElementInTable, places.leaf)]);
    let found = after(|image, places| image.set_field(places.branch, 1, "pos", 0));
    assert_eq!(found, [(Code::ElementInTable, places.branch)]);
}

#[test]
fn elements_that_share_their_bytes_are_found() {
    let (_, places) = sound();
    let found = after(|image, places| image.set_field(places.leaf, 0, "value_len", 600));
    assert_eq!(found, [(Code::ElementsOverlap, places.leaf)]);
}

#[test]
fn data_in_another_order_with_gaps_is_no_finding() {
    let found = after(|image, places| {
        let leaf = places.leaf;
        let count = image.count(leaf);
        let pairs: Vec<_> = (0..count)
            .map(|index| {
                image.page(leaf)[image.key_range(leaf, index).start..image.value_range(leaf, index).end]
                    .to_vec()
            })
            .collect();
        let mut end = 1024;
        for (index, pair) in pairs.iter().enumerate() {
            end -= pair.len();
            image.page_mut(leaf)[end..end + pair.len()].copy_from_slice(pair);
            image.set_field(leaf, index, "pos", (end - 16 - 16 * index) as u32);
        }
    });
    assert_eq!(found, []);
}

#[test]
fn an_empty_key_is_found() {
    let (_, places) = sound();
    for index in [0, 3] {
        let found = after(|image, places| image.set_field(places.leaf, index, "key_len", 0));
        assert_eq!(found, [(Code::EmptyKey, places.leaf)]);
    }
    let found = after(|image, places| image.set_field(places.branch, 1, "key_len", 0));
    assert_eq!(found, [(Code::EmptyKey, places.branch)]);
}

#[test]
fn unknown_flags_are_a_warning() {
    let (mut image, places) = sound();
    image.set_field(places.leaf, 1, "flags", 0x8000_0002);
    let findings = image.findings();
    assert_eq!(findings.len(), 1);
    assert!(has(&findings, Severity::Warning, Code::ElementFlags, places.leaf), "{findings:?}");
}

#[test]
fn a_key_longer_than_any_writer_allows_is_a_warning_but_a_buckets_name_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let db = open(&path, 4096);
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"bucket").unwrap();
    txn.put(bucket, &[b'k'; 32768], &[0; 32]).unwrap();
    txn.commit().unwrap();
    db.close().unwrap();
    let mut image = Image::read(&path);
    let page = image.bucket_root(&["bucket"]);
    image.set_field(page, 0, "key_len", 32769);
    image.set_field(page, 0, "value_len", 31);
    assert_eq!(image.codes(), [(Code::KeyLength, page)]);
    // A value of zeros and the number 2 is a bucket with an empty inline page.
    image.set_field(page, 0, "key_len", 32768 - 16);
    image.set_field(page, 0, "value_len", 48);
    assert_eq!(image.codes(), []);
}
