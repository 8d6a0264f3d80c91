/* The store of a server whose threads each handle requests: accounts, between which money is moved.
 *
 *     server_store DATABASE THREADS REQUESTS
 *
 * Each thread handles REQUESTS transfers, in place of what clients would ask of it. A transfer is a function
 * that bolt_batch_update runs in a transaction: the threads share commits, so together they wait for the disk
 * far less often than there are requests. A transfer of more than an account has is refused, which takes back
 * what it did and touches no other thread's. The sum of all accounts never changes. */
#include <bolt.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCOUNTS = 20, BALANCE = 100, THREADS_MAX = 64 };

/* A code of our own: libbolt takes the transaction back and returns it as it is. */
enum { REFUSED = BOLT_CALLBACK_FIRST };

static void ok(int code, const char *doing) {
    bolt_error_info info;
    if (code == BOLT_OK)
        return;
    info.struct_size = sizeof info;
    fprintf(stderr, "server_store: %s: %s\n", doing, bolt_strerror(code));
    if (bolt_last_error(&info) == BOLT_OK && info.code == code)
        fprintf(stderr, "              %s\n", info.text);
    exit(1);
}

struct transfer {
    uint32_t from, to;
    int64_t amount;
};

struct worker {
    bolt_db *db;
    pthread_t thread;
    uint32_t random;
    unsigned requests, done, refused;
};

static int accounts_of(bolt_txn *txn, bolt_bucket **accounts) {
    bolt_bucket *root;
    int code = bolt_root(txn, &root);
    return code == BOLT_OK ? bolt_bucket_ensure(root, "accounts", 8, accounts) : code;
}

/* Adds to a balance, which must not become negative. */
static int change(bolt_bucket *accounts, uint32_t account, int64_t amount) {
    int64_t balance;
    int code = bolt_get_copy(accounts, &account, sizeof account, &balance, sizeof balance, NULL);
    if (code != BOLT_OK)
        return code;
    balance += amount;
    return balance < 0 ? REFUSED : bolt_put(accounts, &account, sizeof account, &balance, sizeof balance);
}

/* It may be run more than once, so it changes nothing but the database. */
static int transfer(void *ctx, bolt_txn *txn) {
    const struct transfer *wanted = ctx;
    bolt_bucket *accounts;
    int code = accounts_of(txn, &accounts);
    if (code == BOLT_OK)
        code = change(accounts, wanted->to, wanted->amount);
    return code == BOLT_OK ? change(accounts, wanted->from, -wanted->amount) : code;
}

static void *handle_requests(void *context) {
    struct worker *worker = context;
    unsigned i;
    for (i = 0; i < worker->requests; i++) {
        struct transfer wanted;
        int code;
        worker->random = worker->random * 1664525u + 1013904223u;
        wanted.from = (worker->random >> 8) % ACCOUNTS;
        wanted.to = (worker->random >> 16) % ACCOUNTS;
        /* The first of each thread asks for more than there is. */
        wanted.amount = i == 0 ? ACCOUNTS * BALANCE + 1 : 1 + (int64_t)((worker->random >> 24) % 10);
        if (wanted.to == wanted.from)
            wanted.to = (wanted.from + 1) % ACCOUNTS;
        code = bolt_batch_update(worker->db, transfer, &wanted);
        if (code == REFUSED)
            worker->refused++;
        else
            ok(code, "transferring"), worker->done++; /* and it is on the disk */
    }
    return NULL;
}

/* What bolt_update calls: a balance for each account that has none. */
static int open_accounts(void *ctx, bolt_txn *txn) {
    int64_t balance = BALANCE;
    bolt_bucket *accounts;
    uint32_t account;
    int code = accounts_of(txn, &accounts);
    (void)ctx;
    for (account = 0; account < ACCOUNTS && code == BOLT_OK; account++) {
        code = bolt_put_ex(accounts, &account, sizeof account, &balance, sizeof balance, BOLT_NOOVERWRITE);
        if (code == BOLT_EXISTS)
            code = BOLT_OK;
    }
    return code;
}

/* What bolt_scan and bolt_view call: the sum of all balances. */
static int add_up(void *ctx, const bolt_kv *kvs, size_t n) {
    int64_t balance;
    size_t i;
    for (i = 0; i < n; i++) {
        memcpy(&balance, kvs[i].value, sizeof balance);
        *(int64_t *)ctx += balance;
    }
    return 0;
}

static int sum_of_accounts(void *ctx, bolt_txn *txn) {
    bolt_bucket *root, *accounts;
    int code = bolt_root(txn, &root);
    if (code == BOLT_OK)
        code = bolt_bucket_open(root, "accounts", 8, &accounts);
    return code == BOLT_OK ? bolt_scan(accounts, NULL, NULL, 0, add_up, ctx) : code;
}

int main(int argc, char **argv) {
    static struct worker workers[THREADS_MAX];
    unsigned threads = argc == 4 ? (unsigned)atoi(argv[2]) : 0, done = 0, refused = 0, i;
    unsigned requests = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
    bolt_db_stats stats;
    int64_t sum = 0;
    bolt_db *db;
    if (threads < 1 || threads > THREADS_MAX || requests < 1) {
        fprintf(stderr, "usage: %s DATABASE THREADS REQUESTS, with 1 to %d threads\n", argv[0], THREADS_MAX);
        return 2;
    }
    ok(bolt_open(argv[1], NULL, &db), argv[1]);
    ok(bolt_update(db, open_accounts, NULL), "opening the accounts");
    for (i = 0; i < threads; i++) {
        workers[i].db = db;
        workers[i].random = i;
        workers[i].requests = requests;
        ok(pthread_create(&workers[i].thread, NULL, handle_requests, &workers[i]), "starting a thread");
    }
    for (i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        done += workers[i].done;
        refused += workers[i].refused;
    }
    stats.struct_size = sizeof stats;
    ok(bolt_stats(db, 0, &stats), "asking for the statistics");
    ok(bolt_view(db, sum_of_accounts, &sum), "adding up");
    ok(bolt_close(db), "closing the database");
    printf("%u requests: %u done, %u refused\n", threads * requests, done, refused);
    printf("%" PRIu64 " commits\n", stats.commit_count - 1);
    printf("the sum is %" PRId64 " of %d\n", sum, ACCOUNTS * BALANCE);
    return sum == ACCOUNTS * BALANCE ? 0 : 1;
}
