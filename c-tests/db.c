/* Databases: opening, closing, what is no database, threads, fork. */
#include "test.h"

static void write_file(const char *path, const char *text, size_t len) {
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(fwrite(text, 1, len, file) == len);
    CHECK(fclose(file) == 0);
}

/* Whether the file still is what write_file made it. */
static int is_untouched(const char *path, const char *text, size_t len) {
    static char found[32768];
    FILE *file = fopen(path, "rb");
    size_t found_len;
    CHECK(file != NULL);
    found_len = fread(found, 1, sizeof found, file);
    CHECK(fclose(file) == 0);
    return found_len == len && memcmp(found, text, len) == 0;
}

static void what_was_committed_is_there_when_the_file_is_opened_again(void) {
    const char *path = fresh_path();
    bolt_db *db = open_db(path);
    bolt_txn *txn = begin(db, BOLT_WRITE);
    put(ensure(txn, "fruit"), "apple", "red");
    OK(bolt_commit(txn));
    OK(bolt_close(db));
    db = open_db(path);
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "fruit"), "apple", "red"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void open_refuses_null_and_an_empty_path(void) {
    bolt_db *db = NULL;
    const char *path = fresh_path();
    struct stat status;
    CODE(BOLT_ARGUMENT, bolt_open(NULL, NULL, &db));
    CODE(BOLT_ARGUMENT, bolt_open("", NULL, &db));
    CODE(BOLT_ARGUMENT, bolt_open(path, NULL, NULL));
    CHECK(db == NULL);
    CHECK(stat(path, &status) != 0);
}

static void what_is_no_database_is_refused_with_a_code_of_its_own_and_left_as_it_is(void) {
    static char text[20000];
    const char *path;
    bolt_db *db = NULL;
    memset(text, 'x', sizeof text);
    path = fresh_path();
    write_file(path, text, sizeof text);
    CODE(BOLT_INVALID, bolt_open(path, NULL, &db));
    CHECK(is_untouched(path, text, sizeof text));
    path = fresh_path();
    write_file(path, text, 100);
    CODE(BOLT_TOOSHORT, bolt_open(path, NULL, &db));
    CHECK(is_untouched(path, text, 100));
    CODE(EISDIR, bolt_open(test_directory, NULL, &db));
    CODE(ENOENT, bolt_open("/nowhere/at/all.db", NULL, &db));
    CHECK(db == NULL);
}

static void close_answers_busy_while_transactions_are_open_and_leaves_the_handle_good(void) {
    bolt_db *db = fresh_db();
    bolt_txn *reader = begin(db, BOLT_READ), *writer = begin(db, BOLT_WRITE);
    put(ensure(writer, "b"), "k", "v");
    CODE(BOLT_BUSY, bolt_close(db));
    OK(bolt_commit(writer));
    CODE(BOLT_BUSY, bolt_close(db));
    OK(bolt_rollback(reader));
    OK(bolt_close(db));
}

static void a_reset_transaction_does_not_keep_its_database_open(void) {
    bolt_db *db = fresh_db(), *next;
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_error_info info;
    info.struct_size = sizeof info;
    OK(bolt_txn_reset(txn));
    OK(bolt_close(db));
    next = fresh_db();
    CODE(BOLT_BADHANDLE, bolt_txn_renew(txn));
    CODE(BOLT_BADHANDLE, bolt_txn_renew(txn));
    OK(bolt_rollback(txn));
    CODE(BOLT_NOTFOUND, bolt_db_last_error(next, &info));
    OK(bolt_close(next));
}

static void a_closed_database_answers_bad_handle_to_everything(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = NULL;
    bolt_db_info info;
    bolt_error_info error;
    const char *path = NULL;
    info.struct_size = sizeof info;
    error.struct_size = sizeof error;
    OK(bolt_close(db));
    CODE(BOLT_BADHANDLE, bolt_close(db));
    CODE(BOLT_BADHANDLE, bolt_txn_begin(db, BOLT_READ, &txn));
    CODE(BOLT_BADHANDLE, bolt_txn_begin_timeout(db, BOLT_WRITE, 1, &txn));
    CODE(BOLT_BADHANDLE, bolt_info(db, &info));
    CODE(BOLT_BADHANDLE, bolt_set(db, BOLT_OPT_NOSYNC, 1));
    CODE(BOLT_BADHANDLE, bolt_sync(db));
    CODE(BOLT_BADHANDLE, bolt_path(db, &path));
    CODE(BOLT_BADHANDLE, bolt_db_last_error(db, &error));
    CHECK(txn == NULL && path == NULL);
}

