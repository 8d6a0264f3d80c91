//! The rows of the table: which work each one is, on which file, and which numbers it gives.

use crate::spec::{Action, Order, Spec};
use crate::workload::KeyStyle;
use std::path::PathBuf;

/// The file that a row begins with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Base {
    /// None yet.
    Empty,
    /// All keys, loaded in random order, 1,000 to a transaction.
    Full,
    /// The same, of which a random half was deleted, 1,000 to a transaction.
    Half,
}

/// A piece of a row, in a process of its own, which goes on with the file of the piece before it.
#[derive(Clone, Debug)]
pub struct Work {
    pub spec: Spec,
    /// For each series that the work reports: the name of the table's row.
    pub rows: Vec<(&'static str, &'static str)>,
}

#[derive(Clone, Debug)]
pub struct Row {
    /// The name by which it is asked for.
    pub name: &'static str,
    pub base: Base,
    pub works: Vec<Work>,
}

/// How large everything is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub keys: u64,
    pub style: KeyStyle,
}

/// The length of values, but in W13.
const VALUE_LEN: usize = 100;
const LARGE_VALUE_LEN: usize = 1 << 20;

// Each stream of random numbers its own seed.
const SEED_LOAD: u64 = 1;
const SEED_HALF: u64 = 2;
const SEED_OVERWRITE: u64 = 3;
const SEED_DELETE: u64 = 4;
const SEED_COMMITS: u64 = 5;
const SEED_READS: u64 = 6;

/// What each line of the table says, in its order.
pub const TITLES: [(&str, &str); 19] = [
    ("W1", "load 1M sorted keys, one durable transaction"),
    ("W2", "load 1M random keys, 1,000 a transaction, no sync"),
    ("W2d", "the same, 10,000 a transaction, durable"),
    ("W3", "durable commits of one put on the 1M file"),
    ("W4", "commits of one put without sync"),
    ("W5", "random gets in one read transaction"),
    ("W6", "random gets, a read transaction each"),
    ("W7", "full scan forward"),
    ("W8", "full scan backward"),
    ("W9", "seek, then 100 entries"),
    ("W10", "overwrite 200k at random, 1,000 a transaction, no sync"),
    ("W11", "delete 200k at random, 1,000 a transaction, no sync"),
    ("W12r", "gets of a reader beside a committing writer"),
    ("W12w", "commits of that writer, of 10 puts each, no sync"),
    ("W13p", "put 1 MiB values, a durable transaction each"),
    ("W13g", "get them"),
    ("W14", "W3 on a file of which a random half was deleted"),
    ("W15", "open a 1M file that was closed cleanly, get, close"),
    ("W15o", "the same without the close"),
];

impl Size {
    /// `count` of a million keys, in proportion.
    fn part(&self, count: u64) -> u64 {
        (u128::from(count) * u128::from(self.keys) / 1_000_000).max(1) as u64
    }

    fn spec(&self, action: Action) -> Spec {
        Spec {
            action,
            path: PathBuf::new(),
            style: self.style,
            keys: self.keys,
            value_len: VALUE_LEN,
            order: Order::Drawn,
            seed: SEED_READS,
            count: 0,
            batch: 0,
            length: 0,
            durable: false,
        }
    }

    fn load(&self, order: Order, batch: u64, durable: bool) -> Spec {
        Spec { order, batch, durable, count: self.keys, seed: SEED_LOAD, ..self.spec(Action::Load) }
    }

    fn change(&self, action: Action, seed: u64, count: u64) -> Spec {
        Spec { seed, count, order: Order::Shuffled, batch: 1000, ..self.spec(action) }
    }

    fn commits(&self, count: u64, durable: bool) -> Spec {
        Spec { seed: SEED_COMMITS, count, batch: 1, durable, ..self.spec(Action::Put) }
    }

    /// What makes a base out of the one before it.
    pub fn base(&self, base: Base) -> Option<(Base, Spec)> {
        match base {
            Base::Empty => None,
            Base::Full => Some((Base::Empty, self.load(Order::Shuffled, 1000, false))),
            Base::Half => Some((Base::Full, self.change(Action::Delete, SEED_HALF, self.keys / 2))),
        }
    }

    fn reads(&self) -> Vec<Row> {
        let get = |count, batch| Spec { count: self.part(count), batch, ..self.spec(Action::Get) };
        let scan = |action| Spec { count: 5, ..self.spec(action) };
        let seek = Spec { count: self.part(100_000), length: 100, ..self.spec(Action::Seek) };
        let open = Spec { count: 200, durable: true, ..self.spec(Action::Open) };
        let opened = vec![("main", "W15"), ("opened", "W15o")];
        vec![
            row("W5", Base::Full, get(1_000_000, 0)),
            row("W6", Base::Full, get(1_000_000, 1)),
            row("W7", Base::Full, scan(Action::Scan)),
            row("W8", Base::Full, scan(Action::ScanBack)),
            row("W9", Base::Full, seek),
            Row { name: "W15", base: Base::Full, works: vec![Work { spec: open, rows: opened }] },
        ]
    }

    fn large(&self) -> Row {
        let items = self.part(200).max(8);
        let large = |action| Spec { keys: items, value_len: LARGE_VALUE_LEN, ..self.spec(action) };
        let put = Spec {
            order: Order::Shuffled,
            seed: SEED_LOAD,
            count: items,
            batch: 1,
            durable: true,
            ..large(Action::Load)
        };
        let get = Spec { count: self.part(100_000), ..large(Action::Get) };
        let works = vec![
            Work { spec: put, rows: vec![("main", "W13p")] },
            Work { spec: get, rows: vec![("main", "W13g")] },
        ];
        Row { name: "W13", base: Base::Empty, works }
    }

    /// All rows, in the order of the table.
    pub fn rows(&self) -> Vec<Row> {
        let mixed = Spec { count: self.part(1_000_000), batch: 100, length: 10, ..self.spec(Action::Mixed) };
        let part = self.part(200_000);
        let mut rows = vec![
            row("W1", Base::Empty, self.load(Order::Sorted, 0, true)),
            row("W2", Base::Empty, self.load(Order::Shuffled, 1000, false)),
            row("W2d", Base::Empty, self.load(Order::Shuffled, 10_000, true)),
            row("W3", Base::Full, self.commits(3000, true)),
            row("W4", Base::Full, self.commits(self.part(50_000), false)),
            row("W10", Base::Full, self.change(Action::Put, SEED_OVERWRITE, part)),
            row("W11", Base::Full, self.change(Action::Delete, SEED_DELETE, part)),
            Row {
                name: "W12",
                base: Base::Full,
                works: vec![Work { spec: mixed, rows: vec![("reader", "W12r"), ("writer", "W12w")] }],
            },
            self.large(),
            row("W14", Base::Half, self.commits(3000, true)),
        ];
        rows.extend(self.reads());
        rows.sort_by_key(|row| TITLES.iter().position(|(name, _)| name.starts_with(row.name)));
        rows
    }
}

fn row(name: &'static str, base: Base, spec: Spec) -> Row {
    Row { name, base, works: vec![Work { spec, rows: vec![("main", name)] }] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_has_a_row_and_every_row_a_line() {
        let rows = Size { keys: 1_000_000, style: KeyStyle::Uniform }.rows();
        let given: Vec<&str> = rows
            .iter()
            .flat_map(|row| &row.works)
            .flat_map(|work| &work.rows)
            .map(|(_, name)| *name)
            .collect();
        let lines: Vec<&str> = TITLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(given, lines);
    }
}
