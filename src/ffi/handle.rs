//! Handles: what a `bolt_db *`, `bolt_txn *`, `bolt_bucket *` or `bolt_cursor *` of a C program points to.
//!
//! A handle is the address of a slot plus, in its low seven bits, the slot's generation. Slots lie in blocks
//! that are never given back, and a slot serves one kind of handle for ever. So whatever a caller does with
//! a handle after its end reads memory that is still a slot of that kind, and the slot's word tells that the
//! handle is no longer good.
//!
//! H1. A slot's word says all that makes a handle good: its kind, that it lives, its generation, and the
//!     process that made it. A lookup is one load and one comparison with the word that the handle must
//!     have.
//! H2. The word is stored last when a slot is opened and first when it is ended. Who has seen a good word
//!     sees the content that belongs to it.
//! H3. A slot ends once: of several that try, the comparison in [`Slot::end`] lets one through.
//! H4. Ended slots are used again oldest first, and never while fewer than [`Handle::QUARANTINE`] of them
//!     wait, in the arena or in the thread that ended them; or they belong to a slot that waits so.
//! H5. A forked child never touches its parent's slots: its process number differs from the one in their
//!     words, and its own slots come from arenas of its own (another thread of the parent may have held a
//!     lock at the fork).
#![expect(unsafe_code, reason = "a handle is a pointer that a C program gives back")]

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// The low bits of a handle that hold the generation; the alignment of [`Slot`] leaves them free.
const GENERATION: usize = 0x7f;
/// The bit of a word that says that the handle lives.
const LIVE: u64 = 0x80;
/// What all words have in bits 16 to 31, so that memory that is no slot is told apart.
const MAGIC: u64 = 0xb017 << 16;
/// How many slots a block has.
const BLOCK_COUNT: usize = 32;

/// How many forks lie between the process that loaded the library and this one.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// A kind of handle; implemented by the opaque types of the C API.
pub trait Handle: Sized + 'static {
    /// What a slot of this kind holds.
    type Content: Default + Sync;
    /// The kind's number in a word.
    const TAG: u8;
    /// How many ended slots wait before the oldest is used again.
    const QUARANTINE: usize = 16;
    /// Where the slots of this kind come from.
    fn arena() -> &'static Arena<Self>;
}

/// The place of one handle: its word and its content.
#[repr(C, align(128))]
pub struct Slot<H: Handle> {
    word: AtomicU64,
    content: H::Content,
}

/// The word of a handle that lives in this process.
#[inline]
fn live_word(tag: u8, generation: usize) -> u64 {
    let process = u64::from(PROCESS.load(Ordering::Relaxed)) << 32;
    process | MAGIC | u64::from(tag) << 8 | LIVE | (generation & GENERATION) as u64
}

/// The slot of a handle, where the handle is good.
///
/// # Safety
///
/// `handle` is NULL or came from this library as a handle of any kind; it may have ended.
#[inline]
pub unsafe fn lookup<H: Handle>(handle: *const H) -> Result<&'static Slot<H>> {
    let slot = handle.map_addr(|address| address & !GENERATION).cast::<Slot<H>>();
    if slot.is_null() {
        return Err(Error::BadHandle("NULL is no handle"));
    }
    let address = slot.cast::<AtomicU64>();
    // SAFETY: by the caller's promise a slot of some kind lies here, and slots are never given back; every
    // slot begins with its word (repr(C)), whatever its kind.
    let word = unsafe { &*address }.load(Ordering::Acquire);
    if word != live_word(H::TAG, handle.addr()) {
        return Err(refusal(word, H::TAG, handle.addr()));
    }
    // SAFETY: the word has this kind's tag (H1), so this is a slot of this kind; slots live as long as the
    // process, and all that is shared in them is behind a word, a lock or `Exclusive`.
    Ok(unsafe { &*slot })
}

/// Why the word of a slot does not fit a handle.
#[cold]
fn refusal(word: u64, tag: u8, address: usize) -> Error {
    if word & (0xffff << 16) != MAGIC {
        return Error::BadHandle("the pointer is no handle of libbolt's");
    }
    if word >> 8 & 0xff != u64::from(tag) {
        return Error::BadHandle("the handle is of another kind");
    }
    if word & LIVE == 0 || word as usize & GENERATION != address & GENERATION {
        return ended();
    }
    Error::Forked
}