static void null_is_closed_without_an_error_and_is_no_database(void) {
    bolt_txn *txn = NULL;
    bolt_db_info info;
    const char *path = NULL;
    info.struct_size = sizeof info;
    OK(bolt_close(NULL));
    CODE(BOLT_BADHANDLE, bolt_txn_begin(NULL, BOLT_READ, &txn));
    CODE(BOLT_BADHANDLE, bolt_txn_begin_timeout(NULL, BOLT_READ, 1, &txn));
    CODE(BOLT_BADHANDLE, bolt_info(NULL, &info));
    CODE(BOLT_BADHANDLE, bolt_set(NULL, BOLT_OPT_NOSYNC, 1));
    CODE(BOLT_BADHANDLE, bolt_sync(NULL));
    CODE(BOLT_BADHANDLE, bolt_path(NULL, &path));
    CHECK(txn == NULL && path == NULL);
}

static void handles_of_other_kinds_are_no_databases(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_READ), *other = NULL;
    bolt_cursor *cursor = NULL;
    OK(bolt_cursor_open(root_of(txn), &cursor));
    CODE(BOLT_BADHANDLE, bolt_close((bolt_db *)txn));
    CHECK(last_error_says("another kind"));
    CODE(BOLT_BADHANDLE, bolt_close((bolt_db *)root_of(txn)));
    CODE(BOLT_BADHANDLE, bolt_close((bolt_db *)cursor));
    CODE(BOLT_BADHANDLE, bolt_sync((bolt_db *)txn));
    CODE(BOLT_BADHANDLE, bolt_txn_begin((bolt_db *)txn, BOLT_READ, &other));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_handle_stays_bad_when_many_more_have_come_and_gone(void) {
    bolt_db *first = fresh_db();
    int i;
    OK(bolt_close(first));
    for (i = 0; i < 100; i++) {
        bolt_db *db = fresh_db();
        CHECK(db != first);
        CODE(BOLT_BADHANDLE, bolt_sync(first));
        OK(bolt_close(db));
        test_path_count--;
    }
}

static void the_path_is_the_one_that_was_opened(void) {
    const char *name = fresh_path(), *path = NULL;
    bolt_db *db = open_db(name);
    OK(bolt_path(db, &path));
    CHECK(path != name && strcmp(path, name) == 0);
    OK(bolt_path(db, NULL));
    OK(bolt_close(db));
}

static void the_state_of_a_database_is_told(void) {
    bolt_db *db = fresh_db();
    bolt_db_info before, after;
    bolt_txn *reader, *writer;
    memset(&before, 0x55, sizeof before);
    before.struct_size = after.struct_size = sizeof before;
    OK(bolt_info(db, &before));
    CHECK(before.struct_size == sizeof before);
    CHECK(before.flags == 0);
    CHECK(before.page_size >= 1024 && before.page_size <= 65536);
    CHECK(before.high_water >= 2 && before.file_len >= 2 * (uint64_t)before.page_size);
    CHECK(before.reader_count == 0 && before.oldest_reader_txn_id == 0);
    reader = begin(db, BOLT_READ);
    writer = begin(db, BOLT_WRITE);
    put(ensure(writer, "b"), "k", "v");
    OK(bolt_info(db, &after));
    CHECK(after.reader_count == 1 && after.oldest_reader_txn_id == before.txn_id);
    CHECK(after.txn_id == before.txn_id);
    CHECK(after.free_page_count == BOLT_NO_COUNT && after.pending_page_count == BOLT_NO_COUNT);
    OK(bolt_commit(writer));
    OK(bolt_rollback(reader));
    OK(bolt_info(db, &after));
    CHECK(after.reader_count == 0 && after.oldest_reader_txn_id == 0);
    CHECK(after.txn_id == before.txn_id + 1);
    CHECK(after.free_page_count != BOLT_NO_COUNT && after.pending_page_count != BOLT_NO_COUNT);
    CHECK(after.free_page_count + after.pending_page_count < after.high_water);
    CODE(BOLT_ARGUMENT, bolt_info(db, NULL));
    after.struct_size = 1;
    CODE(BOLT_ARGUMENT, bolt_info(db, &after));
    OK(bolt_close(db));
}

static void what_may_change_after_open_is_changed_and_the_rest_refused(void) {
    bolt_db *db = fresh_db();
    OK(bolt_set(db, BOLT_OPT_NOSYNC, 1));
    OK(bolt_set(db, BOLT_OPT_NOSYNC, 0));
    OK(bolt_set(db, BOLT_OPT_FREELIST_MODE, BOLT_FREELIST_NEVER));
    OK(bolt_set(db, BOLT_OPT_FILL_PERCENT, 80));
    OK(bolt_set(db, BOLT_OPT_FILL_PERCENT, 0));
    OK(bolt_set(db, BOLT_OPT_MAX_LEN, 1 << 30));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_PAGE_SIZE, 4096));
    CHECK(last_error_says("before the database is opened"));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_READONLY, 1));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_BBOLT_RULES, 1));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_FREELIST_MODE, 17));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_FILL_PERCENT, 101));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_NOSYNC, 2));
    CODE(BOLT_ARGUMENT, bolt_set(db, 0, 0));
    CHECK(last_error_says("unknown option"));
    OK(bolt_sync(db));
    OK(bolt_close(db));
}

