//! Pages for the length of one step: a call, or a step of a walk over many pages.
//!
//! With a map, or in memory, it is the snapshot and nothing more. Without a map it holds what is read for the
//! step, which may go when it ends: only what is lent ([`Scope::lend`]) stays, until the transaction ends. So
//! a page that is only walked through takes room in the cache alone.
//!
//! U1. A piece is held from its first use on for as long as the scope lives: slices of it are good so long.
//! U2. A page counts as known if the very piece that is held was checked: one that was read anew is checked
//!     anew.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use crate::error::Result;
use crate::format::PageId;
use crate::format::page::Page;
use crate::storage::reading::{Piece, ReadView, lent_limit};
use crate::tree::{Pages, Scoped};

use super::snapshot::{Snapshot, read_run};

/// See the module's page.
pub struct Scope<'s> {
    snapshot: &'s Snapshot,
    held: OnceCell<Box<Held>>,
    held_len: Cell<u64>,
}

/// A piece that is held, and those that came after it.
struct Held {
    piece: Arc<Piece>,
    next: OnceCell<Box<Held>>,
}

impl<'s> Scope<'s> {
    /// Begins a step.
    pub fn new(snapshot: &'s Snapshot) -> Scope<'s> {
        Scope { snapshot, held: OnceCell::new(), held_len: Cell::new(0) }
    }

    /// Bytes of the pieces that it holds.
    pub fn held_len(&self) -> u64 {
        self.held_len.get()
    }

    fn held(&self) -> impl Iterator<Item = &Arc<Piece>> {
        let first = self.held.get();
        std::iter::successors(first, |held| held.next.get()).map(|held| &held.piece)
    }

    /// Holds a piece (U1). A step that needs more than all transactions may lend is refused: on a sound file
    /// none does.
    fn hold(&self, view: &ReadView, piece: Arc<Piece>) -> Result<&Piece> {
        let max = view.limits().lent_max;
        if max != 0 && self.held_len.get() > max {
            return Err(lent_limit());
        }
        self.held_len.set(self.held_len.get() + piece.bytes().len() as u64);
        let mut place = &self.held;
        while let Some(held) = place.get() {
            place = &held.next;
        }
        Ok(&place.get_or_init(|| Box::new(Held { piece, next: OnceCell::new() })).piece)
    }

    /// The run of page `id`, held.
    fn held_run(&self, view: &ReadView, id: PageId) -> Result<&Piece> {
        let offset = self.snapshot.offset(id);
        match self.held().find(|piece| piece.is_whole_at(offset)) {
            Some(piece) => Ok(piece),
            None => self.hold(view, read_run(self.snapshot, view, id)?),
        }
    }

    #[cold]
    fn read_bytes(&self, view: &ReadView, offset: u64, len: u64) -> Result<&[u8]> {
        if len == 0 {
            return Ok(&[]);
        }
        if let Some(bytes) = self.held().find_map(|piece| piece.part(offset, len)) {
            return Ok(bytes);
        }
        let piece = match view.find(offset, len) {
            Some(piece) => piece,
            None => view.read_around(offset, len)?,
        };
        let piece = self.hold(view, piece)?;
        piece.part(offset, len).ok_or_else(|| self.snapshot.outside_at(offset))
    }

    #[cold]
    fn run_anew(&self, view: &ReadView, id: PageId, offset: u64, len: u64) -> Result<&[u8]> {
        if id == 0 {
            return self.read_bytes(view, offset, len);
        }
        let piece = self.held_run(view, id)?;
        if !piece.is_checked() {
            Page::verify(piece.bytes(), id, self.snapshot.meta.high_water)?;
            piece.set_checked();
        }
        Ok(piece.bytes())
    }

    /// The `len` bytes at `offset` of the file, to be given to the caller of the transaction: they stay until
    /// it ends or is reset.
    pub fn lend(&self, offset: u64, len: u64) -> Result<&'s [u8]> {
        let Some(view) = self.snapshot.view.reading() else { return self.snapshot.bytes(offset, len) };
        if len == 0 {
            return Ok(&[]);
        }
        match self.held().find(|piece| piece.part(offset, len).is_some()) {
            Some(piece) => {
                let lent = view.lend(piece)?;
                lent.part(offset, len).ok_or_else(|| self.snapshot.outside_at(offset))
            }
            None => self.snapshot.bytes(offset, len),
        }
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        // One after the other: a long list would exhaust the stack if each dropped the next.
        let mut next = self.held.take();
        while let Some(mut held) = next {
            next = held.next.take();
        }
    }
}

impl Scoped for Scope<'_> {
    type Scope<'t>
        = Scope<'t>
    where
        Self: 't;

    fn scope(&self) -> Scope<'_> {
        Scope::new(self.snapshot)
    }
}

impl Scoped for Snapshot {
    type Scope<'t> = Scope<'t>;

    fn scope(&self) -> Scope<'_> {
        Scope::new(self)
    }
}

impl Pages for Scope<'_> {
    fn run(&self, id: PageId) -> Result<&[u8]> {
        match self.snapshot.view.reading() {
            Some(view) => self.held_run(view, id).map(Piece::bytes),
            None => self.snapshot.run(id),
        }
    }

    fn bytes(&self, offset: u64, len: u64) -> Result<&[u8]> {
        match self.snapshot.view.reading() {
            Some(view) => self.read_bytes(view, offset, len),
            None => self.snapshot.bytes(offset, len),
        }
    }

    fn run_again(&self, id: PageId, offset: u64, len: u64) -> Result<&[u8]> {
        match self.snapshot.view.reading() {
            Some(view) => self.run_anew(view, id, offset, len),
            None => self.snapshot.bytes(offset, len),
        }
    }

    fn at_hand(&self, offset: u64, len: u64) -> Option<&[u8]> {
        match self.snapshot.view.reading() {
            Some(_) => {
                self.held().filter(|piece| piece.is_checked()).find_map(|piece| piece.part(offset, len))
            }
            None => self.snapshot.view.bytes(offset, len),
        }
    }

    fn is_known(&self, id: PageId) -> bool {
        match self.snapshot.view.reading() {
            Some(_) => {
                let offset = self.snapshot.offset(id);
                self.held().any(|piece| piece.is_whole_at(offset) && piece.is_checked())
            }
            None => self.snapshot.is_known(id),
        }
    }

    fn set_known(&self, id: PageId) {
        match self.snapshot.view.reading() {
            Some(_) => {
                let offset = self.snapshot.offset(id);
                self.held().filter(|piece| piece.is_whole_at(offset)).for_each(|piece| piece.set_checked());
            }
            None => self.snapshot.set_known(id),
        }
    }

    fn high_water(&self) -> PageId {
        self.snapshot.meta.high_water
    }

    fn page_size(&self) -> u32 {
        self.snapshot.meta.page_size
    }

    fn is_random(&self) -> bool {
        self.snapshot.is_random()
    }

    fn fetch(&self, id: PageId, page_count: u64) {
        self.snapshot.fetch(id, page_count);
    }

    fn offset(&self, id: PageId) -> u64 {
        self.snapshot.offset(id)
    }
}
