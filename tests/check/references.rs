//! Damage to references, to the headers of pages, and to the length of the file.

use super::*;

#[test]
fn a_child_outside_the_database_is_found_at_its_parent() {
    let high_water = SOUND.meta().high_water;
    for bad in [0, 1, high_water, ABSENT, u64::MAX] {
        let found = after(|image, places| image.set_child(places.branch, 1, bad));
        assert_eq!(found, [(Code::PageRange, sound().1.branch)], "{bad}");
    }
}

#[test]
fn a_bucket_root_outside_the_database_is_found_at_its_leaf() {
    for bad in [1, ABSENT] {
        let mut page = 0;
        let found = after(|image, places| {
            let (leaf, index) = image.find(places.root, b"large");
            page = leaf;
            let start = image.value_range(leaf, index).start;
            image.set_u64(leaf, start, bad);
        });
        assert_eq!(found, [(Code::PageRange, page)], "{bad}");
    }
}

#[test]
fn a_child_that_two_branches_have_is_found_and_the_one_that_none_has() {
    let (image, places) = sound();
    let twin = image.child(places.branch, 0);
    let found = after(|image, places| image.set_child(places.branch, 1, twin));
    assert_eq!(found, [(Code::PageTwice, twin), (Code::Unreachable, places.leaf)]);
}

#[test]
fn a_bucket_whose_root_is_another_buckets_is_found() {
    let (image, places) = sound();
    let below = image.leaves(places.inner);
    let found = after(|image, places| {
        let (leaf, index) = image.find(image.bucket_root(&["outer"]), b"inner");
        let start = image.value_range(leaf, index).start;
        image.set_u64(leaf, start, places.large);
    });
    assert_eq!(found[0], (Code::PageTwice, places.large));
    let mut lost: Vec<_> = below.into_iter().chain([places.inner]).collect();
    lost.sort_unstable();
    lost.dedup();
    assert_eq!(found[1..], lost.iter().map(|&id| (Code::Unreachable, id)).collect::<Vec<_>>());
}

#[test]
fn a_cycle_is_found_within_a_tree_and_through_buckets() {
    let (_, places) = sound();
    for above in [places.branch, places.large] {
        let found = after(|image, places| image.set_child(places.branch, 1, above));
        assert_eq!(found[0], (Code::Cycle, above), "{found:?}");
        assert_eq!(found[1..], [(Code::Unreachable, places.leaf)]);
    }
    let found = after(|image, places| {
        let (leaf, index) = image.find(image.bucket_root(&["outer"]), b"inner");
        let start = image.value_range(leaf, index).start;
        image.set_u64(leaf, start, places.root);
    });
    assert_eq!(found[0], (Code::Cycle, places.root));
    assert!(found[1..].iter().all(|found| found.0 == Code::Unreachable), "{found:?}");
}

#[test]
fn a_page_under_a_foreign_name_is_found_and_not_entered() {
    let (_, places) = sound();
    for page in [places.root, places.large, places.branch, places.leaf, places.inner, places.long] {
        let found = after(|image, _| image.set_u64(page, ID, page + 1));
        assert_eq!(found, [(Code::PageId, page)]);
    }
}

#[test]
fn a_page_of_another_kind_is_found_and_not_entered() {
    let (_, places) = sound();
    for page in [places.root, places.branch, places.leaf] {
        for kind in [0, 3, 4, 8, 0x10, 0x12, 0x8002] {
            let found = after(|image, _| image.set_u16(page, KIND, kind));
            assert_eq!(found, [(Code::PageKind, page)], "{kind:#x}");
        }
    }
}

#[test]
fn a_page_of_zeros_is_found() {
    let (_, places) = sound();
    let found = after(|image, places| image.page_mut(places.leaf)[..1024].fill(0));
    assert_eq!(found, [(Code::PageId, places.leaf), (Code::PageKind, places.leaf)]);
}

#[test]
fn a_run_past_the_end_of_the_database_is_found() {
    let (image, places) = sound();
    let rest = (image.meta().high_water - places.leaf) as u32;
    for overflow in [rest, u32::MAX] {
        let found = after(|image, places| image.set_u32(places.leaf, OVERFLOW, overflow));
        assert_eq!(found, [(Code::PageLength, places.leaf)], "{overflow}");
    }
}

#[test]
fn a_run_over_another_page_is_found() {
    let (_, places) = sound();
    let found = after(|image, places| image.set_u32(places.long, OVERFLOW, image.overflow(places.long) + 1));
    let next = places.long + u64::from(SOUND.overflow(places.long)) + 1;
    let code = if SOUND.free_ids().contains(&next) { Code::PageFreed } else { Code::PageTwice };
    assert!(found.contains(&(code, next)), "{found:?}");
}

#[test]
fn a_file_cut_while_it_is_open_is_found_without_touching_what_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.db");
    let (image, places) = sound();
    std::fs::write(&path, &image.bytes).unwrap();
    let db = Db::open(&path, &Options { read_only: true, ..common::options() }).unwrap();
    std::fs::write(&path, &image.bytes[..places.root as usize * 1024]).unwrap();
    let findings = findings_of(&db, CheckOptions::default());
    for code in [Code::FileTooShort, Code::PageLength] {
        assert!(has(&findings, Severity::Error, code, places.root), "{findings:?}");
    }
    assert!(has(&findings, Severity::Error, Code::FreelistPage, places.list), "{findings:?}");
    assert_eq!(findings.len(), 3);
}
