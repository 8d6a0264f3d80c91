/* A database without a map: the same promises, errors in place of signals, and two limits. */
#include "test.h"

#define KEYS 3000

static bolt_db *open_without_map(const char *path, uint64_t cache_len, uint64_t lent_len) {
    bolt_options options;
    bolt_db *db = NULL;
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_NOMAP | BOLT_OPEN_NOSYNC;
    options.page_size = 1024;
    options.cache_len = cache_len;
    options.lent_len = lent_len;
    OK(bolt_open(path, &options, &db));
    CHECK(db != NULL);
    return db;
}

static void name(int number, char *key) {
    snprintf(key, 9, "%08d", number);
}

static void value_of(int number, char *value) {
    memset(value, 'a' + number % 26, 100);
}

static void fill(bolt_db *db) {
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    char key[9], value[100];
    int i;
    for (i = 0; i < KEYS; i++) {
        name(i, key);
        value_of(i, value);
        OK(bolt_put(bucket, key, 8, value, sizeof value));
    }
    OK(bolt_commit(txn));
}

static bolt_db_stats stats_of(bolt_db *db) {
    bolt_db_stats stats;
    stats.struct_size = sizeof stats;
    OK(bolt_stats(db, 0, &stats));
    return stats;
}

/* Copies all entries out, and says how many there were. */
static int scan(bolt_bucket *bucket) {
    bolt_cursor *cursor = NULL;
    static char buf[10000];
    size_t used, n;
    int code, count = 0;
    OK(bolt_cursor_open(bucket, &cursor));
    while ((code = bolt_cursor_next_packed(cursor, buf, sizeof buf, &used, &n)) == BOLT_OK)
        count += (int)n;
    OK(bolt_cursor_close(cursor));
    return code == BOLT_NOTFOUND ? count : -1;
}

