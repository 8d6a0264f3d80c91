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
 * 0. Results come last, are written only with BOLT_OK (with BOLT_TOOSMALL, the length that is needed), and
 * may be NULL where you do not care, except for a handle that you would have to end. Nothing of yours is kept
 * after a call returns: keys, values and names are copied.
 *
 * Functions of yours get what you gave with them, ctx, as it is. Of those that return an int, 0 goes on, and
 * anything else stops what calls them and comes out of it unchanged; BOLT_CALLBACK_FIRST to
 * BOLT_CALLBACK_LAST mean nothing to libbolt. They are called with no lock held. They must return: an
 * exception that leaves one ends the program, and after a longjmp out of one the library is of no more use.
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
 * a newer program, options that the library does not know must be zero, or it answers BOLT_MISMATCH; results
 * that it does not know become zero.
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
#define BOLT_ABI_NUMBER 0

/* Whether the library that runs fits this header: BOLT_OK, or BOLT_MISMATCH and a text that says what to do.
 * Call it where your program begins. */
#define BOLT_VERSION_CHECK() bolt_version_check(BOLT_ABI_NUMBER, BOLT_VERSION_NUMBER)

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------------------------------------ */

/**
 * The version of the library that runs.
 *
 * BOLT_VERSION_CHECK() compares it with `BOLT_VERSION_NUMBER`, the version of this header.
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

/**
 * Whether the library that runs fits the header that the program was compiled with; call it by
 * BOLT_VERSION_CHECK(), which fills in the numbers of the header.
 *
 * They fit where the ABI numbers are equal and the library is as new as the header or newer: it then has
 * everything that the program was compiled with, and means the same by it. The number in the shared
 * library's name keeps a program that was linked with it from one of another ABI; a program that loads it by
 * itself, or was compiled with a header of another place, gets what it finds.
 *
 * @param abi_number `BOLT_ABI_NUMBER` of the header.
 * @param version `BOLT_VERSION_NUMBER` of the header.
 * @return BOLT_OK; BOLT_MISMATCH, and the error details name both versions and say what to do. Any thread
 *     may call.
 */
BOLT_API BOLT_MUST_USE int bolt_version_check(uint32_t abi_number, uint32_t version);

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
 * The program was compiled with a `bolt.h` that the library that runs does not fit; the error details say
 * what to do. See bolt_version_check.
 */
#define BOLT_MISMATCH (-32)

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
 * A flag of bolt_options: Go's NoGrowSync. It is accepted and changes nothing: here the growth of the file
 * has no sync of its own; the sync of the commit covers it.
 */
#define BOLT_OPEN_NOGROWSYNC 8

/**
 * A flag of bolt_options: load the list of free pages at once instead of with the first write transaction.
 * A damaged list then fails the opening; and in a database that is open for reading only,
 * bolt_page_info_get needs it.
 */
#define BOLT_OPEN_PRELOAD_FREELIST 16
/** A flag of bolt_options: read the file into memory when it is opened. */
#define BOLT_OPEN_POPULATE 32

/**
 * A flag of bolt_options: lock the file's bytes in memory, so that none is ever read from the disk again.
 * Opening, and a commit that makes the file longer, fail with ENOMEM or EPERM where the system's limit
 * (RLIMIT_MEMLOCK) forbids it.
 */
#define BOLT_OPEN_MLOCK 64

/**
 * A flag of bolt_options: each commit checks the whole new state as bolt_check does before it becomes the
 * newest one. Where it is not sound the commit fails with BOLT_CORRUPT, and nothing is committed. Slow.
 */
#define BOLT_OPEN_STRICT 128

/**
 * A flag of bolt_options: do without a map of the file, for those who cannot have a signal. With a map,
 * another process that shortens the file, or a disk that fails beneath it, ends the program by SIGBUS;
 * without it the call answers BOLT_TRUNCATED or EIO. All promises are the same: bytes that were given out
 * stay valid and unchanged until the transaction ends or is reset. Their pages are kept for that long; pages
 * that were only passed, and all of bolt_get_copy, bolt_cursor_next_packed, bolt_check and the like, are
 * kept up to BOLT_OPT_CACHE_LEN. Reads cost a system call where the page is not kept. BOLT_OPEN_POPULATE,
 * initial_map_len and bolt_advise do nothing then; BOLT_OPEN_MLOCK is refused as BOLT_ARGUMENT.
 */
#define BOLT_OPEN_NOMAP 256

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

/**
 * A freelist mode: never (Go: NoFreelistSync). The first write transaction after an opening then looks for
 * the free pages.
 */
#define BOLT_FREELIST_NEVER 3

/**
 * A freelist type, Go's "array", the default. The types are accepted and change nothing: libbolt has one
 * freelist, which takes the lowest pages that fit as "array" does, and is as fast as "hashmap".
 */
#define BOLT_FREELIST_ARRAY 0
/** A freelist type, Go's "hashmap". */
#define BOLT_FREELIST_HASHMAP 1

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
/** 1: BOLT_OPEN_NOGROWSYNC; 0: the default. May change after open. */
#define BOLT_OPT_NOGROWSYNC 11
/** 1: load the list of free pages at once (BOLT_OPEN_PRELOAD_FREELIST); 0: the default. */
#define BOLT_OPT_PRELOAD_FREELIST 12
/** 1: read the file into memory (BOLT_OPEN_POPULATE); 0: the default. */
#define BOLT_OPT_POPULATE 13
/** 1: lock the file's bytes in memory (BOLT_OPEN_MLOCK); 0: the default. */
#define BOLT_OPT_MLOCK 14
/** 1: check each commit (BOLT_OPEN_STRICT); 0: the default. May change after open. */
#define BOLT_OPT_STRICT 15
/** BOLT_FREELIST_ARRAY or BOLT_FREELIST_HASHMAP. May change after open. */
#define BOLT_OPT_FREELIST_TYPE 16

/**
 * How many bytes more than it needs the file may grow by, so that growth is rare; 16 MiB is the default; 0:
 * not a page more. May change after open.
 */
#define BOLT_OPT_ALLOC_LEN 17

/**
 * The most calls of bolt_batch_update and bolt_batch_commit that share a commit, at least 1; 1000 is the
 * default. May change after open.
 */
#define BOLT_OPT_BATCH_LEN 18
/** 1: do without a map of the file (BOLT_OPEN_NOMAP); 0: the default. */
#define BOLT_OPT_NOMAP 19

/**
 * With BOLT_OPEN_NOMAP: how many bytes of memory may keep pages that no transaction needs; 64 MiB is the
 * default; 0: none.
 */
#define BOLT_OPT_CACHE_LEN 20

/**
 * With BOLT_OPEN_NOMAP: how many bytes of memory all transactions together may keep for pages whose bytes
 * they gave out, or that a write transaction has changed; 1 GiB is the default; 0: without a limit. A call
 * that would pass it fails with ENOMEM and changes nothing; the transaction goes on, and ending or resetting
 * any makes room. An eighth of it is left to commits, which need the pages above those that were changed,
 * and the neighbours of those that became too small; one that needs more fails with ENOMEM and is rolled
 * back.
 */
