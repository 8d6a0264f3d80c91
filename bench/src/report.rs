//! The results as tables in Markdown.

use crate::engines::{BBOLT, LIBBOLT, LOG_STRUCTURED};
use crate::rows::TITLES;
use crate::runner::{Measured, Results};
use std::fmt::Write;

/// An engine's medians in one line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Operations a second.
    pub rate: f64,
    /// From the slowest to the fastest round, as a part of the median.
    pub spread: f64,
    pub cpu_ns_per_op: f64,
    pub write_call_bytes_per_commit: f64,
    pub disk_bytes_per_commit: f64,
    pub peak_anon_bytes: f64,
    pub file_len: f64,
    pub file_allocated: f64,
}

/// What the head of the report says.
pub struct Head {
    pub machine: String,
    pub versions: String,
    pub date: String,
    pub keys: u64,
    pub rounds: u32,
    /// How many cores other programs kept busy meanwhile.
    pub others_busy: f64,
    pub key_style: String,
}

pub struct Report<'r> {
    results: &'r Results,
    engines: &'r [&'static str],
    head: Head,
}

pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { (numbers[middle - 1] + numbers[middle]) / 2.0 }
}

/// Operations a second.
fn rate_of(measured: &Measured) -> f64 {
    measured.outcome.ops as f64 * 1e9 / measured.outcome.wall_ns as f64
}

fn cpu_ns_per_op(measured: &Measured) -> f64 {
    measured.outcome.cpu_ns as f64 / measured.outcome.ops as f64
}

/// Three significant digits at most, with a unit of thousands.
pub fn rate(per_second: f64) -> String {
    let (number, unit) = match per_second {
        rate if rate >= 1e6 => (rate / 1e6, "M/s"),
        rate if rate >= 1e3 => (rate / 1e3, "k/s"),
        rate => (rate, "/s"),
    };
    format!("{} {unit}", short(number))
}

pub fn duration(ns: f64) -> String {
    match ns {
        ns if ns >= 1e6 => format!("{} ms", short(ns / 1e6)),
        ns if ns >= 1e3 => format!("{} us", short(ns / 1e3)),
        ns => format!("{} ns", short(ns)),
    }
}

