/* Databases in memory and behind descriptors, advice, and the options that concern memory, growth and strictness. */
#include "test.h"

#include <fcntl.h>

static void fill(bolt_db *db, int keys) {
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    int i;
    for (i = 0; i < keys; i++) {
        char key[16];
        snprintf(key, sizeof key, "%08d", i);
        put(bucket, key, "a value of some length, so that there are a few pages");
    }
    OK(bolt_commit(txn));
}

static int is_filled(bolt_db *db) {
    bolt_txn *txn = begin(db, BOLT_READ);
    int there = holds(bucket_of(txn, "b"), "00000007", "a value of some length, so that there are a few pages");
    OK(bolt_rollback(txn));
    return there;
}

static bolt_options defaults(void) {
    bolt_options options;
    OK(bolt_options_init(&options, sizeof options));
    return options;
}

static void a_database_in_memory_is_like_any_other_and_leaves_nothing(void) {
    bolt_db *one = NULL, *two = NULL;
    bolt_options options = defaults();
    bolt_txn *txn;
    const char *path = NULL;
    uint64_t findings = 1;
    OK(bolt_open_memory(NULL, 0, NULL, &one));
    options.page_size = 1024;
    OK(bolt_open_memory(NULL, 0, &options, &two));
    fill(one, 5000);
    CHECK(is_filled(one));
    OK(bolt_path(one, &path));
    CHECK(strcmp(path, "") == 0);
    txn = begin(one, BOLT_READ);
    fill(one, 5000);
    OK(bolt_check(txn, 0, 0, NULL, NULL, &findings));
    CHECK(findings == 0);
    CODE(BOLT_BUSY, bolt_close(one));
    OK(bolt_rollback(txn));
    txn = begin(two, BOLT_READ);
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root_of(txn), "b", 1, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_sync(one));
    OK(bolt_close(one));
    OK(bolt_close(two));
}

struct buffer {
    unsigned char *bytes;
    size_t len;
};

static int append(void *ctx, const void *data, size_t len) {
    struct buffer *buffer = ctx;
    buffer->bytes = realloc(buffer->bytes, buffer->len + len);
    CHECK(buffer->bytes != NULL);
    memcpy(buffer->bytes + buffer->len, data, len);
    buffer->len += len;
    return 0;
}

