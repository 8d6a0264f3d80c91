/* Statistics, open readers, slow ones, the log, and pages. */
#include "test.h"

static bolt_db_stats stats_of(bolt_db *db) {
    bolt_db_stats stats;
    memset(&stats, 0x55, sizeof stats);
    stats.struct_size = sizeof stats;
    OK(bolt_stats(db, 0, &stats));
    CHECK(stats.struct_size == sizeof stats);
    return stats;
}

static void fill(bolt_db *db, int keys) {
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_bucket *bucket = ensure(txn, "b");
    int i;
    for (i = 0; i < keys; i++) {
        char key[16];
        snprintf(key, sizeof key, "%08d", i);
        put(bucket, key, "a value of some length, so that there are a few pages");
    }
    OK(bolt_commit(txn));
}

static void counters_are_those_of_bbolt_and_more(void) {
    bolt_db *db = open_db(fresh_path());
    bolt_db_stats before = stats_of(db), after;
    bolt_cursor *cursor = NULL;
    bolt_txn *txn;
    CHECK(before.free_page_count == BOLT_NO_COUNT && before.pending_page_count == BOLT_NO_COUNT);
    CHECK(before.free_len == BOLT_NO_COUNT && before.freelist_len == BOLT_NO_COUNT);
    CHECK(before.resident_len == BOLT_NO_COUNT && before.commit_count == 0 && before.mapped_len > 0);
    fill(db, 2000);
    txn = begin(db, BOLT_READ);
    OK(bolt_cursor_open(bucket_of(txn, "b"), &cursor));
    OK(bolt_cursor_close(cursor));
    after = stats_of(db);
    CHECK(after.commit_count == 1 && after.read_txn_count == 1 && after.open_read_txn_count == 1);
    CHECK(after.page_count > 30 && after.page_len == after.page_count * 4096);
    CHECK(after.node_count >= 2 && after.split_count > 20 && after.spill_count > 30);
    CHECK(after.node_deref_count == 0 && after.cursor_count == 0 && after.rebalance_count == 0);
    CHECK(after.write_count > 1 && after.spill_ns > 0);
    CHECK(after.data_write_ns > 0 && after.data_sync_ns > 0 && after.meta_ns > 0);
    CHECK(after.write_ns == after.data_write_ns + after.data_sync_ns + after.meta_ns);
    CHECK(after.free_len == (after.free_page_count + after.pending_page_count) * 4096);
    CHECK(after.freelist_len == 16 + 8 * (after.free_page_count + after.pending_page_count));
    CHECK(after.oldest_reader_txn_id == 2 && after.held_len == 0);
    OK(bolt_rollback(txn));
    CHECK(stats_of(db).cursor_count == 1 && stats_of(db).open_read_txn_count == 0);
    CHECK(stats_of(db).oldest_reader_txn_id == 0);
    txn = begin(db, BOLT_WRITE);
    OK(bolt_delete(bucket_of(txn, "b"), "00000001", 8));
    OK(bolt_commit(txn));
    CHECK(stats_of(db).rebalance_count > 0 && stats_of(db).rebalance_ns > 0);
    OK(bolt_close(db));
}

