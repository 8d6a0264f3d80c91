/* Keys and values: get, put, delete, and the promise that bytes given out neither move nor change. */
#include "test.h"

#include <sys/mman.h>

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
    };
    return RUN_TESTS(tests, argc, argv);
}
