//! Every function of `bolt.h` with NULL, with handles of other kinds and with ended handles, for each of its
//! parameters in turn: a code, and never a signal; and what is good stays good.
//!
//! The program is generated from the header: a function with a parameter of a type that is not known here, or
//! one that answers NULL otherwise than its type says and is not listed, fails the test until somebody has
//! thought about it. `fixture.h` has the part that does not depend on the functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// The kinds of handles.
const KINDS: [&str; 5] = ["db", "txn", "bucket", "cursor", "batch"];

/// What takes NULL in place of its handle and does nothing.
const ENDS: [&str; 5] =
    ["bolt_close", "bolt_rollback", "bolt_bucket_close", "bolt_cursor_close", "bolt_batch_free"];

/// The parameters, other than handles, for which NULL is not what the type says.
const OTHERWISE: [(&str, &str, &str); 18] = [
    ("bolt_cursor_next_many", "kvs", REFUSED),
    ("bolt_path", "path", TAKEN),
    ("bolt_check", "fn", TAKEN),
    ("bolt_backup", "fn", TAKEN),
    ("bolt_backup_fd", "fn", TAKEN),
    ("bolt_compact", "fn", TAKEN),
    ("bolt_set_slow_reader", "fn", TAKEN),
    ("bolt_set_log", "fn", TAKEN),
    ("bolt_backup", "info", TAKEN),
    ("bolt_backup_fd", "info", TAKEN),
    ("bolt_backup_write", "info", TAKEN),
    ("bolt_bucket_open", "bucket", TAKEN),
    ("bolt_bucket_create", "bucket", TAKEN),
    ("bolt_bucket_ensure", "bucket", TAKEN),
    ("bolt_get_many", "values", TAKEN),
    ("bolt_open_memory", "data", TAKEN),
    ("bolt_root", "bucket", TAKEN),
    ("bolt_savepoint", "savepoint", REFUSED),
];

/// What is expected of a call: it must do what it is asked, or answer BOLT_ARGUMENT.
const TAKEN: &str = "TAKEN";
const REFUSED: &str = "BOLT_ARGUMENT";

#[derive(Debug)]
struct Parameter {
    kind: String,
    name: String,
}

