/* What the generated program of tests/handles needs: handles of every kind, good ones and such as have ended,
 * and what is given for the other parameters. Every call gets a fixture of its own.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#define _POSIX_C_SOURCE 200809L

#include "bolt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One handle of each kind. */
struct handles {
    bolt_db *db;
    bolt_txn *txn;
    bolt_bucket *bucket;
    bolt_cursor *cursor;
    bolt_batch *batch;
};

struct fixture {
    /* Good: db has no transaction, so that nothing waits for it; the others belong to another database. */
    struct handles good;
    bolt_db *busy_db;
    /* Ended by the functions for it; ended, bucket and cursor, with their transaction and their bucket. */
    struct handles ended;
    struct handles ended_with_others;
    uint64_t savepoint;
    bolt_options options;
    int fd;
    /* Where results go; as much as any function may write. */
    bolt_db *opened;
    union {
        bolt_txn *txn;
        bolt_bucket *bucket;
        bolt_cursor *cursor;
        bolt_batch *batch;
        const void *bytes;
        void *room;
        const char *text;
    } pointer;
    bolt_slice slices[1];
    bolt_slice results[1];
    bolt_kv kvs[1];
    bolt_reader_info readers[1];
    uint64_t numbers[4];
    size_t lengths[4];
    char buffer[64];
};

static const char *current_call = "the fixture";

static int failure_count;

static void fail(const char *what, int code) {
    printf("FAILED %s: %s gave %d (%s)\n", current_call, what, code, bolt_error_name(code));
    failure_count++;
}

static void ok(const char *what, int code) {
    if (code != BOLT_OK)
        fail(what, code);
}
#define OK(call) ok(#call, (call))

static bolt_db *memory_db(void) {
    bolt_db *db = NULL;
    OK(bolt_open_memory(NULL, 0, NULL, &db));
    return db;
}

/* A write transaction, in it a bucket with a key, a cursor on it, and a batch. */
static void make_good(struct fixture *f) {
    bolt_bucket *root = NULL;
    f->good.db = memory_db();
    f->busy_db = memory_db();
    OK(bolt_txn_begin(f->busy_db, BOLT_WRITE, &f->good.txn));
    OK(bolt_root(f->good.txn, &root));
    OK(bolt_bucket_create(root, "bucket", 6, &f->good.bucket));
    OK(bolt_put(f->good.bucket, "k", 1, "v", 1));
    OK(bolt_cursor_open(f->good.bucket, &f->good.cursor));
    OK(bolt_cursor_first(f->good.cursor, NULL));
    OK(bolt_batch_create(&f->good.batch));
    OK(bolt_savepoint(f->good.txn, &f->savepoint));
}

static void make_ended(struct fixture *f) {
    bolt_bucket *root = NULL;
    bolt_db *db = memory_db();
    f->ended.db = f->ended_with_others.db = memory_db();
    OK(bolt_close(f->ended.db));
    OK(bolt_batch_create(&f->ended.batch));
    OK(bolt_batch_free(f->ended.batch));
    f->ended_with_others.batch = f->ended.batch;
    OK(bolt_root(f->good.txn, &root));
    OK(bolt_bucket_create(root, "other", 5, &f->ended.bucket));
    OK(bolt_bucket_close(f->ended.bucket));
    OK(bolt_cursor_open(root, &f->ended.cursor));
    OK(bolt_cursor_close(f->ended.cursor));
    OK(bolt_txn_begin(db, BOLT_WRITE, &f->ended.txn));
    OK(bolt_root(f->ended.txn, &root));
    OK(bolt_bucket_create(root, "bucket", 6, &f->ended_with_others.bucket));
    OK(bolt_cursor_open(f->ended_with_others.bucket, &f->ended_with_others.cursor));
    OK(bolt_rollback(f->ended.txn));
    f->ended_with_others.txn = f->ended.txn;
    OK(bolt_close(db));
}

static void make(struct fixture *f) {
    FILE *file;
    memset(f, 0, sizeof *f);
    make_good(f);
    make_ended(f);
    OK(bolt_options_init(&f->options, sizeof f->options));
    file = tmpfile();
    f->fd = file == NULL ? -1 : dup(fileno(file));
    if (f->fd < 0 || fclose(file) != 0)
        fail("a file without a name", errno);
    /* Something to be told by those who tell the last failure. */
    if (bolt_set(f->good.db, UINT32_MAX, 0) != BOLT_ARGUMENT)
        fail("an unknown option", BOLT_OK);
    f->slices[0].data = "k";
    f->slices[0].len = 1;
}

/* The good handles must be as good as before the call that was refused. */
static void still_good(struct fixture *f) {
    bolt_db_info db;
    bolt_txn_info txn;
    const void *value = NULL;
    memset(&db, 0, sizeof db);
    memset(&txn, 0, sizeof txn);
    db.struct_size = sizeof db;
    txn.struct_size = sizeof txn;
    OK(bolt_info(f->good.db, &db));
    OK(bolt_info(f->busy_db, &db));
    OK(bolt_txn_info_get(f->good.txn, &txn));
    OK(bolt_get(f->good.bucket, "k", 1, &value, NULL));
    OK(bolt_cursor_first(f->good.cursor, NULL));
    OK(bolt_batch_clear(f->good.batch));
}

/* Ends what is left; what the call itself has ended, or opened, may answer as it likes. */
static void unmake(struct fixture *f) {
    (void)!bolt_cursor_close(f->good.cursor);
    (void)!bolt_cursor_close(f->ended_with_others.cursor);
    (void)!bolt_rollback(f->good.txn);
    (void)!bolt_close(f->busy_db);
    (void)!bolt_close(f->good.db);
    (void)!bolt_batch_free(f->good.batch);
    (void)!bolt_close(f->opened);
    close(f->fd);
}

#endif
