//! Holds the structs of the C API as Rust lays them out against what C and C++ compilers make of the header:
//! size, alignment, and offset and size of each field.
//!
//! The list below names the fields for Rust; that it names every struct and every field of the header, in
//! order, is a test, so none can be forgotten.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::fs;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;

use bolt::ffi::backup::bolt_backup_info;
use bolt::ffi::check::bolt_finding;
use bolt::ffi::cursor::bolt_kv;
use bolt::ffi::db::bolt_db_info;
use bolt::ffi::error::bolt_error_info;
use bolt::ffi::inspect::bolt_bucket_stats;
use bolt::ffi::kv::bolt_slice;
use bolt::ffi::options::bolt_options;
use bolt::ffi::stats::{bolt_db_stats, bolt_page_info, bolt_reader_info};
use bolt::ffi::txn_info::bolt_txn_info;

/// A struct as Rust has it.
struct Layout {
    name: &'static str,
    size: usize,
    align: usize,
    fields: Vec<Field>,
}

struct Field {
    name: &'static str,
    offset: usize,
    size: usize,
}

/// The size of what a function gives of a struct.
fn size_of_field<S, F>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layouts {
    ($($name:ident { $($field:ident),* })*) => {
        vec![$(Layout {
            name: stringify!($name),
            size: size_of::<$name>(),
            align: align_of::<$name>(),
            fields: vec![$(Field {
                name: stringify!($field),
                offset: offset_of!($name, $field),
                size: size_of_field(|all: &$name| &all.$field),
            }),*],
        }),*]
    };
}

/// All structs, in the order of the header.
fn layouts() -> Vec<Layout> {
    layouts! {
        bolt_error_info { struct_size, code, os_errno, page, txn_id, text }
        bolt_options {
            struct_size, flags, page_size, file_mode, freelist_mode, fill_percent, freelist_type,
            lock_timeout_ms, initial_map_len, max_len, alloc_len, batch_len, cache_len,
            lent_len
        }
        bolt_db_info {
            struct_size, page_size, flags, file_len, high_water, txn_id, free_page_count, pending_page_count,
            reader_count, oldest_reader_txn_id
        }
        bolt_txn_info { struct_size, flags, reserved, id, db_len, cursor_count, node_count, private_len }
        bolt_slice { data, len }
        bolt_kv { key, key_len, value, value_len, flags, reserved }
        bolt_bucket_stats {
            struct_size, branch_page_count, branch_overflow_count, leaf_page_count, leaf_overflow_count,
            key_count, depth, branch_alloc_len, branch_used_len, leaf_alloc_len, leaf_used_len, bucket_count,
            inline_bucket_count, inline_used_len
        }
        bolt_finding { struct_size, severity, code, page, text }
        bolt_backup_info { struct_size, len, crc32, reserved }
        bolt_db_stats {
            struct_size, free_page_count, pending_page_count, free_len, freelist_len, read_txn_count,
            open_read_txn_count, commit_count, page_count, page_len, cursor_count, node_count,
            node_deref_count, rebalance_count, rebalance_ns, split_count, spill_count, spill_ns, write_count,
            write_ns, data_write_ns, data_sync_ns, meta_ns, oldest_reader_txn_id, oldest_reader_age_ms,
            held_len, mapped_len, resident_len, private_len, cached_len, lent_len
        }
        bolt_reader_info { txn_id, age_ms, held_len, reserved }
        bolt_page_info { struct_size, id, kind, element_count, overflow_count, reserved }
    }
}

fn include() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// The structs of the header with the names of their fields.
fn declared() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(include().join("bolt.h")).unwrap();
    let bodies = text.split("\ntypedef struct ").skip(1).filter_map(|rest| rest.split_once(" {\n"));
    let bodies = bodies.filter(|(name, _)| !name.contains([' ', ';']));
    let structs = bodies.map(|(name, rest)| {
        let body = rest.split("\n}").next().unwrap();
        let code: String =
            body.split("/**").filter_map(|part| part.split_once("*/")).map(|(_, code)| code).collect();
        let fields = code.split(';').map(|field| field.split('[').next().unwrap().trim());
        let names =
            fields.filter_map(|field| field.rsplit([' ', '*']).next()).filter(|name| !name.is_empty());
        (name.to_owned(), names.map(str::to_owned).collect())
    });
    structs.collect()
}

/// A source that compiles where a compiler lays the structs out as Rust does.
fn assertions(layouts: &[Layout]) -> String {
    let mut source = String::from(
        "#include \"bolt.h\"\n\
         #ifdef __cplusplus\n#define IS(a, b) static_assert((a) == (b), #a)\n\
         #define ALIGN alignof\n#else\n#define IS(a, b) _Static_assert((a) == (b), #a)\n\
         #define ALIGN _Alignof\n#endif\n",
    );
    for Layout { name, size, align, fields } in layouts {
        source += &format!("IS(sizeof({name}), {size});\nIS(ALIGN({name}), {align});\n");
        for Field { name: field, offset, size } in fields {
            source += &format!("IS(offsetof({name}, {field}), {offset});\n");
            source += &format!("IS(sizeof((({name} *)0)->{field}), {size});\n");
        }
    }
    source
}

fn compile(source: &str, standard: &str) {
    let cpp = standard.starts_with("c++");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(if cpp { "layout.cpp" } else { "layout.c" });
    fs::write(&file, source).unwrap();
    let mut build = cc::Build::new();
    build.target(env!("BOLT_TARGET")).host(env!("BOLT_TARGET")).opt_level(0).cargo_metadata(false).cpp(cpp);
    let mut command = build.include(include()).get_compiler().to_command();
    command.arg(format!("-std={standard}")).args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]).arg(&file);
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{standard}:\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn c_and_cpp_lay_the_structs_out_as_rust_does() {
    for standard in ["c11", "c17", "c++11", "c++20"] {
        compile(&assertions(&layouts()), standard);
    }
}

#[test]
fn every_struct_and_every_field_of_the_header_is_compared() {
    let named = |field: &Field| field.name.to_owned();
    let compared: Vec<(String, Vec<String>)> = layouts()
        .iter()
        .map(|layout| (layout.name.to_owned(), layout.fields.iter().map(named).collect()))
        .collect();
    assert_eq!(compared, declared());
}

#[test]
#[should_panic(expected = "offsetof(bolt_kv, flags)")]
fn a_field_at_another_place_is_seen() {
    let mut layouts = layouts();
    let kv = layouts.iter_mut().find(|layout| layout.name == "bolt_kv").unwrap();
    kv.fields.iter_mut().find(|field| field.name == "flags").unwrap().offset += 1;
    compile(&assertions(&layouts), "c11");
}