static void two_databases_have_nothing_to_do_with_each_other(void) {
    bolt_db *one = fresh_db(), *two = fresh_db();
    bolt_txn *first = begin(one, BOLT_WRITE), *second = begin(two, BOLT_WRITE);
    CHECK(one != two && first != second);
    put(ensure(first, "b"), "k", "one");
    put(ensure(second, "b"), "k", "two");
    CHECK(holds(bucket_of(first, "b"), "k", "one"));
    OK(bolt_commit(first));
    OK(bolt_close(one));
    CHECK(holds(bucket_of(second, "b"), "k", "two"));
    OK(bolt_commit(second));
    OK(bolt_close(two));
}

static void *read_and_write(void *db) {
    int i;
    for (i = 0; i < 50; i++) {
        bolt_txn *txn = begin(db, i % 5 == 0 ? BOLT_WRITE : BOLT_READ);
        bolt_bucket *bucket = i % 5 == 0 ? ensure(txn, "b") : bucket_of(txn, "b");
        bolt_cursor *cursor = NULL;
        OK(bolt_cursor_open(bucket, &cursor));
        if (i % 5 == 0) {
            put(bucket, "k", "v");
            OK(bolt_commit(txn));
        } else {
            CHECK(holds(bucket, "k", "v"));
            OK(bolt_rollback(txn));
        }
        OK(bolt_cursor_close(cursor));
    }
    return NULL;
}

static void many_threads_use_one_database(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    pthread_t threads[8];
    int i;
    put(ensure(txn, "b"), "k", "v");
    OK(bolt_commit(txn));
    for (i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, read_and_write, db) == 0);
    for (i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    OK(bolt_close(db));
}

static void *close_it(void *db) {
    int code = bolt_close(db);
    CHECK(code == BOLT_OK || code == BOLT_BADHANDLE);
    return code == BOLT_OK ? db : NULL;
}

static void of_many_threads_that_close_a_database_one_succeeds(void) {
    int round;
    for (round = 0; round < 20; round++) {
        bolt_db *db = fresh_db();
        pthread_t threads[4];
        int i, closed = 0;
        for (i = 0; i < 4; i++)
            CHECK(pthread_create(&threads[i], NULL, close_it, db) == 0);
        for (i = 0; i < 4; i++) {
            void *result = NULL;
            CHECK(pthread_join(threads[i], &result) == 0);
            closed += result != NULL;
        }
        CHECK(closed == 1);
        test_path_count--;
    }
}

struct family {
    bolt_db *db;
    bolt_txn *reader, *writer, *ended;
    bolt_bucket *bucket;
    bolt_cursor *cursor;
    const char *childs_path;
};

