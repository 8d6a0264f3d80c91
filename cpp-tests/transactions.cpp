// Transactions in C++: functions that run in them, exceptions on their way out, batches, savepoints, and what
// is done with a whole database.
#include "test.hpp"

#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>

static bolt::database db_with_a_bucket() {
    bolt::database db = fresh();
    db.update([](bolt::write_txn& txn) { txn.create_bucket("b"); });
    return db;
}

static std::optional<std::string> value_of(const bolt::database& db, std::string_view key) {
    return db.view([&](const bolt::read_txn& txn) -> std::optional<std::string> {
        const auto value = txn.open_bucket("b").get(key);
        return value ? std::optional<std::string>(*value) : std::nullopt;
    });
}

static void what_a_function_returns_comes_out_and_what_it_did_is_committed() {
    bolt::database db = db_with_a_bucket();
    const int number = db.update([](bolt::write_txn& txn) {
        txn.open_bucket("b").put("k", "v");
        return 42;
    });
    CHECK(number == 42 && value_of(db, "k") == "v");
    // It need be neither copied nor made from nothing.
    std::unique_ptr<int> owned = db.batch([](bolt::write_txn&) { return std::make_unique<int>(7); });
    CHECK(*owned == 7);
    const auto nothing = [](const bolt::read_txn&) {};
    const auto one = [](bolt::txn&) -> bolt::result<int> { return 1; };
    static_assert(std::is_void_v<decltype(db.view(nothing))>);
    static_assert(std::is_same_v<decltype(db.view(one)), int>);
    db.view(nothing);
    CHECK(db.view(one) == 1);
    close_sound(db);
}

static void a_transaction_object_is_rolled_back_unless_it_is_committed() {
    bolt::database db = db_with_a_bucket();
    {
        bolt::write_txn txn = db.begin_write();
        txn.open_bucket("b").put("lost", "");
    }
    bolt::write_txn txn = db.begin_write();
    CHECK(!txn.open_bucket("b").contains("lost"));
    CHECK(!db.begin_write_for(std::chrono::milliseconds(0)));
    CHECK(!db.begin_write_for(std::chrono::milliseconds(1)));
    THROWS(BOLT_ARGUMENT, db.begin_write_for(std::chrono::milliseconds(-1)));
    txn.open_bucket("b").put("k", "v");
    CHECK(txn.info().id == db.info().txn_id + 1 && (txn.info().flags & BOLT_TXN_WRITABLE) != 0);
    txn.commit();
    CHECK(value_of(db, "k") == "v" && db.begin_write_for(std::chrono::milliseconds(0)));
    THROWS(BOLT_BADHANDLE, txn.open_bucket("b"));
    close_sound(db);
}

static void a_reader_keeps_its_snapshot_until_it_is_renewed() {
    bolt::database db = db_with_a_bucket();
    bolt::read_txn txn = db.begin_read();
    db.update([](bolt::write_txn& writer) { writer.open_bucket("b").put("k", "v"); });
    CHECK(!txn.open_bucket("b").contains("k"));
    txn.renew();
    CHECK(txn.open_bucket("b").contains("k"));
    txn.reset();
    THROWS(BOLT_BADHANDLE, txn.open_bucket("b"));
    txn.renew();
    CHECK(txn.open_bucket("b").contains("k"));
    txn.end();
    THROWS(BOLT_BADHANDLE, txn.renew());
    close_sound(db);
}

struct refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class Run>
static bool passes_through(Run&& run) {
    try {
        run([](bolt::write_txn& txn) {
            txn.open_bucket("b").put("k", "v");
            throw refused("no");
        });
    } catch (const refused& exception) {
        return std::string_view(exception.what()) == "no";
    }
    return false;
}

static void an_exception_rolls_back_and_passes_through() {
    bolt::database db = db_with_a_bucket();
    CHECK(passes_through([&](auto function) { db.update(function); }));
    CHECK(passes_through([&](auto function) { static_cast<void>(db.try_update(function)); }));
    CHECK(passes_through([&](auto function) { db.batch(function); }));
    CHECK(!value_of(db, "k"));
    bool passed = false;
    try {
        db.view([](const bolt::read_txn&) { throw refused("no"); });
    } catch (const refused&) {
        passed = true;
    }
    CHECK(passed && db.info().reader_count == 0);
    // One of libbolt's own, from deep inside, is no different.
    THROWS(BOLT_NOTFOUND, db.update([](bolt::write_txn& txn) { txn.open_bucket("none").put("k", "v"); }));
    close_sound(db);
}