/* The bytes of a filled database. */
static struct buffer filled_bytes(void) {
    struct buffer buffer = { NULL, 0 };
    bolt_db *db = NULL;
    bolt_txn *txn;
    OK(bolt_open_memory(NULL, 0, NULL, &db));
    fill(db, 2000);
    txn = begin(db, BOLT_READ);
    OK(bolt_backup_write(txn, append, &buffer, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    return buffer;
}

static void bytes_are_opened_as_a_copy(void) {
    struct buffer buffer = filled_bytes();
    unsigned char *before = malloc(buffer.len);
    bolt_options options = defaults();
    bolt_db *db = NULL;
    bolt_txn *txn = NULL;
    CHECK(before != NULL);
    memcpy(before, buffer.bytes, buffer.len);
    OK(bolt_open_memory(buffer.bytes, buffer.len, NULL, &db));
    fill(db, 10);
    CHECK(memcmp(before, buffer.bytes, buffer.len) == 0);
    memset(buffer.bytes, 0, buffer.len);
    CHECK(is_filled(db));
    OK(bolt_close(db));
    options.flags = BOLT_OPEN_READONLY;
    OK(bolt_open_memory(before, buffer.len, &options, &db));
    CHECK(is_filled(db));
    CODE(BOLT_READONLY, bolt_txn_begin(db, BOLT_WRITE, &txn));
    OK(bolt_close(db));
    free(before);
    free(buffer.bytes);
}

static void bytes_that_are_no_database_are_refused(void) {
    struct buffer buffer = filled_bytes();
    bolt_db *db = NULL;
    CODE(BOLT_TOOSHORT, bolt_open_memory("", 0, NULL, &db));
    CODE(BOLT_TOOSHORT, bolt_open_memory("some text", 9, NULL, &db));
    CODE(BOLT_TRUNCATED, bolt_open_memory(buffer.bytes, buffer.len - 1, NULL, &db));
    buffer.bytes[16] ^= 1;
    buffer.bytes[4096 + 16] ^= 1;
    CODE(BOLT_INVALID, bolt_open_memory(buffer.bytes, buffer.len, NULL, &db));
    CODE(BOLT_ARGUMENT, bolt_open_memory(NULL, 1, NULL, &db));
    CODE(BOLT_ARGUMENT, bolt_open_memory(NULL, 0, NULL, NULL));
    CHECK(db == NULL);
    free(buffer.bytes);
}

static void a_descriptor_is_opened_and_stays_the_caller_s(void) {
    const char *path = fresh_path();
    bolt_options options = defaults();
    bolt_db *db = NULL, *second = NULL;
    int fd = open(path, O_RDWR | O_CREAT, 0600), other;
    CHECK(fd >= 0);
    OK(bolt_open_fd(fd, NULL, &db));
    fill(db, 2000);
    options.lock_timeout_ms = 0;
    CODE(BOLT_BUSY, bolt_open(path, &options, &second));
    OK(bolt_close(db));
    CHECK(fcntl(fd, F_GETFD) >= 0);
    OK(bolt_open_fd(fd, NULL, &db));
    CHECK(close(fd) == 0);
    CHECK(is_filled(db));
    fill(db, 100);
    OK(bolt_close(db));
    db = open_db(path);
    CHECK(is_filled(db));
    OK(bolt_close(db));
    other = open(path, O_RDONLY);
    CODE(EBADF, bolt_open_fd(other, NULL, &db));
    options.flags = BOLT_OPEN_READONLY;
    OK(bolt_open_fd(other, &options, &db));
    CHECK(is_filled(db));
    OK(bolt_close(db));
    close(other);
}

/* The kernel's lock belongs to the open file, so it does not keep two databases over the same one apart. */
static void an_open_file_has_one_writer_or_many_readers(void) {
    const char *path = fresh_path();
    bolt_options writing = defaults(), reading = defaults();
    bolt_db *db = NULL, *second = NULL;
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    writing.lock_timeout_ms = 0;
    reading.lock_timeout_ms = 0;
    reading.flags = BOLT_OPEN_READONLY;
    OK(bolt_open_fd(fd, &writing, &db));
    fill(db, 2000);
    CODE(BOLT_BUSY, bolt_open_fd(fd, &writing, &second));
    CODE(BOLT_BUSY, bolt_open_fd(fd, &reading, &second));
    reading.lock_timeout_ms = 20;
    CODE(BOLT_TIMEOUT, bolt_open_fd(fd, &reading, &second));
    OK(bolt_close(db));
    OK(bolt_open_fd(fd, &reading, &db));
    OK(bolt_open_fd(fd, &reading, &second));
    CODE(BOLT_BUSY, bolt_open_fd(fd, &writing, &(bolt_db *){ NULL }));
    OK(bolt_close(db));
    CHECK(is_filled(second));
    CODE(BOLT_BUSY, bolt_open(path, &writing, &db));
    OK(bolt_close(second));
    OK(bolt_open(path, &writing, &db));
    OK(bolt_close(db));
    close(fd);
}

static void a_forked_child_gives_no_lock_of_its_parent_s_back(void) {
    const char *path = fresh_path();
    bolt_options options = defaults();
    bolt_db *db = NULL, *second = NULL;
    int fd = open(path, O_RDWR | O_CREAT, 0600), status;
    pid_t child;
    options.lock_timeout_ms = 0;
    OK(bolt_open_fd(fd, &options, &db));
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int refused = bolt_close(db) == BOLT_FORKED && bolt_open(path, &options, &second) == BOLT_BUSY;
        bolt_db *own = NULL;
        int other = open(fresh_path(), O_RDWR | O_CREAT, 0600);
        _exit(refused && bolt_open_fd(other, NULL, &own) == BOLT_OK && bolt_close(own) == BOLT_OK ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CODE(BOLT_BUSY, bolt_open(path, &options, &second));
    OK(bolt_close(db));
    OK(bolt_open(path, &options, &second));
    OK(bolt_close(second));
    close(fd);
}

static void an_opening_that_fails_gives_the_lock_of_the_descriptor_back(void) {
    const char *path = fresh_path();
    bolt_options options = defaults();
    bolt_db *db = NULL;
    char junk[16384];
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    memset(junk, 'x', sizeof junk);
    CHECK(write(fd, junk, sizeof junk) == (ssize_t)sizeof junk);
    options.lock_timeout_ms = 0;
    CODE(BOLT_INVALID, bolt_open_fd(fd, &options, &db));
    CODE(BOLT_INVALID, bolt_open(path, &options, &db));
    CHECK(db == NULL);
    close(fd);
}

static void what_is_no_such_descriptor_is_refused(void) {
    bolt_db *db = NULL;
    int ends[2], directory = open(test_directory, O_RDONLY), appending;
    CHECK(pipe(ends) == 0);
    CODE(EBADF, bolt_open_fd(-1, NULL, &db));
    CODE(EBADF, bolt_open_fd(ends[1], NULL, &db));
    CODE(EINVAL, bolt_open_fd(ends[0], NULL, &db));
    CODE(EISDIR, bolt_open_fd(directory, NULL, &db));
    appending = open(fresh_path(), O_RDWR | O_CREAT | O_APPEND, 0600);
    CODE(BOLT_ARGUMENT, bolt_open_fd(appending, NULL, &db));
    CODE(BOLT_ARGUMENT, bolt_open_fd(appending, NULL, NULL));
    CHECK(db == NULL);
    close(ends[0]);
    close(ends[1]);
    close(directory);
    close(appending);
}

static void advice_is_taken(void) {
    static const uint32_t advice[] = { BOLT_ADVICE_RANDOM, BOLT_ADVICE_WILLNEED, BOLT_ADVICE_SEQUENTIAL,
                                       BOLT_ADVICE_NORMAL };
    bolt_db *dbs[2] = { NULL, NULL };
    int i, j;
    dbs[0] = fresh_db();
    OK(bolt_open_memory(NULL, 0, NULL, &dbs[1]));
    for (i = 0; i < 2; i++) {
        fill(dbs[i], 2000);
        for (j = 0; j < 4; j++) {
            OK(bolt_advise(dbs[i], advice[j]));
            CHECK(is_filled(dbs[i]));
        }
        CODE(BOLT_ARGUMENT, bolt_advise(dbs[i], 4));
        OK(bolt_close(dbs[i]));
        CODE(BOLT_BADHANDLE, bolt_advise(dbs[i], BOLT_ADVICE_NORMAL));
    }
}

static void the_options_of_bbolt_are_taken(void) {
    const char *path = fresh_path();
    bolt_options options = defaults();
    bolt_db_stats stats;
    bolt_db_info info;
    bolt_db *db = open_db(path);
    fill(db, 2000);
    OK(bolt_close(db));
    options.flags = BOLT_OPEN_NOGROWSYNC | BOLT_OPEN_PRELOAD_FREELIST | BOLT_OPEN_POPULATE | BOLT_OPEN_STRICT
                    | BOLT_OPEN_MLOCK;
    options.freelist_type = BOLT_FREELIST_HASHMAP;
    options.alloc_len = 0;
    OK(bolt_open(path, &options, &db));
    stats.struct_size = sizeof stats;
    info.struct_size = sizeof info;
    OK(bolt_stats(db, BOLT_STATS_RESIDENT, &stats));
    OK(bolt_info(db, &info));
    CHECK(stats.free_page_count != BOLT_NO_COUNT && stats.resident_len >= info.file_len);
    fill(db, 9000);
    OK(bolt_info(db, &info));
    CHECK(info.file_len == info.high_water * info.page_size);
    OK(bolt_set(db, BOLT_OPT_STRICT, 0));
    OK(bolt_set(db, BOLT_OPT_NOGROWSYNC, 0));
    OK(bolt_set(db, BOLT_OPT_FREELIST_TYPE, BOLT_FREELIST_ARRAY));
    OK(bolt_set(db, BOLT_OPT_ALLOC_LEN, 1 << 20));
    OK(bolt_set(db, BOLT_OPT_BATCH_LEN, 10));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_STRICT, 2));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_NOGROWSYNC, 2));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_FREELIST_TYPE, 2));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_BATCH_LEN, 0));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_MLOCK, 0));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_POPULATE, 1));
    CODE(BOLT_ARGUMENT, bolt_set(db, BOLT_OPT_PRELOAD_FREELIST, 1));
    OK(bolt_close(db));
}

