//! The results in a file, a line each, written as they come, so that a run that was ended goes on where it was.
//!
//! The first line names what was measured and how; a file with another one is begun anew.

use super::job::Sample;
use crate::Result;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub struct Record {
    pub cell: String,
    pub engine: String,
    pub operation: String,
    pub sample: Sample,
}

/// A cell that was measured whole.
#[derive(Clone, Debug)]
pub struct Done {
    pub cell: String,
    /// How many cores other programs kept busy meanwhile.
    pub others_busy: f64,
    /// How memory was limited, where it was.
    pub limit: String,
}

pub struct Store {
    path: PathBuf,
    head: String,
    pub records: Vec<Record>,
    pub done: Vec<Done>,
}

impl Store {
    /// Reads what is there, if it was made under the same head.
    pub fn open(path: &Path, head: &str) -> Result<Store> {
        let mut store =
            Store { path: path.to_owned(), head: head.to_owned(), records: Vec::new(), done: Vec::new() };
        if let Ok(text) = fs::read_to_string(path) {
            if text.lines().next() == Some(head) {
                store.read(&text);
            } else {
                eprintln!("{} is of another library or other settings: begun anew", path.display());
            }
        }
        store.write_all()?;
        Ok(store)
    }

    /// Takes the cells that were measured whole; a line that was cut off belongs to none.
    fn read(&mut self, text: &str) {
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split('\t').collect();
            match *words.as_slice() {
                ["done", cell, others_busy, limit] => {
                    if let Ok(others_busy) = others_busy.parse() {
                        let (cell, limit) = (cell.to_owned(), limit.to_owned());
                        self.done.push(Done { cell, others_busy, limit });
                    }
                }
                [cell, engine, operation, sample] => {
                    if let Ok(sample) = Sample::from_line(sample) {
                        let [cell, engine, operation] = [cell, engine, operation].map(str::to_owned);
                        self.records.push(Record { cell, engine, operation, sample });
                    }
                }
                _ => {}
            }
        }
        let done = &self.done;
        self.records.retain(|record| done.iter().any(|done| done.cell == record.cell));
    }

    fn write_all(&self) -> Result<()> {
        let mut text = format!("{}\n", self.head);
        for record in &self.records {
            text.push_str(&line_of(record));
        }
        for done in &self.done {
            text.push_str(&done_line(done));
        }
        Ok(fs::write(&self.path, text)?)
    }

    fn append(&self, line: &str) -> Result<()> {
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(file.write_all(line.as_bytes())?)
    }

    pub fn add(&mut self, record: Record) -> Result<()> {
        self.append(&line_of(&record))?;
        self.records.push(record);
        Ok(())
    }

    pub fn finish(&mut self, done: Done) -> Result<()> {
        self.append(&done_line(&done))?;
        self.done.push(done);
        Ok(())
    }

    pub fn is_done(&self, cell: &str) -> bool {
        self.done.iter().any(|done| done.cell == cell)
    }

    /// The medians of the rounds.
    pub fn median(&self, cell: &str, engine: &str, operation: &str) -> Option<Sample> {
        let rounds: Vec<Sample> = self
            .records
            .iter()
            .filter(|record| {
                (&*record.cell, &*record.engine, &*record.operation) == (cell, engine, operation)
            })
            .map(|record| record.sample)
            .collect();
        let of = |number: &dyn Fn(&Sample) -> f64| crate::report::median(rounds.iter().map(number).collect());
        if rounds.is_empty() {
            return None;
        }
        Some(Sample {
            ops: of(&|sample| sample.ops as f64) as u64,
            median_ns: of(&|sample| sample.median_ns),
            cpu_ns: of(&|sample| sample.cpu_ns),
            major_faults: of(&|sample| sample.major_faults as f64) as u64,
            read_bytes: of(&|sample| sample.read_bytes as f64) as u64,
        })
    }
}

fn line_of(record: &Record) -> String {
    let Record { cell, engine, operation, sample } = record;
    format!("{cell}\t{engine}\t{operation}\t{}\n", sample.to_line())
}

fn done_line(done: &Done) -> String {
    format!("done\t{}\t{:.3}\t{}\n", done.cell, done.others_busy, done.limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_with_whole_cells_of_the_same_head_alone() {
        let path = std::env::temp_dir().join(format!("bolt-bench-store-{}", std::process::id()));
        let record = |cell: &str, median_ns: f64| Record {
            cell: cell.to_owned(),
            engine: "lmdb".to_owned(),
            operation: "get".to_owned(),
            sample: Sample { ops: 1, median_ns, ..Sample::default() },
        };
        let mut store = Store::open(&path, "# a").unwrap();
        for median_ns in [3.0, 1.0, 2.0] {
            store.add(record("first", median_ns)).unwrap();
        }
        store.finish(Done { cell: "first".to_owned(), others_busy: 0.5, limit: String::new() }).unwrap();
        store.add(record("second", 7.0)).unwrap();
        let again = Store::open(&path, "# a").unwrap();
        assert!(again.is_done("first") && !again.is_done("second"));
        assert_eq!(again.median("first", "lmdb", "get").unwrap().median_ns, 2.0);
        assert_eq!(again.median("second", "lmdb", "get"), None);
        let other = Store::open(&path, "# b").unwrap();
        assert!(other.records.is_empty() && !other.is_done("first"));
        fs::remove_file(&path).unwrap();
    }
}
