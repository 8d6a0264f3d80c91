/* bolt.h - libbolt, bbolt's storage engine as a C library: an embedded, transactional key/value
 * store in one file.
 *
 * This file is generated from the sources: `cargo xtask header`. Licence: MIT or Apache-2.0.
 *
 *     bolt_db *db;  bolt_txn *txn;  bolt_bucket *root, *fruit;
 *
 *     bolt_open("my.db", NULL, &db);
 *     bolt_txn_begin(db, BOLT_WRITE, &txn);
 *     bolt_root(txn, &root);
 *     bolt_bucket_ensure(root, "fruit", 5, &fruit);
 *     bolt_put(fruit, "apple", 5, "red", 3);
 *     bolt_commit(txn);
 *     bolt_close(db);
 *
 * A database is a file. It holds buckets, a bucket holds keys, and a key has a value or is a bucket in its
 * turn. All reading and writing happens in a transaction: any number of readers, each with an unchanging
 * view, and one writer at a time, which block each other nowhere. Keys are sorted as unsigned bytes.
 *
 * CONVENTIONS
 *
 * Codes. Every function that can fail returns an int: BOLT_OK, which is 0; or a positive errno of the
 * operating system's, such as ENOSPC; or a negative BOLT_ code. Numbers never change. BOLT_NOTFOUND is an
 * answer rather than a failure: no such key, no such bucket, no further entry. bolt_strerror says what a
 * code means, bolt_last_error what went wrong in particular. Beside the codes that a function's description
 * names, any may return BOLT_BADHANDLE, BOLT_FORKED and BOLT_PANIC.
 *
 * Arguments. Keys, names and values are a pointer and a length in bytes; NULL is allowed where the length is
 * 0. Results come last, are written only with BOLT_OK, and may be NULL where you do not care, except for a
 * handle that you would have to end. Nothing of yours is kept after a call returns: keys, values and names
 * are copied.
 *
 * Bytes. Keys and values that you get lie in the database or its transaction. They cost no copy, are not to
 * be freed or written to, and stay valid and unchanged until the transaction ends, in a write transaction,
 * too, even when the key is put anew or deleted.
 *
 * Handles. bolt_close ends a bolt_db, bolt_commit and bolt_rollback a bolt_txn, bolt_cursor_close a
 * bolt_cursor; each but bolt_commit takes NULL and does nothing. A bolt_bucket ends with its transaction. A
 * bolt_cursor is closed by you, before its transaction ends or after; after, every other call answers
 * BOLT_BADHANDLE. So do NULL, a handle that has ended, a handle of the wrong kind, and one that is ended
 * twice: nothing crashes, as long as the pointer once was a handle of this library.
 *
 * Threads. A bolt_db may be used by any number of threads at once. A bolt_txn belongs to no thread: begin it
 * here, read there and commit elsewhere, but never use it from two threads at the same time, nor its buckets
 * and cursors. Use as many transactions as you have threads.
 *
 * Fork. After fork(2) the handles of the parent are of no use to the child: every call answers BOLT_FORKED
 * and does nothing. The child may open databases of its own.
 *
 * Structs. Those that you fill, or have filled, begin with struct_size: set it to sizeof the struct. A
 * program that was compiled against an older header has a smaller struct, and the library keeps to it. From
 * a newer program, options that the library does not know must be zero; results that it does not know become
 * zero.
 *
 * Numbers. Lengths are in bytes and times in milliseconds unless a name says otherwise. Flags are added with
 * |; unknown ones answer BOLT_ARGUMENT.
 *
 * Files. They are those of Go's bbolt, both ways: either opens what the other wrote, after every commit.
 * While one process has a file open for writing, no other opens it.
 */
#ifndef BOLT_H
#define BOLT_H

#include <stddef.h>
#include <stdint.h>

/* How the functions are found: define BOLT_STATIC on Windows to link with the static library. */
#ifndef BOLT_API
#if defined(_WIN32) && !defined(BOLT_STATIC)
#define BOLT_API __declspec(dllimport)
#elif defined(__GNUC__)
#define BOLT_API __attribute__((visibility("default")))
#else
#define BOLT_API
#endif
#endif

/* Marks a function whose code must not be ignored; define it as nothing to switch the warnings off. */
#ifndef BOLT_MUST_USE
#if defined(__GNUC__)
#define BOLT_MUST_USE __attribute__((warn_unused_result))
#else
#define BOLT_MUST_USE
#endif
#endif

/* The version of this header; bolt_version() is the version of the library that runs. */
#define BOLT_VERSION_MAJOR 0
#define BOLT_VERSION_MINOR 1
#define BOLT_VERSION_PATCH 0
#define BOLT_VERSION_NUMBER ((BOLT_VERSION_MAJOR << 16) | (BOLT_VERSION_MINOR << 8) | BOLT_VERSION_PATCH)
#define BOLT_VERSION_STRING "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------------------------------------ */

/**
 * The version of the library that runs.
 *
 * Compare it with `BOLT_VERSION_NUMBER`, the version of this header: equal major numbers fit together
 * (before 1.0: equal major and minor numbers), and a library that is newer than the header is fine.
 *
 * @return major << 16 | minor << 8 | patch; never fails. Any thread may call.
 */
BOLT_API uint32_t bolt_version(void);

/**
 * The version of the library that runs, as a text such as "0.1.0".
 *
 * @return A static text, never NULL. Any thread may call.
 */
BOLT_API const char *bolt_version_string(void);

/* ---- Errors ------------------------------------------------------------------------------------------- */

/** Success. */
#define BOLT_OK 0

/**
 * The key or the bucket does not exist, or a cursor has no further entry. An answer rather than a
 * failure: it leaves no error details.
 */
