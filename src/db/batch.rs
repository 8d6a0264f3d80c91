//! Many threads' updates in one commit.
//!
//! The first caller begins a transaction and does its own work in it. Then it does what the callers that wait
//! have to do, if theirs is a job, which any thread may do; a caller with a function that is bound to its own
//! thread is handed the transaction instead, and goes on in the same way. Who finds nobody waiting commits for
//! all. Whoever arrives during a commit waits for the next transaction. So a lone caller waits for nothing, and
//! a hundred share a sync. (bbolt collects for 10 ms; the idea that waiters gather behind a sync is that of
//! group commit, Gawlick and Kinkade, 1985. Jobs spare each caller one of two changes of threads:
//! `cargo bench --bench batch`.)
//!
//! H1. Each member's work is done within a savepoint, one at any time, by who holds the transaction.
//! H2. Whoever waits is woken: to run its function, or with the outcome of the commit.
//! H3. Nothing that one member does can make another fail: what fails is taken back and run again by its own
//!     caller, alone; a transaction that cannot be taken back is given up and its members run again; and
//!     where the commit of several fails but leaves the database sound, each is tried alone.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::txn::{Hook, Savepoint, Txn, Wait};

use super::Db;

/// The callers that wait.
pub struct Batcher {
    queue: Mutex<Queue>,
    max_len: AtomicUsize,
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
    /// The transaction with your changes had to be given up: queue up again.
    Again,
    /// The commit failed, perhaps not by your doing: try by yourself.
    Alone,
}

/// Work that any thread may do: as that of [`Db::batch_with`], but of its failure only the fact is told.
type Job = Box<dyn FnMut(Txn) -> (Option<Txn>, std::result::Result<(), ()>) + Send>;

/// A caller.
struct Member {
    word: Mutex<Option<Word>>,
    /// That there is a word. (To park the thread would do, but leaves each thread of the caller's with a
    /// handle of Rust's, which leak checkers see.)
    told: Condvar,
    job: Mutex<Option<Job>>,
    /// What the job wants to be done once it is committed.
    hooks: Mutex<Vec<Hook>>,
}

/// A transaction on its way, and those whose changes it holds.
struct Batch {
    txn: Txn,
    members: Vec<Arc<Member>>,
}

/// What came of a member's function in a shared transaction.
enum Ran {
    /// Its changes stay, and these hooks are to run once they are committed.
    Kept(Txn, Vec<Hook>),
    /// Its changes are taken back.
    TakenBack(Txn),
    /// So is the whole transaction.
    GivenUp,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    fn new(job: Option<Job>) -> Member {
        Member { word: Mutex::default(), told: Condvar::new(), job: Mutex::new(job), hooks: Mutex::default() }
    }

    fn tell(&self, word: Word) {
        if !matches!(word, Word::Again) {
            drop(lock(&self.job).take());
        }
        *lock(&self.word) = Some(word);
        self.told.notify_one();
    }

