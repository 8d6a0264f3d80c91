//! Memory looked at behind the borrow checker's back, as a C caller does who keeps a pointer.

#![allow(clippy::disallowed_types, reason = "the memory of a process is a file of the kernel's")]

use std::os::unix::fs::FileExt;

/// What the bytes at an address of this process are now, asked of the kernel: where nothing is mapped any
/// more, that is an error and no crash.
pub struct Memory(std::fs::File);

impl Memory {
    pub fn new() -> Memory {
        Memory(std::fs::File::open("/proc/self/mem").unwrap())
    }

    /// Panics unless the bytes at `place` are still `expected`.
    pub fn assert_unchanged(&self, place: &Place, expected: &[u8]) {
        let mut now = vec![0; place.len];
        self.0.read_exact_at(&mut now, place.address).expect("the memory is still mapped");
        assert!(now == expected, "the bytes at {:#x} have changed", place.address);
    }
}

/// Where bytes lie that a borrow no longer guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    address: u64,
    len: usize,
}

/// The place of a slice.
pub fn place(bytes: &[u8]) -> Place {
    Place { address: bytes.as_ptr() as u64, len: bytes.len() }
}