#define BOLT_NOTFOUND (-1)
/** The name is taken. */
#define BOLT_EXISTS (-2)
/** The file contradicts itself; the error details name the page. */
#define BOLT_CORRUPT (-3)
/** The file is no bbolt database. */
#define BOLT_INVALID (-4)
/** The file has a version of the format other than 2. */
#define BOLT_BADVERSION (-5)
/** Both meta pages are damaged. */
#define BOLT_CHECKSUM (-6)

/**
 * This build, or these options, cannot use the database: for example, its page size is no power of
 * two.
 */
#define BOLT_INCOMPATIBLE (-7)
/** The database was written on a machine of the other byte order. */
#define BOLT_ENDIAN (-8)
/** The file is too short to hold two meta pages. */
#define BOLT_TOOSHORT (-9)
/** The file is shorter than its meta page says. */
#define BOLT_TRUNCATED (-10)
/** The database was opened read-only. */
#define BOLT_READONLY (-11)
/** The transaction is a read transaction. */
#define BOLT_NOTWRITABLE (-12)
/** Somebody else has it: the file's lock, the place of the one writer; or transactions are still open. */
#define BOLT_BUSY (-13)
/** It was not to be had in the time given. */
#define BOLT_TIMEOUT (-14)
/** A key is empty. */
#define BOLT_KEYREQUIRED (-15)
/** A bucket's name is empty. */
#define BOLT_NAMEREQUIRED (-16)
/** A key or a bucket's name is longer than BOLT_KEY_LEN_MAX bytes. */
#define BOLT_KEYSIZE (-17)
/** A value is too long: key and value together have at most 2^31 - 17 bytes. */
#define BOLT_VALUESIZE (-18)
/** A bucket stands where a value is meant, or a value where a bucket is meant. */
#define BOLT_WRONGTYPE (-19)
/** The database would grow past the length set as its limit (BOLT_OPT_MAX_LEN). */
#define BOLT_FULL (-20)

/**
 * A write or a sync failed before, so the state of the file is in doubt: no more writes until the
 * database is opened anew.
 */
#define BOLT_POISONED (-21)

/**
 * The commit's last write or sync failed: whoever opens the database next finds the transaction whole
 * or not at all.
 */
#define BOLT_UNKNOWN (-22)
/** Commit or rollback of a transaction that its function's return value ends. */
#define BOLT_MANAGED (-23)
/** The caller's buffer is too small. */
#define BOLT_TOOSMALL (-24)
/** The handle is NULL, has ended, is of another kind, or stands for something deleted. */
#define BOLT_BADHANDLE (-25)
/** The handle was opened before fork(2) by the parent process. */
#define BOLT_FORKED (-26)

/**
 * A bug of libbolt's; it stopped before it could do harm, and a transaction in which it happened can only
 * be rolled back. Rust's runtime prints a line about it on standard error, unless the program has told it
 * otherwise. Please report it with its error details.
 */
#define BOLT_PANIC (-27)
/** An argument that cannot be: NULL with a length, an unknown flag, a number out of range. */
#define BOLT_ARGUMENT (-28)
/** Source and target are the same bucket, or one lies within the other. */
#define BOLT_SAMEBUCKET (-29)
/** Source and target belong to different transactions. */
#define BOLT_DIFFERENTDB (-30)
/** The free pages are not loaded in a read-only database. */
#define BOLT_NOFREEPAGES (-31)

/**
 * The codes from here down to BOLT_CALLBACK_LAST are never libbolt's: a callback may return them to say
 * something of its own, and they come back unchanged.
 */
#define BOLT_CALLBACK_FIRST (-1000)
/** See BOLT_CALLBACK_FIRST. */
#define BOLT_CALLBACK_LAST (-1999)
/** The room for an error's text, its final zero included, in bytes. */
#define BOLT_ERROR_TEXT_LEN 480
/** In place of a page number: the error concerns no page. */
#define BOLT_NO_PAGE UINT64_MAX

/** The details of a failure. */
typedef struct bolt_error_info {
    /** The length of this struct in bytes, set by the caller: sizeof(bolt_error_info). */
    size_t struct_size;
    /** What the failing function returned. */
    int32_t code;
    /** The operating system's errno where it was the one that refused, else 0. */
    int32_t os_errno;
    /** The page on which the error was seen, or BOLT_NO_PAGE. */
    uint64_t page;
    /** The id of the transaction in which it was seen, or 0. */
    uint64_t txn_id;
    /** What went wrong, as one sentence in UTF-8 that ends with a zero. */
    char text[BOLT_ERROR_TEXT_LEN];
} bolt_error_info;

/**
 * The name of a code: "BOLT_NOTFOUND", "ENOSPC".
 *
 * @param code What any function of libbolt returned.
 * @return A static text, never NULL; "?" for a number that is no code. Any thread may call.
 */
BOLT_API const char *bolt_error_name(int code);

/**
 * What a code means, in a few words. bolt_last_error tells more.
 *
 * @param code What any function of libbolt returned.
 * @return A static text, never NULL, for any number. Any thread may call.
 */
BOLT_API const char *bolt_strerror(int code);

/**
 * The details of this thread's last failure.
 *
 * Successes and BOLT_NOTFOUND leave them as they are, so ask only after a call that failed. Where a runtime
 * may move a caller to another thread between two calls (goroutines), use bolt_db_last_error.
 *
 * @param info Filled with a copy; its struct_size must be set.
 * @return BOLT_OK; BOLT_NOTFOUND where nothing has failed on this thread; BOLT_ARGUMENT for NULL or an
 *     impossible struct_size. Its own failures are not recorded.
 */
