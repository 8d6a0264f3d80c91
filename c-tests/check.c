/* The checker: sound files, damaged ones, and a function that stops it. */
#include "test.h"

#include <fcntl.h>

enum { PAGE = 4096, SEEN_MAX = 100 };

struct seen {
    bolt_txn *txn;
    bolt_bucket *bucket;
    bolt_db *db;
    int count;
    int stop_at;
    struct {
        uint32_t severity, code;
        uint64_t page;
        char text[200];
    } findings[SEEN_MAX];
};

static int note(void *ctx, const bolt_finding *finding) {
    struct seen *seen = ctx;
    CHECK(finding->struct_size >= sizeof *finding && strlen(finding->text) > 10);
    CHECK(seen->count < SEEN_MAX);
    seen->findings[seen->count].severity = finding->severity;
    seen->findings[seen->count].code = finding->code;
    seen->findings[seen->count].page = finding->page;
    snprintf(seen->findings[seen->count].text, 200, "%s", finding->text);
    seen->count++;
    return seen->count == seen->stop_at ? BOLT_CALLBACK_FIRST : 0;
}

/* A file with a bucket of 2000 keys, closed. */
static const char *filled_file(void) {
    const char *path = fresh_path();
    bolt_options options;
    bolt_db *db = NULL;
    int round, i;
    OK(bolt_options_init(&options, sizeof options));
    options.page_size = PAGE;
    options.flags = BOLT_OPEN_NOSYNC;
    OK(bolt_open(path, &options, &db));
    for (round = 0; round < 3; round++) {
        bolt_txn *txn = begin(db, BOLT_WRITE);
        bolt_bucket *bucket = ensure(txn, "b");
        for (i = 0; i < 2000; i++) {
            char key[16];
            snprintf(key, sizeof key, "%08d", i);
            put(bucket, key, "a value of some length, so that there are a few pages");
        }
        OK(bolt_commit(txn));
    }
    OK(bolt_close(db));
    return path;
}

/* Writes a byte into a page. */
static void damage(const char *path, uint64_t page, int offset, unsigned char byte) {
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    CHECK(pwrite(fd, &byte, 1, (off_t)(page * PAGE + (uint64_t)offset)) == 1);
    CHECK(close(fd) == 0);
}

/* The first leaf of a file, from page `after` on. */
static uint64_t a_page(const char *path, uint32_t kind, uint64_t after) {
    bolt_db *db = open_db(path);
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_page_info info;
    uint64_t id;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    for (id = after; info.kind != kind; id++)
        OK(bolt_page_info_get(txn, id, &info));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    return info.id;
}

static void a_sound_database_has_no_findings(void) {
    bolt_db *db = open_db(filled_file());
    uint32_t kinds[] = { BOLT_READ, BOLT_WRITE };
    int i;
    for (i = 0; i < 2; i++) {
        bolt_txn *txn = begin(db, kinds[i]);
        struct seen seen;
        uint64_t findings = 99;
        memset(&seen, 0, sizeof seen);
        OK(bolt_check(txn, 0, 0, note, &seen, &findings));
        CHECK(findings == 0 && seen.count == 0);
        OK(bolt_check(txn, 0, BOLT_CHECK_ERRORS_ONLY, NULL, NULL, NULL));
        OK(bolt_rollback(txn));
    }
    OK(bolt_close(db));
}

