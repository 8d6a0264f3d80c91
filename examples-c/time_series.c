/* A time series: measurements of sensors, kept in the order of their times.
 *
 *     time_series DATABASE append SENSOR              adds lines "TIME VALUE" from standard input
 *     time_series DATABASE range SENSOR FROM UNTIL    prints those from FROM to before UNTIL, and a summary
 *     time_series DATABASE trim SENSOR BEFORE         deletes those before BEFORE
 *
 * It shows keys whose order as bytes is the order of the numbers in them, one transaction for many writes, a
 * cursor between bounds that reads many entries at a time, and the deletion of a whole range. A TIME is a
 * number of any unit, 0 or more; a VALUE is a number. */
#include <bolt.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LEN = 8, MANY = 128 };

static void ok(int code, const char *doing) {
    bolt_error_info info;
    if (code == BOLT_OK)
        return;
    info.struct_size = sizeof info;
    fprintf(stderr, "time_series: %s: %s\n", doing, bolt_strerror(code));
    if (bolt_last_error(&info) == BOLT_OK && info.code == code)
        fprintf(stderr, "             %s\n", info.text);
    exit(1); /* what is not committed is not there; the system gives up the file's lock */
}

/* libbolt sorts keys as bytes, so the byte that counts most comes first. */
static bolt_slice key_of(uint64_t time, unsigned char key[KEY_LEN]) {
    bolt_slice slice;
    int i;
    for (i = KEY_LEN - 1; i >= 0; i--, time >>= 8)
        key[i] = (unsigned char)time;
    slice.data = key;
    slice.len = KEY_LEN;
    return slice;
}

static uint64_t time_of(const unsigned char *key) {
    uint64_t time = 0;
    int i;
    for (i = 0; i < KEY_LEN; i++)
        time = time << 8 | key[i];
    return time;
}

static uint64_t time_argument(const char *text) {
    char *end;
    uint64_t time = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0') {
        fprintf(stderr, "time_series: no time: %s\n", text);
        exit(2);
    }
    return time;
}

static void append(bolt_bucket *series) {
    unsigned char key[KEY_LEN];
    uint64_t time;
    double value;
    unsigned count = 0;
    int fields;
    /* Times mostly come in order: leave no room in full pages for what would come between. */
    ok(bolt_bucket_set_fill_percent(series, 1.0), "setting the fill percent");
    while ((fields = scanf("%" SCNu64 " %lf", &time, &value)) == 2) {
        key_of(time, key);
        ok(bolt_put(series, key, KEY_LEN, &value, sizeof value), "adding a measurement");
        count++;
    }
    if (fields != EOF) {
        fprintf(stderr, "time_series: measurement %u is not \"TIME VALUE\"; nothing was added\n", count + 1);
        exit(1);
    }
    printf("%u added\n", count);
}

static void print_range(bolt_bucket *series, uint64_t from, uint64_t until) {
    unsigned char from_key[KEY_LEN], until_key[KEY_LEN];
    bolt_slice first = key_of(from, from_key), last = key_of(until, until_key);
    double value, sum = 0, least = 0, most = 0;
    size_t n, i, count = 0;
    bolt_cursor *cursor;
    bolt_kv kvs[MANY];
    int code;
    ok(bolt_cursor_open(series, &cursor), "opening a cursor");
    ok(bolt_cursor_set_bounds(cursor, &first, &last), "setting its bounds");
    while ((code = bolt_cursor_next_many(cursor, kvs, MANY, &n)) == BOLT_OK)
        for (i = 0; i < n; i++, count++) {
            if (kvs[i].key_len != KEY_LEN || kvs[i].value_len != sizeof value)
                ok(BOLT_WRONGTYPE, "reading a measurement");
            memcpy(&value, kvs[i].value, sizeof value); /* the bytes of a database are aligned to nothing */
            sum += value;
            least = count == 0 || value < least ? value : least;
            most = count == 0 || value > most ? value : most;
            printf("%" PRIu64 " %g\n", time_of(kvs[i].key), value);
        }
    if (code != BOLT_NOTFOUND) /* which is how a walk ends */
        ok(code, "reading");
    ok(bolt_cursor_close(cursor), "closing the cursor");
    if (count > 0)
        printf("%zu measurements: least %g, mean %g, most %g\n", count, least, sum / (double)count, most);
    else
        printf("0 measurements\n");
}

static void trim(bolt_bucket *series, uint64_t before) {
    unsigned char key[KEY_LEN];
    bolt_slice to = key_of(before, key);
    uint64_t deleted;
    ok(bolt_delete_range(series, NULL, &to, &deleted), "deleting");
    printf("%" PRIu64 " deleted\n", deleted);
}

int main(int argc, char **argv) {
    const char *what = argc > 2 ? argv[2] : "";
    int is_append = argc == 4 && strcmp(what, "append") == 0;
    int is_range = argc == 6 && strcmp(what, "range") == 0, is_trim = argc == 5 && strcmp(what, "trim") == 0;
    bolt_bucket *root, *series = NULL;
    bolt_txn *txn;
    bolt_db *db;
    int code;
    if (!is_append && !is_range && !is_trim) {
        fprintf(stderr, "usage: %s DATABASE append SENSOR | range SENSOR FROM UNTIL | trim SENSOR BEFORE\n",
                argv[0]);
        return 2;
    }
    ok(bolt_open(argv[1], NULL, &db), argv[1]);
    ok(bolt_txn_begin(db, is_range ? BOLT_READ : BOLT_WRITE, &txn), "beginning a transaction");
    ok(bolt_root(txn, &root), "opening the root");
    code = is_append ? bolt_bucket_ensure(root, argv[3], strlen(argv[3]), &series)
                     : bolt_bucket_open(root, argv[3], strlen(argv[3]), &series);
    ok(code, argv[3]);
    if (is_append)
        append(series);
    else if (is_range)
        print_range(series, time_argument(argv[4]), time_argument(argv[5]));
    else
        trim(series, time_argument(argv[4]));
    if (is_range)
        ok(bolt_rollback(txn), "ending the transaction");
    else
        ok(bolt_commit(txn), "committing");
    ok(bolt_close(db), "closing the database");
    return 0;
}
