//! Holds docs/bbolt-api.md: no exported name of Go's bbolt is missing in it, each `bolt_` and `BOLT_` name is
//! in the header, each test it names is there, and the test for an error sees its code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The exported names of bbolt, types with their fields and methods.
const NAMES: &[(&str, &str)] = &[
    (
        "",
        "Open Compact WithPageId WithKVStringer HexKVStringer CheckOption MaxKeySize MaxValueSize \
         DefaultOptions DefaultFillPercent FreelistArrayType FreelistMapType FreelistType DB Tx \
         Bucket Cursor Options Stats TxStats BucketStats BucketStructure Info Logger DefaultLogger \
         KVStringer PageInfo DefaultMaxBatchSize DefaultMaxBatchDelay DefaultAllocSize IgnoreNoSync",
    ),
    ("KVStringer", "KeyToString ValueToString"),
    ("DefaultLogger", "EnableTimestamps EnableDebug"),
    (
        "DB",
        "Begin Update View Batch Close Path String GoString IsReadOnly Info Stats Sync Logger \
         StrictMode NoSync NoFreelistSync FreelistType NoGrowSync PreLoadFreelist MmapFlags \
         MaxBatchSize MaxBatchDelay AllocSize MaxSize Mlock",
    ),
    (
        "Options",
        "String Timeout NoGrowSync NoFreelistSync PreLoadFreelist FreelistType ReadOnly MmapFlags \
         InitialMmapSize PageSize MaxSize NoSync OpenFile Mlock Logger NoStatistics",
    ),
    (
        "Tx",
        "ID DB Writable Size Stats Cursor Bucket CreateBucket CreateBucketIfNotExists DeleteBucket \
         MoveBucket ForEach Inspect Page OnCommit Commit Rollback WriteTo Copy CopyFile WriteFlag \
         Check",
    ),
    (
        "Bucket",
        "Tx Root RootPage SetRootPage InSequence SetInSequence IncSequence InlinePage String Writable \
         Cursor FillPercent Bucket CreateBucket CreateBucketIfNotExists DeleteBucket MoveBucket Get \
         Put Delete Sequence SetSequence NextSequence ForEach ForEachBucket Stats Inspect",
    ),
    ("BucketStructure", "Name KeyN Children"),
    ("Cursor", "Bucket First Last Next Prev Seek Delete"),
    ("Stats", "TxStats FreePageN PendingPageN FreeAlloc FreelistInuse TxN OpenTxN Sub"),
    (
        "TxStats",
        "PageCount PageAlloc CursorCount NodeCount NodeDeref Rebalance RebalanceTime Split Spill \
         SpillTime Write WriteTime Sub GetPageCount GetPageAlloc GetCursorCount GetNodeCount \
         GetNodeDeref GetRebalance GetRebalanceTime GetSplit GetSpill GetSpillTime GetWrite \
         GetWriteTime IncPageCount IncPageAlloc IncCursorCount IncNodeCount IncNodeDeref IncRebalance \
         IncRebalanceTime IncSplit IncSpill IncSpillTime IncWrite IncWriteTime",
    ),
    (
        "BucketStats",
        "BranchPageN BranchOverflowN LeafPageN LeafOverflowN KeyN Depth BranchAlloc BranchInuse \
         LeafAlloc LeafInuse BucketN InlineBucketN InlineBucketInuse Add",
    ),
    ("Info", "Data PageSize"),
    ("PageInfo", "ID Type Count OverflowCount"),
    ("Logger", "Debug Debugf Info Infof Warning Warningf Error Errorf Fatal Fatalf Panic Panicf"),
    (
        "",
        "ErrDatabaseNotOpen ErrInvalid ErrInvalidMapping ErrVersionMismatch ErrChecksum ErrTimeout \
         ErrTxNotWritable ErrTxClosed ErrDatabaseReadOnly ErrFreePagesNotLoaded ErrBucketNotFound \
         ErrBucketExists ErrBucketNameRequired ErrKeyRequired ErrKeyTooLarge ErrValueTooLarge \
         ErrMaxSizeReached ErrIncompatibleValue ErrSameBuckets ErrDifferentDB ErrDatabaseOpen",
    ),
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document() -> String {
    read("docs/bbolt-api.md")
}

/// What stands in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The cells of each line of the tables.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let lines = document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The cells of the tables whose head has `columns`.
fn tables<'d>(document: &'d str, columns: &str) -> Vec<Vec<&'d str>> {
    let mut wanted = false;
    let mut found = Vec::new();
    for row in rows(document) {
        let is_head = row[0] == "bbolt" || row[0] == "of bbolt";
        if is_head {
            wanted = row.join(" | ") == columns;
        } else if wanted {
            found.push(row);
        }
    }
    found
}

