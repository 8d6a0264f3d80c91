//! Installs what `dist` has built, or takes it away again.
//!
//! I1. One list says what goes where ([`plan`]); installing, uninstalling and the manifest go by it.
//! I2. A file is replaced by renaming, never written over: programs that run with the old library keep it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use crate::Outcome;
use crate::arguments::Arguments;
use crate::info::Info;
use crate::template::{self, Places};
use crate::tools::at;

/// The options that name places, for `install` and `uninstall` alike.
pub const OPTIONS: [&str; 9] = [
    "--prefix",
    "--libdir",
    "--includedir",
    "--mandir",
    "--docdir",
    "--destdir",
    "--component",
    "--from",
    "--manifest",
];

/// The parts that a distribution may put into packages of their own.
const COMPONENTS: [&str; 3] = ["runtime", "dev", "doc"];

/// What a file is made of.
#[derive(Debug)]
enum Content {
    Copy(PathBuf),
    Text(String),
    Link(String),
}

/// A file to be installed.
#[derive(Debug)]
struct Item {
    component: &'static str,
    path: PathBuf,
    content: Content,
}

/// Installs.
pub fn install(arguments: &Arguments, built: &Path) -> Outcome<()> {
    let destdir = arguments.value("--destdir").unwrap_or_default();
    let items = chosen(arguments, built)?;
    for item in &items {
        let path = staged(destdir, &item.path);
        put(&path, &item.content).map_err(|error| cannot(&path, &error))?;
    }
    println!(
        "installed {} files of libbolt in {}",
        items.len(),
        staged(destdir, &places(arguments)?.prefix).display()
    );
    manifest(arguments, &items)
}

