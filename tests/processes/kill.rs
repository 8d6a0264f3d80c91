//! Writers that die by SIGKILL at a random moment. What they leave is opened at once, is sound, and holds the
//! state of the last commit that was acknowledged or of the one that was under way, whole; it is written on.
//!
//! The writer is this test program again: [`a_writer_leaves_the_state_of_its_last_transaction`], with its
//! orders in the environment. On its standard error it says "begun N" before transaction N begins, and
//! "done N" when its commit has returned.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bolt::{FreelistMode, Options};

use super::common::random::Random;
use super::common::{assert_sound, lint, raw};
use super::numbered;

/// The environment of a writer: its file, and the number of its [`Manner`].
const FILE: &str = "BOLT_KILLED_WRITER_FILE";
const MANNER: &str = "BOLT_KILLED_WRITER_MANNER";

const SIGKILL: i32 = 9;

/// How a database is opened, by number.
struct Manner(u64);

impl Manner {
    const COUNT: u64 = 64;

    fn options(&self) -> Options {
        let modes =
            [FreelistMode::Automatic, FreelistMode::EachCommit, FreelistMode::AtClose, FreelistMode::Never];
        Options {
            no_sync: self.0 % 2 == 1,
            freelist_mode: modes[(self.0 / 2 % 4) as usize],
            page_size: [1024, 4096][(self.0 / 8 % 2) as usize],
            bbolt_rules: self.0 / 16 % 2 == 1,
            no_map: self.0 / 32 % 2 == 1,
            room_max: 1 << 16,
            lock_timeout: Some(Duration::ZERO),
            ..Options::default()
        }
    }
}

/// Commits one transaction after the other, and says so.
fn write_on(path: &Path, manner: &Manner, limit: u64, mut say: impl FnMut(String)) -> u64 {
    let db = lint::open(path, &manner.options()).unwrap();
    let mut number = numbered::state(&db);
    for _ in 0..limit {
        number += 1;
        say(format!("begun {number}\n"));
        numbered::commit(&db, number);
        say(format!("done {number}\n"));
    }
    number
}

#[test]
fn a_writer_leaves_the_state_of_its_last_transaction() {
    if let Some(path) = std::env::var_os(FILE) {
        let manner = Manner(std::env::var(MANNER).unwrap().parse().unwrap());
        // One call to write(2) for each line, and none that libtest takes for itself.
        write_on(Path::new(&path), &manner, u64::MAX, |line| {
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        });
        return;
    }
    for manner in (0..Manner::COUNT).map(Manner) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        let mut said = String::new();
        assert_eq!(write_on(&path, &manner, 7, |line| said += &line), 7);
        assert!(said.ends_with("begun 7\ndone 7\n"), "{said}");
        assert_eq!(write_on(&path, &manner, 45, drop), 52);
        assert_eq!(judge(&path, &manner, 52..=52), 52);
    }
}

/// Opens what a writer has left; panics unless it is sound, and its state is one of these.
fn judge(path: &Path, manner: &Manner, allowed: std::ops::RangeInclusive<u64>) -> u64 {
    let db = lint::open(path, &manner.options()).unwrap();
    let number = numbered::state(&db);
    assert!(allowed.contains(&number), "the state is that of transaction {number}, not of {allowed:?}");
    assert_sound(&db);
    number
}

/// A writer that runs.
struct Writer {
    child: Child,
    lines: BufReader<std::process::ChildStderr>,
}

impl Writer {
    fn start(path: &Path, manner: &Manner) -> Writer {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::a_writer_leaves_the_state_of_its_last_transaction", "--nocapture"])
            .env(FILE, path)
            .env(MANNER, manner.0.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Writer { child, lines }
    }

    /// Lets it say so many lines, waits a moment and kills it; all that it has said.
    fn kill(mut self, line_count: u64, moment: Duration) -> String {
        let mut said = String::new();
        for _ in 0..line_count {
            self.lines.read_line(&mut said).unwrap();
        }
        std::thread::sleep(moment);
        self.child.kill().unwrap();
        self.lines.read_to_string(&mut said).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "the writer ended by itself, {status}:\n{said}");
        said
    }
}

/// The last transactions that were begun and done, of those that a writer has said after state `before`.
fn bounds(said: &str, before: u64) -> (u64, u64) {
    let last = |word: &str| {
        let numbers = said.lines().filter_map(|line| line.strip_prefix(word));
        numbers.map(|number| number.parse::<u64>().unwrap()).next_back()
    };
    (last("done ").unwrap_or(before), last("begun ").unwrap_or(before))
}

/// What the kills have met.
#[derive(Default)]
struct Tally {
    kills: u64,
    commits: u64,
    before_the_first: u64,
    under_way: u64,
    under_way_and_there: u64,
}

/// Writes, kills and judges `count` times in one manner; every few times in a new file.
fn kill_and_judge(manner: &Manner, count: u64, random: &mut Random, tally: &mut Tally) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let mut state = 0;
    for round in 0..count {
        let (mut line_count, wait) = (random.below(24), random.below(6000));
        if round % 3 == 2 {
            // It dies while it makes the file, or soon after.
            std::fs::remove_file(&path).unwrap();
            (state, line_count) = (0, 0);
        }
        let said = Writer::start(&path, manner).kill(line_count, Duration::from_micros(wait));
        let (done, begun) = bounds(&said, state);
        assert!(done <= begun && begun <= done + 1, "{said}");
        let found = judge(&path, manner, done..=begun);
        tally.kills += 1;
        tally.commits += done - state;
        tally.before_the_first += u64::from(begun == state);
        tally.under_way += u64::from(begun > done);
        tally.under_way_and_there += u64::from(found > done);
        state = write_on(&path, manner, 1 + random.below(3), drop);
        raw::assert_sound_file(&std::fs::read(&path).unwrap());
    }
}

#[test]
fn a_writer_that_is_killed_leaves_its_last_commit_or_the_one_under_way() {
    let count = std::env::var("BOLT_KILLS").map_or(96, |text| text.parse::<u64>().unwrap());
    let mut random = Random::new(u64::from(std::process::id()));
    let mut tally = Tally::default();
    for number in 0..Manner::COUNT {
        let share = count * (number + 1) / Manner::COUNT - count * number / Manner::COUNT;
        kill_and_judge(&Manner(number), share, &mut random, &mut tally);
    }
    assert_eq!(tally.kills, count);
    println!(
        "{} writers killed after {} acknowledged commits: {} before their first transaction, {} during one, \
         of which {} were there whole and the others not at all",
        tally.kills, tally.commits, tally.before_the_first, tally.under_way, tally.under_way_and_there
    );
}
