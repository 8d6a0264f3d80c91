//! Power cuts and failing disks for libbolt, simulated.
//!
//! A database runs on a storage in memory that keeps, beside its content, what a disk would hold of it for
//! certain ([`disk`], [`sim`]). From each moment at which something was not durable yet, the disks are made
//! that a power cut could leave: any subset of the sectors written, torn, out of order, or garbage ([`cut`]).
//! Each different one is opened, checked, compared with an independent model, and written on ([`verify`],
//! [`examine`]). Calls of the storage fail in each way that they can, at each place ([`fault`]). A linter
//! holds every write against the rules that make all of this safe ([`lint`]); it serves other tests too,
//! around any namespace.
//!
//! The modules, each naming only those before it:
//!
//! ```text
//! random  digest < disk < cut   fault  reader < sim  lint   model < script   plant   verify < examine < run < cases < campaign
//! ```

pub mod campaign;
pub mod cases;
pub mod cut;
pub mod digest;
pub mod disk;
pub mod examine;
pub mod fault;
pub mod lint;
pub mod model;
pub mod plant;
pub mod random;
pub mod reader;
pub mod run;
pub mod script;
pub mod sim;
pub mod verify;
