//! Sanakirja, by its Rust API: a B+tree of byte slices, two versions, the writer's and the readers'.
//!
//! It knows no commit without sync: it ends each with msync(2). This program has an msync of its own, which the
//! engine's calls reach as those of any library do, and which does nothing while sync is off.
//!
//! Its trees may hold a key twice, so setting a key that may be there is a delete and a put.

use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use crate::spec::{Action, Spec};
use sanakirja::btree::{self, UDb};
use sanakirja::{Commit, Env, MutTxn, RootDb, Txn};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

type Tree = UDb<[u8], [u8]>;

/// The first piece of the file; each further one has twice the length of the one before.
const FIRST_LEN: u64 = 64 << 20;
/// One version for the writer, one for readers.
const VERSION_COUNT: usize = 2;
const ROOT: usize = 0;
/// An entry has to fit a page several times.
const ENTRY_LEN_MAX: usize = 1000;

static SYNC_OFF: AtomicBool = AtomicBool::new(false);

/// Takes the place of the C library's msync in this program.
///
/// # Safety
/// As for msync(2): the kernel checks the range and answers EINVAL or ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn msync(
    address: *mut libc::c_void,
    len: libc::size_t,
    flags: libc::c_int,
) -> libc::c_int {
    if SYNC_OFF.load(Ordering::Relaxed) {
        return 0;
    }
    // SAFETY: the system call takes any arguments.
    unsafe { libc::syscall(libc::SYS_msync, address, len, flags) as libc::c_int }
}

pub struct Sanakirja {
    env: Env,
}

impl Engine for Sanakirja {
    type Read<'e> = Read<'e>;
    type Write<'e> = Write<'e>;

    fn unsupported(spec: &Spec) -> Option<&'static str> {
        if spec.value_len > ENTRY_LEN_MAX {
            return Some("an entry has to fit a page");
        }
        // A commit releases the locks of its version, and the end of its transaction releases them again, whoever
        // holds them by then. Some runs with a reader beside it end so.
        (spec.action == Action::Mixed).then_some("some runs abort with \"RwLock reader count overflow\"")
    }

    fn open(path: &Path, durable: bool) -> Result<Sanakirja> {
        SYNC_OFF.store(!durable, Ordering::Relaxed);
        let is_new = !path.exists();
        let engine = Sanakirja { env: Env::new(path, FIRST_LEN, VERSION_COUNT)? };
        if is_new {
            let mut txn = Env::mut_txn_begin(&engine.env)?;
            // SAFETY: a tree made in the transaction that keeps it.
            let tree: Tree = unsafe { btree::create_db_(&mut txn)? };
            Write { txn, tree }.commit()?;
        }
        Ok(engine)
    }

    fn begin_read(&self) -> Result<Read<'_>> {
        let txn = Env::txn_begin(&self.env)?;
        let tree = txn.root_db(ROOT).ok_or("there is no tree")?;
        Ok(Read { txn, tree })
    }

    fn begin_write(&self) -> Result<Write<'_>> {
        let txn = Env::mut_txn_begin(&self.env)?;
        let tree = txn.root_db(ROOT).ok_or("there is no tree")?;
        Ok(Write { txn, tree })
    }

    fn sync(&self) -> Result<()> {
        // An empty commit flushes the whole map.
        let was_off = SYNC_OFF.swap(false, Ordering::Relaxed);
        self.begin_write()?.commit()?;
        SYNC_OFF.store(was_off, Ordering::Relaxed);
        Ok(())
    }

    fn close(self) -> Result<()> {
        drop(self.env);
        Ok(())
    }
}

pub struct Read<'e> {
    txn: Txn<&'e Env>,
    tree: Tree,
}

impl ReadTxn for Read<'_> {
    type Cursor<'t>
        = Walker<'t>
    where
        Self: 't;

    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        // It gives the first entry that is not less.
        Ok(match btree::get(&self.txn, &self.tree, key, None)? {
            Some((found, value)) if found == key => Some(look(value)),
            _ => None,
        })
    }

    fn cursor(&self) -> Result<Walker<'_>> {
        Ok(Walker { txn: &self.txn, tree: &self.tree })
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

pub struct Walker<'t> {
    txn: &'t Txn<&'t Env>,
    tree: &'t Tree,
}

impl Cursor for Walker<'_> {
    fn walk(&mut self, start: Start<'_>, limit: u64, mut look: impl FnMut(&[u8], &[u8])) -> Result<u64> {
        let mut count = 0;
        if matches!(start, Start::Last) {
            let mut entries = btree::rev_iter(self.txn, self.tree, None)?;
            while count < limit {
                let Some(entry) = entries.next() else { break };
                let (key, value) = entry?;
                look(key, value);
                count += 1;
            }
            return Ok(count);
        }
        let from = if let Start::Seek(from) = start { Some((from, None)) } else { None };
        let mut entries = btree::iter(self.txn, self.tree, from)?;
        while count < limit {
            let Some(entry) = entries.next() else { break };
            let (key, value) = entry?;
            look(key, value);
            count += 1;
        }
        Ok(count)
    }
}

pub struct Write<'e> {
    txn: MutTxn<&'e Env, ()>,
    tree: Tree,
}

impl WriteTxn for Write<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        btree::del(&mut self.txn, &mut self.tree, key, None)?;
        self.insert(key, value)
    }

    fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        btree::put(&mut self.txn, &mut self.tree, key, value)?;
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        btree::del(&mut self.txn, &mut self.tree, key, None)?;
        Ok(())
    }

    fn commit(mut self) -> Result<()> {
        self.txn.set_root(ROOT, self.tree.db.into());
        Ok(self.txn.commit()?)
    }
}
