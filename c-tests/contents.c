/* The whole content of the real files, read through the C functions alone, is what Go's bbolt reads: each bucket and each
 * pair of the .jsonl beside them, with the cursor going forward, and going backward. */
#include "test.h"

#define DEPTH_MAX 16
#define TEXT_MAX (1 << 20)

/* The lines of a dump, and where each begins. */
struct text {
    char *bytes;
    size_t len;
};

static void append(struct text *text, const char *piece) {
    size_t len = strlen(piece);
    CHECK(text->len + len < TEXT_MAX);
    memcpy(text->bytes + text->len, piece, len + 1);
    text->len += len;
}

static void append_hex(struct text *text, const void *data, size_t len) {
    const unsigned char *bytes = data;
    char digits[3];
    size_t i;
    for (i = 0; i < len; i++) {
        snprintf(digits, sizeof digits, "%02x", bytes[i]);
        append(text, digits);
    }
}

/* The names of the buckets above, as slices of the transaction: they stay valid to its end. */
struct path {
    bolt_kv names[DEPTH_MAX];
    size_t depth;
};

static void append_path(struct text *text, const struct path *path) {
    size_t i;
    append(text, "{\"p\":[");
    for (i = 0; i < path->depth; i++) {
        append(text, i == 0 ? "\"" : ",\"");
        append_hex(text, path->names[i].key, path->names[i].key_len);
        append(text, "\"");
    }
    append(text, "]");
}

static void dump(bolt_bucket *bucket, struct path *path, struct text *text, int backward);

static void dump_entry(bolt_bucket *bucket, const bolt_kv *kv, struct path *path, struct text *text, int backward) {
    if (kv->flags & BOLT_KV_BUCKET) {
        bolt_bucket *child = NULL;
        uint64_t sequence;
        char number[40];
        OK(bolt_bucket_open(bucket, kv->key, kv->key_len, &child));
        OK(bolt_bucket_sequence(child, &sequence));
        CHECK(path->depth < DEPTH_MAX);
        path->names[path->depth++] = *kv;
        append_path(text, path);
        snprintf(number, sizeof number, ",\"seq\":%llu}\n", (unsigned long long)sequence);
        append(text, number);
        dump(child, path, text, backward);
        path->depth--;
        return;
    }
    append_path(text, path);
    append(text, ",\"k\":\"");
    append_hex(text, kv->key, kv->key_len);
    append(text, "\",\"v\":\"");
    append_hex(text, kv->value, kv->value_len);
    append(text, "\"}\n");
}

/* Forward, entries are written as they come. Backward, the cursor first goes from the end to the beginning; the entries it
 * met are then written from the last met on, so that the lines are in the same order. */
static void dump(bolt_bucket *bucket, struct path *path, struct text *text, int backward) {
    bolt_cursor *cursor = NULL;
    bolt_kv *met = NULL;
    bolt_kv kv;
    size_t count = 0;
    int code;
    OK(bolt_cursor_open(bucket, &cursor));
    code = backward ? bolt_cursor_last(cursor, &kv) : bolt_cursor_first(cursor, &kv);
    while (code == BOLT_OK) {
        met = realloc(met, (count + 1) * sizeof *met);
        CHECK(met != NULL);
        met[count++] = kv;
        code = backward ? bolt_cursor_prev(cursor, &kv) : bolt_cursor_next(cursor, &kv);
    }
    CHECK(code == BOLT_NOTFOUND);
    OK(bolt_cursor_close(cursor));
    {
        size_t i;
        for (i = 0; i < count; i++)
            dump_entry(bucket, &met[backward ? count - 1 - i : i], path, text, backward);
    }
    free(met);
}

static struct text read_file(const char *path) {
    struct text text = { malloc(TEXT_MAX), 0 };
    FILE *file = fopen(path, "rb");
    CHECK(text.bytes != NULL && file != NULL);
    text.len = fread(text.bytes, 1, TEXT_MAX - 1, file);
    text.bytes[text.len] = '\0';
    CHECK(feof(file));
    fclose(file);
    return text;
}

static void holds_what_go_reads(const char *name, int backward) {
    struct text found = { malloc(TEXT_MAX), 0 };
    struct text expected;
    struct path path = { 0 };
    bolt_options options;
    bolt_db *db = NULL;
    bolt_txn *txn;
    char file[512];
    CHECK(found.bytes != NULL);
    snprintf(file, sizeof file, "%s/%s.jsonl", FIXTURES, name);
    expected = read_file(file);
    snprintf(file, sizeof file, "%s/%s.db", FIXTURES, name);
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_READONLY;
    OK(bolt_open(file, &options, &db));
    txn = begin(db, BOLT_READ);
    dump(root_of(txn), &path, &found, backward);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    CHECK(found.len == expected.len);
    CHECK(memcmp(found.bytes, expected.bytes, found.len) == 0);
    CHECK(found.len > 1000);
    free(found.bytes);
    free(expected.bytes);
}

static void etcds_file_holds_what_go_reads_in_both_directions(void) {
    holds_what_go_reads("etcd", 0);
    holds_what_go_reads("etcd", 1);
}

static void containerds_file_holds_what_go_reads_in_both_directions(void) {
    holds_what_go_reads("containerd", 0);
    holds_what_go_reads("containerd", 1);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(etcds_file_holds_what_go_reads_in_both_directions),
        TEST(containerds_file_holds_what_go_reads_in_both_directions),
    };
    return RUN_TESTS(tests, argc, argv);
}
