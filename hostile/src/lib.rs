//! Damaged files and missing memory for libbolt.
//!
//! Whatever the bytes of a file are, and whatever is done with it, there is a result or an error: no signal,
//! no panic, no abort, no call that does not end, no memory beyond proportion to the file. Sound files
//! ([`bases`]) are damaged in each way that the format allows ([`mutate`]); what comes of it is opened, walked,
//! searched, checked, copied and written to ([`exercise`]), in a process of its own that is watched
//! ([`campaign`]). And memory fails at each place where it is asked for ([`scarcity`]).
//!
//! The modules, each naming only those before it:
//!
//! ```text
//! memory  border  layout < bases   mutate < exercise < case < campaign   fuzzing   scenarios < scarcity
//! ```

pub mod bases;
pub mod border;
pub mod campaign;
pub mod case;
pub mod exercise;
pub mod fuzzing;
pub mod layout;
pub mod memory;
pub mod mutate;
pub mod scarcity;
pub mod scenarios;
