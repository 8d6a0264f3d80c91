/* Cursors: moving, standing, deleting, and outliving their transaction. */
#include "test.h"

/* A bucket with the keys 000, 002, .. 998: five hundred on several pages, each with itself as its value. */
static bolt_bucket *even_numbers(bolt_txn *txn) {
    bolt_bucket *bucket = ensure(txn, "b");
    char key[8];
    int i;
    for (i = 0; i < 1000; i += 2) {
        snprintf(key, sizeof key, "%03d", i);
        put(bucket, key, key);
    }
    return bucket;
}

static bolt_db *db_with_even_numbers(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    even_numbers(txn);
    OK(bolt_commit(txn));
    return db;
}

static bolt_cursor *cursor_over(bolt_bucket *bucket) {
    bolt_cursor *cursor = NULL;
    OK(bolt_cursor_open(bucket, &cursor));
    CHECK(cursor != NULL);
    return cursor;
}

/* Whether the entry is this number with itself as its value. */
static int is(const bolt_kv *kv, int number) {
    char key[8];
    snprintf(key, sizeof key, "%03d", number);
    return kv->key_len == 3 && memcmp(kv->key, key, 3) == 0 && kv->value_len == 3 &&
           memcmp(kv->value, key, 3) == 0 && kv->flags == 0 && kv->reserved == 0;
}

static void everything_answers(int code, bolt_cursor *cursor) {
    bolt_kv kv;
    memset(&kv, 0x55, sizeof kv);
    CODE(code, bolt_cursor_first(cursor, &kv));
    CODE(code, bolt_cursor_last(cursor, &kv));
    CODE(code, bolt_cursor_next(cursor, &kv));
    CODE(code, bolt_cursor_prev(cursor, &kv));
    CODE(code, bolt_cursor_seek(cursor, "x", 1, &kv));
    CODE(code, bolt_cursor_current(cursor, &kv));
    CODE(code, bolt_cursor_delete(cursor));
    CHECK(kv.flags == 0x55555555u);
}

static void walk_forward(bolt_bucket *bucket) {
    bolt_cursor *cursor = cursor_over(bucket);
    bolt_kv kv;
    int code, expected = 0;
    for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv)) {
        CHECK(is(&kv, expected));
        OK(bolt_cursor_current(cursor, &kv));
        CHECK(is(&kv, expected));
        expected += 2;
    }
    CODE(BOLT_NOTFOUND, code);
    CHECK(expected == 1000);
    OK(bolt_cursor_close(cursor));
}

static void walk_backward(bolt_bucket *bucket) {
    bolt_cursor *cursor = cursor_over(bucket);
    bolt_kv kv;
    int code, expected = 998;
    for (code = bolt_cursor_last(cursor, &kv); code == BOLT_OK; code = bolt_cursor_prev(cursor, &kv)) {
        CHECK(is(&kv, expected));
        expected -= 2;
    }
    CODE(BOLT_NOTFOUND, code);
    CHECK(expected == -2);
    OK(bolt_cursor_close(cursor));
}