static void damage_is_found_at_its_page_and_told_in_words(void) {
    const char *path = filled_file();
    uint64_t leaf = a_page(path, BOLT_PAGE_LEAF, 2), findings = 0, count = 0;
    struct seen seen;
    bolt_db *db;
    bolt_txn *txn;
    int i, found = 0;
    damage(path, leaf, 8, 0x77);
    damage(path, 0, 8, 0x10);
    db = open_db(path);
    txn = begin(db, BOLT_READ);
    memset(&seen, 0, sizeof seen);
    OK(bolt_check(txn, 0, 0, note, &seen, &findings));
    CHECK(findings >= 2 && findings == (uint64_t)seen.count);
    for (i = 0; i < seen.count; i++) {
        found |= seen.findings[i].code == BOLT_FINDING_PAGE_KIND && seen.findings[i].page == leaf;
        count += seen.findings[i].severity == BOLT_SEVERITY_ERROR;
    }
    CHECK(found);
    CHECK(seen.findings[0].code == BOLT_FINDING_META_HEADER && seen.findings[0].page == 0);
    CHECK(seen.findings[0].severity == BOLT_SEVERITY_WARNING);
    memset(&seen, 0, sizeof seen);
    OK(bolt_check(txn, 0, BOLT_CHECK_ERRORS_ONLY, note, &seen, &findings));
    CHECK(findings == count && seen.findings[0].severity == BOLT_SEVERITY_ERROR);
    OK(bolt_check(txn, 0, 0, NULL, NULL, &findings));
    CHECK(findings == count + 1);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_check_from_a_page_looks_at_what_is_below_it_alone(void) {
    const char *path = filled_file();
    uint64_t branch = a_page(path, BOLT_PAGE_BRANCH, 2), leaf = a_page(path, BOLT_PAGE_LEAF, 2);
    uint64_t findings = 99;
    struct seen seen;
    bolt_db *db;
    bolt_txn *txn;
    damage(path, leaf, 0, (unsigned char)(leaf + 1));
    db = open_db(path);
    txn = begin(db, BOLT_READ);
    memset(&seen, 0, sizeof seen);
    OK(bolt_check(txn, branch, 0, note, &seen, &findings));
    CHECK(findings == 1 && seen.findings[0].code == BOLT_FINDING_PAGE_ID && seen.findings[0].page == leaf);
    OK(bolt_check(txn, leaf, 0, NULL, NULL, &findings));
    CHECK(findings == 1);
    OK(bolt_check(txn, UINT64_MAX, 0, NULL, NULL, &findings));
    CHECK(findings == 1);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void what_the_function_returns_stops_the_check_and_comes_out(void) {
    const char *path = filled_file();
    uint64_t leaf = a_page(path, BOLT_PAGE_LEAF, 2), findings = 99;
    bolt_error_info before, after;
    struct seen seen;
    bolt_db *db;
    bolt_txn *txn;
    int stop;
    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    before.struct_size = after.struct_size = sizeof before;
    CODE(BOLT_BADHANDLE, bolt_commit(NULL));
    OK(bolt_last_error(&before));
    damage(path, leaf, 8, 0x77);
    damage(path, 0, 8, 0x10);
    db = open_db(path);
    txn = begin(db, BOLT_READ);
    for (stop = 1; stop <= 2; stop++) {
        memset(&seen, 0, sizeof seen);
        seen.stop_at = stop;
        CODE(BOLT_CALLBACK_FIRST, bolt_check(txn, 0, 0, note, &seen, &findings));
        CHECK(seen.count == stop && findings == 99);
    }
    CHECK(bolt_root(txn, NULL) == BOLT_OK);
    OK(bolt_last_error(&after));
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static int use_the_transaction(void *ctx, const bolt_finding *finding) {
    struct seen *seen = ctx;
    bolt_txn *other;
    int code;
    CHECK(finding->page < 1000);
    CODE(BOLT_BUSY, bolt_get(seen->bucket, "k", 1, NULL, NULL));
    CHECK(last_error_says("in use"));
    CODE(BOLT_BUSY, bolt_root(seen->txn, NULL));
    code = bolt_commit(seen->txn);
    CHECK(code == BOLT_BUSY);
    CODE(BOLT_BUSY, bolt_rollback(seen->txn));
    CODE(BOLT_BUSY, bolt_txn_reset(seen->txn));
    code = bolt_txn_renew(seen->txn);
    CHECK(code == BOLT_BUSY);
    CODE(BOLT_BUSY, bolt_check(seen->txn, 0, 0, NULL, NULL, NULL));
    CODE(BOLT_BUSY, bolt_close(seen->db));
    other = begin(seen->db, BOLT_READ);
    CHECK(bucket_of(other, "b") != seen->bucket);
    OK(bolt_rollback(other));
    seen->count++;
    return 0;
}

static void meanwhile_the_transaction_is_busy_and_others_are_not(void) {
    const char *path = filled_file();
    struct seen seen;
    bolt_db *db;
    damage(path, 0, 8, 0x10);
    db = open_db(path);
    memset(&seen, 0, sizeof seen);
    seen.db = db;
    seen.txn = begin(db, BOLT_READ);
    seen.bucket = bucket_of(seen.txn, "b");
    OK(bolt_check(seen.txn, 0, 0, use_the_transaction, &seen, NULL));
    CHECK(seen.count == 1);
    CHECK(holds(seen.bucket, "00000007", "a value of some length, so that there are a few pages"));
    OK(bolt_rollback(seen.txn));
    OK(bolt_close(db));
}

static void bad_arguments_get_their_codes(void) {
    bolt_db *db = open_db(filled_file());
    bolt_txn *txn = begin(db, BOLT_READ);
    CODE(BOLT_ARGUMENT, bolt_check(txn, 0, 2, NULL, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_check(NULL, 0, 0, NULL, NULL, NULL));
    CODE(BOLT_BADHANDLE, bolt_check((bolt_txn *)db, 0, 0, NULL, NULL, NULL));
    OK(bolt_txn_reset(txn));
    CODE(BOLT_BADHANDLE, bolt_check(txn, 0, 0, NULL, NULL, NULL));
    OK(bolt_rollback(txn));
    CODE(BOLT_BADHANDLE, bolt_check(txn, 0, 0, NULL, NULL, NULL));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_sound_database_has_no_findings),
        TEST(damage_is_found_at_its_page_and_told_in_words),
        TEST(a_check_from_a_page_looks_at_what_is_below_it_alone),
        TEST(what_the_function_returns_stops_the_check_and_comes_out),
        TEST(meanwhile_the_transaction_is_busy_and_others_are_not),
        TEST(bad_arguments_get_their_codes),
    };
    return RUN_TESTS(tests, argc, argv);
}
