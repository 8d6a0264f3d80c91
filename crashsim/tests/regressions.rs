//! Cases that once showed a fault of the engine, or of the linter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use crashsim::campaign::{Failure, attempt, report};
use crashsim::examine::Examiner;

/// Each with what was wrong.
const CASES: [(&str, &str); 13] = [
    ("fault:0:6:19", "a new file whose link failed after the fact was committed to before it was durable"),
    ("fault:0:7:1", "the same, the sync of the directory having failed"),
    ("fault:0:7:0", "the same, the process having died before it"),
    ("fault:2:31:1", "a meta page that could not be read counted as damaged: the last commit was lost"),
    ("fault:10:36:1", "the same, found by the next commit"),
    ("fault:0:10:1", "the same: the newest meta was written over"),
    ("fault:0:21:1", "a sync after one that failed answered as if all were well"),
    ("fault:2:33:1", "the same, over a commit without syncs"),
    ("fault:4:8:1", "a file begun afresh whose sync failed was committed to before its pages were durable"),
    ("deep:15", "a new file with a sector torn within could not be opened any more"),
    ("deep:33", "the same"),
    ("deep:6", "adoption wrote over the only sound meta first"),
    (
        "fault:75774162940088:12:4",
        "the linter took a meta page that nobody could write for one that a cut may leave",
    ),
];

#[test]
fn what_once_went_wrong_goes_well() {
    for (case, was) in CASES {
        let examiner = Examiner::new(1 << 20, 100);
        if let Err((case, violation)) = attempt(case.parse().unwrap(), &examiner) {
            panic!("{was}: {}", report(&Failure { case, violation }));
        }
    }
}
