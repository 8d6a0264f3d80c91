/* Many threads on one database: what TSan watches, and what must hold whatever the order of things is.
 *
 * BOLT_TEST_ROUNDS says how many times as long as usual to go on.
 */
#include "test.h"

#include <sched.h>

enum { READERS = 8, WRITERS = 4, KEYS = 40, VALUE_LEN = 3000 };

static int rounds(int usual) {
    const char *times = getenv("BOLT_TEST_ROUNDS");
    return times != NULL ? usual * atoi(times) : usual;
}

/* What the threads of a test share. */
struct stage {
    bolt_db *db;
    int last_round;
    /* Set once by one thread, read by the others. */
    int is_over;
    /* How often the threads did what they do. */
    int count;
};

static int is_over(struct stage *stage) {
    return __atomic_load_n(&stage->is_over, __ATOMIC_ACQUIRE);
}

static void end(struct stage *stage) {
    __atomic_store_n(&stage->is_over, 1, __ATOMIC_RELEASE);
}

static void start(pthread_t *threads, int count, void *(*function)(void *), struct stage *stage) {
    int i;
    for (i = 0; i < count; i++)
        CHECK(pthread_create(&threads[i], NULL, function, stage) == 0);
}

static void wait_for(pthread_t *threads, int count) {
    int i;
    for (i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

static void is_sound(bolt_db *db) {
    uint64_t findings = 1;
    bolt_txn *txn = begin(db, BOLT_READ);
    OK(bolt_check(txn, 0, 0, NULL, NULL, &findings));
    CHECK(findings == 0);
    OK(bolt_rollback(txn));
}

/* One commit: every key has a value that is full of the round's number; one value grows with it. */
static void write_round(bolt_db *db, int round) {
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    void *grown;
    char key[16];
    static unsigned char value[VALUE_LEN];
    int i;
    memset(value, round & 0xff, sizeof value);
    for (i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key %03d", i);
        OK(bolt_put(bucket, key, strlen(key), value, sizeof value));
    }
    OK(bolt_put_reserve(bucket, "key zzz", 7, (size_t)round * 20000, &grown));
    memset(grown, round & 0xff, (size_t)round * 20000);
    OK(bolt_bucket_set_sequence(bucket, (uint64_t)round));
    OK(bolt_commit(txn));
}

/* The round whose commit the transaction sees; all that it sees is of that one. */
static int seen_round(bolt_txn *txn) {
    uint64_t round = 0;
    bolt_bucket *bucket = bucket_of(txn, "b");
    bolt_cursor *cursor = NULL;
    bolt_kv kv;
    int count = 0, code;
    OK(bolt_bucket_sequence(bucket, &round));
    OK(bolt_cursor_open(bucket, &cursor));
    for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv)) {
        const unsigned char *bytes = kv.value;
        CHECK(kv.value_len == (count < KEYS ? (size_t)VALUE_LEN : (size_t)round * 20000));
        CHECK(bytes[0] == (round & 0xff) && bytes[kv.value_len - 1] == (round & 0xff));
        count++;
    }
    CODE(BOLT_NOTFOUND, code);
    CHECK(count == KEYS + 1);
    OK(bolt_cursor_close(cursor));
    return (int)round;
}

static void *write_all_rounds(void *argument) {
    struct stage *stage = argument;
    int round;
    for (round = 2; round <= stage->last_round; round++)
        write_round(stage->db, round);
    end(stage);
    return NULL;
}

static void *read_until_the_end(void *argument) {
    struct stage *stage = argument;
    bolt_txn *txn = begin(stage->db, BOLT_READ);
    int seen, before = 0, was_over;
    do {
        was_over = is_over(stage);
        OK(bolt_txn_renew(txn));
        seen = seen_round(txn);
        CHECK(seen >= before);
        /* It does not change while it is held. */
        sched_yield();
        CHECK(seen_round(txn) == seen);
        before = seen;
        OK(bolt_txn_reset(txn));
        __atomic_add_fetch(&stage->count, 1, __ATOMIC_RELAXED);
    } while (!was_over);
    CHECK(seen == stage->last_round);
    OK(bolt_rollback(txn));
    return NULL;
}

static void eight_readers_see_whole_commits_while_the_writer_makes_the_file_grow(void) {
    struct stage stage = { NULL, 0, 0, 0 };
    pthread_t readers[READERS], writer;
    bolt_db_info before, after;
    stage.db = fresh_db();
    OK(bolt_set(stage.db, BOLT_OPT_ALLOC_LEN, 0));
    stage.last_round = rounds(12);
    write_round(stage.db, 1);
    before.struct_size = after.struct_size = sizeof before;
    OK(bolt_info(stage.db, &before));
    start(readers, READERS, read_until_the_end, &stage);
    start(&writer, 1, write_all_rounds, &stage);
    wait_for(&writer, 1);
    wait_for(readers, READERS);
    OK(bolt_info(stage.db, &after));
    CHECK(after.file_len > before.file_len && after.reader_count == 0);
    CHECK(stage.count >= READERS);
    is_sound(stage.db);
    OK(bolt_close(stage.db));
}

