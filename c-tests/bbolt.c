/* What Go's bbolt promises of its functions, where it has a counterpart here and no other program of this
 * directory holds it. docs/bbolt-api.md names the test for each of its promises. */
#include "test.h"

/* What a function of these tests is given, and what it has seen. */
struct work {
    int code;
    int runs;
    int inside;
    const char *key;
};

/* Puts the key, tries to end the transaction itself, and returns the code. */
static int put_and_return(void *ctx, bolt_txn *txn) {
    struct work *work = ctx;
    work->runs++;
    put(ensure(txn, "b"), work->key, "v");
    work->inside = bolt_commit(txn);
    CODE(BOLT_MANAGED, bolt_rollback(txn));
    CHECK(holds(bucket_of(txn, "b"), work->key, "v"));
    return work->code;
}

static int look(void *ctx, bolt_txn *txn) {
    struct work *work = ctx;
    work->runs++;
    work->inside = bolt_commit(txn);
    CODE(BOLT_MANAGED, bolt_rollback(txn));
    CODE(BOLT_NOTWRITABLE, bolt_put(root_of(txn), "k", 1, "v", 1));
    return work->code;
}

static int is_there(bolt_db *db, const char *key) {
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_bucket *bucket = NULL;
    int there = bolt_bucket_open(root_of(txn), "b", 1, &bucket) == BOLT_OK && holds(bucket, key, "v");
    OK(bolt_rollback(txn));
    return there;
}

static void an_update_is_committed_or_its_functions_value_comes_back_and_nothing_is(void) {
    bolt_db *db = fresh_db();
    struct work good = { 0, 0, 0, "good" }, bad = { -1001, 0, 0, "bad" };
    OK(bolt_update(db, put_and_return, &good));
    CODE(-1001, bolt_update(db, put_and_return, &bad));
    CHECK(good.runs == 1 && bad.runs == 1);
    CHECK(is_there(db, "good") && !is_there(db, "bad"));
    /* The writer's place is free again. */
    OK(bolt_rollback(begin(db, BOLT_WRITE | BOLT_TRY)));
    OK(bolt_close(db));
}

static void a_view_gives_its_functions_value_and_holds_nothing_afterwards(void) {
    bolt_db *db = fresh_db();
    struct work good = { 0, 0, 0, NULL }, bad = { 77, 0, 0, NULL };
    OK(bolt_view(db, look, &good));
    CODE(77, bolt_view(db, look, &bad));
    CHECK(good.runs == 1 && bad.runs == 1);
    OK(bolt_close(db));
}

static void within_a_managed_transaction_commit_and_rollback_are_refused_and_it_goes_on(void) {
    bolt_db *db = fresh_db();
    struct work update = { 0, 0, 0, "update" }, batch = { 0, 0, 0, "batch" }, view = { 0, 0, 0, NULL };
    OK(bolt_update(db, put_and_return, &update));
    OK(bolt_batch_update(db, put_and_return, &batch));
    OK(bolt_view(db, look, &view));
    CHECK(update.inside == BOLT_MANAGED && batch.inside == BOLT_MANAGED && view.inside == BOLT_MANAGED);
    CHECK(is_there(db, "update") && is_there(db, "batch"));
    OK(bolt_close(db));
}

static void managed_transactions_need_an_open_database_that_can_be_written(void) {
    const char *path = fresh_path();
    bolt_db *db = open_db(path), *closed = db;
    struct work work = { 0, 0, 0, "k" };
    bolt_options options;
    OK(bolt_close(db));
    CODE(BOLT_BADHANDLE, bolt_update(closed, put_and_return, &work));
    CODE(BOLT_BADHANDLE, bolt_batch_update(closed, put_and_return, &work));
    CODE(BOLT_BADHANDLE, bolt_view(closed, look, &work));
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_READONLY;
    OK(bolt_open(path, &options, &db));
    CODE(BOLT_READONLY, bolt_update(db, put_and_return, &work));
    CODE(BOLT_READONLY, bolt_batch_update(db, put_and_return, &work));
    CHECK(work.runs == 0);
    OK(bolt_view(db, look, &work));
    OK(bolt_close(db));
}

