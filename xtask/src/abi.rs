//! The baseline of the ABI, `abi/libbolt-N.abi`, and whether the library still keeps to it.
//!
//! The baseline is what libabigail's `abidw` says of a small library that is compiled from the header alone:
//! each function with an empty body, and each constant as an enumerator, since the numbers that programs were
//! compiled with are as much part of the ABI as the functions. So the baseline holds C types, is the same
//! whichever compiler made libbolt, and sees what debugging information of the Rust code does not: the
//! constants.
//!
//! A struct that begins with its size may grow at its end. abidiff cannot be told to allow that and nothing
//! else, so it leaves these structs out, and instead each field is described by itself: its offset as an
//! enumerator, its type as a function.
//!
//! That the header tells the truth is held by others: it is generated from the sources (`xtask header`), its
//! structs are compared with Rust's in `tests/layout.rs`, and its names with those of the built libraries
//! (`symbols`).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::Outcome;
use crate::facts::{self, Header, Struct};
use crate::symbols;
use crate::tools::{at, failure, outcome, run, tool};

const NEEDS: &str = "install libabigail's tools (Debian: abigail-tools)";

/// The baseline of the present ABI number.
pub fn baseline(repository: &Path) -> Outcome<PathBuf> {
    Ok(repository.join(format!("abi/libbolt-{}.abi", facts::abi_number(repository)?)))
}

/// What a comparison with the baseline comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// Programs that were compiled before still run.
    Compatible,
    /// Some would not.
    Incompatible,
}

/// Records the ABI as the baseline of its number. A change that would break programs is refused: either it is
/// taken back, or `abi/SOVERSION` is raised.
pub fn write(repository: &Path) -> Outcome<()> {
    let path = baseline(repository)?;
    with_description(repository, |description| {
        let (verdict, report) =
            if path.exists() { compare(&path, description)? } else { (Verdict::Same, String::new()) };
        if verdict == Verdict::Incompatible {
            return Err(format!("{report}\n{}", incompatible(&path)).into());
        }
        let mut abidw = tool("ABIDW", "abidw");
        abidw
            .args([
                "--no-show-locs",
                "--no-architecture",
                "--no-corpus-path",
                "--no-comp-dir-path",
                "--out-file",
            ])
            .arg(&path);
        run(abidw.arg(&description.library), NEEDS).map(|_| ())
    })
}

/// Fails where the ABI differs from the baseline, and says what is to be done.
pub fn check(repository: &Path) -> Outcome<()> {
    let path = baseline(repository)?;
    if !path.exists() {
        let missing = "is not there: a new ABI number needs `cargo xtask symbols` and `cargo xtask abi`";
        return Err(format!("{} {missing}", path.display()).into());
    }
    let (verdict, report) = with_description(repository, |description| compare(&path, description))?;
    match verdict {
        Verdict::Same => Ok(()),
        Verdict::Compatible => {
            let advice =
                "The ABI has grown, old programs still run: run `cargo xtask abi`, commit the result.";
            Err(format!("{report}\n{advice}").into())
        }
        Verdict::Incompatible => Err(format!("{report}\n{}", incompatible(&path)).into()),
    }
}

fn incompatible(baseline: &Path) -> String {
    let advice = "take the change back, or raise abi/SOVERSION; abi/README.md has the rule";
    format!("Programs compiled against {} would break: {advice}.", baseline.display())
}

/// The compiled library that stands for the header.
struct Description {
    library: PathBuf,
    /// What tells abidiff to leave out the structs that may grow.
    suppressions: PathBuf,
}

/// Compiles the library that stands for the header, for as long as `used` needs it.
fn with_description<T>(repository: &Path, used: impl FnOnce(&Description) -> Outcome<T>) -> Outcome<T> {
    let directory = env::temp_dir().join(format!("libbolt-abi-{}", std::process::id()));
    fs::create_dir_all(&directory).map_err(at(&directory))?;
    let done = describe(repository, &directory).and_then(|description| used(&description));
    fs::remove_dir_all(&directory).map_err(at(&directory))?;
    done
}

fn describe(repository: &Path, directory: &Path) -> Outcome<Description> {
    let file = |name: &str, text: &str| -> Outcome<PathBuf> {
        let path = directory.join(name);
        fs::write(&path, text).map_err(at(&path))?;
        Ok(path)
    };
    let header = facts::header(repository)?;
    file("bolt.c", &source(&header))?;
    let nodes = symbols::version_script(&symbols::check(repository)?);
    file("bolt.map", &nodes.replacen("global:", "global:\n    header_*;", 1))?;
    let growing: Vec<&str> =
        header.structs.iter().filter(|known| known.grows()).map(|known| known.name.as_str()).collect();
    let suppressions =
        file("suppressions", &format!("[suppress_type]\n  name_regexp = ^({})$\n", growing.join("|")))?;
    let mut cc = tool("CC", "cc");
    cc.args(["-shared", "-fPIC", "-g"]).current_dir(directory);
    cc.arg("-I").arg(repository.canonicalize()?.join("include"));
    cc.arg(format!("-Wl,-soname,libbolt.so.{}", facts::abi_number(repository)?));
    cc.arg("-Wl,--version-script=bolt.map").args(["bolt.c", "-o", "libbolt.so"]);
    run(&mut cc, "install a C compiler, or name one in CC")?;
    Ok(Description { library: directory.join("libbolt.so"), suppressions })
}