#define BOLT_OPT_LENT_LEN 21

/** How a database is opened. Fill it with bolt_options_init first, then change what you like. */
typedef struct bolt_options {
    /** The length of this struct in bytes, set by bolt_options_init. */
    size_t struct_size;
    /** BOLT_OPEN_ flags, or 0. */
    uint32_t flags;
    /** See BOLT_OPT_PAGE_SIZE. */
    uint32_t page_size;
    /** See BOLT_OPT_FILE_MODE. */
    uint32_t file_mode;
    /** See BOLT_OPT_FREELIST_MODE. */
    uint32_t freelist_mode;
    /** See BOLT_OPT_FILL_PERCENT. */
    uint32_t fill_percent;
    /** See BOLT_OPT_FREELIST_TYPE. */
    uint32_t freelist_type;
    /** See BOLT_OPT_LOCK_TIMEOUT; milliseconds. */
    uint64_t lock_timeout_ms;
    /** See BOLT_OPT_INITIAL_MAP_LEN; bytes. */
    uint64_t initial_map_len;
    /** See BOLT_OPT_MAX_LEN; bytes. */
    uint64_t max_len;
    /** See BOLT_OPT_ALLOC_LEN; bytes. */
    uint64_t alloc_len;
    /** See BOLT_OPT_BATCH_LEN. */
    uint64_t batch_len;
    /** See BOLT_OPT_CACHE_LEN; bytes. */
    uint64_t cache_len;
    /** See BOLT_OPT_LENT_LEN; bytes. */
    uint64_t lent_len;
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
 * A damaged meta page is passed over: the other one's state is opened, with a warning to the logger. A meta
 * page that the disk cannot read may hold the last commit: opening for writing then ends with the disk's
 * error, and opening for reading only takes the other one's state, with a warning.
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
 * @param path The text given to bolt_open, "" where the database was opened otherwise; it stays valid until
 *     bolt_close.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED. Any thread may call.
 */
BOLT_API int bolt_path(bolt_db *db, const char **path);

/**
 * Changes an option of an open database.
 *
 * @param db The database.
 * @param option A BOLT_OPT_ number of which it is said that it may change after open.
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
 * Makes durable everything committed so far; of use with BOLT_OPEN_NOSYNC. After a failure the database
 * refuses to sync and to write until it is opened anew: what the disk holds is not known. A transaction that
 * is open then ends in BOLT_POISONED. It and the syncs of a commit wait for each other; it does not wait for an open
 * transaction.
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

/**
 * A transaction: a reader's unchanging view of the whole database, or the one writer.
 *
 * It may be used by any thread, but never by two at the same time; that goes for its buckets and cursors,
 * too. bolt_commit and bolt_rollback end it, and with it its bucket handles and all the bytes that it gave
 * out.
 */
typedef struct bolt_txn bolt_txn;

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
 * @param txn The write transaction, which the call ends, whatever it returns but for BOLT_BADHANDLE,
 *     BOLT_BUSY, BOLT_FORKED and BOLT_MANAGED.
 * @return BOLT_OK; BOLT_NOTWRITABLE for a read transaction, which is ended, too; BOLT_FULL; BOLT_POISONED;
 *     BOLT_UNKNOWN; BOLT_CORRUPT; BOLT_BADHANDLE, also for a transaction that is reset, which stays as it
 *     is; BOLT_MANAGED for a transaction that bolt_view, bolt_update or bolt_batch_update gave to a
 *     function, and BOLT_BUSY in a function that bolt_check or a backup calls: it stays as it is;
 *     BOLT_FORKED; an errno such as ENOSPC or EIO.
 */
BOLT_API BOLT_MUST_USE int bolt_commit(bolt_txn *txn);

/**
 * Ends a transaction, and forgets what was done in it if it is a write transaction.
 *
 * @param txn The transaction, which the call ends. NULL is no error and does nothing.
 * @return BOLT_OK; BOLT_MANAGED and BOLT_BUSY as for bolt_commit; BOLT_BADHANDLE; BOLT_FORKED.
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
 * @return BOLT_OK; BOLT_ARGUMENT for a write transaction; BOLT_MANAGED and BOLT_BUSY as for bolt_commit;
 *     BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API int bolt_txn_reset(bolt_txn *txn);

/**
 * Makes a read transaction see what was committed last.
 *
 * @param txn The read transaction, reset or not; its bucket handles, cursors and bytes end if it was not.
 *     If the call fails, the transaction is as after a reset.
 * @return BOLT_OK; BOLT_ARGUMENT for a write transaction, which is left as it is; BOLT_MANAGED and BOLT_BUSY
 *     as for bolt_commit; BOLT_BADHANDLE; BOLT_FORKED; an errno such as ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_txn_renew(bolt_txn *txn);

/* ---- Facts about a transaction ------------------------------------------------------------------------ */

/** A flag of bolt_txn_info: the transaction can write. */
#define BOLT_TXN_WRITABLE 1

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
    /** The number of cursors opened in it so far. */
    uint64_t cursor_count;
    /** A writer: the number of pages that it changes so far, in memory. */
    uint64_t node_count;
    /** A writer: about how many bytes of memory its changes take. */
    uint64_t private_len;
} bolt_txn_info;

/**
 * What is known about a transaction.
 *
 * @param txn The transaction.
 * @param info Filled; its struct_size must be set.
 * @return BOLT_OK; BOLT_ARGUMENT for NULL or an impossible struct_size; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API int bolt_txn_info_get(bolt_txn *txn, bolt_txn_info *info);

/* ---- Savepoint ---------------------------------------------------------------------------------------- */

/**
 * Sets a savepoint: a state of the write transaction to which it can be taken back.
 *
 * It costs nothing to set one, so each request of many in a transaction may have its own. They nest. What is
 * not released ends with the transaction.
 *
 * @param txn The write transaction.
 * @param savepoint Its number, good in this transaction alone.
 * @return BOLT_OK; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
 *
 * @code
 * uint64_t before;
 * int code = bolt_savepoint(txn, &before);
 * if (code == BOLT_OK) {
 *     code = handle_request(txn);
 *     if (code == BOLT_OK)
 *         code = bolt_savepoint_release(txn, before);
 *     else
 *         bolt_savepoint_rollback(txn, before);
 * }
 * @endcode
 */
BOLT_API BOLT_MUST_USE int bolt_savepoint(bolt_txn *txn, uint64_t *savepoint);