/// The answer to a handle after its end.
#[cold]
pub fn ended() -> Error {
    Error::BadHandle("the handle has ended")
}

impl<H: Handle> Slot<H> {
    fn blank() -> Slot<H> {
        Slot { word: AtomicU64::new(MAGIC | u64::from(H::TAG) << 8), content: H::Content::default() }
    }

    /// What the slot holds.
    #[inline]
    pub fn content(&self) -> &H::Content {
        &self.content
    }

    /// Makes a slot fresh from [`Arena::take`], whose content is in place, a living handle (H2).
    pub fn open(&'static self) -> *mut H {
        let generation = self.word.load(Ordering::Relaxed) as usize + 1;
        self.word.store(live_word(H::TAG, generation), Ordering::Release);
        self.handle()
    }

    /// The handle of a slot that lives.
    pub fn handle(&'static self) -> *mut H {
        let generation = self.word.load(Ordering::Relaxed) as usize & GENERATION;
        std::ptr::from_ref(self).map_addr(|address| address | generation).cast_mut().cast::<H>()
    }

    /// The slot with the handle that it has now.
    pub fn reference(&'static self) -> Reference<H> {
        Reference { slot: self, word: self.word.load(Ordering::Acquire) }
    }

    /// Whether the slot still is what this handle means.
    pub fn is(&self, handle: *const H) -> bool {
        self.word.load(Ordering::Acquire) == live_word(H::TAG, handle.addr())
    }