static void *ask_until_the_end(void *argument) {
    struct stage *stage = argument;
    bolt_db_info info;
    bolt_db_stats stats;
    bolt_reader_info readers[4];
    bolt_error_info error;
    size_t n;
    info.struct_size = sizeof info;
    stats.struct_size = sizeof stats;
    error.struct_size = sizeof error;
    do {
        bolt_txn *txn = NULL;
        int code = bolt_txn_begin(stage->db, BOLT_WRITE | BOLT_TRY, &txn);
        CHECK(code == BOLT_OK || code == BOLT_BUSY);
        if (code == BOLT_OK)
            OK(bolt_rollback(txn));
        OK(bolt_info(stage->db, &info));
        OK(bolt_stats(stage->db, 0, &stats));
        code = bolt_readers(stage->db, readers, 4, &n);
        CHECK(code == BOLT_OK || code == BOLT_TOOSMALL);
        OK(bolt_set(stage->db, BOLT_OPT_FILL_PERCENT, 50));
        OK(bolt_sync(stage->db));
        CODE(BOLT_ARGUMENT, bolt_set(stage->db, 999, 0));
        OK(bolt_db_last_error(stage->db, &error));
        __atomic_add_fetch(&stage->count, 1, __ATOMIC_RELAXED);
    } while (!is_over(stage));
    return NULL;
}

static void what_is_asked_of_a_database_beside_readers_and_a_writer_is_answered(void) {
    struct stage stage = { NULL, 0, 0, 0 };
    pthread_t readers[2], askers[3], writer;
    stage.db = fresh_db();
    stage.last_round = rounds(8);
    write_round(stage.db, 1);
    start(readers, 2, read_until_the_end, &stage);
    start(askers, 3, ask_until_the_end, &stage);
    start(&writer, 1, write_all_rounds, &stage);
    wait_for(&writer, 1);
    wait_for(readers, 2);
    wait_for(askers, 3);
    is_sound(stage.db);
    OK(bolt_close(stage.db));
}

static void *count_up(void *argument) {
    struct stage *stage = argument;
    int i;
    for (i = 0; i < stage->last_round; i++) {
        bolt_txn *txn = NULL;
        uint64_t sequence;
        int code;
        do
            code = i % 2 == 0 ? bolt_txn_begin(stage->db, BOLT_WRITE, &txn)
                              : bolt_txn_begin_timeout(stage->db, BOLT_WRITE, 1, &txn);
        while (code == BOLT_TIMEOUT);
        CHECK(code == BOLT_OK);
        OK(bolt_bucket_next_sequence(ensure(txn, "b"), &sequence));
        if (i % 5 == 4) {
            OK(bolt_rollback(txn));
        } else {
            OK(bolt_commit(txn));
            __atomic_add_fetch(&stage->count, 1, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

static void writers_take_turns_and_none_undoes_the_work_of_another(void) {
    struct stage stage = { NULL, 0, 0, 0 };
    pthread_t writers[WRITERS];
    uint64_t sequence = 0;
    bolt_txn *txn;
    stage.db = fresh_db();
    stage.last_round = rounds(25);
    start(writers, WRITERS, count_up, &stage);
    wait_for(writers, WRITERS);
    txn = begin(stage.db, BOLT_READ);
    OK(bolt_bucket_sequence(bucket_of(txn, "b"), &sequence));
    CHECK(sequence == (uint64_t)stage.count && stage.count == WRITERS * stage.last_round * 4 / 5);
    OK(bolt_rollback(txn));
    is_sound(stage.db);
    OK(bolt_close(stage.db));
}

static void *read_until_it_is_closed(void *argument) {
    struct stage *stage = argument;
    bolt_txn *txn = NULL;
    int code;
    useconds_t pause = 0;
    while ((code = bolt_txn_begin(stage->db, BOLT_READ, &txn)) == BOLT_OK) {
        CHECK(seen_round(txn) == 1);
        OK(bolt_rollback(txn));
        __atomic_add_fetch(&stage->count, 1, __ATOMIC_RELEASE);
        /* However slow the machine is, there comes a moment without any transaction. */
        usleep(pause += 500);
    }
    CODE(BOLT_BADHANDLE, code);
    return NULL;
}

static void a_database_is_closed_while_eight_threads_begin_transactions(void) {
    int round;
    for (round = 0; round < rounds(3); round++) {
        struct stage stage = { NULL, 0, 0, 0 };
        pthread_t readers[READERS];
        const char *path = fresh_path();
        int code;
        stage.db = open_db(path);
        write_round(stage.db, 1);
        start(readers, READERS, read_until_it_is_closed, &stage);
        while (__atomic_load_n(&stage.count, __ATOMIC_ACQUIRE) < READERS)
            usleep(100);
        while ((code = bolt_close(stage.db)) == BOLT_BUSY)
            usleep(100);
        OK(code);
        wait_for(readers, READERS);
        stage.db = open_db(path);
        is_sound(stage.db);
        OK(bolt_close(stage.db));
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(eight_readers_see_whole_commits_while_the_writer_makes_the_file_grow),
        TEST(what_is_asked_of_a_database_beside_readers_and_a_writer_is_answered),
        TEST(writers_take_turns_and_none_undoes_the_work_of_another),
        TEST(a_database_is_closed_while_eight_threads_begin_transactions),
    };
    return RUN_TESTS(tests, argc, argv);
}
