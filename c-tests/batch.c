/* Lists of writes: what they hold, what is refused, and that many threads' share commits. */
#include "test.h"

enum { THREADS = 64, KEYS = 20 };

static bolt_batch *fresh_batch(void) {
    bolt_batch *batch = NULL;
    OK(bolt_batch_create(&batch));
    CHECK(batch != NULL);
    return batch;
}

static bolt_slice slice(const char *text) {
    bolt_slice slice;
    slice.data = text;
    slice.len = strlen(text);
    return slice;
}

static int batch_put(bolt_batch *batch, const char *bucket, const char *key, const char *value) {
    bolt_slice path = slice(bucket);
    return bolt_batch_put(batch, &path, 1, key, strlen(key), value, strlen(value));
}

static int batch_delete(bolt_batch *batch, const char *bucket, const char *key) {
    bolt_slice path = slice(bucket);
    return bolt_batch_delete(batch, &path, 1, key, strlen(key));
}

static bolt_db *db_with_a_bucket(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    put(ensure(txn, "b"), "old", "v");
    OK(bolt_commit(txn));
    return db;
}

static void writes_are_done_in_their_order(void) {
    bolt_db *db = db_with_a_bucket();
    bolt_batch *batch = fresh_batch();
    bolt_txn *txn;
    OK(batch_put(batch, "b", "k", "1"));
    OK(batch_delete(batch, "b", "k"));
    OK(batch_put(batch, "b", "k", "2"));
    OK(batch_put(batch, "b", "gone", "x"));
    OK(batch_delete(batch, "b", "gone"));
    OK(batch_delete(batch, "b", "old"));
    OK(batch_delete(batch, "b", "never there"));
    OK(bolt_batch_put(batch, NULL, 0, "in the root", 11, "r", 1));
    OK(batch_put(batch, "b", "empty", ""));
    OK(bolt_batch_commit(db, batch, 0));
    OK(bolt_batch_free(batch));
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", "2"));
    CHECK(holds(bucket_of(txn, "b"), "gone", NULL) && holds(bucket_of(txn, "b"), "old", NULL));
    CHECK(holds(bucket_of(txn, "b"), "empty", ""));
    CHECK(holds(root_of(txn), "in the root", "r"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void what_is_added_is_copied(void) {
    bolt_db *db = db_with_a_bucket();
    bolt_batch *batch = fresh_batch();
    char bucket[] = "b", key[] = "key", value[] = "value";
    bolt_txn *txn;
    OK(batch_put(batch, bucket, key, value));
    memset(bucket, 'x', 1);
    memset(key, 'x', 3);
    memset(value, 'x', 5);
    OK(bolt_batch_commit(db, batch, 0));
    OK(bolt_batch_free(batch));
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "key", "value"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void buckets_must_be_there_unless_they_are_to_be_made(void) {
    bolt_db *db = db_with_a_bucket();
    bolt_batch *batch = fresh_batch();
    bolt_slice path[3];
    bolt_bucket *bucket = NULL;
    bolt_txn *txn;
    path[0] = slice("x");
    path[1] = slice("y");
    path[2] = slice("z");
    OK(batch_put(batch, "b", "k", "v"));
    OK(batch_delete(batch, "only for a delete", "k"));
    OK(bolt_batch_put(batch, path, 3, "deep", 4, "v", 1));
    CODE(BOLT_NOTFOUND, bolt_batch_commit(db, batch, 0));
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", NULL));
    OK(bolt_rollback(txn));
    OK(bolt_batch_commit(db, batch, BOLT_BATCH_CREATE_BUCKETS));
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", "v"));
    OK(bolt_bucket_open(bucket_of(txn, "x"), "y", 1, &bucket));
    OK(bolt_bucket_open(bucket, "z", 1, &bucket));
    CHECK(holds(bucket, "deep", "v"));
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root_of(txn), "only for a delete", 17, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_batch_free(batch));
    OK(bolt_close(db));
}

static void a_batch_may_be_committed_again_elsewhere_and_cleared(void) {
    bolt_db *one = db_with_a_bucket(), *two = db_with_a_bucket();
    bolt_batch *batch = fresh_batch();
    bolt_txn *txn;
    OK(batch_put(batch, "b", "k", "v"));
    OK(bolt_batch_commit(one, batch, 0));
    OK(bolt_batch_commit(one, batch, 0));
    OK(bolt_batch_commit(two, batch, 0));
    OK(bolt_batch_clear(batch));
    OK(bolt_batch_commit(two, batch, 0));
    OK(batch_delete(batch, "b", "k"));
    OK(bolt_batch_commit(two, batch, 0));
    txn = begin(one, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", "v"));
    OK(bolt_rollback(txn));
    txn = begin(two, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", NULL));
    OK(bolt_rollback(txn));
    OK(bolt_batch_free(batch));
    OK(bolt_close(one));
    OK(bolt_close(two));
}

static void what_cannot_be_written_is_refused_at_once_and_not_added(void) {
    static char long_key[BOLT_KEY_LEN_MAX + 1];
    bolt_db *db = db_with_a_bucket();
    bolt_batch *batch = fresh_batch();
    bolt_slice path[2];
    path[0] = slice("b");
    path[1] = slice("");
    CODE(BOLT_KEYREQUIRED, bolt_batch_put(batch, path, 1, NULL, 0, "v", 1));
    CODE(BOLT_KEYREQUIRED, bolt_batch_put(batch, path, 1, "", 0, "v", 1));
    CODE(BOLT_KEYSIZE, bolt_batch_put(batch, path, 1, long_key, sizeof long_key, "v", 1));
    CODE(BOLT_NAMEREQUIRED, bolt_batch_put(batch, path, 2, "k", 1, "v", 1));
    CODE(BOLT_NAMEREQUIRED, bolt_batch_delete(batch, path, 2, "k", 1));
    CODE(BOLT_ARGUMENT, bolt_batch_put(batch, NULL, 1, "k", 1, "v", 1));
    CODE(BOLT_ARGUMENT, bolt_batch_put(batch, path, 1, NULL, 1, "v", 1));
    CODE(BOLT_ARGUMENT, bolt_batch_put(batch, path, 1, "k", 1, NULL, 1));
    CODE(BOLT_ARGUMENT, bolt_batch_put(batch, path, (size_t)-1, "k", 1, "v", 1));
    CODE(BOLT_ARGUMENT, bolt_batch_delete(batch, NULL, 1, "k", 1));
    path[0].data = NULL;
    CODE(BOLT_ARGUMENT, bolt_batch_delete(batch, path, 1, "k", 1));
    CODE(BOLT_ARGUMENT, bolt_batch_create(NULL));
    OK(bolt_batch_commit(db, batch, 0));
    CODE(BOLT_ARGUMENT, bolt_batch_commit(db, batch, 2));
    CODE(BOLT_ARGUMENT, bolt_batch_commit(db, batch, UINT32_MAX));
    OK(batch_put(batch, "b", "a bucket", "v"));
    OK(bolt_batch_commit(db, batch, 0));
    OK(bolt_batch_clear(batch));
    path[0] = slice("b");
    path[1] = slice("a bucket");
    OK(bolt_batch_put(batch, path, 2, "k", 1, "v", 1));
    CODE(BOLT_WRONGTYPE, bolt_batch_commit(db, batch, 0));
    CODE(BOLT_WRONGTYPE, bolt_batch_commit(db, batch, BOLT_BATCH_CREATE_BUCKETS));
    OK(bolt_batch_free(batch));
    OK(bolt_close(db));
}

static void ended_batches_and_other_handles_are_refused(void) {
    bolt_db *db = db_with_a_bucket();
    bolt_batch *batch = fresh_batch(), *others[3];
    bolt_slice path = slice("b");
    int i;
    OK(bolt_batch_free(NULL));
    OK(bolt_batch_free(batch));
    others[0] = NULL;
    others[1] = batch;
    others[2] = (bolt_batch *)db;
    for (i = 0; i < 3; i++) {
        CODE(BOLT_BADHANDLE, bolt_batch_put(others[i], &path, 1, "k", 1, "v", 1));
        CODE(BOLT_BADHANDLE, bolt_batch_delete(others[i], &path, 1, "k", 1));
        CODE(BOLT_BADHANDLE, bolt_batch_clear(others[i]));
        CODE(BOLT_BADHANDLE, bolt_batch_commit(db, others[i], 0));
        if (i > 0)
            CODE(BOLT_BADHANDLE, bolt_batch_free(others[i]));
    }
    batch = fresh_batch();
    CODE(BOLT_BADHANDLE, bolt_batch_commit(NULL, batch, 0));
    CODE(BOLT_BADHANDLE, bolt_batch_commit((bolt_db *)batch, batch, 0));
    OK(bolt_close(db));
    CODE(BOLT_BADHANDLE, bolt_batch_commit(db, batch, 0));
    OK(bolt_batch_free(batch));
}

struct worker {
    bolt_db *db;
    int number;
    pthread_t thread;
};

static void *commit_lists(void *argument) {
    struct worker *worker = argument;
    bolt_batch *batch = fresh_batch();
    int round, i;
    for (round = 0; round < 3; round++) {
        int fails = (worker->number + round) % 4 == 0;
        OK(bolt_batch_clear(batch));
        for (i = 0; i < KEYS; i++) {
            char key[32];
            snprintf(key, sizeof key, "%d %02d %02d", round, worker->number, i);
            OK(batch_put(batch, "b", key, "v"));
        }
        if (fails)
            OK(batch_put(batch, "missing", "k", "v"));
        CODE(fails ? BOLT_NOTFOUND : BOLT_OK, bolt_batch_commit(worker->db, batch, 0));
    }
    OK(bolt_batch_free(batch));
    return NULL;
}

static void lists_of_64_threads_are_done_whole_or_not_at_all(void) {
    bolt_db *db = db_with_a_bucket();
    struct worker workers[THREADS];
    bolt_txn *txn;
    int i, round, key;
    for (i = 0; i < THREADS; i++) {
        workers[i].db = db;
        workers[i].number = i;
        CHECK(pthread_create(&workers[i].thread, NULL, commit_lists, &workers[i]) == 0);
    }
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
    txn = begin(db, BOLT_READ);
    for (i = 0; i < THREADS; i++) {
        for (round = 0; round < 3; round++) {
            for (key = 0; key < KEYS; key++) {
                char text[32];
                snprintf(text, sizeof text, "%d %02d %02d", round, i, key);
                CHECK(holds(bucket_of(txn, "b"), text, (i + round) % 4 == 0 ? NULL : "v"));
            }
        }
    }
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void in_the_child(void *argument) {
    bolt_batch *batch = argument, *own = NULL;
    bolt_slice path = slice("b");
    CODE(BOLT_FORKED, bolt_batch_put(batch, &path, 1, "k", 1, "v", 1));
    CODE(BOLT_FORKED, bolt_batch_free(batch));
    OK(bolt_batch_create(&own));
    OK(bolt_batch_put(own, &path, 1, "k", 1, "v", 1));
    OK(bolt_batch_free(own));
}

static void a_forked_child_makes_batches_of_its_own(void) {
    bolt_batch *batch = fresh_batch();
    CHECK(holds_in_a_child(in_the_child, batch));
    OK(batch_put(batch, "b", "k", "v"));
    OK(bolt_batch_free(batch));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(writes_are_done_in_their_order),
        TEST(what_is_added_is_copied),
        TEST(buckets_must_be_there_unless_they_are_to_be_made),
        TEST(a_batch_may_be_committed_again_elsewhere_and_cleared),
        TEST(what_cannot_be_written_is_refused_at_once_and_not_added),
        TEST(ended_batches_and_other_handles_are_refused),
        TEST(lists_of_64_threads_are_done_whole_or_not_at_all),
        TEST(a_forked_child_makes_batches_of_its_own),
    };
    return RUN_TESTS(tests, argc, argv);
}
