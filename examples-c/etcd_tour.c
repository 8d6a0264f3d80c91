/* A tour of libbolt on a database that etcd wrote: look into it, put together what etcd would answer, write
 * a bucket into a copy, and read it back.
 *
 *     etcd_tour [--all] DATABASE COPY
 *
 * DATABASE is opened for reading only; COPY must not be there yet. Any bbolt database will do: what is not
 * etcd's is shown as it is. Long lists are cut short; --all shows them whole. */
#define _POSIX_C_SOURCE 200809L /* open, fdopen, isatty */

#include "bolt.h"
#include "etcd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUR_BUCKET "tour of libbolt"
#define SHOWN_AT_EACH_END 4
#define DEPTH_MAX 100

static int show_all;
static const char *bold = "", *dim = "", *plain = "";

/* Every function that can fail returns a code; this program gives up at the first that is not BOLT_OK. */
static void ok(int code, const char *doing) {
    bolt_error_info info;
    if (code == BOLT_OK)
        return;
    fflush(stdout);
    info.struct_size = sizeof info;
    fprintf(stderr, "etcd_tour: %s: %s (%s)\n", doing, bolt_strerror(code), bolt_error_name(code));
    if (bolt_last_error(&info) == BOLT_OK && info.code == code)
        fprintf(stderr, "           %s\n", info.text);
    exit(1);
}

/* A walk with a cursor ends with BOLT_NOTFOUND: there is no further entry. */
static void walked(int code) {
    ok(code == BOLT_NOTFOUND ? BOLT_OK : code, "walking over a bucket");
}

static void fail(const char *doing, const char *path) {
    fflush(stdout);
    fprintf(stderr, "etcd_tour: %s ", doing);
    perror(path);
    exit(1);
}

static void heading(const char *title, const char *functions) {
    static int number;
    printf("\n%s%d. %s%s   %s%s%s\n\n", bold, ++number, title, plain, dim, functions, plain);
}

static struct bytes key_of(const bolt_kv *kv) {
    struct bytes bytes;
    bytes.data = kv->key;
    bytes.len = kv->key_len;
    return bytes;
}

static struct bytes value_of(const bolt_kv *kv) {
    struct bytes bytes;
    bytes.data = kv->value;
    bytes.len = kv->value_len;
    return bytes;
}

/* Whether entry `index` of `count` is shown; says once how many are not. */
static int is_shown(size_t index, size_t count, int indent) {
    if (show_all || count <= 2 * SHOWN_AT_EACH_END + 1)
        return 1;
    if (index == SHOWN_AT_EACH_END)
        printf("%*s%s.. %zu more (--all shows them) ..%s\n", indent, "", dim,
               count - 2 * SHOWN_AT_EACH_END, plain);
    return index < SHOWN_AT_EACH_END || index >= count - SHOWN_AT_EACH_END;
}

/* ---- 1. The file ---- */

static bolt_db *open_database(const char *path, uint32_t flags) {
    bolt_options options;
    bolt_db *db;
    ok(bolt_options_init(&options, sizeof options), "setting the options to their defaults");
    options.flags = flags;
    options.lock_timeout_ms = 1000; /* do not wait for ever where somebody else is writing */
    ok(bolt_open(path, &options, &db), path);
    return db;
}

static void show_file(bolt_db *db) {
    bolt_db_info info;
    const char *path;
    info.struct_size = sizeof info;
    ok(bolt_path(db, &path), "asking for the path");
    ok(bolt_info(db, &info), "asking for the state");
    printf("   %s: %" PRIu64 " bytes in pages of %" PRIu32 ", last transaction %" PRIu64 "\n", path,
           info.file_len, info.page_size, info.txn_id);
}

/* ---- 2. Buckets and keys ---- */

static size_t count_entries(bolt_bucket *bucket) {
    bolt_cursor *cursor;
    size_t count = 0;
    int code;
    ok(bolt_cursor_open(bucket, &cursor), "opening a cursor");
    for (code = bolt_cursor_first(cursor, NULL); code == BOLT_OK; code = bolt_cursor_next(cursor, NULL))
        count++;
    walked(code);
    ok(bolt_cursor_close(cursor), "closing a cursor");
    return count;
}

static void list_entry(bolt_bucket *bucket, const char *name, const bolt_kv *kv, int depth);

/* Lists what is in a bucket, and in the buckets within it. */
static void list_bucket(bolt_bucket *bucket, const char *name, int depth) {
    bolt_cursor *cursor;
    bolt_kv kv;
    size_t index = 0, count = count_entries(bucket);
    int code;
    ok(bolt_cursor_open(bucket, &cursor), "opening a cursor");
    for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv))
        if (depth == 0 || is_shown(index++, count, 3 + 2 * depth))
            list_entry(bucket, name, &kv, depth);
    walked(code);
    ok(bolt_cursor_close(cursor), "closing a cursor");
}

