// bolt.hpp without exceptions: compiled with -fno-exceptions, and once more with them.
#include "test.hpp"

static void everything_is_done_by_values() {
    bolt::result<bolt::database> db = bolt::database::try_open(fresh_path());
    CHECK(db);
    bolt::result<bolt::write_txn> txn = db->try_begin_write();
    CHECK(txn);
    const bolt::result<bolt::write_bucket> bucket = txn->try_ensure_bucket("b");
    CHECK(bucket && bucket->try_put("k", "v") && bucket->try_put("l", "w"));
    CHECK(bucket->try_put("", "").code() == BOLT_KEYREQUIRED);
    CHECK(*bucket->try_insert("m", "x") && !*bucket->try_insert("m", "y"));
    CHECK(*bucket->try_replace("m", "z") && !*bucket->try_append("a", ""));
    CHECK(**bucket->try_get("k") == "v" && !*bucket->try_get("none"));
    CHECK(*bucket->try_erase_range("m", std::nullopt) == 1 && bucket->try_erase("none"));
    CHECK(!*txn->try_erase_bucket("none") && !*txn->try_find_bucket("none"));
    CHECK(txn->try_open_bucket("none").code() == BOLT_NOTFOUND);
    CHECK(txn->try_create_bucket("b").code() == BOLT_EXISTS);
    {
        bolt::result<bolt::savepoint> before = txn->try_savepoint();
        CHECK(before && bucket->try_put("lost", "") && before->try_rollback() && before->try_keep());
        CHECK(before->try_keep().code() == BOLT_BADHANDLE && !*bucket->try_contains("lost"));
    }
    CHECK(txn->try_commit() && txn->try_commit().code() == BOLT_BADHANDLE);
    CHECK(db->try_close());
}

static void functions_run_in_transactions_and_fail_by_what_they_return() {
    bolt::result<bolt::database> db = bolt::database::try_open_memory();
    CHECK(db);
    CHECK(db->try_update([](bolt::write_txn& txn) -> bolt::status {
        const auto bucket = txn.try_create_bucket("b");
        if (!bucket)
            return bolt::failure{bucket.code()};
        return bucket->try_put("k", "v");
    }));
    CHECK(db->try_batch([](bolt::write_txn& txn) {
                 return txn.try_create_bucket("b").code() == BOLT_EXISTS ? bolt::status()
                                                                        : bolt::failure{BOLT_CALLBACK_LAST};
             }));
    CHECK(db->try_update([](bolt::write_txn& txn) -> bolt::status {
                return bolt::failure{txn.try_create_bucket("c") ? BOLT_CALLBACK_FIRST : BOLT_CALLBACK_LAST};
            }).code()
          == BOLT_CALLBACK_FIRST);
    const auto len = db->try_view([](const bolt::read_txn& txn) -> bolt::result<std::size_t> {
        CHECK(!*txn.try_find_bucket("c"));
        const auto bucket = txn.try_open_bucket("b");
        if (!bucket)
            return bolt::failure{bucket.code()};
        return (*bucket->try_get("k"))->size();
    });
    CHECK(len && *len == 1);
    bolt::result<bolt::batch_list> list = bolt::batch_list::try_create();
    CHECK(list && list->try_put({"b", "inner"}, "k", "v") && list->try_erase("b", "k"));
    CHECK(db->try_commit(*list).code() == BOLT_NOTFOUND);
    CHECK(db->try_commit(*list, bolt::missing_buckets::create) && list->try_clear());
    CHECK(db->try_info() && db->try_stats() && db->try_readers() && db->try_sync());
}

static void ranges_report_and_cursors_answer() {
    bolt::result<bolt::database> db = bolt::database::try_open_memory();
    CHECK(db && db->try_update([](bolt::write_txn& txn) {
        const auto bucket = txn.try_create_bucket("b");
        for (const char* key : {"a", "b", "c"})
            CHECK(bucket->try_put(key, key));
    }));
    bolt::result<bolt::read_txn> txn = db->try_begin_read();
    CHECK(txn && *txn->try_check() == 0);
    const bolt::bucket bucket = *txn->try_open_bucket("b");
    bolt::status told;
    int count = 0;
    for (auto [key, value] : bucket.entries().report_to(told)) {
        CHECK(key == value);
        count++;
    }
    CHECK(told && count == 3);
    bolt::result<bolt::cursor> cursor = bucket.try_cursor();
    CHECK(cursor && (*cursor->try_first())->key == "a" && (*cursor->try_seek("bb"))->key == "c");
    CHECK(!*cursor->try_next() && (*cursor->try_last())->key == "c" && (*cursor->try_prev())->key == "b");
    CHECK((*cursor->try_seek_le("bb"))->key == "b" && (*cursor->try_current())->key == "b");
    CHECK(cursor->try_set_bounds("b", std::nullopt) && (*cursor->try_first())->key == "b");
    CHECK(*bucket.try_for_each([&](std::string_view, std::string_view) { count++; }) && count == 6);
    const auto values = bucket.try_get_many({"a", "none"});
    CHECK(values && (*values)[0] == "a" && !(*values)[1]);
    CHECK(txn->try_end());
    for (auto [key, value] : bucket.entries().report_to(told))
        CHECK(key == value && false);
    CHECK(told.code() == BOLT_BADHANDLE && cursor->try_first().code() == BOLT_BADHANDLE);
}

static void take_what_is_not_there(void*) {
    CHECK(freopen("/dev/null", "w", stderr) != nullptr);
    bolt::database().info();
}

static void what_would_throw_ends_the_program() {
#if !BOLT_CPP_EXCEPTIONS
    CHECK(!holds_in_a_child(take_what_is_not_there, nullptr));
#else
    THROWS(BOLT_BADHANDLE, bolt::database().info());
    static_cast<void>(take_what_is_not_there);
#endif
}

static const struct test tests[] = {
    TEST(everything_is_done_by_values),
    TEST(functions_run_in_transactions_and_fail_by_what_they_return),
    TEST(ranges_report_and_cursors_answer),
    TEST(what_would_throw_ends_the_program),
};

int main(int argc, char** argv) {
    return RUN_TESTS(tests, argc, argv);
}
