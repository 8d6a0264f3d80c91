//! Commands of the repository: what is generated from the sources, and what builds and installs libbolt for
//! C.
//!
//! | command | does |
//! |---|---|
//! | `header` | writes `include/bolt.h` from the sources |
//! | `symbols` | writes `abi/libbolt.symbols` from the header |
//! | `abi` | records the ABI in `abi/libbolt-N.abi` |
//! | `docs` | holds the header's comments against Doxygen |
//! | `instructions` | records how many instructions a get, a next, a put and a commit take |
//! | `native-libs` | prints what a program that links the static library links besides |
//! | `dist` | builds the libraries and the documentation in `target/dist` |
//! | `install`, `uninstall` | put what `dist` has built into its places, and take it away |
//!
//! The first five take `--check`, and then compare instead of writing. Installing needs neither cargo nor the
//! repository: `dist` puts this program beside the libraries. Only `header` needs cbindgen, and a feature of
//! this package has it, so that whoever builds libbolt does not compile cbindgen.

mod abi;
mod arguments;
mod cargo;
mod dist;
mod docs;
mod facts;
#[cfg(feature = "header")]
mod header;
mod info;
mod install;
mod instructions;
mod symbols;
mod template;
mod tools;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::Arguments;

const USAGE: &str = "usage: cargo xtask [--repository DIR] <command> [options]
  header|symbols|abi|instructions [--check]
  docs --check
  native-libs [--target TRIPLE] [--target-dir DIR] [--offline]
  dist [--out DIR] [--target TRIPLE] [--target-dir DIR] [--offline] [--debug] [--keep-debug]
          [--docs auto|on|off]
  install|uninstall [--prefix DIR] [--libdir DIR] [--includedir DIR] [--mandir DIR] [--docdir DIR]
          [--destdir DIR] [--component runtime|dev|doc] [--from DIR] [--manifest FILE]";

/// What a command comes to.
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match words().and_then(|words| command(&words.iter().map(String::as_str).collect::<Vec<&str>>())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line.
fn words() -> Outcome<Vec<String>> {
    let text =
        |word: std::ffi::OsString| word.into_string().map_err(|word| format!("{word:?} is no UTF-8").into());
    env::args_os().skip(1).map(text).collect()
}

/// Does what the command line says.
fn command(words: &[&str]) -> Outcome<()> {
    if let ["--repository", directory, ref rest @ ..] = *words {
        return command_in(Path::new(directory), rest);
    }
    command_in(&repository(), words)
}

/// Does what the command line says, for a repository that may be another than this program's.
fn command_in(here: &Path, words: &[&str]) -> Outcome<()> {
    match *words {
        ["header"] => write_header(here),
        ["header", "--check"] => check_header(here),
        ["symbols"] => symbols::write(here),
        ["symbols", "--check"] => symbols::check(here).map(|_| ()),
        ["abi"] => abi::write(here),
        ["abi", "--check"] => abi::check(here),
        ["docs", "--check"] => docs::check(here),
        ["instructions"] => instructions::write(here, &target_dir().join("dist")),
        ["instructions", "--check"] => instructions::check(here, &target_dir().join("dist")),
        ["native-libs", ref rest @ ..] => native_libs(here, rest),
        ["dist", ref rest @ ..] => dist(here, rest),
        ["install", ref rest @ ..] => installation(rest, install::install),
        ["uninstall", ref rest @ ..] => installation(rest, install::uninstall),
        _ => Err(USAGE.into()),
    }
}

#[cfg(feature = "header")]
use header::{check as check_header, write as write_header};

/// Says that this build of the program cannot.
#[cfg(not(feature = "header"))]
fn write_header(_: &Path) -> Outcome<()> {
    Err("built without cbindgen: use `cargo xtask header`".into())
}

#[cfg(not(feature = "header"))]
use write_header as check_header;

/// The options of the commands that call cargo.
const BUILD_OPTIONS: [&str; 2] = ["--target", "--target-dir"];

fn native_libs(repository: &Path, rest: &[&str]) -> Outcome<()> {
    let arguments = Arguments::parse(rest, &BUILD_OPTIONS, &["--offline", "--debug"])?;
    println!("{}", cargo::compile(repository, &build(&arguments)?)?.native_libs.join(" "));
    Ok(())
}

fn dist(repository: &Path, rest: &[&str]) -> Outcome<()> {
    let with_value = [&BUILD_OPTIONS[..], &["--out", "--docs"]].concat();
    let arguments = Arguments::parse(rest, &with_value, &["--offline", "--debug", "--keep-debug"])?;
    let out = arguments.value("--out").map_or_else(|| target_dir().join("dist"), PathBuf::from);
    let options = dist::Options {
        out: std::path::absolute(out)?,
        build: build(&arguments)?,
        keep_debug: arguments.has("--keep-debug") || arguments.has("--debug"),
        docs: docs::Docs::parse(arguments.value("--docs"))?,
    };
    dist::build(repository, &options)
}

fn build(arguments: &Arguments) -> Outcome<cargo::Build> {
    let target_dir = arguments.value("--target-dir").map_or_else(target_dir, PathBuf::from);
    let of_environment = || env::var("CARGO_BUILD_TARGET").ok().filter(|target| !target.is_empty());
    Ok(cargo::Build {
        target_dir: std::path::absolute(target_dir)?,
        target: arguments.value("--target").map(str::to_owned).or_else(of_environment),
        debug: arguments.has("--debug"),
        offline: arguments.has("--offline"),
    })
}

/// Installs or uninstalls what lies in the directory that `--from` names, else beside this program, else in
/// `target/dist`.
fn installation(rest: &[&str], act: fn(&Arguments, &Path) -> Outcome<()>) -> Outcome<()> {
    let arguments = Arguments::parse(rest, &install::OPTIONS, &[])?;
    let beside =
        env::current_exe()?.parent().map(Path::to_owned).filter(|place| place.join("build-info").exists());
    let built = arguments.value("--from").map(PathBuf::from).or(beside);
    act(&arguments, &built.unwrap_or_else(|| target_dir().join("dist")))
}

/// Cargo's directory for what it compiles.
fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from)
}

/// The top directory of the repository.
fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
