/* Codes, their texts, and the details of the last failure. */
#include "test.h"

static bolt_error_info last_error(void) {
    bolt_error_info info;
    memset(&info, 0x55, sizeof info);
    info.struct_size = sizeof info;
    OK(bolt_last_error(&info));
    CHECK(info.struct_size == sizeof info);
    return info;
}

static void before_the_first_failure_there_are_no_details(void) {
    bolt_error_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    info.code = 77;
    CODE(BOLT_NOTFOUND, bolt_last_error(&info));
    CHECK(info.code == 77);
}

static void every_code_has_a_name_and_a_text_of_its_own(void) {
    int code, other;
    CHECK(strcmp(bolt_error_name(BOLT_OK), "BOLT_OK") == 0);
    CHECK(strcmp(bolt_error_name(BOLT_NOTFOUND), "BOLT_NOTFOUND") == 0);
    CHECK(strcmp(bolt_error_name(BOLT_MISMATCH), "BOLT_MISMATCH") == 0);
    CHECK(strcmp(bolt_error_name(ENOSPC), "ENOSPC") == 0);
    for (code = BOLT_MISMATCH; code <= BOLT_OK; code++) {
        CHECK(strncmp(bolt_error_name(code), "BOLT_", 5) == 0);
        CHECK(strlen(bolt_strerror(code)) > 3);
        for (other = code + 1; other <= BOLT_OK; other++) {
            CHECK(strcmp(bolt_error_name(code), bolt_error_name(other)) != 0);
            CHECK(strcmp(bolt_strerror(code), bolt_strerror(other)) != 0);
        }
    }
}

static void a_number_that_is_no_code_has_a_text_all_the_same(void) {
    static const int codes[] = { BOLT_MISMATCH - 1, BOLT_CALLBACK_FIRST, BOLT_CALLBACK_LAST, -30500, 9999,
                                 INT32_MAX, INT32_MIN };
    size_t i;
    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        CHECK(strcmp(bolt_error_name(codes[i]), "?") == 0);
        CHECK(strlen(bolt_strerror(codes[i])) > 3);
    }
}

static void the_library_and_the_header_have_one_version(void) {
    CHECK(bolt_version() == (uint32_t)BOLT_VERSION_NUMBER);
    CHECK(strcmp(bolt_version_string(), BOLT_VERSION_STRING) == 0);
}

static void a_failure_is_told_in_a_sentence(void) {
    bolt_error_info info;
    CODE(BOLT_BADHANDLE, bolt_commit(NULL));
    info = last_error();
    CHECK(info.code == BOLT_BADHANDLE);
    CHECK(info.os_errno == 0);
    CHECK(info.page == BOLT_NO_PAGE);
    CHECK(info.txn_id == 0);
    CHECK(strstr(info.text, "bad handle: ") == info.text);
    CHECK(info.text[BOLT_ERROR_TEXT_LEN - 1] == 0);
}

static void an_error_of_the_operating_system_is_told_by_its_errno(void) {
    bolt_error_info info;
    bolt_db *db = NULL;
    CODE(ENOENT, bolt_open("/nowhere/at/all.db", NULL, &db));
    CHECK(db == NULL);
    info = last_error();
    CHECK(info.code == ENOENT);
    CHECK(info.os_errno == ENOENT);
    CHECK(info.text[0] != 0);
}

static void successes_and_not_found_leave_the_last_failure_as_it_is(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_READ);
    CODE(BOLT_BADHANDLE, bolt_close((bolt_db *)txn));
    CODE(BOLT_NOTFOUND, bolt_bucket_open(root_of(txn), "none", 4, NULL));
    CODE(BOLT_NOTFOUND, bolt_get(root_of(txn), "none", 4, NULL, NULL));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
    CHECK(last_error().code == BOLT_BADHANDLE);
}

static void *fail_on_a_thread(void *argument) {
    bolt_error_info info;
    info.struct_size = sizeof info;
    CODE(BOLT_NOTFOUND, bolt_last_error(&info));
    CODE(BOLT_ARGUMENT, bolt_txn_begin(argument, 64, NULL));
    CHECK(last_error().code == BOLT_ARGUMENT);
    return NULL;
}

