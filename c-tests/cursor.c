/* Cursors: moving, standing, deleting, keeping to bounds, taking many entries at once, and outliving their
 * transaction. */
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
    size_t count = 77, used = 77;
    char buf[64];
    memset(&kv, 0x55, sizeof kv);
    CODE(code, bolt_cursor_first(cursor, &kv));
    CODE(code, bolt_cursor_last(cursor, &kv));
    CODE(code, bolt_cursor_next(cursor, &kv));
    CODE(code, bolt_cursor_prev(cursor, &kv));
    CODE(code, bolt_cursor_seek(cursor, "x", 1, &kv));
    CODE(code, bolt_cursor_current(cursor, &kv));
    CODE(code, bolt_cursor_delete(cursor));
    CODE(code, bolt_cursor_seek_le(cursor, "x", 1, &kv));
    CODE(code, bolt_cursor_next_many(cursor, &kv, 1, &count));
    CODE(code, bolt_cursor_next_packed(cursor, buf, sizeof buf, &used, &count));
    CODE(code == BOLT_NOTFOUND ? BOLT_OK : code, bolt_cursor_set_bounds(cursor, NULL, NULL));
    CHECK(kv.flags == 0x55555555u && count == 77 && used == 77);
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

static bolt_slice slice(const char *text) {
    bolt_slice slice;
    slice.data = text;
    slice.len = strlen(text);
    return slice;
}

static void a_seek_backward_finds_the_key_or_the_next_smaller_one(void) {
    bolt_db *db = db_with_even_numbers();
    int dirty;
    for (dirty = 0; dirty < 2; dirty++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        bolt_cursor *cursor = cursor_over(dirty ? even_numbers(txn) : bucket_of(txn, "b"));
        bolt_kv kv;
        char key[8];
        int i;
        for (i = 0; i < 1000; i++) {
            snprintf(key, sizeof key, "%03d", i);
            OK(bolt_cursor_seek_le(cursor, key, 3, &kv));
            CHECK(is(&kv, i - i % 2));
        }
        CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, &kv));
        OK(bolt_cursor_seek_le(cursor, "zzz", 3, &kv));
        CHECK(is(&kv, 998));
        OK(bolt_cursor_prev(cursor, &kv));
        CHECK(is(&kv, 996));
        CODE(BOLT_NOTFOUND, bolt_cursor_seek_le(cursor, "00", 2, &kv));
        CHECK(is(&kv, 996));
        CODE(BOLT_NOTFOUND, bolt_cursor_current(cursor, &kv));
        CODE(BOLT_NOTFOUND, bolt_cursor_prev(cursor, &kv));
        OK(bolt_cursor_next(cursor, &kv));
        CHECK(is(&kv, 0));
        CODE(BOLT_NOTFOUND, bolt_cursor_seek_le(cursor, NULL, 0, NULL));
        CODE(BOLT_ARGUMENT, bolt_cursor_seek_le(cursor, NULL, 3, &kv));
        OK(bolt_cursor_close(cursor));
        OK(bolt_rollback(txn));
    }
    OK(bolt_close(db));
}