BOLT_API int bolt_last_error(bolt_error_info *info);

/* ---- Options ------------------------------------------------------------------------------------------ */

/** A time that never passes, in place of milliseconds. */
#define BOLT_FOREVER UINT64_MAX

/**
 * A flag of bolt_options: open for reading only. Other processes may read the file at the same time; none
 * may write.
 */
#define BOLT_OPEN_READONLY 1

/**
 * A flag of bolt_options: commits do not wait for the disk. A crash of the machine may then lose or damage
 * the database; a crash of the program may not. bolt_sync makes durable what was committed so far.
 */
#define BOLT_OPEN_NOSYNC 2

/**
 * A flag of bolt_options: decide everything as Go's bbolt does (splits, merges, allocation, the freelist
 * with each commit), so that the same writes give the same bytes. Files are compatible without it, too.
 */
#define BOLT_OPEN_BBOLT_RULES 4

/**
 * A freelist mode: with each commit while the list fits one page, else when the database is closed. The
 * default.
 */
#define BOLT_FREELIST_AUTOMATIC 0

/**
 * A freelist mode: with each commit, as Go's bbolt does. Commits become slow when very many pages are free.
 */
#define BOLT_FREELIST_EACH_COMMIT 1
/** A freelist mode: when the database is closed. */
#define BOLT_FREELIST_AT_CLOSE 2
/** A freelist mode: never. Opening the database then looks for its free pages. */
#define BOLT_FREELIST_NEVER 3

/**
 * The page size of a new file in bytes: a power of two from 1024 to 65536; 0: the operating system's page
 * size.
 */
#define BOLT_OPT_PAGE_SIZE 1
/** 1: open for reading only (BOLT_OPEN_READONLY); 0: for writing, the default. */
#define BOLT_OPT_READONLY 2
/** The permission bits of a new file, less the process's umask; 0600 is the default. */
#define BOLT_OPT_FILE_MODE 3
/** How long to wait for the file's lock, in milliseconds; 0: try once; BOLT_FOREVER: the default. */
#define BOLT_OPT_LOCK_TIMEOUT 4
/** How many bytes of address space to map at least at first; 0: as the file's length asks, the default. */
#define BOLT_OPT_INITIAL_MAP_LEN 5
/** 1: commits do not wait for the disk (BOLT_OPEN_NOSYNC); 0: they do, the default. May change after open. */
#define BOLT_OPT_NOSYNC 6
/** When the list of free pages is written: a BOLT_FREELIST_ mode. May change after open. */
#define BOLT_OPT_FREELIST_MODE 7

/**
 * How full pages are left when they are split, in percent, 10 to 100; 0: libbolt's own rule, the default.
 * May change after open.
 */
#define BOLT_OPT_FILL_PERCENT 8
/** 1: decide everything as Go's bbolt does (BOLT_OPEN_BBOLT_RULES); 0: the default. */
#define BOLT_OPT_BBOLT_RULES 9
/** The length in bytes that the file must not outgrow; 0: none, the default. May change after open. */
#define BOLT_OPT_MAX_LEN 10

/** How a database is opened. Fill it with bolt_options_init first, then change what you like. */
typedef struct bolt_options {
    /** The length of this struct in bytes, set by bolt_options_init. */
    size_t struct_size;
    /** BOLT_OPEN_READONLY, BOLT_OPEN_NOSYNC, BOLT_OPEN_BBOLT_RULES, or 0. */
    uint32_t flags;
    /** See BOLT_OPT_PAGE_SIZE. */
    uint32_t page_size;
    /** See BOLT_OPT_FILE_MODE. */
    uint32_t file_mode;
    /** See BOLT_OPT_FREELIST_MODE. */
    uint32_t freelist_mode;
    /** See BOLT_OPT_FILL_PERCENT. */
    uint32_t fill_percent;
    /** Must be 0. */
    uint32_t reserved;
    /** See BOLT_OPT_LOCK_TIMEOUT; milliseconds. */
    uint64_t lock_timeout_ms;
    /** See BOLT_OPT_INITIAL_MAP_LEN; bytes. */
    uint64_t initial_map_len;
    /** See BOLT_OPT_MAX_LEN; bytes. */
    uint64_t max_len;
} bolt_options;

/**
 * Sets all options to their defaults.
 *
 * @param options The struct to fill.
 * @param struct_size sizeof(bolt_options). A caller without the layout may give a zeroed or unset buffer of
 *     512 bytes, say 512 here, and set options by number with bolt_options_set.
 * @return BOLT_OK; BOLT_ARGUMENT for NULL or a size that the struct never had and that is not larger than
 *     ours. Any thread may call.
 */
BOLT_API int bolt_options_init(bolt_options *options, size_t struct_size);

/**
 * Sets one option by its number, for languages that do not know the struct's layout.
 *
 * @param options A struct that bolt_options_init has filled.
 * @param option One of the BOLT_OPT_ numbers.
 * @param value Its value, in the unit that its number's description names.
 * @return BOLT_OK; BOLT_ARGUMENT for NULL, an unknown option, or a value that the option cannot have;
 *     nothing is changed then. Any thread may call.
 */
BOLT_API int bolt_options_set(bolt_options *options, uint32_t option, uint64_t value);

/* ---- Database ----------------------------------------------------------------------------------------- */

/** A flag of bolt_db_info: the database is open for reading only. */
#define BOLT_DB_READONLY 1

/**
 * In place of a count of free pages: they are not known while a write transaction is open and before the
 * first.
 */
#define BOLT_NO_COUNT UINT64_MAX

/**
 * An open database.
 *
 * Any thread may use it, and any number at the same time. bolt_close ends it.
 */
