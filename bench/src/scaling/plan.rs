//! What is measured: the parts, the files of each, and the operations on each file.

use super::job::{Job, Task};
use crate::Result;
use std::path::PathBuf;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The number of keys and the length of values.
    Keys,
    /// Free pages.
    Free,
    /// Threads that read.
    Readers,
    /// A file larger than the memory.
    Memory,
}

pub const PARTS: [(Part, &str); 4] =
    [(Part::Keys, "keys"), (Part::Free, "free"), (Part::Readers, "readers"), (Part::Memory, "memory")];

/// What entries take at most, keys and values together.
const DATA_LEN_MAX: u64 = 4 << 30;
const KEY_LEN: u64 = 16;
/// Entries of which two fill a page of 4 KiB, in every engine's format.
const HALF_PAGE_LEN: usize = 1800;
/// What a transaction of the load takes, about.
const LOAD_LEN: u64 = 32 << 20;
pub const READER_COUNTS: [u64; 4] = [1, 2, 4, 8];
/// Puts a transaction where memory is short: each of them waits for the disk, so that 1,000 take a minute.
const MEMORY_BATCH: u64 = 100;
pub const MEMORY_PUT: &str = "a put, 100 a transaction, no sync, its part of the commit with it";
/// How many times the memory the entries of `Part::Memory` take.
const TIMES_MEMORY: u64 = 4;

/// The operations, each with its title in the tables and the one above its plot.
pub const OPERATIONS: [(&str, &str, &str); 6] = [
    ("get", "a get", "get"),
    ("put", "a put, 1,000 a transaction, no sync, its part of the commit with it", "put, of 1,000"),
    ("commit", "a transaction of one put, no sync", "commit"),
    ("durable", "a transaction of one put, durable", "durable commit"),
    ("open", "open, get one, close", "open, get, close"),
    ("scan", "an entry of a scan", "scan"),
];

#[derive(Clone, Debug)]
pub struct Operation {
    pub name: String,
    pub job: Job,
}

/// A file with the operations on it, in their order.
#[derive(Clone, Debug)]
pub struct Cell {
    pub id: String,
    pub load: Job,
    pub operations: Vec<Operation>,
    /// The bytes of memory that the processes may use.
    pub limit: Option<u64>,
}

impl Cell {
    /// About what the files of one engine take.
    pub fn file_len(&self) -> u64 {
        2 * self.load.pairs * (KEY_LEN + self.load.value_len as u64) * 2
    }
}

/// How large everything is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Divides every count of keys and pages.
    pub smaller: u64,
    /// How long each measurement goes on.
    pub millis: u64,
}

pub fn parts_by_name(names: &str) -> Result<Vec<Part>> {
    let by_name = |name: &str| {
        let found = PARTS.iter().find(|(_, known)| *known == name).map(|(part, _)| *part);
        found.ok_or_else(|| format!("{name}: no such part; there are keys, free, readers, memory").into())
    };
    if names == "all" {
        return Ok(PARTS.iter().map(|(part, _)| *part).collect());
    }
    names.split(',').map(by_name).collect()
}

impl Scale {
    pub fn cells(&self, part: Part) -> Vec<Cell> {
        match part {
            Part::Keys => self.key_cells(),
            Part::Free => [0, 100_000, 1_000_000].map(|count| self.free_cell(count)).to_vec(),
            Part::Readers => vec![self.readers_cell()],
            Part::Memory => vec![self.memory_cell()],
        }
    }

    fn job(&self, pairs: u64, live: u64, value_len: usize) -> Job {
        Job {
            task: Task::Get,
            path: PathBuf::new(),
            pairs,
            live,
            value_len,
            durable: false,
            batch: 1,
            threads: 1,
            millis: self.millis,
            ops_max: 0,
            warm: false,
            seed: 1,
        }
    }

    fn cell(&self, id: String, pairs: u64, live: u64, value_len: usize) -> Cell {
        let batch = (LOAD_LEN / (KEY_LEN + value_len as u64)).clamp(100, 100_000);
        let load = Job { task: Task::Load, batch, ..self.job(pairs, live, value_len) };
        Cell { id, load, operations: Vec::new(), limit: None }
    }

