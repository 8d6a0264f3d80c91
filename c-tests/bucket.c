/* Buckets: making, opening, deleting, their handles, sequences, fill percent. */
#include "test.h"

static char long_name[BOLT_KEY_LEN_MAX + 1];

/* Every function that takes a bucket must answer this code for it. */
static void everything_answers(int code, bolt_bucket *bucket) {
    bolt_bucket *child = NULL;
    bolt_cursor *cursor = NULL;
    uint64_t sequence = 77;
    CODE(code, bolt_bucket_open(bucket, "x", 1, &child));
    CODE(code, bolt_bucket_create(bucket, "x", 1, &child));
    CODE(code, bolt_bucket_ensure(bucket, "x", 1, &child));
    CODE(code, bolt_bucket_delete(bucket, "x", 1));
    CODE(code, bolt_bucket_sequence(bucket, &sequence));
    CODE(code, bolt_bucket_set_sequence(bucket, 1));
    CODE(code, bolt_bucket_next_sequence(bucket, &sequence));
    CODE(code, bolt_bucket_set_fill_percent(bucket, 0.5));
    CODE(code, bolt_get(bucket, "x", 1, NULL, NULL));
    CODE(code, bolt_put(bucket, "x", 1, "y", 1));
    CODE(code, bolt_delete(bucket, "x", 1));
    CODE(code, bolt_cursor_open(bucket, &cursor));
    CHECK(child == NULL && cursor == NULL && sequence == 77);
}