typedef struct bolt_db bolt_db;

/** The state of a database. */
typedef struct bolt_db_info {
    /** The length of this struct in bytes, set by the caller: sizeof(bolt_db_info). */
    size_t struct_size;
    /** The page size in bytes. */
    uint32_t page_size;
    /** BOLT_DB_READONLY or 0. */
    uint32_t flags;
    /** The length of the file in bytes. */
    uint64_t file_len;
    /** The number of pages in use or free: pages from here on were never given out. */
    uint64_t high_water;
    /** The id of the last transaction that was committed. */
    uint64_t txn_id;
    /** The number of pages that the next write transaction may use, or BOLT_NO_COUNT. */
    uint64_t free_page_count;
    /** The number of pages that wait until no open transaction can need them, or BOLT_NO_COUNT. */
    uint64_t pending_page_count;
    /** The number of open read transactions. */
    uint64_t reader_count;
    /** The id of the oldest snapshot that an open read transaction sees, or 0 where there is none. */
    uint64_t oldest_reader_txn_id;
} bolt_db_info;

/**
 * Opens a database, or creates it where there is no file.
 *
 * The file is locked against other processes, Go's bbolt among them: for writing until bolt_close, or
 * shared with other readers where BOLT_OPEN_READONLY is set. A new file appears whole or not at all.
 *
 * @param path The file's name, a text that ends with a zero, in the operating system's encoding.
 * @param options How to open it; NULL: the defaults. Not used after the call.
 * @param db The new handle, to be ended by bolt_close.
 * @return BOLT_OK; BOLT_BUSY or BOLT_TIMEOUT where another process holds the file; BOLT_INVALID,
 *     BOLT_BADVERSION, BOLT_CHECKSUM, BOLT_ENDIAN, BOLT_TOOSHORT, BOLT_TRUNCATED, BOLT_INCOMPATIBLE or
 *     BOLT_CORRUPT for a file that is no usable database; BOLT_ARGUMENT; an errno such as ENOENT, EACCES,
 *     EISDIR. Any thread may call.
 */
BOLT_API BOLT_MUST_USE int bolt_open(const char *path, const bolt_options *options, bolt_db **db);

/**
 * Closes a database and gives up the file's lock.
 *
 * Under some freelist modes this writes the list of free pages; if that fails, the database is closed and
 * sound all the same, and the code says what went wrong.
 *
 * A transaction that is reset does not keep it open: bolt_txn_renew then answers BOLT_BADHANDLE, and
 * bolt_rollback ends it as ever.
 *
 * @param db The database, which the call ends, whatever it returns but for BOLT_BUSY, BOLT_BADHANDLE and
 *     BOLT_FORKED. NULL is no error and does nothing.
 * @return BOLT_OK; BOLT_BUSY while transactions are open: nothing is done then, and the handle stays good;
 *     BOLT_BADHANDLE; BOLT_FORKED; an errno. Any thread may call.
 */
BOLT_API int bolt_close(bolt_db *db);

/**
 * The name by which the database was opened.
 *
 * @param db The database.
 * @param path The text given to bolt_open; it stays valid until bolt_close.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED. Any thread may call.
 */
BOLT_API int bolt_path(bolt_db *db, const char **path);

/**
 * Changes an option of an open database.
 *
 * @param db The database.
 * @param option BOLT_OPT_NOSYNC, BOLT_OPT_FREELIST_MODE, BOLT_OPT_FILL_PERCENT or BOLT_OPT_MAX_LEN.
 * @param value Its value, in the unit that its number's description names. It holds from the next commit
 *     on.
 * @return BOLT_OK; BOLT_ARGUMENT for another option or an impossible value; BOLT_BADHANDLE; BOLT_FORKED.
 *     Any thread may call.
 */
BOLT_API int bolt_set(bolt_db *db, uint32_t option, uint64_t value);

/**
 * The state of a database.
 *
 * @param db The database.
 * @param info Filled; its struct_size must be set.
 * @return BOLT_OK; BOLT_ARGUMENT for NULL or an impossible struct_size; BOLT_BADHANDLE; BOLT_FORKED; an
 *     errno. Any thread may call.
 */
BOLT_API int bolt_info(bolt_db *db, bolt_db_info *info);

/**
 * Makes durable everything committed so far; of use with BOLT_OPEN_NOSYNC.
 *
 * @param db The database.
 * @return BOLT_OK; BOLT_BADHANDLE; BOLT_FORKED; BOLT_POISONED; an errno such as EIO or ENOSPC. Any thread
 *     may call.
 */
BOLT_API BOLT_MUST_USE int bolt_sync(bolt_db *db);

/**
 * The details of the last failure of any thread on this database or its transactions, buckets and cursors.
 *
 * @param db The database.
 * @param info Filled with a copy; its struct_size must be set.
 * @return BOLT_OK; BOLT_NOTFOUND where nothing has failed; BOLT_BADHANDLE, BOLT_FORKED; BOLT_ARGUMENT for
 *     NULL or an impossible struct_size. Its own failures are not recorded. Any thread may call.
 */
BOLT_API int bolt_db_last_error(bolt_db *db, bolt_error_info *info);

/* ---- Transaction -------------------------------------------------------------------------------------- */

/** A flag of bolt_txn_begin: a read transaction. */
#define BOLT_READ 0
/** A flag of bolt_txn_begin: the write transaction; there is one at a time. */
#define BOLT_WRITE 1
/** A flag of bolt_txn_begin, with BOLT_WRITE: answer BOLT_BUSY instead of waiting. */
#define BOLT_TRY 2
/** A flag of bolt_txn_info: the transaction can write. */
#define BOLT_TXN_WRITABLE 1