    fn wait(&self) -> Word {
        let mut word = lock(&self.word);
        loop {
            match word.take() {
                Some(told) => return told,
                None => word = self.told.wait(word).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn has_job(&self) -> bool {
        lock(&self.job).is_some()
    }

    /// Does the member's job, and keeps its hooks.
    fn work(&self, txn: Txn, members: &mut Vec<Arc<Member>>) -> Ran {
        let mut job = lock(&self.job);
        let Some(job) = job.as_mut() else { return Ran::TakenBack(txn) };
        match try_within(txn, job, members) {
            Ran::Kept(txn, hooks) => {
                *lock(&self.hooks) = hooks;
                Ran::Kept(txn, Vec::new())
            }
            other => other,
        }
    }
}

impl Batcher {
    /// Nobody waits yet. At most `max_len` calls, and at least one, share a commit.
    pub fn new(max_len: usize) -> Batcher {
        Batcher { queue: Mutex::default(), max_len: AtomicUsize::new(max_len.max(1)) }
    }

    /// Joins the queue: the word to begin with.
    fn join(&self, me: &Arc<Member>) -> Result<Word> {
        {
            let mut queue = lock(&self.queue);
            if !queue.is_running {
                queue.is_running = true;
                return Ok(Word::Lead);
            }
            queue.waiting.try_reserve(1)?;
            queue.waiting.push_back(me.clone());
        }
        Ok(me.wait())
    }

    /// The next caller, if one waits and the batch has room.
    fn next(&self, member_count: usize) -> Option<Arc<Member>> {
        let has_room = member_count < self.max_len.load(Ordering::Relaxed);
        if has_room { lock(&self.queue).waiting.pop_front() } else { None }
    }

    /// Lets the next caller begin a transaction, or notes that none waits.
    fn hand_over(&self) {
        let mut queue = lock(&self.queue);
        match queue.waiting.pop_front() {
            Some(next) => next.tell(Word::Lead),
            None => queue.is_running = false,
        }
    }

    /// Lets those whose transaction is given up queue up again.
    fn give_up(&self, members: &[Arc<Member>]) {
        members.iter().for_each(|member| member.tell(Word::Again));
        self.hand_over();
    }

    /// Sets the most calls that share a commit, at least one.
    pub fn set_max_len(&self, max_len: usize) {
        self.max_len.store(max_len.max(1), Ordering::Relaxed);
    }
}

impl Db {
    /// Runs `work` in a write transaction that it may share with the calls of other threads, and commits.
    ///
    /// Blocks until its changes are durable. Where `work` fails or panics it is run a second time, alone, and
    /// what comes of that run is what the caller gets; the other calls are not touched. `work` may also be
    /// run anew because others failed.
    pub fn batch<E: From<Error>>(
        &self,
        mut work: impl FnMut(&mut Txn) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut panic: Option<Box<dyn Any + Send>> = None;
        let done = self.batch_with(|mut txn| {
            panic = None;
            match catch_unwind(AssertUnwindSafe(|| work(&mut txn))) {
                Ok(result) => (Some(txn), result),
                Err(payload) => {
                    panic = Some(payload);
                    (None, Err(Error::Panic("a function of a batch ended in a panic".into()).into()))
                }
            }
        });
        match panic {
            Some(payload) => resume_unwind(payload),
            None => done,
        }
    }

    /// As [`Db::batch`], for a function that takes the transaction and gives it back, or drops it where it is
    /// not to be gone on with: then it fails. Where it panics it is run once more, alone, and its panic comes out.
    pub fn batch_with<E: From<Error>>(
        &self,
        work: impl FnMut(Txn) -> (Option<Txn>, std::result::Result<(), E>),
    ) -> std::result::Result<(), E> {
        self.take_part(Member::new(None), work)
    }

    /// As [`Db::batch_with`], for a function that another thread may run in place of the caller's, while this
    /// one waits: that is faster. If it fails there it is run once more in the caller's.
    pub fn batch_job<E: From<Error>>(
        &self,
        work: impl FnMut(Txn) -> (Option<Txn>, std::result::Result<(), E>) + Clone + Send + 'static,
    ) -> std::result::Result<(), E> {
        let mut others = work.clone();
        let job: Job = Box::new(move |txn| {
            let (txn, done) = others(txn);
            (txn, done.map_err(drop))
        });
        self.take_part(Member::new(Some(job)), work)
    }

    fn take_part<E: From<Error>>(
        &self,
        me: Member,
        mut work: impl FnMut(Txn) -> (Option<Txn>, std::result::Result<(), E>),
    ) -> std::result::Result<(), E> {
        let (batcher, me) = (&self.inner.batcher, Arc::new(me));
        let mut word = batcher.join(&me)?;
        loop {
            word = match word {
                Word::Done(result) => {
                    result?;
                    let hooks = std::mem::take(&mut *lock(&me.hooks));
                    hooks.into_iter().for_each(|hook| hook());
                    return Ok(());
                }
                Word::Alone => return self.alone(work),
                Word::Again => batcher.join(&me)?,
                Word::Lead => match self.begin_write(Wait::Forever) {
                    Ok(txn) => Word::Run(Box::new(Batch { txn, members: Vec::new() })),
                    Err(error) => {
                        batcher.hand_over();
                        return Err(error.into());
                    }
                },
                Word::Run(batch) => {
                    let Batch { txn, mut members } = *batch;
                    match try_within(txn, &mut work, &mut members) {
                        Ran::Kept(txn, own) => {
                            *lock(&me.hooks) = own;
                            members.push(me.clone());
                            self.hand_on(txn, members);
                            me.wait()
                        }
                        Ran::TakenBack(txn) => {
                            self.hand_on(txn, members);
                            return self.alone(work);
                        }
                        Ran::GivenUp => {
                            batcher.give_up(&members);
                            return self.alone(work);
                        }
                    }
                }
            }
        }
    }

    /// Does the jobs of the callers that wait, until one of them has to be given the transaction, or none is
    /// left and it is committed.
    fn hand_on(&self, mut txn: Txn, mut members: Vec<Arc<Member>>) {
        let batcher = &self.inner.batcher;
        while let Some(next) = batcher.next(members.len()) {
            if !next.has_job() {
                return next.tell(Word::Run(Box::new(Batch { txn, members })));
            }
            txn = match next.work(txn, &mut members) {
                Ran::Kept(txn, _) => {
                    members.push(next);
                    txn
                }
                Ran::TakenBack(txn) => {
                    next.tell(Word::Alone);
                    txn
                }
                Ran::GivenUp => {
                    next.tell(Word::Alone);
                    return batcher.give_up(&members);
                }
            };
        }
        self.commit_for(txn, members);
    }

    /// Commits, and tells the members.
    fn commit_for(&self, txn: Txn, members: Vec<Arc<Member>>) {
        let (batcher, shared) = (&self.inner.batcher, &self.inner.shared);
        let commit = || if members.is_empty() { Ok(()) } else { txn.commit_silently().map(drop) };
        let result = catch_unwind(AssertUnwindSafe(commit));
        let is_sound = members.len() > 1 && shared.check_poison().is_ok();
        for member in &members {
            member.tell(match &result {
                Ok(Ok(())) => Word::Done(Ok(())),
                Ok(Err(_)) if is_sound => Word::Alone,
                Ok(Err(error)) => Word::Done(Err(error.again())),
                Err(_) => Word::Done(Err(Error::Panic("the commit of the batch ended in a panic".into()))),
            });
        }
        batcher.hand_over();
        if let Err(panic) = result {
            resume_unwind(panic);
        }
        shared.speak();
    }

    /// Runs `work` in a transaction of its own.
    fn alone<E: From<Error>>(
        &self,
        mut work: impl FnMut(Txn) -> (Option<Txn>, std::result::Result<(), E>),
    ) -> std::result::Result<(), E> {
        match work(self.begin_write(Wait::Forever)?) {
            (Some(txn), Ok(())) => Ok(txn.commit()?),
            (None, Ok(())) => Err(Error::Panic("a function of a batch kept its transaction".into()).into()),
            (txn, Err(error)) => {
                if let Some(txn) = txn {
                    txn.rollback();
                }
                Err(error)
            }
        }
    }

    /// Runs `work` in a write transaction and commits it; where it fails, rolls back and returns its error.
    pub fn update<E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Txn) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut txn = self.begin_write(Wait::Forever)?;
        match work(&mut txn) {
            Ok(()) => Ok(txn.commit()?),
            Err(error) => {
                txn.rollback();
                Err(error)
            }
        }
    }

    /// Runs `work` in a read transaction.
    pub fn view<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Txn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        work(&mut self.begin_read()?)
    }

