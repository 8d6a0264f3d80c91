/* A shared library that has libbolt inside and shows one function of its own. */
#include <bolt.h>

__attribute__((visibility("default"))) int downstream_count(const char *path, unsigned long long *count);

int downstream_count(const char *path, unsigned long long *count) {
    bolt_db *db;
    bolt_txn *txn;
    bolt_bucket *root, *bucket;
    uint64_t sequence = 0;
    int code = bolt_open(path, NULL, &db);
    if (code != BOLT_OK)
        return code;
    if ((code = bolt_txn_begin(db, BOLT_WRITE, &txn)) == BOLT_OK) {
        if ((code = bolt_root(txn, &root)) == BOLT_OK
            && (code = bolt_bucket_ensure(root, "count", 5, &bucket)) == BOLT_OK
            && (code = bolt_bucket_next_sequence(bucket, &sequence)) == BOLT_OK)
            code = bolt_commit(txn);
        else
            bolt_rollback(txn);
    }
    *count = sequence;
    bolt_close(db);
    return code;
}
