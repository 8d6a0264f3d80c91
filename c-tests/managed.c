/* Managed transactions: view, update, batch_update, and functions that run after a commit. */
#include "test.h"

enum { THREADS = 64, CALLS = 5 };

/* What a function of the tests is given. */
struct job {
    bolt_db *db;
    const char *key;
    int code;       /* what the function returns */
    int runs;       /* how often it ran */
    bolt_txn *txn;  /* the transaction of its last run */
    bolt_bucket *bucket;
};

static struct job job_of(bolt_db *db, const char *key, int code) {
    struct job job;
    memset(&job, 0, sizeof job);
    job.db = db;
    job.key = key;
    job.code = code;
    return job;
}

/* Puts the job's key into the bucket "b", and returns its code. */
static int put_the_key(void *ctx, bolt_txn *txn) {
    struct job *job = ctx;
    job->runs++;
    job->txn = txn;
    job->bucket = ensure(txn, "b");
    put(job->bucket, job->key, "v");
    return job->code;
}

static int look_for_the_key(void *ctx, bolt_txn *txn) {
    struct job *job = ctx;
    job->runs++;
    job->txn = txn;
    job->bucket = bucket_of(txn, "b");
    return holds(job->bucket, job->key, "v") ? job->code : BOLT_CALLBACK_LAST;
}

static bolt_db *db_with_a_bucket(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    ensure(txn, "b");
    OK(bolt_commit(txn));
    return db;
}

static int is_there(bolt_db *db, const char *key) {
    bolt_txn *txn = begin(db, BOLT_READ);
    int there = holds(bucket_of(txn, "b"), key, "v");
    OK(bolt_rollback(txn));
    return there;
}

/* What is committed by each of the three. */
typedef int (*managed)(bolt_db *, bolt_txn_fn, void *);
static const managed writers[] = { bolt_update, bolt_batch_update };

static void what_a_function_does_is_committed_when_it_returns_0(void) {
    bolt_db *db = db_with_a_bucket();
    size_t i;
    for (i = 0; i < 2; i++) {
        struct job job = job_of(db, i == 0 ? "one" : "two", 0);
        OK(writers[i](db, put_the_key, &job));
        CHECK(job.runs == 1 && is_there(db, job.key));
        OK(bolt_view(db, look_for_the_key, &job));
        CHECK(job.runs == 2);
    }
    OK(bolt_close(db));
}

static void whatever_else_it_returns_comes_out_unchanged_and_nothing_is_committed(void) {
    static const int codes[] = { 1, -1, 5, 4711, BOLT_NOTFOUND, BOLT_MANAGED, BOLT_CALLBACK_FIRST, -31000 };
    bolt_db *db = db_with_a_bucket();
    bolt_error_info before, after;
    size_t i, j;
    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    before.struct_size = after.struct_size = sizeof before;
    CODE(BOLT_BADHANDLE, bolt_commit(NULL));
    OK(bolt_last_error(&before));
    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        for (j = 0; j < 2; j++) {
            struct job job = job_of(db, "k", codes[i]);
            CODE(codes[i], writers[j](db, put_the_key, &job));
            CHECK(job.runs == (j == 0 ? 1 : 2));
            CHECK(!is_there(db, "k"));
        }
    }
    {
        struct job there = job_of(db, "there", 0), job = job_of(db, "there", 4711);
        OK(bolt_update(db, put_the_key, &there));
        CODE(4711, bolt_view(db, look_for_the_key, &job));
    }
    OK(bolt_last_error(&after));
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    OK(bolt_close(db));
}

static int try_to_end(void *ctx, bolt_txn *txn) {
    struct job *job = ctx;
    bolt_bucket *root = root_of(txn);
    int code = bolt_commit(txn);
    CHECK(code == BOLT_MANAGED && last_error_says("managed"));
    CODE(BOLT_MANAGED, bolt_rollback(txn));
    CODE(BOLT_MANAGED, bolt_txn_reset(txn));
    code = bolt_txn_renew(txn);
    CHECK(code == BOLT_MANAGED);
    CODE(BOLT_BUSY, bolt_close(job->db));
    CHECK(root_of(txn) == root);
    return 0;
}

static int try_to_end_and_put(void *ctx, bolt_txn *txn) {
    CHECK(try_to_end(ctx, txn) == 0);
    return put_the_key(ctx, txn);
}

static void the_function_cannot_end_its_transaction_and_goes_on_in_it(void) {
    bolt_db *db = db_with_a_bucket();
    struct job one = job_of(db, "one", 0), two = job_of(db, "two", 0);
    OK(bolt_view(db, try_to_end, &one));
    OK(bolt_update(db, try_to_end_and_put, &one));
    OK(bolt_batch_update(db, try_to_end_and_put, &two));
    CHECK(is_there(db, "one") && is_there(db, "two"));
    OK(bolt_close(db));
}