    /// Ends the slot's handle; `false` where somebody else did so first (H3). The slot may then be emptied
    /// and given back.
    pub fn end(&self, handle: *const H) -> bool {
        let live = live_word(H::TAG, handle.addr());
        self.word.compare_exchange(live, live & !LIVE, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// A slot and the handle that it had, for those who may outlive it.
pub struct Reference<H: Handle> {
    slot: &'static Slot<H>,
    word: u64,
}

impl<H: Handle> Clone for Reference<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Handle> Copy for Reference<H> {}

impl<H: Handle> Reference<H> {
    /// What the slot holds, if its handle has not ended since.
    pub fn content(&self) -> Option<&'static H::Content> {
        (self.slot.word.load(Ordering::Acquire) == self.word).then_some(&self.slot.content)
    }
}

/// The slots of one kind.
pub struct Arena<H: Handle> {
    pool: AtomicPtr<Pool<H>>,
}

/// The slots of one kind in one process (H5).
struct Pool<H: Handle> {
    process: u32,
    shelf: Mutex<Shelf<H>>,
    /// The parent's pool, held so that its slots stay reachable for tools that look for leaks.
    _parent: Option<&'static Pool<H>>,
}

struct Shelf<H: Handle> {
    /// Slots that no handle has, longest unused first. Its capacity covers all slots: giving back never
    /// allocates.
    unused: VecDeque<&'static Slot<H>>,
    blocks: Vec<&'static [Slot<H>]>,
}

impl<H: Handle> Arena<H> {
    /// An arena that makes its first slots when asked for one.
    pub const fn new() -> Arena<H> {
        Arena { pool: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// A slot that no handle has; its content is as its last user left it.
    pub fn take(&self) -> Result<&'static Slot<H>> {
        let mut shelf = self.pool().lock();
        if shelf.unused.len() <= H::QUARANTINE {
            shelf.add_block()?;
        }
        shelf.unused.pop_front().ok_or(Error::NoMemory)
    }

    /// Takes back slots that were ended and emptied, or taken and never opened.
    pub fn give_back(&self, slots: impl IntoIterator<Item = &'static Slot<H>>) {
        self.pool().lock().unused.extend(slots);
    }

    fn pool(&self) -> &'static Pool<H> {
        let process = PROCESS.load(Ordering::Relaxed);
        let mut found = self.pool.load(Ordering::Acquire);
        loop {
            // SAFETY: pools are leaked below before their address is stored, and never freed.
            let current = unsafe { found.as_ref() };
            match current {
                Some(pool) if pool.process == process => return pool,
                _ => {}
            }
            let shelf = Mutex::new(Shelf { unused: VecDeque::new(), blocks: Vec::new() });
            let fresh = Box::into_raw(Box::new(Pool { process, shelf, _parent: current }));
            match self.pool.compare_exchange(found, fresh, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => found = fresh,
                Err(other) => {
                    found = other;
                    // SAFETY: made by Box::into_raw just above, and nobody else has seen it.
                    drop(unsafe { Box::from_raw(fresh) });
                }
            }
        }
    }
}

/// Slots that one thread has ended, for itself to use again (H4).
pub struct Near<H: Handle> {
    process: u32,
    slots: VecDeque<&'static Slot<H>>,
}

impl<H: Handle> Near<H> {
    /// None yet.
    pub const fn new() -> Near<H> {
        Near { process: 0, slots: VecDeque::new() }
    }

    /// The slot that has waited longest, if enough wait.
    pub fn take(&mut self) -> Option<&'static Slot<H>> {
        self.leave_parent();
        if self.slots.len() > H::QUARANTINE { self.slots.pop_front() } else { None }
    }

    /// Keeps a slot that was ended and emptied; `false` where it has as many as it may.
    pub fn keep(&mut self, slot: &'static Slot<H>) -> bool {
        self.leave_parent();
        let has_room = self.slots.len() < 2 * H::QUARANTINE && self.slots.try_reserve(1).is_ok();
        if has_room {
            self.slots.push_back(slot);
        }
        has_room
    }

    /// After a fork the parent's slots are forgotten (H5).
    fn leave_parent(&mut self) {
        let process = PROCESS.load(Ordering::Relaxed);
        if self.process != process {
            self.process = process;
            self.slots.clear();
        }
    }
}

impl<H: Handle> Drop for Near<H> {
    fn drop(&mut self) {
        self.leave_parent();
        H::arena().give_back(self.slots.drain(..));
    }
}

impl<H: Handle> Pool<H> {
    fn lock(&self) -> MutexGuard<'_, Shelf<H>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Handle> Shelf<H> {
    fn add_block(&mut self) -> Result<()> {
        let slot_count = (self.blocks.len() + 1) * BLOCK_COUNT;
        self.blocks.try_reserve(1)?;
        self.unused.try_reserve_exact(slot_count - self.unused.len())?;
        let mut block = Vec::new();
        block.try_reserve_exact(BLOCK_COUNT)?;
        block.resize_with(BLOCK_COUNT, Slot::blank);
        let block: &'static [Slot<H>] = block.leak();
        self.unused.extend(block);
        self.blocks.push(block);
        Ok(())
    }
}

/// Content that the rule "a transaction is never used by two threads at once" protects, in place of a lock.
#[derive(Default)]
pub struct Exclusive<T>(UnsafeCell<T>);

// SAFETY: the content is reached through `get` alone, whose callers promise that no other thread is inside;
// that it may move from thread to thread is what `T: Send` says.
unsafe impl<T: Send> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    /// The content.
    ///
    /// # Safety
    ///
    /// No other reference from `get` is in use while the returned one is, on this thread or another.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the caller's promise stands in for the lock")]
    pub unsafe fn get(&self) -> &mut T {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.0.get() }
    }
}

/// From the first call on, a child of fork(2) has a process number of its own.
#[cfg(unix)]
pub fn watch_forks() -> Result<()> {
    static WATCHED: Mutex<bool> = Mutex::new(false);
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if *watched {
        return Ok(());
    }
    // SAFETY: the handler is a function of this library, which stays loaded (-z nodelete), and does nothing
    // but add to an atomic number, which a child of a threaded process may do.
    let errno = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    if errno != 0 {
        return Err(Error::os("pthread_atfork", std::io::Error::from_raw_os_error(errno)));
    }
    *watched = true;
    Ok(())
}

/// Systems without fork(2) have nothing to watch.
#[cfg(not(unix))]
pub fn watch_forks() -> Result<()> {
    Ok(())
}