pub fn short(number: f64) -> String {
    match number {
        number if number >= 100.0 => format!("{number:.0}"),
        number if number >= 10.0 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}

fn mib(bytes: f64) -> String {
    short(bytes / f64::from(1 << 20))
}

impl<'r> Report<'r> {
    pub fn new(results: &'r Results, engines: &'r [&'static str], head: Head) -> Report<'r> {
        Report { results, engines, head }
    }

    /// What was measured of the engine, in the order of the rounds.
    fn rounds(&self, engine: &str, line: &str) -> Vec<&Measured> {
        let is_its = |measured: &&Measured| measured.engine == engine && measured.line == line;
        self.results.measured.iter().filter(is_its).collect()
    }

    /// A number of one engine as a part of the other's: the median of what each round gives, since in a round the two
    /// run within seconds of each other, and the machine changes from round to round.
    fn beside(&self, engine: &str, other: &str, line: &str, number: fn(&Measured) -> f64) -> Option<f64> {
        let (own, other) = (self.rounds(engine, line), self.rounds(other, line));
        let ratios: Vec<f64> =
            own.iter().zip(&other).map(|(own, other)| number(own) / number(other)).collect();
        if ratios.is_empty() { None } else { Some(median(ratios)) }
    }

    pub fn cell(&self, engine: &str, line: &str) -> Option<Cell> {
        let all = self.rounds(engine, line);
        if all.is_empty() {
            return None;
        }
        let of =
            |number: &dyn Fn(&Measured) -> f64| median(all.iter().map(|measured| number(measured)).collect());
        let rates: Vec<f64> = all.iter().map(|measured| rate_of(measured)).collect();
        let (least, most) =
            rates.iter().fold((f64::MAX, 0.0f64), |(least, most), &rate| (least.min(rate), most.max(rate)));
        let per_commit =
            |bytes: u64, measured: &Measured| bytes as f64 / measured.outcome.commits.max(1) as f64;
        let rate = median(rates);
        Some(Cell {
            rate,
            spread: (most - least) / rate,
            cpu_ns_per_op: of(&cpu_ns_per_op),
            write_call_bytes_per_commit: of(&|measured| {
                per_commit(measured.outcome.write_call_bytes, measured)
            }),
            disk_bytes_per_commit: of(&|measured| per_commit(measured.outcome.disk_bytes, measured)),
            peak_anon_bytes: of(&|measured| measured.peak_anon_bytes as f64),
            file_len: of(&|measured| measured.file_len as f64),
            file_allocated: of(&|measured| measured.file_allocated as f64),
        })
    }

    /// The lines that were measured, with their titles.
    pub fn lines(&self) -> Vec<(&'static str, &'static str)> {
        let measured = |line: &str| self.results.measured.iter().any(|measured| measured.line == line);
        TITLES.into_iter().filter(|(line, _)| measured(line)).collect()
    }

    pub fn engines(&self) -> &[&'static str] {
        self.engines
    }

    /// The engine's speed with bbolt's as 1.
    pub fn ratio(&self, engine: &str, line: &str) -> Option<f64> {
        self.beside(engine, BBOLT, line, rate_of)
    }

    /// The fastest of the B+trees, libbolt among them or not, beside libbolt where that was measured.
    fn best_tree(&self, line: &str, with_libbolt: bool) -> Option<&'static str> {
        let is_one = |engine: &&&str| **engine != LOG_STRUCTURED && (with_libbolt || **engine != LIBBOLT);
        let first = self.engines.first()?;
        let reference = if self.engines.contains(&LIBBOLT) { LIBBOLT } else { first };
        let trees = self.engines.iter().filter(is_one);
        let best = trees
            .filter_map(|&engine| Some((engine, self.beside(engine, reference, line, rate_of)?)))
            .max_by(|(_, left), (_, right)| left.total_cmp(right));
        best.map(|(engine, _)| engine)
    }

    /// The first table, and what it was measured on.
    pub fn summary(&self) -> String {
        let mut out = String::new();
        self.ratios(&mut out);
        out + "\n" + &self.head()
    }

    fn head(&self) -> String {
        let head = &self.head;
        format!(
            "Measured on {} ({}), by `bench/run.sh`: {} keys of 16 bytes ({}), values of 100 bytes, every engine \
             through its own API; medians of {} interleaved round(s), of ratios that of each round's own. Other programs \
             kept {:.2} cores busy meanwhile.\n\n\
             {}.\n",
            head.date, head.machine, head.keys, head.key_style, head.rounds, head.others_busy, head.versions
        )
    }

    pub fn markdown(&self) -> String {
        let mut out = self.head();
        self.ratios(&mut out);
        self.standing(&mut out);
        self.limits(&mut out);
        self.table(&mut out, "Operations a second", |line, cell| match line {
            "W15" | "W15o" => duration(1e9 / cell.rate),
            _ => rate(cell.rate),
        });
        self.table(&mut out, "Processor time an operation, all threads", |_, cell| {
            duration(cell.cpu_ns_per_op)
        });
        self.commits(&mut out);
        self.memory_and_files(&mut out);
        if self.head.rounds > 1 {
            self.table(
                &mut out,
                "From the slowest to the fastest round, as a part of the median",
                |_, cell| format!("{:.0} %", cell.spread * 100.0),
            );
        }
        self.missing(&mut out);
        out
    }

    fn columns(&self, out: &mut String, first: &str, engines: &[&str], last: &[&str]) {
        let names: Vec<&str> =
            [first].into_iter().chain(engines.iter().copied()).chain(last.iter().copied()).collect();
        let _ = writeln!(out, "| {} |", names.join(" | "));
        let _ = writeln!(out, "|---|{}{}", "---:|".repeat(engines.len()), "---|".repeat(last.len()));
    }

    fn ratios(&self, out: &mut String) {
        let _ = writeln!(out, "\n## Speed beside bbolt\n\nbbolt is 1.00; more is faster.\n");
        let engines: Vec<&str> = self.engines.iter().copied().filter(|engine| *engine != BBOLT).collect();
        self.columns(out, "work", &engines, &["best B+tree", "bbolt"]);
        for (line, title) in self.lines() {
            let _ = write!(out, "| {line} {title} |");
            for engine in &engines {
                let ratio = self.ratio(engine, line);
                let _ = write!(out, " {} |", ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")));
            }
            let best = self.best_tree(line, true).unwrap_or("-");
            let own = self.cell(BBOLT, line).map_or("-".to_owned(), |cell| match line {
                "W15" | "W15o" => duration(1e9 / cell.rate),
                _ => rate(cell.rate),
            });
            let _ = writeln!(out, " {best} | {own} |");
        }
    }

    /// libbolt against LMDB, the best peer and bbolt, processor time beside wall time.
    fn standing(&self, out: &mut String) {
        if !self.engines.contains(&LIBBOLT) {
            return;
        }
        let _ = writeln!(out, "\n## libbolt beside LMDB and the best other B+tree\n");
        let _ = writeln!(
            out,
            "Speed: more is better. Processor time an operation, in brackets: less is better.\n"
        );
        let _ = writeln!(
            out,
            "| work | beside LMDB | beside the best | which | beside bbolt |\n|---|---:|---:|---|---:|"
        );
        let mut behind = Vec::new();
        let beside = |other: &str, line: &str| {
            let ratios = self.beside(LIBBOLT, other, line, rate_of);
            let ratios = ratios.zip(self.beside(LIBBOLT, other, line, cpu_ns_per_op));
            ratios.map_or("-".to_owned(), |(speed, cpu)| format!("{speed:.2} ({cpu:.2})"))
        };
        for (line, _) in self.lines() {
            let best = self.best_tree(line, false).unwrap_or("-");
            let _ = writeln!(
                out,
                "| {line} | {} | {} | {best} | {} |",
                beside("lmdb", line),
                beside(best, line),
                beside(BBOLT, line)
            );
            if self.beside(LIBBOLT, best, line, rate_of).is_some_and(|ratio| ratio < 1.0) {
                behind.push(line);
            }
        }
        let _ = match behind.as_slice() {
            [] => writeln!(out, "\nBehind the best in no row."),
            lines => writeln!(out, "\nBehind the best in {}.", lines.join(", ")),
        };
    }

    /// The limits that are no speeds, each in a line.
    fn limits(&self, out: &mut String) {
        let mut lines = Vec::new();
        let mut line = |what: &str, row: &str, factor: f64, unit: f64, of: &dyn Fn(Cell) -> f64| {
            let (Some(own), Some(lmdb)) = (self.cell(LIBBOLT, row), self.cell("lmdb", row)) else { return };
            let (own, lmdb) = (of(own), of(lmdb));
            let held = if own <= factor * lmdb { "held" } else { "**not held**" };
            let [own, lmdb] = [own, lmdb].map(|number| short(number / unit));
            lines.push(format!("| {what} | {own} | {lmdb} | at most {factor:.1} times LMDB's | {held} |"));
        };
        let (kib, mib) = (1024.0, f64::from(1 << 20));
        line("KiB to write calls, a durable commit of one put", "W3", 1.0, kib, &|cell| {
            cell.write_call_bytes_per_commit
        });
        line("KiB that the disk wrote for it", "W3", 1.0, kib, &|cell| cell.disk_bytes_per_commit);
        line("MiB of the file after W1", "W1", 1.1, mib, &|cell| cell.file_len);
        line("MiB that it takes on the disk", "W1", 1.1, mib, &|cell| cell.file_allocated);
        if !lines.is_empty() {
            let _ = writeln!(out, "\n## Limits\n\n| | libbolt | LMDB | limit | |\n|---|---:|---:|---|---|");
            lines.iter().for_each(|line| out.push_str(&format!("{line}\n")));
        }
    }

    fn table(&self, out: &mut String, title: &str, show: impl Fn(&str, Cell) -> String) {
        let _ = writeln!(out, "\n## {title}\n");
        self.columns(out, "work", self.engines, &[]);
        for (line, _) in self.lines() {
            let _ = write!(out, "| {line} |");
            for engine in self.engines {
                let text = self.cell(engine, line).map_or("-".to_owned(), |cell| show(line, cell));
                let _ = write!(out, " {text} |");
            }
            let _ = writeln!(out);
        }
    }

    fn commits(&self, out: &mut String) {
        if !self.lines().iter().any(|(line, _)| *line == "W3") {
            return;
        }
        let _ = writeln!(out, "\n## A durable commit of one put (W3)\n");
        self.columns(out, "", self.engines, &[]);
        let mut line = |title: &str, show: &dyn Fn(&'static str) -> Option<String>| {
            let _ = write!(out, "| {title} |");
            for engine in self.engines {
                let _ = write!(out, " {} |", show(engine).unwrap_or_else(|| "-".to_owned()));
            }
            let _ = writeln!(out);
        };
        let kib = |bytes: f64| short(bytes / 1024.0);
        line("waits for the disk", &|engine| Some(short(*self.results.syncs.get(engine)?)));
        line("KiB given to write calls", &|engine| {
            Some(kib(self.cell(engine, "W3")?.write_call_bytes_per_commit))
        });
        line("KiB that the disk wrote", &|engine| Some(kib(self.cell(engine, "W3")?.disk_bytes_per_commit)));
        line("processor time", &|engine| Some(duration(self.cell(engine, "W3")?.cpu_ns_per_op)));
    }

    fn memory_and_files(&self, out: &mut String) {
        let _ = writeln!(out, "\n## Most private memory of the process, MiB\n");
        self.columns(out, "work", self.engines, &[]);
        for (line, _) in self.lines() {
            let _ = write!(out, "| {line} |");
            for engine in self.engines {
                let text = self.cell(engine, line).map_or("-".to_owned(), |cell| mib(cell.peak_anon_bytes));
                let _ = write!(out, " {text} |");
            }
            let _ = writeln!(out);
        }
        let _ = writeln!(out, "\n## The files afterwards, MiB (in brackets: what they take on the disk)\n");
        self.columns(out, "work", self.engines, &[]);
        for (line, _) in
            self.lines().into_iter().filter(|(line, _)| ["W1", "W2", "W2d", "W13p", "W14"].contains(line))
        {
            let _ = write!(out, "| {line} |");
            for engine in self.engines {
                let text = self.cell(engine, line).map_or("-".to_owned(), |cell| {
                    format!("{} ({})", mib(cell.file_len), mib(cell.file_allocated))
                });
                let _ = write!(out, " {text} |");
            }
            let _ = writeln!(out);
        }
    }

    fn missing(&self, out: &mut String) {
        if self.results.unsupported.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n## What is missing\n");
        for ((engine, line), reason) in &self.results.unsupported {
            let _ = writeln!(out, "- {engine}, {line}: {reason}");
        }
    }

    /// Every single result, for other tools: a line each, with tabs.
    pub fn raw(&self) -> String {
        let mut out = String::from(
            "engine\twork\tops\twall_ns\tcpu_ns\twrite_call_bytes\tdisk_bytes\tcommits\tpeak_anon_bytes\tfile_len\t\
             file_allocated\n",
        );
        for measured in &self.results.measured {
            let outcome = &measured.outcome;
            let _ = writeln!(
                out,
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                measured.engine,
                measured.line,
                outcome.ops,
                outcome.wall_ns,
                outcome.cpu_ns,
                outcome.write_call_bytes,
                outcome.disk_bytes,
                outcome.commits,
                measured.peak_anon_bytes,
                measured.file_len,
                measured.file_allocated
            );
        }
        out
    }
}