    /// Sets the most calls of [`Db::batch`] that share a commit (bbolt: `MaxBatchSize`), at least one.
    pub fn set_max_batch_len(&self, max_len: usize) {
        self.inner.batcher.set_max_len(max_len);
    }
}

/// As [`run_within`]; a panic gives up the transaction, and is left to the run that the caller makes alone.
fn try_within<E>(
    txn: Txn,
    work: &mut impl FnMut(Txn) -> (Option<Txn>, std::result::Result<(), E>),
    members: &mut Vec<Arc<Member>>,
) -> Ran {
    catch_unwind(AssertUnwindSafe(|| run_within(txn, work, members))).unwrap_or(Ran::GivenUp)
}

/// Runs `work` within a savepoint, and takes back what it did where it fails. `members` gets room for one
/// more.
fn run_within<E>(
    mut txn: Txn,
    work: &mut impl FnMut(Txn) -> (Option<Txn>, std::result::Result<(), E>),
    members: &mut Vec<Arc<Member>>,
) -> Ran {
    let set = members.try_reserve(1).map_err(Error::from).and_then(|()| txn.savepoint());
    let Ok(savepoint) = set else { return Ran::TakenBack(txn) };
    match work(txn) {
        (Some(txn), Ok(())) => keep(txn, savepoint),
        (Some(mut txn), Err(_)) => match txn.rollback_to(savepoint) {
            Ok(()) => Ran::TakenBack(txn),
            Err(_) => Ran::GivenUp,
        },
        (None, _) => Ran::GivenUp,
    }
}

fn keep(mut txn: Txn, savepoint: Savepoint) -> Ran {
    let hooks = txn.take_hooks();
    match txn.release(savepoint) {
        Ok(()) => Ran::Kept(txn, hooks),
        Err(_) => Ran::GivenUp,
    }
}
