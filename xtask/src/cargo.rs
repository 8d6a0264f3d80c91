//! Calls cargo and rustc: compiles rustc's archive, and asks what else a program needs that links it.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::tools::{missing, run, tool};

const NEEDS: &str = "install Rust (https://rustup.rs, or your system's packages rustc and cargo)";

/// How cargo is called.
pub struct Build {
    /// Cargo's directory for what it compiles.
    pub target_dir: PathBuf,
    /// The system to compile for; none: this one.
    pub target: Option<String>,
    /// Without optimisation and with all debugging information.
    pub debug: bool,
    /// Without a network.
    pub offline: bool,
}

/// What cargo has compiled.
pub struct Compiled {
    /// rustc's static archive.
    pub archive: PathBuf,
    /// The system's libraries that it needs, as the linker is told: `-lm`.
    pub native_libs: Vec<String>,
}

/// What rustc knows of the system to compile for.
pub struct Target {
    /// The bits of a pointer.
    pub pointer_width: u32,
    /// Whether its libraries are ELF files.
    pub is_elf: bool,
}

/// Compiles rustc's archive. What cargo says goes on to the standard error.
pub fn compile(repository: &Path, build: &Build) -> Outcome<Compiled> {
    let mut command = tool("CARGO", "cargo");
    command.current_dir(repository).args(["rustc", "--locked", "--lib", "--crate-type", "staticlib"]);
    command.args(["--package", "libbolt", "--color", "never", "--target-dir"]).arg(&build.target_dir);
    command.args(build.offline.then_some("--offline")).args((!build.debug).then_some("--release"));
    if let Some(target) = &build.target {
        command.args(["--target", target]);
    }
    if !build.debug {
        command.arg("--config").arg(without_places(repository));
    }
    command.args(["--", "--print", "native-static-libs"]);
    let mut child =
        command.stderr(Stdio::piped()).spawn().map_err(|error| missing(&command, &error, NEEDS))?;
    let mut native_libs = None;
    for line in child.stderr.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let line = line?;
        match line.strip_prefix("note: native-static-libs:") {
            Some(libs) => native_libs = Some(libs.split_whitespace().map(str::to_owned).collect()),
            None if line.is_empty() || line.starts_with("note: link against the following native") => {}
            None => eprintln!("{line}"),
        }
    }
    if !child.wait()?.success() {
        return Err("cargo could not compile libbolt".into());
    }
    let profile = if build.debug { "debug" } else { "release" };
    let archive =
        build.target_dir.join(build.target.as_deref().unwrap_or("")).join(profile).join("libbolt.a");
    if !archive.exists() {
        return Err(
            format!("cargo made no {}: does a configuration name a target?", archive.display()).into()
        );
    }
    let native_libs: Vec<String> = native_libs.ok_or("rustc named no libraries of the system")?;
    Ok(Compiled { archive, native_libs: without_unwinder(&native_libs) })
}

/// The setting by which what is compiled does not name the directories of this machine, so that it is the
/// same wherever it is compiled. Flags that the caller has set in `RUSTFLAGS` come in its place.
fn without_places(repository: &Path) -> String {
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or(home);
    let places = [(cargo_home, "/cargo"), (Some(repository.to_owned()), "/libbolt")];
    let flags = places.iter().filter_map(|(place, name)| {
        let place = place.as_ref()?.display();
        Some(format!("{:?}", format!("--remap-path-prefix={place}={name}")))
    });
    format!("build.rustflags=[{}]", flags.collect::<Vec<_>>().join(","))
}

/// The libraries but for libgcc_s. C compilers add it by themselves, and in a static program libgcc_eh in its
/// place; named here, it would keep a program from being static, since it has no static form.
fn without_unwinder(libs: &[String]) -> Vec<String> {
    libs.iter().filter(|lib| *lib != "-lgcc_s").cloned().collect()
}

/// Asks rustc about the system to compile for.
pub fn target(build: &Build) -> Outcome<Target> {
    let mut rustc: Command = tool("RUSTC", "rustc");
    rustc.args(["--print", "cfg"]);
    if let Some(target) = &build.target {
        rustc.args(["--target", target]);
    }
    target_of(&run(&mut rustc, NEEDS)?)
}

fn target_of(cfg: &str) -> Outcome<Target> {
    let value = |name: &str| cfg.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix('"'));
    let width = value("target_pointer_width=\"").ok_or("rustc names no width of pointers")?;
    let is_elf = cfg.lines().any(|line| line == "unix") && value("target_vendor=\"") != Some("apple");
    Ok(Target { pointer_width: width.parse()?, is_elf })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unwinder_is_left_to_the_c_compiler() {
        let libs = ["-lgcc_s", "-lm", "-lc"].map(str::to_owned);
        assert_eq!(without_unwinder(&libs), ["-lm", "-lc"]);
    }

    #[test]
    fn elf_systems_are_the_unix_ones_but_for_apple_s() -> Outcome<()> {
        let cfg = "target_pointer_width=\"32\"\ntarget_vendor=\"unknown\"\nunix\n";
        let target = target_of(cfg)?;
        assert!(target.is_elf && target.pointer_width == 32);
        assert!(!target_of(&cfg.replace("unknown", "apple"))?.is_elf);
        assert!(!target_of("target_pointer_width=\"64\"\nwindows\n")?.is_elf);
        assert!(target_of("unix\n").is_err());
        Ok(())
    }
}