static void list_entry(bolt_bucket *bucket, const char *name, const bolt_kv *kv, int depth) {
    char key[76], value[76];
    bolt_bucket *child;
    int indent = 3 + 2 * depth;
    if (!(kv->flags & BOLT_KV_BUCKET)) {
        etcd_describe(name, key_of(kv), value_of(kv), key, value, sizeof key);
        printf("%*s%-*s %s\n", indent, "", 26 - 2 * depth, key, value);
        return;
    }
    bytes_text(key_of(kv), key, sizeof key);
    ok(bolt_bucket_open(bucket, kv->key, kv->key_len, &child), "opening a bucket");
    printf("%*s%s%s%s %s(%zu)%s\n", indent, "", bold, key, plain, dim, count_entries(child), plain);
    if (depth < DEPTH_MAX)
        list_bucket(child, key, depth + 1);
}

/* ---- 3. What etcd would answer ---- */

static int top_level_bucket(bolt_txn *txn, const char *name, bolt_bucket **bucket) {
    bolt_bucket *root;
    ok(bolt_root(txn, &root), "opening the root");
    return bolt_bucket_open(root, name, strlen(name), bucket);
}

/* All changes that etcd recorded. They point into the database, where nothing moves until `txn` ends. */
static struct key_value *read_changes(bolt_txn *txn, size_t *count) {
    struct key_value *list;
    bolt_bucket *bucket;
    bolt_cursor *cursor;
    bolt_kv kv;
    int code = top_level_bucket(txn, "key", &bucket);
    *count = 0;
    if (code == BOLT_NOTFOUND)
        return NULL;
    ok(code, "opening the bucket \"key\"");
    list = calloc(count_entries(bucket) + 1, sizeof *list);
    if (list == NULL)
        fail("no memory for", "the changes");
    ok(bolt_cursor_open(bucket, &cursor), "opening a cursor");
    for (code = bolt_cursor_first(cursor, &kv); code == BOLT_OK; code = bolt_cursor_next(cursor, &kv))
        *count += !(kv.flags & BOLT_KV_BUCKET) && etcd_key_value(key_of(&kv), value_of(&kv), &list[*count]);
    walked(code);
    ok(bolt_cursor_close(cursor), "closing a cursor");
    return list;
}

static void show_key_space(const struct key_value *list, size_t count) {
    char key[40], value[40];
    size_t i;
    if (count == 0) {
        printf("   none: this database is not etcd's, or there is nothing in it\n");
        return;
    }
    printf("   %s%-38s %8s %8s %8s %6s  %s%s\n", bold, "KEY", "CREATED", "CHANGED", "VERSION", "LEASE",
           "VALUE", plain);
    for (i = 0; i < count; i++) {
        if (!is_shown(i, count, 3))
            continue;
        bytes_text(list[i].key, key, sizeof key);
        bytes_text(list[i].value, value, sizeof value);
        printf("   %-38s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %6" PRIu64 "  %s\n", key, list[i].created,
               list[i].revision.main, list[i].version, list[i].lease, value);
    }
}

/* ---- 4. A bucket of our own, in a copy ---- */

/* A database that nobody has open is a file like any other. */
static void copy_file(const char *from, const char *to) {
    char buffer[8192];
    size_t len;
    FILE *source = fopen(from, "rb"), *target;
    int descriptor = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (source == NULL)
        fail("reading", from);
    if (descriptor < 0 || (target = fdopen(descriptor, "wb")) == NULL)
        fail("making", to);
    while ((len = fread(buffer, 1, sizeof buffer, source)) > 0)
        if (fwrite(buffer, 1, len, target) != len)
            fail("writing", to);
    if (ferror(source) || fclose(source) != 0)
        fail("reading", from);
    if (fclose(target) != 0)
        fail("writing", to);
}

static void write_our_bucket(bolt_txn *txn, const struct key_value *list, size_t count) {
    const char *version = bolt_version_string();
    bolt_bucket *root, *ours, *latest;
    size_t i;
    ok(bolt_root(txn, &root), "opening the root");
    ok(bolt_bucket_create(root, OUR_BUCKET, strlen(OUR_BUCKET), &ours), "making our bucket");
    ok(bolt_put(ours, "written by", 10, version, strlen(version)), "putting a key");
    ok(bolt_bucket_create(ours, "latest", 6, &latest), "making a bucket in it");
    for (i = 0; i < count; i++)
        ok(bolt_put(latest, list[i].key.data, list[i].key.len, list[i].value.data, list[i].value.len),
           "putting a key");
}

