/* Keys and values: get, put, delete, one at a time and many, and the promise that bytes given out neither
 * move nor change. */
#include "test.h"

#include <sys/mman.h>

static bolt_slice slice(const char *text) {
    bolt_slice slice;
    slice.data = text;
    slice.len = strlen(text);
    return slice;
}

static int slice_is(const bolt_slice *slice, const char *text) {
    return slice->data != NULL && slice->len == strlen(text) && memcmp(slice->data, text, slice->len) == 0;
}

static void a_value_is_put_read_overwritten_and_deleted(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    CHECK(holds(bucket, "k", NULL));
    put(bucket, "k", "one");
    CHECK(holds(bucket, "k", "one"));
    put(bucket, "k", "another");
    CHECK(holds(bucket, "k", "another"));
    OK(bolt_delete(bucket, "k", 1));
    CHECK(holds(bucket, "k", NULL));
    OK(bolt_delete(bucket, "k", 1));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void the_root_bucket_holds_values_too(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    put(root_of(txn), "k", "v");
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    CHECK(holds(root_of(txn), "k", "v"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void an_empty_value_is_there_and_is_not_null(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    const void *value = NULL;
    size_t len = 77;
    OK(bolt_put(ensure(txn, "b"), "k", 1, NULL, 0));
    OK(bolt_put(ensure(txn, "b"), "l", 1, "x", 0));
    OK(bolt_get(ensure(txn, "b"), "k", 1, &value, &len));
    CHECK(value != NULL && len == 0);
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    value = NULL;
    len = 77;
    OK(bolt_get(bucket_of(txn, "b"), "l", 1, &value, &len));
    CHECK(value != NULL && len == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void what_is_not_found_leaves_the_results_as_they_are(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    const void *value = "untouched", *before = value;
    size_t len = 77;
    OK(bolt_bucket_create(bucket, "inner", 5, NULL));
    CODE(BOLT_NOTFOUND, bolt_get(bucket, "none", 4, &value, &len));
    CODE(BOLT_NOTFOUND, bolt_get(bucket, "inner", 5, &value, &len));
    CODE(BOLT_NOTFOUND, bolt_get(bucket, NULL, 0, &value, &len));
    CODE(BOLT_ARGUMENT, bolt_get(bucket, NULL, 1, &value, &len));
    CODE(BOLT_ARGUMENT, bolt_get(bucket, "k", (size_t)-1, &value, &len));
    CHECK(value == before && len == 77);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void results_that_nobody_wants_may_be_null(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    const void *value = NULL;
    size_t len = 0;
    put(bucket, "k", "value");
    OK(bolt_get(bucket, "k", 1, NULL, NULL));
    OK(bolt_get(bucket, "k", 1, &value, NULL));
    OK(bolt_get(bucket, "k", 1, NULL, &len));
    CHECK(len == 5 && memcmp(value, "value", 5) == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void keys_and_values_are_any_bytes(void) {
    static const unsigned char keys[][3] = { { 0, 0, 0 }, { 0, 0, 1 }, { 'a', 0, 'b' }, { 255, 255, 255 } };
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    size_t i;
    for (i = 0; i < 4; i++)
        OK(bolt_put(bucket, keys[i], 3, keys[3 - i], 3));
    OK(bolt_put(bucket, keys[0], 1, "short", 5));
    for (i = 0; i < 4; i++) {
        const void *value = NULL;
        size_t len = 0;
        OK(bolt_get(bucket, keys[i], 3, &value, &len));
        CHECK(len == 3 && memcmp(value, keys[3 - i], 3) == 0);
    }
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void keys_that_cannot_be_are_refused_and_the_longest_is_kept(void) {
    static char key[BOLT_KEY_LEN_MAX + 1];
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    memset(key, 'k', sizeof key);
    CODE(BOLT_KEYREQUIRED, bolt_put(bucket, NULL, 0, "v", 1));
    CODE(BOLT_KEYREQUIRED, bolt_put(bucket, "k", 0, "v", 1));
    CODE(BOLT_KEYSIZE, bolt_put(bucket, key, sizeof key, "v", 1));
    CODE(BOLT_NOTFOUND, bolt_get(bucket, key, sizeof key, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_put(bucket, NULL, 1, "v", 1));
    CODE(BOLT_ARGUMENT, bolt_put(bucket, "k", 1, NULL, 1));
    CODE(BOLT_ARGUMENT, bolt_delete(bucket, NULL, 1));
    OK(bolt_delete(bucket, NULL, 0));
    OK(bolt_delete(bucket, key, sizeof key));
    CHECK(holds(bucket, "k", NULL));
    OK(bolt_put(bucket, key, BOLT_KEY_LEN_MAX, "long", 4));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    OK(bolt_get(bucket_of(txn, "b"), key, BOLT_KEY_LEN_MAX, NULL, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_value_that_go_could_not_read_is_refused(void) {
    size_t len = ((size_t)1 << 31) - 17;
    void *value = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    CHECK(value != MAP_FAILED);
    CODE(BOLT_VALUESIZE, bolt_put(ensure(txn, "b"), "k", 1, value, len));
    CHECK(holds(ensure(txn, "b"), "k", NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    CHECK(munmap(value, len) == 0);
}

static void where_a_bucket_stands_there_is_no_value(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b"), *inner = NULL;
    OK(bolt_bucket_create(bucket, "inner", 5, &inner));
    put(inner, "k", "v");
    CODE(BOLT_WRONGTYPE, bolt_put(bucket, "inner", 5, "v", 1));
    CODE(BOLT_WRONGTYPE, bolt_delete(bucket, "inner", 5));
    CHECK(holds(inner, "k", "v"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void nothing_of_the_callers_is_kept(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    char key[] = "key", value[] = "value";
    OK(bolt_put(bucket, key, 3, value, 5));
    memset(key, '#', 3);
    memset(value, '#', 5);
    CHECK(holds(bucket, "key", "value"));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "key", "value"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_value_given_out_can_be_put_under_another_key(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    const void *value = NULL;
    size_t len = 0;
    put(bucket, "from", "passed on");
    OK(bolt_get(bucket, "from", 4, &value, &len));
    OK(bolt_put(bucket, "to", 2, value, len));
    OK(bolt_put(bucket, "from", 4, value, len - 3));
    CHECK(holds(bucket, "to", "passed on"));
    CHECK(holds(bucket, "from", "passed"));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

/* Two hundred values of different lengths, some longer than a page. */
static size_t value_len(int i) {
    return i % 10 == 0 ? 10000 : (size_t)(i % 7) * 40;
}

static void fill(char *value, int i) {
    memset(value, 'a' + i % 26, value_len(i));
}

static void put_all(bolt_bucket *bucket) {
    static char value[10000];
    char key[16];
    int i;
    for (i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "key%04d", i);
        fill(value, i);
        OK(bolt_put(bucket, key, strlen(key), value, value_len(i)));
    }
}

static void read_all(bolt_bucket *bucket, const void **values) {
    char key[16];
    size_t len;
    int i;
    for (i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "key%04d", i);
        OK(bolt_get(bucket, key, strlen(key), &values[i], &len));
        CHECK(len == value_len(i));
    }
}

static void check_all(const void **values) {
    static char expected[10000];
    int i;
    for (i = 0; i < 200; i++) {
        fill(expected, i);
        CHECK(memcmp(values[i], expected, value_len(i)) == 0);
    }
}

/* Overwrites, deletes, puts, deletes buckets: whatever might edit, move or free what was given out. */
static void churn(bolt_txn *txn, bolt_bucket *bucket, const void **values) {
    char key[32], value[64];
    bolt_bucket *other = NULL;
    bolt_slice from = slice("key0050"), to = slice("key0120");
    uint64_t savepoint;
    int i;
    for (i = 0; i < 200; i += 2) {
        snprintf(key, sizeof key, "key%04d", i);
        put(bucket, key, "overwritten with something that has another length than what was there");
        check_all(values);
    }
    for (i = 0; i < 200; i += 3) {
        snprintf(key, sizeof key, "key%04d", i);
        OK(bolt_delete(bucket, key, strlen(key)));
    }
    check_all(values);
    OK(bolt_delete_range(bucket, &from, &to, NULL));
    check_all(values);
    OK(bolt_savepoint(txn, &savepoint));
    put_all(bucket);
    OK(bolt_savepoint_rollback(txn, savepoint));
    put_all(bucket);
    check_all(values);
    OK(bolt_bucket_ensure(root_of(txn), "other", 5, &other));
    memset(value, '!', sizeof value);
    for (i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "key%04d-%d", i % 200, i);
        OK(bolt_put(i % 2 ? bucket : other, key, strlen(key), value, sizeof value));
    }
    check_all(values);
    OK(bolt_bucket_delete(root_of(txn), "other", 5));
    OK(bolt_bucket_delete(root_of(txn), "b", 1));
    check_all(values);
    bucket = ensure(txn, "b");
    put_all(bucket);
    check_all(values);
}

static void a_value_of_the_file_stays_as_it_was_whatever_the_transaction_does(void) {
    static const void *values[200];
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    put_all(ensure(txn, "b"));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_WRITE);
    read_all(bucket_of(txn, "b"), values);
    churn(txn, bucket_of(txn, "b"), values);
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void a_value_of_the_transaction_itself_stays_as_it_was_whatever_it_does(void) {
    static const void *values[200];
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    put_all(ensure(txn, "b"));
    read_all(bucket_of(txn, "b"), values);
    churn(txn, bucket_of(txn, "b"), values);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_reader_s_values_stay_as_they_were_while_others_commit(void) {
    static const void *values[200];
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE), *reader;
    int round;
    put_all(ensure(txn, "b"));
    OK(bolt_commit(txn));
    reader = begin(db, BOLT_READ);
    read_all(bucket_of(reader, "b"), values);
    for (round = 0; round < 5; round++) {
        const void *others[200];
        txn = begin(db, BOLT_WRITE);
        put_all(ensure(txn, "b"));
        read_all(ensure(txn, "b"), others);
        churn(txn, ensure(txn, "b"), others);
        OK(bolt_commit(txn));
        check_all(values);
    }
    OK(bolt_rollback(reader));
    OK(bolt_close(db));
}

static void a_put_that_must_not_overwrite_keeps_what_is_there(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    OK(bolt_put_ex(bucket, "k", 1, "one", 3, BOLT_NOOVERWRITE));
    CODE(BOLT_EXISTS, bolt_put_ex(bucket, "k", 1, "two", 3, BOLT_NOOVERWRITE));
    CHECK(holds(bucket, "k", "one"));
    OK(bolt_put_ex(bucket, "k", 1, "two", 3, 0));
    CHECK(holds(bucket, "k", "two"));
    OK(bolt_delete(bucket, "k", 1));
    OK(bolt_put_ex(bucket, "k", 1, NULL, 0, BOLT_NOOVERWRITE));
    CHECK(holds(bucket, "k", ""));
    CODE(BOLT_EXISTS, bolt_put_ex(bucket, "k", 1, "two", 3, BOLT_NOOVERWRITE));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void a_put_of_a_key_that_must_exist_makes_none(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    CODE(BOLT_NOTFOUND, bolt_put_ex(bucket, "k", 1, "one", 3, BOLT_MUSTEXIST));
    CHECK(holds(bucket, "k", NULL));
    put(bucket, "k", "one");
    OK(bolt_put_ex(bucket, "k", 1, "two", 3, BOLT_MUSTEXIST));
    CHECK(holds(bucket, "k", "two"));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void keys_are_appended_in_order_or_not_at_all(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    char key[8];
    int i;
    for (i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "%05d", i);
        OK(bolt_put_ex(bucket, key, 5, key, 5, BOLT_APPEND));
        if (i % 100 == 50) {
            CODE(BOLT_EXISTS, bolt_put_ex(bucket, key, 5, "x", 1, BOLT_APPEND));
            CODE(BOLT_EXISTS, bolt_put_ex(bucket, "00000a", 6, "x", 1, BOLT_APPEND));
        }
        if (i % 1000 == 999) {
            OK(bolt_commit(txn));
            txn = begin(db, BOLT_WRITE);
            bucket = bucket_of(txn, "b");
        }
    }
    CHECK(holds(bucket, "00000a", NULL));
    CHECK(holds(bucket, "02999", "02999"));
    OK(bolt_delete(bucket, "02999", 5));
    OK(bolt_put_ex(bucket, "02998a", 6, "", 0, BOLT_APPEND));
    OK(bolt_bucket_create(bucket, "z", 1, NULL));
    CODE(BOLT_EXISTS, bolt_put_ex(bucket, "y", 1, "", 0, BOLT_APPEND));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void a_condition_lifts_no_other_rule_of_a_put(void) {
    static const uint32_t flags[] = { 0, BOLT_NOOVERWRITE, BOLT_MUSTEXIST, BOLT_APPEND };
    static char key[BOLT_KEY_LEN_MAX + 1];
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    size_t i;
    memset(key, 'k', sizeof key);
    OK(bolt_bucket_create(bucket, "inner", 5, NULL));
    for (i = 0; i < 4; i++) {
        CODE(BOLT_WRONGTYPE, bolt_put_ex(bucket, "inner", 5, "v", 1, flags[i]));
        CODE(BOLT_KEYREQUIRED, bolt_put_ex(bucket, NULL, 0, "v", 1, flags[i]));
        CODE(BOLT_KEYSIZE, bolt_put_ex(bucket, key, sizeof key, "v", 1, flags[i]));
        CODE(BOLT_ARGUMENT, bolt_put_ex(bucket, NULL, 1, "v", 1, flags[i]));
        CODE(BOLT_ARGUMENT, bolt_put_ex(bucket, "k", 1, NULL, 1, flags[i]));
    }
    CODE(BOLT_ARGUMENT, bolt_put_ex(bucket, "k", 1, "v", 1, BOLT_NOOVERWRITE | BOLT_APPEND));
    CODE(BOLT_ARGUMENT, bolt_put_ex(bucket, "k", 1, "v", 1, 8));
    CHECK(holds(bucket, "k", NULL));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    for (i = 0; i < 4; i++)
        CODE(BOLT_NOTWRITABLE, bolt_put_ex(bucket_of(txn, "b"), "k", 1, "v", 1, flags[i]));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_reserved_value_is_written_where_it_lies(void) {
    static const size_t lens[] = { 1, 7, 100, 5000, 300000 };
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    const void *value;
    void *room;
    char key[8];
    size_t len, i, j;
    for (i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "%lu", (unsigned long)i);
        room = NULL;
        OK(bolt_put_reserve(bucket, key, strlen(key), lens[i], &room));
        CHECK(room != NULL);
        for (j = 0; j < lens[i]; j++)
            CHECK(((char *)room)[j] == 0);
        memset(room, 'a' + (int)i, lens[i]);
        OK(bolt_get(bucket, key, strlen(key), &value, &len));
        CHECK(value == room && len == lens[i]);
    }
    OK(bolt_put_reserve(bucket, "empty", 5, 0, &room));
    CHECK(room != NULL);
    OK(bolt_put_reserve(bucket, "zeros", 5, 3, NULL));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    for (i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "%lu", (unsigned long)i);
        OK(bolt_get(bucket, key, strlen(key), &value, &len));
        CHECK(len == lens[i]);
        for (j = 0; j < len; j++)
            CHECK(((const char *)value)[j] == 'a' + (int)i);
    }
    CHECK(holds(bucket, "empty", ""));
    OK(bolt_get(bucket, "zeros", 5, &value, &len));
    CHECK(len == 3 && memcmp(value, "\0\0\0", 3) == 0);
    CODE(BOLT_NOTWRITABLE, bolt_put_reserve(bucket, "k", 1, 1, &room));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void what_cannot_be_put_cannot_be_reserved(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    char here, *untouched = &here;
    void *room = untouched;
    OK(bolt_bucket_create(bucket, "inner", 5, NULL));
    CODE(BOLT_WRONGTYPE, bolt_put_reserve(bucket, "inner", 5, 1, &room));
    CODE(BOLT_KEYREQUIRED, bolt_put_reserve(bucket, NULL, 0, 1, &room));
    CODE(BOLT_ARGUMENT, bolt_put_reserve(bucket, NULL, 1, 1, &room));
    CODE(BOLT_VALUESIZE, bolt_put_reserve(bucket, "k", 1, ((size_t)1 << 31) - 17, &room));
    CODE(BOLT_VALUESIZE, bolt_put_reserve(bucket, "k", 1, (size_t)-1, &room));
    CHECK(room == untouched);
    CHECK(holds(bucket, "k", NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_copy_needs_room_for_the_value_and_says_how_much(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    char buf[8] = "#######";
    size_t len = 77;
    put(bucket, "k", "value");
    put(bucket, "e", "");
    OK(bolt_bucket_create(bucket, "inner", 5, NULL));
    OK(bolt_get_copy(bucket, "k", 1, buf, 8, &len));
    CHECK(len == 5 && memcmp(buf, "value##", 8) == 0);
    OK(bolt_get_copy(bucket, "k", 1, buf, 5, NULL));
    memset(buf, '#', 7);
    len = 77;
    CODE(BOLT_TOOSMALL, bolt_get_copy(bucket, "k", 1, buf, 4, &len));
    CHECK(len == 5 && memcmp(buf, "#######", 8) == 0);
    CHECK(last_error_says("5 bytes"));
    CODE(BOLT_TOOSMALL, bolt_get_copy(bucket, "k", 1, NULL, 0, NULL));
    OK(bolt_get_copy(bucket, "e", 1, NULL, 0, &len));
    CHECK(len == 0);
    len = 77;
    CODE(BOLT_NOTFOUND, bolt_get_copy(bucket, "none", 4, buf, 8, &len));
    CODE(BOLT_NOTFOUND, bolt_get_copy(bucket, "inner", 5, buf, 8, &len));
    CODE(BOLT_ARGUMENT, bolt_get_copy(bucket, "k", 1, NULL, 8, &len));
    CODE(BOLT_ARGUMENT, bolt_get_copy(bucket, NULL, 1, buf, 8, &len));
    CHECK(len == 77 && memcmp(buf, "#######", 8) == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

/* The keys 0000000, 0000003, .. of a bucket with so many, its own number as each one's value. */
static void put_numbers(bolt_bucket *bucket, int count) {
    char key[16];
    int i;
    for (i = 0; i < count; i++) {
        snprintf(key, sizeof key, "%07d", 3 * i);
        put(bucket, key, key);
    }
}

/* Asks for n numbers spread over the bucket, of which each third is there, and for a key too many. */
static void look_for_many(bolt_bucket *bucket, int count, size_t n) {
    static char texts[1000][8];
    static bolt_slice keys[1000], values[1000];
    size_t i, found = 77, expected = 0;
    CHECK(n <= 1000);
    for (i = 0; i < n; i++) {
        int number = (int)(i * 7919 % (size_t)(3 * count + 2));
        snprintf(texts[i], sizeof texts[i], "%07d", number);
        keys[i] = slice(texts[i]);
        expected += number % 3 == 0 && number < 3 * count;
    }
    memset(values, 0x55, sizeof values);
    OK(bolt_get_many(bucket, keys, n, values, &found));
    CHECK(found == expected);
    for (i = 0; i < n; i++) {
        int number = atoi(texts[i]);
        if (number % 3 == 0 && number < 3 * count)
            CHECK(slice_is(&values[i], texts[i]));
        else
            CHECK(values[i].data == NULL && values[i].len == 0);
    }
    found = 77;
    OK(bolt_get_many(bucket, keys, n, NULL, &found));
    CHECK(found == expected);
    /* The values may take the place of the keys. */
    OK(bolt_get_many(bucket, keys, n, keys, NULL));
    CHECK(memcmp(keys, values, n * sizeof *keys) == 0);
}

static void many_keys_are_looked_for_at_once(void) {
    static const int counts[] = { 0, 1, 5, 300, 20000 };
    static const size_t ns[] = { 0, 1, 31, 32, 33, 63, 64, 65, 1000 };
    size_t i, j;
    for (i = 0; i < 5; i++) {
        bolt_db *db = fresh_db();
        bolt_txn *txn = begin(db, BOLT_WRITE);
        put_numbers(ensure(txn, "b"), counts[i]);
        for (j = 0; j < 9; j++)
            look_for_many(bucket_of(txn, "b"), counts[i], ns[j]);
        OK(bolt_commit(txn));
        txn = begin(db, BOLT_READ);
        for (j = 0; j < 9; j++)
            look_for_many(bucket_of(txn, "b"), counts[i], ns[j]);
        OK(bolt_rollback(txn));
        /* Some of the leaves are changed, the others are pages. */
        txn = begin(db, BOLT_WRITE);
        put(bucket_of(txn, "b"), "0000001", "0000001");
        OK(bolt_delete(bucket_of(txn, "b"), "0000001", 7));
        for (j = 0; j < 9; j++)
            look_for_many(bucket_of(txn, "b"), counts[i], ns[j]);
        OK(bolt_rollback(txn));
        OK(bolt_close(db));
    }
}

static void of_many_keys_a_bucket_is_not_found_and_an_empty_value_is(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    bolt_slice keys[4], values[4];
    size_t found = 77;
    OK(bolt_bucket_create(bucket, "inner", 5, NULL));
    put(bucket, "empty", "");
    keys[0] = slice("inner");
    keys[1] = slice("empty");
    keys[2].data = NULL;
    keys[2].len = 0;
    keys[3] = slice("empty");
    OK(bolt_get_many(bucket, keys, 4, values, &found));
    CHECK(found == 2);
    CHECK(values[0].data == NULL && values[2].data == NULL);
    CHECK(slice_is(&values[1], "") && slice_is(&values[3], ""));
    found = 77;
    keys[2].len = 1;
    CODE(BOLT_ARGUMENT, bolt_get_many(bucket, keys, 4, values, &found));
    CODE(BOLT_ARGUMENT, bolt_get_many(bucket, NULL, 1, values, &found));
    CODE(BOLT_ARGUMENT, bolt_get_many(bucket, keys, (size_t)-1, values, &found));
    CHECK(found == 77);
    OK(bolt_get_many(bucket, NULL, 0, NULL, &found));
    CHECK(found == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

/* In a committed bucket of several levels of pages, where many lookups go side by side. */
static void of_many_keys_each_gets_what_a_lookup_of_its_own_gives_and_buckets_nothing(void) {
    enum { KEYS = 3000, ASKED = 700 };
    static char names[ASKED][16];
    static bolt_slice keys[ASKED], values[ASKED];
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    size_t found = 0, expected = 0, i;
    for (i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%05d", (int)i * 2);
        if (i % 10 == 0)
            OK(bolt_bucket_create(bucket, key, 5, NULL));
        else
            put(bucket, key, key);
    }
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    for (i = 0; i < ASKED; i++) {
        snprintf(names[i], sizeof names[i], "%05d", (int)(i * 7919 % (2 * KEYS + 100)));
        keys[i].data = names[i];
        keys[i].len = 5;
    }
    OK(bolt_get_many(bucket, keys, ASKED, values, &found));
    for (i = 0; i < ASKED; i++) {
        const void *value = NULL;
        size_t len = 0;
        int code = bolt_get(bucket, names[i], 5, &value, &len);
        CHECK(code == BOLT_OK || code == BOLT_NOTFOUND);
        CHECK(values[i].data == value && values[i].len == len);
        expected += code == BOLT_OK;
    }
    CHECK(found == expected && expected > 200);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

/* Deletes from one number to another, and checks that just these are gone. */
static void delete_numbers(int from, int to, int committed) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    char texts[2][16], key[16];
    bolt_slice bounds[2];
    uint64_t deleted = 77, expected = 0;
    int i;
    put_numbers(bucket, 3000);
    if (committed) {
        OK(bolt_commit(txn));
        txn = begin(db, BOLT_WRITE);
        bucket = bucket_of(txn, "b");
    }
    snprintf(texts[0], sizeof texts[0], "%07d", from);
    snprintf(texts[1], sizeof texts[1], "%07d", to);
    bounds[0] = slice(texts[0]);
    bounds[1] = slice(texts[1]);
    for (i = 0; i < 9000; i += 3)
        expected += (from < 0 || i >= from) && (to < 0 || i < to);
    OK(bolt_delete_range(bucket, from < 0 ? NULL : &bounds[0], to < 0 ? NULL : &bounds[1], &deleted));
    CHECK(deleted == expected);
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    for (i = 0; i < 9000; i += 3) {
        int gone = (from < 0 || i >= from) && (to < 0 || i < to);
        snprintf(key, sizeof key, "%07d", i);
        CHECK(holds(bucket, key, gone ? NULL : key));
    }
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_range_is_deleted_from_its_first_key_up_to_its_end(void) {
    int committed;
    for (committed = 0; committed < 2; committed++) {
        delete_numbers(-1, -1, committed);
        delete_numbers(-1, 300, committed);
        delete_numbers(8700, -1, committed);
        delete_numbers(301, 8001, committed);
        delete_numbers(300, 303, committed);
        delete_numbers(301, 302, committed);
        delete_numbers(500, 500, committed);
        delete_numbers(600, 500, committed);
    }
}

static void a_range_with_a_bucket_in_it_is_not_deleted(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    bolt_slice from = slice("a"), to = slice("inner"), bad;
    uint64_t deleted = 77;
    put(bucket, "a", "1");
    put(bucket, "z", "2");
    OK(bolt_bucket_create(bucket, "inner", 5, NULL));
    CODE(BOLT_WRONGTYPE, bolt_delete_range(bucket, NULL, NULL, &deleted));
    CODE(BOLT_WRONGTYPE, bolt_delete_range(bucket, &to, NULL, &deleted));
    bad.data = NULL;
    bad.len = 1;
    CODE(BOLT_ARGUMENT, bolt_delete_range(bucket, &bad, NULL, &deleted));
    CODE(BOLT_ARGUMENT, bolt_delete_range(bucket, NULL, &bad, &deleted));
    CHECK(deleted == 77);
    CHECK(holds(bucket, "a", "1") && holds(bucket, "z", "2"));
    OK(bolt_delete_range(bucket, &from, &to, NULL));
    CHECK(holds(bucket, "a", NULL) && holds(bucket, "z", "2"));
    OK(bolt_bucket_open(bucket, "inner", 5, NULL));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    CODE(BOLT_NOTWRITABLE, bolt_delete_range(bucket_of(txn, "b"), NULL, NULL, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_value_is_put_read_overwritten_and_deleted),
        TEST(the_root_bucket_holds_values_too),
        TEST(an_empty_value_is_there_and_is_not_null),
        TEST(what_is_not_found_leaves_the_results_as_they_are),
        TEST(results_that_nobody_wants_may_be_null),
        TEST(keys_and_values_are_any_bytes),
        TEST(keys_that_cannot_be_are_refused_and_the_longest_is_kept),
        TEST(a_value_that_go_could_not_read_is_refused),
        TEST(where_a_bucket_stands_there_is_no_value),
        TEST(nothing_of_the_callers_is_kept),
        TEST(a_value_given_out_can_be_put_under_another_key),
        TEST(a_value_of_the_file_stays_as_it_was_whatever_the_transaction_does),
        TEST(a_value_of_the_transaction_itself_stays_as_it_was_whatever_it_does),
        TEST(a_reader_s_values_stay_as_they_were_while_others_commit),
        TEST(a_put_that_must_not_overwrite_keeps_what_is_there),
        TEST(a_put_of_a_key_that_must_exist_makes_none),
        TEST(keys_are_appended_in_order_or_not_at_all),
        TEST(a_condition_lifts_no_other_rule_of_a_put),
        TEST(a_reserved_value_is_written_where_it_lies),
        TEST(what_cannot_be_put_cannot_be_reserved),
        TEST(a_copy_needs_room_for_the_value_and_says_how_much),
        TEST(many_keys_are_looked_for_at_once),
        TEST(of_many_keys_each_gets_what_a_lookup_of_its_own_gives_and_buckets_nothing),
        TEST(of_many_keys_a_bucket_is_not_found_and_an_empty_value_is),
        TEST(a_range_is_deleted_from_its_first_key_up_to_its_end),
        TEST(a_range_with_a_bucket_in_it_is_not_deleted),
    };
    return RUN_TESTS(tests, argc, argv);
}