#define CALLER_COUNT 12

struct caller {
    bolt_db *db;
    char key[8];
    struct work work;
    int answer;
};

static void *call_batch(void *argument) {
    struct caller *caller = argument;
    caller->answer = bolt_batch_update(caller->db, put_and_return, &caller->work);
    return NULL;
}

static void of_many_batched_calls_the_failing_ones_run_again_alone_and_harm_no_other(void) {
    static struct caller callers[CALLER_COUNT];
    pthread_t threads[CALLER_COUNT];
    bolt_db *db = fresh_db();
    bolt_txn *writer = begin(db, BOLT_WRITE);
    int i;
    for (i = 0; i < CALLER_COUNT; i++) {
        callers[i].db = db;
        snprintf(callers[i].key, sizeof callers[i].key, "%d", i);
        callers[i].work.key = callers[i].key;
        callers[i].work.code = i % 3 == 0 ? -1100 - i : 0;
        CHECK(pthread_create(&threads[i], NULL, call_batch, &callers[i]) == 0);
    }
    /* While the writer's place is taken they gather, so that they share a transaction. */
    usleep(50000);
    OK(bolt_rollback(writer));
    for (i = 0; i < CALLER_COUNT; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (i = 0; i < CALLER_COUNT; i++) {
        CHECK(callers[i].answer == callers[i].work.code);
        CHECK(i % 3 != 0 || callers[i].work.runs == 2);
        CHECK(is_there(db, callers[i].key) == (i % 3 != 0));
    }
    OK(bolt_close(db));
}

/* What ran at commits, in its order. */
static char ran[16];
static bolt_db *ran_in;

static void run_first(void *ctx) {
    strcat(ran, ctx);
    /* The transaction is over, and its locks are free. */
    OK(bolt_rollback(begin(ran_in, BOLT_WRITE | BOLT_TRY)));
    CHECK(is_there(ran_in, "k"));
}

static void run_next(void *ctx) {
    strcat(ran, ctx);
}

static void what_is_to_run_at_a_commit_runs_in_order_after_it_and_only_then(void) {
    static char first[] = "1", second[] = "2", never[] = "!";
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    ran_in = db;
    ran[0] = 0;
    put(ensure(txn, "b"), "k", "v");
    OK(bolt_txn_on_commit(txn, run_first, first));
    OK(bolt_txn_on_commit(txn, run_next, second));
    CHECK(strcmp(ran, "") == 0);
    OK(bolt_commit(txn));
    CHECK(strcmp(ran, "12") == 0);
    txn = begin(db, BOLT_WRITE);
    OK(bolt_txn_on_commit(txn, run_next, never));
    OK(bolt_rollback(txn));
    CHECK(strcmp(ran, "12") == 0);
    OK(bolt_close(db));
}

static void a_bucket_s_creation_is_refused_for_the_first_reason_there_is(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *root = root_of(txn), *bucket = NULL;
    OK(bolt_bucket_create(root, "b", 1, NULL));
    put(root, "v", "value");
    CODE(BOLT_NAMEREQUIRED, bolt_bucket_create(root, NULL, 0, &bucket));
    CODE(BOLT_EXISTS, bolt_bucket_create(root, "b", 1, &bucket));
    CODE(BOLT_WRONGTYPE, bolt_bucket_create(root, "v", 1, &bucket));
    OK(bolt_commit(txn));
    CODE(BOLT_BADHANDLE, bolt_bucket_create(root, NULL, 0, &bucket));
    txn = begin(db, BOLT_READ);
    CODE(BOLT_NOTWRITABLE, bolt_bucket_create(root_of(txn), NULL, 0, &bucket));
    CODE(BOLT_NOTWRITABLE, bolt_bucket_create(root_of(txn), "b", 1, &bucket));
    CHECK(bucket == NULL);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_bucket_without_a_name_is_not_found_in_an_empty_bucket_either(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *empty = ensure(txn, "empty");
    CODE(BOLT_NOTFOUND, bolt_bucket_delete(empty, NULL, 0));
    CODE(BOLT_NOTFOUND, bolt_bucket_delete(empty, "", 0));
    put(empty, "k", "v");
    CODE(BOLT_NOTFOUND, bolt_bucket_delete(empty, NULL, 0));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_value_of_nothing_is_empty_before_the_commit_and_after(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    OK(bolt_put(bucket, "null", 4, NULL, 0));
    OK(bolt_put(bucket, "empty", 5, "", 0));
    CHECK(holds(bucket, "null", "") && holds(bucket, "empty", ""));
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    CHECK(holds(bucket, "null", "") && holds(bucket, "empty", ""));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static uint32_t kind_of(bolt_txn *txn, uint64_t page) {
    bolt_page_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    OK(bolt_page_info_get(txn, page, &info));
    CHECK(info.id == page);
    return info.kind;
}

/* The layout that bbolt gives a new file with one bucket, which alternates from commit to commit. */
static void the_pages_of_a_new_database_are_those_of_go(void) {
    const char *path = fresh_path();
    bolt_options options;
    bolt_db *db = NULL;
    bolt_db_info info;
    bolt_page_info page;
    bolt_db_stats stats;
    bolt_txn *txn;
    int round;
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_BBOLT_RULES | BOLT_OPEN_NOSYNC;
    OK(bolt_open(path, &options, &db));
    txn = begin(db, BOLT_WRITE);
    OK(bolt_bucket_create(root_of(txn), "widgets", 7, NULL));
    OK(bolt_commit(txn));
    info.struct_size = sizeof info;
    stats.struct_size = sizeof stats;
    page.struct_size = sizeof page;
    OK(bolt_info(db, &info));
    OK(bolt_stats(db, 0, &stats));
    CHECK(info.high_water == 6 && info.txn_id == 2);
    CHECK(stats.page_count == 2 && stats.free_page_count == 0 && stats.pending_page_count == 2);
    txn = begin(db, BOLT_READ);
    CHECK(kind_of(txn, 0) == BOLT_PAGE_META && kind_of(txn, 1) == BOLT_PAGE_META);
    CHECK(kind_of(txn, 2) == BOLT_PAGE_FREE && kind_of(txn, 3) == BOLT_PAGE_FREE);
    CHECK(kind_of(txn, 4) == BOLT_PAGE_LEAF && kind_of(txn, 5) == BOLT_PAGE_FREELIST);
    CODE(BOLT_NOTFOUND, bolt_page_info_get(txn, 6, &page));
    CODE(BOLT_NOTFOUND, bolt_page_info_get(txn, UINT64_MAX, &page));
    OK(bolt_rollback(txn));
    CODE(BOLT_BADHANDLE, bolt_page_info_get(txn, 2, &page));
    for (round = 0; round < 10; round++) {
        txn = begin(db, BOLT_WRITE);
        put(bucket_of(txn, "widgets"), "foo", "bar");
        OK(bolt_commit(txn));
        txn = begin(db, BOLT_READ);
        CHECK(kind_of(txn, round % 2 == 0 ? 2 : 4) == BOLT_PAGE_LEAF);
        CHECK(kind_of(txn, round % 2 == 0 ? 3 : 5) == BOLT_PAGE_FREELIST);
        OK(bolt_rollback(txn));
    }
    OK(bolt_info(db, &info));
    CHECK(info.high_water == 6);
    OK(bolt_close(db));
}

static void without_the_free_pages_a_reader_does_not_tell_what_a_page_is(void) {
    const char *path = fresh_path();
    bolt_db *db = open_db(path);
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_options options;
    bolt_page_info page;
    put(ensure(txn, "b"), "k", "v");
    OK(bolt_commit(txn));
    OK(bolt_close(db));
    page.struct_size = sizeof page;
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_READONLY;
    OK(bolt_open(path, &options, &db));
    txn = begin(db, BOLT_READ);
    CODE(BOLT_NOFREEPAGES, bolt_page_info_get(txn, 2, &page));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    options.flags = BOLT_OPEN_READONLY | BOLT_OPEN_PRELOAD_FREELIST;
    OK(bolt_open(path, &options, &db));
    txn = begin(db, BOLT_READ);
    OK(bolt_page_info_get(txn, 2, &page));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static int put_of_len(bolt_db *db, const char *key, size_t len) {
    static char value[300000];
    bolt_txn *txn = begin(db, BOLT_WRITE);
    CHECK(len <= sizeof value);
    OK(bolt_put(ensure(txn, "b"), key, strlen(key), value, len));
    return bolt_commit(txn);
}

static void a_file_larger_than_the_maximum_is_opened_and_takes_what_fits(void) {
    const char *path = fresh_path();
    bolt_db *db = open_db(path);
    bolt_options options;
    bolt_db_info before, after;
    int i;
    OK(put_of_len(db, "large", 200000));
    for (i = 0; i < 4; i++)
        OK(put_of_len(db, "large", 1));
    OK(bolt_close(db));
    OK(bolt_options_init(&options, sizeof options));
    options.max_len = 65536;
    OK(bolt_open(path, &options, &db));
    before.struct_size = sizeof before;
    after.struct_size = sizeof after;
    OK(bolt_info(db, &before));
    CHECK(before.file_len > 65536 * 3);
    for (i = 0; i < 10; i++) {
        OK(put_of_len(db, "small", 100));
        CODE(BOLT_FULL, put_of_len(db, "too large", 300000));
    }
    OK(put_of_len(db, "large", 50000));
    OK(bolt_info(db, &after));
    CHECK(after.file_len == before.file_len && after.high_water == before.high_water);
    OK(bolt_set(db, BOLT_OPT_MAX_LEN, 0));
    OK(put_of_len(db, "too large", 300000));
    OK(bolt_close(db));
}

/* Sets one byte in both meta pages of a new database, and says what opening it answers. */
static int open_with_metas_changed(long offset, int byte) {
    const char *path = fresh_path();
    bolt_db *db = open_db(path);
    bolt_db_info info;
    FILE *file;
    int slot, code;
    info.struct_size = sizeof info;
    OK(bolt_info(db, &info));
    OK(bolt_close(db));
    file = fopen(path, "r+b");
    CHECK(file != NULL);
    for (slot = 0; slot < 2; slot++) {
        CHECK(fseek(file, slot * (long)info.page_size + offset, SEEK_SET) == 0);
        CHECK(fputc(byte, file) == byte);
    }
    CHECK(fclose(file) == 0);
    db = NULL;
    code = bolt_open(path, NULL, &db);
    CHECK(db == NULL);
    return code;
}

static void what_is_wrong_with_both_metas_has_a_code_of_its_own(void) {
    CODE(BOLT_INVALID, open_with_metas_changed(16, 0x55));
    CODE(BOLT_BADVERSION, open_with_metas_changed(20, 3));
    CODE(BOLT_CHECKSUM, open_with_metas_changed(48, 0x55));
}

static void what_a_transaction_counts_is_added_when_it_ends(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    bolt_cursor *cursor = NULL;
    bolt_db_stats stats;
    bolt_txn *reader;
    char key[16];
    int i;
    stats.struct_size = sizeof stats;
    for (i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "%04d", i);
        put(bucket, key, "a value that makes it more than one page");
    }
    OK(bolt_cursor_open(bucket, &cursor));
    OK(bolt_stats(db, 0, &stats));
    CHECK(stats.page_count == 0 && stats.cursor_count == 0);
    CHECK(stats.node_count == 0 && stats.write_count == 0);
    OK(bolt_commit(txn));
    OK(bolt_cursor_close(cursor));
    OK(bolt_stats(db, 0, &stats));
    CHECK(stats.page_count > 10 && stats.page_len == stats.page_count * 4096 && stats.commit_count == 1);
    CHECK(stats.cursor_count == 1 && stats.node_count > 0 && stats.split_count > 0 && stats.spill_count > 0);
    CHECK(stats.write_count > 0 && stats.write_ns > 0);
    CHECK(stats.rebalance_count == 0 && stats.node_deref_count == 0);
    CHECK(stats.read_txn_count == 0 && stats.open_read_txn_count == 0);
    reader = begin(db, BOLT_READ);
    OK(bolt_stats(db, 0, &stats));
    CHECK(stats.read_txn_count == 1 && stats.open_read_txn_count == 1);
    txn = begin(db, BOLT_WRITE);
    for (i = 0; i < 1000; i += 2) {
        snprintf(key, sizeof key, "%04d", i);
        OK(bolt_delete(bucket_of(txn, "b"), key, 4));
    }
    OK(bolt_commit(txn));
    OK(bolt_rollback(reader));
    OK(bolt_stats(db, 0, &stats));
    CHECK(stats.rebalance_count > 0 && stats.commit_count == 2 && stats.pending_page_count > 0);
    CHECK(stats.free_len == (stats.free_page_count + stats.pending_page_count) * 4096);
    CHECK(stats.read_txn_count == 1 && stats.open_read_txn_count == 0);
    OK(bolt_close(db));
}

static void an_ended_transaction_has_nothing_that_could_be_used(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    bolt_cursor *cursor = NULL;
    bolt_txn_info info;
    uint64_t sequence;
    info.struct_size = sizeof info;
    put(bucket, "k", "v");
    OK(bolt_cursor_open(bucket, &cursor));
    OK(bolt_commit(txn));
    CODE(BOLT_BADHANDLE, bolt_get(bucket, "k", 1, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_bucket_open(bucket, "x", 1, NULL));
    CODE(BOLT_BADHANDLE, bolt_bucket_sequence(bucket, &sequence));
    CODE(BOLT_BADHANDLE, bolt_cursor_first(cursor, NULL));
    CODE(BOLT_BADHANDLE, bolt_cursor_delete(cursor));
    CODE(BOLT_BADHANDLE, bolt_txn_info_get(txn, &info));
    CODE(BOLT_BADHANDLE, bolt_commit(txn));
    CODE(BOLT_BADHANDLE, bolt_rollback(txn));
    OK(bolt_cursor_close(cursor));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(an_update_is_committed_or_its_functions_value_comes_back_and_nothing_is),
        TEST(a_view_gives_its_functions_value_and_holds_nothing_afterwards),
        TEST(within_a_managed_transaction_commit_and_rollback_are_refused_and_it_goes_on),
        TEST(managed_transactions_need_an_open_database_that_can_be_written),
        TEST(of_many_batched_calls_the_failing_ones_run_again_alone_and_harm_no_other),
        TEST(what_is_to_run_at_a_commit_runs_in_order_after_it_and_only_then),
        TEST(a_bucket_s_creation_is_refused_for_the_first_reason_there_is),
        TEST(a_bucket_without_a_name_is_not_found_in_an_empty_bucket_either),
        TEST(a_value_of_nothing_is_empty_before_the_commit_and_after),
        TEST(the_pages_of_a_new_database_are_those_of_go),
        TEST(without_the_free_pages_a_reader_does_not_tell_what_a_page_is),
        TEST(a_file_larger_than_the_maximum_is_opened_and_takes_what_fits),
        TEST(what_is_wrong_with_both_metas_has_a_code_of_its_own),
        TEST(what_a_transaction_counts_is_added_when_it_ends),
        TEST(an_ended_transaction_has_nothing_that_could_be_used),
    };
    return RUN_TESTS(tests, argc, argv);
}