/* Walks between two bounds both ways; the even numbers from `first` to `last` must be what is there. */
static void walk_between(bolt_bucket *bucket, const char *from, const char *to, int first, int last) {
    bolt_cursor *cursor = cursor_over(bucket);
    bolt_slice bounds[2];
    bolt_kv kv;
    int code, expected = first;
    bounds[0] = slice(from == NULL ? "" : from);
    bounds[1] = slice(to == NULL ? "" : to);
    OK(bolt_cursor_set_bounds(cursor, from == NULL ? NULL : &bounds[0], to == NULL ? NULL : &bounds[1]));
    CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, &kv));
    CODE(BOLT_NOTFOUND, bolt_cursor_current(cursor, &kv));
    for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv)) {
        CHECK(is(&kv, expected));
        expected += 2;
    }
    CODE(BOLT_NOTFOUND, code);
    CHECK(expected == last + 2);
    CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, &kv));
    if (first < last) {
        OK(bolt_cursor_prev(cursor, &kv));
        CHECK(is(&kv, last - 2));
    }
    expected = last;
    for (code = bolt_cursor_last(cursor, &kv); code == BOLT_OK; code = bolt_cursor_prev(cursor, &kv)) {
        CHECK(is(&kv, expected));
        expected -= 2;
    }
    CODE(BOLT_NOTFOUND, code);
    CHECK(expected == first - 2);
    if (first <= last) {
        OK(bolt_cursor_seek(cursor, "", 0, &kv));
        CHECK(is(&kv, first));
        CODE(BOLT_NOTFOUND, bolt_cursor_prev(cursor, NULL));
        OK(bolt_cursor_seek_le(cursor, "zzz", 3, &kv));
        CHECK(is(&kv, last));
        CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, NULL));
        CODE(BOLT_NOTFOUND, bolt_cursor_seek(cursor, "zzz", 3, &kv));
        OK(bolt_cursor_prev(cursor, &kv));
        CHECK(is(&kv, last));
        CODE(BOLT_NOTFOUND, bolt_cursor_seek_le(cursor, "", 0, &kv));
        OK(bolt_cursor_next(cursor, &kv));
        CHECK(is(&kv, first));
    } else {
        CODE(BOLT_NOTFOUND, bolt_cursor_seek(cursor, "500", 3, &kv));
        CODE(BOLT_NOTFOUND, bolt_cursor_prev(cursor, &kv));
        CODE(BOLT_NOTFOUND, bolt_cursor_seek_le(cursor, "500", 3, &kv));
        CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, &kv));
    }
    OK(bolt_cursor_set_bounds(cursor, NULL, NULL));
    OK(bolt_cursor_first(cursor, &kv));
    CHECK(is(&kv, 0));
    OK(bolt_cursor_close(cursor));
}

static void within_bounds_a_cursor_sees_what_lies_between_them(void) {
    bolt_db *db = db_with_even_numbers();
    int dirty;
    for (dirty = 0; dirty < 2; dirty++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        bolt_bucket *bucket = dirty ? even_numbers(txn) : bucket_of(txn, "b");
        walk_between(bucket, NULL, NULL, 0, 998);
        walk_between(bucket, "100", "200", 100, 198);
        walk_between(bucket, "101", "201", 102, 200);
        walk_between(bucket, NULL, "301", 0, 300);
        walk_between(bucket, "777", NULL, 778, 998);
        walk_between(bucket, "500", "501", 500, 500);
        walk_between(bucket, "501", "502", 502, 500);
        walk_between(bucket, "600", "600", 602, 600);
        walk_between(bucket, "700", "300", 702, 700);
        walk_between(bucket, "999", NULL, 1000, 998);
        walk_between(bucket, NULL, "000", 2, 0);
        OK(bolt_rollback(txn));
    }
    OK(bolt_close(db));
}