#[cfg(unix)]
extern "C" fn in_child() {
    PROCESS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Spoon;
    struct Fork;
    static SPOONS: Arena<Spoon> = Arena::new();
    static FORKS: Arena<Fork> = Arena::new();

    impl Handle for Spoon {
        type Content = AtomicU32;
        const TAG: u8 = 0xf0;
        fn arena() -> &'static Arena<Spoon> {
            &SPOONS
        }
    }

    impl Handle for Fork {
        type Content = [u64; 32];
        const TAG: u8 = 0xf1;
        const QUARANTINE: usize = 3;
        fn arena() -> &'static Arena<Fork> {
            &FORKS
        }
    }

    fn find<H: Handle>(handle: *const H) -> Result<&'static Slot<H>> {
        // SAFETY: the tests give handles made by these arenas alone.
        unsafe { lookup(handle) }
    }

    fn text<T>(result: Result<T>) -> String {
        result.map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_handle_is_good_until_its_end_and_ends_once() {
        let slot = SPOONS.take().unwrap();
        slot.content().store(7, Ordering::Relaxed);
        let handle = slot.open();
        assert_eq!(find(handle).unwrap().content().load(Ordering::Relaxed), 7);
        assert_eq!(slot.handle(), handle);
        assert!(slot.is(handle));
        let reference = slot.reference();
        assert!(reference.content().is_some());
        assert!(slot.end(handle));
        assert!(reference.content().is_none());
        assert!(!slot.end(handle));
        assert!(!slot.is(handle));
        assert_eq!(text(find(handle)), "bad handle: the handle has ended");
        SPOONS.give_back([slot]);
        assert_eq!(text(find(handle)), "bad handle: the handle has ended");
    }

    #[test]
    fn a_handle_of_another_kind_and_null_are_refused() {
        let slot = FORKS.take().unwrap();
        let handle = slot.open();
        assert_eq!(text(find(handle.cast::<Spoon>())), "bad handle: the handle is of another kind");
        assert_eq!(text(find(std::ptr::null::<Spoon>())), "bad handle: NULL is no handle");
        #[repr(align(128))]
        struct Other {
            word: u64,
        }
        let other = Other { word: 3 };
        let pointer = std::ptr::from_ref(&other.word).cast::<Fork>();
        assert_eq!(text(find(pointer)), "bad handle: the pointer is no handle of libbolt's");
        assert!(slot.end(handle));
        FORKS.give_back([slot]);
    }

    #[test]
    fn the_oldest_slot_is_used_again_first_but_not_at_once_and_an_old_handle_to_it_stays_bad() {
        struct Knife;
        static KNIVES: Arena<Knife> = Arena::new();
        impl Handle for Knife {
            type Content = ();
            const TAG: u8 = 0xf2;
            const QUARANTINE: usize = 3;
            fn arena() -> &'static Arena<Knife> {
                &KNIVES
            }
        }
        let mut taken: Vec<_> = (0..BLOCK_COUNT).map(|_| KNIVES.take().unwrap()).collect();
        let (first, second) = (taken.remove(0), taken.remove(0));
        let old = first.open();
        assert!(first.end(old));
        KNIVES.give_back([first]);
        KNIVES.give_back([second]);
        let mut turn = 0;
        let again = loop {
            let slot = KNIVES.take().unwrap();
            if std::ptr::eq(slot, first) {
                break slot;
            }
            assert!(!std::ptr::eq(slot, second), "the younger one came first");
            taken.push(slot);
            turn += 1;
            assert!(turn < 2 * BLOCK_COUNT, "the slot never came back");
        };
        assert!(turn >= Knife::QUARANTINE, "came back after {turn}");
        assert!(std::ptr::eq(KNIVES.take().unwrap(), second));
        let new = again.open();
        assert_ne!(new, old);
        assert_eq!(text(find(old)), "bad handle: the handle has ended");
        assert!(find(new).is_ok());
        assert!(again.end(new));
        KNIVES.give_back(taken.into_iter().chain([again, second]));
    }

    #[test]
    fn more_handles_than_a_block_holds_are_all_good_and_distinct() {
        let slots: Vec<_> = (0..5 * BLOCK_COUNT).map(|_| SPOONS.take().unwrap()).collect();
        let handles: std::collections::BTreeSet<_> = slots.iter().map(|slot| slot.open()).collect();
        assert_eq!(handles.len(), slots.len());
        for slot in slots {
            assert!(find(slot.handle()).is_ok());
            assert!(slot.end(slot.handle()));
            SPOONS.give_back([slot]);
        }
    }

    #[test]
    fn of_many_threads_that_end_a_handle_one_succeeds() {
        let slot = SPOONS.take().unwrap();
        let handle = slot.open().addr();
        let ended: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(move || usize::from(slot.end(std::ptr::without_provenance(handle)))))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(ended, 1);
        SPOONS.give_back([slot]);
    }
}
