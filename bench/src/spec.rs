//! One piece of work for one engine in a process of its own, and what came of it: the lines that the runner and its
//! children, in Rust and in Go, exchange.

use crate::Result;
use crate::workload::KeyStyle;
use std::collections::HashMap;
use std::path::PathBuf;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Inserts `count` keys that are not there.
    Load,
    /// Puts `count` keys, `batch` to a transaction.
    Put,
    /// Deletes `count` keys, `batch` to a transaction.
    Delete,
    /// Gets `count` drawn keys, `batch` to a read transaction.
    Get,
    /// Walks over everything, `count` times.
    Scan,
    /// The same from the end.
    ScanBack,
    /// Seeks a drawn key and reads `length` entries, `count` times.
    Seek,
    /// Gets as `Get` does, beside a thread that puts `length` drawn keys to a transaction until the reader is done.
    Mixed,
    /// Opens the database, gets one key, and closes it, `count` times.
    Open,
    /// Reads everything once, for the sum.
    Dump,
}

const ACTIONS: [(Action, &str); 10] = [
    (Action::Load, "load"),
    (Action::Put, "put"),
    (Action::Delete, "delete"),
    (Action::Get, "get"),
    (Action::Scan, "scan"),
    (Action::ScanBack, "scan-back"),
    (Action::Seek, "seek"),
    (Action::Mixed, "mixed"),
    (Action::Open, "open"),
    (Action::Dump, "dump"),
];

/// In which order keys are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Sorted,
    /// A random order in which each comes once.
    Shuffled,
    /// Random with repetition.
    Drawn,
}

const ORDERS: [(Order, &str); 3] =
    [(Order::Sorted, "sorted"), (Order::Shuffled, "shuffled"), (Order::Drawn, "drawn")];
const STYLES: [(KeyStyle, &str); 2] = [(KeyStyle::Uniform, "uniform"), (KeyStyle::Decimal, "decimal")];

#[derive(Clone, Debug)]
pub struct Spec {
    pub action: Action,
    pub path: PathBuf,
    pub style: KeyStyle,
    /// How many keys there are.
    pub keys: u64,
    pub value_len: usize,
    pub order: Order,
    pub seed: u64,
    pub count: u64,
    /// Operations to a transaction; 0: all in one.
    pub batch: u64,
    /// See the action.
    pub length: u64,
    /// Each commit waits for the disk.
    pub durable: bool,
}

fn name_of<T: PartialEq + Copy>(names: &[(T, &'static str)], value: T) -> &'static str {
    names.iter().find(|(of, _)| *of == value).map_or("?", |(_, name)| name)
}

fn by_name<T: Copy>(names: &[(T, &'static str)], text: &str) -> Result<T> {
    match names.iter().find(|(_, name)| *name == text) {
        Some((value, _)) => Ok(*value),
        None => Err(format!("{text}: not known").into()),
    }
}

/// A style of keys by its name on the command line.
pub fn style_by_name(text: &str) -> Result<KeyStyle> {
    by_name(&STYLES, text)
}

impl Spec {
    /// The arguments of a child.
    pub fn to_args(&self) -> Vec<String> {
        let path = self.path.display();
        vec![
            format!("action={}", name_of(&ACTIONS, self.action)),
            format!("path={path}"),
            format!("style={}", name_of(&STYLES, self.style)),
            format!("keys={}", self.keys),
            format!("value_len={}", self.value_len),
            format!("order={}", name_of(&ORDERS, self.order)),
            format!("seed={}", self.seed),
            format!("count={}", self.count),
            format!("batch={}", self.batch),
            format!("length={}", self.length),
            format!("durable={}", u8::from(self.durable)),
        ]
    }

    pub fn from_args(args: &[String]) -> Result<Spec> {
        let mut fields = HashMap::new();
        for arg in args {
            let (name, value) = arg.split_once('=').ok_or_else(|| format!("{arg}: no NAME=VALUE"))?;
            fields.insert(name, value);
        }
        let field = |name: &str| fields.get(name).copied().ok_or_else(|| format!("{name} is missing"));
        Ok(Spec {
            action: by_name(&ACTIONS, field("action")?)?,
            path: PathBuf::from(field("path")?),
            style: by_name(&STYLES, field("style")?)?,
            keys: field("keys")?.parse()?,
            value_len: field("value_len")?.parse()?,
            order: by_name(&ORDERS, field("order")?)?,
            seed: field("seed")?.parse()?,
            count: field("count")?.parse()?,
            batch: field("batch")?.parse()?,
            length: field("length")?.parse()?,
            durable: field("durable")? == "1",
        })
    }
}

/// What a child measured, one line of its output.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Which of the action's results this is: "main", or "reader" and "writer".
    pub series: String,
    pub ops: u64,
    pub wall_ns: u64,
    /// Processor time of all threads, user and system.
    pub cpu_ns: u64,
    /// Bytes handed to write calls.
    pub write_call_bytes: u64,
    /// Bytes that the disk wrote meanwhile, for whomever.
    pub disk_bytes: u64,
    /// Transactions that were committed.
    pub commits: u64,
    /// The sum over what was read.
    pub sum: u64,
    /// Private memory when the work was done.
    pub anon_bytes: u64,
}

impl Outcome {
    pub fn to_line(&self) -> String {
        format!(
            "series={} ops={} wall_ns={} cpu_ns={} write_call_bytes={} disk_bytes={} commits={} sum={} \
             anon_bytes={}",
            self.series,
            self.ops,
            self.wall_ns,
            self.cpu_ns,
            self.write_call_bytes,
            self.disk_bytes,
            self.commits,
            self.sum,
            self.anon_bytes
        )
    }

    pub fn from_line(line: &str) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("{word}: no NAME=VALUE"))?;
            let number = value.parse::<u64>();
            match name {
                "series" => outcome.series = value.to_owned(),
                "ops" => outcome.ops = number?,
                "wall_ns" => outcome.wall_ns = number?,
                "cpu_ns" => outcome.cpu_ns = number?,
                "write_call_bytes" => outcome.write_call_bytes = number?,
                "disk_bytes" => outcome.disk_bytes = number?,
                "commits" => outcome.commits = number?,
                "sum" => outcome.sum = number?,
                "anon_bytes" => outcome.anon_bytes = number?,
                other => return Err(format!("{other}: no result of that name").into()),
            }
        }
        Ok(outcome)
    }
}