static void show_sight(const char *who, bolt_txn *txn) {
    int code = top_level_bucket(txn, OUR_BUCKET, NULL);
    if (code != BOLT_NOTFOUND)
        ok(code, "looking for our bucket");
    printf("   %-34s %s\n", who, code == BOLT_OK ? "sees the bucket" : "does not see the bucket");
}

static void write_into_copy(const char *path, const struct key_value *list, size_t count) {
    bolt_db *db = open_database(path, 0);
    bolt_txn *early, *writer, *late;
    ok(bolt_txn_begin(db, BOLT_READ, &early), "beginning a read transaction");
    ok(bolt_txn_begin(db, BOLT_WRITE, &writer), "beginning the write transaction");
    write_our_bucket(writer, list, count);
    show_sight("the writer", writer);
    show_sight("a reader beside it", early);
    ok(bolt_commit(writer), "committing");
    printf("   committed: it is on the disk\n");
    ok(bolt_txn_begin(db, BOLT_READ, &late), "beginning a read transaction");
    show_sight("the same reader, on its snapshot", early);
    show_sight("a reader that begins now", late);
    ok(bolt_rollback(early), "ending a reader");
    ok(bolt_rollback(late), "ending a reader");
    ok(bolt_close(db), "closing the copy");
}

/* ---- 5. Reading it back ---- */

static void read_back(const char *path, const struct key_value *list, size_t count) {
    bolt_db *db = open_database(path, BOLT_OPEN_READONLY);
    bolt_bucket *ours, *latest;
    bolt_txn *txn;
    const void *value;
    size_t i, value_len, same = 0;
    show_file(db);
    ok(bolt_txn_begin(db, BOLT_READ, &txn), "beginning a read transaction");
    ok(top_level_bucket(txn, OUR_BUCKET, &ours), "opening our bucket");
    ok(bolt_get(ours, "written by", 10, &value, &value_len), "getting a value");
    printf("   \"%s\" was written by libbolt %.*s\n", OUR_BUCKET, (int)value_len, (const char *)value);
    ok(bolt_bucket_open(ours, "latest", 6, &latest), "opening the bucket in it");
    for (i = 0; i < count; i++) {
        ok(bolt_get(latest, list[i].key.data, list[i].key.len, &value, &value_len), "getting a value");
        same += value_len == list[i].value.len && memcmp(value, list[i].value.data, value_len) == 0;
    }
    printf("   %zu of %zu values in it equal etcd's\n", same, count);
    ok(bolt_rollback(txn), "ending the reader");
    ok(bolt_close(db), "closing the copy");
    if (same != count)
        exit(1);
}

static void tour(const char *path, const char *copy) {
    struct key_value *list;
    bolt_bucket *root;
    bolt_txn *txn;
    bolt_db *db;
    size_t change_count, count;

    heading("The file, opened for reading", "bolt_open, bolt_info");
    db = open_database(path, BOLT_OPEN_READONLY);
    show_file(db);

    heading("Its buckets and keys", "bolt_txn_begin, bolt_root, bolt_bucket_open, bolt_cursor_next");
    ok(bolt_txn_begin(db, BOLT_READ, &txn), "beginning a read transaction");
    ok(bolt_root(txn, &root), "opening the root");
    list_bucket(root, "", 0);

    heading("What etcd would answer: the last change of each key", "no byte was copied to sort them");
    list = read_changes(txn, &change_count);
    count = etcd_latest(list, change_count);
    show_key_space(list, count);
    printf("\n   %zu changes came to %zu keys\n", change_count, count);

    heading("A bucket of our own, in a copy", "bolt_bucket_create, bolt_put, bolt_commit");
    copy_file(path, copy);
    write_into_copy(copy, list, count);

    heading("The copy, opened again", "bolt_get");
    read_back(copy, list, count);

    free(list);
    ok(bolt_rollback(txn), "ending the reader");
    ok(bolt_close(db), "closing the database");
    printf("\n%s is a bbolt database like the first: any Go program that uses bbolt opens it.\n", copy);
}

int main(int argc, char **argv) {
    const char *no_color = getenv("NO_COLOR");
    show_all = argc > 1 && strcmp(argv[1], "--all") == 0;
    if (argc - show_all != 3) {
        fprintf(stderr, "usage: %s [--all] DATABASE COPY\n", argv[0]);
        return 2;
    }
    if (isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0')) {
        bold = "\033[1m";
        dim = "\033[2m";
        plain = "\033[0m";
    }
    printf("%slibbolt %s%s: a tour of a real database\n", bold, bolt_version_string(), plain);
    tour(argv[argc - 2], argv[argc - 1]);
    return 0;
}
