/* Runs one of the loops over a database in memory, in half of whose keys there is something:
 *
 *     main get|scan|seek|put ROUNDS */
#include "loops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ok(int code) {
    if (code != BOLT_OK) {
        fprintf(stderr, "%s\n", bolt_strerror(code));
        exit(1);
    }
}

int main(int argc, char **argv) {
    static char keys[KEY_COUNT * KEY_LEN + 1];
    bolt_bucket *root, *bucket;
    bolt_txn *txn;
    bolt_db *db;
    uint64_t sum;
    unsigned rounds, i;
    if (argc != 3)
        return 2;
    rounds = (unsigned)atoi(argv[2]);
    ok(bolt_open_memory(NULL, 0, NULL, &db));
    ok(bolt_txn_begin(db, BOLT_WRITE, &txn));
    ok(bolt_root(txn, &root));
    ok(bolt_bucket_create(root, "b", 1, &bucket));
    for (i = 0; i < KEY_COUNT; i++) {
        sprintf(keys + i * KEY_LEN, "%08u", i);
        if (i % 2 == 0)
            ok(bolt_put(bucket, keys + i * KEY_LEN, KEY_LEN, keys + i * KEY_LEN, KEY_LEN));
    }
    if (strcmp(argv[1], "get") == 0)
        sum = get_loop(bucket, keys, rounds);
    else if (strcmp(argv[1], "scan") == 0)
        sum = scan_loop(bucket, rounds);
    else if (strcmp(argv[1], "seek") == 0)
        sum = seek_loop(bucket, keys, rounds);
    else
        sum = put_loop(bucket, keys, rounds);
    ok(bolt_commit(txn));
    ok(bolt_close(db));
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
