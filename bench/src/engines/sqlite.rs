//! SQLite, by its C API, from the source that the crate `libsqlite3-sys` carries.
//!
//! A table WITHOUT ROWID, which is a B-tree by key; prepared statements; the write-ahead log, which lets readers and
//! the writer work at once, with `synchronous` FULL, or OFF without sync; memory-mapped reads. One connection reads and
//! one writes, each used by one thread at a time.

use crate::Result;
use crate::engine::{Cursor, Engine, ReadTxn, Start, WriteTxn};
use libsqlite3_sys as ffi;
use std::ffi::{CStr, CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

const SETUP: &CStr =
    c"PRAGMA journal_mode = WAL; PRAGMA mmap_size = 2147418112; PRAGMA cache_size = -65536; \
    CREATE TABLE IF NOT EXISTS bench (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;";

/// One connection and its statements.
struct Connection {
    db: *mut ffi::sqlite3,
    begin: *mut ffi::sqlite3_stmt,
    commit: *mut ffi::sqlite3_stmt,
    get: *mut ffi::sqlite3_stmt,
    put: *mut ffi::sqlite3_stmt,
    delete: *mut ffi::sqlite3_stmt,
    forward: *mut ffi::sqlite3_stmt,
    backward: *mut ffi::sqlite3_stmt,
}

impl Connection {
    fn open(path: &Path, durable: bool, begin: &CStr) -> Result<Connection> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE | ffi::SQLITE_OPEN_NOMUTEX;
        let mut db = ptr::null_mut();
        // SAFETY: name ends with a zero; db is written.
        let code = unsafe { ffi::sqlite3_open_v2(name.as_ptr(), &mut db, flags, ptr::null()) };
        let none = ptr::null_mut;
        let mut connection = Connection {
            db,
            begin: none(),
            commit: none(),
            get: none(),
            put: none(),
            delete: none(),
            forward: none(),
            backward: none(),
        };
        connection.check(code)?;
        connection.execute(if durable {
            c"PRAGMA synchronous = FULL"
        } else {
            c"PRAGMA synchronous = OFF"
        })?;
        connection.execute(SETUP)?;
        connection.begin = connection.prepare(begin)?;
        connection.commit = connection.prepare(c"COMMIT")?;
        connection.get = connection.prepare(c"SELECT v FROM bench WHERE k = ?1")?;
        connection.put = connection.prepare(c"INSERT OR REPLACE INTO bench VALUES (?1, ?2)")?;
        connection.delete = connection.prepare(c"DELETE FROM bench WHERE k = ?1")?;
        connection.forward = connection.prepare(c"SELECT k, v FROM bench WHERE k >= ?1 ORDER BY k")?;
        connection.backward = connection.prepare(c"SELECT k, v FROM bench ORDER BY k DESC")?;
        Ok(connection)
    }

    fn check(&self, code: c_int) -> Result<()> {
        if matches!(code, ffi::SQLITE_OK | ffi::SQLITE_ROW | ffi::SQLITE_DONE) {
            return Ok(());
        }
        // SAFETY: SQLite gives a text that ends with a zero, for NULL, too.
        let text = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(self.db)) };
        Err(format!("SQLite: {}", text.to_string_lossy()).into())
    }

    fn execute(&self, sql: &CStr) -> Result<()> {
        // SAFETY: the connection is open, the text ends with a zero, and neither callback nor message is asked for.
        let code =
            unsafe { ffi::sqlite3_exec(self.db, sql.as_ptr(), None, ptr::null_mut(), ptr::null_mut()) };
        self.check(code)
    }

    fn prepare(&self, sql: &CStr) -> Result<*mut ffi::sqlite3_stmt> {
        let flags = ffi::SQLITE_PREPARE_PERSISTENT;
        let mut statement = ptr::null_mut();
        // SAFETY: the connection is open, the text ends with a zero, the statement is written.
        let code = unsafe {
            ffi::sqlite3_prepare_v3(self.db, sql.as_ptr(), -1, flags, &mut statement, ptr::null_mut())
        };
        self.check(code)?;
        Ok(statement)
    }

    /// The bytes stay where they are until the statement is reset.
    fn bind(&self, statement: *mut ffi::sqlite3_stmt, place: c_int, bytes: &[u8]) -> Result<()> {
        // An empty slice's pointer would be bound as an empty blob all the same; it only must not be NULL.
        let (data, len) = (bytes.as_ptr().cast(), bytes.len() as u64);
        // SAFETY: the statement is prepared; the caller keeps the bytes until it is reset.
        let code = unsafe { ffi::sqlite3_bind_blob64(statement, place, data, len, ffi::SQLITE_STATIC()) };
        self.check(code)
    }

    /// Runs the statement to its next row, if there is one.
    fn step(&self, statement: *mut ffi::sqlite3_stmt) -> Result<bool> {
        // SAFETY: the statement is prepared.
        let code = unsafe { ffi::sqlite3_step(statement) };
        self.check(code)?;
        Ok(code == ffi::SQLITE_ROW)
    }

    fn reset(&self, statement: *mut ffi::sqlite3_stmt) -> Result<()> {
        // SAFETY: the statement is prepared.
        self.check(unsafe { ffi::sqlite3_reset(statement) })
    }

    fn run(&self, statement: *mut ffi::sqlite3_stmt) -> Result<()> {
        self.step(statement)?;
        self.reset(statement)
    }

    /// A column of the row on which the statement stands: good until the statement moves on, which no caller outlives.
    fn column(&self, statement: *mut ffi::sqlite3_stmt, place: c_int) -> &[u8] {
        // SAFETY: the statement stands on a row. The blob is asked for before its length, as SQLite wants.
        let data = unsafe { ffi::sqlite3_column_blob(statement, place) };
        // SAFETY: the same.
        let len = unsafe { ffi::sqlite3_column_bytes(statement, place) } as usize;
        if data.is_null() {
            return &[];
        }
        // SAFETY: SQLite gives len readable bytes, which stay until the statement moves on.
        unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let statements =
            [self.begin, self.commit, self.get, self.put, self.delete, self.forward, self.backward];
        for statement in statements {
            // SAFETY: prepared or NULL, and not used again.
            unsafe { ffi::sqlite3_finalize(statement) };
        }
        // SAFETY: all statements are gone, and the connection is not used again.
        unsafe { ffi::sqlite3_close(self.db) };
    }
}

