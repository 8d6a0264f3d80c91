//! A damaged file by a short name, as `k1:4711`: the base, and the number from which all chance comes.

use std::path::Path;
use std::str::FromStr;

use crashsim::random::{Random, mix};

use crate::bases::Base;
use crate::exercise::{Seen, Violation, Way, exercise};
use crate::mutate::{Draft, Expect, classes};

/// Of 16 files so many are opened in each way; the rest lie in memory.
const WAYS: [(Way, u64); 5] = [
    (Way::File, 1),
    (Way::FileWithoutMap, 1),
    (Way::MemoryWithoutMap, 4),
    (Way::Border, 3),
    (Way::BorderWithoutMap, 2),
];

/// The name of a damaged file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The base's name.
    pub base: String,
    /// The number of the mutant.
    pub number: u64,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.base, self.number)
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Case, String> {
        let (base, number) = text.rsplit_once(':').ok_or(format!("{text} is no case"))?;
        let number = number.parse().map_err(|_| format!("{number} is no number"))?;
        Ok(Case { base: base.to_owned(), number })
    }
}

/// A damaged file.
pub struct Mutant {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What was done to it.
    pub classes: Vec<&'static str>,
    /// How it is opened.
    pub way: Way,
    /// What must come of it.
    pub expect: Expect,
    /// The place among all classes of the one that its number names, where the base has something of the kind.
    pub class: Option<usize>,
}

/// The mutant of that number.
///
/// The class of the first mutation follows from the number, so that each comes as often as any other. Every
/// other one of a class is the only mutation.
pub fn mutant(base: &Base, number: u64) -> Mutant {
    let all: Vec<_> = classes().collect();
    let count = all.len() as u64;
    let random = Random::new(mix(number) ^ 0x6d75_7461_6e74);
    let mut draft = Draft { bytes: base.bytes.clone(), layout: &base.layout, random };
    let is_single = (number / count) % 2 == 0;
    let more = if is_single { 0 } else { 1 + draft.random.below(4) };
    let first = (number % count) as usize;
    let (mut done, mut expect, mut class) = (Vec::new(), Expect::Anything, None);
    // A base that has nothing of the kind is damaged in another way.
    for attempt in 0..8 {
        let place = if attempt == 0 { first } else { draft.random.below(all.len()) };
        match all[place].1(&mut draft) {
            Some(outcome) => {
                done.push(all[place].0);
                expect = outcome;
                class = (attempt == 0).then_some(first);
                break;
            }
            None => draft.bytes.clone_from(&base.bytes),
        }
    }
    for _ in 0..more {
        let (name, mutation) = *all[draft.random.below(all.len())];
        if mutation(&mut draft).is_some() {
            done.push(name);
        }
    }
    let expect = if done.len() == 1 { expect } else { Expect::Anything };
    Mutant { bytes: draft.bytes, classes: done, way: way_of(number), expect, class }
}

/// How the mutant of that number is opened.
fn way_of(number: u64) -> Way {
    let mut place = (number ^ number >> 8) % 16;
    for (way, count) in WAYS {
        if place < count {
            return way;
        }
        place -= count;
    }
    Way::Memory
}

/// Uses the mutant of that number for everything.
pub fn attempt(base: &Base, number: u64, directory: &Path) -> Result<(Mutant, Seen), Violation> {
    let mutant = mutant(base, number);
    let way = mutant.way;
    let describe = |violation| format!("{} ({:?}, {way:?}): {violation}", base.name, mutant.classes);
    let seen = exercise(&mutant.bytes, number, way, directory).map_err(describe)?;
    judge(mutant.expect, &seen).map_err(describe)?;
    Ok((mutant, seen))
}

fn judge(expect: Expect, seen: &Seen) -> Result<(), Violation> {
    let errors = &seen.errors;
    let fault = match expect {
        Expect::Anything => return Ok(()),
        Expect::Sound if !seen.opened => "it is refused, though nothing is wrong".to_owned(),
        Expect::Sound if !errors.is_empty() => format!("{errors:?}, though nothing is wrong"),
        Expect::Damaged if seen.opened && errors.is_empty() => "the check finds nothing".to_owned(),
        Expect::Found(code) if seen.opened && !errors.contains(&(code as u32)) => {
            format!("the check finds {errors:?} and not {code:?}")
        }
        Expect::Refused if seen.opened => "it is opened".to_owned(),
        _ => return Ok(()),
    };
    Err(fault)
}
