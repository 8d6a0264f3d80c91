/* Transactions: snapshots, the one writer, ending, reset and renew. */
#include "test.h"

/* A database whose bucket "b" has the key "k" with the value "old". */
static bolt_db *db_with_a_key(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    put(ensure(txn, "b"), "k", "old");
    OK(bolt_commit(txn));
    return db;
}

static void change_the_key(bolt_db *db, const char *value) {
    bolt_txn *txn = begin(db, BOLT_WRITE);
    put(ensure(txn, "b"), "k", value);
    OK(bolt_commit(txn));
}

/* Everything but renew, rollback and commit must answer this code. */
static void all_else_answers(int code, bolt_txn *txn) {
    bolt_txn_info info;
    bolt_bucket *bucket = NULL;
    info.struct_size = sizeof info;
    CODE(code, bolt_root(txn, &bucket));
    CODE(code, bolt_txn_info_get(txn, &info));
    CODE(code, bolt_txn_reset(txn));
    CHECK(bucket == NULL);
}

static void a_reader_keeps_its_snapshot_while_others_commit(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *before = begin(db, BOLT_READ), *after;
    change_the_key(db, "new");
    after = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(before, "b"), "k", "old"));
    CHECK(holds(bucket_of(after, "b"), "k", "new"));
    OK(bolt_rollback(before));
    CHECK(holds(bucket_of(after, "b"), "k", "new"));
    OK(bolt_rollback(after));
    OK(bolt_close(db));
}

static void a_writer_sees_its_own_changes_and_nobody_else_does_before_the_commit(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *writer = begin(db, BOLT_WRITE), *reader;
    put(bucket_of(writer, "b"), "k", "new");
    CHECK(holds(bucket_of(writer, "b"), "k", "new"));
    reader = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(reader, "b"), "k", "old"));
    OK(bolt_commit(writer));
    CHECK(holds(bucket_of(reader, "b"), "k", "old"));
    OK(bolt_rollback(reader));
    OK(bolt_close(db));
}

static void a_rollback_leaves_no_trace(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    put(bucket_of(txn, "b"), "k", "new");
    ensure(txn, "another");
    OK(bolt_rollback(txn));
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", "old"));
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root_of(txn), "another", 7, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void begin_refuses_what_cannot_be(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = NULL;
    CODE(BOLT_ARGUMENT, bolt_txn_begin(db, BOLT_READ, NULL));
    CODE(BOLT_ARGUMENT, bolt_txn_begin(db, BOLT_WRITE, NULL));
    CODE(BOLT_ARGUMENT, bolt_txn_begin(db, 4, &txn));
    CODE(BOLT_ARGUMENT, bolt_txn_begin(db, UINT32_MAX, &txn));
    CODE(BOLT_ARGUMENT, bolt_txn_begin_timeout(db, BOLT_WRITE, 5, NULL));
    CODE(BOLT_ARGUMENT, bolt_txn_begin_timeout(db, BOLT_WRITE | BOLT_TRY, 5, &txn));
    CHECK(txn == NULL);
    OK(bolt_txn_begin(db, BOLT_READ | BOLT_TRY, &txn));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_second_writer_is_told_busy_or_waits_only_so_long(void) {
    bolt_db *db = fresh_db();
    bolt_txn *writer = begin(db, BOLT_WRITE), *second = NULL;
    CODE(BOLT_BUSY, bolt_txn_begin(db, BOLT_WRITE | BOLT_TRY, &second));
    CODE(BOLT_BUSY, bolt_txn_begin_timeout(db, BOLT_WRITE, 0, &second));
    CODE(BOLT_TIMEOUT, bolt_txn_begin_timeout(db, BOLT_WRITE, 20, &second));
    CHECK(second == NULL);
    OK(bolt_txn_begin_timeout(db, BOLT_READ, 0, &second));
    OK(bolt_rollback(second));
    OK(bolt_rollback(writer));
    OK(bolt_txn_begin(db, BOLT_WRITE | BOLT_TRY, &second));
    OK(bolt_rollback(second));
    OK(bolt_txn_begin_timeout(db, BOLT_WRITE, UINT64_MAX - 1, &second));
    OK(bolt_rollback(second));
    OK(bolt_close(db));
}

static void *write_when_it_is_my_turn(void *db) {
    bolt_txn *txn = NULL;
    OK(bolt_txn_begin_timeout(db, BOLT_WRITE, BOLT_FOREVER, &txn));
    CHECK(holds(bucket_of(txn, "b"), "k", "first"));
    put(bucket_of(txn, "b"), "k", "second");
    OK(bolt_commit(txn));
    return NULL;
}

static void a_waiting_writer_goes_on_when_the_other_has_committed(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *writer = begin(db, BOLT_WRITE);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, write_when_it_is_my_turn, db) == 0);
    put(bucket_of(writer, "b"), "k", "first");
    usleep(20000);
    OK(bolt_commit(writer));
    CHECK(pthread_join(thread, NULL) == 0);
    writer = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(writer, "b"), "k", "second"));
    OK(bolt_rollback(writer));
    OK(bolt_close(db));
}

