//! The server process around Go's bbolt, and what is asked of it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The program, built when the first test asks for it.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = repository.join("target").join("interop");
        let built = Command::new(repository.join("interop").join("build.sh")).arg(&target).output().unwrap();
        assert!(built.status.success(), "interop/build.sh: {}", String::from_utf8_lossy(&built.stderr));
        target.join("oracle")
    })
}

/// A server, and a directory for the files that it is asked about.
pub struct Oracle {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub dir: TempDir,
}

impl Oracle {
    pub fn start() -> Oracle {
        let mut child = Command::new(program())
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Oracle { child, requests, answers, dir: tempfile::tempdir().unwrap() }
    }

    /// A path in the oracle's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(line.pop(), Some('\n'), "the oracle has died");
        line
    }

    /// The lines of an answer, or the message of an error.
    pub fn ask(&mut self, words: &[&str]) -> Result<Vec<String>, String> {
        let request = words.join(" ");
        let requests = self.requests.as_mut().unwrap();
        writeln!(requests, "{request}").unwrap();
        requests.flush().unwrap();
        let head = self.line();
        let answer = match head.strip_prefix("ok ") {
            Some(count) => Ok((0..count.parse::<usize>().unwrap()).map(|_| self.line()).collect()),
            None => Err(head.strip_prefix("error ").unwrap().to_string()),
        };
        assert_eq!(self.line(), ".", "the end of the answer to {request}");
        answer
    }

    /// The lines of an answer that is no error.
    pub fn lines(&mut self, words: &[&str]) -> Vec<String> {
        self.ask(words)
            .unwrap_or_else(|message| panic!("the oracle, asked to {}: {message}", words.join(" ")))
    }

    /// Panics unless Go finds the file sound.
    pub fn assert_sound(&mut self, path: &Path, what: &str) {
        let problems = self.lines(&["check", path.to_str().unwrap()]);
        assert!(problems.is_empty(), "{what}: Go's check finds:\n{}", problems.join("\n"));
    }

    /// The content of a file as Go reads it.
    pub fn dump(&mut self, path: &Path) -> Vec<String> {
        self.lines(&["dump", path.to_str().unwrap()])
    }

    /// The hash of the content of a file as Go reads it.
    pub fn digest(&mut self, path: &Path) -> String {
        self.lines(&["digest", path.to_str().unwrap()]).concat()
    }

    /// Writes a feature file.
    pub fn make(&mut self, kind: &str, seed: u64) -> PathBuf {
        let path = self.path(&format!("{kind}-{seed}.db"));
        self.lines(&["make", kind, path.to_str().unwrap(), &seed.to_string()]);
        path
    }

    /// The lines of a workload.
    pub fn workload(&mut self, seed: u64, ops: u64, profile: &str, page_size: u32) -> Vec<String> {
        let page_size = format!("pagesize={page_size}");
        self.lines(&["workload", &seed.to_string(), &ops.to_string(), profile, &page_size])
    }

    /// Lets Go run a script on a file.
    pub fn apply<'l>(&mut self, path: &Path, script: impl IntoIterator<Item = &'l str>) {
        let script = self.script_file(script);
        self.lines(&["apply", path.to_str().unwrap(), script.to_str().unwrap()]);
    }

    /// Lets Go run a script on a new file; the file as it was after each commit.
    pub fn snapshots<'l>(&mut self, script: impl IntoIterator<Item = &'l str>) -> Snapshots {
        self.snapshots_from(None, script)
    }

    /// The same on a copy of the file `start`.
    pub fn snapshots_from<'l>(
        &mut self,
        start: Option<&Path>,
        script: impl IntoIterator<Item = &'l str>,
    ) -> Snapshots {
        let dir = tempfile::tempdir_in(self.dir.path()).unwrap();
        let script = self.script_file(script);
        let path = dir.path().join("go.db");
        if let Some(start) = start {
            std::fs::copy(start, &path).unwrap();
        }
        let words = ["apply", path.to_str().unwrap(), script.to_str().unwrap(), dir.path().to_str().unwrap()];
        let commit_count = self.lines(&words).len();
        Snapshots { dir, commit_count }
    }

    fn script_file<'l>(&mut self, script: impl IntoIterator<Item = &'l str>) -> PathBuf {
        let path = self.path("script.txt");
        let text = script.into_iter().fold(String::new(), |text, line| text + line + "\n");
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.requests = None;
        let ended = self.child.wait();
        if !std::thread::panicking() {
            assert!(ended.unwrap().success(), "the oracle ends with an error");
        }
    }
}

/// Go's file as it was after each commit of a script, from byte 0 to the high water.
pub struct Snapshots {
    dir: TempDir,
    pub commit_count: usize,
}

impl Snapshots {
    /// The file after commit `number`; 0 is the file when it is new.
    pub fn path(&self, number: usize) -> PathBuf {
        self.dir.path().join(format!("{number:04}.db"))
    }

    /// The file after the last commit.
    pub fn last(&self) -> PathBuf {
        self.path(self.commit_count)
    }
}