static void a_failed_result_rolls_back_and_comes_out() {
    bolt::database db = db_with_a_bucket();
    const auto fail = [](bolt::write_txn& txn) -> bolt::result<std::string> {
        txn.open_bucket("b").put("k", "v");
        return bolt::failure{BOLT_CALLBACK_LAST};
    };
    const bolt::result<std::string> failed = db.try_update(fail);
    CHECK(failed.code() == BOLT_CALLBACK_LAST);
    THROWS(BOLT_CALLBACK_LAST, db.update(fail));
    THROWS(BOLT_CALLBACK_LAST, db.batch(fail));
    CHECK(!value_of(db, "k"));
    const auto passed = db.try_update([](bolt::write_txn& txn) { return txn.try_open_bucket("b").code(); });
    CHECK(passed && *passed == BOLT_OK);
    const bolt::status done = db.try_update([](bolt::write_txn&) { return bolt::status(); });
    CHECK(done);
    // What the commit answers is the outcome, whatever the function returned.
    db.set(BOLT_OPT_MAX_LEN, db.info().file_len);
    const auto full = db.try_update([](bolt::write_txn& txn) {
        txn.open_bucket("b").put("large", std::string(1 << 22, 'x'));
        return 1;
    });
    CHECK(full.code() == BOLT_FULL);
    close_sound(db);
}

static void a_managed_transaction_is_not_the_functions_to_end() {
    bolt::database db = db_with_a_bucket();
    db.update([](bolt::write_txn& txn) {
        THROWS(BOLT_MANAGED, txn.commit());
        THROWS(BOLT_MANAGED, txn.rollback());
        txn.open_bucket("b").put("k", "v"); // it is still there
    });
    db.view([](bolt::read_txn& txn) {
        THROWS(BOLT_MANAGED, txn.end());
        THROWS(BOLT_MANAGED, txn.renew());
        CHECK(txn.open_bucket("b").contains("k"));
    });
    // Nor if it is moved elsewhere.
    bolt::write_txn stolen;
    db.update([&](bolt::write_txn& txn) {
        stolen = std::move(txn);
        stolen.open_bucket("b").put("two", "");
    });
    THROWS(BOLT_BADHANDLE, stolen.root());
    CHECK(value_of(db, "two"));
    // Its handle may be another's by now, which it must not end.
    bolt::write_txn other = db.begin_write();
    other.open_bucket("b").put("three", "");
    stolen = bolt::write_txn();
    {
        bolt::read_txn reader, stolen_reader;
        db.view([&](bolt::read_txn& txn) { stolen_reader = std::move(txn); });
        reader = db.begin_read();
        stolen_reader = bolt::read_txn();
        CHECK(reader.open_bucket("b").contains("two"));
    }
    other.commit();
    CHECK(value_of(db, "three"));
    close_sound(db);
}