/// The C source of the library that stands for the header. What is no function of the header's is named
/// `header_`. Constants beyond the range of `long long` are seen as negative, which still tells them apart.
fn source(header: &Header) -> String {
    let mut source = String::from("#include \"bolt.h\"\nenum header_numbers {\n");
    for name in &header.constants {
        source += &format!("    VALUE_OF_{name} = (long long){name},\n");
    }
    let mut types = String::new();
    for Struct { name, fields, .. } in header.structs.iter().filter(|known| known.grows()) {
        for field in fields {
            source += &format!("    OFFSET_OF_{name}_{field} = offsetof({name}, {field}),\n");
            types += &format!(
                "void header_{name}_{field}(__typeof__((({name} *)0)->{field}) *field) {{ (void)field; }}\n"
            );
        }
    }
    source += "};\nvoid header_constants(enum header_numbers number) { (void)number; }\n";
    source += &types;
    for function in &header.functions {
        source += &format!("{} {{ __builtin_trap(); }}\n", function.declaration);
    }
    source
}

/// Compares the header with the baseline; with a report of what differs.
fn compare(baseline: &Path, description: &Description) -> Outcome<(Verdict, String)> {
    let mut everything = tool("ABIDIFF", "abidiff");
    everything
        .args(["--harmless", "--no-show-locs", "--no-architecture"])
        .arg(baseline)
        .arg(&description.library);
    let all = differences(&mut everything)?;
    if all.status.success() {
        return Ok((Verdict::Same, String::new()));
    }
    let mut harm = tool("ABIDIFF", "abidiff");
    harm.args(["--no-show-locs", "--no-architecture"]).arg("--suppressions").arg(&description.suppressions);
    let found = differences(harm.arg(baseline).arg(&description.library))?;
    match verdict(&String::from_utf8_lossy(&found.stdout)) {
        Verdict::Same => Err(failure(&harm, &found).into()),
        Verdict::Compatible => Ok((Verdict::Compatible, String::from_utf8(all.stdout)?)),
        Verdict::Incompatible => Ok((Verdict::Incompatible, String::from_utf8(found.stdout)?)),
    }
}

/// Runs abidiff, whose exit status has bit 4 or 8 for what it found, and lower ones for its own failures.
fn differences(abidiff: &mut Command) -> Outcome<Output> {
    let output = outcome(abidiff, None, NEEDS)?;
    match output.status.code() {
        Some(status) if status & !0b1100 == 0 => Ok(output),
        _ => Err(failure(abidiff, &output).into()),
    }
}

/// Reads the summary of abidiff's report. Its exit status does not do: a parameter of another type counts
/// there as a change that may be compatible.
fn verdict(report: &str) -> Verdict {
    let summaries: Vec<&str> = report.lines().filter(|line| line.contains(" changes summary: ")).collect();
    let is_harmless = |line: &&str| line.contains(" summary: 0 Removed, 0 Changed");
    match summaries.len() {
        0 => Verdict::Same,
        _ if summaries.iter().all(is_harmless) && !report.contains("SONAME changed") => Verdict::Compatible,
        _ => Verdict::Incompatible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_additions_are_compatible() {
        let variables = "Variables changes summary: 0 Removed, 0 Changed, 0 Added variable\n";
        for (functions, expected) in [
            ("0 Removed, 0 Changed, 2 Added functions", Verdict::Compatible),
            ("0 Removed, 0 Changed (3 filtered out), 0 Added functions", Verdict::Compatible),
            ("0 Removed, 1 Changed, 0 Added function", Verdict::Incompatible),
            ("1 Removed, 0 Changed, 0 Added function", Verdict::Incompatible),
        ] {
            let report = format!("Functions changes summary: {functions}\n{variables}");
            assert_eq!(verdict(&report), expected, "{functions}");
        }
    }

    #[test]
    fn the_description_has_each_function_and_each_constant() -> Outcome<()> {
        let header = facts::header(&crate::repository())?;
        let source = source(&header);
        assert!(source.contains("OFFSET_OF_bolt_options_flags = offsetof(bolt_options, flags),"));
        assert!(source.contains("VALUE_OF_BOLT_NOTFOUND = (long long)BOLT_NOTFOUND,"));
        assert_eq!(source.matches("__builtin_trap").count(), header.functions.len());
        Ok(())
    }
}