/**
 * A transaction: a reader's unchanging view of the whole database, or the one writer.
 *
 * It may be used by any thread, but never by two at the same time; that goes for its buckets and cursors,
 * too. bolt_commit and bolt_rollback end it, and with it its bucket handles and all the bytes that it gave
 * out.
 */
typedef struct bolt_txn bolt_txn;

/** What is known about a transaction. */
typedef struct bolt_txn_info {
    /** The length of this struct in bytes, set by the caller: sizeof(bolt_txn_info). */
    size_t struct_size;
    /** BOLT_TXN_WRITABLE or 0. */
    uint32_t flags;
    /** 0. */
    uint32_t reserved;
    /**
     * A reader: the id of the transaction whose commit it sees. A writer: the id that its commit will have.
     */
    uint64_t id;
    /**
     * The length of the database as the transaction sees it, in bytes: its high water times the page size.
     */
    uint64_t db_len;
} bolt_txn_info;

/**
 * Begins a transaction.
 *
 * A read transaction sees the database as the last commit left it, whatever is committed while it is open;
 * there may be any number, and they wait for nobody. A write transaction waits until no other is open. A
 * thread that holds the write transaction and begins another waits for ever: BOLT_TRY and
 * bolt_txn_begin_timeout do not.
 *
 * @param db The database.
 * @param flags BOLT_READ or BOLT_WRITE, which BOLT_TRY may be added to.
 * @param txn The new handle, to be ended by bolt_commit or bolt_rollback.
 * @return BOLT_OK; BOLT_BUSY with BOLT_TRY while another write transaction is open; BOLT_READONLY for a
 *     write transaction in a database that was opened read-only; BOLT_POISONED; BOLT_ARGUMENT;
 *     BOLT_BADHANDLE; BOLT_FORKED. Any thread may call.
 */
BOLT_API BOLT_MUST_USE int bolt_txn_begin(bolt_db *db, uint32_t flags, bolt_txn **txn);

/**
 * Begins a transaction as bolt_txn_begin does, and waits for the place of the writer only so long.
 *
 * @param db The database.
 * @param flags BOLT_READ or BOLT_WRITE.
 * @param timeout_ms How long to wait, in milliseconds; 0: try once; BOLT_FOREVER.
 * @param txn The new handle, to be ended by bolt_commit or bolt_rollback.
 * @return As bolt_txn_begin; BOLT_TIMEOUT when the time has passed, BOLT_BUSY where it is 0.
 */
BOLT_API BOLT_MUST_USE int bolt_txn_begin_timeout(bolt_db *db, uint32_t flags, uint64_t timeout_ms,
        bolt_txn **txn);

/**
 * Makes everything that was done in a write transaction last, all of it or nothing, and ends the
 * transaction.
 *
 * When it has returned BOLT_OK, the changes are on the disk (unless BOLT_OPEN_NOSYNC is set) and every
 * transaction begun from then on sees them. When it fails, nothing of them is seen; after BOLT_UNKNOWN,
 * only whoever opens the database anew can tell.
 *
 * @param txn The write transaction, which the call ends, whatever it returns but for BOLT_BADHANDLE and
 *     BOLT_FORKED.
 * @return BOLT_OK; BOLT_NOTWRITABLE for a read transaction, which is ended, too; BOLT_FULL; BOLT_POISONED;
 *     BOLT_UNKNOWN; BOLT_CORRUPT; BOLT_BADHANDLE, also for a transaction that is reset, which stays as it
 *     is; BOLT_FORKED; an errno such as ENOSPC or EIO.
 */
BOLT_API BOLT_MUST_USE int bolt_commit(bolt_txn *txn);

/**
 * Ends a transaction, and forgets what was done in it if it is a write transaction.
 *
 * @param txn The transaction, which the call ends. NULL is no error and does nothing.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API int bolt_rollback(bolt_txn *txn);

/**
 * Lets go of what a read transaction sees, but keeps the handle for bolt_txn_renew.
 *
 * The pages that it held back can be used again, and its bucket handles, cursors and bytes end as at a
 * rollback. To reset and renew is cheaper than to end and begin.
 *
 * @param txn The read transaction. Until it is renewed, every call but bolt_txn_renew and bolt_rollback
 *     answers BOLT_BADHANDLE.
 * @return BOLT_OK; BOLT_ARGUMENT for a write transaction; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API int bolt_txn_reset(bolt_txn *txn);

/**
 * Makes a read transaction see what was committed last.
 *
 * @param txn The read transaction, reset or not; its bucket handles, cursors and bytes end if it was not.
 *     If the call fails, the transaction is as after a reset.
 * @return BOLT_OK; BOLT_ARGUMENT for a write transaction, which is left as it is; BOLT_BADHANDLE;
 *     BOLT_FORKED; an errno such as ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_txn_renew(bolt_txn *txn);

/**
 * What is known about a transaction.
 *
 * @param txn The transaction.
 * @param info Filled; its struct_size must be set.
 * @return BOLT_OK; BOLT_ARGUMENT for NULL or an impossible struct_size; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API int bolt_txn_info_get(bolt_txn *txn, bolt_txn_info *info);

/* ---- Bucket ------------------------------------------------------------------------------------------- */

/**
 * A bucket as one transaction sees it: a sorted set of keys, each with a value or with a bucket of its own.
 *
 * The same bucket has the same handle all through a transaction, however often it is opened. The handle
 * ends with its transaction; to close it earlier with bolt_bucket_close is allowed, and never needed. The
 * handle of a bucket that was deleted answers BOLT_BADHANDLE. It is used by one thread at a time, with its
 * transaction.
 */
