//! Builds what is installed: the shared library, the static archive, the headers and the documentation.
//!
//! Both libraries come from one compilation, as a static library with link-time optimisation (which cargo
//! leaves out when a library is compiled to an `rlib`, too). rustc's own archive is no product: all of Rust's
//! standard library in it is visible, so that two such archives in one program collide, and a shared library
//! that takes one in exports all of it. So the linker first makes one object of what the exported functions
//! need.
//!
//! D1. In the archive only the functions of the header are visible, and as hidden symbols: the program that
//!     links them sees them, the users of a shared library that links them do not.
//! D2. Section groups are dissolved: otherwise two Rust archives would share the pointer to the routine that
//!     unwinds their stacks, although the routines may be of different compilers.
//! D3. The shared library gets its name and its symbol versions here; rustc's own linking allows no versions.
//! D4. Nothing in the directory changes when nothing that it is made from has: programs are not linked anew.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::Outcome;
use crate::cargo::{self, Build, Compiled, Target};
use crate::docs::{self, Docs};
use crate::facts;
use crate::info::Info;
use crate::symbols::{self, Symbols};
use crate::tools::{at, run, tool};

const BINUTILS: &str =
    "install a C compiler and GNU binutils, or name the programs in CC, LD, OBJCOPY and AR";

/// How to build.
pub struct Options {
    /// Where to put what is built.
    pub out: PathBuf,
    /// How cargo is called.
    pub build: Build,
    /// Whether the libraries keep their debugging information.
    pub keep_debug: bool,
    /// Whether the documentation is made.
    pub docs: Docs,
}

/// Builds everything.
pub fn build(repository: &Path, options: &Options) -> Outcome<()> {
    let symbols = symbols::check(repository)?;
    let target = cargo::target(&options.build)?;
    if !target.is_elf {
        return Err("libbolt is packaged for systems with ELF alone as yet; `cargo build` works".into());
    }
    let compiled = cargo::compile(repository, &options.build)?;
    let info = info(repository, options, &compiled, &target)?;
    copies(&headers(repository)?, &options.out.join("include"))?;
    copies(&licences(repository)?, &options.out.join("licences"))?;
    if Info::read(&options.out).ok().as_ref() != Some(&info) {
        libraries(options, &compiled, &symbols, &info)?;
        docs::build(repository, &options.out.join("share"), info.version, options.docs)?;
        copy_program(&options.out)?;
        info.write(&options.out)?;
    }
    Ok(())
}

/// What is built, and a key that changes when it has to be built again.
fn info(repository: &Path, options: &Options, compiled: &Compiled, target: &Target) -> Outcome<Info> {
    let program = std::env::current_exe()?;
    let of_docs = ["Doxyfile", "header.sed", "header-cpp.sed"].map(|name| repository.join("docs").join(name));
    let mut made_from = of_docs.to_vec();
    made_from.extend([repository.join("abi/libbolt.symbols"), compiled.archive.clone(), program]);
    made_from.extend(headers(repository)?);
    let mut key = format!("keep_debug {} docs {:?}", options.keep_debug, options.docs);
    for path in made_from {
        let about = fs::metadata(&path).map_err(at(&path))?;
        let age = about.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
        key += &format!(" {} {age} {}", path.display(), about.len());
    }
    Ok(Info {
        version: facts::version(repository)?,
        abi_number: facts::abi_number(repository)?,
        pointer_width: target.pointer_width,
        native_libs: compiled.native_libs.clone(),
        key,
    })
}

fn headers(repository: &Path) -> Outcome<Vec<PathBuf>> {
    files(&repository.join("include"), |name| name.ends_with(".h") || name.ends_with(".hpp"))
}

fn licences(repository: &Path) -> Outcome<Vec<PathBuf>> {
    files(repository, |name| name.starts_with("LICENSE-"))
}

