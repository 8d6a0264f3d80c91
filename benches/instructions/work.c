/* One kind of work on a fixed database, so often as it is told: what `cargo xtask instructions` counts.
 *
 *   work get|next|put|commit|border COUNT FILE
 *
 * The database has 20,000 keys of 16 bytes with values of 100, put in random order, 1,000 a transaction. All
 * numbers come from one generator with a fixed seed, so that two runs differ in COUNT alone.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bolt.h>

#define KEYS 20000u
#define KEY_LEN 16
#define VALUE_LEN 100

static void ok(int code) {
    if (code != BOLT_OK) {
        fprintf(stderr, "work: %s\n", bolt_strerror(code));
        exit(1);
    }
}

/* xorshift64 (Marsaglia, 2003). */
static uint64_t draw(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Multiplying by an odd number keeps different keys different and spreads them. */
static void make_key(uint64_t number, unsigned char key[KEY_LEN]) {
    uint64_t high = number * UINT64_C(0x9E3779B97F4A7C15);
    int i;
    for (i = 0; i < 8; i++) {
        key[i] = (unsigned char)(high >> (56 - 8 * i));
        key[8 + i] = (unsigned char)(number >> (56 - 8 * i));
    }
}

static bolt_bucket *bucket_of(bolt_txn *txn) {
    bolt_bucket *root, *bucket;
    ok(bolt_root(txn, &root));
    ok(bolt_bucket_ensure(root, "b", 1, &bucket));
    return bucket;
}

static void put(bolt_bucket *bucket, uint64_t number, unsigned char fill) {
    unsigned char key[KEY_LEN], value[VALUE_LEN];
    make_key(number, key);
    memset(value, fill, sizeof value);
    ok(bolt_put(bucket, key, sizeof key, value, sizeof value));
}

static void fill(bolt_db *db) {
    uint64_t i = 0;
    while (i < KEYS) {
        bolt_txn *txn;
        bolt_bucket *bucket;
        ok(bolt_txn_begin(db, BOLT_WRITE, &txn));
        bucket = bucket_of(txn);
        do {
            put(bucket, i, 1);
        } while (++i % 1000 != 0);
        ok(bolt_commit(txn));
    }
}

static bolt_bucket *reader(bolt_db *db, bolt_txn **txn) {
    bolt_bucket *root, *bucket;
    ok(bolt_txn_begin(db, BOLT_READ, txn));
    ok(bolt_root(*txn, &root));
    ok(bolt_bucket_open(root, "b", 1, &bucket));
    return bucket;
}

static void get(bolt_db *db, uint64_t count) {
    bolt_txn *txn;
    bolt_bucket *bucket = reader(db, &txn);
    uint64_t state = 88172645463325252u, i;
    for (i = 0; i < count; i++) {
        unsigned char key[KEY_LEN];
        const void *value;
        size_t len;
        make_key(draw(&state) % KEYS, key);
        ok(bolt_get(bucket, key, sizeof key, &value, &len));
    }
    ok(bolt_rollback(txn));
}

static void next(bolt_db *db, uint64_t count) {
    bolt_txn *txn;
    bolt_cursor *cursor;
    bolt_kv kv;
    uint64_t i;
    ok(bolt_cursor_open(reader(db, &txn), &cursor));
    for (i = 0; i < count; i++) {
        ok(i % KEYS == 0 ? bolt_cursor_first(cursor, &kv) : bolt_cursor_next(cursor, &kv));
    }
    ok(bolt_cursor_close(cursor));
    ok(bolt_rollback(txn));
}

static void put_many(bolt_db *db, uint64_t count) {
    bolt_txn *txn;
    uint64_t state = 88172645463325252u, i;
    bolt_bucket *bucket;
    ok(bolt_txn_begin(db, BOLT_WRITE, &txn));
    bucket = bucket_of(txn);
    for (i = 0; i < count; i++) {
        put(bucket, draw(&state) % KEYS, 2);
    }
    ok(bolt_rollback(txn));
}

static void commit(bolt_db *db, uint64_t count) {
    uint64_t state = 88172645463325252u, i;
    for (i = 0; i < count; i++) {
        bolt_txn *txn;
        ok(bolt_txn_begin(db, BOLT_WRITE, &txn));
        put(bucket_of(txn), draw(&state) % KEYS, 3);
        ok(bolt_commit(txn));
    }
}

/* The call that does the least: what it takes is the way from C into the engine and back. */
static void border(bolt_db *db, uint64_t count) {
    bolt_txn *txn;
    bolt_bucket *bucket = reader(db, &txn);
    uint64_t i;
    for (i = 0; i < count; i++) {
        uint64_t sequence;
        ok(bolt_bucket_sequence(bucket, &sequence));
    }
    ok(bolt_rollback(txn));
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*work)(bolt_db *, uint64_t);
    } works[] = { { "get", get }, { "next", next }, { "put", put_many }, { "commit", commit }, { "border", border } };
    bolt_options options;
    bolt_db *db;
    size_t i;
    if (argc != 4) {
        fprintf(stderr, "usage: work get|next|put|commit|border COUNT FILE\n");
        return 2;
    }
    ok(bolt_options_init(&options, sizeof options));
    ok(bolt_options_set(&options, BOLT_OPT_NOSYNC, 1));
    ok(bolt_open(argv[3], &options, &db));
    fill(db);
    for (i = 0; i < sizeof works / sizeof works[0]; i++) {
        if (strcmp(argv[1], works[i].name) == 0) {
            works[i].work(db, strtoull(argv[2], NULL, 10));
            ok(bolt_close(db));
            return 0;
        }
    }
    fprintf(stderr, "work: no such work: %s\n", argv[1]);
    return 2;
}
