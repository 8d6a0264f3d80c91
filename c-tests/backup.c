/* Backups and compaction: whole or not at all, what they hold, and functions that stop them. */
#include "test.h"

#include <fcntl.h>

enum { KEYS = 8000, VALUE_LEN = 200 };

/* The values that all keys have at first, and later. */
static char FIRST[VALUE_LEN + 1], SECOND[VALUE_LEN + 1];

static void fill(bolt_db *db, const char *value) {
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    int i;
    for (i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%08d", i);
        put(bucket, key, value);
    }
    OK(bolt_bucket_set_sequence(bucket, 7));
    OK(bolt_commit(txn));
}

/* A file with KEYS keys that have the first value. */
static bolt_db *filled_db(const char *path) {
    bolt_options options;
    bolt_db *db = NULL;
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_NOSYNC;
    OK(bolt_open(path, &options, &db));
    fill(db, FIRST);
    return db;
}

/* Opens a file, and whether it is sound and all its keys have the value. */
static void holds_all(const char *path, const char *value) {
    bolt_db *db = open_db(path);
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_bucket *bucket = bucket_of(txn, "b");
    uint64_t findings = 1, sequence = 0;
    int i;
    OK(bolt_check(txn, 0, 0, NULL, NULL, &findings));
    CHECK(findings == 0);
    OK(bolt_bucket_sequence(bucket, &sequence));
    CHECK(sequence == 7);
    for (i = 0; i < KEYS; i += 7) {
        char key[16];
        snprintf(key, sizeof key, "%08d", i);
        CHECK(holds(bucket, key, value));
    }
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static int exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

static uint64_t length(const char *path) {
    struct stat status;
    CHECK(stat(path, &status) == 0);
    return (uint64_t)status.st_size;
}

/* The CRC-32 of gzip, by the book. */
static uint32_t crc_of(const unsigned char *bytes, size_t len, uint32_t crc) {
    size_t i;
    int bit;
    for (i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return crc;
}

struct watch {
    uint64_t done, total;
    int calls, stop_at, code;
    bolt_db *db;
    bolt_txn *txn;
    uint32_t crc;
};

static int watch_progress(void *ctx, uint64_t done, uint64_t total) {
    struct watch *watch = ctx;
    CHECK(done > watch->done || total == 0);
    CHECK(watch->calls == 0 || total == watch->total);
    watch->done = done;
    watch->total = total;
    watch->calls++;
    return watch->calls == watch->stop_at ? watch->code : 0;
}

static void a_backup_is_the_database_at_its_transaction_s_beginning(void) {
    const char *copy = fresh_path();
    bolt_db *db = filled_db(fresh_path());
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_txn_info of_txn;
    bolt_backup_info info;
    struct watch watch;
    unsigned char *bytes;
    int fd;
    memset(&watch, 0, sizeof watch);
    memset(&info, 0x55, sizeof info);
    info.struct_size = sizeof info;
    of_txn.struct_size = sizeof of_txn;
    fill(db, SECOND);
    OK(bolt_backup(txn, copy, 0, 0, watch_progress, &watch, &info));
    OK(bolt_txn_info_get(txn, &of_txn));
    CHECK(info.len == of_txn.db_len && info.len == length(copy) && info.reserved == 0);
    CHECK(watch.done == info.len && watch.total == info.len && watch.calls >= 2);
    bytes = malloc(info.len);
    CHECK(bytes != NULL);
    fd = open(copy, O_RDONLY);
    CHECK(read(fd, bytes, info.len) == (ssize_t)info.len);
    CHECK(info.crc32 == (crc_of(bytes, info.len, UINT32_MAX) ^ UINT32_MAX));
    free(bytes);
    close(fd);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    holds_all(copy, FIRST);
}

static void a_name_that_is_taken_is_replaced_only_if_flagged(void) {
    const char *path = fresh_path(), *copy = fresh_path();
    bolt_db *db = filled_db(path);
    bolt_txn *txn;
    FILE *file = fopen(copy, "w");
    CHECK(file != NULL && fputs("something else", file) >= 0 && fclose(file) == 0);
    txn = begin(db, BOLT_READ);
    CODE(BOLT_EXISTS, bolt_backup(txn, copy, 0, 0, NULL, NULL, NULL));
    CODE(BOLT_EXISTS, bolt_compact(db, copy, NULL, 0, 0, NULL, NULL));
    CHECK(length(copy) == 14);
    OK(bolt_backup(txn, copy, 0, BOLT_REPLACE, NULL, NULL, NULL));
    holds_all(copy, FIRST);
    fill(db, SECOND);
    OK(bolt_compact(db, copy, NULL, 0, BOLT_REPLACE, NULL, NULL));
    holds_all(copy, SECOND);
    CODE(BOLT_ARGUMENT, bolt_backup(txn, path, 0, BOLT_REPLACE, NULL, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_compact(db, path, NULL, 0, BOLT_REPLACE, NULL, NULL));
    CHECK(last_error_says("own file"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    holds_all(path, SECOND);
}

static void a_function_that_stops_leaves_no_file_and_its_value_comes_out(void) {
    const char *copy = fresh_path();
    bolt_db *db = filled_db(fresh_path());
    bolt_txn *txn = begin(db, BOLT_READ);
    struct watch watch;
    int stop;
    for (stop = 1; stop <= 2; stop++) {
        memset(&watch, 0, sizeof watch);
        watch.stop_at = stop;
        watch.code = BOLT_CALLBACK_FIRST - stop;
        CODE(watch.code, bolt_backup(txn, copy, 0, 0, watch_progress, &watch, NULL));
        CHECK(watch.calls == stop && !exists(copy));
        watch.calls = 0;
        watch.done = 0;
        CODE(watch.code, bolt_compact(db, copy, NULL, 0, 0, watch_progress, &watch));
        CHECK(watch.calls == stop && !exists(copy));
    }
    CHECK(holds(bucket_of(txn, "b"), "00000000", FIRST));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static int sum_up(void *ctx, const void *data, size_t len) {
    struct watch *watch = ctx;
    CHECK(len > 0 && len <= 1 << 20);
    watch->crc = crc_of(data, len, watch->crc);
    watch->done += len;
    watch->calls++;
    return watch->calls == watch->stop_at ? watch->code : 0;
}

static void a_function_or_a_descriptor_gets_the_same_bytes(void) {
    const char *copy = fresh_path(), *by_hand = fresh_path();
    bolt_db *db = filled_db(fresh_path());
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_backup_info file, written, piped;
    struct watch watch;
    int fd;
    memset(&watch, 0, sizeof watch);
    file.struct_size = written.struct_size = piped.struct_size = sizeof file;
    watch.crc = UINT32_MAX;
    OK(bolt_backup(txn, copy, 0, 0, NULL, NULL, &file));
    OK(bolt_backup_write(txn, sum_up, &watch, &written));
    CHECK(written.len == file.len && written.crc32 == file.crc32);
    CHECK(watch.done == file.len && (watch.crc ^ UINT32_MAX) == file.crc32);
    fd = open(by_hand, O_WRONLY | O_CREAT, 0600);
    memset(&watch, 0, sizeof watch);
    OK(bolt_backup_fd(txn, fd, watch_progress, &watch, &piped));
    CHECK(watch.done == file.len && watch.total == file.len);
    CHECK(close(fd) == 0);
    CHECK(piped.len == file.len && piped.crc32 == file.crc32 && length(by_hand) == file.len);
    memset(&watch, 0, sizeof watch);
    watch.stop_at = 3;
    watch.code = 4711;
    CODE(4711, bolt_backup_write(txn, sum_up, &watch, NULL));
    CHECK(watch.calls == 3);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    holds_all(by_hand, FIRST);
}

static void what_the_system_refuses_comes_out(void) {
    bolt_db *db = filled_db(fresh_path());
    bolt_txn *txn = begin(db, BOLT_READ);
    int full = open("/dev/full", O_WRONLY), reading = open("/dev/null", O_RDONLY);
    CODE(ENOSPC, bolt_backup_fd(txn, full, NULL, NULL, NULL));
    CODE(EBADF, bolt_backup_fd(txn, reading, NULL, NULL, NULL));
    CODE(EBADF, bolt_backup_fd(txn, -1, NULL, NULL, NULL));
    CODE(ENOENT, bolt_backup(txn, "/no such directory/x", 0, 0, NULL, NULL, NULL));
    CODE(ENOENT, bolt_compact(db, "/no such directory/x", NULL, 0, 0, NULL, NULL));
    close(full);
    close(reading);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static int use_the_transaction(void *ctx, uint64_t done, uint64_t total) {
    struct watch *watch = ctx;
    bolt_txn *other;
    CHECK(done <= total || total == 0);
    if (total != 0) {
        CODE(BOLT_BUSY, bolt_root(watch->txn, NULL));
        CODE(BOLT_BUSY, bolt_rollback(watch->txn));
    }
    other = begin(watch->db, BOLT_WRITE);
    put(bucket_of(other, "b"), "meanwhile", "v");
    OK(bolt_commit(other));
    watch->calls++;
    return 0;
}

static void a_backup_is_that_of_the_file_that_was_opened_whoever_has_its_name_now(void) {
    const char *path = fresh_path(), *other = fresh_path(), *copy = fresh_path();
    bolt_db *db = filled_db(path);
    bolt_txn *txn;
    OK(bolt_close(open_db(other)));
    CHECK(rename(other, path) == 0);
    txn = begin(db, BOLT_READ);
    OK(bolt_backup(txn, copy, 0, 0, NULL, NULL, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    holds_all(copy, FIRST);
}

static void meanwhile_others_may_write(void) {
    const char *copy = fresh_path(), *compacted = fresh_path();
    struct watch watch;
    memset(&watch, 0, sizeof watch);
    watch.db = filled_db(fresh_path());
    watch.txn = begin(watch.db, BOLT_READ);
    OK(bolt_backup(watch.txn, copy, 0, 0, use_the_transaction, &watch, NULL));
    OK(bolt_compact(watch.db, compacted, NULL, 50000, 0, use_the_transaction, &watch));
    CHECK(watch.calls > 10);
    CODE(BOLT_BUSY, bolt_close(watch.db));
    OK(bolt_rollback(watch.txn));
    OK(bolt_close(watch.db));
    holds_all(copy, FIRST);
    holds_all(compacted, FIRST);
}

static void a_compacted_file_is_smaller_and_made_as_asked(void) {
    const char *path = fresh_path(), *copies[4];
    bolt_db *db = filled_db(path);
    bolt_options options;
    bolt_txn *txn;
    struct watch watch;
    int i;
    fill(db, SECOND);
    fill(db, FIRST);
    txn = begin(db, BOLT_WRITE);
    for (i = KEYS; i < 3 * KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%08d", i);
        put(bucket_of(txn, "b"), key, FIRST);
    }
    OK(bolt_commit(txn));
    txn = begin(db, BOLT_WRITE);
    OK(bolt_delete_range(bucket_of(txn, "b"), NULL, NULL, NULL));
    OK(bolt_commit(txn));
    fill(db, FIRST);
    for (i = 0; i < 4; i++) {
        bolt_db *copy = NULL;
        bolt_db_info info;
        memset(&watch, 0, sizeof watch);
        info.struct_size = sizeof info;
        copies[i] = fresh_path();
        OK(bolt_options_init(&options, sizeof options));
        options.page_size = i == 1 ? 16384 : 0;
        options.flags = i == 2 ? BOLT_OPEN_BBOLT_RULES : 0;
        options.file_mode = 0400;
        OK(bolt_compact(db, copies[i], i == 0 ? NULL : &options, i == 3 ? 100000 : 0, 0, watch_progress,
                        &watch));
        CHECK(watch.total == 0 && watch.done == 1 + (uint64_t)KEYS * (8 + VALUE_LEN));
        CHECK(length(copies[i]) < length(path) / 2);
        if (i > 0) {
            struct stat status;
            CHECK(stat(copies[i], &status) == 0 && (status.st_mode & 0777) == 0400);
            CHECK(chmod(copies[i], 0600) == 0);
        }
        holds_all(copies[i], FIRST);
        copy = open_db(copies[i]);
        OK(bolt_info(copy, &info));
        CHECK(info.page_size == (i == 1 ? 16384u : 4096u));
        OK(bolt_close(copy));
    }
    options.flags = 0;
    options.max_len = 65536;
    CODE(BOLT_FULL, bolt_compact(db, fresh_path(), &options, 0, 0, NULL, NULL));
    OK(bolt_close(db));
}

static void bad_arguments_get_their_codes_and_no_file_appears(void) {
    const char *copy = fresh_path();
    bolt_db *db = filled_db(fresh_path());
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_backup_info info;
    bolt_options options;
    info.struct_size = 3;
    CODE(BOLT_ARGUMENT, bolt_backup(txn, NULL, 0, 0, NULL, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_backup(txn, "", 0, 0, NULL, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_backup(txn, copy, 0, 2, NULL, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_backup(txn, copy, 0100000, 0, NULL, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_backup(txn, copy, 0, 0, NULL, NULL, &info));
    CODE(BOLT_ARGUMENT, bolt_backup_fd(txn, 1, NULL, NULL, &info));
    CODE(BOLT_ARGUMENT, bolt_backup_write(txn, NULL, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_backup_write(txn, sum_up, NULL, &info));
    CODE(BOLT_ARGUMENT, bolt_compact(db, NULL, NULL, 0, 0, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_compact(db, "", NULL, 0, 0, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_compact(db, copy, NULL, 0, 2, NULL, NULL));
    OK(bolt_options_init(&options, sizeof options));
    options.page_size = 77;
    CODE(BOLT_ARGUMENT, bolt_compact(db, copy, &options, 0, 0, NULL, NULL));
    OK(bolt_rollback(txn));
    CODE(BOLT_BADHANDLE, bolt_backup(txn, copy, 0, 0, NULL, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_backup_fd(NULL, 1, NULL, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_backup_write((bolt_txn *)db, sum_up, NULL, NULL));
    OK(bolt_close(db));
    CODE(BOLT_BADHANDLE, bolt_compact(db, copy, NULL, 0, 0, NULL, NULL));
    CHECK(!exists(copy));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_backup_is_the_database_at_its_transaction_s_beginning),
        TEST(a_name_that_is_taken_is_replaced_only_if_flagged),
        TEST(a_function_that_stops_leaves_no_file_and_its_value_comes_out),
        TEST(a_function_or_a_descriptor_gets_the_same_bytes),
        TEST(what_the_system_refuses_comes_out),
        TEST(a_backup_is_that_of_the_file_that_was_opened_whoever_has_its_name_now),
        TEST(meanwhile_others_may_write),
        TEST(a_compacted_file_is_smaller_and_made_as_asked),
        TEST(bad_arguments_get_their_codes_and_no_file_appears),
    };
    memset(FIRST, '1', VALUE_LEN);
    memset(SECOND, '2', VALUE_LEN);
    return RUN_TESTS(tests, argc, argv);
}