static void use_the_parents_handles(void *argument) {
    struct family *parent = argument;
    bolt_txn *txn = NULL;
    bolt_db *db;
    const void *value = NULL;
    const char *path = NULL;
    bolt_db_info db_info;
    bolt_error_info error;
    bolt_txn_info txn_info;
    db_info.struct_size = sizeof db_info;
    error.struct_size = sizeof error;
    txn_info.struct_size = sizeof txn_info;
    CODE(BOLT_FORKED, bolt_get(parent->bucket, "k", 1, &value, NULL));
    CHECK(last_error_says("parent process"));
    CODE(BOLT_FORKED, bolt_put(parent->bucket, "k", 1, "child", 5));
    CODE(BOLT_FORKED, bolt_delete(parent->bucket, "k", 1));
    CODE(BOLT_FORKED, bolt_bucket_sequence(parent->bucket, NULL));
    CODE(BOLT_FORKED, bolt_bucket_close(parent->bucket));
    CODE(BOLT_FORKED, bolt_cursor_next(parent->cursor, NULL));
    CODE(BOLT_FORKED, bolt_cursor_close(parent->cursor));
    CODE(BOLT_FORKED, bolt_txn_info_get(parent->writer, &txn_info));
    CODE(BOLT_FORKED, bolt_commit(parent->writer));
    CODE(BOLT_FORKED, bolt_rollback(parent->writer));
    CODE(BOLT_FORKED, bolt_txn_reset(parent->reader));
    CODE(BOLT_BADHANDLE, bolt_rollback(parent->ended));
    CODE(BOLT_FORKED, bolt_txn_begin(parent->db, BOLT_READ, &txn));
    CODE(BOLT_FORKED, bolt_info(parent->db, &db_info));
    CODE(BOLT_FORKED, bolt_path(parent->db, &path));
    CODE(BOLT_FORKED, bolt_db_last_error(parent->db, &error));
    CODE(BOLT_FORKED, bolt_close(parent->db));
    CHECK(txn == NULL && value == NULL && path == NULL);
    db = open_db(parent->childs_path);
    txn = begin(db, BOLT_WRITE);
    put(ensure(txn, "b"), "k", "child");
    CHECK(txn != parent->writer && db != parent->db);
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void in_a_forked_child_the_parents_handles_answer_forked_and_its_own_work(void) {
    struct family parent;
    bolt_db *db;
    bolt_txn *txn;
    memset(&parent, 0, sizeof parent);
    parent.db = fresh_db();
    parent.childs_path = fresh_path();
    parent.ended = begin(parent.db, BOLT_READ);
    OK(bolt_rollback(parent.ended));
    parent.reader = begin(parent.db, BOLT_READ);
    parent.writer = begin(parent.db, BOLT_WRITE);
    parent.bucket = ensure(parent.writer, "b");
    put(parent.bucket, "k", "parent");
    OK(bolt_cursor_open(parent.bucket, &parent.cursor));
    CHECK(holds_in_a_child(use_the_parents_handles, &parent));
    CHECK(holds(parent.bucket, "k", "parent"));
    OK(bolt_cursor_first(parent.cursor, NULL));
    OK(bolt_cursor_close(parent.cursor));
    OK(bolt_commit(parent.writer));
    OK(bolt_rollback(parent.reader));
    OK(bolt_close(parent.db));
    db = open_db(parent.childs_path);
    txn = begin(db, BOLT_READ);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

struct hammer {
    bolt_db *db;
    int stop;
};

static void *begin_and_end(void *argument) {
    struct hammer *hammer = argument;
    while (!__atomic_load_n(&hammer->stop, __ATOMIC_ACQUIRE)) {
        bolt_txn *txn = begin(hammer->db, BOLT_READ);
        bolt_cursor *cursor = NULL;
        OK(bolt_cursor_open(root_of(txn), &cursor));
        OK(bolt_cursor_close(cursor));
        OK(bolt_rollback(txn));
    }
    return NULL;
}

static void use_a_database_of_ones_own(void *path) {
    bolt_db *db;
    bolt_txn *txn;
    bolt_cursor *cursor = NULL;
    alarm(60);
    db = open_db(path);
    txn = begin(db, BOLT_READ);
    OK(bolt_cursor_open(root_of(txn), &cursor));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    /* What the parent's other threads had allocated is no leak of this child's: it ends as another program,
     * so that no tool looks for leaks in it. */
    execl("/bin/true", "true", (char *)NULL);
    CHECK(!"there is no /bin/true");
}

static void a_child_forked_while_other_threads_were_at_work_is_not_held_up_by_them(void) {
    struct hammer hammer;
    const char *path = fresh_path();
    pthread_t threads[3];
    int i;
    hammer.db = fresh_db();
    hammer.stop = 0;
    for (i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, begin_and_end, &hammer) == 0);
    for (i = 0; i < 10; i++)
        CHECK(holds_in_a_child(use_a_database_of_ones_own, (void *)path));
    __atomic_store_n(&hammer.stop, 1, __ATOMIC_RELEASE);
    for (i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    OK(bolt_close(hammer.db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(what_was_committed_is_there_when_the_file_is_opened_again),
        TEST(open_refuses_null_and_an_empty_path),
        TEST(what_is_no_database_is_refused_with_a_code_of_its_own_and_left_as_it_is),
        TEST(close_answers_busy_while_transactions_are_open_and_leaves_the_handle_good),
        TEST(a_reset_transaction_does_not_keep_its_database_open),
        TEST(a_closed_database_answers_bad_handle_to_everything),
        TEST(null_is_closed_without_an_error_and_is_no_database),
        TEST(handles_of_other_kinds_are_no_databases),
        TEST(a_handle_stays_bad_when_many_more_have_come_and_gone),
        TEST(the_path_is_the_one_that_was_opened),
        TEST(the_state_of_a_database_is_told),
        TEST(what_may_change_after_open_is_changed_and_the_rest_refused),
        TEST(two_databases_have_nothing_to_do_with_each_other),
        TEST(many_threads_use_one_database),
        TEST(of_many_threads_that_close_a_database_one_succeeds),
        TEST(in_a_forked_child_the_parents_handles_answer_forked_and_its_own_work),
        TEST(a_child_forked_while_other_threads_were_at_work_is_not_held_up_by_them),
    };
    return RUN_TESTS(tests, argc, argv);
}