/**
 * Takes back everything that was done since a savepoint was set. The savepoint stays, those set after it
 * end.
 *
 * Buckets that were opened or made since answer BOLT_BADHANDLE from then on, and cursors over them; those
 * that were deleted since are good again. Bytes that were given out stay valid.
 *
 * @param txn The write transaction.
 * @param savepoint The savepoint's number.
 * @return BOLT_OK; BOLT_NOTWRITABLE; BOLT_BADHANDLE, also where the savepoint is released or was rolled
 *     back past; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_savepoint_rollback(bolt_txn *txn, uint64_t savepoint);

/**
 * Gives up a savepoint and those set after it. What was done since stays.
 *
 * @param txn The write transaction.
 * @param savepoint The savepoint's number.
 * @return BOLT_OK; BOLT_NOTWRITABLE; BOLT_BADHANDLE, also where the savepoint is released or was rolled
 *     back past; BOLT_FORKED.
 */
BOLT_API int bolt_savepoint_release(bolt_txn *txn, uint64_t savepoint);

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
 * @return BOLT_OK; BOLT_NOTFOUND; BOLT_WRONGTYPE where a value has that name; BOLT_ARGUMENT;
 *     BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
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
 *     where the target has a bucket of that name; BOLT_SAMEBUCKET where both are the same, or the target
 *     is the bucket itself or lies in it; BOLT_DIFFERENTDB where they belong to different transactions;
 *     BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM. Nothing has
 *     changed unless it is BOLT_OK.
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
 * @return BOLT_OK; BOLT_ARGUMENT for a number out of range; BOLT_NOTWRITABLE; BOLT_BADHANDLE;
 *     BOLT_FORKED.
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
 *     the value is longer than cap, nothing is copied then; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE;
 *     BOLT_FORKED.
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
 * @param values Room for n values. Each is as bolt_get gives it, at the place of its key; data is NULL
 *     and len 0 where there is no such key, or where it is a bucket. They say nothing where the call
 *     fails. May be NULL, and may be the array of the keys.
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
 *     where a key is not smaller; BOLT_NOTFOUND with BOLT_MUSTEXIST where the key is not there.
 *     BOLT_WRONGTYPE where the key is a bucket, whatever the flags say.
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
 *     transaction, its buckets or its cursors; what stands there then is the value, to be read only. May
 *     be NULL.
 * @return As bolt_put.
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
 *     deleted.
 * @param deleted How many keys were deleted. May be NULL.
 * @return BOLT_OK, also where there was none; BOLT_WRONGTYPE where a bucket lies in the range: nothing is
 *     deleted then; BOLT_NOTWRITABLE; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
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
 * @return BOLT_OK; BOLT_NOTFOUND where all keys are greater: bolt_cursor_next then moves to the first
 *     one; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
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

/* ---- Many entries at once ----------------------------------------------------------------------------- */

/** A flag of bolt_scan: from the last entry to the first. */
#define BOLT_SCAN_REVERSE 1

/**
 * What bolt_scan calls.
 *
 * @param ctx What bolt_scan was given.
 * @param kvs The next entries in their order. Their bytes are valid until the transaction ends, the array
 *     itself until the function returns.
 * @param n How many there are; at least one.
 * @return 0 to go on; anything else stops the scan, and bolt_scan returns it.
 */
typedef int (*bolt_scan_fn)(void *ctx, const bolt_kv *kvs, size_t n);

/**
 * Moves on by as many entries as fit an array.
 *
 * @param cursor The cursor. Where it was never placed, it begins with the first entry. It comes to stand
 *     on the last entry that it gave.
 * @param kvs Room for cap entries, which are valid until the transaction ends.
 * @param cap How many fit there, at least 1; 64 to 256 are best.
 * @param n How many there are now, at least 1. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where there is no further entry; BOLT_ARGUMENT; BOLT_CORRUPT;
 *     BOLT_BADHANDLE; BOLT_FORKED.
 *
 * @code
 * bolt_kv kvs[128];
 * size_t n, i;
 * int code;
 * while ((code = bolt_cursor_next_many(cursor, kvs, 128, &n)) == BOLT_OK)
 *     for (i = 0; i < n; i++)
 *         printf("%.*s\n", (int)kvs[i].key_len, (const char *)kvs[i].key);
 * @endcode
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_next_many(bolt_cursor *cursor, bolt_kv *kvs, size_t cap, size_t *n);

/**
 * Moves on by as many entries as fit a buffer, and copies them there one behind the other.
 *
 * Each begins at a multiple of 8 bytes with four numbers of 32 bits, little-endian: the length of the key,
 * the length of the value, its flags (BOLT_KV_BUCKET or 0), and 0. Key and value follow, and zeros up to the
 * next multiple of 8.
 *
 * @param cursor The cursor. Where it was never placed, it begins with the first entry. It comes to stand
 *     on the last entry that it gave.
 * @param buf Where the entries are copied to. NULL where cap is 0.
 * @param cap How many bytes fit there.
 * @param used How many bytes are written; with BOLT_TOOSMALL how many the next entry needs. May be NULL.
 * @param n How many entries there are now, at least 1. May be NULL.
 * @return BOLT_OK; BOLT_NOTFOUND where there is no further entry; BOLT_TOOSMALL where the next one does
 *     not fit, and the cursor stays; BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED.
 */
BOLT_API BOLT_MUST_USE int bolt_cursor_next_packed(bolt_cursor *cursor, void *buf, size_t cap, size_t *used,
        size_t *n);

/**
 * Goes through a bucket, or a part of it, and gives the entries to a function, many at once.
 *
 * The function may read and write in the same transaction: the scan goes on behind the last entry that it
 * gave.
 *
 * @param bucket The bucket.
 * @param from The smallest key; NULL: from the first.
 * @param to The first key that is too great; NULL: to the last.
 * @param flags BOLT_SCAN_REVERSE or 0.
 * @param each The function. If it ends the transaction, bolt_scan answers BOLT_BADHANDLE.
 * @param ctx Given to the function.
 * @return BOLT_OK at the end, also where there was no entry; what the function returned if it stopped;
 *     BOLT_ARGUMENT; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_scan(bolt_bucket *bucket, const bolt_slice *from, const bolt_slice *to,
        uint32_t flags, bolt_scan_fn each, void *ctx);

/* ---- Inspection --------------------------------------------------------------------------------------- */

/** What a bucket and all buckets in it hold together. Lengths are in bytes. */
typedef struct bolt_bucket_stats {
    /** The length of this struct in bytes, set by the caller: sizeof(bolt_bucket_stats). */
    size_t struct_size;
    /** The number of branch pages, their overflow pages not counted. */
    uint64_t branch_page_count;
    /** The number of overflow pages of branch pages. */
    uint64_t branch_overflow_count;
    /** The number of leaf pages, their overflow pages not counted. */
    uint64_t leaf_page_count;
    /** The number of overflow pages of leaf pages. */
    uint64_t leaf_overflow_count;
    /** The number of keys, those that are buckets among them. */
    uint64_t key_count;
    /** The number of levels of pages, from the bucket's root down through the deepest bucket in it. */
    uint64_t depth;
    /** The length of all branch pages with their overflow pages. */
    uint64_t branch_alloc_len;
    /** How much of it is in use. */
    uint64_t branch_used_len;
    /** The length of all leaf pages with their overflow pages. */
    uint64_t leaf_alloc_len;
    /** How much of it is in use. */
    uint64_t leaf_used_len;
    /** The number of buckets, the bucket itself among them. */
    uint64_t bucket_count;
    /** The number of those that have no page of their own, but lie in their parent's. */
    uint64_t inline_bucket_count;
    /** The length that those use in their parents' pages. */
    uint64_t inline_used_len;
} bolt_bucket_stats;

