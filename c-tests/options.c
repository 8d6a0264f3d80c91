/* Options: their defaults, their numbers, what is refused, and what they do. */
#include "test.h"

static bolt_options defaults(void) {
    bolt_options options;
    memset(&options, 0x55, sizeof options);
    OK(bolt_options_init(&options, sizeof options));
    return options;
}

/* Opens with these options, and closes again. */
static int try_open(const char *path, const bolt_options *options) {
    bolt_db *db = NULL;
    int code = bolt_open(path, options, &db);
    CHECK((code == BOLT_OK) == (db != NULL));
    if (code == BOLT_OK)
        OK(bolt_close(db));
    return code;
}

static int exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

static void the_defaults_are_those_of_the_header(void) {
    bolt_options options = defaults();
    CHECK(options.struct_size == sizeof options);
    CHECK(options.flags == 0);
    CHECK(options.page_size == 0);
    CHECK(options.file_mode == 0600);
    CHECK(options.freelist_mode == BOLT_FREELIST_AUTOMATIC);
    CHECK(options.fill_percent == 0);
    CHECK(options.freelist_type == BOLT_FREELIST_ARRAY);
    CHECK(options.lock_timeout_ms == BOLT_FOREVER);
    CHECK(options.initial_map_len == 0);
    CHECK(options.max_len == 0);
    CHECK(options.alloc_len == 16 << 20 && options.batch_len == 1000);
    CHECK(options.cache_len == 64 << 20 && options.lent_len == 1 << 30);
    OK(try_open(fresh_path(), &options));
}

static void init_refuses_null_and_a_struct_that_is_too_small(void) {
    bolt_options options;
    memset(&options, 0x55, sizeof options);
    CODE(BOLT_ARGUMENT, bolt_options_init(NULL, sizeof options));
    CODE(BOLT_ARGUMENT, bolt_options_init(&options, 0));
    CODE(BOLT_ARGUMENT, bolt_options_init(&options, sizeof options - 1));
    CODE(BOLT_ARGUMENT, bolt_options_init(&options, (size_t)-1));
    CHECK(options.flags == 0x55555555u);
}

static void each_option_can_be_set_by_its_number(void) {
    bolt_options options = defaults();
    OK(bolt_options_set(&options, BOLT_OPT_PAGE_SIZE, 2048));
    OK(bolt_options_set(&options, BOLT_OPT_READONLY, 1));
    OK(bolt_options_set(&options, BOLT_OPT_NOSYNC, 1));
    OK(bolt_options_set(&options, BOLT_OPT_BBOLT_RULES, 1));
    OK(bolt_options_set(&options, BOLT_OPT_FILE_MODE, 0644));
    OK(bolt_options_set(&options, BOLT_OPT_LOCK_TIMEOUT, 5));
    OK(bolt_options_set(&options, BOLT_OPT_INITIAL_MAP_LEN, 1 << 20));
    OK(bolt_options_set(&options, BOLT_OPT_FREELIST_MODE, BOLT_FREELIST_AT_CLOSE));
    OK(bolt_options_set(&options, BOLT_OPT_FILL_PERCENT, 90));
    OK(bolt_options_set(&options, BOLT_OPT_MAX_LEN, (uint64_t)1 << 40));
    OK(bolt_options_set(&options, BOLT_OPT_FREELIST_TYPE, BOLT_FREELIST_HASHMAP));
    OK(bolt_options_set(&options, BOLT_OPT_ALLOC_LEN, 1 << 21));
    OK(bolt_options_set(&options, BOLT_OPT_BATCH_LEN, 9));
    CHECK(options.freelist_type == 1 && options.alloc_len == 1 << 21 && options.batch_len == 9);
    OK(bolt_options_set(&options, BOLT_OPT_NOMAP, 1));
    CHECK(options.flags == (BOLT_OPEN_READONLY | BOLT_OPEN_NOSYNC | BOLT_OPEN_BBOLT_RULES | BOLT_OPEN_NOMAP));
    OK(bolt_options_set(&options, BOLT_OPT_NOMAP, 0));
    OK(bolt_options_set(&options, BOLT_OPT_CACHE_LEN, 5));
    OK(bolt_options_set(&options, BOLT_OPT_LENT_LEN, 6));
    CHECK(options.cache_len == 5 && options.lent_len == 6);
    CHECK(options.struct_size == sizeof options);
    CHECK(options.flags == (BOLT_OPEN_READONLY | BOLT_OPEN_NOSYNC | BOLT_OPEN_BBOLT_RULES));
    CHECK(options.page_size == 2048 && options.file_mode == 0644 && options.lock_timeout_ms == 5);
    CHECK(options.initial_map_len == 1 << 20 && options.freelist_mode == BOLT_FREELIST_AT_CLOSE);
    CHECK(options.fill_percent == 90 && options.max_len == (uint64_t)1 << 40);
    OK(bolt_options_set(&options, BOLT_OPT_READONLY, 0));
    CHECK(options.flags == (BOLT_OPEN_NOSYNC | BOLT_OPEN_BBOLT_RULES));
}