static void a_transaction_tells_its_own_counts(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_txn_info info;
    bolt_cursor *cursor = NULL;
    static char value[100000];
    info.struct_size = sizeof info;
    OK(bolt_txn_info_get(txn, &info));
    CHECK(info.cursor_count == 0 && info.node_count == 0 && info.private_len == 0);
    OK(bolt_put(ensure(txn, "b"), "k", 1, value, sizeof value));
    OK(bolt_cursor_open(bucket_of(txn, "b"), &cursor));
    OK(bolt_txn_info_get(txn, &info));
    CHECK(info.cursor_count == 1 && info.node_count == 2 && info.private_len > sizeof value);
    OK(bolt_cursor_close(cursor));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void what_is_in_memory_is_told_on_request(void) {
    bolt_db *db = open_db(fresh_path());
    bolt_db_stats stats;
    stats.struct_size = sizeof stats;
    fill(db, 2000);
    OK(bolt_stats(db, BOLT_STATS_RESIDENT, &stats));
    CHECK(stats.resident_len > 0 && stats.resident_len <= stats.mapped_len);
    CHECK(stats.private_len > 0 && stats.private_len < 1 << 20);
    CODE(BOLT_ARGUMENT, bolt_stats(db, 2, &stats));
    CODE(BOLT_ARGUMENT, bolt_stats(db, 0, NULL));
    stats.struct_size = 5;
    CODE(BOLT_ARGUMENT, bolt_stats(db, 0, &stats));
    CODE(BOLT_BADHANDLE, bolt_stats(NULL, 0, &stats));
    OK(bolt_close(db));
    CODE(BOLT_BADHANDLE, bolt_stats(db, 0, &stats));
}

static void open_readers_are_listed_oldest_first(void) {
    bolt_db *db = fresh_db();
    bolt_reader_info readers[3];
    bolt_txn *one, *two, *three;
    bolt_txn_info info;
    size_t n = 99;
    fill(db, 500);
    OK(bolt_readers(db, readers, 3, &n));
    CHECK(n == 0);
    one = begin(db, BOLT_READ);
    fill(db, 500);
    two = begin(db, BOLT_READ);
    fill(db, 500);
    fill(db, 500);
    usleep(30000);
    three = begin(db, BOLT_READ);
    memset(readers, 0x55, sizeof readers);
    OK(bolt_readers(db, readers, 2, &n));
    info.struct_size = sizeof info;
    OK(bolt_txn_info_get(one, &info));
    CHECK(n == 3 && readers[0].txn_id == info.id && readers[1].txn_id == info.id + 1);
    CHECK(readers[0].age_ms >= readers[1].age_ms && readers[1].age_ms >= 15 && readers[0].age_ms < 60000);
    CHECK(readers[0].held_len > readers[1].held_len && readers[1].held_len > 4096);
    CHECK(readers[0].reserved == 0 && readers[2].txn_id == 0x5555555555555555u);
    CHECK(stats_of(db).held_len == readers[0].held_len);
    OK(bolt_readers(db, NULL, 0, &n));
    CHECK(n == 3);
    OK(bolt_readers(db, readers, 3, NULL));
    CHECK(readers[2].txn_id == info.id + 3 && readers[2].held_len == 0);
    CODE(BOLT_ARGUMENT, bolt_readers(db, NULL, 1, &n));
    CODE(BOLT_BADHANDLE, bolt_readers(NULL, readers, 3, &n));
    OK(bolt_rollback(one));
    OK(bolt_txn_reset(two));
    OK(bolt_readers(db, readers, 3, &n));
    CHECK(n == 1 && readers[0].txn_id == info.id + 3);
    OK(bolt_rollback(two));
    OK(bolt_rollback(three));
    OK(bolt_close(db));
}

struct heard {
    bolt_db *db;
    int count;
    bolt_reader_info last;
    int32_t level;
    char text[200];
};

static void hear_of_a_reader(void *ctx, const bolt_reader_info *reader) {
    struct heard *heard = ctx;
    size_t n = 0;
    bolt_txn *txn = begin(heard->db, BOLT_WRITE);
    OK(bolt_rollback(txn));
    OK(bolt_readers(heard->db, NULL, 0, &n));
    CHECK(n >= 1);
    heard->last = *reader;
    heard->count++;
}

static void a_slow_reader_is_told_of_once(void) {
    bolt_db *db = fresh_db();
    struct heard heard;
    bolt_txn *slow, *young;
    memset(&heard, 0, sizeof heard);
    heard.db = db;
    fill(db, 500);
    OK(bolt_set_slow_reader(db, BOLT_FOREVER, hear_of_a_reader, &heard));
    slow = begin(db, BOLT_READ);
    fill(db, 500);
    fill(db, 500);
    usleep(80000);
    fill(db, 500);
    CHECK(heard.count == 0);
    OK(bolt_set_slow_reader(db, 50, hear_of_a_reader, &heard));
    fill(db, 500);
    fill(db, 500);
    CHECK(heard.count == 1 && heard.last.age_ms >= 50 && heard.last.held_len > 4096);
    OK(bolt_set_slow_reader(db, BOLT_FOREVER, hear_of_a_reader, &heard));
    young = begin(db, BOLT_READ);
    fill(db, 500);
    CHECK(heard.count == 1);
    OK(bolt_rollback(slow));
    usleep(80000);
    OK(bolt_set_slow_reader(db, 0, NULL, NULL));
    fill(db, 500);
    CHECK(heard.count == 1);
    OK(bolt_rollback(young));
    CODE(BOLT_BADHANDLE, bolt_set_slow_reader(NULL, 1, hear_of_a_reader, &heard));
    OK(bolt_close(db));
}

static void hear(void *ctx, int32_t level, const char *text) {
    struct heard *heard = ctx;
    if (heard->db != NULL) {
        bolt_txn *txn = begin(heard->db, BOLT_WRITE);
        OK(bolt_rollback(txn));
    }
    heard->level = level;
    snprintf(heard->text, sizeof heard->text, "%s", text);
    heard->count++;
}

static void the_log_is_heard_at_the_level_asked_for(void) {
    bolt_db *db = fresh_db();
    struct heard heard;
    memset(&heard, 0, sizeof heard);
    OK(bolt_set_log(db, BOLT_LOG_INFO, hear, &heard));
    CHECK(heard.count == 1 && heard.level == BOLT_LOG_INFO && strstr(heard.text, "open") != NULL);
    fill(db, 10);
    CHECK(heard.count == 1);
    heard.db = db;
    OK(bolt_set_log(db, BOLT_LOG_DEBUG, hear, &heard));
    fill(db, 10);
    CHECK(heard.count == 2 && heard.level == BOLT_LOG_DEBUG && strstr(heard.text, "committed") != NULL);
    OK(bolt_set(db, BOLT_OPT_MAX_LEN, 1));
    {
        static char large[1 << 20];
        bolt_txn *txn = begin(db, BOLT_WRITE);
        OK(bolt_put(bucket_of(txn, "b"), "large", 5, large, sizeof large));
        CODE(BOLT_FULL, bolt_commit(txn));
    }
    CHECK(heard.count == 3 && heard.level == BOLT_LOG_ERROR && strstr(heard.text, "maximum") != NULL);
    CODE(BOLT_ARGUMENT, bolt_set_log(db, 0, hear, &heard));
    CODE(BOLT_ARGUMENT, bolt_set_log(db, 5, hear, &heard));
    CODE(BOLT_BADHANDLE, bolt_set_log(NULL, BOLT_LOG_INFO, hear, &heard));
    heard.db = NULL;
    OK(bolt_close(db));
    CHECK(heard.count == 4 && strcmp(heard.text, "closed") == 0);
}

static void pages_are_told_as_bbolt_does(void) {
    const char *path = fresh_path();
    bolt_db *db = open_db(path);
    bolt_options options;
    bolt_db_info of_db;
    bolt_page_info page;
    bolt_txn *txn;
    uint64_t id, kinds[6] = { 0, 0, 0, 0, 0, 0 };
    of_db.struct_size = sizeof of_db;
    page.struct_size = sizeof page;
    fill(db, 2000);
    fill(db, 2000);
    OK(bolt_info(db, &of_db));
    txn = begin(db, BOLT_READ);
    for (id = 0; id < of_db.high_water; id++) {
        OK(bolt_page_info_get(txn, id, &page));
        CHECK(page.id == id && page.kind <= BOLT_PAGE_FREELIST && page.reserved == 0);
        CHECK((page.kind == BOLT_PAGE_META) == (id < 2));
        CHECK(page.kind != BOLT_PAGE_BRANCH || page.element_count > 20);
        kinds[page.kind]++;
    }
    CHECK(kinds[BOLT_PAGE_BRANCH] >= 1 && kinds[BOLT_PAGE_LEAF] > 20 && kinds[BOLT_PAGE_FREELIST] == 1);
    CHECK(kinds[BOLT_PAGE_FREE] == stats_of(db).free_page_count + stats_of(db).pending_page_count);
    CODE(BOLT_NOTFOUND, bolt_page_info_get(txn, of_db.high_water, &page));
    CODE(BOLT_NOTFOUND, bolt_page_info_get(txn, UINT64_MAX, &page));
    CODE(BOLT_ARGUMENT, bolt_page_info_get(txn, 2, NULL));
    page.struct_size = 1;
    CODE(BOLT_ARGUMENT, bolt_page_info_get(txn, 2, &page));
    page.struct_size = sizeof page;
    OK(bolt_rollback(txn));
    CODE(BOLT_BADHANDLE, bolt_page_info_get(txn, 2, &page));
    OK(bolt_close(db));
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_READONLY;
    OK(bolt_open(path, &options, &db));
    txn = begin(db, BOLT_READ);
    CODE(BOLT_NOFREEPAGES, bolt_page_info_get(txn, 3, &page));
    CODE(BOLT_NOTFOUND, bolt_page_info_get(txn, UINT64_MAX, &page));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    options.flags |= BOLT_OPEN_PRELOAD_FREELIST;
    OK(bolt_open(path, &options, &db));
    txn = begin(db, BOLT_READ);
    OK(bolt_page_info_get(txn, 3, &page));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(counters_are_those_of_bbolt_and_more),
        TEST(a_transaction_tells_its_own_counts),
        TEST(what_is_in_memory_is_told_on_request),
        TEST(open_readers_are_listed_oldest_first),
        TEST(a_slow_reader_is_told_of_once),
        TEST(the_log_is_heard_at_the_level_asked_for),
        TEST(pages_are_told_as_bbolt_does),
    };
    return RUN_TESTS(tests, argc, argv);
}
