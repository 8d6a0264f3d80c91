#include "loops.h"

#include <stdlib.h>

uint64_t get_loop(bolt_bucket *bucket, const char *keys, unsigned rounds) {
    uint64_t sum = 0;
    const void *value;
    size_t len;
    unsigned round, i;
    for (round = 0; round < rounds; round++)
        for (i = 0; i < KEY_COUNT; i++) {
            int code = bolt_get(bucket, keys + i * KEY_LEN, KEY_LEN, &value, &len);
            if (code == BOLT_OK)
                sum += len + *(const unsigned char *)value;
            else if (code != BOLT_NOTFOUND)
                abort();
        }
    return sum;
}

uint64_t scan_loop(bolt_bucket *bucket, unsigned rounds) {
    uint64_t sum = 0;
    bolt_cursor *cursor;
    bolt_kv kv;
    unsigned round;
    for (round = 0; round < rounds; round++) {
        int code = bolt_cursor_open(bucket, &cursor);
        if (code == BOLT_OK)
            code = bolt_cursor_first(cursor, &kv);
        for (; code == BOLT_OK; code = bolt_cursor_next(cursor, &kv))
            sum += kv.key_len + *(const unsigned char *)kv.value;
        if (code != BOLT_NOTFOUND)
            abort();
        bolt_cursor_close(cursor);
    }
    return sum;
}

uint64_t seek_loop(bolt_bucket *bucket, const char *keys, unsigned rounds) {
    uint64_t sum = 0;
    bolt_cursor *cursor;
    bolt_kv kv;
    unsigned round, i;
    if (bolt_cursor_open(bucket, &cursor) != BOLT_OK)
        abort();
    for (round = 0; round < rounds; round++)
        for (i = 0; i < KEY_COUNT; i++) {
            int code = bolt_cursor_seek(cursor, keys + i * KEY_LEN, KEY_LEN, &kv);
            if (code == BOLT_OK)
                sum += kv.value_len + *(const unsigned char *)kv.key;
            else if (code != BOLT_NOTFOUND)
                abort();
        }
    bolt_cursor_close(cursor);
    return sum;
}

uint64_t put_loop(bolt_bucket *bucket, const char *keys, unsigned rounds) {
    unsigned round, i;
    for (round = 0; round < rounds; round++)
        for (i = 0; i < KEY_COUNT; i++)
            if (bolt_put(bucket, keys + i * KEY_LEN, KEY_LEN, keys, KEY_LEN) != BOLT_OK)
                abort();
    return rounds;
}
