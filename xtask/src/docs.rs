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

fn generate(repository: &Path, share: &Path, version: Version) -> Outcome<()> {
    let doc = share.join("doc/libbolt");
    fs::create_dir_all(&doc).map_err(at(&doc))?;
    let settings = repository.join("docs/Doxyfile");
    let mut settings = fs::read_to_string(&settings).map_err(at(&settings))?;
    settings += &format!("PROJECT_NUMBER = {version}\nOUTPUT_DIRECTORY = \"{}\"\n", doc.display());
    settings += &format!("MAN_OUTPUT = \"{}\"\n", share.join("man").display());
    let mut doxygen: Command = tool("DOXYGEN", "doxygen");
    doxygen.arg("-").current_dir(repository);
    let output = outcome(&mut doxygen, Some(&settings), NEEDS)?;
    if !output.status.success() {
        return Err(failure(&doxygen, &output).into());
    }
    keep_own_pages(&share.join("man/man3"))
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
