//! Random workloads, run here: after each commit a copy of the file, taken while it is open, is sound in Go's
//! eyes and holds what Go's own run of the workload holds by then. Files that both sides write in turn.

use std::path::{Path, PathBuf};

use bolt::format::NO_FREELIST;
use bolt::format::meta::Meta;
use bolt::{FreelistMode, Options, Txn};

use crate::content::{self, MODES, assert_same, options, read_only};
use crate::metas::newest;
use crate::oracle::{Oracle, Snapshots};
use crate::script::{Machine, Op, Script};
use crate::{common, mixed, seeds};

/// How one workload is run; all by its seed.
struct Plan {
    seed: u64,
    page_size: u32,
    options: Options,
    /// Whether the mode of the freelist changes on the way.
    mode_changes: bool,
    /// Whether readers stay open over some commits.
    readers: bool,
}

impl Plan {
    fn new(seed: u64, page_size: u32) -> Plan {
        let bbolt_rules = mixed(seed, 1) % 6 == 0;
        let fill_percent = [None, None, Some(0.25), Some(0.5), Some(1.0)][mixed(seed, 2) as usize % 5];
        let initial_map_len = [0, 0, 1 << 20][mixed(seed, 3) as usize % 3];
        let mode = MODES[seed as usize % MODES.len()];
        let no_map = mixed(seed, 7) % 4 == 0;
        let options =
            Options { page_size, bbolt_rules, fill_percent, initial_map_len, no_map, ..options(mode) };
        let mode_changes = mixed(seed, 4) % 5 == 0;
        Plan { seed, page_size, options, mode_changes, readers: mixed(seed, 5) % 2 == 0 }
    }

    fn script(&self, oracle: &mut Oracle) -> Script {
        let ops = if self.seed % 12 == 5 { 1200 } else { 60 + mixed(self.seed, 6) % 240 };
        Script::parse(oracle.workload(self.seed, ops, "mixed", self.page_size))
    }
}

/// A workload as it is run: the file, the readers that are open, what the last commit left.
struct Run<'o> {
    oracle: &'o mut Oracle,
    plan: Plan,
    script: Script,
    snapshots: Snapshots,
    machine: Machine,
    commit_count: usize,
    content: Vec<String>,
    readers: Vec<(Txn, Vec<String>)>,
    /// The newest transaction of the file when it was opened.
    opened_at: u64,
}