/// The files of a directory with certain names, in order.
fn files(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(at(directory))? {
        let entry = entry?;
        if is_wanted(&entry.file_name().to_string_lossy()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Makes a directory hold copies of these files and nothing else, without touching those that are the same.
fn copies(files: &[PathBuf], directory: &Path) -> Outcome<()> {
    fs::create_dir_all(directory).map_err(at(directory))?;
    let mut known = BTreeSet::new();
    for file in files {
        let text = fs::read(file).map_err(at(file))?;
        let copy = directory.join(file.file_name().unwrap_or_default());
        if fs::read(&copy).ok().as_ref() != Some(&text) {
            fs::write(&copy, text).map_err(at(&copy))?;
        }
        known.insert(copy);
    }
    for entry in fs::read_dir(directory).map_err(at(directory))? {
        let path = entry?.path();
        if !known.contains(&path) {
            fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

/// Puts this very program beside what it has built, so that installing needs no cargo: whoever installs, say
/// with sudo, often has none.
fn copy_program(out: &Path) -> Outcome<()> {
    let (program, copy) = (std::env::current_exe()?, out.join("xtask"));
    if program.canonicalize()? != copy {
        fs::copy(&program, &copy).map_err(at(&copy))?;
    }
    Ok(())
}

/// Makes both libraries from rustc's archive.
fn libraries(options: &Options, compiled: &Compiled, symbols: &Symbols, info: &Info) -> Outcome<()> {
    let (work, lib) = (options.out.join("work"), options.out.join("lib"));
    for directory in [&work, &lib] {
        fs::create_dir_all(directory).map_err(at(directory))?;
    }
    // Cut short, a build must not leave the look of a finished one.
    Info::remove(&options.out)?;
    let maker = Maker { work, symbols, strip: !options.keep_debug };
    maker.static_archive(&compiled.archive, &lib.join("libbolt.a"))?;
    maker.shared_library(&compiled.archive, &lib, info)?;
    symbols::check_libraries(symbols, &lib.join(info.shared_file()), &lib.join("libbolt.a"))
}

/// Turns rustc's archive into libraries.
struct Maker<'a> {
    work: PathBuf,
    symbols: &'a Symbols,
    strip: bool,
}

impl Maker<'_> {
    /// Links what the exported functions need into one object `name`, together with `more`.
    fn object(&self, archive: &Path, name: &str, more: &[&Path]) -> Outcome<PathBuf> {
        let object = self.work.join(name);
        let mut ld = tool("LD", "ld");
        ld.args(["-r", "--gc-sections", "--force-group-allocation"]);
        ld.args(self.symbols.keys().map(|name| format!("--require-defined={name}")));
        ld.args(more).arg(archive).arg("-o").arg(&object);
        run(&mut ld, BINUTILS)?;
        let names = self.work.join("names");
        let list: Vec<&str> = self.symbols.keys().map(String::as_str).collect();
        fs::write(&names, list.join("\n") + "\n").map_err(at(&names))?;
        let mut objcopy = tool("OBJCOPY", "objcopy");
        objcopy.arg("--keep-global-symbols").arg(&names);
        // Compiled code for another link-time optimisation, which not every version of GNU's tools can read.
        objcopy.args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"]);
        objcopy.args(self.strip.then_some("--strip-debug"));
        run(objcopy.arg(&object), BINUTILS)?;
        Ok(object)
    }

    fn static_archive(&self, archive: &Path, product: &Path) -> Outcome<()> {
        let hide = self.hiding_object()?;
        let object = self.object(archive, "bolt.o", &[&hide])?;
        if product.exists() {
            fs::remove_file(product).map_err(at(product))?;
        }
        run(tool("AR", "ar").arg("rcsD").arg(product).arg(&object), BINUTILS)?;
        Ok(())
    }

    /// An object that refers to each function as a hidden symbol, which makes it one where the two are
    /// linked. What refers to them is then dropped, since nothing needs it.
    fn hiding_object(&self) -> Outcome<PathBuf> {
        let (source, object) = (self.work.join("hide.c"), self.work.join("hide.o"));
        let mut text = String::new();
        for name in self.symbols.keys() {
            text += &format!("__attribute__((visibility(\"hidden\"))) void {name}(void);\n");
            text += &format!("void (*const hide_{name})(void) = {name};\n");
        }
        fs::write(&source, text).map_err(at(&source))?;
        let mut cc = tool("CC", "cc");
        cc.args(["-c", "-fPIC", "-fdata-sections", "-fno-lto"]).arg(&source).arg("-o").arg(&object);
        run(&mut cc, BINUTILS)?;
        Ok(object)
    }

    fn shared_library(&self, archive: &Path, lib: &Path, info: &Info) -> Outcome<()> {
        let object = self.object(archive, "bolt-shared.o", &[])?;
        let script = self.work.join("libbolt.map");
        fs::write(&script, symbols::version_script(self.symbols)).map_err(at(&script))?;
        let library = lib.join(info.shared_file());
        let mut cc = tool("CC", "cc");
        cc.args(std::env::var("LDFLAGS").unwrap_or_default().split_whitespace());
        cc.arg("-shared").arg(&object).arg("-o").arg(&library);
        cc.arg(format!("-Wl,-soname,{}", info.soname()));
        cc.arg(format!("-Wl,--version-script={}", script.display()));
        // build.rs says why the library is never unloaded.
        cc.args(["-Wl,-z,nodelete", "-Wl,-z,defs", "-Wl,-z,relro,-z,now", "-Wl,--gc-sections", "-Wl,-O1"]);
        cc.arg("-Wl,--as-needed").args(&info.native_libs);
        run(&mut cc, BINUTILS)?;
        for (link, to) in [(info.soname(), info.shared_file()), ("libbolt.so".to_owned(), info.soname())] {
            let link = lib.join(link);
            if link.symlink_metadata().is_ok() {
                fs::remove_file(&link).map_err(at(&link))?;
            }
            symlink(to, &link).map_err(at(&link))?;
        }
        Ok(())
    }
}