typedef struct bolt_bucket bolt_bucket;

/**
 * The root bucket, which holds the top-level buckets and is always there.
 *
 * @param txn The transaction.
 * @param bucket The handle; it ends with the transaction.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_root(bolt_txn *txn, bolt_bucket **bucket);

/**
 * Ends a bucket's handle before its transaction ends. The bucket itself stays as it is.
 *
 * Since the same bucket has the same handle, it ends for everybody who opened it in this transaction.
 * Cursors that were opened from it stay good.
 *
 * @param bucket The handle, which the call ends. NULL is no error and does nothing.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API int bolt_bucket_close(bolt_bucket *bucket);

/**
 * Opens a bucket that lies in another one.
 *
 * @param parent The bucket to look in; bolt_root for the top-level ones.
 * @param name The bucket's name: name_len bytes of any kind.
 * @param name_len The length of the name in bytes.
 * @param bucket The handle; it ends with the transaction. NULL to ask only whether the bucket is there.
 * @return BOLT_OK; BOLT_NOTFOUND; BOLT_WRONGTYPE where a value has that name; BOLT_ARGUMENT; BOLT_CORRUPT;
 *     BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_open(bolt_bucket *parent, const void *name, size_t name_len,
        bolt_bucket **bucket);

/**
 * Makes a bucket that must not be there yet.
 *
 * @param parent The bucket to make it in; bolt_root for a top-level one.
 * @param name The bucket's name: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
 * @param name_len The length of the name in bytes.
 * @param bucket The handle; it ends with the transaction. May be NULL.
 * @return BOLT_OK; BOLT_EXISTS; BOLT_WRONGTYPE where a value has that name; BOLT_NAMEREQUIRED;
 *     BOLT_KEYSIZE; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_create(bolt_bucket *parent, const void *name, size_t name_len,
        bolt_bucket **bucket);

/**
 * Opens a bucket, and makes it first if it is not there.
 *
 * @param parent The bucket that it lies in; bolt_root for a top-level one.
 * @param name The bucket's name: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
 * @param name_len The length of the name in bytes.
 * @param bucket The handle; it ends with the transaction. May be NULL.
 * @return BOLT_OK; BOLT_WRONGTYPE where a value has that name; BOLT_NAMEREQUIRED; BOLT_KEYSIZE;
 *     BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_ensure(bolt_bucket *parent, const void *name, size_t name_len,
        bolt_bucket **bucket);

/**
 * Deletes a bucket with everything in it.
 *
 * Its handle, those of the buckets in it and the cursors over them answer BOLT_BADHANDLE from then on.
 * Bytes that they gave out stay valid until the transaction ends.
 *
 * @param parent The bucket that it lies in; bolt_root for a top-level one.
 * @param name The bucket's name.
 * @param name_len The length of the name in bytes.
 * @return BOLT_OK; BOLT_NOTFOUND; BOLT_WRONGTYPE where a value has that name; BOLT_NOTWRITABLE;
 *     BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_delete(bolt_bucket *parent, const void *name, size_t name_len);

/**
 * Moves a bucket with everything in it into another one, under the same name.
 *
 * Handles and cursors of the bucket and of those in it stay good, and what was changed in it in this
 * transaction moves with it.
 *
 * @param from The bucket that it lies in; bolt_root for a top-level one.
 * @param name The bucket's name.
 * @param name_len The length of the name in bytes.
 * @param to The bucket that it is moved to; bolt_root to make it a top-level one.
 * @return BOLT_OK; BOLT_NOTFOUND; BOLT_WRONGTYPE where a value has that name, here or there; BOLT_EXISTS
 * where the     target has a bucket of that name; BOLT_SAMEBUCKET where both are the same, or the target is
 * the bucket itself     or lies in it; BOLT_DIFFERENTDB where they belong to different transactions;
 * BOLT_NOTWRITABLE; BOLT_ARGUMENT;     BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM. Nothing has
 * changed unless it is BOLT_OK.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_move(bolt_bucket *from, const void *name, size_t name_len,
        bolt_bucket *to);

/**
 * The bucket's sequence number, which is 0 in a new bucket and changed only by the two functions below.
 *
 * @param bucket The bucket.
 * @param sequence The number.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_sequence(bolt_bucket *bucket, uint64_t *sequence);

/**
 * Sets the bucket's sequence number.
 *
 * @param bucket The bucket.
 * @param sequence The number.
 * @return BOLT_OK, BOLT_NOTWRITABLE, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_set_sequence(bolt_bucket *bucket, uint64_t sequence);

/**
 * Adds 1 to the bucket's sequence number and tells the new one; after 2^64 - 1 comes 0.
 *
 * @param bucket The bucket.
 * @param sequence The new number: 1 for the first call in a new bucket.
 * @return BOLT_OK, BOLT_NOTWRITABLE, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_next_sequence(bolt_bucket *bucket, uint64_t *sequence);

/**
 * Sets how full the bucket's pages are left when this transaction's commit splits them.
 *
 * A high value suits keys that are put in order, a low one keys that are put at random. It holds for this
 * transaction alone, as in Go's bbolt.
 *
 * @param bucket The bucket.
 * @param percent A fraction from 0.1 to 1.0.
 * @return BOLT_OK; BOLT_ARGUMENT for a number out of range; BOLT_NOTWRITABLE; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_set_fill_percent(bolt_bucket *bucket, double percent);

/* ---- Keys and values ---------------------------------------------------------------------------------- */

