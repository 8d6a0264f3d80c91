//! The one error of the engine, and the frozen number that each of its cases has in C.
//!
//! A positive code is the operating system's `errno`; a negative one is libbolt's own. The numbers are part
//! of the ABI: a new case takes a new number, a number is never given to another meaning. The range -1000 to
//! -1999 is left to the return values of callers' callbacks.

use std::borrow::Cow;

/// What the engine answers in place of a result.
///
/// The text of a case says what is wrong in one sentence; [`Error::code`] is its number in C.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key, the bucket or a further entry does not exist (bbolt: `ErrBucketNotFound`, a nil value).
    #[error("not found")]
    NotFound,
    /// The name is taken (bbolt: `ErrBucketExists`).
    #[error("already exists")]
    Exists,
    /// The content of the file contradicts itself.
    #[error("page {page}: {what}")]
    Corrupt {
        /// The page on which it was seen.
        page: u64,
        /// What is wrong there.
        what: Cow<'static, str>,
    },
    /// The file is no bbolt database (bbolt: `ErrInvalid`).
    #[error("not a bbolt database: {0}")]
    Invalid(Cow<'static, str>),
    /// The file has another version of the format (bbolt: `ErrVersionMismatch`).
    #[error("version {0} of the file format is not supported, only version 2")]
    Version(u32),
    /// Both meta pages are damaged (bbolt: `ErrChecksum`).
    #[error("both meta pages are damaged: {0}")]
    Checksum(Cow<'static, str>),
    /// The database cannot be used by this build or with these settings.
    #[error("incompatible database: {0}")]
    Incompatible(Cow<'static, str>),
    /// The file was written by a machine of the other byte order.
    #[error("the database was written on a big-endian machine")]
    Endian,
    /// The file is too short to hold two meta pages.
    #[error("the file has {len} bytes, too few for a database")]
    TooShort {
        /// Its length in bytes.
        len: u64,
    },
    /// The file is shorter than its meta page says.
    #[error("the file has {len} bytes, but its meta page says {expected}")]
    Truncated {
        /// Its length in bytes.
        len: u64,
        /// The length that the meta page implies, in bytes.
        expected: u64,
    },
    /// The database was opened read-only (bbolt: `ErrDatabaseReadOnly`).
    #[error("the database is open read-only")]
    ReadOnly,
    /// The transaction is a read transaction (bbolt: `ErrTxNotWritable`).
    #[error("the transaction is a read transaction")]
    NotWritable,
    /// Somebody else has it: the writer's place, the file's lock, open transactions.
    #[error("busy: {0}")]
    Busy(Cow<'static, str>),
    /// It was not to be had in the time given (bbolt: `ErrTimeout`).
    #[error("timeout: {0}")]
    Timeout(Cow<'static, str>),
    /// An empty key (bbolt: `ErrKeyRequired`).
    #[error("a key must not be empty")]
    KeyRequired,
    /// An empty bucket name (bbolt: `ErrBucketNameRequired`).
    #[error("a bucket name must not be empty")]
    NameRequired,
    /// A key longer than 32768 bytes (bbolt: `ErrKeyTooLarge`).
    #[error("a key of {0} bytes is longer than 32768 bytes")]
    KeySize(usize),
    /// A value longer than Go can read (bbolt: `ErrValueTooLarge`).
    #[error("a value of {0} bytes is too long: with its key it may have 2^31-17 bytes at most")]
    ValueSize(usize),
    /// A bucket where a value is, or a value where a bucket is (bbolt: `ErrIncompatibleValue`).
    #[error("wrong type: {0}")]
    WrongType(&'static str),
    /// The database would pass the size set as its limit (bbolt: `ErrMaxSizeReached`).
    #[error("the database has reached its maximum size of {0} bytes")]
    Full(u64),
    /// A sync or a write of the meta page failed before: no more writes until the database is opened anew.
    #[error("the database refuses to write until it is opened anew: {0}")]
    Poisoned(Cow<'static, str>),
    /// The meta page was written but its sync failed, or the write itself: a reopening finds either state.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(Cow<'static, str>),
    /// Commit or rollback inside a managed transaction.
    #[error("the transaction is managed: its function's return value decides")]
    Managed,
    /// The caller's buffer is too small.
    #[error("the buffer is too small, {0} bytes are needed")]
    TooSmall(usize),
    /// The handle has ended, or is of another kind.
    #[error("bad handle: {0}")]
    BadHandle(&'static str),
    /// The handle was opened before this process was forked.
    #[error("the handle belongs to the parent process")]
    Forked,
    /// A bug of libbolt's: it stopped before it could do harm.
    #[error("internal error: {0}")]
    Panic(String),
    /// An argument that cannot be.
    #[error("bad argument: {0}")]
    Argument(&'static str),
    /// Source and target are the same bucket (bbolt: `ErrSameBuckets`), or one lies within the other.
    #[error("the buckets are the same, or one lies within the other")]
    SameBucket,
    /// Source and target belong to different transactions (bbolt: `ErrDifferentDB`).
    #[error("the buckets belong to different transactions")]
    DifferentDb,
    /// The free pages are not loaded in a read-only database (bbolt: `ErrFreePagesNotLoaded`).
    #[error("the free pages are not loaded")]
    FreePagesNotLoaded,
    /// The program was compiled with a header that the library does not fit.
    #[error("{0}")]
    Mismatch(Cow<'static, str>),
    /// Memory ran out.
    #[error("out of memory")]
    NoMemory,
    /// The operating system refused.
    #[error("{what}: {source}")]
    Os {
        /// What was being done.
        what: Cow<'static, str>,
        /// The operating system's word.
        source: std::io::Error,
    },
}

/// The engine's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A page that contradicts the format.
    pub fn corrupt(page: u64, what: impl Into<Cow<'static, str>>) -> Error {
        Error::Corrupt { page, what: what.into() }
    }

    /// A refusal of the operating system.
    pub fn os(what: impl Into<Cow<'static, str>>, source: std::io::Error) -> Error {
        Error::Os { what: what.into(), source }
    }

    /// The frozen number of this error in C.
    pub fn code(&self) -> i32 {
        match self {
            Error::NotFound => code::NOTFOUND,
            Error::Exists => code::EXISTS,
            Error::Corrupt { .. } => code::CORRUPT,
            Error::Invalid(_) => code::INVALID,
            Error::Version(_) => code::VERSION,
            Error::Checksum(_) => code::CHECKSUM,
            Error::Incompatible(_) => code::INCOMPATIBLE,
            Error::Endian => code::ENDIAN,
            Error::TooShort { .. } => code::TOOSHORT,
            Error::Truncated { .. } => code::TRUNCATED,
            Error::ReadOnly => code::READONLY,
            Error::NotWritable => code::NOTWRITABLE,
            Error::Busy(_) => code::BUSY,
            Error::Timeout(_) => code::TIMEOUT,
            Error::KeyRequired => code::KEYREQUIRED,
            Error::NameRequired => code::NAMEREQUIRED,
            Error::KeySize(_) => code::KEYSIZE,
            Error::ValueSize(_) => code::VALUESIZE,
            Error::WrongType(_) => code::WRONGTYPE,
            Error::Full(_) => code::FULL,
            Error::Poisoned(_) => code::POISONED,
            Error::Unknown(_) => code::UNKNOWN,
            Error::Managed => code::MANAGED,
            Error::TooSmall(_) => code::TOOSMALL,
            Error::BadHandle(_) => code::BADHANDLE,
            Error::Forked => code::FORKED,
            Error::Panic(_) => code::PANIC,
            Error::Argument(_) => code::ARGUMENT,
            Error::SameBucket => code::SAMEBUCKET,
            Error::DifferentDb => code::DIFFERENTDB,
            Error::FreePagesNotLoaded => code::NOFREEPAGES,
            Error::Mismatch(_) => code::MISMATCH,
            Error::NoMemory => libc::ENOMEM,
            Error::Os { source, .. } => source.raw_os_error().filter(|&errno| errno > 0).unwrap_or(libc::EIO),
        }
    }

    /// The same error once more, for each of several callers whom one failure concerns.
    pub fn again(&self) -> Error {
        match self {
            Error::Os { what, source } => {
                let source = match source.raw_os_error() {
                    Some(errno) => std::io::Error::from_raw_os_error(errno),
                    None => std::io::Error::new(source.kind(), source.to_string()),
                };
                Error::Os { what: what.clone(), source }
            }
            Error::Unknown(why) => Error::Unknown(why.clone()),
            Error::Poisoned(why) => Error::Poisoned(why.clone()),
            Error::Corrupt { page, what } => Error::Corrupt { page: *page, what: what.clone() },
            Error::Full(len) => Error::Full(*len),
            Error::NoMemory => Error::NoMemory,
            Error::ValueSize(len) => Error::ValueSize(*len),
            other => Error::Panic(other.to_string()),
        }
    }

    /// The page on which it was seen, where it concerns one.
    pub fn page(&self) -> Option<u64> {
        match self {
            Error::Corrupt { page, .. } => Some(*page),
            _ => None,
        }
    }
}

impl From<std::collections::TryReserveError> for Error {
    fn from(_: std::collections::TryReserveError) -> Error {
        Error::NoMemory
    }
}

/// The frozen numbers.
pub mod code {
    #![allow(missing_docs, reason = "each is documented at the case of Error that has it")]
    pub const NOTFOUND: i32 = -1;
    pub const EXISTS: i32 = -2;
    pub const CORRUPT: i32 = -3;
    pub const INVALID: i32 = -4;
    pub const VERSION: i32 = -5;
    pub const CHECKSUM: i32 = -6;
    pub const INCOMPATIBLE: i32 = -7;
    pub const ENDIAN: i32 = -8;
    pub const TOOSHORT: i32 = -9;
    pub const TRUNCATED: i32 = -10;
    pub const READONLY: i32 = -11;
    pub const NOTWRITABLE: i32 = -12;
    pub const BUSY: i32 = -13;
    pub const TIMEOUT: i32 = -14;
    pub const KEYREQUIRED: i32 = -15;
    pub const NAMEREQUIRED: i32 = -16;
    pub const KEYSIZE: i32 = -17;
    pub const VALUESIZE: i32 = -18;
    pub const WRONGTYPE: i32 = -19;
    pub const FULL: i32 = -20;
    pub const POISONED: i32 = -21;
    pub const UNKNOWN: i32 = -22;
    pub const MANAGED: i32 = -23;
    pub const TOOSMALL: i32 = -24;
    pub const BADHANDLE: i32 = -25;
    pub const FORKED: i32 = -26;
    pub const PANIC: i32 = -27;
    pub const ARGUMENT: i32 = -28;
    pub const SAMEBUCKET: i32 = -29;
    pub const DIFFERENTDB: i32 = -30;
    pub const NOFREEPAGES: i32 = -31;
    pub const MISMATCH: i32 = -32;
}