#[derive(Debug)]
struct Function {
    name: String,
    answers_a_code: bool,
    parameters: Vec<Parameter>,
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> String {
    std::fs::read_to_string(repository().join("include/bolt.h")).unwrap()
}

/// A parameter: its type ends at the last blank or star.
fn parameter(text: &str) -> Parameter {
    let at = text.rfind([' ', '*']).unwrap() + 1;
    Parameter { kind: text[..at].trim().to_string(), name: text[at..].to_string() }
}

fn parameters(list: &str) -> Vec<Parameter> {
    let list = list.split(',').map(str::trim).filter(|text| *text != "void");
    list.map(parameter).collect()
}

/// The functions that the header declares.
fn functions(header: &str) -> Vec<Function> {
    let declarations = header.split("\nBOLT_API ").skip(1).map(|rest| rest.split_once(";\n").unwrap().0);
    let functions = declarations.map(|declaration| {
        let words = declaration.split_whitespace().filter(|word| *word != "BOLT_MUST_USE");
        let line = words.collect::<Vec<_>>().join(" ");
        let (head, list) = line.strip_suffix(')').unwrap().split_once('(').unwrap();
        let Parameter { kind, name } = parameter(head);
        Function { name, answers_a_code: kind == "int", parameters: parameters(list) }
    });
    functions.collect()
}

/// A function for each type of callback, which does nothing and goes on.
fn callbacks(header: &str) -> String {
    let mut code = String::new();
    for line in header.lines().filter_map(|line| line.strip_prefix("typedef ")?.strip_suffix(");")) {
        let (result, rest) = line.split_once(" (*").unwrap();
        let (name, list) = rest.split_once(")(").unwrap();
        let unused: String = parameters(list).iter().map(|given| format!("(void){}; ", given.name)).collect();
        let answer = if result == "int" { "return 0; " } else { "" };
        writeln!(code, "static {result} a_{name}({list}) {{ {unused}{answer}}}").unwrap();
    }
    code
}

/// The kind of handle that a parameter is.
fn handle(kind: &str) -> Option<&str> {
    let kind = kind.strip_prefix("bolt_")?.strip_suffix(" *")?;
    KINDS.contains(&kind).then_some(kind)
}

/// A good argument.
fn argument(function: &str, parameter: &Parameter) -> String {
    let Parameter { kind, name } = parameter;
    if let Some(handle) = handle(kind) {
        return format!("f->good.{handle}");
    }
    let stated = kind.strip_prefix("const ").unwrap_or(kind);
    match (kind.as_str(), name.as_str()) {
        ("const void *", "data") => "NULL".into(),
        ("const void *", "name") => "\"n\"".into(),
        ("const void *", _) => "\"k\"".into(),
        ("const char *", "path") => "path".into(),
        ("void *", "ctx") => "NULL".into(),
        ("void *", _) => "f->buffer".into(),
        ("const void **", _) => "&f->pointer.bytes".into(),
        ("void **", _) => "&f->pointer.room".into(),
        ("const char **", _) => "&f->pointer.text".into(),
        ("uint64_t *", _) => "f->numbers".into(),
        ("size_t *", _) => "f->lengths".into(),
        ("bolt_kv *", _) => "f->kvs".into(),
        ("const bolt_slice *", _) => "f->slices".into(),
        ("bolt_slice *", _) => "f->results".into(),
        ("bolt_reader_info *", _) => "f->readers".into(),
        ("const bolt_options *" | "bolt_options *", _) => "&f->options".into(),
        ("size_t", "struct_size") => "sizeof f->options".into(),
        ("size_t", "cap") if function.ends_with("_many") || function == "bolt_readers" => "1".into(),
        ("size_t", "cap") => "sizeof f->buffer".into(),
        ("size_t", "len") => "0".into(),
        ("size_t", _) => "1".into(),
        ("uint32_t", "option") => "BOLT_OPT_NOSYNC".into(),
        ("uint32_t", "file_mode") => "0600".into(),
        ("uint32_t", "flags") if function.starts_with("bolt_backup") || function == "bolt_compact" => {
            "BOLT_REPLACE".into()
        }
        ("uint64_t", "savepoint") => "f->savepoint".into(),
        ("uint32_t" | "uint64_t", _) => "0".into(),
        ("double", _) => "0.5".into(),
        ("int32_t", "level") => "BOLT_LOG_ERROR".into(),
        ("int", "fd") => "f->fd".into(),
        ("int", _) => "0".into(),
        (callback, _) if callback.ends_with("_fn") => format!("a_{callback}"),
        (out, _) if out.ends_with("**") => {
            let kind = out.trim_start_matches("bolt_").trim_end_matches(" **");
            assert!(KINDS.contains(&kind), "{function}: what does a caller give for {out}?");
            if kind == "db" { "&f->opened".into() } else { format!("&f->pointer.{kind}") }
        }
        _ if stated.ends_with("_info *") || stated.ends_with("_stats *") => {
            let of = stated.trim_end_matches(" *");
            format!("&({of}){{ .struct_size = sizeof({of}) }}")
        }
        _ => panic!("{function}: what does a caller give for {kind} {name}?"),
    }
}

/// Whether NULL is taken for a parameter that is no handle.
fn answer_to_null(function: &Function, parameter: &Parameter) -> &'static str {
    let Parameter { kind, name } = parameter;
    let listed = OTHERWISE.iter().find(|(of, at, _)| *of == function.name && at == name);
    if let Some((_, _, answer)) = listed {
        return answer;
    }
    let takes = match kind.as_str() {
        "void *" => name == "ctx",
        "const void *" | "const char *" | "bolt_options *" | "bolt_reader_info *" => false,
        "const bolt_slice *" => ["from", "to"].contains(&name.as_str()),
        "const bolt_options *" | "const void **" | "const char **" | "void **" => true,
        "uint64_t *" | "size_t *" | "bolt_kv *" => true,
        _ => false,
    };
    if takes { TAKEN } else { REFUSED }
}

/// The arguments of a call, the one at `place` replaced.
fn arguments(function: &Function, place: usize, replacement: &str) -> String {
    let given = function.parameters.iter().enumerate().map(|(index, parameter)| {
        if index == place { replacement.to_string() } else { argument(&function.name, parameter) }
    });
    given.collect::<Vec<_>>().join(", ")
}

/// The bad handles for a parameter of a kind, with what the call must answer.
fn bad_handles(function: &Function, kind: &str) -> Vec<(String, &'static str)> {
    let null = if ENDS.contains(&function.name.as_str()) { "BOLT_OK" } else { "BOLT_BADHANDLE" };
    let mut bad = vec![("NULL".to_string(), null)];
    for set in ["good", "ended", "ended_with_others"] {
        for other in KINDS.iter().filter(|other| set != "good" || **other != kind) {
            // A cursor whose transaction has ended waits to be closed.
            let is_closed =
                (set, *other, function.name.as_str()) == ("ended_with_others", "cursor", "bolt_cursor_close");
            let answer = if is_closed { "BOLT_OK" } else { "BOLT_BADHANDLE" };
            bad.push((format!("f->{set}.{other}"), answer));
        }
    }
    bad
}