static void impossible_values_are_refused_and_change_nothing(void) {
    static const struct {
        uint32_t option;
        uint64_t value;
    } bad[] = {
        { 0, 0 }, { 22, 0 }, { UINT32_MAX, 0 }, { BOLT_OPT_PAGE_SIZE, 1000 },
        { BOLT_OPT_PAGE_SIZE, 512 }, { BOLT_OPT_PAGE_SIZE, 131072 },
        { BOLT_OPT_PAGE_SIZE, (uint64_t)4096 << 32 }, { BOLT_OPT_READONLY, 2 },
        { BOLT_OPT_NOSYNC, UINT64_MAX }, { BOLT_OPT_BBOLT_RULES, 7 }, { BOLT_OPT_FILE_MODE, 0100644 },
        { BOLT_OPT_FREELIST_MODE, 4 }, { BOLT_OPT_FILL_PERCENT, 9 }, { BOLT_OPT_FILL_PERCENT, 101 },
        { BOLT_OPT_STRICT, 2 }, { BOLT_OPT_FREELIST_TYPE, 2 }, { BOLT_OPT_BATCH_LEN, 0 },
    };
    bolt_options options = defaults(), before = options;
    size_t i;
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        CODE(BOLT_ARGUMENT, bolt_options_set(&options, bad[i].option, bad[i].value));
        CHECK(memcmp(&options, &before, sizeof options) == 0);
    }
    CODE(BOLT_ARGUMENT, bolt_options_set(NULL, BOLT_OPT_NOSYNC, 1));
    options.struct_size = 3;
    CODE(BOLT_ARGUMENT, bolt_options_set(&options, BOLT_OPT_NOSYNC, 1));
}

static void a_struct_with_an_impossible_field_opens_nothing(void) {
    const char *path = fresh_path();
    bolt_options options;
    int field;
    for (field = 0; field < 8; field++) {
        options = defaults();
        switch (field) {
        case 0: options.struct_size = 0; break;
        case 1: options.struct_size = sizeof options - 8; break;
        case 2: options.flags = 512; break;
        case 3: options.page_size = 4095; break;
        case 4: options.file_mode = 0xffff; break;
        case 5: options.freelist_mode = 9; break;
        case 6: options.fill_percent = 5; break;
        default: options.freelist_type = 2; break;
        }
        CODE(BOLT_ARGUMENT, try_open(path, &options));
        CHECK(!exists(path));
    }
}

static void a_caller_without_the_layout_gives_a_larger_buffer(void) {
    union {
        bolt_options known;
        unsigned char bytes[512];
    } options;
    memset(&options, 0x55, sizeof options);
    OK(bolt_options_init(&options.known, sizeof options));
    CHECK(options.known.struct_size == sizeof options);
    OK(bolt_options_set(&options.known, BOLT_OPT_PAGE_SIZE, 8192));
    CHECK(options.known.struct_size == sizeof options && options.known.page_size == 8192);
    OK(try_open(fresh_path(), &options.known));
    options.bytes[511] = 1;
    CODE(BOLT_MISMATCH, try_open(fresh_path(), &options.known));
    CODE(BOLT_MISMATCH, bolt_options_set(&options.known, BOLT_OPT_PAGE_SIZE, 4096));
    CHECK(options.known.page_size == 8192 && options.bytes[511] == 1);
}

static void every_page_size_works_and_stays_with_the_file(void) {
    uint32_t size;
    for (size = 1024; size <= 65536; size *= 2) {
        const char *path = fresh_path();
        bolt_options options = defaults();
        bolt_db_info info;
        bolt_db *db = NULL;
        bolt_txn *txn;
        options.page_size = size;
        OK(bolt_open(path, &options, &db));
        txn = begin(db, BOLT_WRITE);
        put(ensure(txn, "b"), "key", "value");
        OK(bolt_commit(txn));
        OK(bolt_close(db));
        options.page_size = 0;
        OK(bolt_open(path, &options, &db));
        info.struct_size = sizeof info;
        OK(bolt_info(db, &info));
        CHECK(info.page_size == size);
        txn = begin(db, BOLT_READ);
        CHECK(holds(bucket_of(txn, "b"), "key", "value"));
        OK(bolt_rollback(txn));
        OK(bolt_close(db));
    }
}

