/* Buckets: making, opening, deleting, moving, their handles, sequences, fill percent, what they hold. */
#include "test.h"

static char long_name[BOLT_KEY_LEN_MAX + 1];

static int fail_inspect(void *ctx, const bolt_slice *path, size_t depth, uint64_t key_count) {
    (void)ctx, (void)path, (void)depth, (void)key_count;
    test_fail(__FILE__, __LINE__, "the function is not called");
    return 1;
}

static int fail_scan(void *ctx, const bolt_kv *kvs, size_t n) {
    (void)ctx, (void)kvs, (void)n;
    test_fail(__FILE__, __LINE__, "the function is not called");
    return 1;
}

/* Every function that takes a bucket must answer this code for it. */
static void everything_answers(int code, bolt_bucket *bucket) {
    bolt_bucket *child = NULL;
    bolt_cursor *cursor = NULL;
    uint64_t sequence = 77, deleted = 77;
    size_t count = 77;
    bolt_slice key = { "x", 1 };
    bolt_bucket_stats stats;
    memset(&stats, 0x55, sizeof stats);
    stats.struct_size = sizeof stats;
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
    CODE(code, bolt_bucket_move(bucket, "x", 1, bucket));
    CODE(code, bolt_bucket_stats_get(bucket, &stats));
    CODE(code, bolt_bucket_inspect(bucket, fail_inspect, NULL));
    CODE(code, bolt_get_copy(bucket, "x", 1, NULL, 0, &count));
    CODE(code, bolt_get_many(bucket, &key, 1, NULL, &count));
    CODE(code, bolt_put_ex(bucket, "x", 1, "y", 1, BOLT_MUSTEXIST));
    CODE(code, bolt_put_reserve(bucket, "x", 1, 1, NULL));
    CODE(code, bolt_delete_range(bucket, NULL, NULL, &deleted));
    CODE(code, bolt_scan(bucket, NULL, NULL, 0, fail_scan, NULL));
    CHECK(child == NULL && cursor == NULL && sequence == 77 && deleted == 77 && count == 77);
    CHECK(stats.key_count == UINT64_C(0x5555555555555555));
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

static void a_moved_bucket_keeps_its_content_its_handles_and_what_was_just_changed(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *from = ensure(txn, "from"), *to = ensure(txn, "to");
    bolt_bucket *moved = NULL, *below = NULL, *again = NULL;
    bolt_cursor *cursor = NULL;
    bolt_kv kv;
    OK(bolt_bucket_create(from, "m", 1, &moved));
    OK(bolt_bucket_create(moved, "below", 5, &below));
    put(moved, "old", "1");
    put(below, "deep", "2");
    OK(bolt_bucket_set_sequence(moved, 7));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_WRITE);
    from = bucket_of(txn, "from");
    to = bucket_of(txn, "to");
    OK(bolt_bucket_open(from, "m", 1, &moved));
    OK(bolt_bucket_open(moved, "below", 5, &below));
    OK(bolt_cursor_open(moved, &cursor));
    OK(bolt_cursor_first(cursor, NULL));
    put(moved, "new", "3");
    put(below, "new", "4");
    OK(bolt_bucket_move(from, "m", 1, to));
    CODE(BOLT_NOTFOUND, bolt_bucket_open(from, "m", 1, NULL));
    OK(bolt_bucket_open(to, "m", 1, &again));
    CHECK(again == moved);
    CHECK(holds(moved, "new", "3") && holds(below, "new", "4"));
    put(moved, "later", "5");
    OK(bolt_cursor_next(cursor, &kv));
    CHECK(kv.key_len == 5 && memcmp(kv.key, "later", 5) == 0);
    OK(bolt_cursor_close(cursor));
    OK(bolt_bucket_move(to, "m", 1, root_of(txn)));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    moved = bucket_of(txn, "m");
    OK(bolt_bucket_open(moved, "below", 5, &below));
    CHECK(holds(moved, "old", "1") && holds(moved, "new", "3") && holds(moved, "later", "5"));
    CHECK(holds(below, "deep", "2") && holds(below, "new", "4"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_bucket_is_not_moved_where_it_cannot_be_and_nothing_changes(void) {
    bolt_db *db = fresh_db(), *other_db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE), *other = begin(other_db, BOLT_WRITE), *reader;
    bolt_bucket *root = root_of(txn), *a = ensure(txn, "a"), *b = ensure(txn, "b");
    bolt_bucket *below = NULL, *deep = NULL;
    put(a, "value", "1");
    put(b, "taken", "2");
    OK(bolt_bucket_create(a, "taken", 5, NULL));
    OK(bolt_bucket_create(a, "both", 4, NULL));
    OK(bolt_bucket_create(b, "both", 4, NULL));
    OK(bolt_bucket_create(a, "below", 5, &below));
    OK(bolt_bucket_create(below, "deep", 4, &deep));
    CODE(BOLT_NOTFOUND, bolt_bucket_move(a, "none", 4, b));
    CODE(BOLT_NOTFOUND, bolt_bucket_move(a, NULL, 0, b));
    CODE(BOLT_ARGUMENT, bolt_bucket_move(a, NULL, 1, b));
    CODE(BOLT_WRONGTYPE, bolt_bucket_move(a, "value", 5, b));
    CODE(BOLT_WRONGTYPE, bolt_bucket_move(a, "taken", 5, b));
    CODE(BOLT_EXISTS, bolt_bucket_move(a, "both", 4, b));
    CODE(BOLT_SAMEBUCKET, bolt_bucket_move(a, "below", 5, a));
    CODE(BOLT_SAMEBUCKET, bolt_bucket_move(root, "a", 1, root));
    CODE(BOLT_SAMEBUCKET, bolt_bucket_move(root, "a", 1, a));
    CODE(BOLT_SAMEBUCKET, bolt_bucket_move(root, "a", 1, deep));
    CODE(BOLT_DIFFERENTDB, bolt_bucket_move(a, "below", 5, root_of(other)));
    CODE(BOLT_BADHANDLE, bolt_bucket_move(a, "below", 5, NULL));
    CODE(BOLT_BADHANDLE, bolt_bucket_move(NULL, "below", 5, a));
    OK(bolt_bucket_open(a, "below", 5, NULL));
    OK(bolt_bucket_open(below, "deep", 4, NULL));
    OK(bolt_bucket_open(a, "taken", 5, NULL));
    CHECK(holds(b, "taken", "2"));
    OK(bolt_commit(txn));
    OK(bolt_rollback(other));
    reader = begin(db, BOLT_READ);
    CODE(BOLT_NOTWRITABLE, bolt_bucket_move(root_of(reader), "a", 1, bucket_of(reader, "b")));
    txn = begin(db, BOLT_WRITE);
    CODE(BOLT_NOTWRITABLE, bolt_bucket_move(root_of(reader), "a", 1, bucket_of(txn, "b")));
    CODE(BOLT_DIFFERENTDB, bolt_bucket_move(root_of(txn), "a", 1, bucket_of(reader, "b")));
    OK(bolt_rollback(txn));
    OK(bolt_rollback(reader));
    OK(bolt_close(db));
    OK(bolt_close(other_db));
}

static void statistics_count_what_the_file_holds(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *large = ensure(txn, "large"), *small = ensure(txn, "small");
    bolt_bucket_stats stats, before;
    char key[16];
    int i;
    for (i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "%04d", i);
        put(large, key, "a value of some twenty-five");
    }
    put(small, "k", "v");
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_WRITE);
    stats.struct_size = sizeof stats;
    OK(bolt_bucket_stats_get(root_of(txn), &stats));
    CHECK(stats.key_count == 1003 && stats.bucket_count == 3 && stats.inline_bucket_count == 1);
    CHECK(stats.depth == 3 && stats.leaf_page_count > 5 && stats.branch_page_count == 1);
    CHECK(stats.branch_overflow_count == 0 && stats.leaf_overflow_count == 0);
    CHECK(stats.leaf_alloc_len == stats.leaf_page_count * 4096 && stats.branch_alloc_len == 4096);
    CHECK(stats.leaf_used_len < stats.leaf_alloc_len && stats.leaf_used_len > 1000 * 47);
    CHECK(stats.inline_used_len == 16 + 16 + 2);
    before = stats;
    put(bucket_of(txn, "large"), "more", "1");
    put(bucket_of(txn, "small"), "more", "1");
    OK(bolt_bucket_delete(root_of(txn), "small", 5));
    OK(bolt_bucket_stats_get(root_of(txn), &stats));
    CHECK(memcmp(&stats, &before, sizeof stats) == 0);
    OK(bolt_bucket_stats_get(bucket_of(txn, "large"), &stats));
    CHECK(stats.key_count == 1000 && stats.bucket_count == 1 && stats.depth == 2);
    OK(bolt_bucket_stats_get(ensure(txn, "new"), &stats));
    CHECK(stats.key_count == 0 && stats.bucket_count == 1 && stats.inline_bucket_count == 1);
    CHECK(stats.depth == 1 && stats.inline_used_len == 16 && stats.leaf_page_count == 0);
    stats.struct_size = 1;
    CODE(BOLT_ARGUMENT, bolt_bucket_stats_get(root_of(txn), &stats));
    CODE(BOLT_ARGUMENT, bolt_bucket_stats_get(root_of(txn), NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

/* What an inspection tells, as text: each name, its depth and the number of keys. */
struct told {
    char text[1000];
    size_t len;
    int stop_at;
    bolt_txn *ended;
};

static int tell(void *ctx, const bolt_slice *path, size_t depth, uint64_t key_count) {
    struct told *told = ctx;
    size_t i;
    for (i = 0; i < depth; i++) {
        memcpy(told->text + told->len, path[i].data, path[i].len);
        told->len += path[i].len;
        told->text[told->len++] = '/';
    }
    told->len += (size_t)snprintf(told->text + told->len, 32, "%lu=%lu ", (unsigned long)depth,
                                  (unsigned long)key_count);
    if (told->ended != NULL)
        OK(bolt_rollback(told->ended));
    return --told->stop_at == 0 ? -1234 : 0;
}

static int inspection_is(bolt_bucket *bucket, const char *text) {
    struct told told = { { 0 }, 0, 0, NULL };
    OK(bolt_bucket_inspect(bucket, tell, &told));
    return strcmp(told.text, text) == 0;
}

static void an_inspection_tells_the_tree_of_buckets_with_their_keys(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *a = ensure(txn, "a"), *b = ensure(txn, "b"), *inner = NULL;
    struct told told = { { 0 }, 0, 2, NULL };
    put(a, "1", "");
    put(a, "2", "");
    OK(bolt_bucket_create(a, "x", 1, &inner));
    put(inner, "1", "");
    OK(bolt_bucket_create(inner, "deep", 4, NULL));
    OK(bolt_bucket_create(a, "y", 1, NULL));
    CHECK(inspection_is(root_of(txn), "0=0 a/1=2 a/x/2=1 a/x/deep/3=0 a/y/2=0 b/1=0 "));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_WRITE);
    CHECK(inspection_is(root_of(txn), "0=0 a/1=2 a/x/2=1 a/x/deep/3=0 a/y/2=0 b/1=0 "));
    CHECK(inspection_is(bucket_of(txn, "b"), "0=0 "));
    /* What has just been changed is told. */
    a = bucket_of(txn, "a");
    b = bucket_of(txn, "b");
    put(a, "3", "");
    OK(bolt_bucket_move(a, "x", 1, b));
    OK(bolt_bucket_delete(a, "y", 1));
    CHECK(inspection_is(root_of(txn), "0=0 a/1=3 b/1=0 b/x/2=1 b/x/deep/3=0 "));
    CHECK(inspection_is(b, "0=0 x/1=1 x/deep/2=0 "));
    CODE(-1234, bolt_bucket_inspect(root_of(txn), tell, &told));
    CHECK(strcmp(told.text, "0=0 a/1=3 ") == 0);
    CODE(BOLT_ARGUMENT, bolt_bucket_inspect(root_of(txn), NULL, NULL));
    told.ended = txn;
    CODE(BOLT_BADHANDLE, bolt_bucket_inspect(root_of(txn), tell, &told));
    OK(bolt_close(db));
}

static int count_depth(void *ctx, const bolt_slice *path, size_t depth, uint64_t key_count) {
    size_t *expected = ctx;
    CHECK(depth == *expected && key_count == 0);
    CHECK(depth == 0 || (path[depth - 1].len == 5 && memcmp(path[depth - 1].data, "inner", 5) == 0));
    ++*expected;
    return 0;
}

static void deep_buckets_are_inspected_and_counted(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = root_of(txn);
    bolt_bucket_stats stats;
    size_t depth, told = 0;
    for (depth = 0; depth < 3000; depth++)
        OK(bolt_bucket_create(bucket, "inner", 5, &bucket));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    OK(bolt_bucket_inspect(root_of(txn), count_depth, &told));
    CHECK(told == 3001);
    stats.struct_size = sizeof stats;
    OK(bolt_bucket_stats_get(root_of(txn), &stats));
    CHECK(stats.bucket_count == 3001 && stats.key_count == 3000 && stats.depth == 3001);
    CHECK(stats.inline_bucket_count == 1);
    OK(bolt_rollback(txn));
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
        TEST(a_moved_bucket_keeps_its_content_its_handles_and_what_was_just_changed),
        TEST(a_bucket_is_not_moved_where_it_cannot_be_and_nothing_changes),
        TEST(statistics_count_what_the_file_holds),
        TEST(an_inspection_tells_the_tree_of_buckets_with_their_keys),
        TEST(deep_buckets_are_inspected_and_counted),
    };
    memset(long_name, 'n', sizeof long_name);
    return RUN_TESTS(tests, argc, argv);
}
