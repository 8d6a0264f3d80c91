//! The moves of a cursor where pages are read without a map: each in a scope of its own, and what is given
//! out is lent.

use crate::error::Result;
use crate::tree::{Direction, Entry, Source, Take};

use super::Txn;
use super::cursor::Cursor;
use super::scope::Scope;

/// How many entries are visited, and how many bytes held, before the pages may go.
const VISIT_COUNT: usize = 256;
const VISIT_LEN: u64 = 64 << 10;

/// A move of a cursor.
#[derive(Clone, Copy)]
pub(super) enum Motion<'k> {
    First,
    Last,
    Next,
    Prev,
    Seek(&'k [u8]),
    SeekLe(&'k [u8]),
    Current,
    /// To the next entry in this direction; the first one where it stands nowhere yet.
    Step(Direction),
}

impl Cursor {
    /// Moves, and lends the entry to which it has come.
    #[cold]
    #[inline(never)]
    pub(super) fn go<'t>(&mut self, txn: &'t Txn, motion: Motion<'_>) -> Result<Option<Entry<'t>>> {
        let (_, tree) = txn.tree_of(self)?;
        let scope = txn.scope()?;
        let source = Source { pages: &scope, nodes: &txn.nodes };
        let before = self.place.mark();
        let entry = match motion {
            Motion::First => self.place.first(source, tree),
            Motion::Last => self.place.last(source, tree),
            Motion::Next => self.place.next(source, tree),
            Motion::Prev => self.place.prev(source, tree),
            Motion::Seek(key) => self.place.seek(source, tree, key),
            Motion::SeekLe(key) => self.place.seek_le(source, tree, key),
            Motion::Current => self.place.current(source, tree),
            Motion::Step(direction) => {
                let mut entry = None;
                self.place.take(source, tree, direction, |found| {
                    entry = Some(found);
                    Take::Enough
                })?;
                Ok(entry)
            }
        };
        if entry?.is_none() {
            return Ok(None);
        }
        let lent = self.lend_here(txn, &scope);
        if lent.is_err() {
            // What cannot be given out was not reached.
            self.place.go_back(before);
        }
        lent.map(Some)
    }

    /// The entry to which a move in `scope` has come, lent.
    fn lend_here<'t>(&self, txn: &'t Txn, scope: &Scope<'t>) -> Result<Entry<'t>> {
        let (key, found) = self.place.here(Source { pages: scope, nodes: &txn.nodes })?;
        let key = txn.lend(scope, found.key_at, key.len() as u64)?;
        let value = match found.is_bucket {
            true => None,
            false => Some(txn.lend(scope, found.at, found.value.len() as u64)?),
        };
        Ok(Entry { key, value })
    }

    /// As [`Cursor::take`].
    #[cold]
    pub(super) fn take_by_reading<'t>(
        &mut self,
        txn: &'t Txn,
        direction: Direction,
        mut take: impl FnMut(Entry<'t>) -> Take,
    ) -> Result<()> {
        loop {
            let before = self.place.mark();
            let entry = self.go(txn, Motion::Step(direction))?;
            match entry.map(&mut take) {
                Some(Take::More) => {}
                Some(Take::Refused) => {
                    self.place.go_back(before);
                    return Ok(());
                }
                Some(Take::Enough) | None => return Ok(()),
            }
        }
    }

    /// As [`Cursor::visit`].
    #[cold]
    pub(super) fn visit_by_reading(
        &mut self,
        txn: &Txn,
        direction: Direction,
        mut look: impl FnMut(Entry<'_>) -> Take,
    ) -> Result<()> {
        loop {
            let (_, tree) = txn.tree_of(self)?;
            let scope = txn.scope()?;
            let (mut count, mut said) = (0, None);
            self.place.take(Source { pages: &scope, nodes: &txn.nodes }, tree, direction, |entry| {
                let answer = look(entry);
                said = Some(answer);
                count += 1;
                let is_full = count >= VISIT_COUNT || scope.held_len() > VISIT_LEN;
                if answer == Take::More && is_full { Take::Enough } else { answer }
            })?;
            if said != Some(Take::More) || count == 0 {
                return Ok(());
            }
        }
    }
}