/**
 * What bolt_bucket_inspect calls for each bucket.
 *
 * @param ctx What bolt_bucket_inspect was given.
 * @param path The names on the way from the bucket that is inspected to this one; the array is valid
 *     until the function returns.
 * @param depth How many names there are: 0 for the bucket that is inspected.
 * @param key_count How many keys the bucket has that are no buckets.
 * @return 0 to go on; anything else stops, and bolt_bucket_inspect returns it.
 */
typedef int (*bolt_inspect_fn)(void *ctx, const bolt_slice *path, size_t depth, uint64_t key_count);

/**
 * Counts the pages and keys of a bucket and of all buckets in it, as Go's bbolt does.
 *
 * All of their pages are read. What counts is the file as the transaction began: changes made in it are not
 * seen.
 *
 * @param bucket The bucket; bolt_root for the whole database.
 * @param stats Filled; its struct_size must be set.
 * @return BOLT_OK; BOLT_ARGUMENT for NULL or an impossible struct_size; BOLT_CORRUPT; BOLT_BADHANDLE;
 *     BOLT_FORKED; ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_stats_get(bolt_bucket *bucket, bolt_bucket_stats *stats);

/**
 * Tells a function of a bucket and of all buckets in it, however deep, each with the number of its keys:
 * parents before the buckets in them, those in the order of their names.
 *
 * Changes made in the transaction are seen. All leaf pages are read, one bucket at a time.
 *
 * @param bucket The bucket; bolt_root for the whole database.
 * @param each The function. It may read in the transaction, but must not write. If it ends the
 *     transaction, bolt_bucket_inspect answers BOLT_BADHANDLE.
 * @param ctx Given to the function.
 * @return BOLT_OK at the end; what the function returned if it stopped; BOLT_ARGUMENT; BOLT_CORRUPT;
 *     BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_bucket_inspect(bolt_bucket *bucket, bolt_inspect_fn each, void *ctx);

/* ---- Managed transactions ----------------------------------------------------------------------------- */

/**
 * What bolt_view, bolt_update and bolt_batch_update call.
 *
 * @param ctx What they were given.
 * @param txn The transaction. It ends when the function returns, with its buckets and the bytes that it gave
 *     out; bolt_commit, bolt_rollback, bolt_txn_reset and bolt_txn_renew answer BOLT_MANAGED.
 * @return 0: all is well. Anything else comes out unchanged, and what was done in the transaction is taken
 *     back.
 */
typedef int (*bolt_txn_fn)(void *ctx, bolt_txn *txn);

/**
 * What bolt_txn_on_commit lets run.
 *
 * @param ctx What bolt_txn_on_commit was given.
 */
typedef void (*bolt_commit_fn)(void *ctx);

/**
 * Runs a function in a read transaction.
 *
 * @param db The database.
 * @param fn The function.
 * @param ctx Given to the function.
 * @return BOLT_OK; what the function returned, if not 0; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_view(bolt_db *db, bolt_txn_fn fn, void *ctx);

/**
 * Runs a function in the write transaction, and commits what it did.
 *
 * Waits until no other write transaction is open, as bolt_txn_begin does; so a function that calls
 * bolt_update for the same database waits for ever.
 *
 * @param db The database.
 * @param fn The function.
 * @param ctx Given to the function.
 * @return BOLT_OK: it is committed. Otherwise nothing of it is seen: what the function returned, if not 0;
 *     what bolt_txn_begin or bolt_commit answered; BOLT_ARGUMENT.
 */
BOLT_API BOLT_MUST_USE int bolt_update(bolt_db *db, bolt_txn_fn fn, void *ctx);

/**
 * Runs a function in a write transaction that the calls of other threads may share, and commits what it did:
 * many threads' updates wait for the disk once. It returns when the commit is done.
 *
 * Who calls while nobody else does waits for nothing; who calls while a commit is on its way to the disk
 * shares the next one. The function runs in the calling thread, or, while that one waits, in the thread of
 * another call of bolt_batch_update or bolt_batch_commit for the same database (as in bbolt's Batch). If it
 * fails (does not return 0), what it did is taken back, it is run once more in a transaction of its own, in
 * the calling thread, and what comes of that is what the call returns; others are not touched by it. It may
 * also be run again because of others. So it must be fit to be run more than once, and what it writes
 * outside the database may only be relied on when the call has returned BOLT_OK.
 *
 * Buckets, cursors and bytes of the transaction end with each return of the function, although the
 * transaction goes on.
 *
 * @param db The database.
 * @param fn The function.
 * @param ctx Given to the function.
 * @return As bolt_update.
 */
BOLT_API BOLT_MUST_USE int bolt_batch_update(bolt_db *db, bolt_txn_fn fn, void *ctx);

/**
 * Lets a function run once the transaction is committed: after everything is on the disk and seen by others,
 * and before the call that commits returns. If it is not committed, the function does not run.
 *
 * Several run in the order in which they were given. The function may use the database as it likes.
 * Functions given after a savepoint do not run if the transaction is rolled back to it.
 *
 * @param txn The write transaction, managed or not.
 * @param fn The function. It runs in the thread that commits; in a bolt_batch_update, in that of the call.
 * @param ctx Given to the function.
 * @return BOLT_OK; BOLT_NOTWRITABLE for a read transaction; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED;
 *     ENOMEM.
 */
BOLT_API int bolt_txn_on_commit(bolt_txn *txn, bolt_commit_fn fn, void *ctx);

/* ---- Batch -------------------------------------------------------------------------------------------- */

/** A flag of bolt_batch_commit: buckets that are missing are made; for puts, not for deletes. */
#define BOLT_BATCH_CREATE_BUCKETS 1

/**
 * A list of writes, without a function that would be called back: for languages in which that is dear.
 *
 * It belongs to no database and to no thread, but is never used by two threads at the same time.
 * bolt_batch_free ends it.
 */
typedef struct bolt_batch bolt_batch;

/**
 * Makes an empty batch.
 *
 * @param batch The new handle, to be ended by bolt_batch_free.
 * @return BOLT_OK; BOLT_ARGUMENT for NULL; ENOMEM. Any thread may call.
 */
BOLT_API BOLT_MUST_USE int bolt_batch_create(bolt_batch **batch);