    /// What is done with every file; the reading comes first, as the puts change the file.
    fn usual(&self, base: &Job) -> Vec<Operation> {
        let operation = |name: &str, job: Job| Operation { name: name.to_owned(), job };
        let base = Job { task: Task::Put, ..base.clone() };
        vec![
            operation("get", Job { task: Task::Get, batch: 1000, warm: true, ..base.clone() }),
            operation("open", Job { task: Task::Open, durable: true, ..base.clone() }),
            operation("put", Job { batch: 1000, seed: 2, ..base.clone() }),
            operation("commit", Job { seed: 3, ..base.clone() }),
            operation("durable", Job { seed: 4, durable: true, ..base }),
        ]
    }

    fn key_cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for value_len in [10usize, 100, 1000, 100_000] {
            for count in [10_000u64, 100_000, 1_000_000, 10_000_000] {
                if count * (KEY_LEN + value_len as u64) > DATA_LEN_MAX {
                    continue;
                }
                let pairs = (count / 2 / self.smaller).max(50);
                let mut cell = self.cell(format!("keys/{value_len}/{count}"), pairs, pairs, value_len);
                cell.operations = self.usual(&Job { ..self.job(pairs, pairs, value_len) });
                cells.push(cell);
            }
        }
        cells
    }

    /// A file in which as many pages stay in use, whatever the count of free ones.
    fn free_cell(&self, free_count: u64) -> Cell {
        let live = 100_000 / self.smaller;
        let pairs = live + free_count / self.smaller;
        let mut cell = self.cell(format!("free/{free_count}"), pairs, live, HALF_PAGE_LEN);
        cell.operations = self.usual(&self.job(pairs, live, HALF_PAGE_LEN));
        cell
    }

    fn readers_cell(&self) -> Cell {
        let pairs = 500_000 / self.smaller;
        let mut cell = self.cell("readers".to_owned(), pairs, pairs, 100);
        for batch in [100, 1] {
            for threads in READER_COUNTS {
                let base = self.job(pairs, pairs, 100);
                let job = Job { task: Task::Readers, threads, batch, warm: true, ..base };
                cell.operations.push(Operation { name: format!("{threads}x{batch}"), job });
            }
        }
        cell
    }

    fn memory_cell(&self) -> Cell {
        let (pairs, value_len) = (500_000 / self.smaller, 1000);
        let mut cell = self.cell("memory".to_owned(), pairs, pairs, value_len);
        // Less is not enough for a process of Go's to begin.
        let data_len = 2 * pairs * (KEY_LEN + value_len as u64);
        cell.limit = Some((data_len / TIMES_MEMORY).max(32 << 20));
        let base = Job { millis: 4 * self.millis, ..self.job(pairs, pairs, value_len) };
        let operation = |name: &str, job: Job| Operation { name: name.to_owned(), job };
        cell.operations = vec![
            operation("get", Job { task: Task::Get, batch: 10, ..base.clone() }),
            operation("scan", Job { task: Task::Scan, ..base.clone() }),
            operation("open", Job { task: Task::Open, durable: true, ..base.clone() }),
            operation("put", Job { task: Task::Put, batch: MEMORY_BATCH, seed: 2, ..base.clone() }),
            operation("commit", Job { task: Task::Put, seed: 3, ..base.clone() }),
            operation("durable", Job { task: Task::Put, seed: 4, durable: true, ..base }),
        ];
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_up_to_four_gib_is_there_and_every_operation_has_a_title() {
        let scale = Scale { smaller: 1, millis: 1 };
        let cells: Vec<Cell> = PARTS.iter().flat_map(|(part, _)| scale.cells(*part)).collect();
        let count = |prefix: &str| cells.iter().filter(|cell| cell.id.starts_with(prefix)).count();
        assert_eq!(["keys/10/", "keys/100/", "keys/1000/", "keys/100000/"].map(count), [4, 4, 3, 1]);
        assert_eq!(count("free/"), 3);
        for operation in cells.iter().filter(|cell| cell.id != "readers").flat_map(|cell| &cell.operations) {
            assert!(OPERATIONS.iter().any(|(name, ..)| *name == operation.name), "{}", operation.name);
        }
    }
}
