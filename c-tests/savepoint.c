/* Savepoints: going back to one, giving one up, nesting, and what remains of handles and bytes given out. */
#include "test.h"

static uint64_t savepoint(bolt_txn *txn) {
    uint64_t number = 0;
    OK(bolt_savepoint(txn, &number));
    return number;
}

static void what_was_done_since_a_savepoint_is_taken_back(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    uint64_t before, sequence = 77;
    put(bucket, "kept", "1");
    put(bucket, "changed", "1");
    put(bucket, "deleted", "1");
    OK(bolt_bucket_set_sequence(bucket, 5));
    before = savepoint(txn);
    put(bucket, "new", "2");
    put(bucket, "changed", "2");
    OK(bolt_delete(bucket, "deleted", 7));
    OK(bolt_bucket_set_sequence(bucket, 6));
    OK(bolt_bucket_create(root_of(txn), "c", 1, NULL));
    OK(bolt_savepoint_rollback(txn, before));
    CHECK(holds(bucket, "kept", "1") && holds(bucket, "changed", "1") && holds(bucket, "deleted", "1"));
    CHECK(holds(bucket, "new", NULL));
    OK(bolt_bucket_sequence(bucket, &sequence));
    CHECK(sequence == 5);
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root_of(txn), "c", 1, NULL));
    put(bucket, "after", "3");
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    CHECK(holds(bucket, "changed", "1") && holds(bucket, "after", "3") && holds(bucket, "new", NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void what_was_released_stays(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    uint64_t outer = savepoint(txn), inner;
    put(bucket, "one", "1");
    inner = savepoint(txn);
    put(bucket, "two", "2");
    OK(bolt_savepoint_release(txn, inner));
    CODE(BOLT_BADHANDLE, bolt_savepoint_release(txn, inner));
    CODE(BOLT_BADHANDLE, bolt_savepoint_rollback(txn, inner));
    CHECK(holds(bucket, "two", "2"));
    OK(bolt_savepoint_rollback(txn, outer));
    CHECK(holds(bucket, "one", NULL) && holds(bucket, "two", NULL));
    OK(bolt_savepoint_rollback(txn, outer));
    put(bucket, "three", "3");
    OK(bolt_savepoint_release(txn, outer));
    CODE(BOLT_BADHANDLE, bolt_savepoint_rollback(txn, outer));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "three", "3"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_rollback_to_a_savepoint_ends_those_set_after_it(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    uint64_t numbers[50];
    char key[8];
    int i;
    for (i = 0; i < 50; i++) {
        numbers[i] = savepoint(txn);
        CHECK(i == 0 || numbers[i] > numbers[i - 1]);
        snprintf(key, sizeof key, "%02d", i);
        put(bucket, key, key);
    }
    OK(bolt_savepoint_rollback(txn, numbers[30]));
    CHECK(holds(bucket, "29", "29") && holds(bucket, "30", NULL));
    for (i = 31; i < 50; i++) {
        CODE(BOLT_BADHANDLE, bolt_savepoint_rollback(txn, numbers[i]));
        CODE(BOLT_BADHANDLE, bolt_savepoint_release(txn, numbers[i]));
    }
    OK(bolt_savepoint_release(txn, numbers[10]));
    CODE(BOLT_BADHANDLE, bolt_savepoint_rollback(txn, numbers[30]));
    OK(bolt_savepoint_rollback(txn, numbers[9]));
    CHECK(holds(bucket, "08", "08") && holds(bucket, "09", NULL));
    CODE(BOLT_BADHANDLE, bolt_savepoint_rollback(txn, 0));
    CODE(BOLT_BADHANDLE, bolt_savepoint_rollback(txn, UINT64_MAX));
    OK(bolt_commit(txn));
    CODE(BOLT_BADHANDLE, bolt_savepoint_rollback(txn, numbers[9]));
    CODE(BOLT_BADHANDLE, bolt_savepoint_release(txn, numbers[9]));
    OK(bolt_close(db));
}

static void buckets_and_cursors_opened_since_are_bad_and_older_ones_good(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *old, *since = NULL, *made = NULL;
    bolt_cursor *on_old = NULL, *on_since = NULL, *late_on_old = NULL;
    bolt_kv kv;
    uint64_t before;
    put(ensure(txn, "since"), "k", "v");
    put(ensure(txn, "old"), "a", "1");
    put(ensure(txn, "old"), "c", "3");
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_WRITE);
    old = bucket_of(txn, "old");
    OK(bolt_cursor_open(old, &on_old));
    OK(bolt_cursor_first(on_old, NULL));
    before = savepoint(txn);
    since = bucket_of(txn, "since");
    OK(bolt_bucket_create(old, "made", 4, &made));
    put(made, "k", "v");
    put(old, "b", "2");
    OK(bolt_cursor_open(since, &on_since));
    OK(bolt_cursor_first(on_since, NULL));
    OK(bolt_cursor_open(old, &late_on_old));
    OK(bolt_cursor_seek(late_on_old, "b", 1, NULL));
    OK(bolt_savepoint_rollback(txn, before));
    CODE(BOLT_BADHANDLE, bolt_get(since, "k", 1, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_put(made, "k", 1, "v", 1));
    CODE(BOLT_BADHANDLE, bolt_cursor_next(on_since, &kv));
    CODE(BOLT_BADHANDLE, bolt_cursor_first(on_since, &kv));
    CHECK(holds(old, "b", NULL) && holds(old, "a", "1"));
    OK(bolt_cursor_next(on_old, &kv));
    CHECK(kv.key_len == 1 && memcmp(kv.key, "c", 1) == 0);
    CODE(BOLT_NOTFOUND, bolt_cursor_current(late_on_old, &kv));
    OK(bolt_cursor_prev(late_on_old, &kv));
    CHECK(kv.key_len == 1 && memcmp(kv.key, "a", 1) == 0);
    CHECK(bucket_of(txn, "since") != since);
    CHECK(holds(bucket_of(txn, "since"), "k", "v"));
    OK(bolt_cursor_close(on_old));
    OK(bolt_cursor_close(on_since));
    OK(bolt_cursor_close(late_on_old));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void a_bucket_deleted_or_moved_since_is_good_again(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *deleted = ensure(txn, "deleted"), *moved = ensure(txn, "moved"), *to = ensure(txn, "to");
    bolt_cursor *cursor = NULL;
    uint64_t before;
    put(deleted, "k", "1");
    put(moved, "k", "2");
    OK(bolt_cursor_open(deleted, &cursor));
    OK(bolt_cursor_first(cursor, NULL));
    before = savepoint(txn);
    OK(bolt_bucket_delete(root_of(txn), "deleted", 7));
    OK(bolt_bucket_move(root_of(txn), "moved", 5, to));
    CODE(BOLT_BADHANDLE, bolt_get(deleted, "k", 1, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_cursor_current(cursor, NULL));
    OK(bolt_savepoint_rollback(txn, before));
    CHECK(holds(deleted, "k", "1") && holds(moved, "k", "2"));
    OK(bolt_cursor_current(cursor, NULL));
    CODE(BOLT_NOTFOUND, bolt_bucket_open(to, "moved", 5, NULL));
    CHECK(bucket_of(txn, "moved") == moved && bucket_of(txn, "deleted") == deleted);
    OK(bolt_cursor_close(cursor));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "deleted"), "k", "1") && holds(bucket_of(txn, "moved"), "k", "2"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void bytes_given_out_since_stay_as_they_were(void) {
    static const void *values[500];
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    char key[8];
    size_t len;
    int round, i;
    for (round = 0; round < 20; round++) {
        uint64_t before = savepoint(txn);
        for (i = round * 25; i < round * 25 + 25; i++) {
            snprintf(key, sizeof key, "%03d", i);
            put(bucket, key, key);
            OK(bolt_get(bucket, key, 3, &values[i], &len));
        }
        OK(bolt_savepoint_rollback(txn, before));
    }
    for (i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "%03d", i);
        CHECK(memcmp(values[i], key, 3) == 0);
        CHECK(holds(bucket, key, NULL));
    }
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void each_of_many_requests_may_have_a_savepoint(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    char key[16];
    int i;
    for (i = 0; i < 3000; i++) {
        uint64_t before = savepoint(txn);
        snprintf(key, sizeof key, "%05d", i);
        put(bucket, key, "half of it");
        put(bucket, "last", key);
        if (i % 3 == 0)
            OK(bolt_savepoint_rollback(txn, before));
        OK(bolt_savepoint_release(txn, before));
    }
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    for (i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "%05d", i);
        CHECK(holds(bucket, key, i % 3 == 0 ? NULL : "half of it"));
    }
    CHECK(holds(bucket, "last", "02999"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void readers_and_bad_arguments_set_none(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_READ);
    uint64_t number = 77;
    CODE(BOLT_NOTWRITABLE, bolt_savepoint(txn, &number));
    CODE(BOLT_NOTWRITABLE, bolt_savepoint_rollback(txn, 1));
    CODE(BOLT_NOTWRITABLE, bolt_savepoint_release(txn, 1));
    OK(bolt_rollback(txn));
    CODE(BOLT_BADHANDLE, bolt_savepoint(txn, &number));
    CODE(BOLT_BADHANDLE, bolt_savepoint(NULL, &number));
    CODE(BOLT_BADHANDLE, bolt_savepoint_rollback(NULL, 1));
    CODE(BOLT_BADHANDLE, bolt_savepoint_release(NULL, 1));
    txn = begin(db, BOLT_WRITE);
    CODE(BOLT_ARGUMENT, bolt_savepoint(txn, NULL));
    CHECK(number == 77);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(what_was_done_since_a_savepoint_is_taken_back),
        TEST(what_was_released_stays),
        TEST(a_rollback_to_a_savepoint_ends_those_set_after_it),
        TEST(buckets_and_cursors_opened_since_are_bad_and_older_ones_good),
        TEST(a_bucket_deleted_or_moved_since_is_good_again),
        TEST(bytes_given_out_since_stay_as_they_were),
        TEST(each_of_many_requests_may_have_a_savepoint),
        TEST(readers_and_bad_arguments_set_none),
    };
    return RUN_TESTS(tests, argc, argv);
}