/** The greatest length of a key or a bucket's name, in bytes. The least is 1. */
#define BOLT_KEY_LEN_MAX 32768
/** A flag of bolt_put_ex: only where the key is not there yet. */
#define BOLT_NOOVERWRITE 1
/** A flag of bolt_put_ex: only where the key is there. */
#define BOLT_MUSTEXIST 2
/** A flag of bolt_put_ex: only where the key comes after all keys that are there. */
#define BOLT_APPEND 4

/**
 * Some bytes: a key, a name, a value. A pointer to one is what functions take and fill, never the struct
 * itself.
 */
typedef struct bolt_slice {
    /** The first byte; NULL is allowed where len is 0. */
    const void *data;
    /** The length in bytes. */
    size_t len;
} bolt_slice;

/**
 * The value of a key.
 *
 * @param bucket The bucket.
 * @param key The key.
 * @param key_len The length of the key in bytes.
 * @param value The first byte of the value, never NULL; no copy: the bytes lie in the database, are valid
 *     and unchanged until the transaction ends, even if the key is put anew or deleted, and must not be
 *     written. May be NULL.
 * @param value_len The length of the value in bytes, which may be 0. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where there is no such key, or where it is a bucket; BOLT_ARGUMENT;
 *     BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 *
 * @code
 * const void *value;
 * size_t value_len;
 * int code = bolt_get(bucket, "answer", 6, &value, &value_len);
 * if (code == BOLT_OK)
 *     fwrite(value, 1, value_len, stdout);
 * @endcode
 */
BOLT_API BOLT_MUST_USE int bolt_get(bolt_bucket *bucket, const void *key, size_t key_len, const void **value,
        size_t *value_len);

/**
 * The value of a key, copied.
 *
 * @param bucket The bucket.
 * @param key The key.
 * @param key_len The length of the key in bytes.
 * @param buf Where the value is copied to. NULL where cap is 0.
 * @param cap How many bytes fit there.
 * @param value_len The length of the value in bytes, with BOLT_TOOSMALL, too. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where there is no such key, or where it is a bucket; BOLT_TOOSMALL where
 * the value     is longer than cap, nothing is copied then; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE;
 * BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_get_copy(bolt_bucket *bucket, const void *key, size_t key_len, void *buf,
        size_t cap, size_t *value_len);

/**
 * The values of many keys at once: faster than to ask for one after the other, where the database is larger
 * than the processor's caches, as the lookups wait for memory together.
 *
 * @param bucket The bucket.
 * @param keys The keys: n of them, in any order.
 * @param n How many there are; 64 or more pay best.
 * @param values Room for n values. Each is as bolt_get gives it, at the place of its key; data is NULL and
 * len 0 where     there is no such key, or where it is a bucket. They say nothing where the call fails. May
 * be NULL, and may be the     array of the keys.
 * @param found How many of the keys have a value. May be NULL.
 * @return BOLT_OK, also where no key is found; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_get_many(bolt_bucket *bucket, const bolt_slice *keys, size_t n,
        bolt_slice *values, size_t *found);

/**
 * Gives a key a value, in place of the one that it has.
 *
 * @param bucket The bucket.
 * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
 * @param key_len The length of the key in bytes.
 * @param value The value, which is copied; it may be bytes that this transaction gave out. NULL where
 *     value_len is 0.
 * @param value_len The length of the value in bytes. Key and value together have at most 2^31 - 17 bytes.
 * @return BOLT_OK; BOLT_KEYREQUIRED for an empty key; BOLT_KEYSIZE; BOLT_VALUESIZE; BOLT_WRONGTYPE where
 *     the key is a bucket; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED;
 *     ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_put(bolt_bucket *bucket, const void *key, size_t key_len, const void *value,
        size_t value_len);

/**
 * Gives a key a value on a condition.
 *
 * @param bucket The bucket.
 * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
 * @param key_len The length of the key in bytes.
 * @param value The value, which is copied; as for bolt_put.
 * @param value_len The length of the value in bytes.
 * @param flags One of BOLT_NOOVERWRITE, BOLT_MUSTEXIST and BOLT_APPEND; 0: as bolt_put.
 * @return As bolt_put; BOLT_EXISTS with BOLT_NOOVERWRITE where the key has a value, and with BOLT_APPEND
 * where a key     is not smaller; BOLT_NOTFOUND with BOLT_MUSTEXIST where the key is not there.
 * BOLT_WRONGTYPE where the key is a     bucket, whatever the flags say.
 */
BOLT_API BOLT_MUST_USE int bolt_put_ex(bolt_bucket *bucket, const void *key, size_t key_len,
        const void *value, size_t value_len, uint32_t flags);

/**
 * Gives a key a value that the caller writes afterwards, where it lies: one copy less than bolt_put.
 *
 * @param bucket The bucket.
 * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
 * @param key_len The length of the key in bytes.
 * @param value_len The length of the value in bytes; as for bolt_put.
 * @param value The first byte of the value, all zeros. It may be written until the next call with this
 * transaction,     its buckets or its cursors; what stands there then is the value, to be read only. May be
 * NULL. @return As bolt_put.
 */
BOLT_API BOLT_MUST_USE int bolt_put_reserve(bolt_bucket *bucket, const void *key, size_t key_len,
        size_t value_len, void **value);

/**
 * Deletes a key with its value. A key that is not there is no error.
 *
 * @param bucket The bucket.
 * @param key The key.
 * @param key_len The length of the key in bytes.
 * @return BOLT_OK; BOLT_WRONGTYPE where the key is a bucket, which bolt_bucket_delete deletes;
 *     BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_delete(bolt_bucket *bucket, const void *key, size_t key_len);

/**
 * Deletes all keys from one on and below another. Whole pages of them are freed without a look at the keys.
 *
 * @param bucket The bucket.
 * @param from The first key that is deleted, if it is there. NULL: from the first of all.
 * @param to The first key that is not. NULL: all that follow. Where it is not greater than from, none is
 * deleted. @param deleted How many keys were deleted. May be NULL.
 * @return BOLT_OK, also where there was none; BOLT_WRONGTYPE where a bucket lies in the range: nothing is
 * deleted     then; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_delete_range(bolt_bucket *bucket, const bolt_slice *from,
        const bolt_slice *to, uint64_t *deleted);

/* ---- Cursor ------------------------------------------------------------------------------------------- */

