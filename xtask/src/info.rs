//! What a directory of built libraries holds, in a file beside them, `build-info`: installing reads it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::facts::Version;
use crate::tools::at;

/// About the libraries that were built.
#[derive(Debug, PartialEq, Eq)]
pub struct Info {
    /// The release.
    pub version: Version,
    /// The number in the shared library's name.
    pub abi_number: u32,
    /// The bits of a pointer.
    pub pointer_width: u32,
    /// What a program that links the archive needs besides, as the linker is told: `-lm`.
    pub native_libs: Vec<String>,
    /// What they were built from.
    pub key: String,
}

fn file(directory: &Path) -> PathBuf {
    directory.join("build-info")
}

impl Info {
    /// The shared library's file.
    pub fn shared_file(&self) -> String {
        format!("libbolt.so.{}", self.version)
    }

    /// The name by which programs look for the shared library.
    pub fn soname(&self) -> String {
        format!("libbolt.so.{}", self.abi_number)
    }

    /// Reads what a directory holds.
    pub fn read(directory: &Path) -> Outcome<Info> {
        let path = file(directory);
        let text = fs::read_to_string(&path).map_err(|error| {
            format!("{}: {error}: nothing is built there yet, `cargo xtask dist` does it", path.display())
        })?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.ok_or_else(|| format!("{}: names no {name}", path.display()))
        };
        Ok(Info {
            version: value("version")?.parse()?,
            abi_number: value("abi_number")?.parse()?,
            pointer_width: value("pointer_width")?.parse()?,
            native_libs: value("native_libs")?.split_whitespace().map(str::to_owned).collect(),
            key: value("key")?.to_owned(),
        })
    }

    /// Writes what a directory holds.
    pub fn write(&self, directory: &Path) -> Outcome<()> {
        let text = format!(
            "version = {}\nabi_number = {}\npointer_width = {}\nnative_libs = {}\nkey = {}\n",
            self.version,
            self.abi_number,
            self.pointer_width,
            self.native_libs.join(" "),
            self.key
        );
        let path = file(directory);
        Ok(fs::write(&path, text).map_err(at(&path))?)
    }

    /// Takes back what was written.
    pub fn remove(directory: &Path) -> Outcome<()> {
        let path = file(directory);
        if path.exists() {
            fs::remove_file(&path).map_err(at(&path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_directory_without_it_says_what_to_do() -> Outcome<()> {
        let directory = std::env::temp_dir().join(format!("libbolt-info-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let info = Info {
            version: Version { major: 1, minor: 2, patch: 3 },
            abi_number: 4,
            pointer_width: 64,
            native_libs: vec!["-lm".to_owned(), "-lc".to_owned()],
            key: "a b = c".to_owned(),
        };
        info.write(&directory)?;
        assert_eq!(Info::read(&directory)?, info);
        assert_eq!((info.shared_file(), info.soname()), ("libbolt.so.1.2.3".into(), "libbolt.so.4".into()));
        Info::remove(&directory)?;
        let error = Info::read(&directory).map_err(|error| error.to_string()).err().unwrap_or_default();
        assert!(error.ends_with("`cargo xtask dist` does it"), "{error}");
        Ok(fs::remove_dir_all(&directory)?)
    }
}