/// Removes what an installation with the same options has installed, and the directories that it leaves
/// empty.
pub fn uninstall(arguments: &Arguments, built: &Path) -> Outcome<()> {
    let destdir = arguments.value("--destdir").unwrap_or_default();
    let prefix = staged(destdir, &places(arguments)?.prefix);
    for item in chosen(arguments, built)? {
        let path = staged(destdir, &item.path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot(&path, &error).into()),
            _ => {}
        }
        let own = |directory: &&Path| directory.starts_with(&prefix) && **directory != *prefix;
        // Whatever else is in a directory keeps it, and those above it.
        for directory in path.ancestors().skip(1).take_while(own) {
            if fs::remove_dir(directory).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Writes the list of what was installed, if that is asked for.
fn manifest(arguments: &Arguments, items: &[Item]) -> Outcome<()> {
    if let Some(file) = arguments.value("--manifest") {
        let lines = items.iter().map(|item| format!("{}\n", item.path.display()));
        fs::write(file, lines.collect::<String>()).map_err(at(Path::new(file)))?;
    }
    Ok(())
}

/// The files of the component that was asked for, else of all.
fn chosen(arguments: &Arguments, built: &Path) -> Outcome<Vec<Item>> {
    let mut items = plan(built, &Info::read(built)?, &places(arguments)?)?;
    if let Some(component) = arguments.value("--component") {
        if !COMPONENTS.contains(&component) {
            let known = COMPONENTS.join(", ");
            return Err(format!("there is no component {component}: the components are {known}").into());
        }
        items.retain(|item| item.component == component);
    }
    Ok(items)
}

/// The places as the options have them; the usual ones of a Unix system where they do not.
fn places(arguments: &Arguments) -> Outcome<Places> {
    let prefix = absolute("--prefix", arguments.value("--prefix").unwrap_or("/usr/local"))?;
    let below = |option: &str, usual: &str| -> Outcome<PathBuf> {
        let given = Path::new(arguments.value(option).unwrap_or(usual));
        absolute(option, &prefix.join(given).display().to_string())
    };
    Ok(Places {
        libdir: below("--libdir", "lib")?,
        includedir: below("--includedir", "include")?,
        mandir: below("--mandir", "share/man")?,
        docdir: below("--docdir", "share/doc/libbolt")?,
        prefix,
    })
}

/// A path from the root on, without `.` and repeated slashes.
fn absolute(option: &str, path: &str) -> Outcome<PathBuf> {
    let plain: PathBuf = Path::new(path).components().collect();
    let goes_up = plain.components().any(|part| part == Component::ParentDir);
    if !plain.is_absolute() || goes_up || path.contains(['\n', '"', '$', ';', '\\']) {
        return Err(format!("{option} is not a plain absolute path: {path}").into());
    }
    Ok(plain)
}

/// A path under the directory in which a package is put together.
fn staged(destdir: &str, path: &Path) -> PathBuf {
    if destdir.is_empty() {
        return path.to_owned();
    }
    Path::new(destdir).join(path.strip_prefix("/").unwrap_or(path))
}

/// Everything that there is to install.
fn plan(built: &Path, info: &Info, places: &Places) -> Outcome<Vec<Item>> {
    let mut items = Vec::new();
    let mut add = |component, path, content| items.push(Item { component, path, content });
    let lib = |name: &str| places.libdir.join(name);
    let built_lib = |name: &str| Content::Copy(built.join("lib").join(name));

    add("runtime", lib(&info.shared_file()), built_lib(&info.shared_file()));
    add("runtime", lib(&info.soname()), Content::Link(info.shared_file()));
    add("dev", lib("libbolt.so"), Content::Link(info.soname()));
    add("dev", lib("libbolt.a"), built_lib("libbolt.a"));
    add("dev", lib("pkgconfig/bolt.pc"), Content::Text(template::pkg_config(info, places)?));
    for (name, text) in template::cmake_package(info, places)? {
        add("dev", lib("cmake/bolt").join(name), Content::Text(text));
    }
    for (component, from, to) in [
        ("dev", "include", &places.includedir),
        ("doc", "licences", &places.docdir),
        ("doc", "share/man", &places.mandir),
        ("doc", "share/doc/libbolt", &places.docdir),
    ] {
        let from = built.join(from);
        for file in files(&from)? {
            add(component, to.join(file.strip_prefix(&from)?), Content::Copy(file.clone()));
        }
    }
    Ok(items)
}

/// The files below a directory, which need not be there, in the order of their names.
fn files(directory: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    if directory.is_dir() {
        for entry in fs::read_dir(directory).map_err(at(directory))? {
            let path = entry?.path();
            if path.is_dir() { files.extend(self::files(&path)?) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Puts a file in its place.
fn put(path: &Path, content: &Content) -> Result<(), std::io::Error> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = directory.join(format!(".{name}.new"));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match content {
        Content::Link(to) => symlink(to, &new)?,
        Content::Text(text) => fs::write(&new, text)?,
        Content::Copy(from) => fs::write(&new, fs::read(from)?)?,
    }
    if !matches!(content, Content::Link(_)) {
        let mode = if name.contains(".so.") { 0o755 } else { 0o644 };
        fs::set_permissions(&new, fs::Permissions::from_mode(mode))?;
    }
    fs::rename(&new, path)
}

fn cannot(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}: choose another --prefix, or install as a user who may write there", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(options: &[&str]) -> Outcome<Arguments> {
        Arguments::parse(options, &OPTIONS, &[])
    }

    #[test]
    fn places_lie_below_the_prefix_unless_they_are_absolute() -> Outcome<()> {
        let places = places(&given(&["--prefix=/opt/bolt//", "--libdir=lib/x", "--includedir=/inc"])?)?;
        assert_eq!(places.prefix, Path::new("/opt/bolt"));
        assert_eq!(places.libdir, Path::new("/opt/bolt/lib/x"));
        assert_eq!(places.includedir, Path::new("/inc"));
        assert_eq!(places.mandir, Path::new("/opt/bolt/share/man"));
        Ok(())
    }

    #[test]
    fn a_prefix_that_is_not_a_plain_absolute_path_is_refused() -> Outcome<()> {
        for prefix in ["here", "../up", "/a/../b", "/a$b", "/a;b"] {
            let refused = places(&given(&["--prefix", prefix])?);
            let text = refused.map_err(|error| error.to_string()).err().unwrap_or_default();
            assert!(text.contains(prefix), "{prefix}: {text}");
        }
        Ok(())
    }

    #[test]
    fn a_stage_comes_before_the_whole_path() {
        assert_eq!(staged("/stage", Path::new("/usr/lib")), Path::new("/stage/usr/lib"));
        assert_eq!(staged("", Path::new("/usr/lib")), Path::new("/usr/lib"));
    }
}