/**
 * Adds to a batch: give a key a value, in place of the one that it may have.
 *
 * @param batch The batch.
 * @param bucket_path The names of the buckets that lead to the key, the top-level one first; copied.
 * @param depth How many names there are; 0: the root bucket.
 * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes of any kind, which are copied.
 * @param key_len The length of the key in bytes.
 * @param value The value, which is copied. NULL where value_len is 0.
 * @param value_len The length of the value in bytes. Key and value together have at most 2^31 - 17 bytes.
 * @return BOLT_OK; otherwise nothing is added: BOLT_KEYREQUIRED for an empty key; BOLT_KEYSIZE;
 *     BOLT_VALUESIZE; BOLT_NAMEREQUIRED for an empty name; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED;
 *     ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_batch_put(bolt_batch *batch, const bolt_slice *bucket_path, size_t depth,
        const void *key, size_t key_len, const void *value, size_t value_len);

/**
 * Adds to a batch: delete a key with its value. A key that is not there is no error.
 *
 * @param batch The batch.
 * @param bucket_path The names of the buckets that lead to the key, the top-level one first; copied.
 * @param depth How many names there are; 0: the root bucket.
 * @param key The key, which is copied.
 * @param key_len The length of the key in bytes.
 * @return BOLT_OK; otherwise nothing is added: BOLT_NAMEREQUIRED for an empty name; BOLT_ARGUMENT;
 *     BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_batch_delete(bolt_batch *batch, const bolt_slice *bucket_path, size_t depth,
        const void *key, size_t key_len);

/**
 * Does all writes of a batch, in their order, all or none, in a transaction that other threads' batches and
 * bolt_batch_update may share; it returns when they are on the disk.
 *
 * @param db The database.
 * @param batch The batch, which stays as it is: it may be committed again, added to, or cleared.
 * @param flags BOLT_BATCH_CREATE_BUCKETS or 0.
 * @return BOLT_OK; otherwise nothing is written: BOLT_NOTFOUND where a bucket is missing; BOLT_WRONGTYPE
 *     where a bucket stands in place of a value or a value in place of a bucket; BOLT_KEYSIZE where a bucket
 *     is to be made with a name that is too long; what bolt_txn_begin and bolt_commit answer; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_batch_commit(bolt_db *db, bolt_batch *batch, uint32_t flags);

/**
 * Takes all writes out of a batch, and keeps its memory for the next ones.
 *
 * @param batch The batch.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API int bolt_batch_clear(bolt_batch *batch);

/**
 * Ends a batch, committed or not.
 *
 * @param batch The batch, which the call ends. NULL is no error and does nothing.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED.
 */
BOLT_API int bolt_batch_free(bolt_batch *batch);

/* ---- Check -------------------------------------------------------------------------------------------- */

/** A severity: not as it should be, but nothing is lost, and everything can be read and written on. */
#define BOLT_SEVERITY_WARNING 1
/** A severity: damage. Something cannot be read, or writing on would lose data. */
#define BOLT_SEVERITY_ERROR 2
/** A meta page cannot be used. A warning while the other one can. */
#define BOLT_FINDING_META_DAMAGED 1
/** The page header of a meta page is wrong, which nobody but Go's check reads. A warning. */
#define BOLT_FINDING_META_HEADER 2
/** The file is shorter than the meta page says. */
#define BOLT_FINDING_FILE_TOO_SHORT 3
/** The freelist cannot be read: it lies outside the database, or its header is another page's. */
#define BOLT_FINDING_FREELIST_PAGE 10
/** The freelist names more pages than fit its own. */
#define BOLT_FINDING_FREELIST_LENGTH 11
/** The freelist names a page that is none: below 2, or past the high water. */
#define BOLT_FINDING_FREELIST_RANGE 12
/** The freelist names a page twice. */
#define BOLT_FINDING_FREELIST_TWICE 13
/** The freelist names a page that it occupies itself. */
#define BOLT_FINDING_FREELIST_SELF 14
/** A reference leads to a page that is none: below 2, or past the high water. */
#define BOLT_FINDING_PAGE_RANGE 20
/** A page is used twice. */
#define BOLT_FINDING_PAGE_TWICE 21
/** A reference leads back to a page above the one that has it. */
#define BOLT_FINDING_CYCLE 22
/** A page is in use, and free. */
#define BOLT_FINDING_PAGE_FREED 23
/** A page is neither in use nor free. */
#define BOLT_FINDING_UNREACHABLE 24
/** A page's header has another page's id. */
#define BOLT_FINDING_PAGE_ID 25
/** A page of a tree is neither branch nor leaf. */
#define BOLT_FINDING_PAGE_KIND 26
/** A page and its overflow pages pass the end of the database or of the file. */
#define BOLT_FINDING_PAGE_LENGTH 27
/** A tree is deeper than 64 pages. */
#define BOLT_FINDING_TOO_DEEP 30
/** The leaves of a tree lie at different depths. A warning. */
#define BOLT_FINDING_UNEVEN_DEPTH 31
/** A page without elements that is not the only page of a bucket. */
#define BOLT_FINDING_EMPTY_PAGE 32
/** A branch page with one child. A warning. */
#define BOLT_FINDING_SINGLE_CHILD 33
/** An element, or the table of all elements, lies outside its page. */
#define BOLT_FINDING_ELEMENT_OUTSIDE 40
/** An element's key lies within the table of elements. */
#define BOLT_FINDING_ELEMENT_IN_TABLE 41
/** Elements share bytes: together they are longer than their page. */
#define BOLT_FINDING_ELEMENTS_OVERLAP 42
/** An element of a leaf has flags that nobody knows. A warning. */
#define BOLT_FINDING_ELEMENT_FLAGS 43
/** A key without a byte. */
#define BOLT_FINDING_EMPTY_KEY 50
/** A key longer than BOLT_KEY_LEN_MAX. A warning. */
#define BOLT_FINDING_KEY_LENGTH 51
/** A key that does not come after the one before it on its page. */
#define BOLT_FINDING_KEY_ORDER 52
/** A page's first key is below the one that its parent has for it. */
#define BOLT_FINDING_KEY_BELOW 53
/** A key of a page reaches the next key of the branch pages above it. */
#define BOLT_FINDING_KEY_REACHES_NEXT 54

/**
 * A page's first key is above the one that its parent has for it: Go's bbolt damages the file if it writes
 * there.
 */
#define BOLT_FINDING_BRANCH_KEY 55
/** A bucket's value is shorter than its header; or longer although it has a root page, a warning. */
#define BOLT_FINDING_BUCKET_VALUE 60
/** The page within an inline bucket's value is none that could be written there. */
#define BOLT_FINDING_INLINE_PAGE 61
/** A flag of bolt_check: leave out what is a warning. */
#define BOLT_CHECK_ERRORS_ONLY 1

/** One thing that the checker has found. */
typedef struct bolt_finding {
    /** The length of this struct in bytes: fields that this header does not know may follow. */
    size_t struct_size;
    /** BOLT_SEVERITY_WARNING or BOLT_SEVERITY_ERROR. */
    uint32_t severity;
    /** What it is about: a BOLT_FINDING_ number. Later versions may have further ones. */
    uint32_t code;
    /**
     * The page on which it was seen: for a bad reference the page that has it, otherwise the page that is
     * not as it should be. An inline bucket's is the page that holds it.
     */
    uint64_t page;
    /** What is wrong, as one sentence in UTF-8 that ends with a zero; valid until the function returns. */
    const char *text;
} bolt_finding;

