//! What a piece of work must have read, and what must be in the file afterwards: computed from the workload alone, by
//! no engine.

use crate::Result;
use crate::drivers::WRITER_SEED;
use crate::spec::{Action, Order, Outcome, Spec};
use crate::workload::{Keys, Values, entry_sum, tag, value_sum};

/// The content of a database: for each key the version of its value, if it is there.
#[derive(Clone)]
pub struct Model {
    keys: Keys,
    value_len: usize,
    versions: Vec<Option<u64>>,
}

/// How many entries there are, and their sum.
pub type Whole = (u64, u64);

impl Model {
    /// An empty database for the keys that `spec` speaks of.
    pub fn empty(spec: &Spec) -> Result<Model> {
        let count = usize::try_from(spec.keys)?;
        Ok(Model {
            keys: Keys::new(spec.keys, spec.style),
            value_len: spec.value_len,
            versions: vec![None; count],
        })
    }

    fn index_at(&self, spec: &Spec, step: u64) -> u64 {
        match spec.order {
            Order::Sorted => step,
            Order::Shuffled => self.keys.shuffled(spec.seed, step),
            Order::Drawn => self.keys.draw(spec.seed, step),
        }
    }

    /// Does to the content what the work does to the file; `outcomes` say how far a writer came that was stopped.
    pub fn apply(&mut self, spec: &Spec, outcomes: &[Outcome]) {
        match spec.action {
            Action::Load | Action::Put | Action::Delete => {
                for step in 0..spec.count {
                    let index = self.index_at(spec, step) as usize;
                    self.versions[index] = match spec.action {
                        Action::Load => Some(0),
                        Action::Put => Some(step + 1),
                        _ => None,
                    };
                }
            }
            Action::Mixed => {
                let commits = outcomes.iter().find(|outcome| outcome.series == "writer");
                let puts = commits.map_or(0, |outcome| outcome.commits) * spec.length;
                for step in 0..puts {
                    let index = self.keys.draw(WRITER_SEED, step) as usize;
                    self.versions[index] = Some(step + 1);
                }
            }
            Action::Get | Action::Scan | Action::ScanBack | Action::Seek | Action::Open | Action::Dump => {}
        }
    }

    fn value_sum(&self, values: &mut Values, index: u64) -> u64 {
        self.versions[index as usize].map_or(0, |version| value_sum(values.value(index, version)))
    }

    fn entry_sum(&self, values: &mut Values, index: u64) -> u64 {
        match self.versions[index as usize] {
            Some(version) => entry_sum(&self.keys.key(index), values.value(index, version)),
            None => 0,
        }
    }

    pub fn whole(&self) -> Whole {
        let mut values = Values::new(self.value_len);
        let count = self.versions.iter().flatten().count() as u64;
        let sum = (0..self.keys.count)
            .fold(0u64, |sum, index| sum.wrapping_add(self.entry_sum(&mut values, index)));
        (count, sum)
    }

    /// The sum that the work must report, having done `ops` operations; 0 for work that reads nothing.
    pub fn expected_sum(&self, spec: &Spec, series: &str, ops: u64) -> u64 {
        let mut values = Values::new(self.value_len);
        let mut sum = 0u64;
        match spec.action {
            Action::Load | Action::Put | Action::Delete => {}
            Action::Mixed if series == "writer" => {}
            Action::Mixed => {
                for step in 0..ops {
                    sum = sum.wrapping_add(tag(self.index_at(spec, step)) ^ self.value_len as u64);
                }
            }
            Action::Get => {
                for step in 0..ops {
                    sum = sum.wrapping_add(self.entry_sum(&mut values, self.index_at(spec, step)));
                }
            }
            Action::Open => {
                for step in 0..ops {
                    sum = sum.wrapping_add(self.value_sum(&mut values, self.index_at(spec, step)));
                }
            }
            Action::Scan | Action::ScanBack => sum = self.whole().1.wrapping_mul(spec.count),
            Action::Dump => sum = self.whole().1,
            Action::Seek => sum = self.seek_sum(spec, &mut values),
        }
        sum
    }

    /// Seeks go to keys that were there once; each reads on until it has enough.
    fn seek_sum(&self, spec: &Spec, values: &mut Values) -> u64 {
        let sums: Vec<u64> = (0..self.keys.count).map(|index| self.entry_sum(values, index)).collect();
        let mut sum = 0u64;
        for step in 0..spec.count {
            let from = self.index_at(spec, step) as usize;
            let present = (from..sums.len()).filter(|&index| self.versions[index].is_some());
            for index in present.take(spec.length as usize) {
                sum = sum.wrapping_add(sums[index]);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::KeyStyle;
    use std::path::PathBuf;

    fn spec(action: Action, count: u64) -> Spec {
        Spec {
            action,
            path: PathBuf::new(),
            style: KeyStyle::Uniform,
            keys: 1000,
            value_len: 100,
            order: Order::Shuffled,
            seed: 3,
            count,
            batch: 10,
            length: 10,
            durable: false,
        }
    }

    #[test]
    fn the_content_follows_loads_puts_and_deletes() -> Result<()> {
        let mut model = Model::empty(&spec(Action::Load, 1000))?;
        assert_eq!(model.whole(), (0, 0));
        model.apply(&spec(Action::Load, 1000), &[]);
        let loaded = model.whole();
        assert_eq!(loaded.0, 1000);
        model.apply(&spec(Action::Delete, 500), &[]);
        assert_eq!(model.whole().0, 500);
        model.apply(&spec(Action::Put, 500), &[]);
        let put = model.whole();
        assert_eq!(put.0, 1000);
        assert_ne!(put.1, loaded.1, "other versions, another sum");
        Ok(())
    }

    #[test]
    fn a_seek_reads_fewer_entries_at_the_end() -> Result<()> {
        let mut model = Model::empty(&spec(Action::Load, 1000))?;
        model.apply(&spec(Action::Load, 1000), &[]);
        let from_first = Spec { order: Order::Sorted, length: 2000, ..spec(Action::Seek, 1) };
        assert_eq!(model.expected_sum(&from_first, "main", 1), model.whole().1);
        Ok(())
    }
}