static void what_the_function_was_given_ends_with_it(void) {
    bolt_db *db = db_with_a_bucket();
    size_t i;
    for (i = 0; i < 3; i++) {
        struct job job = job_of(db, "k", 0);
        OK(i == 2 ? bolt_view(db, look_for_the_key, &job) : writers[i](db, put_the_key, &job));
        CODE(BOLT_BADHANDLE, bolt_get(job.bucket, "k", 1, NULL, NULL));
        CODE(BOLT_BADHANDLE, bolt_root(job.txn, NULL));
        CODE(BOLT_BADHANDLE, bolt_rollback(job.txn));
    }
    OK(bolt_close(db));
}

static void bad_arguments_get_their_codes_and_no_function_is_called(void) {
    bolt_db *db = db_with_a_bucket();
    struct job job = job_of(db, "k", 0);
    bolt_txn *txn;
    CODE(BOLT_ARGUMENT, bolt_view(db, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_update(db, NULL, NULL));
    CODE(BOLT_ARGUMENT, bolt_batch_update(db, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_view(NULL, look_for_the_key, &job));
    CODE(BOLT_BADHANDLE, bolt_update(NULL, put_the_key, &job));
    CODE(BOLT_BADHANDLE, bolt_batch_update(NULL, put_the_key, &job));
    txn = begin(db, BOLT_READ);
    CODE(BOLT_BADHANDLE, bolt_update((bolt_db *)txn, put_the_key, &job));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    CODE(BOLT_BADHANDLE, bolt_view(db, look_for_the_key, &job));
    CODE(BOLT_BADHANDLE, bolt_update(db, put_the_key, &job));
    CODE(BOLT_BADHANDLE, bolt_batch_update(db, put_the_key, &job));
    CHECK(job.runs == 0);
}

static int put_too_much(void *ctx, bolt_txn *txn) {
    struct job *job = ctx;
    static char large[1 << 20];
    job->runs++;
    OK(bolt_put(ensure(txn, "b"), "large", 5, large, sizeof large));
    return 0;
}

static void what_the_commit_answers_comes_out(void) {
    const char *path = fresh_path();
    bolt_options options;
    bolt_db *db = open_db(path);
    size_t i;
    OK(bolt_set(db, BOLT_OPT_MAX_LEN, 1 << 19));
    for (i = 0; i < 2; i++) {
        struct job job = job_of(db, "", 0);
        CODE(BOLT_FULL, writers[i](db, put_too_much, &job));
        CHECK(last_error_says("maximum"));
        CHECK(job.runs == 1);
    }
    OK(bolt_close(db));
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_READONLY;
    OK(bolt_open(path, &options, &db));
    for (i = 0; i < 2; i++) {
        struct job job = job_of(db, "", 0);
        CODE(BOLT_READONLY, writers[i](db, put_too_much, &job));
        CHECK(job.runs == 0);
    }
    OK(bolt_close(db));
}

static int read_beside(void *ctx, bolt_txn *txn) {
    struct job *job = ctx;
    struct job other = job_of(job->db, "old", 0);
    put(bucket_of(txn, "b"), "new", "v");
    OK(bolt_view(job->db, look_for_the_key, &other));
    other = job_of(job->db, "new", 0);
    CODE(BOLT_CALLBACK_LAST, bolt_view(job->db, look_for_the_key, &other));
    return 0;
}

static void a_view_within_an_update_sees_what_was_committed_before(void) {
    bolt_db *db = db_with_a_bucket();
    struct job job = job_of(db, "old", 0);
    OK(bolt_update(db, put_the_key, &job));
    OK(bolt_update(db, read_beside, &job));
    OK(bolt_close(db));
}

/* Functions after a commit write their number, and that the commit is seen by then. */
struct hook {
    bolt_db *db;
    const char *key;
    int number;
    int *order;
    int *count;
};

static void note(void *ctx) {
    struct hook *hook = ctx;
    CHECK(is_there(hook->db, hook->key));
    hook->order[(*hook->count)++] = hook->number;
}

static void functions_given_for_the_commit_run_in_order_after_it(void) {
    bolt_db *db = db_with_a_bucket();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    int order[4] = { 0, 0, 0, 0 }, count = 0, i;
    struct hook hooks[3];
    put(bucket_of(txn, "b"), "k", "v");
    for (i = 0; i < 3; i++) {
        struct hook hook;
        hook.db = db;
        hook.key = "k";
        hook.number = i + 1;
        hook.order = order;
        hook.count = &count;
        hooks[i] = hook;
        OK(bolt_txn_on_commit(txn, note, &hooks[i]));
    }
    CHECK(count == 0);
    OK(bolt_commit(txn));
    CHECK(count == 3 && order[0] == 1 && order[1] == 2 && order[2] == 3);
    txn = begin(db, BOLT_WRITE);
    OK(bolt_txn_on_commit(txn, note, &hooks[0]));
    CODE(BOLT_ARGUMENT, bolt_txn_on_commit(txn, NULL, NULL));
    OK(bolt_rollback(txn));
    txn = begin(db, BOLT_READ);
    CODE(BOLT_NOTWRITABLE, bolt_txn_on_commit(txn, note, &hooks[0]));
    OK(bolt_rollback(txn));
    CODE(BOLT_BADHANDLE, bolt_txn_on_commit(txn, note, &hooks[0]));
    CHECK(count == 3);
    OK(bolt_close(db));
}

static void put_another(void *ctx) {
    struct hook *hook = ctx;
    struct job job = job_of(hook->db, "by the hook", 0);
    OK(bolt_batch_update(hook->db, put_the_key, &job));
    (*hook->count)++;
}

static int put_with_a_hook(void *ctx, bolt_txn *txn) {
    struct hook *hook = ctx;
    put(bucket_of(txn, "b"), hook->key, "v");
    OK(bolt_txn_on_commit(txn, put_another, hook));
    return hook->number;
}

static void a_function_for_the_commit_may_use_the_database_and_runs_only_with_a_commit(void) {
    bolt_db *db = db_with_a_bucket();
    size_t i;
    for (i = 0; i < 2; i++) {
        int count = 0;
        struct hook hook;
        hook.db = db;
        hook.key = "k";
        hook.order = NULL;
        hook.count = &count;
        hook.number = 7;
        CODE(7, writers[i](db, put_with_a_hook, &hook));
        CHECK(count == 0);
        hook.number = 0;
        OK(writers[i](db, put_with_a_hook, &hook));
        CHECK(count == 1 && is_there(db, "by the hook"));
    }
    OK(bolt_close(db));
}

/* One of many threads. Each fifth function fails. */
struct worker {
    bolt_db *db;
    int number;
    pthread_t thread;
};

static void *update_in_batches(void *argument) {
    struct worker *worker = argument;
    int call;
    for (call = 0; call < CALLS; call++) {
        char key[32];
        struct job job;
        int fails = (worker->number + call) % 5 == 0;
        snprintf(key, sizeof key, "%02d %02d", worker->number, call);
        job = job_of(worker->db, key, fails ? BOLT_CALLBACK_FIRST - worker->number : 0);
        CODE(job.code, bolt_batch_update(worker->db, put_the_key, &job));
        CHECK(job.runs >= (fails ? 2 : 1));
        CHECK(is_there(worker->db, key) == !fails);
    }
    return NULL;
}

static void in_64_threads_each_call_gets_its_own_answer_and_commits_are_shared(void) {
    bolt_db *db = open_db(fresh_path());
    bolt_txn *txn = begin(db, BOLT_WRITE);
    struct worker workers[THREADS];
    bolt_db_stats stats;
    bolt_bucket *bucket;
    bolt_cursor *cursor = NULL;
    int i, count = 0;
    bucket = ensure(txn, "b");
    OK(bolt_commit(txn));
    for (i = 0; i < THREADS; i++) {
        workers[i].db = db;
        workers[i].number = i;
        CHECK(pthread_create(&workers[i].thread, NULL, update_in_batches, &workers[i]) == 0);
    }
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
    txn = begin(db, BOLT_READ);
    bucket = bucket_of(txn, "b");
    OK(bolt_cursor_open(bucket, &cursor));
    for (i = bolt_cursor_first(cursor, NULL); i == BOLT_OK; i = bolt_cursor_next(cursor, NULL))
        count++;
    CHECK(count == THREADS * CALLS * 4 / 5);
    OK(bolt_cursor_close(cursor));
    OK(bolt_rollback(txn));
    stats.struct_size = sizeof stats;
    OK(bolt_stats(db, 0, &stats));
    CHECK(stats.commit_count < THREADS * CALLS / 2);
    OK(bolt_close(db));
}

static void in_the_child(void *argument) {
    struct job *job = argument;
    CODE(BOLT_FORKED, bolt_view(job->db, look_for_the_key, job));
    CODE(BOLT_FORKED, bolt_update(job->db, put_the_key, job));
    CODE(BOLT_FORKED, bolt_batch_update(job->db, put_the_key, job));
    CHECK(job->runs == 0);
}

static void a_forked_child_runs_nothing(void) {
    bolt_db *db = db_with_a_bucket();
    struct job job = job_of(db, "k", 0);
    CHECK(holds_in_a_child(in_the_child, &job));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(what_a_function_does_is_committed_when_it_returns_0),
        TEST(whatever_else_it_returns_comes_out_unchanged_and_nothing_is_committed),
        TEST(the_function_cannot_end_its_transaction_and_goes_on_in_it),
        TEST(what_the_function_was_given_ends_with_it),
        TEST(bad_arguments_get_their_codes_and_no_function_is_called),
        TEST(what_the_commit_answers_comes_out),
        TEST(a_view_within_an_update_sees_what_was_committed_before),
        TEST(functions_given_for_the_commit_run_in_order_after_it),
        TEST(a_function_for_the_commit_may_use_the_database_and_runs_only_with_a_commit),
        TEST(in_64_threads_each_call_gets_its_own_answer_and_commits_are_shared),
        TEST(a_forked_child_runs_nothing),
    };
    return RUN_TESTS(tests, argc, argv);
}