static void a_walk_visits_every_key_in_order_both_ways(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    walk_forward(even_numbers(txn));
    walk_backward(bucket_of(txn, "b"));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    walk_forward(bucket_of(txn, "b"));
    walk_backward(bucket_of(txn, "b"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_seek_finds_the_key_or_the_next_greater_one(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    bolt_kv kv;
    char key[8];
    int i;
    for (i = 0; i < 999; i++) {
        snprintf(key, sizeof key, "%03d", i);
        OK(bolt_cursor_seek(cursor, key, 3, &kv));
        CHECK(is(&kv, i + i % 2));
    }
    CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, &kv));
    OK(bolt_cursor_seek(cursor, NULL, 0, &kv));
    CHECK(is(&kv, 0));
    OK(bolt_cursor_seek(cursor, "5", 1, &kv));
    CHECK(is(&kv, 500));
    OK(bolt_cursor_next(cursor, &kv));
    CHECK(is(&kv, 502));
    CODE(BOLT_NOTFOUND, bolt_cursor_seek(cursor, "999", 3, &kv));
    CHECK(is(&kv, 502));
    CODE(BOLT_NOTFOUND, bolt_cursor_current(cursor, &kv));
    OK(bolt_cursor_prev(cursor, &kv));
    CHECK(is(&kv, 998));
    CODE(BOLT_ARGUMENT, bolt_cursor_seek(cursor, NULL, 3, &kv));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_cursor_that_was_never_placed_stands_nowhere(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, NULL));
    CODE(BOLT_NOTFOUND, bolt_cursor_prev(cursor, NULL));
    CODE(BOLT_NOTFOUND, bolt_cursor_current(cursor, NULL));
    CODE(BOLT_NOTFOUND, bolt_cursor_delete(cursor));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void an_empty_bucket_has_no_entries(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_cursor *cursor = cursor_over(ensure(txn, "b"));
    everything_answers(BOLT_NOTFOUND, cursor);
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void past_either_end_a_cursor_stays_and_steps_back_from_there(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    bolt_kv kv;
    int i;
    OK(bolt_cursor_last(cursor, &kv));
    for (i = 0; i < 3; i++)
        CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, &kv));
    OK(bolt_cursor_prev(cursor, &kv));
    CHECK(is(&kv, 996));
    OK(bolt_cursor_first(cursor, &kv));
    for (i = 0; i < 3; i++)
        CODE(BOLT_NOTFOUND, bolt_cursor_prev(cursor, &kv));
    OK(bolt_cursor_next(cursor, &kv));
    CHECK(is(&kv, 2));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_bucket_among_the_entries_is_marked_and_an_empty_value_is_not_null(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    bolt_cursor *cursor = cursor_over(bucket);
    bolt_kv kv;
    OK(bolt_bucket_create(bucket, "inner", 5, NULL));
    OK(bolt_put(bucket, "value", 5, NULL, 0));
    memset(&kv, 0x55, sizeof kv);
    OK(bolt_cursor_first(cursor, &kv));
    CHECK(kv.key_len == 5 && memcmp(kv.key, "inner", 5) == 0);
    CHECK(kv.flags == BOLT_KV_BUCKET && kv.value == NULL && kv.value_len == 0 && kv.reserved == 0);
    CODE(BOLT_WRONGTYPE, bolt_cursor_delete(cursor));
    memset(&kv, 0x55, sizeof kv);
    OK(bolt_cursor_next(cursor, &kv));
    CHECK(kv.key_len == 5 && memcmp(kv.key, "value", 5) == 0);
    CHECK(kv.flags == 0 && kv.value != NULL && kv.value_len == 0 && kv.reserved == 0);
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void entries_that_nobody_wants_may_be_null(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    bolt_kv kv;
    OK(bolt_cursor_first(cursor, NULL));
    OK(bolt_cursor_next(cursor, NULL));
    OK(bolt_cursor_current(cursor, &kv));
    CHECK(is(&kv, 2));
    OK(bolt_cursor_prev(cursor, NULL));
    OK(bolt_cursor_last(cursor, NULL));
    OK(bolt_cursor_seek(cursor, "100", 3, NULL));
    OK(bolt_cursor_current(cursor, &kv));
    CHECK(is(&kv, 100));
    CODE(BOLT_ARGUMENT, bolt_cursor_open(bucket_of(txn, "b"), NULL));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

/* Deletes the keys that are divisible by `divisor` on one walk, which must visit every key exactly once. */
static void delete_on_a_walk(bolt_txn *txn, int divisor) {
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    bolt_kv kv;
    int code, expected = 0;
    for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv)) {
        CHECK(is(&kv, expected));
        if (expected % divisor == 0)
            OK(bolt_cursor_delete(cursor));
        expected += 2;
    }
    CODE(BOLT_NOTFOUND, code);
    CHECK(expected == 1000);
    expected = 0;
    for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv)) {
        while (expected % divisor == 0)
            expected += 2;
        CHECK(is(&kv, expected));
        expected += 2;
    }
    CODE(BOLT_NOTFOUND, code);
    OK(bolt_cursor_close(cursor));
}