static void many_threads_share_a_batch_and_one_that_throws_harms_no_other() {
    bolt::database db = db_with_a_bucket();
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&db, i] {
            for (int j = 0; j < 10; j++) {
                const std::string key = std::to_string(i) + "/" + std::to_string(j);
                bool threw = false;
                try {
                    const int given = db.batch([&](bolt::write_txn& txn) {
                        txn.open_bucket("b").put(key, "");
                        if (j % 5 == 4)
                            throw refused(key);
                        return i;
                    });
                    CHECK(given == i);
                } catch (const refused& exception) {
                    threw = true;
                    CHECK(exception.what() == key);
                }
                CHECK(threw == (j % 5 == 4));
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    CHECK(db.begin_read().open_bucket("b").stats().key_count == 64);
    close_sound(db);
}

static void a_list_of_writes_is_done_whole_or_not_at_all() {
    bolt::database db = db_with_a_bucket();
    bolt::batch_list list;
    list.put("b", "one", "1");
    list.put({"b"}, "two", "2");
    list.put(std::string("b"), "three", "3");
    list.erase("b", "one");
    db.commit(list);
    CHECK(!value_of(db, "one") && value_of(db, "two") == "2" && value_of(db, "three") == "3");
    list.clear();
    list.put("b", "four", "4");
    list.put({"b", "inner", "deep"}, "five", "5");
    THROWS(BOLT_NOTFOUND, db.commit(list));
    CHECK(!value_of(db, "four"));
    db.commit(list, bolt::missing_buckets::create);
    CHECK(db.begin_read().open_bucket("b").open_bucket("inner").open_bucket("deep").get("five") == "5");
    THROWS(BOLT_KEYREQUIRED, list.put("b", "", ""));
    THROWS(BOLT_NAMEREQUIRED, list.erase("", "k"));
    close_sound(db);
}

static void a_savepoint_takes_back_what_is_not_kept() {
    bolt::database db = db_with_a_bucket();
    bolt::write_txn txn = db.begin_write();
    const bolt::write_bucket bucket = txn.open_bucket("b");
    {
        bolt::savepoint before = txn.savepoint();
        bucket.put("kept", "");
        before.keep();
        THROWS(BOLT_BADHANDLE, before.rollback());
    }
    {
        const bolt::savepoint before = txn.savepoint();
        bucket.put("lost", "");
    }
    try {
        const bolt::savepoint before = txn.savepoint();
        bucket.put("lost, too", "");
        throw refused("no");
    } catch (const refused&) {
    }
    {
        bolt::savepoint outer = txn.savepoint();
        bucket.put("outer", "");
        {
            const bolt::savepoint inner = txn.savepoint();
            bucket.put("inner", "");
        }
        CHECK(bucket.contains("outer") && !bucket.contains("inner"));
        outer.rollback();
        CHECK(!bucket.contains("outer"));
        bucket.put("second try", "");
        outer.keep();
    }
    bolt::savepoint moved;
    THROWS(BOLT_BADHANDLE, moved.keep());
    {
        bolt::savepoint before = txn.savepoint();
        bucket.put("moved", "");
        moved = std::move(before);
    }
    CHECK(bucket.contains("moved"));
    moved = bolt::savepoint();
    CHECK(!bucket.contains("moved"));
    txn.commit();
    CHECK(value_of(db, "kept") && value_of(db, "second try"));
    CHECK(!value_of(db, "lost") && !value_of(db, "lost, too"));
    close_sound(db);
}

static void a_savepoint_that_outlives_its_transaction_touches_no_other() {
    bolt::database db = db_with_a_bucket();
    bolt::savepoint left;
    for (int i = 0; i < 4; i++) {
        // The number of the savepoint and the place of the handle may come again.
        bolt::write_txn txn = db.begin_write();
        bolt::savepoint own = txn.savepoint();
        txn.open_bucket("b").put(std::string("k").append(std::to_string(i)), "");
        THROWS(BOLT_BADHANDLE, left.rollback());
        left = std::move(own);
        txn.commit();
        THROWS(BOLT_BADHANDLE, left.keep());
    }
    {
        bolt::write_txn txn = db.begin_write();
        left = txn.savepoint();
        bolt::write_txn owner = std::move(txn);
        owner.open_bucket("b").put("moved", "");
        left.keep();
        owner.commit();
    }
    db.update([&](bolt::write_txn& txn) { left = txn.savepoint(); });
    THROWS(BOLT_BADHANDLE, left.rollback());
    left = bolt::savepoint();
    for (int i = 0; i < 4; i++)
        CHECK(value_of(db, std::string("k").append(std::to_string(i))));
    CHECK(value_of(db, "moved"));
    close_sound(db);
}

static void functions_for_the_commit_run_with_it_and_are_destroyed_anyway() {
    bolt::database db = db_with_a_bucket();
    const auto counted = std::make_shared<int>(0);
    const auto count = [counted]() noexcept { ++*counted; };
    bolt::write_txn txn = db.begin_write();
    txn.on_commit(count);
    txn.on_commit([counted, &db]() noexcept { *counted += value_of(db, "k") ? 10 : 100; });
    txn.open_bucket("b").put("k", "v");
    CHECK(*counted == 0 && counted.use_count() == 4);
    txn.commit();
    CHECK(*counted == 11 && counted.use_count() == 2);
    {
        bolt::write_txn lost = db.begin_write();
        lost.on_commit(count);
        bolt::write_txn moved = std::move(lost);
        CHECK(counted.use_count() == 3);
    }
    CHECK(*counted == 11 && counted.use_count() == 2);
    db.update([&](bolt::write_txn& managed) { managed.on_commit(count); });
    CHECK(*counted == 12 && counted.use_count() == 2);
    int runs = 0;
    CHECK(thrown_by([&] {
              db.batch([&](bolt::write_txn& managed) -> bolt::status {
                  runs++;
                  managed.on_commit(count);
                  return bolt::failure{BOLT_CALLBACK_LAST};
              });
          }) == BOLT_CALLBACK_LAST);
    CHECK(runs == 2 && *counted == 12 && counted.use_count() == 2);
    db.batch([&](bolt::write_txn& managed) { managed.on_commit(count); });
    CHECK(*counted == 13 && counted.use_count() == 2);
    THROWS(BOLT_BADHANDLE, txn.on_commit(count));
    CHECK(counted.use_count() == 2);
    // A savepoint that is left does not keep them.
    txn = db.begin_write();
    const bolt::savepoint left = txn.savepoint();
    txn.on_commit(count);
    txn.commit();
    CHECK(*counted == 14 && counted.use_count() == 2);
    // Given away, they run all the same.
    static int runs_of_given = 0;
    txn = db.begin_write();
    txn.on_commit([]() noexcept { runs_of_given++; });
    OK(bolt_commit(txn.release()));
    CHECK(runs_of_given == 1);
    close_sound(db);
}

static void a_backup_is_made_told_of_and_stopped() {
    bolt::database db = db_with_a_bucket();
    db.update([](bolt::write_txn& txn) { txn.open_bucket("b").put("large", std::string(3 << 20, 'x')); });
    const std::string path = fresh_path();
    bolt::read_txn txn = db.begin_read();
    int told = 0;
    const bolt_backup_info info = txn.backup(path, {}, [&](std::uint64_t done, std::uint64_t total) {
        CHECK(done <= total);
        told++;
    });
    CHECK(told > 0 && info.len > (3 << 20));
    {
        bolt::database copy(path);
        CHECK(copy.begin_read().open_bucket("b").get("large")->size() == 3 << 20);
        close_sound(copy);
    }
    THROWS(BOLT_EXISTS, txn.backup(path));
    bolt::backup_options replacing;
    replacing.replace = true;
    CHECK(txn.backup(path, replacing).crc32 == info.crc32);
    const std::string other = fresh_path();
    const auto stop = [](std::uint64_t, std::uint64_t) { return false; };
    THROWS(ECANCELED, txn.backup(other, {}, stop));
    CHECK(bolt::error_code_of(ECANCELED) == std::errc::operation_canceled);
    bool passed = false;
    try {
        txn.backup_to([](std::string_view) { throw refused("no"); });
    } catch (const refused&) {
        passed = true;
    }
    CHECK(passed && access(other.c_str(), F_OK) != 0);
    THROWS(ECANCELED, txn.backup_to([](std::string_view) { return false; }));
    txn.end();
    db.compact(other);
    THROWS(BOLT_EXISTS, db.compact(other));
    bolt::compact_options how;
    how.replace = true;
    how.target.page_size = 8192;
    db.compact(other, how, [](std::uint64_t, std::uint64_t) {});
    THROWS(ECANCELED, db.compact(other, how, stop));
    bolt::database compacted(other);
    CHECK(compacted.info().page_size == 8192 && value_of(compacted, "large")->size() == 3 << 20);
    close_sound(compacted);
    close_sound(db);
}

static void a_check_tells_what_it_finds() {
    bolt::database db = db_with_a_bucket();
    db.update([](bolt::write_txn& txn) {
        for (int i = 0; i < 2000; i++)
            txn.open_bucket("b").put(std::string("key ").append(std::to_string(i)), "value");
    });
    std::string bytes;
    db.begin_read().backup_to([&](std::string_view piece) { bytes += piece; });
    CHECK(db.begin_read().check() == 0);
    db.sync();
    // A key that is out of order.
    const std::size_t first = bytes.find("key 10");
    CHECK(first != std::string::npos);
    bytes.replace(first, 6, "key 99");
    bolt::options how;
    how.read_only = true;
    const bolt::database damaged = bolt::database::open_memory(bytes, how);
    const bolt::read_txn txn = damaged.begin_read();
    std::vector<std::uint32_t> codes;
    const std::uint64_t count =
        txn.check({}, [&](const bolt_finding& finding) { codes.push_back(finding.code); });
    CHECK(count == codes.size() && count > 0 && txn.check() == count);
    CHECK(txn.check({}, [](const bolt_finding&) { return false; }) == 1);
    bolt::check_options what;
    what.errors_only = true;
    CHECK(txn.check(what) <= count);
    bool passed = false;
    try {
        txn.check({}, [](const bolt_finding&) { throw refused("no"); });
    } catch (const refused&) {
        passed = true;
    }
    CHECK(passed && txn.find_bucket("b")); // the transaction is usable again
}

static const struct test tests[] = {
    TEST(what_a_function_returns_comes_out_and_what_it_did_is_committed),
    TEST(a_transaction_object_is_rolled_back_unless_it_is_committed),
    TEST(a_reader_keeps_its_snapshot_until_it_is_renewed),
    TEST(an_exception_rolls_back_and_passes_through),
    TEST(a_failed_result_rolls_back_and_comes_out),
    TEST(a_managed_transaction_is_not_the_functions_to_end),
    TEST(many_threads_share_a_batch_and_one_that_throws_harms_no_other),
    TEST(a_list_of_writes_is_done_whole_or_not_at_all),
    TEST(a_savepoint_takes_back_what_is_not_kept),
    TEST(a_savepoint_that_outlives_its_transaction_touches_no_other),
    TEST(functions_for_the_commit_run_with_it_and_are_destroyed_anyway),
    TEST(a_backup_is_made_told_of_and_stopped),
    TEST(a_check_tells_what_it_finds),
};

int main(int argc, char** argv) {
    return RUN_TESTS(tests, argc, argv);
}