static void each_thread_has_a_last_failure_of_its_own_and_the_database_that_of_all(void) {
    bolt_db *db = fresh_db();
    bolt_error_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    CODE(BOLT_NOTFOUND, bolt_db_last_error(db, &info));
    CODE(BOLT_BADHANDLE, bolt_commit(NULL));
    on_another_thread(fail_on_a_thread, db);
    CHECK(last_error().code == BOLT_BADHANDLE);
    OK(bolt_db_last_error(db, &info));
    CHECK(info.code == BOLT_ARGUMENT);
    OK(bolt_close(db));
    CODE(BOLT_BADHANDLE, bolt_db_last_error(db, &info));
}

static void a_failure_in_a_transaction_names_it_for_its_database_too(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_WRITE);
    bolt_txn_info txn_info;
    bolt_error_info info;
    txn_info.struct_size = sizeof txn_info;
    OK(bolt_txn_info_get(txn, &txn_info));
    CODE(BOLT_KEYREQUIRED, bolt_put(root_of(txn), NULL, 0, "v", 1));
    CHECK(last_error().txn_id == txn_info.id);
    info.struct_size = sizeof info;
    OK(bolt_db_last_error(db, &info));
    CHECK(info.code == BOLT_KEYREQUIRED);
    CHECK(info.txn_id == txn_info.id);
    CHECK(strcmp(info.text, last_error().text) == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_new_database_does_not_know_the_failures_of_one_before_it(void) {
    int i;
    for (i = 0; i < 100; i++) {
        bolt_db *db = fresh_db();
        bolt_error_info info;
        info.struct_size = sizeof info;
        CODE(BOLT_NOTFOUND, bolt_db_last_error(db, &info));
        CODE(BOLT_ARGUMENT, bolt_set(db, 999, 0));
        OK(bolt_db_last_error(db, &info));
        OK(bolt_close(db));
    }
}

static void details_are_refused_for_null_and_for_impossible_sizes(void) {
    bolt_db *db = fresh_db();
    bolt_txn *txn = begin(db, BOLT_READ);
    bolt_error_info info;
    CODE(BOLT_NOTWRITABLE, bolt_put(root_of(txn), "k", 1, "v", 1));
    memset(&info, 0, sizeof info);
    CODE(BOLT_ARGUMENT, bolt_last_error(NULL));
    CODE(BOLT_ARGUMENT, bolt_last_error(&info));
    CODE(BOLT_ARGUMENT, bolt_db_last_error(db, NULL));
    info.struct_size = sizeof info - 1;
    CODE(BOLT_ARGUMENT, bolt_db_last_error(db, &info));
    info.struct_size = (size_t)-1;
    CODE(BOLT_ARGUMENT, bolt_last_error(&info));
    CHECK(info.code == 0);
    CODE(BOLT_BADHANDLE, bolt_db_last_error(NULL, &info));
    CODE(BOLT_BADHANDLE, bolt_db_last_error((bolt_db *)txn, &info));
    CHECK(last_error().code == BOLT_NOTWRITABLE);
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

static void a_struct_of_a_newer_header_is_filled_up_with_zeros(void) {
    struct {
        bolt_error_info known;
        uint64_t unknown[4];
        uint64_t beyond;
    } info;
    memset(&info, 0x55, sizeof info);
    info.known.struct_size = sizeof info - sizeof info.beyond;
    CODE(BOLT_BADHANDLE, bolt_commit(NULL));
    OK(bolt_last_error(&info.known));
    CHECK(info.known.struct_size == sizeof info - sizeof info.beyond);
    CHECK(info.known.code == BOLT_BADHANDLE);
    CHECK(info.unknown[0] == 0 && info.unknown[1] == 0 && info.unknown[2] == 0 && info.unknown[3] == 0);
    CHECK(info.beyond == 0x5555555555555555u);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(before_the_first_failure_there_are_no_details),
        TEST(every_code_has_a_name_and_a_text_of_its_own),
        TEST(a_number_that_is_no_code_has_a_text_all_the_same),
        TEST(the_library_and_the_header_have_one_version),
        TEST(a_failure_is_told_in_a_sentence),
        TEST(an_error_of_the_operating_system_is_told_by_its_errno),
        TEST(successes_and_not_found_leave_the_last_failure_as_it_is),
        TEST(each_thread_has_a_last_failure_of_its_own_and_the_database_that_of_all),
        TEST(a_failure_in_a_transaction_names_it_for_its_database_too),
        TEST(a_new_database_does_not_know_the_failures_of_one_before_it),
        TEST(details_are_refused_for_null_and_for_impossible_sizes),
        TEST(a_struct_of_a_newer_header_is_filled_up_with_zeros),
    };
    return RUN_TESTS(tests, argc, argv);
}
