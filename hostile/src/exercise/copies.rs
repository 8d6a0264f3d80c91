//! Backups and compaction.

use bolt::db::{BackupOptions, CompactOptions, backup, stream};
use bolt::{CheckOptions, Db, Error, Options};
use crashsim::random::Random;

use super::{Outcome, Stage, genuine, wanted};

/// Copies the database in each way.
pub fn all(stage: &Stage, db: &Db, is_sound: bool, random: &mut Random) -> Outcome {
    let Some(txn) = wanted(db.begin_read(), is_sound, "beginning to copy")? else { return Ok(()) };
    let mut len = 0;
    let told = stream::<Error>(
        &txn,
        |_, _| Ok(()),
        |bytes| {
            len += bytes.len() as u64;
            Ok(())
        },
    );
    let told = wanted(told, is_sound, "a backup")?;
    if told.is_some_and(|told| told.len != len || len != txn.len()) {
        return Err("a backup is not as long as it says".into());
    }
    if random.once_in(16) {
        let path = stage.directory.join("backup.db");
        let options = BackupOptions { replace: true, ..BackupOptions::default() };
        wanted(backup::<Error>(&txn, &path, options, |_, _| Ok(())), false, "a backup to a file")?;
    }
    drop(txn);
    compacted(stage, db, is_sound, random)
}

/// Compacts. A sound file holds no more bytes of keys and values than it is long.
fn compacted(stage: &Stage, db: &Db, is_sound: bool, random: &mut Random) -> Outcome {
    let path = stage.directory.join("compact.db");
    let txn_max_len = random.pick(&[0, 0, 1 << 16, 1000]);
    let target = Options { page_size: random.pick(&[0, 0, 1024, 16384]), ..Options::default() };
    let options = CompactOptions { txn_max_len, replace: true, target };
    let (mut is_long, max) = (false, stage.len as u64);
    let compacted = db.compact(&path, &options, |copied| {
        is_long |= copied > max;
        if is_long { Err(Error::NotFound) } else { Ok(()) }
    });
    if is_long {
        return Err("a compaction copies more than the file holds".into());
    }
    match compacted {
        Ok(()) => sound(&path),
        Err(error) if is_sound => Err(format!("a compaction, in a sound file: {error}")),
        Err(error) => genuine(&error),
    }
}

/// What a compaction has made is sound, whatever it was made of.
fn sound(path: &std::path::Path) -> Outcome {
    let opened = Db::open(path, &Options { read_only: true, ..Options::default() });
    let checked = opened.and_then(|db| {
        let txn = db.begin_read()?;
        txn.check(CheckOptions::default(), |finding| {
            Err(Error::corrupt(finding.page, finding.text.to_owned()))
        })
    });
    checked.map(drop).map_err(|error| format!("a compacted file: {error}"))
}