impl<'o> Run<'o> {
    fn new(oracle: &'o mut Oracle, plan: Plan) -> Run<'o> {
        let script = plan.script(oracle);
        let snapshots = oracle.snapshots(script.text_from(0));
        let path = oracle.path(&format!("{}-{}.db", plan.page_size, plan.seed));
        let machine = Machine::open(&path, plan.options.clone());
        let (content, readers) = (Vec::new(), Vec::new());
        Run { oracle, plan, script, snapshots, machine, commit_count: 0, content, readers, opened_at: 1 }
    }

    fn what(&self, doing: &str) -> String {
        let Plan { seed, page_size, options, .. } = &self.plan;
        let mode = self.machine.options.freelist_mode;
        let (rules, no_map, commit) = (options.bbolt_rules, options.no_map, self.commit_count);
        format!(
            "{doing}: seed {seed}, page size {page_size}, {mode:?}, bbolt's rules: {rules}, without a map: \
             {no_map}, commit {commit}"
        )
    }

    /// A number for a choice that depends on the seed and the commit.
    fn roll(&self, salt: u64, below: u64) -> u64 {
        mixed(self.plan.seed, 100 * self.commit_count as u64 + salt) % below
    }

    fn run(mut self) {
        for index in 0..self.script.lines.len() {
            match self.script.lines[index].op {
                Op::Commit => self.commit(index),
                Op::Reopen => self.reopen(),
                _ => self.machine.run(&self.script.lines[index]),
            }
        }
        assert_eq!(self.commit_count, self.snapshots.commit_count);
        self.end_readers();
        self.machine.close();
        self.judge("after the end");
        self.assert_list(true);
        std::fs::remove_file(self.machine.path()).unwrap();
    }

    fn commit(&mut self, index: usize) {
        // Reading the whole content opens every bucket, which most commits shall do without.
        let before = if self.roll(1, 4) == 0 { Some(common::dump(self.machine.txn())) } else { None };
        self.machine.run(&self.script.lines[index]);
        self.commit_count += 1;
        self.content = content::content(self.machine.db());
        if let Some(before) = before {
            assert_same(
                &self.what("the transaction before its commit, then after it"),
                &before,
                &self.content,
            );
        }
        self.judge("a copy after a commit");
        self.assert_list(false);
        self.tend_readers();
        if self.roll(2, 15) == 0 {
            self.hand_over(index + 1);
        }
        if self.plan.mode_changes && self.roll(3, 4) == 0 {
            let mode = MODES[self.roll(4, 4) as usize];
            self.machine.options.freelist_mode = mode;
            self.machine.db().set_freelist_mode(mode);
        }
    }

    fn copy(&self) -> PathBuf {
        let copy = self.oracle.path("copy.db");
        std::fs::copy(self.machine.path(), &copy).unwrap();
        copy
    }

    /// Lets Go judge a copy of the file, and holds what it reads there against its own run of the workload.
    fn judge(&mut self, doing: &str) {
        let what = self.what(doing);
        let copy = self.copy();
        self.oracle.assert_sound(&copy, &what);
        let theirs = self.oracle.dump(&copy);
        assert_same(&what, &self.content, &theirs);
        let of_go = self.snapshots.path(self.commit_count);
        if self.oracle.digest(&of_go) != self.oracle.digest(&copy) {
            assert_same(&format!("{what}, against Go's own run"), &theirs, &self.oracle.dump(&of_go));
        }
    }

    fn newest(&self) -> Meta {
        newest(&std::fs::read(self.machine.path()).unwrap(), self.plan.page_size as usize).1
    }

    /// Whether the file has a list of free pages just where the mode of the freelist wants it.
    fn assert_list(&self, closed: bool) {
        let meta = self.newest();
        let mode = if self.plan.options.bbolt_rules {
            FreelistMode::EachCommit
        } else {
            self.plan.options.freelist_mode
        };
        let wanted = match mode {
            FreelistMode::EachCommit => Some(true),
            FreelistMode::Automatic | FreelistMode::AtClose if closed => Some(true),
            FreelistMode::Automatic => None,
            FreelistMode::AtClose if meta.txid == self.opened_at => None,
            FreelistMode::AtClose => Some(false),
            FreelistMode::Never if meta.txid == 1 => None,
            FreelistMode::Never => Some(false),
        };
        if let Some(wanted) = wanted.filter(|_| !self.plan.mode_changes) {
            assert_eq!(meta.freelist != NO_FREELIST, wanted, "{}", self.what("the list of free pages"));
        }
    }

    /// Ends a reader now and then, which must still see what it saw; begins another.
    fn tend_readers(&mut self) {
        if !self.readers.is_empty() && (self.readers.len() > 3 || self.roll(5, 3) == 0) {
            let place = self.roll(6, self.readers.len() as u64) as usize;
            self.end_reader(place);
        }
        if self.plan.readers && self.roll(7, 3) == 0 {
            self.readers.push((self.machine.db().begin_read().unwrap(), self.content.clone()));
        }
    }

    fn end_reader(&mut self, place: usize) {
        let (mut reader, seen) = self.readers.swap_remove(place);
        assert_same(&self.what("a reader's snapshot"), &common::dump(&mut reader), &seen);
        reader.rollback();
    }

    fn end_readers(&mut self) {
        while !self.readers.is_empty() {
            self.end_reader(0);
        }
    }

    fn reopen(&mut self) {
        self.end_readers();
        self.machine.close();
        self.judge("closed");
        self.assert_list(true);
        let path = self.machine.path();
        assert_same(&self.what("closed, read only"), &content::read(path, &read_only()), &self.content);
        self.machine.open_again();
        self.opened_at = self.newest().txid;
        assert_same(&self.what("open again"), &content::content(self.machine.db()), &self.content);
    }

    /// Lets Go go on with a copy to the end of the script; then the copy is read and written here.
    fn hand_over(&mut self, first: usize) {
        let what = self.what("handed over to Go");
        let copy = self.copy();
        self.oracle.apply(&copy, self.script.text_from(first));
        self.oracle.assert_sound(&copy, &what);
        let last = self.oracle.dump(&self.snapshots.last());
        assert_same(&what, &content::read(&copy, &read_only()), &last);
        let changes = Script::parse(content::changes(&last));
        Machine::run_all(&copy, Options { lock_timeout: None, ..self.plan.options.clone() }, &changes);
        self.oracle.assert_sound(&copy, &format!("{what} and back"));
        let gos = self.oracle.path("go.db");
        std::fs::copy(self.snapshots.last(), &gos).unwrap();
        self.oracle.apply(&gos, changes.text_from(0));
        assert_same(
            &format!("{what} and back"),
            &content::read(&copy, &read_only()),
            &self.oracle.dump(&gos),
        );
    }
}

fn judged(page_size: u32, count: u64) {
    let mut oracle = Oracle::start();
    for seed in seeds(u64::from(page_size), count) {
        Run::new(&mut oracle, Plan::new(seed, page_size)).run();
    }
}

/// Both sides in turn write the transactions of one script to one file.
fn in_turn(page_size: u32, count: u64) {
    let mut oracle = Oracle::start();
    for seed in seeds(u64::from(page_size) + 5000, count) {
        let plan = Plan::new(seed, page_size);
        let script = plan.script(&mut oracle);
        let snapshots = oracle.snapshots(script.text_from(0));
        let path = oracle.path(&format!("turns-{page_size}-{seed}.db"));
        let mut commit_count = 0;
        for (turn, range) in script.transactions().into_iter().enumerate() {
            let what = format!(
                "in turn: seed {seed}, page size {page_size}, {:?}, turn {turn}",
                plan.options.freelist_mode
            );
            if mixed(seed, turn as u64) % 2 == 0 {
                let lines = script.lines[range.clone()].iter().map(|line| line.text.as_str());
                oracle.apply(&path, std::iter::once(script.open.as_str()).chain(lines));
            } else {
                run_range(&path, &plan.options, &script, range.clone());
            }
            commit_count += script.lines[range].iter().filter(|line| matches!(line.op, Op::Commit)).count();
            oracle.assert_sound(&path, &what);
            let expected = oracle.dump(&snapshots.path(commit_count));
            assert_same(&what, &oracle.dump(&path), &expected);
            assert_same(&what, &content::read(&path, &read_only()), &expected);
        }
        assert_eq!(commit_count, snapshots.commit_count);
        std::fs::remove_file(&path).unwrap();
    }
}

fn run_range(path: &Path, options: &Options, script: &Script, range: std::ops::Range<usize>) {
    let mut machine = Machine::open(path, options.clone());
    for line in &script.lines[range] {
        machine.run(line);
    }
    machine.close();
}

/// Changes of many keys in one transaction: put in some order, most of them deleted, a part put again.
fn many_keys(order: u64, count: u64) -> [Vec<String>; 3] {
    let key = |index: u64| match order {
        0 => format!("{index:08x}"),
        1 => format!("{:08x}", u32::MAX as u64 - index),
        _ => format!("{:016x}", mixed(index, 77)),
    };
    let len = |index: u64| mixed(index, 78) % 40;
    let put = |index: u64| format!("putlen 6d {} {} {:02x}", key(index), len(index), index % 256);
    let gone = |index: &u64| index % 50 != 3 && index / 1000 % 5 != 1;
    [
        std::iter::once("create 6d".to_string()).chain((0..count).map(put)).collect(),
        (0..count).filter(gone).map(|index| format!("del 6d {}", key(index))).collect(),
        (0..count).filter(|index| index % 3 == 0).map(put).collect(),
    ]
}

fn script_of<'t>(transactions: impl IntoIterator<Item = &'t [String]>) -> Script {
    let mut lines = vec!["open pagesize=1024 nosync=1".to_string()];
    for transaction in transactions {
        lines.push("begin".to_string());
        lines.extend_from_slice(transaction);
        lines.push("commit".to_string());
    }
    Script::parse(lines)
}