#[test]
fn every_exported_name_of_bbolt_has_a_line() {
    let document = document();
    let mut listed: Vec<&str> = Vec::new();
    for columns in ["bbolt | here | the difference, and why", "bbolt | here | seen by"] {
        listed
            .extend(tables(&document, columns).iter().flat_map(|row| quoted(row[0]).collect::<Vec<&str>>()));
    }
    let of_bbolt = |(of, names): &(&str, &str)| -> Vec<String> {
        let prefix = if of.is_empty() { String::new() } else { format!("{of}.") };
        names.split_whitespace().map(|name| prefix.clone() + name).collect()
    };
    let names: BTreeSet<String> = NAMES.iter().flat_map(of_bbolt).collect();
    assert!(names.len() > 230, "{}", names.len());
    let listed_names: BTreeSet<String> = listed.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed.len(), listed_names.len(), "a name has two lines");
    assert_eq!(listed_names, names);
}

#[test]
fn what_the_table_names_is_in_the_header() {
    let header = read("include/bolt.h");
    let word = |c: char| !c.is_alphanumeric() && c != '_';
    let declared: BTreeSet<&str> =
        header.split(word).filter(|name| name.starts_with("bolt_") || name.starts_with("BOLT_")).collect();
    let document = document();
    let is_ours = |name: &&str| name.starts_with("bolt_") || name.starts_with("BOLT_");
    let named: BTreeSet<&str> = quoted(&document).filter(is_ours).collect();
    assert!(named.len() > 80, "{}", named.len());
    let missing: Vec<&&str> = named.difference(&declared).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn fields_stand_in_the_structs_whose_names_stand_beside_them() {
    let header = read("include/bolt.h");
    let mut count = 0;
    for row in tables(&document(), "bbolt | here | the difference, and why") {
        let (Some(name), Some(field)) = (quoted(row[1]).next(), quoted(row[2]).next()) else { continue };
        let Some(start) = header.find(&format!("typedef struct {name} {{")) else { continue };
        if field.starts_with("bolt_") || field.starts_with("BOLT_") {
            continue;
        }
        let fields = &header[start..start + header[start..].find("\n}").unwrap()];
        assert!(fields.contains(&format!(" {field};")), "{name} has no field {field}");
        count += 1;
    }
    assert!(count > 35, "{count}");
}

/// The file and the name of a test, as the page has them.
fn test_of(quoted: &str) -> Option<(&str, &str)> {
    let (path, name) = quoted.split_once(": ")?;
    if path.starts_with("tests/") || path.starts_with("c-tests/") { Some((path, name)) } else { None }
}

/// What stands between the braces of a test.
fn body(source: &str, name: &str) -> Option<String> {
    let head = [format!("\nfn {name}("), format!("\n    fn {name}("), format!("\nstatic void {name}(void)")];
    let start = head.iter().find_map(|head| source.find(head.as_str()))?;
    let end = source[start + 1..].find("\n}").map_or(source.len(), |end| start + 1 + end);
    Some(source[start..end].to_owned())
}

#[test]
fn the_tests_that_the_page_names_are_there_and_run() {
    let document = document();
    let mut count = 0;
    for (path, name) in quoted(&document).filter_map(test_of) {
        let source = read(path);
        assert!(body(&source, name).is_some(), "{path} has no test {name}");
        let runs = if path.ends_with(".c") {
            source.contains(&format!("TEST({name})"))
        } else {
            source.contains("#[test]")
        };
        assert!(runs, "{path} does not run {name}");
        count += 1;
    }
    assert!(count > 80, "{count}");
}

#[test]
fn the_test_for_an_error_sees_its_code() {
    let document = document();
    let mut count = 0;
    for row in tables(&document, "bbolt | here | seen by") {
        let Some(code) = quoted(row[1]).next() else {
            assert!(row[2].starts_with("Cannot happen") || row[2].starts_with("1.3 only"), "{row:?}");
            continue;
        };
        let (path, name) = quoted(row[2]).find_map(test_of).unwrap();
        let seen = body(&read(path), name).unwrap();
        assert!(seen.contains(code), "{path}: {name} does not see {code}");
        count += 1;
    }
    assert_eq!(count, 19);
}

#[test]
fn each_behaviour_has_a_test_or_a_reason_to_have_none() {
    let document = document();
    let mut rows = tables(&document, "of bbolt | here | seen by");
    rows.retain(|row| !row[0].starts_with("**"));
    assert!(rows.len() > 55, "{}", rows.len());
    for row in &rows {
        let has_test = quoted(row[2]).any(|quoted| test_of(quoted).is_some());
        assert!(has_test || row[1].starts_with("no counterpart: "), "{row:?}");
    }
    let bugs = tables(&document, "of bbolt | seen by");
    assert!(bugs.len() >= 17, "{}", bugs.len());
    assert!(bugs.iter().all(|row| quoted(row[1]).any(|quoted| test_of(quoted).is_some())));
}