/**
 * What bolt_check calls for each finding.
 *
 * @param ctx What bolt_check was given.
 * @param finding The finding, valid until the function returns.
 * @return 0 to go on; anything else stops, and bolt_check returns it.
 */
typedef int (*bolt_finding_fn)(void *ctx, const struct bolt_finding *finding);

/**
 * Checks the database as the transaction sees it: everything that Go's check finds, and what would make Go's
 * bbolt damage the file later. What a write transaction has changed is not looked at.
 *
 * It stands any damage, takes time in proportion to the file, and others may read and write meanwhile.
 *
 * @param txn The transaction. Until bolt_check returns, other calls on it answer BOLT_BUSY.
 * @param from_page Check only the pages and buckets below this page, without the meta pages, the freelist
 *     and pages that nothing reaches; 0: check everything.
 * @param flags BOLT_CHECK_ERRORS_ONLY or 0.
 * @param fn Called for each finding; NULL: they are counted only.
 * @param ctx Given to the function.
 * @param findings How many findings there were; 0: the database is sound.
 * @return BOLT_OK, whatever was found; what the function returned, if not 0; BOLT_ARGUMENT; BOLT_BADHANDLE;
 *     BOLT_FORKED; an errno such as ENOMEM.
 */
BOLT_API BOLT_MUST_USE int bolt_check(bolt_txn *txn, uint64_t from_page, uint32_t flags, bolt_finding_fn fn,
        void *ctx, uint64_t *findings);

/* ---- Backup and compaction ---------------------------------------------------------------------------- */

/**
 * A flag of bolt_backup and bolt_compact: replace the file that may have the name. Whoever has it open keeps
 * the old one.
 */
#define BOLT_REPLACE 1

/**
 * What backups and bolt_compact tell how far they have come.
 *
 * @param ctx What they were given.
 * @param done How many bytes are done.
 * @param total How many it will be; 0 where that is not known.
 * @return 0 to go on; anything else stops, and comes out unchanged.
 */
typedef int (*bolt_progress_fn)(void *ctx, uint64_t done, uint64_t total);

/** What a backup was. */
typedef struct bolt_backup_info {
    /** The length of this struct in bytes, set by the caller: sizeof(bolt_backup_info). */
    size_t struct_size;
    /** Its length in bytes. */
    uint64_t len;
    /** The CRC-32 of all its bytes: that of gzip and zlib. */
    uint32_t crc32;
    /** 0. */
    uint32_t reserved;
} bolt_backup_info;

/**
 * What bolt_backup_write gives the bytes to.
 *
 * @param ctx What bolt_backup_write was given.
 * @param data The next bytes, valid until the function returns.
 * @param len How many there are, at least one.
 * @return 0 to go on; anything else stops, and bolt_backup_write returns it.
 */
typedef int (*bolt_write_fn)(void *ctx, const void *data, size_t len);

/**
 * Copies the database, as the transaction sees it, into a new file, which appears whole, on the disk and
 * under its name, or not at all. Others may read and write meanwhile.
 *
 * The copy is that of Go's Tx.WriteTo, byte for byte: a database that can be opened at once, with the free
 * pages of the original. Of a write transaction it is the state from which it began.
 *
 * @param txn The transaction. Until the call returns, other calls on it answer BOLT_BUSY.
 * @param path The name of the new file.
 * @param file_mode Its permission bits, less the process's umask; 0: 0600.
 * @param flags BOLT_REPLACE or 0.
 * @param fn Told how far it has come, about each MiB; may be NULL.
 * @param ctx Given to the function.
 * @param info Filled; its struct_size must be set. May be NULL.
 * @return BOLT_OK: it is on the disk, and so is its name. Otherwise there is no new file, or, where the very
 *     last step failed, one whose name a power cut may take away again: BOLT_EXISTS where the name is taken;
 *     what the function returned, if not 0; BOLT_ARGUMENT, also for the database's own file;
 *     BOLT_BADHANDLE; BOLT_FORKED; an errno such as ENOSPC.
 */
BOLT_API BOLT_MUST_USE int bolt_backup(bolt_txn *txn, const char *path, uint32_t file_mode, uint32_t flags,
        bolt_progress_fn fn, void *ctx, bolt_backup_info *info);

/**
 * Writes what bolt_backup would to a file descriptor, from its position on; it may be a pipe or a socket.
 *
 * After a failure a part may have been written. Nothing is synced.
 *
 * @param txn The transaction. Until the call returns, other calls on it answer BOLT_BUSY.
 * @param fd The descriptor, open for writing; it stays open.
 * @param fn Told how far it has come, about each MiB; may be NULL.
 * @param ctx Given to the function.
 * @param info Filled; its struct_size must be set. May be NULL.
 * @return BOLT_OK; what the function returned, if not 0; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; an
 *     errno such as EBADF, ENOSPC or EPIPE.
 */
BOLT_API BOLT_MUST_USE int bolt_backup_fd(bolt_txn *txn, int fd, bolt_progress_fn fn, void *ctx,
        bolt_backup_info *info);

/**
 * Gives what bolt_backup would write to a function, piece by piece.
 *
 * @param txn The transaction. Until the call returns, other calls on it answer BOLT_BUSY.
 * @param fn The function, which gets pieces of at most 1 MiB.
 * @param ctx Given to the function.
 * @param info Filled; its struct_size must be set. May be NULL.
 * @return BOLT_OK; what the function returned, if not 0; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; an
 *     errno.
 */
BOLT_API BOLT_MUST_USE int bolt_backup_write(bolt_txn *txn, bolt_write_fn fn, void *ctx,
        bolt_backup_info *info);

/**
 * Writes everything in the database, as the last commit left it, into a new database file without free pages
 * in between, which appears whole, on the disk and under its name, or not at all. Others may read and write
 * meanwhile.
 *
 * @param db The database, which stays as it is.
 * @param path The name of the new file.
 * @param options How the new file is made: its page size (0: as in this one), file mode, fill percent,
 *     freelist mode, maximum length; BOLT_OPEN_BBOLT_RULES makes it as Go's bbolt does. NULL: the defaults.
 * @param txn_max_bytes Commit to the new file after so many bytes of keys and values, which bounds the
 *     memory that is needed; 0: everything at once, which gives the smallest file.
 * @param flags BOLT_REPLACE or 0.
 * @param fn Told how many bytes of keys and values have been copied (the total is 0: it is not known); may
 *     be NULL.
 * @param ctx Given to the function.
 * @return BOLT_OK: it is on the disk, and so is its name. Otherwise there is no new file, or, where the very
 *     last step failed, one whose name a power cut may take away again: BOLT_EXISTS where the name is taken;
 *     what the function returned, if not 0; BOLT_FULL; BOLT_CORRUPT; BOLT_ARGUMENT, also for the database's
 *     own file; BOLT_BADHANDLE; BOLT_FORKED; an errno such as ENOSPC.
 */