#[test]
fn transactions_of_many_keys_are_sound_and_equal_gos() {
    let mut oracle = Oracle::start();
    for order in 0..3 {
        let changes = many_keys(order, 20_000);
        let ours = script_of(changes.iter().map(Vec::as_slice));
        // Go's nodes grow without bound within a transaction: it takes the same changes in small ones.
        let ends: Vec<usize> = changes.iter().map(|change| change.len().div_ceil(1500)).collect();
        let gos =
            oracle.snapshots(script_of(changes.iter().flat_map(|change| change.chunks(1500))).text_from(0));
        for bbolt_rules in [false, true] {
            let path = oracle.path(&format!("many-{order}-{bbolt_rules}.db"));
            let rules = Options { page_size: 1024, bbolt_rules, ..options(MODES[order as usize]) };
            let mut machine = Machine::open(&path, rules);
            let (mut turn, mut end) = (0, 0);
            for line in &ours.lines {
                machine.run(line);
                if matches!(line.op, Op::Commit) {
                    let what = format!("many keys, order {order}, bbolt's rules: {bbolt_rules}, step {turn}");
                    end += ends[turn];
                    turn += 1;
                    let copy = oracle.path("copy.db");
                    std::fs::copy(&path, &copy).unwrap();
                    oracle.assert_sound(&copy, &what);
                    let theirs = oracle.dump(&copy);
                    assert_same(&what, &content::content(machine.db()), &theirs);
                    assert_same(&what, &theirs, &oracle.dump(&gos.path(end)));
                }
            }
            machine.close();
        }
    }
}

macro_rules! by_page_size {
    ($($judged:ident, $in_turn:ident: $page_size:literal, $count:literal;)*) => {$(
        #[test]
        fn $judged() {
            judged($page_size, $count);
        }

        #[test]
        fn $in_turn() {
            in_turn($page_size, $count / 3);
        }
    )*};
}

by_page_size! {
    go_judges_each_commit_with_pages_of_1024, go_and_libbolt_in_turn_with_pages_of_1024: 1024, 100;
    go_judges_each_commit_with_pages_of_2048, go_and_libbolt_in_turn_with_pages_of_2048: 2048, 80;
    go_judges_each_commit_with_pages_of_4096, go_and_libbolt_in_turn_with_pages_of_4096: 4096, 80;
    go_judges_each_commit_with_pages_of_8192, go_and_libbolt_in_turn_with_pages_of_8192: 8192, 40;
    go_judges_each_commit_with_pages_of_16384, go_and_libbolt_in_turn_with_pages_of_16384: 16384, 20;
    go_judges_each_commit_with_pages_of_32768, go_and_libbolt_in_turn_with_pages_of_32768: 32768, 15;
    go_judges_each_commit_with_pages_of_65536, go_and_libbolt_in_turn_with_pages_of_65536: 65536, 15;
}
