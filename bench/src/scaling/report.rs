//! The results as tables in Markdown.

use super::plan::{MEMORY_PUT, OPERATIONS, Part, READER_COUNTS, Scale};
use super::store::Store;
use crate::report::{duration, rate, short};
use std::fmt::Write;

/// What the head of the report says.
pub struct Head {
    pub machine: String,
    pub versions: String,
    pub date: String,
    pub rounds: u32,
    pub cores: usize,
    /// The disk's, in KiB.
    pub read_ahead: String,
}

pub struct Report<'r> {
    pub store: &'r Store,
    pub engines: &'r [&'static str],
    pub parts: &'r [Part],
    pub scale: Scale,
    pub head: Head,
}

/// The operations on every file, but for those of one part alone.
pub fn usual_operations() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    OPERATIONS.into_iter().filter(|(name, ..)| *name != "scan")
}

/// 10000 as 10^4.
pub fn power(count: u64) -> String {
    match count {
        0 => "0".to_owned(),
        count if 10u64.pow(count.ilog10()) == count => format!("10^{}", count.ilog10()),
        count => count.to_string(),
    }
}

impl Report<'_> {
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let head = &self.head;
        let _ = writeln!(
            out,
            "Measured on {} ({}), by `bench/scaling.sh`: keys of 16 bytes, every engine through its own API, \
             {} ms a measurement, medians of {} interleaved round(s). Other programs kept {:.2} cores busy at most.\n\n\
             {}.",
            head.date,
            head.machine,
            self.scale.millis,
            head.rounds,
            self.store.done.iter().map(|done| done.others_busy).fold(0.0, f64::max),
            head.versions
        );
        if self.scale.smaller != 1 {
            let _ = writeln!(
                out,
                "\n**All counts of keys and pages are {} times smaller than written here.**",
                self.scale.smaller
            );
        }
        let _ = writeln!(out, "\nThe median time of one, and in brackets the processor time of all threads.");
        for part in self.parts {
            match part {
                Part::Keys => self.keys(&mut out),
                Part::Free => self.free(&mut out),
                Part::Readers => self.readers(&mut out),
                Part::Memory => self.memory(&mut out),
            }
        }
        out
    }

    fn columns(&self, out: &mut String, first: &[&str]) {
        let names: Vec<&str> = first.iter().copied().chain(self.engines.iter().copied()).collect();
        let _ = writeln!(out, "\n| {} |\n|{}", names.join(" | "), "---:|".repeat(names.len()));
    }

    fn times(&self, out: &mut String, cell: &str, operation: &str) {
        for engine in self.engines {
            let text = self.store.median(cell, engine, operation).map_or("-".to_owned(), |sample| {
                format!("{} ({})", duration(sample.median_ns), duration(sample.cpu_ns))
            });
            let _ = write!(out, " {text} |");
        }
        let _ = writeln!(out);
    }

    fn keys(&self, out: &mut String) {
        let _ = writeln!(out, "\n## Keys and values");
        for (name, title, _) in usual_operations() {
            let _ = writeln!(out, "\n### {title}");
            self.columns(out, &["bytes a value", "keys"]);
            for cell in self.scale.cells(Part::Keys) {
                let mut words = cell.id.split('/').skip(1);
                let value_len = words.next().unwrap_or("?");
                let count = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
                let _ = write!(out, "| {value_len} | {} |", power(count));
                self.times(out, &cell.id, name);
            }
        }
    }

    fn free(&self, out: &mut String) {
        let _ = writeln!(out, "\n## Free pages\n");
        let _ = writeln!(
            out,
            "As many pages stay in use in each file, 10^5; the others were filled and freed by deletion, spread evenly."
        );
        self.columns(out, &["operation", "free pages"]);
        for (name, title, _) in usual_operations() {
            for cell in self.scale.cells(Part::Free) {
                let count = cell.id.rsplit('/').next().and_then(|word| word.parse().ok()).unwrap_or(0);
                let _ = write!(out, "| {title} | {} |", power(count));
                self.times(out, &cell.id, name);
            }
        }
    }

    fn readers(&self, out: &mut String) {
        let _ = writeln!(out, "\n## Readers\n");
        let _ = writeln!(
            out,
            "Gets of all threads together, on 10^6 keys with values of 100 bytes. The machine has {} cores: where there \
             are more threads they take turns, and the rate cannot rise any more.",
            self.head.cores
        );
        self.columns(out, &["gets a read transaction", "threads"]);
        for batch in [100, 1] {
            for threads in READER_COUNTS {
                let _ = write!(out, "| {batch} | {threads} |");
                for engine in self.engines {
                    let sample = self.store.median("readers", engine, &format!("{threads}x{batch}"));
                    let text = sample.map_or("-".to_owned(), |sample| {
                        format!("{} ({})", rate(1e9 / sample.median_ns), duration(sample.cpu_ns))
                    });
                    let _ = write!(out, " {text} |");
                }
                let _ = writeln!(out);
            }
        }
    }

    fn memory(&self, out: &mut String) {
        let cells = self.scale.cells(Part::Memory);
        let Some(cell) = cells.first() else { return };
        let limit = self.store.done.iter().find(|done| done.cell == cell.id).map_or("?", |done| &done.limit);
        let _ = writeln!(out, "\n## Less memory than data\n");
        let _ = writeln!(
            out,
            "10^6 keys with values of 1,000 bytes, {} MiB; memory, page cache and all: {} MiB. The limit: {limit}. The \
             pages of the file were dropped before each measurement. The disk's read-ahead is {} KiB. In the second line: \
             KiB read from the disk, and waits for a page (major faults), for each operation.",
            (cell.load.pairs * 2 * 1016) >> 20,
            cell.limit.unwrap_or(0) >> 20,
            self.head.read_ahead,
        );
        self.columns(out, &["operation"]);
        for (name, title, _) in OPERATIONS {
            let title = if name == "put" { MEMORY_PUT } else { title };
            let _ = write!(out, "| {title} |");
            self.times(out, &cell.id, name);
            let _ = write!(out, "| |");
            for engine in self.engines {
                let text = self.store.median(&cell.id, engine, name).map_or("-".to_owned(), |sample| {
                    let each = |number: u64| number as f64 / sample.ops.max(1) as f64;
                    format!(
                        "{} KiB, {}",
                        short(each(sample.read_bytes) / 1024.0),
                        short(each(sample.major_faults))
                    )
                });
                let _ = write!(out, " {text} |");
            }
            let _ = writeln!(out);
        }
    }
}
