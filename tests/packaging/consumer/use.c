/* A program that uses libbolt: writes to a database, reads it back, and says which libbolt it did it with. */
#include <bolt.h>

#include <stdio.h>
#include <string.h>

static int failed(const char *what, int code) {
    bolt_error_info info;
    info.struct_size = sizeof info;
    if (bolt_last_error(&info) != BOLT_OK)
        snprintf(info.text, sizeof info.text, "%s", bolt_strerror(code));
    fprintf(stderr, "%s: %s (%s)\n", what, info.text, bolt_error_name(code));
    return 1;
}

static int write_colour(bolt_db *db) {
    bolt_txn *txn;
    bolt_bucket *root, *fruit;
    int code = bolt_txn_begin(db, BOLT_WRITE, &txn);
    if (code != BOLT_OK)
        return code;
    if ((code = bolt_root(txn, &root)) != BOLT_OK
        || (code = bolt_bucket_ensure(root, "fruit", 5, &fruit)) != BOLT_OK
        || (code = bolt_put(fruit, "apple", 5, "red", 3)) != BOLT_OK) {
        bolt_rollback(txn);
        return code;
    }
    return bolt_commit(txn);
}

static int read_colour(bolt_db *db, char *colour, size_t room) {
    bolt_txn *txn;
    bolt_bucket *root, *fruit;
    const void *value;
    size_t value_len;
    int code = bolt_txn_begin(db, BOLT_READ, &txn);
    if (code != BOLT_OK)
        return code;
    if ((code = bolt_root(txn, &root)) == BOLT_OK
        && (code = bolt_bucket_open(root, "fruit", 5, &fruit)) == BOLT_OK
        && (code = bolt_get(fruit, "apple", 5, &value, &value_len)) == BOLT_OK)
        snprintf(colour, room, "%.*s", (int)value_len, (const char *)value);
    bolt_rollback(txn);
    return code;
}

int main(int argc, char **argv) {
    bolt_db *db;
    char colour[16] = "";
    int code;
    if (argc != 2)
        return 2;
    if ((code = BOLT_VERSION_CHECK()) != BOLT_OK)
        return failed("the library", code);
    if ((code = bolt_open(argv[1], NULL, &db)) != BOLT_OK)
        return failed("bolt_open", code);
    if ((code = write_colour(db)) != BOLT_OK)
        return failed("writing", code);
    if ((code = read_colour(db, colour, sizeof colour)) != BOLT_OK)
        return failed("reading", code);
    if ((code = bolt_close(db)) != BOLT_OK)
        return failed("bolt_close", code);
    if (strcmp(colour, "red") != 0)
        return 4;
    printf("libbolt %s: apples are %s\n", bolt_version_string(), colour);
    return 0;
}