static void a_commit_of_a_read_transaction_is_refused_but_ends_it(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_READ);
    CODE(BOLT_NOTWRITABLE, bolt_commit(txn));
    CODE(BOLT_BADHANDLE, bolt_rollback(txn));
    OK(bolt_close(db));
}

static void an_ended_transaction_answers_bad_handle_to_everything(void) {
    bolt_db *db = fresh_db();
    int commits;
    for (commits = 0; commits < 2; commits++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        if (commits)
            OK(bolt_commit(txn));
        else
            OK(bolt_rollback(txn));
        all_else_answers(BOLT_BADHANDLE, txn);
        CODE(BOLT_BADHANDLE, bolt_txn_renew(txn));
        CODE(BOLT_BADHANDLE, bolt_commit(txn));
        CODE(BOLT_BADHANDLE, bolt_rollback(txn));
        CHECK(last_error_says("has ended"));
    }
    OK(bolt_close(db));
}

static void null_and_handles_of_other_kinds_are_no_transactions(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_READ), *others[3];
    int i;
    OK(bolt_rollback(NULL));
    CODE(BOLT_BADHANDLE, bolt_commit(NULL));
    others[0] = NULL;
    others[1] = (bolt_txn *)db;
    others[2] = (bolt_txn *)root_of(txn);
    for (i = 0; i < 3; i++) {
        all_else_answers(BOLT_BADHANDLE, others[i]);
        CODE(BOLT_BADHANDLE, bolt_txn_renew(others[i]));
        CODE(BOLT_BADHANDLE, bolt_commit(others[i]));
        if (i > 0)
            CODE(BOLT_BADHANDLE, bolt_rollback(others[i]));
    }
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_reset_transaction_answers_bad_handle_until_it_is_renewed(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_bucket *bucket = bucket_of(txn, "b");
    bolt_cursor *cursor = NULL;
    OK(bolt_cursor_open(bucket, &cursor));
    OK(bolt_cursor_first(cursor, NULL));
    OK(bolt_txn_reset(txn));
    all_else_answers(BOLT_BADHANDLE, txn);
    CHECK(last_error_says("reset"));
    CODE(BOLT_BADHANDLE, bolt_commit(txn));
    CHECK(last_error_says("reset"));
    CODE(BOLT_BADHANDLE, bolt_get(bucket, "k", 1, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_cursor_next(cursor, NULL));
    change_the_key(db, "new");
    OK(bolt_txn_renew(txn));
    CHECK(holds(bucket_of(txn, "b"), "k", "new"));
    CHECK(bucket_of(txn, "b") != bucket);
    CODE(BOLT_BADHANDLE, bolt_get(bucket, "k", 1, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_cursor_next(cursor, NULL));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_reset_transaction_can_be_rolled_back(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *txn = begin(db, BOLT_READ);
    OK(bolt_txn_reset(txn));
    OK(bolt_rollback(txn));
    CODE(BOLT_BADHANDLE, bolt_txn_renew(txn));
    OK(bolt_close(db));
}

static void a_renewal_without_a_reset_takes_the_newest_snapshot_and_ends_what_was_opened(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_bucket *bucket = bucket_of(txn, "b");
    bolt_cursor *cursor = NULL;
    bolt_txn_info before, after;
    bolt_error_info error;
    before.struct_size = after.struct_size = sizeof before;
    error.struct_size = sizeof error;
    OK(bolt_cursor_open(bucket, &cursor));
    OK(bolt_txn_info_get(txn, &before));
    change_the_key(db, "new");
    OK(bolt_txn_renew(txn));
    OK(bolt_txn_info_get(txn, &after));
    CHECK(after.id == before.id + 1);
    CHECK(holds(bucket_of(txn, "b"), "k", "new"));
    CODE(BOLT_BADHANDLE, bolt_get(bucket, "k", 1, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_cursor_first(cursor, NULL));
    CODE(BOLT_NOTWRITABLE, bolt_delete(bucket_of(txn, "b"), "k", 1));
    OK(bolt_last_error(&error));
    CHECK(error.txn_id == after.id);
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_writer_is_neither_reset_nor_renewed_and_stays_as_it_is(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = bucket_of(txn, "b");
    put(bucket, "k", "new");
    CODE(BOLT_ARGUMENT, bolt_txn_reset(txn));
    CODE(BOLT_ARGUMENT, bolt_txn_renew(txn));
    CHECK(holds(bucket, "k", "new"));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void what_is_known_about_a_transaction_is_told(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *reader = begin(db, BOLT_READ), *writer = begin(db, BOLT_WRITE);
    bolt_txn_info of_reader, of_writer;
    bolt_db_info of_db;
    memset(&of_reader, 0x55, sizeof of_reader);
    of_reader.struct_size = of_writer.struct_size = sizeof of_reader;
    of_db.struct_size = sizeof of_db;
    OK(bolt_txn_info_get(reader, &of_reader));
    OK(bolt_txn_info_get(writer, &of_writer));
    OK(bolt_info(db, &of_db));
    CHECK(of_reader.flags == 0 && of_writer.flags == BOLT_TXN_WRITABLE);
    CHECK(of_reader.reserved == 0);
    CHECK(of_reader.id == of_db.txn_id && of_writer.id == of_reader.id + 1);
    CHECK(of_reader.db_len == of_db.high_water * of_db.page_size);
    CODE(BOLT_ARGUMENT, bolt_txn_info_get(reader, NULL));
    of_reader.struct_size = 8;
    CODE(BOLT_ARGUMENT, bolt_txn_info_get(reader, &of_reader));
    OK(bolt_rollback(reader));
    OK(bolt_commit(writer));
    OK(bolt_close(db));
}

static void *put_on_a_thread(void *txn) {
    put(bucket_of(txn, "b"), "k", "elsewhere");
    return NULL;
}

static void *commit_on_a_thread(void *txn) {
    OK(bolt_commit(txn));
    return NULL;
}

static void a_transaction_belongs_to_no_thread(void) {
    bolt_db *db = db_with_a_key();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    on_another_thread(put_on_a_thread, txn);
    CHECK(holds(bucket_of(txn, "b"), "k", "elsewhere"));
    on_another_thread(commit_on_a_thread, txn);
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", "elsewhere"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void an_ended_handle_stays_bad_when_many_more_have_come_and_gone(void) {
    bolt_db *db = fresh_db();
    bolt_txn *first = begin(db, BOLT_READ);
    int i;
    OK(bolt_rollback(first));
    for (i = 0; i < 1000; i++) {
        bolt_txn *txn = begin(db, BOLT_READ);
        bolt_bucket *root = root_of(txn);
        CHECK(txn != first);
        CODE(BOLT_BADHANDLE, bolt_root(first, NULL));
        OK(bolt_rollback(txn));
        CODE(BOLT_BADHANDLE, bolt_get(root, "k", 1, NULL, NULL));
    }
    OK(bolt_close(db));
}

static void hundreds_of_readers_live_at_once(void) {
    static bolt_txn *readers[300];
    bolt_db *db = db_with_a_key();
    int i;
    for (i = 0; i < 300; i++)
        readers[i] = begin(db, BOLT_READ);
    for (i = 0; i < 300; i++) {
        CHECK(holds(bucket_of(readers[i], "b"), "k", "old"));
        OK(bolt_rollback(readers[i]));
    }
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_reader_keeps_its_snapshot_while_others_commit),
        TEST(a_writer_sees_its_own_changes_and_nobody_else_does_before_the_commit),
        TEST(a_rollback_leaves_no_trace),
        TEST(begin_refuses_what_cannot_be),
        TEST(a_second_writer_is_told_busy_or_waits_only_so_long),
        TEST(a_waiting_writer_goes_on_when_the_other_has_committed),
        TEST(a_commit_of_a_read_transaction_is_refused_but_ends_it),
        TEST(an_ended_transaction_answers_bad_handle_to_everything),
        TEST(null_and_handles_of_other_kinds_are_no_transactions),
        TEST(a_reset_transaction_answers_bad_handle_until_it_is_renewed),
        TEST(a_reset_transaction_can_be_rolled_back),
        TEST(a_renewal_without_a_reset_takes_the_newest_snapshot_and_ends_what_was_opened),
        TEST(a_writer_is_neither_reset_nor_renewed_and_stays_as_it_is),
        TEST(what_is_known_about_a_transaction_is_told),
        TEST(a_transaction_belongs_to_no_thread),
        TEST(an_ended_handle_stays_bad_when_many_more_have_come_and_gone),
        TEST(hundreds_of_readers_live_at_once),
    };
    return RUN_TESTS(tests, argc, argv);
}