BOLT_API BOLT_MUST_USE int bolt_compact(bolt_db *db, const char *path, const bolt_options *options,
        uint64_t txn_max_bytes, uint32_t flags, bolt_progress_fn fn, void *ctx);

/* ---- Statistics --------------------------------------------------------------------------------------- */

/**
 * A flag of bolt_stats: ask the kernel how much of the file is in memory, which takes it a look at each
 * page.
 */
#define BOLT_STATS_RESIDENT 1
/** A level of bolt_set_log: something failed that concerns more than one call. */
#define BOLT_LOG_ERROR 1
/** A level: something is not as it should be, and was got over, such as a damaged meta page. */
#define BOLT_LOG_WARNING 2
/** A level: what happens seldom, such as opening and closing. */
#define BOLT_LOG_INFO 3
/** A level: what happens often, such as commits, with their times. */
#define BOLT_LOG_DEBUG 4
/** A kind of page: its header says nothing. It is the inside of a run of pages, or damage. */
#define BOLT_PAGE_UNKNOWN 0
/** A kind of page: it may be used again, now or once nobody sees it. */
#define BOLT_PAGE_FREE 1
/** A kind of page: a branch of a bucket's tree. */
#define BOLT_PAGE_BRANCH 2
/** A kind of page: a leaf of a bucket's tree. */
#define BOLT_PAGE_LEAF 3
/** A kind of page: one of the two meta pages. */
#define BOLT_PAGE_META 4
/** A kind of page: the list of free pages. */
#define BOLT_PAGE_FREELIST 5

/**
 * What a database has done since it was opened, and what it takes now. Names in parentheses are those of
 * Go's bbolt. Sums take up what a transaction has counted when it ends; times are in nanoseconds.
 */
typedef struct bolt_db_stats {
    /** The length of this struct in bytes, set by the caller: sizeof(bolt_db_stats). */
    size_t struct_size;
    /**
     * The number of pages that may be used again, as the last write transaction saw it (FreePageN), or
     * BOLT_NO_COUNT before the first one.
     */
    uint64_t free_page_count;
    /** The number of pages that wait until nobody sees them (PendingPageN), or BOLT_NO_COUNT. */
    uint64_t pending_page_count;
    /** The length of both in bytes (FreeAlloc), or BOLT_NO_COUNT. */
    uint64_t free_len;
    /** The bytes that a list of both takes in the file (FreelistInuse), or BOLT_NO_COUNT. */
    uint64_t freelist_len;
    /** Read transactions begun (TxN). */
    uint64_t read_txn_count;
    /** Those of them that are open (OpenTxN). */
    uint64_t open_read_txn_count;
    /** Commits that wrote something. */
    uint64_t commit_count;
    /** Pages given out by commits (PageCount). */
    uint64_t page_count;
    /** Their length in bytes (PageAlloc). */
    uint64_t page_len;
    /** Cursors opened (CursorCount). */
    uint64_t cursor_count;
    /** Pages changed in memory (NodeCount). */
    uint64_t node_count;
    /**
     * Always 0 (NodeDeref): Go's bbolt copies what a transaction uses out of the map before it maps the file
     * anew; here the old map stays as long as anybody uses it.
     */
    uint64_t node_deref_count;
    /** Pages looked at because keys were deleted from them (Rebalance). */
    uint64_t rebalance_count;
    /** The time that took, and merging them (RebalanceTime). */
    uint64_t rebalance_ns;
    /** Cuts of pages in two (Split). */
    uint64_t split_count;
    /** Changed pages made ready to be written (Spill). */
    uint64_t spill_count;
    /** The time that took (SpillTime). */
    uint64_t spill_ns;
    /** Writes to the file (Write). */
    uint64_t write_count;
    /** The time that took, with the waits for the disk (WriteTime): the sum of the next three. */
    uint64_t write_ns;
    /** Growing the file, and writing pages. */
    uint64_t data_write_ns;
    /** Waiting until they were on the disk. */
    uint64_t data_sync_ns;
    /** Writing the meta page, and waiting until it was on the disk. */
    uint64_t meta_ns;
    /** The id of the oldest snapshot that an open read transaction sees, or 0 where none is open. */
    uint64_t oldest_reader_txn_id;
    /** How long that transaction has been open, in milliseconds. */
    uint64_t oldest_reader_age_ms;
    /** The bytes of the pages that cannot be used again because of read transactions. */
    uint64_t held_len;
    /** The bytes of address space that the file's map takes. */
    uint64_t mapped_len;
    /**
     * With BOLT_STATS_RESIDENT the bytes of the file that are in memory: the kernel's, which it takes back
     * when it needs them, although they count as the process's. Otherwise BOLT_NO_COUNT.
     */
    uint64_t resident_len;
    /**
     * The bytes of the process's own memory that the database takes, without its open transactions; of a
     * database in memory the file, too.
     */
    uint64_t private_len;
    /** Those of them that keep pages which were read without a map (BOLT_OPT_CACHE_LEN). */
    uint64_t cached_len;
    /**
     * The bytes of memory in which open transactions keep pages that were read without a map
     * (BOLT_OPT_LENT_LEN).
     */
    uint64_t lent_len;
} bolt_db_stats;

/** An open read transaction. The struct never grows, since callers have arrays of it. */
typedef struct bolt_reader_info {
    /** The id of the transaction whose commit it sees. */
    uint64_t txn_id;
    /** How long it has been open, in milliseconds, to within about 10. */
    uint64_t age_ms;
    /**
     * The bytes of the pages that were freed since, and cannot be used again as long as it is open. Those that
     * the last commit freed wait for another commit in any case, and do not count.
     */
    uint64_t held_len;
    /** 0. */
    uint64_t reserved;
} bolt_reader_info;

/**
 * What bolt_set_slow_reader lets be called.
 *
 * @param ctx What bolt_set_slow_reader was given.
 * @param reader The read transaction, valid until the function returns.
 */
typedef void (*bolt_slow_reader_fn)(void *ctx, const struct bolt_reader_info *reader);

/**
 * What bolt_set_log lets be called.
 *
 * @param ctx What bolt_set_log was given.
 * @param level A BOLT_LOG_ level.
 * @param text A sentence or two in UTF-8, ended by a zero; valid until the function returns.
 */
typedef void (*bolt_log_fn)(void *ctx, int32_t level, const char *text);

/** What a page is, as its header tells. */
typedef struct bolt_page_info {
    /** The length of this struct in bytes, set by the caller: sizeof(bolt_page_info). */
    size_t struct_size;
    /** The page. */
    uint64_t id;
    /** A BOLT_PAGE_ kind. */
    uint32_t kind;
    /**
     * How many elements it has (65535 in a freelist: so many or more); of a free page, what was left in its
     * header.
     */
    uint32_t element_count;
    /** How many further pages belong to it; of a free page, as above. */
    uint32_t overflow_count;
    /** 0. */
    uint32_t reserved;
} bolt_page_info;

