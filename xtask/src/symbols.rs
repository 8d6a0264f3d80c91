//! The names that the library exports: the list in `abi/libbolt.symbols`, and whether the header and what was
//! built agree with it.
//!
//! A line of the list is a function and the release, `major.minor`, whose programs may first use it. The
//! shared library gives each name that release as its symbol version, `bolt_open@@BOLT_0.1`; `abi/README.md`
//! says why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::abi;
use crate::facts::{self, Version};
use crate::tools::{at, run, tool};

/// The release in which a function appeared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u32,
    minor: u32,
}

impl Release {
    /// The name of the symbol version.
    fn node(self) -> String {
        format!("BOLT_{}.{}", self.major, self.minor)
    }
}

impl From<Version> for Release {
    fn from(version: Version) -> Release {
        Release { major: version.major, minor: version.minor }
    }
}

/// The list: each function with its release, sorted by name.
pub type Symbols = BTreeMap<String, Release>;

fn list(repository: &Path) -> PathBuf {
    repository.join("abi/libbolt.symbols")
}

/// Reads the list.
pub fn read(repository: &Path) -> Outcome<Symbols> {
    let path = list(repository);
    parse(&fs::read_to_string(&path).map_err(at(&path))?)
}

fn parse(text: &str) -> Outcome<Symbols> {
    let mut symbols = Symbols::new();
    for line in text.lines() {
        let fault =
            || format!("abi/libbolt.symbols: {line:?} is not a function and its release, such as 0.1");
        let (name, release) = line.split_once(' ').ok_or_else(fault)?;
        let (major, minor) = release.split_once('.').ok_or_else(fault)?;
        let release = Release {
            major: major.parse().map_err(|_| fault())?,
            minor: minor.parse().map_err(|_| fault())?,
        };
        symbols.insert(name.to_owned(), release);
    }
    Ok(symbols)
}

/// Writes the list anew from the header. Functions keep their release as long as the ABI number stays; with a
/// new number, of which no baseline has been recorded, all of them begin anew.
pub fn write(repository: &Path) -> Outcome<()> {
    let release = Release::from(facts::version(repository)?);
    let keeps = abi::baseline(repository)?.exists();
    let known = if keeps { read(repository)? } else { Symbols::new() };
    let functions = facts::header(repository)?.functions;
    let names: BTreeSet<String> = functions.into_iter().map(|function| function.name).collect();
    let lines = names.iter().map(|name| {
        let release = known.get(name).copied().unwrap_or(release);
        format!("{name} {}.{}\n", release.major, release.minor)
    });
    let path = list(repository);
    Ok(fs::write(&path, lines.collect::<String>()).map_err(at(&path))?)
}

/// Fails where the list is not that of the header's functions, or names a release yet to come.
pub fn check(repository: &Path) -> Outcome<Symbols> {
    let symbols = read(repository)?;
    let declared = facts::header(repository)?.functions.into_iter().map(|function| function.name).collect();
    let listed = symbols.keys().cloned().collect();
    same("abi/libbolt.symbols", &listed, "include/bolt.h", &declared)
        .map_err(|fault| format!("{fault}: run `cargo xtask symbols` and see abi/README.md"))?;
    let now = Release::from(facts::version(repository)?);
    match symbols.iter().find(|(_, release)| **release > now) {
        Some((name, release)) => {
            Err(format!("abi/libbolt.symbols: {name} is of {release:?}, this is {now:?}").into())
        }
        None => Ok(symbols),
    }
}

/// Fails where a shared library or a static archive shows other names than those of the list.
pub fn check_libraries(symbols: &Symbols, shared: &Path, archive: &Path) -> Outcome<()> {
    let versioned: BTreeSet<String> =
        symbols.iter().map(|(name, release)| format!("{name}@@{}", release.node())).collect();
    let nodes: BTreeSet<String> = symbols.values().map(|release| release.node()).collect();
    let mut exported = global_names(shared, "--dynamic")?;
    exported.retain(|name| !nodes.contains(name));
    same(&shared.display().to_string(), &exported, "abi/libbolt.symbols", &versioned)?;
    let visible = global_names(archive, "--extern-only")?;
    let plain = symbols.keys().cloned().collect();
    same(&archive.display().to_string(), &visible, "abi/libbolt.symbols", &plain)
}

/// The names that a library defines for others.
fn global_names(library: &Path, which: &str) -> Outcome<BTreeSet<String>> {
    let mut nm = tool("NM", "nm");
    nm.args([which, "--defined-only", "--format=posix"]).arg(library);
    let text = run(&mut nm, "install GNU binutils, or name another program in NM")?;
    let symbols = text.lines().filter_map(|line| line.split_once(' '));
    Ok(symbols.map(|(name, _)| name.to_owned()).collect())
}

/// Fails where two sets differ, and says in what.
fn same(one: &str, ours: &BTreeSet<String>, other: &str, theirs: &BTreeSet<String>) -> Outcome<()> {
    let only =
        |a: &BTreeSet<String>, b: &BTreeSet<String>| -> Vec<String> { a.difference(b).cloned().collect() };
    let (more, less) = (only(ours, theirs), only(theirs, ours));
    match (more.is_empty(), less.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("{one} has {}, which {other} has not", more.join(" ")).into()),
        (true, false) => Err(format!("{one} lacks {}, which {other} has", less.join(" ")).into()),
    }
}

/// The linker's version script: a node for each release, the later inheriting from the earlier.
pub fn version_script(symbols: &Symbols) -> String {
    let releases: BTreeSet<Release> = symbols.values().copied().collect();
    let mut script = String::new();
    let mut before: Option<Release> = None;
    for release in releases {
        script += &format!("{} {{\n  global:\n", release.node());
        for (name, _) in symbols.iter().filter(|(_, appeared)| **appeared == release) {
            script += &format!("    {name};\n");
        }
        match before {
            None => script += "  local:\n    *;\n};\n",
            Some(before) => script += &format!("}} {};\n", before.node()),
        }
        before = Some(release);
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_the_functions_of_the_header() -> Outcome<()> {
        check(&crate::repository()).map(|_| ())
    }

    #[test]
    fn a_line_that_is_not_a_function_and_a_release_is_an_error() -> Outcome<()> {
        assert_eq!(parse("bolt_get 0.1\n")?.get("bolt_get"), Some(&Release { major: 0, minor: 1 }));
        for line in ["bolt_get", "bolt_get 1", "bolt_get one.two"] {
            assert!(parse(line).is_err(), "{line}");
        }
        Ok(())
    }

    #[test]
    fn later_releases_have_nodes_of_their_own_that_inherit() -> Outcome<()> {
        let script = version_script(&parse("bolt_a 0.1\nbolt_b 0.10\nbolt_c 0.2\n")?);
        let expected = "BOLT_0.1 {\n  global:\n    bolt_a;\n  local:\n    *;\n};\n\
                        BOLT_0.2 {\n  global:\n    bolt_c;\n} BOLT_0.1;\n\
                        BOLT_0.10 {\n  global:\n    bolt_b;\n} BOLT_0.2;\n";
        assert_eq!(script, expected);
        Ok(())
    }

    #[test]
    fn a_name_too_many_and_a_name_too_few_are_told_apart() {
        let set = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let fault =
            |ours, theirs| same("A", &set(ours), "B", &set(theirs)).map_err(|error| error.to_string());
        assert_eq!(fault(&["x"], &["x"]), Ok(()));
        assert_eq!(fault(&["x", "y"], &["x"]), Err("A has y, which B has not".to_owned()));
        assert_eq!(fault(&["x"], &["x", "y"]), Err("A lacks y, which B has".to_owned()));
    }
}
