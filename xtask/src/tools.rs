//! Runs other programs, and says what to do when one is missing or fails.

use std::env;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::Outcome;

/// A program of the toolchain: the one that the environment names, such as `CC="ccache gcc"`, or the usual
/// one.
pub fn tool(variable: &str, usual: &str) -> Command {
    let named = env::var(variable).unwrap_or_default();
    let mut words = named.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or(usual));
    command.args(words);
    command
}

/// Runs a program to its end and gives what it wrote; `needs` says what must be installed to have it.
pub fn run(command: &mut Command, needs: &str) -> Outcome<String> {
    let output = outcome(command, None, needs)?;
    if !output.status.success() {
        return Err(failure(command, &output).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a program that reads `input`; its exit status is the caller's to judge.
pub fn outcome(command: &mut Command, input: Option<&str>, needs: &str) -> Outcome<Output> {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| missing(command, &error, needs))?;
    if let (Some(mut pipe), Some(text)) = (child.stdin.take(), input) {
        pipe.write_all(text.as_bytes())?;
    }
    Ok(child.wait_with_output()?)
}

/// Why a program could not be started, and what would help.
pub fn missing(command: &Command, error: &std::io::Error, needs: &str) -> String {
    let program = command.get_program().to_string_lossy();
    match error.kind() {
        ErrorKind::NotFound => format!("`{program}` was not found: {needs}"),
        _ => format!("`{program}` cannot be run: {error}: {needs}"),
    }
}

/// What a program that failed was told, and what it said.
pub fn failure(command: &Command, output: &Output) -> String {
    let said = [output.stderr.as_slice(), output.stdout.as_slice()].concat();
    format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said).trim_end())
}

/// An error of the file system with the file that it is about.
pub fn at(path: &Path) -> impl Fn(std::io::Error) -> String + '_ {
    move |error| format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_what_to_install() {
        let error =
            run(&mut Command::new("/nowhere/ld"), "install binutils").map_err(|error| error.to_string());
        assert_eq!(error, Err("`/nowhere/ld` was not found: install binutils".to_owned()));
    }

    #[test]
    fn a_failure_shows_what_the_program_said() {
        let error = run(Command::new("sh").args(["-c", "echo wrong >&2; exit 3"]), "");
        let text = error.map_err(|error| error.to_string()).err().unwrap_or_default();
        assert!(text.contains("exit status: 3") && text.ends_with("wrong"), "{text}");
    }

    #[test]
    fn a_program_reads_its_input() -> Outcome<()> {
        assert_eq!(outcome(&mut Command::new("cat"), Some("text"), "")?.stdout, b"text");
        Ok(())
    }
}