/**
 * The statistics of a database.
 *
 * To learn what happened between two moments, subtract the sums of the first from those of the second.
 *
 * @param db The database.
 * @param flags BOLT_STATS_RESIDENT or 0.
 * @param stats Filled; its struct_size must be set.
 * @return BOLT_OK; BOLT_ARGUMENT for NULL, an impossible struct_size or an unknown flag; BOLT_BADHANDLE;
 *     BOLT_FORKED; an errno. Any thread may call.
 */
BOLT_API int bolt_stats(bolt_db *db, uint32_t flags, bolt_db_stats *stats);

/**
 * The open read transactions, oldest first.
 *
 * @param db The database.
 * @param readers Room for cap of them; NULL where cap is 0.
 * @param cap How many fit there.
 * @param n How many there are: if it is more than cap, the first cap were given.
 * @return BOLT_OK; BOLT_ARGUMENT; BOLT_BADHANDLE; BOLT_FORKED; ENOMEM. Any thread may call.
 */
BOLT_API int bolt_readers(bolt_db *db, bolt_reader_info *readers, size_t cap, size_t *n);

/**
 * Asks to be told of read transactions that stay open for long: as long as one is open, the pages that were
 * in use when it began are not used again, and the file grows.
 *
 * At the end of each commit, and of each rollback of a write transaction, the function is called for every
 * read transaction that has been open so long and was not told of before; by the thread that commits, which
 * holds nothing then: the function may use the database as it likes.
 *
 * @param db The database.
 * @param limit_ms How long a read transaction may be open, in milliseconds.
 * @param fn The function, in place of the one before; it may be called by any thread, and by several at
 *     once. NULL: none; a call of the one before may still be under way on another thread.
 * @param ctx Given to the function.
 * @return BOLT_OK, BOLT_BADHANDLE, BOLT_FORKED. Any thread may call.
 */
BOLT_API int bolt_set_slow_reader(bolt_db *db, uint64_t limit_ms, bolt_slow_reader_fn fn, void *ctx);

/**
 * Lets a function hear what the database has to say.
 *
 * It is called by the thread that has something to say, when that holds nothing any more: at the end of
 * bolt_commit, for example. What was to be said when the database was opened is kept for the first function
 * that is set.
 *
 * @param db The database.
 * @param level The least important level that is wanted.
 * @param fn The function, in place of the one before; it may be called by any thread, and by several at
 *     once. NULL: none; a call of the one before may still be under way on another thread. A database that
 *     is never given a function says nothing.
 * @param ctx Given to the function.
 * @return BOLT_OK; BOLT_ARGUMENT for an unknown level; BOLT_BADHANDLE; BOLT_FORKED. Any thread may call.
 */
BOLT_API int bolt_set_log(bolt_db *db, int32_t level, bolt_log_fn fn, void *ctx);

/**
 * What a page of the file is, in the state from which the transaction began.
 *
 * The first call in a read transaction reads the list of free pages, or looks for them where the file has
 * none.
 *
 * @param txn The transaction.
 * @param page_id The page.
 * @param info Filled; its struct_size must be set.
 * @return BOLT_OK; BOLT_NOTFOUND from the high water on; BOLT_NOFREEPAGES in a database that was opened with
 *     BOLT_OPEN_READONLY and without BOLT_OPEN_PRELOAD_FREELIST; BOLT_ARGUMENT for NULL or an impossible
 *     struct_size; BOLT_CORRUPT; BOLT_BADHANDLE; BOLT_FORKED; an errno.
 */
BOLT_API BOLT_MUST_USE int bolt_page_info_get(bolt_txn *txn, uint64_t page_id, bolt_page_info *info);

/* ---- Memory and descriptors --------------------------------------------------------------------------- */

/** Advice: read as the system does by default, the beginning. */
#define BOLT_ADVICE_NORMAL 0

/**
 * Advice: keys will be read here and there. The kernel reads nothing ahead; cursors and walks ask for the pages that
 * they come to next.
 */
#define BOLT_ADVICE_RANDOM 1
/** Advice: whole buckets will be read, in order. Read far ahead. */
#define BOLT_ADVICE_SEQUENTIAL 2
/** Advice: all that is in the file now will be needed soon. Begin to read it in the background. */
#define BOLT_ADVICE_WILLNEED 3

/**
 * Opens the database in a file that the caller has open.
 *
 * A file of length 0 becomes a new database. The file is locked as by bolt_open; the lock belongs to the
 * open file, so the caller should not lock or unlock the descriptor meanwhile. Within this process an open
 * file has one writer or many readers, too; a process that has inherited it, or was sent it, is not kept out.
 *
 * @param fd The descriptor of a regular file, open for reading, and for writing unless BOLT_OPEN_READONLY is
 *     set, without O_APPEND. The library has a duplicate; the caller closes his own when he likes.
 * @param options How to open it; NULL: the defaults. Not used after the call.
 * @param db The new handle, to be ended by bolt_close.
 * @return As bolt_open; EBADF for what is no descriptor or not open as it must be. Any thread may call.
 */
BOLT_API BOLT_MUST_USE int bolt_open_fd(int fd, const bolt_options *options, bolt_db **db);

/**
 * Opens a database in memory, which has no file and is gone when it is closed.
 *
 * @param data The bytes of a database, as bolt_backup_write gives them or a file has them; they are copied.
 *     Changes go to the copy, unless BOLT_OPEN_READONLY is set. NULL with a length of 0: a new, empty
 *     database.
 * @param len How many bytes there are.
 * @param options How to open it; NULL: the defaults. Not used after the call.
 * @param db The new handle, to be ended by bolt_close.
 * @return As bolt_open; ENOMEM. Any thread may call.
 */
BOLT_API BOLT_MUST_USE int bolt_open_memory(const void *data, size_t len, const bolt_options *options,
        bolt_db **db);

/**
 * Tells the kernel how the file will be read. It changes no result, only how long reads from the disk take.
 *
 * The first three hold for the whole file until there is other advice, also for what it gets later. Without advice
 * a file is read as the system does by default; from 256 MiB on, where it is longer than half of what the process
 * may have of the machine's memory, as by BOLT_ADVICE_RANDOM. That is decided at the open and when the file outgrows
 * its map.
 *
 * @param db The database. One in memory needs no advice, and takes it.
 * @param advice A BOLT_ADVICE_ number.
 * @return BOLT_OK; BOLT_ARGUMENT for unknown advice; BOLT_BADHANDLE; BOLT_FORKED; an errno. Any thread may
 *     call.
 */
BOLT_API int bolt_advise(bolt_db *db, uint32_t advice);

#ifdef __cplusplus
}
#endif

#endif
