//! Calls to the storage, and how they fail.

use std::cell::Cell;

use crate::random::Random;

thread_local! {
    static IS_ASIDE: Cell<bool> = const { Cell::new(false) };
}

/// Lets `look` call the storage without being counted, and without a fault: as a look at the disk from
/// outside.
pub fn aside<T>(look: impl FnOnce() -> T) -> T {
    let before = IS_ASIDE.with(|is_aside| is_aside.replace(true));
    let seen = look();
    IS_ASIDE.with(|is_aside| is_aside.set(before));
    seen
}

/// Whether this thread looks from outside.
pub fn is_aside() -> bool {
    IS_ASIDE.with(Cell::get)
}

/// A call to the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Opening a file by its name.
    Open,
    /// Making a file without a name.
    Create,
    /// Making names durable.
    SyncDirectory,
    /// Asking for the length.
    Len,
    /// Reading.
    Read,
    /// Writing.
    Write(Target),
    /// Growing.
    Grow,
    /// Syncing, after this was written last.
    Sync(Target),
    /// Taking the lock.
    Lock,
    /// Giving it back.
    Unlock,
    /// Making a view.
    View,
    /// Giving a file its name.
    Link,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Pages.
    Data,
    /// A meta page, of this transaction.
    Meta(u64),
}

impl Call {
    /// Whether it changes or syncs something: its failure must not be passed over.
    pub fn is_change(self) -> bool {
        !matches!(self, Call::Open | Call::Len | Call::Read | Call::Lock | Call::Unlock | Call::View)
    }

    /// Whether nothing may be written after its failure: what the disk holds is not known.
    pub fn is_poisonous(self) -> bool {
        matches!(self, Call::Sync(_) | Call::Write(Target::Meta(_)))
    }

    /// Whether its failure leaves open whether transaction `txid` is committed.
    pub fn is_commit_of(self, txid: u64) -> bool {
        self == Call::Write(Target::Meta(txid)) || self == Call::Sync(Target::Meta(txid))
    }

    /// Whether it takes room on the disk.
    fn takes_room(self) -> bool {
        matches!(self, Call::Create | Call::Write(_) | Call::Grow | Call::Link)
    }
}

/// How much of a call is done before it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Nothing.
    Nothing,
    /// The first bytes of a write, the first part of a growth; of other calls nothing.
    Part,
    /// All of it.
    All,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The call answers this errno.
    Errno(i32),
    /// A read answers fewer bytes than there are, and no error.
    Short,
    /// The process ends here: no later call does anything, and what was written stays in the system's cache.
    Death,
}

/// One fault, of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The number of the call that fails, from 0 on.
    pub call: u64,
    /// What goes wrong.
    pub kind: Kind,
    /// How much is done before.
    pub extent: Extent,
    /// Whether later calls fail too: of a full disk those that take room, otherwise all.
    pub is_lasting: bool,
    /// Whether the system drops what a failed sync leaves in doubt, so that the old bytes are read from then
    /// on.
    pub drops_cache: bool,
}

/// The errnos with which calls fail.
pub const ERRNOS: [i32; 4] = [libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::EINTR];

impl Plan {
    /// All that is tried at a call: each errno, death; nothing, part or all done; once and for ever; the
    /// cache dropped.
    pub fn kinds() -> Vec<Plan> {
        let mut plans = Vec::new();
        let plan = Plan {
            call: 0,
            kind: Kind::Death,
            extent: Extent::Nothing,
            is_lasting: true,
            drops_cache: false,
        };
        for extent in [Extent::Nothing, Extent::Part, Extent::All] {
            plans.push(Plan { extent, ..plan });
            for errno in ERRNOS {
                for is_lasting in [false, true] {
                    plans.push(Plan { kind: Kind::Errno(errno), extent, is_lasting, ..plan });
                }
            }
        }
        for is_lasting in [false, true] {
            plans.push(Plan { kind: Kind::Errno(libc::EIO), is_lasting, drops_cache: true, ..plan });
        }
        plans.extend([false, true].map(|is_lasting| Plan { kind: Kind::Short, is_lasting, ..plan }));
        plans
    }

    /// Whether it makes a difference at this call; the others are the same as one that does.
    pub fn concerns(&self, call: Call) -> bool {
        let extent = match self.extent {
            Extent::Nothing => true,
            Extent::Part => matches!(call, Call::Write(_) | Call::Grow),
            Extent::All => call.is_change(),
        };
        let drops = !self.drops_cache || matches!(call, Call::Sync(_));
        let errno = match self.kind {
            Kind::Errno(libc::ENOSPC | libc::EDQUOT) => call.takes_room() || matches!(call, Call::Sync(_)),
            Kind::Short => call == Call::Read,
            _ => true,
        };
        extent && drops && errno
    }

    /// Whether the call number `index` fails.
    pub fn hits(&self, index: u64, call: Call) -> bool {
        if index < self.call || !self.is_lasting {
            return index == self.call;
        }
        match self.kind {
            Kind::Errno(libc::ENOSPC | libc::EDQUOT) if index > self.call => call.takes_room(),
            Kind::Short => call == Call::Read,
            _ => true,
        }
    }

    /// How many of `count` bytes are done.
    pub fn part(&self, count: usize, random: &mut Random) -> usize {
        match self.extent {
            Extent::Nothing => 0,
            Extent::Part => random.below(count.max(1)),
            Extent::All => count,
        }
    }

    /// The errno that is answered. That of a dead process is seen by nobody; the linter knows it. A short
    /// read answers none.
    pub fn errno(&self) -> i32 {
        match self.kind {
            Kind::Errno(errno) => errno,
            Kind::Short => 0,
            Kind::Death => DEATH,
        }
    }
}

/// What calls of a process that has died answer.
pub const DEATH: i32 = libc::ESHUTDOWN;
