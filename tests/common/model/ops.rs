//! The operations, and how they are chosen.

use bolt::{Condition, Options};
use proptest::prelude::*;

use super::cursors::{Bounds, Motion};

/// One step. A bucket is named by a number that picks one of those there are.
#[derive(Clone, Debug)]
pub enum Op {
    Put { bucket: u16, key: u16, len: usize },
    PutMany { bucket: u16, key: u16, count: u16, len: usize },
    Delete { bucket: u16, key: u16 },
    DeleteMany { bucket: u16, key: u16, count: u16 },
    Create { bucket: u16, key: u16 },
    Ensure { bucket: u16, key: u16 },
    Drop { bucket: u16, key: u16 },
    DropOne { bucket: u16 },
    Sequence { bucket: u16, value: u64 },
    NextSequence { bucket: u16 },
    WalkAndDelete { bucket: u16, every: u8, backward: bool },
    Seek { bucket: u16, key: u16 },
    Commit,
    Rollback,
    Reopen,
    OpenReader,
    CloseReader,
    Mode { mode: u8 },
    PutIf { bucket: u16, key: u16, condition: Condition },
    Reserve { bucket: u16, key: u16, len: usize },
    DeleteRange { bucket: u16, from: Option<u16>, to: Option<u16> },
    Move { from: u16, key: u16, to: u16 },
    MoveOne { bucket: u16, to: u16 },
    Savepoint,
    RollbackTo { savepoint: u8 },
    Release { savepoint: u8 },
    GetMany { bucket: u16, key: u16, step: u16, count: u8 },
    OpenCursor { bucket: u16, bounds: Bounds, motions: Vec<Motion> },
    CloseCursor { cursor: u8 },
    Go { cursor: u8, motion: Motion },
}

/// Which operations come often.
#[derive(Clone, Copy)]
pub enum Taste {
    /// All kinds, as they stand in the list.
    Everything,
    /// Those that move and delete whole trees, or take changes back.
    Trees,
}

fn value_len() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0usize..60, 2 => 60usize..400, 1 => 400usize..9000]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        Just(Condition::Any),
        Just(Condition::Absent),
        Just(Condition::Present),
        Just(Condition::Last)
    ]
}

/// A key at which a cursor's entries begin or end, now and then.
pub fn bounds() -> impl Strategy<Value = Bounds> {
    (prop::option::weighted(0.4, 0u16..300), prop::option::weighted(0.4, 0u16..300))
}

fn motion() -> impl Strategy<Value = Motion> {
    let key = || 0u16..310;
    prop_oneof![
        2 => Just(Motion::First),
        2 => Just(Motion::Last),
        6 => (1u8..20).prop_map(Motion::Next),
        6 => (1u8..20).prop_map(Motion::Prev),
        3 => key().prop_map(Motion::Seek),
        3 => key().prop_map(Motion::SeekLe),
        2 => Just(Motion::Current),
        3 => Just(Motion::Delete),
        4 => (1u8..100, any::<bool>(), any::<bool>())
            .prop_map(|(count, backward, refuses)| Motion::Many { count, backward, refuses }),
        1 => bounds().prop_map(Motion::SetBounds),
    ]
}

pub fn op(taste: Taste) -> impl Strategy<Value = Op> {
    let bucket = any::<u16>;
    let key = || 0u16..300;
    let often = match taste {
        Taste::Everything => 1,
        Taste::Trees => 5,
    };
    prop_oneof![
        12 => (bucket(), key(), value_len()).prop_map(|(bucket, key, len)| Op::Put { bucket, key, len }),
        4 => (bucket(), key(), 1u16..200, 0usize..100)
            .prop_map(|(bucket, key, count, len)| Op::PutMany { bucket, key, count, len }),
        6 => (bucket(), key()).prop_map(|(bucket, key)| Op::Delete { bucket, key }),
        3 => (bucket(), key(), 1u16..200)
            .prop_map(|(bucket, key, count)| Op::DeleteMany { bucket, key, count }),
        3 => (bucket(), key()).prop_map(|(bucket, key)| Op::Create { bucket, key }),
        2 => (bucket(), key()).prop_map(|(bucket, key)| Op::Ensure { bucket, key }),
        2 => (bucket(), key()).prop_map(|(bucket, key)| Op::Drop { bucket, key }),
        1 => (bucket(), any::<u64>()).prop_map(|(bucket, value)| Op::Sequence { bucket, value }),
        1 => bucket().prop_map(|bucket| Op::NextSequence { bucket }),
        2 => (bucket(), 1u8..6, any::<bool>())
            .prop_map(|(bucket, every, backward)| Op::WalkAndDelete { bucket, every, backward }),
        2 => (bucket(), key()).prop_map(|(bucket, key)| Op::Seek { bucket, key }),
        1 + often => bucket().prop_map(|bucket| Op::DropOne { bucket }),
        1 + often => (bucket(), bucket()).prop_map(|(bucket, to)| Op::MoveOne { bucket, to }),
        4 => Just(Op::Commit),
        1 => Just(Op::Rollback),
        1 => Just(Op::Reopen),
        1 => Just(Op::OpenReader),
        1 => Just(Op::CloseReader),
        1 => (0u8..4).prop_map(|mode| Op::Mode { mode }),
        2 => (bucket(), key(), condition())
            .prop_map(|(bucket, key, condition)| Op::PutIf { bucket, key, condition }),
        1 => (bucket(), key(), value_len()).prop_map(|(bucket, key, len)| Op::Reserve { bucket, key, len }),
        1 + often => (bucket(), prop::option::of(key()), prop::option::of(key()))
            .prop_map(|(bucket, from, to)| Op::DeleteRange { bucket, from, to }),
        2 => (bucket(), key(), bucket()).prop_map(|(from, key, to)| Op::Move { from, key, to }),
        2 + often => Just(Op::Savepoint),
        1 + often => any::<u8>().prop_map(|savepoint| Op::RollbackTo { savepoint }),
        1 => any::<u8>().prop_map(|savepoint| Op::Release { savepoint }),
        1 => (bucket(), key(), 0u16..5, 0u8..100)
            .prop_map(|(bucket, key, step, count)| Op::GetMany { bucket, key, step, count }),
        6 => (bucket(), bounds(), prop::collection::vec(motion(), 0..16))
            .prop_map(|(bucket, bounds, motions)| Op::OpenCursor { bucket, bounds, motions }),
        1 => any::<u8>().prop_map(|cursor| Op::CloseCursor { cursor }),
        10 => (any::<u8>(), motion()).prop_map(|(cursor, motion)| Op::Go { cursor, motion }),
    ]
}

pub fn options() -> impl Strategy<Value = Options> {
    let fill = prop::option::weighted(0.3, prop_oneof![Just(0.1), Just(0.5), Just(1.0)]);
    (0u32..7, fill, prop::bool::weighted(0.2)).prop_map(|(shift, fill_percent, bbolt_rules)| Options {
        page_size: 1024 << shift,
        fill_percent,
        bbolt_rules,
        no_sync: true,
        ..crate::common::options()
    })
}