static void a_bucket_is_made_once_and_found_from_then_on(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *root = root_of(txn), *bucket = NULL, *again = NULL;
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root, "b", 1, &bucket));
    CHECK(bucket == NULL);
    OK(bolt_bucket_create(root, "b", 1, &bucket));
    CODE(BOLT_EXISTS, bolt_bucket_create(root, "b", 1, &again));
    CHECK(again == NULL);
    OK(bolt_bucket_open(root, "b", 1, &again));
    CHECK(again == bucket);
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    CODE(BOLT_NOTWRITABLE, bolt_put(bucket_of(txn, "b"), "k", 1, "v", 1));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void the_same_bucket_has_the_same_handle_all_through_a_transaction(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b"), *inner = NULL, *again = NULL;
    CHECK(root_of(txn) == root_of(txn));
    CHECK(ensure(txn, "b") == bucket);
    CHECK(bucket_of(txn, "b") == bucket);
    CHECK(ensure(txn, "c") != bucket);
    OK(bolt_bucket_create(bucket, "b", 1, &inner));
    CHECK(inner != bucket);
    OK(bolt_bucket_ensure(bucket, "b", 1, &again));
    CHECK(again == inner);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_closed_handle_is_bad_and_the_bucket_can_be_opened_anew(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *closed = ensure(txn, "b"), *again;
    put(closed, "k", "v");
    OK(bolt_bucket_close(closed));
    everything_answers(BOLT_BADHANDLE, closed);
    CODE(BOLT_BADHANDLE, bolt_bucket_close(closed));
    again = bucket_of(txn, "b");
    CHECK(again != closed);
    CHECK(holds(again, "k", "v"));
    OK(bolt_bucket_close(root_of(txn)));
    CHECK(holds(bucket_of(txn, "b"), "k", "v"));
    OK(bolt_commit(txn));
    CODE(BOLT_BADHANDLE, bolt_bucket_close(again));
    OK(bolt_close(db));
}

static void bucket_handles_end_with_their_transaction(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *root = root_of(txn), *bucket = ensure(txn, "b");
    OK(bolt_commit(txn));
    everything_answers(BOLT_BADHANDLE, root);
    everything_answers(BOLT_BADHANDLE, bucket);
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    OK(bolt_rollback(txn));
    everything_answers(BOLT_BADHANDLE, bucket);
    OK(bolt_close(db));
}

static void null_and_handles_of_other_kinds_are_no_buckets(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_cursor *cursor = NULL;
    OK(bolt_cursor_open(root_of(txn), &cursor));
    everything_answers(BOLT_BADHANDLE, NULL);
    everything_answers(BOLT_BADHANDLE, (bolt_bucket *)db);
    everything_answers(BOLT_BADHANDLE, (bolt_bucket *)txn);
    everything_answers(BOLT_BADHANDLE, (bolt_bucket *)cursor);
    OK(bolt_bucket_close(NULL));
    CODE(BOLT_BADHANDLE, bolt_bucket_close((bolt_bucket *)txn));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void names_that_cannot_be_are_refused_each_with_its_code(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *root = root_of(txn), *bucket = NULL;
    CODE(BOLT_NAMEREQUIRED, bolt_bucket_create(root, NULL, 0, &bucket));
    CODE(BOLT_NAMEREQUIRED, bolt_bucket_create(root, "x", 0, &bucket));
    CODE(BOLT_NAMEREQUIRED, bolt_bucket_ensure(root, NULL, 0, &bucket));
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root, NULL, 0, &bucket));
    CODE(BOLT_NOTFOUND, bolt_bucket_delete(root, NULL, 0));
    CODE(BOLT_ARGUMENT, bolt_bucket_create(root, NULL, 1, &bucket));
    CODE(BOLT_ARGUMENT, bolt_bucket_ensure(root, NULL, 1, &bucket));
    CODE(BOLT_ARGUMENT, bolt_bucket_open(root, NULL, 1, &bucket));
    CODE(BOLT_ARGUMENT, bolt_bucket_delete(root, NULL, 1));
    CODE(BOLT_ARGUMENT, bolt_bucket_create(root, "x", (size_t)-1, &bucket));
    CODE(BOLT_KEYSIZE, bolt_bucket_create(root, long_name, sizeof long_name, &bucket));
    CODE(BOLT_KEYSIZE, bolt_bucket_ensure(root, long_name, sizeof long_name, &bucket));
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root, long_name, sizeof long_name, &bucket));
    CHECK(bucket == NULL);
    OK(bolt_bucket_create(root, long_name, BOLT_KEY_LEN_MAX, &bucket));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    OK(bolt_bucket_open(root_of(txn), long_name, BOLT_KEY_LEN_MAX, &bucket));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void where_a_value_stands_there_is_no_bucket(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b"), *child = NULL;
    put(bucket, "k", "v");
    CODE(BOLT_WRONGTYPE, bolt_bucket_open(bucket, "k", 1, &child));
    CODE(BOLT_WRONGTYPE, bolt_bucket_create(bucket, "k", 1, &child));
    CODE(BOLT_WRONGTYPE, bolt_bucket_ensure(bucket, "k", 1, &child));
    CODE(BOLT_WRONGTYPE, bolt_bucket_delete(bucket, "k", 1));
    CHECK(child == NULL);
    CHECK(holds(bucket, "k", "v"));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void a_reader_changes_nothing(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket, *child = NULL;
    uint64_t sequence = 77;
    put(ensure(txn, "b"), "k", "v");
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    CODE(BOLT_NOTWRITABLE, bolt_bucket_create(bucket, "x", 1, &child));
    CODE(BOLT_NOTWRITABLE, bolt_bucket_ensure(bucket, "x", 1, &child));
    CODE(BOLT_NOTWRITABLE, bolt_bucket_delete(root_of(txn), "b", 1));
    CODE(BOLT_NOTWRITABLE, bolt_bucket_set_sequence(bucket, 3));
    CODE(BOLT_NOTWRITABLE, bolt_bucket_next_sequence(bucket, &sequence));
    CODE(BOLT_NOTWRITABLE, bolt_bucket_set_fill_percent(bucket, 0.5));
    CODE(BOLT_NOTWRITABLE, bolt_delete(bucket, "k", 1));
    CHECK(child == NULL && sequence == 77);
    CHECK(holds(bucket, "k", "v"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_deleted_bucket_takes_its_handle_and_those_below_with_it(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *root = root_of(txn), *bucket = ensure(txn, "b"), *child = NULL, *anew;
    OK(bolt_bucket_create(bucket, "child", 5, &child));
    put(child, "k", "v");
    CODE(BOLT_NOTFOUND, bolt_bucket_delete(root, "none", 4));
    OK(bolt_bucket_delete(root, "b", 1));
    everything_answers(BOLT_BADHANDLE, bucket);
    everything_answers(BOLT_BADHANDLE, child);
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root, "b", 1, NULL));
    CODE(BOLT_NOTFOUND, bolt_bucket_delete(root, "b", 1));
    anew = ensure(txn, "b");
    CHECK(anew != bucket);
    CODE(BOLT_NOTFOUND, bolt_bucket_open(anew, "child", 5, NULL));
    everything_answers(BOLT_BADHANDLE, bucket);
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void a_bucket_can_be_asked_for_and_made_without_a_handle(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *root = root_of(txn);
    OK(bolt_root(txn, NULL));
    OK(bolt_bucket_create(root, "one", 3, NULL));
    OK(bolt_bucket_ensure(root, "two", 3, NULL));
    OK(bolt_bucket_open(root, "one", 3, NULL));
    OK(bolt_bucket_open(root, "two", 3, NULL));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void buckets_nest_hundreds_deep(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = root_of(txn);
    int depth;
    for (depth = 0; depth < 200; depth++)
        OK(bolt_bucket_create(bucket, "inner", 5, &bucket));
    put(bucket, "bottom", "here");
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    bucket = root_of(txn);
    for (depth = 0; depth < 200; depth++)
        OK(bolt_bucket_open(bucket, "inner", 5, &bucket));
    CHECK(holds(bucket, "bottom", "here"));
    OK(bolt_rollback(txn));
    txn = begin(db, BOLT_WRITE);
    OK(bolt_bucket_delete(root_of(txn), "inner", 5));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void a_thousand_buckets_are_open_at_once(void) {
    static bolt_bucket *buckets[1000];
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    char name[16];
    int i;
    for (i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%d", i);
        buckets[i] = ensure(txn, name);
        put(buckets[i], "name", name);
    }
    for (i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%d", i);
        CHECK(bucket_of(txn, name) == buckets[i]);
        CHECK(holds(buckets[i], "name", name));
    }
    OK(bolt_commit(txn));
    for (i = 0; i < 1000; i++)
        CODE(BOLT_BADHANDLE, bolt_get(buckets[i], "name", 4, NULL, NULL));
    OK(bolt_close(db));
}

static void a_sequence_counts_from_one_and_is_kept(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    uint64_t sequence = 77;
    OK(bolt_bucket_sequence(bucket, &sequence));
    CHECK(sequence == 0);
    OK(bolt_bucket_next_sequence(bucket, &sequence));
    CHECK(sequence == 1);
    OK(bolt_bucket_next_sequence(bucket, NULL));
    OK(bolt_bucket_sequence(bucket, &sequence));
    CHECK(sequence == 2);
    OK(bolt_bucket_sequence(bucket, NULL));
    OK(bolt_bucket_set_sequence(bucket, UINT64_MAX));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_WRITE);
    bucket = bucket_of(txn, "b");
    OK(bolt_bucket_sequence(bucket, &sequence));
    CHECK(sequence == UINT64_MAX);
    OK(bolt_bucket_next_sequence(bucket, &sequence));
    CHECK(sequence == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_fill_percent_is_a_fraction_from_a_tenth_to_one(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    double zero = 0.0;
    OK(bolt_bucket_set_fill_percent(bucket, 0.1));
    OK(bolt_bucket_set_fill_percent(bucket, 1.0));
    CODE(BOLT_ARGUMENT, bolt_bucket_set_fill_percent(bucket, 0.09));
    CODE(BOLT_ARGUMENT, bolt_bucket_set_fill_percent(bucket, 1.01));
    CODE(BOLT_ARGUMENT, bolt_bucket_set_fill_percent(bucket, -0.5));
    CODE(BOLT_ARGUMENT, bolt_bucket_set_fill_percent(bucket, zero / zero));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_bucket_is_made_once_and_found_from_then_on),
        TEST(the_same_bucket_has_the_same_handle_all_through_a_transaction),
        TEST(a_closed_handle_is_bad_and_the_bucket_can_be_opened_anew),
        TEST(bucket_handles_end_with_their_transaction),
        TEST(null_and_handles_of_other_kinds_are_no_buckets),
        TEST(names_that_cannot_be_are_refused_each_with_its_code),
        TEST(where_a_value_stands_there_is_no_bucket),
        TEST(a_reader_changes_nothing),
        TEST(a_deleted_bucket_takes_its_handle_and_those_below_with_it),
        TEST(a_bucket_can_be_asked_for_and_made_without_a_handle),
        TEST(buckets_nest_hundreds_deep),
        TEST(a_thousand_buckets_are_open_at_once),
        TEST(a_sequence_counts_from_one_and_is_kept),
        TEST(a_fill_percent_is_a_fraction_from_a_tenth_to_one),
    };
    memset(long_name, 'n', sizeof long_name);
    return RUN_TESTS(tests, argc, argv);
}