static void keys_deleted_on_a_walk_are_skipped_by_none(void) {
    static const int divisors[] = { 1, 4, 6 };
    size_t i;
    int dirty;
    for (dirty = 0; dirty < 2; dirty++) {
        for (i = 0; i < 3; i++) {
            bolt_db *db = db_with_even_numbers();
            bolt_txn *txn = begin(db, BOLT_WRITE);
            if (dirty)
                even_numbers(txn);
            delete_on_a_walk(txn, divisors[i]);
            OK(bolt_commit(txn));
            OK(bolt_close(db));
        }
    }
}

static void a_delete_leaves_the_cursor_on_no_entry_until_it_moves(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    bolt_kv kv;
    OK(bolt_cursor_seek(cursor, "500", 3, &kv));
    OK(bolt_cursor_delete(cursor));
    CODE(BOLT_NOTFOUND, bolt_cursor_current(cursor, &kv));
    CODE(BOLT_NOTFOUND, bolt_cursor_delete(cursor));
    OK(bolt_cursor_prev(cursor, &kv));
    CHECK(is(&kv, 498));
    OK(bolt_cursor_next(cursor, &kv));
    CHECK(is(&kv, 502));
    OK(bolt_cursor_delete(cursor));
    OK(bolt_cursor_next(cursor, &kv));
    CHECK(is(&kv, 504));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_reader_deletes_nothing(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    bolt_kv kv;
    OK(bolt_cursor_first(cursor, NULL));
    CODE(BOLT_NOTWRITABLE, bolt_cursor_delete(cursor));
    OK(bolt_cursor_current(cursor, &kv));
    CHECK(is(&kv, 0));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void keys_and_values_given_out_stay_as_they_were_whatever_the_transaction_does(void) {
    static bolt_kv entries[500];
    int dirty;
    for (dirty = 0; dirty < 2; dirty++) {
        bolt_db *db = db_with_even_numbers();
        bolt_txn *txn = begin(db, BOLT_WRITE);
        bolt_bucket *bucket = dirty ? even_numbers(txn) : bucket_of(txn, "b");
        bolt_cursor *cursor = cursor_over(bucket);
        char key[16];
        int i, code, count = 0;
        for (code = bolt_cursor_first(cursor, &entries[0]); code == BOLT_OK;
             code = bolt_cursor_next(cursor, &entries[count < 499 ? count : 499]))
            count++;
        CHECK(count == 500);
        for (i = 0; i < 500; i++) {
            snprintf(key, sizeof key, "%03d", 2 * i);
            if (i % 3 == 0)
                put(bucket, key, "a value that is longer than the one before");
            else if (i % 3 == 1)
                OK(bolt_delete(bucket, key, 3));
            snprintf(key, sizeof key, "%03d-%d", 2 * i, i);
            put(bucket, key, key);
        }
        for (i = 0; i < 500; i++)
            CHECK(is(&entries[i], 2 * i));
        OK(bolt_bucket_delete(root_of(txn), "b", 1));
        for (i = 0; i < 500; i++)
            CHECK(is(&entries[i], 2 * i));
        OK(bolt_cursor_close(cursor));
        OK(bolt_commit(txn));
        OK(bolt_close(db));
    }
}

static void a_cursor_outlives_its_transaction_only_to_be_closed(void) {
    bolt_db *db = db_with_even_numbers();
    int commits, i;
    for (commits = 0; commits < 2; commits++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
        OK(bolt_cursor_first(cursor, NULL));
        if (commits)
            OK(bolt_commit(txn));
        else
            OK(bolt_rollback(txn));
        everything_answers(BOLT_BADHANDLE, cursor);
        CHECK(last_error_says("transaction has ended"));
        for (i = 0; i < 200; i++) {
            txn = begin(db, BOLT_READ);
            CHECK(holds(bucket_of(txn, "b"), "002", "002"));
            CODE(BOLT_BADHANDLE, bolt_cursor_next(cursor, NULL));
            OK(bolt_rollback(txn));
        }
        OK(bolt_cursor_close(cursor));
        everything_answers(BOLT_BADHANDLE, cursor);
        CODE(BOLT_BADHANDLE, bolt_cursor_close(cursor));
    }
    OK(bolt_close(db));
}

static void a_cursor_outlives_even_its_database(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    everything_answers(BOLT_BADHANDLE, cursor);
    OK(bolt_cursor_close(cursor));
}

static void a_cursor_over_a_deleted_bucket_is_bad_and_one_over_a_closed_handle_good(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = bucket_of(txn, "b");
    bolt_cursor *cursor = cursor_over(bucket);
    bolt_kv kv;
    OK(bolt_cursor_first(cursor, NULL));
    OK(bolt_bucket_close(bucket));
    OK(bolt_cursor_next(cursor, &kv));
    CHECK(is(&kv, 2));
    OK(bolt_bucket_delete(root_of(txn), "b", 1));
    everything_answers(BOLT_BADHANDLE, cursor);
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void null_and_handles_of_other_kinds_are_no_cursors(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_READ);
    everything_answers(BOLT_BADHANDLE, NULL);
    everything_answers(BOLT_BADHANDLE, (bolt_cursor *)db);
    everything_answers(BOLT_BADHANDLE, (bolt_cursor *)txn);
    everything_answers(BOLT_BADHANDLE, (bolt_cursor *)root_of(txn));
    OK(bolt_cursor_close(NULL));
    CODE(BOLT_BADHANDLE, bolt_cursor_close((bolt_cursor *)txn));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void many_cursors_walk_one_bucket_each_at_its_own_place(void) {
    static bolt_cursor *cursors[200];
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_kv kv;
    char key[8];
    int i;
    for (i = 0; i < 200; i++) {
        cursors[i] = cursor_over(bucket_of(txn, "b"));
        snprintf(key, sizeof key, "%03d", 2 * i);
        OK(bolt_cursor_seek(cursors[i], key, 3, NULL));
    }
    for (i = 0; i < 200; i++) {
        OK(bolt_cursor_next(cursors[i], &kv));
        CHECK(is(&kv, 2 * i + 2));
        OK(bolt_cursor_close(cursors[i]));
    }
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_walk_visits_every_key_in_order_both_ways),
        TEST(a_seek_finds_the_key_or_the_next_greater_one),
        TEST(a_cursor_that_was_never_placed_stands_nowhere),
        TEST(an_empty_bucket_has_no_entries),
        TEST(past_either_end_a_cursor_stays_and_steps_back_from_there),
        TEST(a_bucket_among_the_entries_is_marked_and_an_empty_value_is_not_null),
        TEST(entries_that_nobody_wants_may_be_null),
        TEST(keys_deleted_on_a_walk_are_skipped_by_none),
        TEST(a_delete_leaves_the_cursor_on_no_entry_until_it_moves),
        TEST(a_reader_deletes_nothing),
        TEST(keys_and_values_given_out_stay_as_they_were_whatever_the_transaction_does),
        TEST(a_cursor_outlives_its_transaction_only_to_be_closed),
        TEST(a_cursor_outlives_even_its_database),
        TEST(a_cursor_over_a_deleted_bucket_is_bad_and_one_over_a_closed_handle_good),
        TEST(null_and_handles_of_other_kinds_are_no_cursors),
        TEST(many_cursors_walk_one_bucket_each_at_its_own_place),
    };
    return RUN_TESTS(tests, argc, argv);
}
