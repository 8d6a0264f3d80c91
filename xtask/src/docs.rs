//! The documentation of the C API, by Doxygen from the headers: HTML, and manual pages for `man bolt_open`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::facts::{self, Version};
use crate::tools::{at, failure, outcome, tool};

const NEEDS: &str = "install Doxygen";

/// Whether the documentation is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Docs {
    /// Where Doxygen is there.
    Auto,
    /// It must be.
    On,
    /// Not at all.
    Off,
}

impl Docs {
    /// The value of the option `--docs`.
    pub fn parse(text: Option<&str>) -> Outcome<Docs> {
        match text {
            None | Some("auto") => Ok(Docs::Auto),
            Some("on") => Ok(Docs::On),
            Some("off") => Ok(Docs::Off),
            Some(other) => Err(format!("--docs is auto, on or off, not {other}").into()),
        }
    }
}

/// Makes the documentation below `share`: `doc/libbolt/html` and `man/man3`. A fault in it stops no build,
/// unless it was asked for.
pub fn build(repository: &Path, share: &Path, version: Version, docs: Docs) -> Outcome<()> {
    if share.exists() {
        fs::remove_dir_all(share).map_err(at(share))?;
    }
    let made = match docs {
        Docs::Off => return Ok(()),
        Docs::Auto | Docs::On => generate(repository, share, version),
    };
    match (made, docs) {
        (Err(error), Docs::Auto) => {
            let _ = writeln!(std::io::stderr(), "xtask: no documentation: {error}");
            if share.exists() {
                fs::remove_dir_all(share).map_err(at(share))?;
            }
            Ok(())
        }
        (made, _) => made,
    }
}

/// Fails where Doxygen finds anything undocumented or wrong.
pub fn check(repository: &Path) -> Outcome<()> {
    let directory = std::env::temp_dir().join(format!("libbolt-docs-{}", std::process::id()));
    let made = build(repository, &directory, facts::version(repository)?, Docs::On);
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(at(&directory))?;
    }
    made
}

/// The manual pages of C and those of C++ are made apart, as Doxygen would give `bolt_txn` and `bolt::txn` the
/// same file.
fn generate(repository: &Path, share: &Path, version: Version) -> Outcome<()> {
    let doc = share.join("doc/libbolt");
    fs::create_dir_all(&doc).map_err(at(&doc))?;
    let (man, cpp) = (share.join("man"), share.join("man-cpp"));
    let pages = "GENERATE_HTML = NO\n";
    let of_c = format!("{pages}INPUT = include/bolt.h\nMAN_OUTPUT = \"{}\"\n", man.display());
    // In C each parameter is described; in C++ the second of two twins has no description of its value.
    let of_cpp = format!(
        "{pages}INPUT = include/bolt.hpp\nMAN_OUTPUT = \"{}\"\nMAN_LINKS = NO\nWARN_NO_PARAMDOC = NO\n",
        cpp.display()
    );
    for settings in [&of_c, &of_cpp, "GENERATE_MAN = NO\nWARN_NO_PARAMDOC = NO\n"] {
        doxygen(repository, &doc, version, settings)?;
    }
    keep_own_pages(&man.join("man3"))?;
    move_cpp_pages(&cpp.join("man3"), &man.join("man3"))?;
    fs::remove_dir_all(&cpp).map_err(at(&cpp))?;
    Ok(())
}

/// Runs Doxygen with the repository's settings and further ones, which prevail.
fn doxygen(repository: &Path, doc: &Path, version: Version, further: &str) -> Outcome<()> {
    let path = repository.join("docs/Doxyfile");
    let mut settings = fs::read_to_string(&path).map_err(at(&path))?;
    settings += &format!("PROJECT_NUMBER = {version}\nOUTPUT_DIRECTORY = \"{}\"\n{further}", doc.display());
    let mut doxygen: Command = tool("DOXYGEN", "doxygen");
    doxygen.arg("-").current_dir(repository);
    let output = outcome(&mut doxygen, Some(&settings), NEEDS)?;
    if output.status.success() { Ok(()) } else { Err(failure(&doxygen, &output).into()) }
}

/// Removes the manual pages of single fields and of directories: names such as `key` and `flags` belong to
/// all.
fn keep_own_pages(directory: &Path) -> Outcome<()> {
    for entry in fs::read_dir(directory).map_err(at(directory))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !["bolt_", "BOLT_", "libbolt_", "bolt.h"].iter().any(|own| name.starts_with(own)) {
            fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

/// Puts the pages of the C++ classes beside those of C, under the names that C++ has for them: what Doxygen
/// calls `bolt_txn.3` becomes `bolt::txn.3`.
fn move_cpp_pages(from: &Path, to: &Path) -> Outcome<()> {
    for entry in fs::read_dir(from).map_err(at(from))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let class = name.strip_prefix("bolt_").filter(|class| !class.contains(' '));
        if let Some(class) = class {
            let page = to.join(format!("bolt::{class}"));
            fs::rename(&path, &page).map_err(at(&page))?;
        } else if name == "bolt.hpp.3" {
            let page = to.join(&name);
            fs::rename(&path, &page).map_err(at(&page))?;
        }
    }
    Ok(())
}
