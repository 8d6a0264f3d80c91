//! The language of the workloads, and its execution here.

use std::path::{Path, PathBuf};

use bolt::{BucketId, Db, Options, ROOT, Result, Txn, Wait};

use crate::common::lint;

/// A bucket by the names on the way to it from the root bucket.
pub type Names = Vec<Vec<u8>>;

/// What a line says.
#[derive(Clone, Debug)]
pub enum Op {
    Begin,
    Commit,
    Rollback,
    Reopen,
    Create(Names),
    Ensure(Names),
    Drop(Names),
    Put(Names, Vec<u8>, Vec<u8>),
    Delete(Names, Vec<u8>),
    SetSequence(Names, u64),
    NextSequence(Names),
    Fill(Names, f64),
}

/// A line of a script.
pub struct Line {
    pub text: String,
    pub op: Op,
}

/// A script: the line with which Go opens the file, and the operations.
pub struct Script {
    pub open: String,
    pub lines: Vec<Line>,
}

impl Script {
    pub fn parse(lines: Vec<String>) -> Script {
        let mut script = Script { open: String::new(), lines: Vec::new() };
        for text in lines {
            if text.starts_with("open ") {
                script.open = text;
            } else if !text.starts_with('#') {
                let op = parse(&text);
                script.lines.push(Line { text, op });
            }
        }
        script
    }

    /// The text of the script that has the lines from `first` on.
    pub fn text_from(&self, first: usize) -> impl Iterator<Item = &str> {
        std::iter::once(self.open.as_str()).chain(self.lines[first..].iter().map(|line| line.text.as_str()))
    }

    /// The ranges of lines that belong together: transactions, and what stands between them.
    pub fn transactions(&self) -> Vec<std::ops::Range<usize>> {
        let mut ranges = Vec::new();
        let mut start = 0;
        for (index, line) in self.lines.iter().enumerate() {
            if matches!(line.op, Op::Commit | Op::Rollback | Op::Reopen) {
                ranges.push(start..index + 1);
                start = index + 1;
            }
        }
        ranges
    }
}

fn parse(line: &str) -> Op {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words.as_slice() {
        ["begin"] => Op::Begin,
        ["commit"] => Op::Commit,
        ["rollback"] => Op::Rollback,
        ["reopen"] => Op::Reopen,
        ["create", path] => Op::Create(names(path)),
        ["ensure", path] => Op::Ensure(names(path)),
        ["drop", path] => Op::Drop(names(path)),
        ["put", path, key, value] => Op::Put(names(path), bytes(key), bytes(value)),
        ["putlen", path, key, len, byte] => {
            Op::Put(names(path), bytes(key), vec![bytes(byte)[0]; len.parse().unwrap()])
        }
        ["del", path, key] => Op::Delete(names(path), bytes(key)),
        ["seq", path, sequence] => Op::SetSequence(names(path), sequence.parse().unwrap()),
        ["nextseq", path] => Op::NextSequence(names(path)),
        ["fill", path, percent] => Op::Fill(names(path), percent.parse().unwrap()),
        _ => panic!("unknown line of a script: {line}"),
    }
}

fn names(word: &str) -> Names {
    if word == "." { Names::new() } else { word.split('/').map(bytes).collect() }
}

/// The bytes of a word in hex; `-` is the empty string.
pub fn bytes(word: &str) -> Vec<u8> {
    if word == "-" {
        return Vec::new();
    }
    (0..word.len()).step_by(2).map(|at| u8::from_str_radix(&word[at..at + 2], 16).unwrap()).collect()
}

/// A database on which a script is run, and its write transaction.
pub struct Machine {
    path: PathBuf,
    pub options: Options,
    db: Option<Db>,
    txn: Option<Txn>,
}

impl Machine {
    pub fn open(path: &Path, options: Options) -> Machine {
        let db = Some(lint::open(path, &options).unwrap());
        Machine { path: path.to_path_buf(), options, db, txn: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    /// The write transaction that is open.
    pub fn txn(&mut self) -> &mut Txn {
        self.txn.as_mut().unwrap()
    }

    /// Closes the database; a transaction that is still open is rolled back.
    pub fn close(&mut self) {
        self.txn = None;
        self.db.take().unwrap().close().unwrap();
    }

    /// Opens it again after [`Machine::close`].
    pub fn open_again(&mut self) {
        self.db = Some(lint::open(&self.path, &self.options).unwrap());
    }

    /// Runs one line; no line of a script may fail.
    pub fn run(&mut self, line: &Line) {
        self.execute(&line.op).unwrap_or_else(|error| panic!("{:.200}: {error:?}", line.text));
    }

    /// Runs a whole script, and closes the database.
    pub fn run_all(path: &Path, options: Options, script: &Script) {
        let mut machine = Machine::open(path, options);
        for line in &script.lines {
            machine.run(line);
        }
        machine.close();
    }

    fn execute(&mut self, op: &Op) -> Result<()> {
        match op {
            Op::Begin => {
                assert!(self.txn.is_none(), "begin within a transaction");
                self.txn = Some(self.db().begin_write(Wait::Try)?);
                Ok(())
            }
            Op::Commit => self.txn.take().unwrap().commit(),
            Op::Rollback => {
                self.txn.take().unwrap().rollback();
                Ok(())
            }
            Op::Reopen => {
                self.close();
                self.open_again();
                Ok(())
            }
            _ => change(self.txn(), op),
        }
    }
}

/// One operation within a transaction.
fn change(txn: &mut Txn, op: &Op) -> Result<()> {
    match op {
        Op::Create(names) => {
            let (parent, name) = parent(txn, names)?;
            txn.create_bucket(parent, name).map(drop)
        }
        Op::Ensure(names) => {
            let (parent, name) = parent(txn, names)?;
            txn.ensure_bucket(parent, name).map(drop)
        }
        Op::Drop(names) => {
            let (parent, name) = parent(txn, names)?;
            txn.delete_bucket(parent, name)
        }
        Op::Put(names, key, value) => {
            let bucket = bucket(txn, names)?;
            txn.put(bucket, key, value)
        }
        Op::Delete(names, key) => {
            let bucket = bucket(txn, names)?;
            txn.delete(bucket, key)
        }
        Op::SetSequence(names, sequence) => {
            let bucket = bucket(txn, names)?;
            txn.set_sequence(bucket, *sequence)
        }
        Op::NextSequence(names) => {
            let bucket = bucket(txn, names)?;
            txn.next_sequence(bucket).map(drop)
        }
        Op::Fill(names, percent) => {
            let bucket = bucket(txn, names)?;
            txn.set_fill_percent(bucket, *percent)
        }
        Op::Begin | Op::Commit | Op::Rollback | Op::Reopen => panic!("{op:?} is no change"),
    }
}

fn bucket(txn: &mut Txn, names: &[Vec<u8>]) -> Result<BucketId> {
    names.iter().try_fold(ROOT, |bucket, name| txn.bucket(bucket, name))
}

fn parent<'n>(txn: &mut Txn, names: &'n [Vec<u8>]) -> Result<(BucketId, &'n [u8])> {
    let (name, way) = names.split_last().unwrap();
    Ok((bucket(txn, way)?, name))
}