/* Exchanges the first two keys of the leaf that has the most keys of the bucket "b". */
static void disorder(const char *path) {
    bolt_db *db = open_db(path);
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_page_info page;
    unsigned char bytes[4096];
    uint64_t id = 2;
    int fd, i, j;
    memset(&page, 0, sizeof page);
    page.struct_size = sizeof page;
    for (; page.kind != BOLT_PAGE_LEAF || page.element_count < 20; id++)
        OK(bolt_page_info_get(txn, id, &page));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    fd = open(path, O_RDWR);
    CHECK(pread(fd, bytes, sizeof bytes, (off_t)(page.id * 4096)) == 4096);
    for (i = 16 + 16 * (int)page.element_count; memcmp(bytes + i, "0000", 4) != 0; i++)
        CHECK(i < 4000);
    for (j = i + 8; memcmp(bytes + j, "0000", 4) != 0; j++)
        CHECK(j < 4000);
    bytes[j] = '/';
    CHECK(pwrite(fd, bytes, sizeof bytes, (off_t)(page.id * 4096)) == 4096);
    CHECK(close(fd) == 0);
}

static int make_a_bucket(void *ctx, bolt_txn *txn) {
    ensure(txn, ctx);
    return 0;
}

static void a_strict_database_commits_nothing_onto_damage(void) {
    const char *path = fresh_path();
    bolt_options options = defaults();
    bolt_db *db = open_db(path);
    char name[] = "another";
    bolt_txn *txn;
    fill(db, 2000);
    OK(bolt_close(db));
    disorder(path);
    options.flags = BOLT_OPEN_STRICT;
    OK(bolt_open(path, &options, &db));
    CODE(BOLT_CORRUPT, bolt_update(db, make_a_bucket, name));
    CODE(BOLT_CORRUPT, bolt_batch_update(db, make_a_bucket, name));
    txn = begin(db, BOLT_READ);
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root_of(txn), name, strlen(name), NULL));
    OK(bolt_rollback(txn));
    OK(bolt_set(db, BOLT_OPT_STRICT, 0));
    OK(bolt_update(db, make_a_bucket, name));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_database_in_memory_is_like_any_other_and_leaves_nothing),
        TEST(bytes_are_opened_as_a_copy),
        TEST(bytes_that_are_no_database_are_refused),
        TEST(a_descriptor_is_opened_and_stays_the_caller_s),
        TEST(an_open_file_has_one_writer_or_many_readers),
        TEST(a_forked_child_gives_no_lock_of_its_parent_s_back),
        TEST(an_opening_that_fails_gives_the_lock_of_the_descriptor_back),
        TEST(what_is_no_such_descriptor_is_refused),
        TEST(advice_is_taken),
        TEST(the_options_of_bbolt_are_taken),
        TEST(a_strict_database_commits_nothing_onto_damage),
    };
    return RUN_TESTS(tests, argc, argv);
}
