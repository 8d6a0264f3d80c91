//! Holds docs/from-others.md: each `bolt_` and `BOLT_` name on it is in the header.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names of libbolt's in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|name| name.starts_with("bolt_") || name.starts_with("BOLT_")).collect()
}

#[test]
fn what_the_page_names_is_in_the_header() {
    let (page, header) = (read("docs/from-others.md"), read("include/bolt.h"));
    let (named, declared) = (names(&page), names(&header));
    assert!(named.len() > 50, "{}", named.len());
    let missing: Vec<&&str> = named.difference(&declared).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