/** A flag of bolt_kv: the entry is a bucket. */
#define BOLT_KV_BUCKET 1

/**
 * A place in a bucket, between whose entries it moves in the order of their keys.
 *
 * bolt_cursor_close ends it, before or after its transaction ends; after, every other call answers
 * BOLT_BADHANDLE. It is used by one thread at a time, with its transaction. A cursor that has moved past
 * either end stays there: one step back gives the entry before the last one seen, as in Go's bbolt.
 */
typedef struct bolt_cursor bolt_cursor;

/**
 * An entry of a bucket. Its bytes lie in the database: they are valid and unchanged until the transaction
 * ends, and must not be written.
 */
typedef struct bolt_kv {
    /** The first byte of the key. */
    const void *key;
    /** The length of the key in bytes. */
    size_t key_len;
    /** The first byte of the value, not NULL even where it is empty; NULL where the entry is a bucket. */
    const void *value;
    /** The length of the value in bytes. */
    size_t value_len;
    /** BOLT_KV_BUCKET where the entry is a bucket, else 0. */
    uint32_t flags;
    /** 0. */
    uint32_t reserved;
} bolt_kv;

/**
 * Opens a cursor over a bucket. It stands nowhere until it is moved.
 *
 * @param bucket The bucket.
 * @param cursor The new handle, to be ended by bolt_cursor_close.
 * @return BOLT_OK, BOLT_ARGUMENT, BOLT_BADHANDLE, BOLT_FORKED, ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_open(bolt_bucket *bucket, bolt_cursor **cursor);

/**
 * Ends a cursor.
 *
 * @param cursor The cursor, which the call ends; its transaction may have ended before. NULL is no error
 *     and does nothing.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API int bolt_cursor_close(bolt_cursor *cursor);

/**
 * Moves to the first entry.
 *
 * @param cursor The cursor.
 * @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where the bucket is empty; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_first(bolt_cursor *cursor, bolt_kv *kv);

/**
 * Moves to the last entry.
 *
 * @param cursor The cursor.
 * @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where the bucket is empty; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_last(bolt_cursor *cursor, bolt_kv *kv);

/**
 * Moves to the entry with the next greater key.
 *
 * @param cursor The cursor, which bolt_cursor_first, _last or _seek has placed.
 * @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where there is none, or where the cursor was never placed; BOLT_CORRUPT;
 *     BOLT_BADHANDLE; BOLT_FORKED.
 *
 * @code
 * bolt_kv kv;
 * int code;
 * for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv))
 *     printf("%.*s\n", (int)kv.key_len, (const char *)kv.key);
 * if (code != BOLT_NOTFOUND)
 *     fprintf(stderr, "%s\n", bolt_strerror(code));
 * @endcode
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_next(bolt_cursor *cursor, bolt_kv *kv);

/**
 * Moves to the entry with the next smaller key.
 *
 * @param cursor The cursor, which bolt_cursor_first, _last or _seek has placed.
 * @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where there is none, or where the cursor was never placed; BOLT_CORRUPT;
 *     BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_prev(bolt_cursor *cursor, bolt_kv *kv);

/**
 * Moves to a key, or to the next greater one where it is not there.
 *
 * @param cursor The cursor.
 * @param key The key; NULL with length 0: the first entry.
 * @param key_len The length of the key in bytes.
 * @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where all keys are smaller: bolt_cursor_prev then moves to the last one;
 *     BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_seek(bolt_cursor *cursor, const void *key, size_t key_len,
        bolt_kv *kv);

/**
 * Moves to a key, or to the next smaller one where it is not there.
 *
 * @param cursor The cursor.
 * @param key The key.
 * @param key_len The length of the key in bytes.
 * @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where all keys are greater: bolt_cursor_next then moves to the first one;
 *     BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_seek_le(bolt_cursor *cursor, const void *key, size_t key_len,
        bolt_kv *kv);

/**
 * Keeps a cursor between two keys: for it, all others are as if they were not there. It stands nowhere then.
 *
 * @param cursor The cursor.
 * @param from The smallest key; NULL: no bound. It is copied.
 * @param to The first key that is too great; NULL: no bound. It is copied.
 * @return BOLT_OK; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM, and all is as it was.
 */
BOLT_API int bolt_cursor_set_bounds(bolt_cursor *cursor, const bolt_slice *from, const bolt_slice *to);

/**
 * The entry on which the cursor stands, without a move.
 *
 * @param cursor The cursor.
 * @param kv The entry, valid until the transaction ends; written only with BOLT_OK. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where it stands on none; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_current(bolt_cursor *cursor, bolt_kv *kv);

/**
 * Deletes the entry on which the cursor stands. bolt_cursor_next then moves to the entry that followed it,
 * once; bolt_cursor_prev to the one before.
 *
 * @param cursor The cursor.
 * @return BOLT_OK; BOLT_NOTFOUND where it stands on no entry; BOLT_WRONGTYPE where it stands on a bucket,
 *     which bolt_bucket_delete deletes; BOLT_NOTWRITABLE; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED;
 *     ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_delete(bolt_cursor *cursor);

#ifdef __cplusplus
}
#endif

#endif
