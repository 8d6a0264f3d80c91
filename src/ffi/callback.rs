//! Calls of a caller's functions.
//!
//! K1. Whatever a function returns other than 0 stops what called it, and comes out unchanged and unrecorded.
//! K2. A Rust panic in a function goes no further than the call: it stops the work as `BOLT_PANIC`.
//!     Exceptions of other languages end the process, in Rust's own net (the functions are `C-unwind`, so
//!     that even that is defined).
//! K3. Functions that are called later than the call which was given them run on any thread.
#![expect(unsafe_code, reason = "a caller's pointer may go to other threads")]

use std::ffi::{CString, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::boundary::{Failure, panicked};
use crate::error::Error;

/// Why work that calls a caller's function ended early.
pub enum Stop {
    /// The work failed.
    Failed(Error),
    /// The function returned this.
    Returned(c_int),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

impl Stop {
    /// What the C function returns (K1): a code, or a failure to be told of as `failure` does.
    pub fn outcome(self, failure: impl FnOnce(Error) -> Failure) -> Result<c_int, Failure> {
        match self {
            Stop::Failed(error) => Err(failure(error)),
            Stop::Returned(code) => Ok(code),
        }
    }
}

/// Calls a function that says whether to go on (K1, K2).
pub fn ask(call: impl FnOnce() -> c_int) -> Result<(), Stop> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(0) => Ok(()),
        Ok(code) => Err(Stop::Returned(code)),
        Err(payload) => Err(Stop::Failed(panicked(payload))),
    }
}

/// Calls a function that says nothing, and whose panic concerns nobody (K2).
pub fn tell(call: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(call)));
}

/// The function, or the error of a caller who gave none.
pub fn given<F>(function: Option<F>) -> Result<F, Error> {
    function.ok_or(Error::Argument("NULL in place of a function"))
}

/// The `ctx` of a function that is called later.
#[derive(Clone, Copy)]
pub struct Context(pub *mut c_void);

// SAFETY: the pointer is only handed back to the function it was given with, and the header says that such
// functions are called on any thread (K3).
unsafe impl Send for Context {}

// SAFETY: as above; the header also says that such functions may be called by several threads at once.
unsafe impl Sync for Context {}

/// A text as C has it; what follows a zero byte in it is cut off.
pub fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().take_while(|&byte| byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}
