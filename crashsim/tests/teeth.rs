//! Faults planted on purpose: each is caught twice, by the linter and by cutting the power. A harness that sees
//! none of them would see nothing else either.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use crashsim::cases::{Case, small_count};
use crashsim::cut::Budget;
use crashsim::examine::Examiner;
use crashsim::fault::{Kind, Plan};
use crashsim::plant::Plant;
use crashsim::random::Random;
use crashsim::run::{Config, Cuts, Run};

/// Who may see a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eye {
    /// The linter alone: nothing is cut.
    Linter,
    /// The cuts alone: the linter's findings do not count.
    Cuts,
}

/// Runs in which faults show: short ones without a failing call, then some in which a process dies at each call.
fn configs() -> impl Iterator<Item = Config> {
    let random = &mut Random::new(4);
    let numbers: Vec<u64> = (0..150).map(|_| random.next() % small_count(3)).collect();
    let small =
        numbers.into_iter().map(|number| Config { cuts: Cuts::All, ..Case::Small(number).config().unwrap() });
    let scripts = (0..12).map(|script| Case::Faults(script).config().unwrap());
    let death = Plan::kinds().iter().position(|plan| plan.kind == Kind::Death).unwrap() as u64;
    let dying =
        (0..8).flat_map(move |script| (0..90).map(move |call| Case::Fault { script, call, kind: death }));
    small.chain(scripts).chain(dying.map(|case| case.config().unwrap()))
}

/// What `eye` says of the fault, if it sees it at all.
fn seen(plant: Plant, eye: Eye) -> Option<String> {
    let examiner = Examiner::new(1 << 22, 0);
    configs().find_map(|config| {
        let config = Config {
            plant: Some(plant),
            is_linted: eye == Eye::Linter,
            cuts: if eye == Eye::Linter { Cuts::None } else { config.cuts },
            budget: Budget::DEEP,
            ..config
        };
        Run::perform(&config, &examiner).err().map(|violation| violation.what)
    })
}

#[test]
fn each_planted_fault_is_seen_by_the_linter_and_by_cuts() {
    for plant in Plant::ALL {
        let by_linter = seen(plant, Eye::Linter);
        let by_cuts = seen(plant, Eye::Cuts);
        println!("{plant:?}\n  linter: {by_linter:?}\n  cuts:   {by_cuts:?}");
        assert!(by_linter.is_some(), "the linter does not see {plant:?}");
        assert!(by_cuts.is_some(), "no cut shows {plant:?}");
    }
}

#[test]
fn without_a_planted_fault_neither_says_anything() {
    let examiner = Examiner::new(1 << 22, 50);
    for config in configs().step_by(7) {
        if let Err(violation) = Run::perform(&config, &examiner) {
            panic!("{violation:?}\n{config:?}");
        }
    }
}

/// bbolt reuses pages one transaction earlier than rule R5 allows. The linter sees it; a cut does where a sync has lied.
#[test]
fn pages_reused_one_transaction_too_early_are_seen() {
    let examiner = Examiner::new(1 << 22, 0);
    let early = |config: Config| Config {
        setup: crashsim::verify::Setup { bbolt_rules: true, ..config.setup },
        ..config
    };
    let linted = (0..20).find_map(|seed| {
        let config = Config {
            older_meta_stays: true,
            cuts: Cuts::None,
            ..early(Case::Faults(seed).config().unwrap())
        };
        Run::perform(&config, &examiner).err()
    });
    let finding = linted.expect("the linter sees it").what;
    assert!(finding.starts_with("R5: page "), "{finding}");
    let cut = (0..40).find_map(|seed| {
        let config = early(Case::Lies(seed).config().unwrap());
        Run::perform(&config, &examiner).err().map(|violation| violation.what)
    });
    println!("a cut after a sync that lied: {cut:?}");
    assert!(cut.is_some(), "no cut sees it");
}