static void bounds_are_copied_and_bad_ones_leave_the_old_ones(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    char from[] = "100", to[] = "103";
    bolt_slice bounds[2], bad;
    bolt_kv kv;
    bounds[0] = slice(from);
    bounds[1] = slice(to);
    OK(bolt_cursor_set_bounds(cursor, &bounds[0], &bounds[1]));
    memset(from, '#', 3);
    memset(to, '#', 3);
    OK(bolt_cursor_first(cursor, &kv));
    CHECK(is(&kv, 100));
    bad.data = NULL;
    bad.len = 1;
    CODE(BOLT_ARGUMENT, bolt_cursor_set_bounds(cursor, &bad, NULL));
    CODE(BOLT_ARGUMENT, bolt_cursor_set_bounds(cursor, NULL, &bad));
    OK(bolt_cursor_next(cursor, &kv));
    CHECK(is(&kv, 102));
    CODE(BOLT_NOTFOUND, bolt_cursor_next(cursor, &kv));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void many_entries_come_in_order_and_the_cursor_stands_on_the_last(void) {
    static const size_t caps[] = { 1, 2, 7, 128, 499, 500, 501, 1000 };
    static bolt_kv kvs[1000];
    bolt_db *db = db_with_even_numbers();
    size_t i, j, n;
    int dirty;
    for (dirty = 0; dirty < 2; dirty++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        bolt_bucket *bucket = dirty ? even_numbers(txn) : bucket_of(txn, "b");
        for (i = 0; i < 8; i++) {
            bolt_cursor *cursor = cursor_over(bucket);
            bolt_kv kv;
            int code, expected = 0;
            while ((code = bolt_cursor_next_many(cursor, kvs, caps[i], &n)) == BOLT_OK) {
                CHECK(n >= 1 && n <= caps[i]);
                CHECK(n == caps[i] || expected + 2 * (int)n == 1000);
                for (j = 0; j < n; j++, expected += 2)
                    CHECK(is(&kvs[j], expected));
                OK(bolt_cursor_current(cursor, &kv));
                CHECK(is(&kv, expected - 2));
            }
            CODE(BOLT_NOTFOUND, code);
            CHECK(expected == 1000);
            OK(bolt_cursor_prev(cursor, &kv));
            CHECK(is(&kv, 996));
            OK(bolt_cursor_close(cursor));
        }
        OK(bolt_rollback(txn));
    }
    OK(bolt_close(db));
}

static void many_entries_begin_behind_the_one_on_which_the_cursor_stands(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_cursor *cursor = cursor_over(bucket_of(txn, "b"));
    bolt_slice from = slice("301"), to = slice("311");
    bolt_kv kvs[100];
    size_t n = 0;
    OK(bolt_cursor_seek(cursor, "500", 3, NULL));
    OK(bolt_cursor_next_many(cursor, kvs, 3, &n));
    CHECK(n == 3 && is(&kvs[0], 502) && is(&kvs[2], 506));
    OK(bolt_cursor_delete(cursor));
    OK(bolt_cursor_next_many(cursor, kvs, 2, NULL));
    CHECK(is(&kvs[0], 508) && is(&kvs[1], 510));
    OK(bolt_cursor_set_bounds(cursor, &from, &to));
    OK(bolt_cursor_next_many(cursor, kvs, 3, &n));
    CHECK(n == 3 && is(&kvs[0], 302) && is(&kvs[2], 306));
    OK(bolt_cursor_next_many(cursor, kvs, 100, &n));
    CHECK(n == 2 && is(&kvs[0], 308) && is(&kvs[1], 310));
    n = 77;
    CODE(BOLT_NOTFOUND, bolt_cursor_next_many(cursor, kvs, 100, &n));
    CODE(BOLT_ARGUMENT, bolt_cursor_next_many(cursor, kvs, 0, &n));
    CODE(BOLT_ARGUMENT, bolt_cursor_next_many(cursor, NULL, 1, &n));
    CHECK(n == 77);
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static uint32_t number_at(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void packed_entries_hold_lengths_flags_key_value_and_zeros(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    bolt_cursor *cursor = cursor_over(bucket);
    unsigned char buf[96];
    size_t used = 0, n = 0;
    OK(bolt_bucket_create(bucket, "bucket", 6, NULL));
    put(bucket, "empty", "");
    put(bucket, "full", "12345678");
    memset(buf, '#', sizeof buf);
    OK(bolt_cursor_next_packed(cursor, buf, sizeof buf, &used, &n));
    CHECK(n == 3 && used == 24 + 24 + 32);
    CHECK(number_at(buf) == 6 && number_at(buf + 4) == 0 && number_at(buf + 8) == BOLT_KV_BUCKET);
    CHECK(number_at(buf + 12) == 0 && memcmp(buf + 16, "bucket\0\0", 8) == 0);
    CHECK(number_at(buf + 24) == 5 && number_at(buf + 28) == 0 && number_at(buf + 32) == 0);
    CHECK(memcmp(buf + 40, "empty\0\0\0", 8) == 0);
    CHECK(number_at(buf + 48) == 4 && number_at(buf + 52) == 8 && number_at(buf + 56) == 0);
    CHECK(memcmp(buf + 64, "full12345678\0\0\0\0", 16) == 0);
    CHECK(buf[80] == '#');
    CODE(BOLT_NOTFOUND, bolt_cursor_next_packed(cursor, buf, sizeof buf, &used, &n));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void an_entry_that_does_not_fit_is_the_first_of_the_next_buffer(void) {
    bolt_db *db = db_with_even_numbers();
    unsigned char buf[1000];
    int dirty;
    for (dirty = 0; dirty < 2; dirty++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        bolt_bucket *bucket = dirty ? even_numbers(txn) : bucket_of(txn, "b");
        size_t cap;
        for (cap = 24; cap < sizeof buf; cap += 109) {
            bolt_cursor *cursor = cursor_over(bucket);
            int code, expected = 0;
            size_t used = 0, n = 0, i;
            while ((code = bolt_cursor_next_packed(cursor, buf, cap, &used, &n)) == BOLT_OK) {
                CHECK(used == 24 * n && used <= cap);
                CHECK(used + 24 > cap || expected + 2 * (int)n == 1000);
                for (i = 0; i < n; i++, expected += 2) {
                    char key[8];
                    snprintf(key, sizeof key, "%03d", expected);
                    CHECK(number_at(buf + 24 * i) == 3 && number_at(buf + 24 * i + 4) == 3);
                    CHECK(memcmp(buf + 24 * i + 16, key, 3) == 0 && memcmp(buf + 24 * i + 19, key, 3) == 0);
                }
            }
            CODE(BOLT_NOTFOUND, code);
            CHECK(expected == 1000);
            OK(bolt_cursor_close(cursor));
        }
        OK(bolt_rollback(txn));
    }
    OK(bolt_close(db));
}

static void a_buffer_too_small_for_one_entry_tells_its_length(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    bolt_cursor *cursor = cursor_over(bucket);
    static char value[5000];
    static unsigned char buf[6000];
    size_t used = 77, n = 77;
    put(bucket, "a", "1");
    OK(bolt_put(bucket, "b", 1, value, sizeof value));
    CODE(BOLT_TOOSMALL, bolt_cursor_next_packed(cursor, NULL, 0, &used, &n));
    CHECK(used == 24 && n == 77);
    CODE(BOLT_TOOSMALL, bolt_cursor_next_packed(cursor, buf, 23, NULL, &n));
    OK(bolt_cursor_next_packed(cursor, buf, 24, &used, &n));
    CHECK(used == 24 && n == 1);
    CODE(BOLT_TOOSMALL, bolt_cursor_next_packed(cursor, buf, 5016, &used, &n));
    CHECK(used == 5024 && n == 1);
    CHECK(last_error_says("5024 bytes"));
    OK(bolt_cursor_next_packed(cursor, buf, used, &used, &n));
    CHECK(used == 5024 && n == 1 && number_at(buf + 4) == 5000);
    CODE(BOLT_NOTFOUND, bolt_cursor_next_packed(cursor, NULL, 0, &used, &n));
    CODE(BOLT_ARGUMENT, bolt_cursor_next_packed(cursor, NULL, 5, &used, &n));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

/* What a scan gives: numbers that follow each other by `step`. */
struct scanned {
    int expected;
    int step;
    int count;
    int stop_at;
    int code;
    bolt_bucket *bucket;
    bolt_txn *ended;
};

static int see(void *ctx, const bolt_kv *kvs, size_t n) {
    struct scanned *scanned = ctx;
    size_t i;
    CHECK(n >= 1);
    for (i = 0; i < n; i++) {
        CHECK(is(&kvs[i], scanned->expected));
        scanned->expected += scanned->step;
        scanned->count++;
        if (scanned->bucket != NULL)
            OK(bolt_delete(scanned->bucket, kvs[i].key, kvs[i].key_len));
    }
    if (scanned->ended != NULL)
        OK(bolt_rollback(scanned->ended));
    return scanned->stop_at != 0 && scanned->count >= scanned->stop_at ? scanned->code : 0;
}

static void scan_between(bolt_bucket *bucket, const char *from, const char *to, int first, int last) {
    bolt_slice bounds[2], *low = NULL, *high = NULL;
    struct scanned scanned;
    if (from != NULL) {
        bounds[0] = slice(from);
        low = &bounds[0];
    }
    if (to != NULL) {
        bounds[1] = slice(to);
        high = &bounds[1];
    }
    memset(&scanned, 0, sizeof scanned);
    scanned.expected = first;
    scanned.step = 2;
    OK(bolt_scan(bucket, low, high, 0, see, &scanned));
    CHECK(scanned.expected == last + 2);
    scanned.expected = last;
    scanned.step = -2;
    OK(bolt_scan(bucket, low, high, BOLT_SCAN_REVERSE, see, &scanned));
    CHECK(scanned.expected == first - 2);
}

static void a_scan_gives_what_lies_in_its_range_both_ways(void) {
    bolt_db *db = db_with_even_numbers();
    int dirty;
    for (dirty = 0; dirty < 2; dirty++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        bolt_bucket *bucket = dirty ? even_numbers(txn) : bucket_of(txn, "b");
        scan_between(bucket, NULL, NULL, 0, 998);
        scan_between(bucket, "100", "901", 100, 900);
        scan_between(bucket, "500", "500", 502, 500);
        scan_between(bucket, NULL, "257", 0, 256);
        scan_between(bucket, "743", NULL, 744, 998);
        OK(bolt_rollback(txn));
    }
    OK(bolt_close(db));
}

static void what_a_scan_s_function_returns_stops_it_and_comes_back(void) {
    static const int codes[] = { 1, 77, -1, -3, BOLT_CALLBACK_FIRST, BOLT_CALLBACK_LAST, 1 << 30 };
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    struct scanned scanned;
    bolt_slice bad;
    size_t i;
    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        memset(&scanned, 0, sizeof scanned);
        scanned.step = 2;
        scanned.stop_at = 200;
        scanned.code = codes[i];
        CODE(codes[i], bolt_scan(bucket_of(txn, "b"), NULL, NULL, 0, see, &scanned));
        CHECK(scanned.count >= 200 && scanned.count < 500);
    }
    bad.data = NULL;
    bad.len = 1;
    CODE(BOLT_ARGUMENT, bolt_scan(bucket_of(txn, "b"), NULL, NULL, 0, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_scan(bucket_of(txn, "b"), NULL, NULL, 2, see, &scanned));
    CODE(BOLT_ARGUMENT, bolt_scan(bucket_of(txn, "b"), &bad, NULL, 0, see, &scanned));
    CODE(BOLT_ARGUMENT, bolt_scan(bucket_of(txn, "b"), NULL, &bad, 0, see, &scanned));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_scan_s_function_may_delete_what_it_sees(void) {
    bolt_db *db = db_with_even_numbers();
    uint32_t flags;
    for (flags = 0; flags <= BOLT_SCAN_REVERSE; flags++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        struct scanned scanned;
        memset(&scanned, 0, sizeof scanned);
        scanned.expected = flags == 0 ? 0 : 998;
        scanned.step = flags == 0 ? 2 : -2;
        scanned.bucket = bucket_of(txn, "b");
        OK(bolt_scan(scanned.bucket, NULL, NULL, flags, see, &scanned));
        CHECK(scanned.count == 500);
        OK(bolt_scan(scanned.bucket, NULL, NULL, flags, see, &scanned));
        CHECK(scanned.count == 500);
        OK(bolt_rollback(txn));
    }
    OK(bolt_close(db));
}

static void a_scan_whose_function_ends_the_transaction_ends(void) {
    bolt_db *db = db_with_even_numbers();
    bolt_txn *txn = begin(db, BOLT_READ);
    struct scanned scanned;
    memset(&scanned, 0, sizeof scanned);
    scanned.step = 2;
    scanned.ended = txn;
    CODE(BOLT_BADHANDLE, bolt_scan(bucket_of(txn, "b"), NULL, NULL, 0, see, &scanned));
    CHECK(scanned.count > 0 && scanned.count < 500);
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
        TEST(a_seek_backward_finds_the_key_or_the_next_smaller_one),
        TEST(within_bounds_a_cursor_sees_what_lies_between_them),
        TEST(bounds_are_copied_and_bad_ones_leave_the_old_ones),
        TEST(many_entries_come_in_order_and_the_cursor_stands_on_the_last),
        TEST(many_entries_begin_behind_the_one_on_which_the_cursor_stands),
        TEST(packed_entries_hold_lengths_flags_key_value_and_zeros),
        TEST(an_entry_that_does_not_fit_is_the_first_of_the_next_buffer),
        TEST(a_buffer_too_small_for_one_entry_tells_its_length),
        TEST(a_scan_gives_what_lies_in_its_range_both_ways),
        TEST(what_a_scan_s_function_returns_stops_it_and_comes_back),
        TEST(a_scan_s_function_may_delete_what_it_sees),
        TEST(a_scan_whose_function_ends_the_transaction_ends),
    };
    return RUN_TESTS(tests, argc, argv);
}
