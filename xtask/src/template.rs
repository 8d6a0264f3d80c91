//! The files that are written while installing: `bolt.pc` and the package for CMake, from their templates.
//!
//! A template names a fact as `@NAME@`, as CMake's own do.

use std::path::{Component, Path, PathBuf};

use crate::Outcome;
use crate::info::Info;

/// Where things are installed.
#[derive(Clone, Debug)]
pub struct Places {
    /// Under which all lie, unless they were given absolute.
    pub prefix: PathBuf,
    /// Of the libraries.
    pub libdir: PathBuf,
    /// Of the headers.
    pub includedir: PathBuf,
    /// Of the manual pages, above `man3`.
    pub mandir: PathBuf,
    /// Of the documentation.
    pub docdir: PathBuf,
}

/// What pkg-config reads.
pub fn pkg_config(info: &Info, places: &Places) -> Outcome<String> {
    let from_prefix = |path: &Path| match path.strip_prefix(&places.prefix) {
        Ok(rest) => format!("${{prefix}}/{}", escaped(rest)),
        Err(_) => escaped(path),
    };
    fill(
        include_str!("../../pkgconfig/bolt.pc.in"),
        &[
            ("PREFIX", &escaped(&places.prefix)),
            ("LIBDIR", &from_prefix(&places.libdir)),
            ("INCLUDEDIR", &from_prefix(&places.includedir)),
            ("DESCRIPTION", description()?),
            ("VERSION", &info.version.to_string()),
            ("NATIVE_LIBS", &info.native_libs.join(" ")),
        ],
    )
}

/// A path as pkg-config's files have it.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(' ', "\\ ")
}

/// What the package says of itself.
fn description() -> Outcome<&'static str> {
    let mut lines = include_str!("../../Cargo.toml").lines();
    let found = lines.find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'));
    Ok(found.ok_or("Cargo.toml has no description")?)
}

/// The files of the package for CMake, by name.
pub fn cmake_package(info: &Info, places: &Places) -> Outcome<[(&'static str, String); 3]> {
    let config = fill(
        include_str!("../../cmake/boltConfig.cmake.in"),
        &[
            ("VERSION", &info.version.to_string()),
            ("INCLUDEDIR_FROM_LIBDIR", &relative(&places.includedir, &places.libdir, &places.prefix)),
            ("SONAME", &info.soname()),
            ("SHARED_FILE", &info.shared_file()),
            ("NATIVE_LIBS_OF_CMAKE", &info.native_libs.join(";")),
        ],
    )?;
    let version = info.version;
    // Before 1.0 a minor release may ask programs to change.
    let (prefix, from) = match version.major {
        0 => (format!("0\\\\.{}\\\\.", version.minor), format!("0.{}", version.minor)),
        major => (format!("{major}\\\\."), major.to_string()),
    };
    let versions = fill(
        include_str!("../../cmake/boltConfigVersion.cmake.in"),
        &[
            ("VERSION", &version.to_string()),
            ("COMPATIBLE_PREFIX", &prefix),
            ("COMPATIBLE_FROM", &from),
            ("POINTER_BYTES", &(info.pointer_width / 8).to_string()),
            ("POINTER_WIDTH", &info.pointer_width.to_string()),
        ],
    )?;
    let targets = include_str!("../../cmake/boltTargets.cmake").to_owned();
    Ok([("boltConfig.cmake", config), ("boltConfigVersion.cmake", versions), ("boltTargets.cmake", targets)])
}

/// The way from a directory to another where both lie under `prefix`, else the absolute path.
fn relative(to: &Path, from: &Path, prefix: &Path) -> String {
    let (Ok(inner), Ok(depth)) = (to.strip_prefix(prefix), from.strip_prefix(prefix)) else {
        return to.display().to_string();
    };
    let up = depth.components().filter(|part| matches!(part, Component::Normal(_))).map(|_| "..");
    up.collect::<PathBuf>().join(inner).display().to_string()
}

/// Puts values in the places of their names; a name without a value is an error.
fn fill(template: &str, values: &[(&str, &str)]) -> Outcome<String> {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("@{name}@"), value);
    }
    let is_name =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase());
    let unknown = |word: &&str| is_name(word) && !values.iter().any(|(name, _)| name == word);
    match template.split('@').skip(1).find(unknown) {
        Some(name) => Err(format!("a template names @{name}@, which has no value").into()),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Version;

    fn info(version: Version) -> Info {
        let native_libs = vec!["-lm".to_owned(), "-lc".to_owned()];
        Info { version, abi_number: 4, pointer_width: 64, native_libs, key: String::new() }
    }

    fn places(prefix: &str, libdir: &str, includedir: &str) -> Places {
        Places {
            prefix: prefix.into(),
            libdir: libdir.into(),
            includedir: includedir.into(),
            mandir: "/m".into(),
            docdir: "/d".into(),
        }
    }

    const RELEASE: Version = Version { major: 0, minor: 2, patch: 3 };

    #[test]
    fn directories_inside_the_prefix_move_with_it_and_others_stay() -> Outcome<()> {
        let inside = pkg_config(&info(RELEASE), &places("/a b", "/a b/lib/x", "/a b/include"))?;
        assert!(
            inside.starts_with("prefix=/a\\ b\nlibdir=${prefix}/lib/x\nincludedir=${prefix}/include\n"),
            "{inside}"
        );
        assert!(inside.contains("\nVersion: 0.2.3\n") && inside.contains("\nLibs.private: -lm -lc\n"));
        let outside = pkg_config(&info(RELEASE), &places("/usr", "/lib", "/usr/include"))?;
        assert!(outside.starts_with("prefix=/usr\nlibdir=/lib\nincludedir=${prefix}/include\n"), "{outside}");
        Ok(())
    }

    #[test]
    fn the_way_from_the_libraries_to_the_headers_is_relative_inside_the_prefix() {
        let way = |to: &str, from: &str| relative(Path::new(to), Path::new(from), Path::new("/p"));
        assert_eq!(way("/p/include", "/p/lib"), "../include");
        assert_eq!(way("/p/include/bolt", "/p/lib/x86_64-linux-gnu"), "../../include/bolt");
        assert_eq!(way("/q/include", "/p/lib"), "/q/include");
    }

    #[test]
    fn a_name_without_a_value_is_an_error() -> Outcome<()> {
        assert_eq!(fill("a @ONE@ b@c", &[("ONE", "1")])?, "a 1 b@c");
        assert!(fill("@ONE@ @TWO@", &[("ONE", "1")]).is_err());
        Ok(())
    }

    #[test]
    fn minor_releases_are_compatible_from_1_on() -> Outcome<()> {
        let versions =
            |version| Ok(cmake_package(&info(version), &places("/p", "/p/lib", "/p/include"))?[1].1.clone());
        let zero: Outcome<String> = versions(RELEASE);
        assert!(zero?.contains("(fits requests for 0.2 to 0.2.3)"));
        let one: Outcome<String> = versions(Version { major: 1, minor: 2, patch: 3 });
        assert!(one?.contains("(fits requests for 1 to 1.2.3)"));
        Ok(())
    }
}
