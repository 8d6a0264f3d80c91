//! The pieces that were read last, within a limit: a second chance for each that was used again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Piece;

/// Names of pieces that are gone are swept away once there are so many more of them than pieces.
const ORDER_SLACK: usize = 64;

struct Slot {
    piece: Arc<Piece>,
    /// Which of the entries of `order` is its own.
    serial: u64,
    was_used: bool,
}

/// See the module's page.
pub(super) struct Cache {
    max: u64,
    len: u64,
    slots: HashMap<u64, Slot>,
    /// The pieces by offset and serial number, oldest first, and some that are gone.
    order: VecDeque<(u64, u64)>,
    next_serial: u64,
    generation: u64,
}

impl Cache {
    pub fn new(max: u64) -> Cache {
        Cache { max, len: 0, slots: HashMap::new(), order: VecDeque::new(), next_serial: 0, generation: 0 }
    }

    /// Bytes of memory that the pieces take.
    pub fn memory_len(&self) -> u64 {
        self.len
    }

    /// Counts the calls of [`Self::forget`].
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The piece that begins at `offset`.
    pub fn get(&mut self, offset: u64) -> Option<Arc<Piece>> {
        let slot = self.slots.get_mut(&offset)?;
        slot.was_used = true;
        Some(Arc::clone(&slot.piece))
    }

    /// Keeps a piece whose reading began at `generation`, unless something was forgotten since. Without
    /// memory for that it is not kept.
    pub fn put(&mut self, piece: &Arc<Piece>, generation: u64) {
        let len = piece.memory_len();
        if generation != self.generation || len > self.max || self.slots.contains_key(&piece.offset) {
            return;
        }
        self.make_room(len);
        self.sweep();
        if self.slots.try_reserve(1).is_err() || self.order.try_reserve(1).is_err() {
            return;
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        self.slots.insert(piece.offset, Slot { piece: Arc::clone(piece), serial, was_used: false });
        self.order.push_back((piece.offset, serial));
        self.len += len;
    }

    /// Lets pieces go, oldest first, until `len` bytes more fit; one that was used since its last turn has
    /// another.
    fn make_room(&mut self, len: u64) {
        while self.len + len > self.max {
            let Some((offset, serial)) = self.order.pop_front() else { return };
            let Some(slot) = self.slots.get_mut(&offset).filter(|slot| slot.serial == serial) else {
                continue;
            };
            if std::mem::take(&mut slot.was_used) {
                self.order.push_back((offset, serial));
            } else {
                self.remove(offset);
            }
        }
    }

    fn remove(&mut self, offset: u64) {
        if let Some(slot) = self.slots.remove(&offset) {
            self.len -= slot.piece.memory_len();
        }
    }

    fn sweep(&mut self) {
        if self.order.len() > 2 * self.slots.len() + ORDER_SLACK {
            let slots = &self.slots;
            self.order
                .retain(|(offset, serial)| slots.get(offset).is_some_and(|slot| slot.serial == *serial));
        }
    }

    /// Lets go of the pieces that begin within the `len` bytes at `offset`.
    pub fn forget(&mut self, offset: u64, len: u64, granule_len: u64) {
        self.generation += 1;
        let mut start = offset;
        while start < offset.saturating_add(len) {
            self.remove(start);
            start += granule_len;
        }
    }

    #[cfg(test)]
    pub fn order_len(&self) -> usize {
        self.order.len()
    }
}
