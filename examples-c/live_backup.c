/* A backup of a database that is being written to.
 *
 *     live_backup DATABASE BACKUP
 *
 * One thread writes an entry after the other, while the main thread copies the database into BACKUP, which
 * must not be there yet. A read transaction is an unchanging view: the copy is of one moment, however long it
 * takes, and neither waits for the other. BACKUP appears whole or not at all. The copy is then opened and
 * checked: it has as many entries as its counter says. */
#include <bolt.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_A_COMMIT = 50, VALUE_LEN = 500, COMMITS_BEFORE = 40 };

static void ok(int code, const char *doing) {
    bolt_error_info info;
    if (code == BOLT_OK)
        return;
    info.struct_size = sizeof info;
    fprintf(stderr, "live_backup: %s: %s\n", doing, bolt_strerror(code));
    if (bolt_last_error(&info) == BOLT_OK && info.code == code)
        fprintf(stderr, "             %s\n", info.text);
    exit(1);
}

/* What the two threads share. */
struct work {
    bolt_db *db;
    pthread_mutex_t lock;
    pthread_cond_t more;
    unsigned commits;
    int is_over;
};

static uint64_t counter_of(bolt_bucket *root) {
    uint64_t counter = 0;
    size_t len;
    int code = bolt_get_copy(root, "counter", 7, &counter, sizeof counter, &len);
    if (code != BOLT_NOTFOUND)
        ok(code, "reading the counter");
    return counter;
}

/* Adds some entries and to the counter, all or none; what bolt_update calls. */
static int write_some(void *ctx, bolt_txn *txn) {
    static const char value[VALUE_LEN];
    bolt_bucket *root, *entries;
    uint64_t counter;
    char key[24];
    int i, code;
    (void)ctx;
    if ((code = bolt_root(txn, &root)) != BOLT_OK
        || (code = bolt_bucket_ensure(root, "entries", 7, &entries)) != BOLT_OK)
        return code;
    counter = counter_of(root);
    for (i = 0; i < ENTRIES_A_COMMIT; i++) {
        int len = snprintf(key, sizeof key, "%020" PRIu64, ++counter);
        if ((code = bolt_put(entries, key, (size_t)len, value, sizeof value)) != BOLT_OK)
            return code;
    }
    return bolt_put(root, "counter", 7, &counter, sizeof counter);
}

static void *write_on(void *context) {
    struct work *work = context;
    int is_over;
    do {
        ok(bolt_update(work->db, write_some, NULL), "writing");
        pthread_mutex_lock(&work->lock);
        work->commits++;
        pthread_cond_signal(&work->more);
        is_over = work->is_over;
        pthread_mutex_unlock(&work->lock);
    } while (!is_over);
    return NULL;
}

/* Waits until so many commits are done, and says how many there are. */
static unsigned wait_for(struct work *work, unsigned commits) {
    unsigned found;
    pthread_mutex_lock(&work->lock);
    while (work->commits < commits)
        pthread_cond_wait(&work->more, &work->lock);
    found = work->commits;
    pthread_mutex_unlock(&work->lock);
    return found;
}

/* What bolt_backup calls, about each MiB: lets the writer commit at least once meanwhile. */
static int show_progress(void *ctx, uint64_t done, uint64_t total) {
    struct work *work = ctx;
    wait_for(work, wait_for(work, 0) + 1);
    fprintf(stderr, "copied %" PRIu64 " of %" PRIu64 " bytes\n", done, total);
    return 0; /* anything else would stop the backup, and leave no file */
}

static int verify(const char *path) {
    bolt_bucket_stats stats;
    bolt_bucket *root, *entries;
    bolt_options options;
    uint64_t counter, findings;
    bolt_txn *txn;
    bolt_db *db;
    ok(bolt_options_init(&options, sizeof options), "setting the options to their defaults");
    options.flags = BOLT_OPEN_READONLY;
    ok(bolt_open(path, &options, &db), path);
    ok(bolt_txn_begin(db, BOLT_READ, &txn), "beginning a transaction");
    ok(bolt_check(txn, 0, 0, NULL, NULL, &findings), "checking");
    ok(bolt_root(txn, &root), "opening the root");
    ok(bolt_bucket_open(root, "entries", 7, &entries), "opening the bucket");
    stats.struct_size = sizeof stats;
    ok(bolt_bucket_stats_get(entries, &stats), "counting");
    counter = counter_of(root);
    printf("the copy is %s, its counter says %" PRIu64 ", and it has %" PRIu64 " entries\n",
           findings == 0 ? "sound" : "damaged", counter, stats.key_count);
    ok(bolt_rollback(txn), "ending the transaction");
    ok(bolt_close(db), "closing the copy");
    return findings == 0 && counter == stats.key_count;
}

int main(int argc, char **argv) {
    struct work work = { NULL, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };
    unsigned before, after;
    bolt_backup_info info;
    pthread_t writer;
    bolt_txn *txn;
    if (argc != 3) {
        fprintf(stderr, "usage: %s DATABASE BACKUP\n", argv[0]);
        return 2;
    }
    ok(bolt_open(argv[1], NULL, &work.db), argv[1]);
    ok(pthread_create(&writer, NULL, write_on, &work), "starting the writer");
    before = wait_for(&work, COMMITS_BEFORE);
    ok(bolt_txn_begin(work.db, BOLT_READ, &txn), "beginning a transaction");
    info.struct_size = sizeof info;
    ok(bolt_backup(txn, argv[2], 0, 0, show_progress, &work, &info), argv[2]);
    ok(bolt_rollback(txn), "ending the transaction");
    after = wait_for(&work, 0);
    pthread_mutex_lock(&work.lock);
    work.is_over = 1;
    pthread_mutex_unlock(&work.lock);
    pthread_join(writer, NULL);
    ok(bolt_close(work.db), "closing the database");
    printf("copied %" PRIu64 " bytes, CRC-32 %08" PRIx32 "; %s\n", info.len, info.crc32,
           after > before ? "the writer went on meanwhile" : "the writer stood still");
    return verify(argv[2]) ? 0 : 1;
}