static void bytes_stay_until_the_transaction_ends_while_all_others_pass(void) {
    bolt_db *db = open_without_map(fresh_path(), 10000, 0);
    bolt_txn *txn;
    bolt_bucket *bucket;
    const void *kept[KEYS / 100];
    char key[9], value[100], copy[100];
    size_t len;
    int i;
    fill(db);
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    for (i = 0; i < KEYS; i += 100) {
        name(i, key);
        OK(bolt_get(bucket, key, 8, &kept[i / 100], &len));
        CHECK(len == sizeof value);
    }
    CHECK(scan(bucket) == KEYS);
    for (i = 0; i < KEYS; i++) {
        name(i, key);
        value_of(i, value);
        OK(bolt_get_copy(bucket, key, 8, copy, sizeof copy, &len));
        CHECK(len == sizeof value && memcmp(copy, value, len) == 0);
    }
    CHECK(stats_of(db).cached_len <= 10000 && stats_of(db).lent_len < 64 * 1024);
    CHECK(stats_of(db).mapped_len == 0 && stats_of(db).lent_len > KEYS / 100 * 1024);
    for (i = 0; i < KEYS; i += 100) {
        value_of(i, value);
        CHECK(memcmp(kept[i / 100], value, sizeof value) == 0);
    }
    OK(bolt_txn_reset(txn));
    CHECK(stats_of(db).lent_len == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void what_a_writer_read_stays_although_it_is_put_anew(void) {
    bolt_db *db = open_without_map(fresh_path(), 0, 0);
    bolt_txn *txn;
    bolt_bucket *bucket;
    const void *before, *after;
    char value[100];
    size_t len;
    int i;
    fill(db);
    txn = begin(db, BOLT_WRITE);
    bucket = bucket_of(txn, "b");
    OK(bolt_get(bucket, "00000007", 8, &before, &len));
    put(bucket, "00000007", "new");
    for (i = 1000; i < 2000; i++) {
        char key[9];
        name(i, key);
        OK(bolt_delete(bucket, key, 8));
    }
    CHECK(scan(bucket) == KEYS - 1000);
    OK(bolt_get(bucket, "00000007", 8, &after, &len));
    CHECK(len == 3 && memcmp(after, "new", 3) == 0);
    value_of(7, value);
    CHECK(memcmp(before, value, sizeof value) == 0);
    OK(bolt_commit(txn));
    CHECK(stats_of(db).lent_len == 0);
    OK(bolt_close(db));
}

static void a_file_cut_short_by_another_process_is_an_error_and_no_signal(void) {
    const char *path = fresh_path();
    bolt_db *db = open_without_map(path, 0, 0);
    bolt_txn *txn;
    bolt_bucket *bucket;
    const void *kept;
    char value[100];
    size_t len;
    int status;
    pid_t other;
    fill(db);
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    OK(bolt_get(bucket, "00000100", 8, &kept, &len));
    other = fork();
    CHECK(other >= 0);
    if (other == 0) {
        execlp("truncate", "truncate", "-s", "4096", path, (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(other, &status, 0) == other && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CODE(BOLT_TRUNCATED, bolt_get(bucket, "00002900", 8, NULL, &len));
    CODE(BOLT_TRUNCATED, bolt_get_copy(bucket, "00002900", 8, value, sizeof value, &len));
    CHECK(scan(bucket) == -1);
    value_of(100, value);
    CHECK(memcmp(kept, value, sizeof value) == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void past_the_limit_a_call_answers_enomem_and_the_transaction_goes_on(void) {
    bolt_db *db = open_without_map(fresh_path(), 10000, 100 * 1024);
    bolt_txn *txn;
    bolt_bucket *bucket;
    bolt_cursor *cursor = NULL;
    bolt_kv kv, last;
    size_t len;
    char value[100];
    int code, count = 0;
    fill(db);
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    OK(bolt_cursor_open(bucket, &cursor));
    for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv)) {
        last = kv;
        count++;
    }
    CHECK(code == ENOMEM && count > 100 && count < KEYS);
    CODE(ENOMEM, bolt_cursor_next(cursor, &kv));
    OK(bolt_cursor_current(cursor, &kv));
    CHECK(kv.key == last.key && kv.value == last.value);
    OK(bolt_get_copy(bucket, "00002999", 8, value, sizeof value, &len));
    CHECK(len == 100 && scan(bucket) == KEYS);
    CHECK(stats_of(db).lent_len <= 100 * 1024);
    OK(bolt_txn_reset(txn));
    OK(bolt_txn_renew(txn));
    OK(bolt_get(bucket_of(txn, "b"), "00002999", 8, NULL, &len));
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void what_needs_a_map_is_refused_or_does_nothing(void) {
    const char *path = fresh_path();
    bolt_options options;
    bolt_db *db = NULL;
    OK(bolt_options_init(&options, sizeof options));
    OK(bolt_options_set(&options, BOLT_OPT_NOMAP, 1));
    OK(bolt_options_set(&options, BOLT_OPT_MLOCK, 1));
    CODE(BOLT_ARGUMENT, bolt_open(path, &options, &db));
    OK(bolt_options_set(&options, BOLT_OPT_MLOCK, 0));
    OK(bolt_options_set(&options, BOLT_OPT_POPULATE, 1));
    OK(bolt_options_set(&options, BOLT_OPT_INITIAL_MAP_LEN, 1 << 30));
    OK(bolt_open(path, &options, &db));
    OK(bolt_advise(db, BOLT_ADVICE_RANDOM));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_NOMAP, 0));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_CACHE_LEN, 0));
    CHECK(stats_of(db).mapped_len == 0);
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(bytes_stay_until_the_transaction_ends_while_all_others_pass),
        TEST(what_a_writer_read_stays_although_it_is_put_anew),
        TEST(a_file_cut_short_by_another_process_is_an_error_and_no_signal),
        TEST(past_the_limit_a_call_answers_enomem_and_the_transaction_goes_on),
        TEST(what_needs_a_map_is_refused_or_does_nothing),
    };
    return RUN_TESTS(tests, argc, argv);
}