/// A program with a function for each call, and how many calls there are.
fn program(functions: &[Function]) -> (String, usize) {
    let mut code =
        format!("#include \"fixture.h\"\n\nstatic const char *path;\n\n{}\n", callbacks(&header()));
    let mut table = String::new();
    let mut count = 0;
    for function in functions.iter().filter(|function| function.answers_a_code) {
        for (place, parameter) in function.parameters.iter().enumerate() {
            let Parameter { kind, name } = parameter;
            let calls = match handle(kind) {
                Some(of) => {
                    let bad = bad_handles(function, of).into_iter();
                    bad.map(|(bad, answer)| (format!("({kind})(void *){bad}"), answer)).collect()
                }
                None if kind.ends_with('*') || kind.ends_with("_fn") => {
                    vec![("NULL".to_string(), answer_to_null(function, parameter))]
                }
                None => Vec::new(),
            };
            for (given, answer) in calls {
                let given_all = arguments(function, place, &given);
                writeln!(
                    code,
                    "static int call_{count}(struct fixture *f) {{ (void)f; return {}({given_all}); }}",
                    function.name
                )
                .unwrap();
                writeln!(table, "    {{ \"{}, {name}: {given}\", call_{count}, {answer} }},", function.name)
                    .unwrap();
                count += 1;
            }
        }
    }
    let table = format!("static const struct call calls[] = {{\n{table}}};\n");
    (code + "\n#define TAKEN 1000000\n\n" + CALL + &table + MAIN, count)
}

const CALL: &str = "struct call { const char *what; int (*run)(struct fixture *f); int answer; };\n";

/// Runs all calls. One that waits is ended by the alarm; one that ends by a signal is named by the last line.
const MAIN: &str = r#"
int main(int argc, char **argv) {
    size_t i;
    if (argc != 2)
        return 2;
    path = argv[1];
    for (i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct fixture f;
        int code;
        make(&f);
        current_call = calls[i].what;
        printf("%s\n", current_call);
        fflush(stdout);
        alarm(60);
        code = calls[i].run(&f);
        if (calls[i].answer != TAKEN) {
            if (code != calls[i].answer)
                fail("the call", code);
            still_good(&f);
        } else if (code != BOLT_OK && code != BOLT_NOTFOUND) {
            fail("the call", code);
        }
        current_call = "the fixture";
        unmake(&f);
    }
    printf("%lu calls answered\n", (unsigned long)(sizeof calls / sizeof *calls));
    return failure_count != 0;
}
"#;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let last = text.lines().last().unwrap_or("");
    let told: String = text
        .lines()
        .filter(|line| line.contains("FAILED"))
        .take(50)
        .fold(String::new(), |all, line| all + line + "\n");
    assert!(output.status.success(), "{command:?}\n{}\n{told}{last}", output.status);
    text
}

#[test]
fn every_function_answers_null_other_kinds_and_ended_handles_with_a_code() {
    let functions = functions(&header());
    let (code, count) = program(&functions);
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("handles.c");
    std::fs::write(&source, code).unwrap();
    let mut build = cc::Build::new();
    build.target(env!("BOLT_TARGET")).host(env!("BOLT_TARGET")).opt_level(0).debug(true);
    build.cargo_metadata(false).warnings(true).warnings_into_errors(true).std("c99");
    build.include(repository().join("include")).include(repository().join("tests/handles"));
    let library = std::env::current_exe().unwrap().parent().unwrap().join("libbolt.a");
    let executable = directory.path().join("handles");
    let mut compile = build.get_compiler().to_command();
    compile.arg(&source).arg("-o").arg(&executable).arg(library).args(["-lpthread", "-ldl", "-lm"]);
    run(&mut compile);
    let said = run(Command::new(&executable).arg(directory.path().join("copy.db")));
    assert!(said.ends_with(&format!("{count} calls answered\n")), "{said}");
}

#[test]
fn no_function_with_a_pointer_is_left_out() {
    let functions = functions(&header());
    assert_eq!(functions.len(), header().matches("\nBOLT_API ").count());
    let known: BTreeSet<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    for function in functions.iter().filter(|function| !function.answers_a_code) {
        let has_pointer = function.parameters.iter().any(|parameter| parameter.kind.ends_with('*'));
        assert!(!has_pointer, "{function:?} takes a pointer and has no code to refuse it");
    }
    for name in ENDS.into_iter().chain(OTHERWISE.map(|(name, _, _)| name)) {
        assert!(known.contains(name), "{name} is no function any more");
    }
    for kind in KINDS {
        assert!(functions.iter().any(|of| of.parameters.iter().any(|at| handle(&at.kind) == Some(kind))));
    }
    let opaque =
        header().lines().filter(|line| line.starts_with("typedef struct") && line.ends_with(';')).count();
    assert_eq!(opaque, KINDS.len(), "the header has a kind of handle that is not known here");
}
