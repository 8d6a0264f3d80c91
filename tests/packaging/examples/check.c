/* Checks databases by bolt_check: says of each that it is sound, or what is wrong with it.
 *
 *     check DATABASE... */
#include <bolt.h>

#include <inttypes.h>
#include <stdio.h>

static int tell(void *ctx, const bolt_finding *finding) {
    printf("%s: page %" PRIu64 ": %s\n", (const char *)ctx, finding->page, finding->text);
    return 0;
}

static int check(char *path, uint64_t *findings) {
    bolt_options options;
    bolt_txn *txn;
    bolt_db *db;
    int code = bolt_options_init(&options, sizeof options);
    options.flags = BOLT_OPEN_READONLY;
    if (code != BOLT_OK || (code = bolt_open(path, &options, &db)) != BOLT_OK)
        return code;
    if ((code = bolt_txn_begin(db, BOLT_READ, &txn)) == BOLT_OK) {
        code = bolt_check(txn, 0, 0, tell, path, findings);
        bolt_rollback(txn);
    }
    bolt_close(db);
    return code;
}

int main(int argc, char **argv) {
    int i, status = argc > 1 ? 0 : 2;
    for (i = 1; i < argc; i++) {
        uint64_t findings = 0;
        int code = check(argv[i], &findings);
        if (code != BOLT_OK)
            printf("%s: %s\n", argv[i], bolt_strerror(code));
        else if (findings == 0)
            printf("%s is sound\n", argv[i]);
        if (code != BOLT_OK || findings != 0)
            status = 1;
    }
    return status;
}
