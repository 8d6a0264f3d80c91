//! Many threads' updates in one commit.
//!
//! The callers of [`Db::batch`] hand one transaction from thread to thread. The first begins it; each runs
//! its own function in its own thread, within a savepoint, and hands on to the next that waits; the last
//! commits for all. Whoever arrives during a commit waits for the next transaction. So a lone caller waits
//! for nothing, and a hundred share a sync. (bbolt collects for 10 ms; the idea that waiters gather behind a
//! sync is that of group commit, Gawlick and Kinkade, 1985.)
//!
//! H1. At most one member of a batch runs at any time; it holds the transaction.
//! H2. Whoever waits is woken: to run its function, or with the outcome of the commit.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::txn::{Txn, Wait};

use super::Db;

/// The most calls that share a commit (bbolt: `DefaultMaxBatchSize`).
const MAX_BATCH_LEN: usize = 1000;

/// The callers that wait.
#[derive(Default)]
pub struct Batcher {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arc<Member>>,
    is_running: bool,
}

/// What a waiting caller is told.
enum Word {
    /// Run your function in this transaction, and hand on.
    Run(Box<Batch>),
    /// Begin the next transaction.
    Lead,
    /// Your changes are committed, or why not.
    Done(Result<()>),
}

/// A caller.
#[derive(Default)]
struct Member {
    word: Mutex<Option<Word>>,
    arrived: Condvar,
}

/// A transaction on its way, and those whose changes it holds.
struct Batch {
    txn: Txn,
    members: Vec<Arc<Member>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    fn tell(&self, word: Word) {
        *lock(&self.word) = Some(word);
        self.arrived.notify_one();
    }

    fn wait(&self) -> Word {
        let mut word = lock(&self.word);
        loop {
            match word.take() {
                Some(word) => return word,
                None => word = self.arrived.wait(word).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Batcher {
    /// Joins the queue: the word to begin with.
    fn join(&self, me: &Arc<Member>) -> Word {
        {
            let mut queue = lock(&self.queue);
            if queue.is_running {
                queue.waiting.push_back(me.clone());
            } else {
                queue.is_running = true;
                return Word::Lead;
            }
        }
        me.wait()
    }

    /// The next caller, if one waits and the batch has room.
    fn next(&self, batch: &Batch) -> Option<Arc<Member>> {
        if batch.members.len() >= MAX_BATCH_LEN { None } else { lock(&self.queue).waiting.pop_front() }
    }

    /// Lets the next caller begin a transaction, or notes that none waits.
    fn hand_over(&self) {
        let mut queue = lock(&self.queue);
        match queue.waiting.pop_front() {
            Some(next) => next.tell(Word::Lead),
            None => queue.is_running = false,
        }
    }
}

impl Db {
    /// Runs `work` in a write transaction that it may share with the calls of other threads, and commits.
    ///
    /// Blocks until its changes are durable. Where `work` fails it is run a second time, alone, and the error
    /// of that run is returned; the other calls are not touched. `work` must not commit; it may run
    /// twice.
    pub fn batch<E: From<Error>>(
        &self,
        mut work: impl FnMut(&mut Txn) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let batcher = &self.inner.batcher;
        let me = Arc::new(Member::default());
        let mut word = batcher.join(&me);
        let mut failed = false;
        loop {
            word = match word {
                Word::Done(result) => return result.map_err(E::from),
                Word::Lead => match self.begin_write(Wait::Forever) {
                    Ok(txn) => Word::Run(Box::new(Batch { txn, members: Vec::new() })),
                    Err(error) => {
                        batcher.hand_over();
                        return Err(error.into());
                    }
                },
                Word::Run(mut batch) => {
                    match catch_unwind(AssertUnwindSafe(|| run_within(&mut batch.txn, &mut work))) {
                        Ok(true) => batch.members.push(me.clone()),
                        Ok(false) => failed = true,
                        Err(panic) => {
                            self.hand_on(batch);
                            resume_unwind(panic);
                        }
                    }
                    self.hand_on(batch);
                    if failed {
                        return self.update(work);
                    }
                    me.wait()
                }
            }
        }
    }

    /// Gives the transaction to the next caller, or commits it.
    fn hand_on(&self, mut batch: Box<Batch>) {
        let batcher = &self.inner.batcher;
        if let Some(next) = batcher.next(&batch) {
            next.tell(Word::Run(batch));
            return;
        }
        let members = std::mem::take(&mut batch.members);
        let commit = || if members.is_empty() { Ok(()) } else { batch.txn.commit() };
        let result = catch_unwind(AssertUnwindSafe(commit));
        for member in &members {
            member.tell(Word::Done(match &result {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.again()),
                Err(_) => Err(Error::Panic("the commit of the batch ended in a panic".into())),
            }));
        }
        batcher.hand_over();
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    }

    /// Runs `work` in a write transaction and commits it; where it fails, rolls back and returns its error.
    pub fn update<E: From<Error>>(
        &self,
        mut work: impl FnMut(&mut Txn) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut txn = self.begin_write(Wait::Forever)?;
        work(&mut txn)?;
        Ok(txn.commit()?)
    }

    /// Runs `work` in a read transaction.
    pub fn view<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Txn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        work(&mut self.begin_read()?)
    }
}

/// Runs `work` within a savepoint, and takes back what it did where it fails or panics; whether it did not.
fn run_within<E>(txn: &mut Txn, work: &mut impl FnMut(&mut Txn) -> std::result::Result<(), E>) -> bool {
    let Ok(savepoint) = txn.savepoint() else { return false };
    match catch_unwind(AssertUnwindSafe(|| work(txn))) {
        Ok(Ok(())) => txn.release(savepoint).is_ok(),
        Ok(Err(_)) => {
            let _ = txn.rollback_to(savepoint);
            false
        }
        Err(panic) => {
            let _ = txn.rollback_to(savepoint);
            resume_unwind(panic);
        }
    }
}