static void a_database_open_for_reading_takes_no_writer_and_makes_no_file(void) {
    const char *path = fresh_path();
    bolt_options options = defaults();
    bolt_db_info info;
    bolt_db *db = NULL;
    bolt_txn *txn = NULL;
    options.flags = BOLT_OPEN_READONLY;
    CODE(ENOENT, try_open(path, &options));
    CHECK(!exists(path));
    OK(bolt_close(open_db(path)));
    OK(bolt_open(path, &options, &db));
    info.struct_size = sizeof info;
    OK(bolt_info(db, &info));
    CHECK(info.flags == BOLT_DB_READONLY);
    CODE(BOLT_READONLY, bolt_txn_begin(db, BOLT_WRITE, &txn));
    CODE(BOLT_READONLY, bolt_txn_begin(db, BOLT_WRITE | BOLT_TRY, &txn));
    CHECK(txn == NULL);
    txn = begin(db, BOLT_READ);
    CODE(BOLT_NOTWRITABLE, bolt_bucket_create(root_of(txn), "b", 1, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void two_may_read_a_file_at_once_but_none_beside_a_writer(void) {
    const char *path = fresh_path();
    bolt_options options = defaults();
    bolt_db *first = open_db(path), *second = NULL;
    options.lock_timeout_ms = 0;
    CODE(BOLT_BUSY, try_open(path, &options));
    options.lock_timeout_ms = 30;
    CODE(BOLT_TIMEOUT, try_open(path, &options));
    options.flags = BOLT_OPEN_READONLY;
    CODE(BOLT_TIMEOUT, try_open(path, &options));
    OK(bolt_close(first));
    OK(bolt_open(path, &options, &first));
    OK(bolt_open(path, &options, &second));
    options.flags = 0;
    CODE(BOLT_TIMEOUT, try_open(path, &options));
    OK(bolt_close(first));
    OK(bolt_close(second));
    OK(try_open(path, &options));
}

static void a_new_file_has_the_permissions_that_were_asked_for(void) {
    const char *path = fresh_path();
    bolt_options options = defaults();
    struct stat status;
    mode_t old = umask(022);
    options.file_mode = 0664;
    OK(try_open(path, &options));
    umask(old);
    CHECK(stat(path, &status) == 0);
    CHECK((status.st_mode & 07777) == 0644);
}

static void every_freelist_mode_and_rule_keeps_the_content(void) {
    int variant, round;
    for (variant = 0; variant < 6; variant++) {
        const char *path = fresh_path();
        bolt_options options = defaults();
        bolt_db *db = NULL;
        bolt_txn *txn;
        if (variant < 4)
            options.freelist_mode = (uint32_t)variant;
        else if (variant == 4)
            options.flags = BOLT_OPEN_BBOLT_RULES;
        else
            options.fill_percent = 100;
        for (round = 0; round < 3; round++) {
            char key[16];
            int i;
            OK(bolt_open(path, &options, &db));
            txn = begin(db, BOLT_WRITE);
            for (i = 0; i < 300; i++) {
                snprintf(key, sizeof key, "%d-%d", round, i);
                put(ensure(txn, "b"), key, "value");
                if (round > 0) {
                    snprintf(key, sizeof key, "%d-%d", round - 1, i);
                    OK(bolt_delete(ensure(txn, "b"), key, strlen(key)));
                }
            }
            OK(bolt_commit(txn));
            OK(bolt_close(db));
        }
        OK(bolt_open(path, &options, &db));
        txn = begin(db, BOLT_READ);
        CHECK(holds(bucket_of(txn, "b"), "2-299", "value"));
        CHECK(holds(bucket_of(txn, "b"), "1-299", NULL));
        OK(bolt_rollback(txn));
        OK(bolt_close(db));
    }
}

static void a_database_does_not_outgrow_its_maximum_and_stays_usable(void) {
    static char value[4 << 20];
    const char *path = fresh_path();
    bolt_options options = defaults();
    struct stat status;
    bolt_db *db = NULL;
    bolt_txn *txn;
    int code;
    options.max_len = 1 << 20;
    OK(bolt_open(path, &options, &db));
    txn = begin(db, BOLT_WRITE);
    code = bolt_put(ensure(txn, "b"), "big", 3, value, sizeof value);
    if (code == BOLT_OK) {
        CODE(BOLT_FULL, bolt_commit(txn));
    } else {
        CODE(BOLT_FULL, code);
        OK(bolt_rollback(txn));
    }
    txn = begin(db, BOLT_WRITE);
    put(ensure(txn, "b"), "small", "value");
    OK(bolt_commit(txn));
    OK(bolt_set(db, BOLT_OPT_MAX_LEN, 0));
    txn = begin(db, BOLT_WRITE);
    OK(bolt_put(ensure(txn, "b"), "big", 3, value, sizeof value));
    OK(bolt_commit(txn));
    OK(bolt_close(db));
    CHECK(stat(path, &status) == 0);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(the_defaults_are_those_of_the_header),
        TEST(init_refuses_null_and_a_struct_that_is_too_small),
        TEST(each_option_can_be_set_by_its_number),
        TEST(impossible_values_are_refused_and_change_nothing),
        TEST(a_struct_with_an_impossible_field_opens_nothing),
        TEST(a_caller_without_the_layout_gives_a_larger_buffer),
        TEST(every_page_size_works_and_stays_with_the_file),
        TEST(a_database_open_for_reading_takes_no_writer_and_makes_no_file),
        TEST(two_may_read_a_file_at_once_but_none_beside_a_writer),
        TEST(a_new_file_has_the_permissions_that_were_asked_for),
        TEST(every_freelist_mode_and_rule_keeps_the_content),
        TEST(a_database_does_not_outgrow_its_maximum_and_stays_usable),
    };
    return RUN_TESTS(tests, argc, argv);
}