pub struct Sqlite {
    reader: Connection,
    writer: Connection,
}

// SAFETY: the drivers have at most one reading and one writing thread, and each uses its own connection.
unsafe impl Sync for Sqlite {}

impl Engine for Sqlite {
    type Read<'e> = Read<'e>;
    type Write<'e> = Write<'e>;

    fn open(path: &Path, durable: bool) -> Result<Sqlite> {
        let writer = Connection::open(path, durable, c"BEGIN IMMEDIATE")?;
        let reader = Connection::open(path, durable, c"BEGIN")?;
        Ok(Sqlite { reader, writer })
    }

    fn begin_read(&self) -> Result<Read<'_>> {
        self.reader.run(self.reader.begin)?;
        Ok(Read { connection: &self.reader })
    }

    fn begin_write(&self) -> Result<Write<'_>> {
        self.writer.run(self.writer.begin)?;
        Ok(Write { connection: &self.writer })
    }

    fn sync(&self) -> Result<()> {
        self.writer.execute(c"PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE);")
    }

    fn close(self) -> Result<()> {
        Ok(())
    }
}

pub struct Read<'e> {
    connection: &'e Connection,
}

impl ReadTxn for Read<'_> {
    type Cursor<'t>
        = Walker<'t>
    where
        Self: 't;

    fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let (connection, statement) = (self.connection, self.connection.get);
        connection.bind(statement, 1, key)?;
        let found = connection.step(statement)?;
        let looked = found.then(|| look(connection.column(statement, 0)));
        connection.reset(statement)?;
        Ok(looked)
    }

    fn cursor(&self) -> Result<Walker<'_>> {
        Ok(Walker { connection: self.connection })
    }

    fn end(self) -> Result<()> {
        self.connection.run(self.connection.commit)
    }
}

pub struct Walker<'t> {
    connection: &'t Connection,
}

impl Cursor for Walker<'_> {
    fn walk(&mut self, start: Start<'_>, limit: u64, mut look: impl FnMut(&[u8], &[u8])) -> Result<u64> {
        let connection = self.connection;
        let statement = if matches!(start, Start::Last) { connection.backward } else { connection.forward };
        match start {
            Start::First => connection.bind(statement, 1, &[])?,
            Start::Seek(from) => connection.bind(statement, 1, from)?,
            Start::Last => {}
        }
        let mut count = 0;
        while count < limit && connection.step(statement)? {
            look(connection.column(statement, 0), connection.column(statement, 1));
            count += 1;
        }
        connection.reset(statement)?;
        Ok(count)
    }
}

pub struct Write<'e> {
    connection: &'e Connection,
}

impl WriteTxn for Write<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let (connection, statement) = (self.connection, self.connection.put);
        connection.bind(statement, 1, key)?;
        connection.bind(statement, 2, value)?;
        connection.run(statement)
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.connection.bind(self.connection.delete, 1, key)?;
        self.connection.run(self.connection.delete)
    }

    fn commit(self) -> Result<()> {
        self.connection.run(self.connection.commit)
    }
}
