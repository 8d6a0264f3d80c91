/* The C side of `benches/border.rs`: each call of libbolt.so so often as it is told, as a C program makes it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <bolt.h>

#define KEY_LEN 16

struct border {
    bolt_db *db;
    bolt_txn *txn;
    bolt_bucket *bucket;
    bolt_cursor *cursor;
};

/* The file from which bolt_get comes. */
const char *border_library(void) {
    Dl_info info;
    return dladdr((void *)(uintptr_t)bolt_get, &info) != 0 ? info.dli_fname : NULL;
}

/* A reader of the bucket "b"; NULL on any error. It lives as long as the process. */
struct border *border_open(const char *path) {
    struct border *border = calloc(1, sizeof *border);
    bolt_options options;
    bolt_bucket *root;
    if (border != NULL && bolt_options_init(&options, sizeof options) == BOLT_OK
        && bolt_options_set(&options, BOLT_OPT_READONLY, 1) == BOLT_OK
        && bolt_open(path, &options, &border->db) == BOLT_OK
        && bolt_txn_begin(border->db, BOLT_READ, &border->txn) == BOLT_OK
        && bolt_root(border->txn, &root) == BOLT_OK
        && bolt_bucket_open(root, "b", 1, &border->bucket) == BOLT_OK
        && bolt_cursor_open(border->bucket, &border->cursor) == BOLT_OK) {
        return border;
    }
    return NULL;
}

/* Gets each of the keys; the sum of the lengths of their values. */
uint64_t border_get(struct border *border, const unsigned char *keys, size_t count) {
    uint64_t sum = 0;
    size_t i;
    for (i = 0; i < count; i++) {
        const void *value;
        size_t len;
        if (bolt_get(border->bucket, keys + i * KEY_LEN, KEY_LEN, &value, &len) != BOLT_OK) {
            return 0;
        }
        sum += len;
    }
    return sum;
}

/* Goes to the first entry and on from there; the sum of the lengths of the values. */
uint64_t border_next(struct border *border, size_t count) {
    bolt_kv kv;
    uint64_t sum;
    size_t i;
    if (bolt_cursor_first(border->cursor, &kv) != BOLT_OK) {
        return 0;
    }
    sum = kv.value_len;
    for (i = 1; i < count; i++) {
        if (bolt_cursor_next(border->cursor, &kv) != BOLT_OK) {
            return 0;
        }
        sum += kv.value_len;
    }
    return sum;
}

/* Asks for the bucket's sequence number, the call that does the least; the sum of the answers. */
uint64_t border_sequence(struct border *border, size_t count) {
    uint64_t sum = 0;
    size_t i;
    for (i = 0; i < count; i++) {
        uint64_t number;
        if (bolt_bucket_sequence(border->bucket, &number) != BOLT_OK) {
            return 0;
        }
        sum += number;
    }
    return sum;
}
