//! Damage to the shape of trees and to the order of keys.

use super::*;

#[test]
fn a_separator_below_its_childs_first_key_is_found() {
    let (_, places) = sound();
    let found = after(|image, places| *image.key_mut(places.branch, 1).last_mut().unwrap() -= 1);
    assert_eq!(found, [(Code::BranchKey, places.leaf)]);
}

#[test]
fn a_first_key_below_its_separator_is_found() {
    let (_, places) = sound();
    let found = after(|image, places| *image.key_mut(places.leaf, 0).first_mut().unwrap() = b'a');
    assert_eq!(found, [(Code::KeyBelow, places.leaf)]);
}

#[test]
fn an_empty_page_below_a_branch_and_a_branch_without_children_are_found() {
    let (image, places) = sound();
    let found = after(|image, places| image.set_u16(places.leaf, COUNT, 0));
    assert_eq!(found, [(Code::EmptyPage, places.leaf)]);
    let found = after(|image, places| image.set_u16(places.branch, COUNT, 0));
    assert_eq!(found[0], (Code::EmptyPage, places.branch));
    let mut lost = image.leaves(places.branch);
    lost.sort_unstable();
    assert_eq!(found[1..], lost.iter().map(|&id| (Code::Unreachable, id)).collect::<Vec<_>>());
}

#[test]
fn a_branch_with_one_child_is_a_warning() {
    let (mut image, places) = sound();
    image.edit_meta(|meta| meta.freelist = u64::MAX);
    image.set_u16(places.branch, COUNT, 1);
    let findings = image.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(has(&findings, Severity::Warning, Code::SingleChild, places.branch));
}

#[test]
fn leaves_at_different_depths_are_one_warning_a_tree() {
    let (mut image, places) = sound();
    image.edit_meta(|meta| meta.freelist = u64::MAX);
    let (first, second) = (image.child(places.branch, 0), image.child(places.branch, 1));
    image.set_child(places.large, 1, first);
    let findings = image.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(has(&findings, Severity::Warning, Code::UnevenDepth, first), "and not {second}");
}

#[test]
fn a_tree_deeper_than_64_pages_is_found() {
    for (depth, found) in [(64, vec![]), (65, vec![(Code::TooDeep, 67)])] {
        let mut image = chain(depth);
        image.edit_meta(|meta| meta.freelist = u64::MAX);
        let errors = image.findings().into_iter().filter(|found| found.severity == Severity::Error);
        assert_eq!(errors.map(|found| (found.code, found.page)).collect::<Vec<_>>(), found, "{depth}");
    }
}

/// A file whose root bucket is a chain of `depth` pages, from page 3 on, the last of them a leaf.
fn chain(depth: u64) -> Image {
    let mut image = SOUND.clone();
    assert!(image.meta().high_water > depth + 3);
    for id in 3..3 + depth {
        let is_leaf = id == 2 + depth;
        image.page_mut(id)[..1024].fill(0);
        image.set_u64(id, ID, id);
        image.set_u16(id, KIND, if is_leaf { LEAF } else { BRANCH });
        image.set_u16(id, COUNT, 1);
        image.set_field(id, 0, "pos", 16);
        image.set_field(id, 0, "key_len", 1);
        image.page_mut(id)[32] = b'k';
        if !is_leaf {
            image.set_child(id, 0, id + 1);
        }
    }
    image.edit_meta(|meta| meta.root = 3);
    image
}

#[test]
fn keys_out_of_order_are_found_on_leaves_and_branches() {
    let (image, places) = sound();
    let found = after(|image, places| {
        let key = image.key(places.leaf, 2).to_vec();
        image.key_mut(places.leaf, 3).copy_from_slice(&key);
    });
    assert_eq!(found, [(Code::KeyOrder, places.leaf)], "an equal key");
    let found = after(|image, places| image.key_mut(places.leaf, 3)[0] = b'a');
    assert_eq!(found, [(Code::KeyOrder, places.leaf)], "a smaller key");
    let found = after(|image, places| image.key_mut(places.branch, 2)[0] = b'a');
    let (second, third) = (image.child(places.branch, 1), image.child(places.branch, 2));
    let expected =
        [(Code::KeyOrder, places.branch), (Code::KeyReachesNext, second), (Code::BranchKey, third)];
    assert_eq!(found, expected, "a smaller key of a branch");
}

#[test]
fn a_last_key_that_reaches_the_next_page_is_found_once_for_each_ascent() {
    let (image, places) = sound();
    let last = image.count(places.leaf) - 1;
    let found = after(|image, places| image.key_mut(places.leaf, last)[4] = b'9');
    assert_eq!(found, [(Code::KeyReachesNext, places.leaf)]);
}

#[test]
fn the_last_leaf_below_a_branch_is_held_against_the_key_two_levels_up() {
    let (image, places) = sound();
    let leaf = *image.leaves(places.branch).last().unwrap();
    let next = image.key(places.large, 2).to_vec();
    let last = image.count(leaf) - 1;
    let found = after(|image, _| image.key_mut(leaf, last).copy_from_slice(&next));
    assert_eq!(found, [(Code::KeyReachesNext, leaf)]);
}

/// As bbolt's own test of its check: the content of another leaf under the page's own id.
#[test]
fn a_misplaced_page_is_one_finding() {
    let (mut image, places) = sound();
    let leaves = image.leaves(places.large);
    let (source, target) = (leaves[3], leaves[leaves.len() - 4]);
    let content = image.page(source)[..1024].to_vec();
    image.page_mut(target)[..1024].copy_from_slice(&content);
    image.set_u64(target, ID, target);
    assert_eq!(image.codes(), [(Code::KeyBelow, target)]);
    let (mut image, _) = sound();
    let content = image.page(target)[..1024].to_vec();
    image.page_mut(source)[..1024].copy_from_slice(&content);
    image.set_u64(source, ID, source);
    assert_eq!(image.codes(), [(Code::BranchKey, source), (Code::KeyReachesNext, source)]);
}

/// As bbolt's own test of its check.
#[test]
fn a_corrupted_key_in_the_middle_of_a_leaf_is_two_findings_in_order() {
    let (mut image, places) = sound();
    let middle = image.count(places.leaf) / 2;
    image.key_mut(places.leaf, middle)[0] = b'z';
    let findings = image.findings();
    let codes: Vec<_> = findings.iter().map(|found| (found.code, found.page)).collect();
    assert_eq!(codes, [(Code::KeyReachesNext, places.leaf), (Code::KeyOrder, places.leaf)]);
    assert!(findings[0].text.starts_with(&format!("element {middle} of page {} ", places.leaf)));
    assert!(findings[1].text.starts_with(&format!("element {} of page {} ", middle + 1, places.leaf)));
}
