// The objects of bolt.hpp: what they own, what a move leaves, how errors come, options, the sizes of handles.
#include "test.hpp"

#include <system_error>
#include <thread>

template <class T>
constexpr bool is_owner = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>
    && !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
template <class T>
constexpr bool is_small = sizeof(T) == sizeof(void*) && std::is_trivially_copyable_v<T>
    && std::is_nothrow_default_constructible_v<T>;

static_assert(is_owner<bolt::database> && is_owner<bolt::read_txn> && is_owner<bolt::write_txn>);
static_assert(is_owner<bolt::cursor> && is_owner<bolt::write_cursor> && is_owner<bolt::savepoint>);
static_assert(is_owner<bolt::batch_list>);
static_assert(is_small<bolt::bucket> && is_small<bolt::write_bucket>);
static_assert(sizeof(bolt::database) == sizeof(void*) && sizeof(bolt::cursor) == sizeof(void*));
static_assert(std::is_nothrow_copy_constructible_v<bolt::error>);
static_assert(std::is_base_of_v<std::system_error, bolt::error>);
static_assert(std::is_copy_constructible_v<bolt::entry_iterator>);
static_assert(!std::is_convertible_v<bolt::bucket, bolt::write_bucket>);
static_assert(!std::is_convertible_v<bolt::read_txn*, bolt::write_txn*>);
static_assert(!std::is_constructible_v<bolt::txn>, "a transaction is to read or to write");

static void put_one(const bolt::database& db) {
    db.update([](bolt::write_txn& txn) { txn.ensure_bucket("b").put("k", "v"); });
}

static void a_database_is_opened_used_and_closed_by_its_object() {
    const std::string path = fresh_path();
    {
        bolt::database db(path);
        CHECK(db.path() == path);
        put_one(db);
        CHECK(db.info().page_size >= 1024 && db.stats().commit_count == 1);
        THROWS(BOLT_BUSY, bolt::database(path, [] {
                   bolt::options how;
                   how.lock_timeout = std::chrono::milliseconds(0);
                   return how;
               }()));
    }
    bolt::database again(path);
    CHECK(again.begin_read().open_bucket("b").get("k") == "v");
    again.close();
    CHECK(again.handle() == nullptr);
    again.close();
}

static void a_database_stays_open_while_a_transaction_is() {
    bolt::database db = fresh();
    put_one(db);
    bolt::read_txn txn = db.begin_read();
    THROWS(BOLT_BUSY, db.close());
    CHECK(db.handle() != nullptr && txn.open_bucket("b").contains("k"));
    txn.end();
    close_sound(db);
}

static void what_was_moved_from_owns_nothing_and_says_bad_handle() {
    bolt::database db = fresh();
    put_one(db);
    bolt::database other = std::move(db);
    THROWS(BOLT_BADHANDLE, db.begin_read());
    THROWS(BOLT_BADHANDLE, db.info());
    THROWS(BOLT_BADHANDLE, db.update([](bolt::write_txn&) {}));
    db = std::move(other);
    CHECK(other.handle() == nullptr && db.begin_read().open_bucket("b").contains("k"));

    bolt::write_txn txn = db.begin_write();
    bolt::write_txn taken = std::move(txn);
    THROWS(BOLT_BADHANDLE, txn.commit());
    THROWS(BOLT_BADHANDLE, txn.root());
    THROWS(BOLT_BADHANDLE, txn.savepoint());
    txn.rollback();
    taken.open_bucket("b").put("moved", "on");
    taken.commit();
    THROWS(BOLT_BADHANDLE, taken.commit());

    bolt::read_txn reader = db.begin_read();
    bolt::cursor cursor = reader.open_bucket("b").cursor();
    bolt::cursor moved = std::move(cursor);
    THROWS(BOLT_BADHANDLE, cursor.first());
    CHECK(moved.first()->key == "k");
    bolt::read_txn later = std::move(reader);
    CHECK(moved.next()->key == "moved");
    THROWS(BOLT_BADHANDLE, reader.open_bucket("b"));
    reader.end();

    bolt::batch_list list;
    list.put("b", "x", "y");
    bolt::batch_list all = std::move(list);
    THROWS(BOLT_BADHANDLE, list.put("b", "x", "y"));
    THROWS(BOLT_BADHANDLE, db.commit(list));
    db.commit(all);
    later.end();
    close_sound(db);
}

template <class T>
static void move_to_itself(T& object) {
    T& same = object;
    object = std::move(same);
}

static void a_move_to_itself_changes_nothing() {
    bolt::database db = fresh();
    put_one(db);
    move_to_itself(db);
    bolt::write_txn txn = db.begin_write();
    txn.open_bucket("b").put("two", "2");
    move_to_itself(txn);
    {
        bolt::savepoint before = txn.savepoint();
        txn.open_bucket("b").put("three", "3");
        move_to_itself(before);
    }
    bolt::write_cursor cursor = txn.open_bucket("b").cursor();
    move_to_itself(cursor);
    CHECK(cursor.last()->key == "two" && !cursor.next());
    txn.commit();
    bolt::read_txn reader = db.begin_read();
    move_to_itself(reader);
    CHECK(reader.open_bucket("b").contains("two"));
    reader.end();
    close_sound(db);
}

static void an_assignment_ends_what_was_there() {
    bolt::database db = fresh();
    put_one(db);
    bolt::write_txn txn = db.begin_write();
    txn.open_bucket("b").put("lost", "");
    txn = bolt::write_txn();
    txn = db.begin_write(); // it would wait for ever, were the first still open
    CHECK(!txn.open_bucket("b").contains("lost"));
    bolt::read_txn reader = db.begin_read();
    reader = db.begin_read();
    CHECK(db.info().reader_count == 1 && db.readers().size() == 1);
    reader = bolt::read_txn();
    txn.rollback();
    CHECK(db.info().reader_count == 0 && db.readers().empty());
    db = fresh(); // closes the first
    put_one(db);
    close_sound(db);
}

static void handles_of_c_are_adopted_and_given_away() {
    bolt_db* c = fresh_db();
    bolt::database db(c);
    CHECK(db.handle() == c);
    bolt_txn* begun = begin(c, BOLT_WRITE);
    {
        bolt::write_txn txn(begun);
        txn.ensure_bucket("b").put("k", "v");
        bolt_txn* const given = txn.release();
        CHECK(given == begun && txn.handle() == nullptr);
    }
    OK(bolt_commit(begun));
    bolt::read_txn reader(begin(c, BOLT_READ));
    CHECK(holds(reader.open_bucket("b").handle(), "k", "v"));
    OK(bolt_rollback(reader.release()));
    bolt_db* const given = db.release();
    CHECK(given == c);
    OK(bolt_close(c));
}

static void an_error_has_the_code_the_sentence_and_the_place() {
    try {
        bolt::database db("/no such directory/db");
        CHECK(false);
    } catch (const std::system_error& error) {
        CHECK(error.code() == std::errc::no_such_file_or_directory);
        CHECK(std::string_view(error.what()).find("No such file") != std::string_view::npos);
    }
    bolt::database db = fresh();
    put_one(db);
    bolt::write_txn txn = db.begin_write();
    const bolt::write_bucket bucket = txn.open_bucket("b");
    try {
        bucket.put("", "");
        CHECK(false);
    } catch (const bolt::error& error) {
        CHECK(error.code() == bolt::errc::key_required && error.code().value() == BOLT_KEYREQUIRED);
        CHECK(std::string_view(error.what()) == "a key must not be empty");
        CHECK(error.page() == BOLT_NO_PAGE && error.os_errno() == 0);
        CHECK(error.code().category() == bolt::error_category());
        CHECK(std::string_view(error.code().category().name()) == "bolt");
        const bolt::error copy = error;
        CHECK(copy.code() == error.code() && std::string_view(copy.what()) == error.what());
    }
    // What is no failure to C leaves no details, so those of the last failure must not be taken for its own.
    try {
        txn.open_bucket("none");
        CHECK(false);
    } catch (const bolt::error& error) {
        CHECK(error.code() == bolt::errc::not_found);
        CHECK(std::string_view(error.what()) == bolt_strerror(BOLT_NOTFOUND));
    }
    CHECK(std::error_code(bolt::errc::busy) == std::errc::device_or_resource_busy);
    CHECK(std::error_code(bolt::errc::timeout) == std::errc::timed_out);
    CHECK(std::error_code(bolt::errc::argument) == std::errc::invalid_argument);
    CHECK(bolt::error_code_of(ENOSPC) == std::errc::no_space_on_device);
    CHECK(!bolt::error_code_of(BOLT_OK));
    txn.rollback();
    close_sound(db);
}

static bolt::result<int> half_of(int number) {
    if (number % 2 != 0)
        return bolt::failure{BOLT_ARGUMENT};
    return number / 2;
}

static void a_result_has_a_value_or_a_code() {
    const bolt::result<int> good = half_of(8), bad = half_of(7);
    CHECK(good && good.has_value() && *good == 4 && good.value() == 4 && good.code() == BOLT_OK);
    CHECK(!good.error() && good.value_or(1) == 4);
    CHECK(!bad && bad.code() == BOLT_ARGUMENT && bad.error() == bolt::errc::argument && bad.value_or(1) == 1);
    THROWS(BOLT_ARGUMENT, bad.value());
    bolt::result<std::string> text = "some text that is longer than a short string";
    CHECK(text->size() == 44);
    const std::string out = *std::move(text);
    CHECK(out.size() == 44);
    CHECK(bolt::status() && !bolt::status(bolt::failure{BOLT_FULL}));
    THROWS(BOLT_FULL, bolt::status(bolt::failure{BOLT_FULL}).value());
    // An empty optional is a value.
    bolt::database db = fresh();
    put_one(db);
    const bolt::read_txn txn = db.begin_read();
    const auto none = txn.open_bucket("b").try_get("none");
    CHECK(none && !*none);
}

static void options_that_are_not_set_are_those_of_c() {
    bolt_options expected;
    OK(bolt_options_init(&expected, sizeof expected));
    bolt::result<bolt_options> found = bolt::options().for_c();
    CHECK(found && memcmp(&*found, &expected, sizeof expected) == 0);

    bolt::options how;
    how.read_only = how.no_sync = how.bbolt_rules = how.preload_freelist = true;
    how.populate = how.mlock = how.strict = true;
    how.page_size = 8192;
    how.file_mode = 0640;
    how.freelist = bolt::freelist_mode::never;
    how.fill_percent = 90;
    how.lock_timeout = std::chrono::seconds(2);
    how.initial_map_len = 1;
    how.max_len = 2;
    how.alloc_len = 0;
    how.batch_len = 3;
    found = how.for_c();
    CHECK(found);
    CHECK(found->flags
          == (BOLT_OPEN_READONLY | BOLT_OPEN_NOSYNC | BOLT_OPEN_BBOLT_RULES | BOLT_OPEN_PRELOAD_FREELIST
              | BOLT_OPEN_POPULATE | BOLT_OPEN_MLOCK | BOLT_OPEN_STRICT));
    CHECK(found->page_size == 8192 && found->file_mode == 0640 && found->fill_percent == 90);
    CHECK(found->freelist_mode == BOLT_FREELIST_NEVER && found->lock_timeout_ms == 2000);
    CHECK(found->initial_map_len == 1 && found->max_len == 2 && found->alloc_len == 0);
    CHECK(found->batch_len == 3 && found->freelist_type == expected.freelist_type);
    how.lock_timeout = std::chrono::milliseconds(-1);
    CHECK(how.for_c().code() == BOLT_ARGUMENT);
#if __cplusplus >= 202002L
    bolt::database db(fresh_path(), {.no_sync = true, .page_size = 1024, .alloc_len = 0});
    CHECK(db.info().page_size == 1024);
#endif
}

static void a_path_with_a_zero_in_it_names_no_file() {
    std::string path = fresh_path();
    path.push_back('\0');
    path += "tail";
    THROWS(BOLT_ARGUMENT, bolt::database(path));
    bolt::database db = fresh();
    THROWS(BOLT_ARGUMENT, db.compact(path));
    THROWS(BOLT_ARGUMENT, db.begin_read().backup(path));
}

static void a_database_in_memory_and_one_by_descriptor_are_databases() {
    bolt::database db = bolt::database::open_memory();
    put_one(db);
    std::string bytes;
    const bolt_backup_info info = db.begin_read().backup_to([&](std::string_view piece) { bytes += piece; });
    CHECK(info.len == bytes.size() && !bytes.empty());
    const bolt::database copy = bolt::database::open_memory(bytes);
    CHECK(copy.begin_read().open_bucket("b").get("k") == "v" && copy.path().empty());
    THROWS(BOLT_INVALID, bolt::database::open_memory(std::string(8192, 'x')));

    FILE* const file = fopen(fresh_path(), "w+b");
    CHECK(file != nullptr);
    {
        const bolt::database by_fd = bolt::database::open_fd(fileno(file));
        put_one(by_fd);
        CHECK(by_fd.begin_read().check() == 0);
    }
    CHECK(fclose(file) == 0);
}

static void threads_share_a_database_object() {
    bolt::database db = fresh();
    put_one(db);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([&db, i] {
            db.batch([i](bolt::write_txn& txn) { txn.open_bucket("b").put(std::to_string(i), ""); });
            CHECK(db.view([](const bolt::read_txn& txn) { return txn.open_bucket("b").contains("k"); }));
        });
    // A transaction belongs to no thread.
    bolt::read_txn txn = db.begin_read();
    threads.emplace_back([moved = std::move(txn)] { CHECK(moved.open_bucket("b").contains("k")); });
    for (std::thread& thread : threads)
        thread.join();
    threads.clear();
    CHECK(db.begin_read().open_bucket("b").stats().key_count == 5);
    close_sound(db);
}

static void the_library_fits_its_header() {
    bolt::check_version();
    CHECK(bolt::try_check_version());
}

static const struct test tests[] = {
    TEST(a_database_is_opened_used_and_closed_by_its_object),
    TEST(a_database_stays_open_while_a_transaction_is),
    TEST(what_was_moved_from_owns_nothing_and_says_bad_handle),
    TEST(a_move_to_itself_changes_nothing),
    TEST(an_assignment_ends_what_was_there),
    TEST(handles_of_c_are_adopted_and_given_away),
    TEST(an_error_has_the_code_the_sentence_and_the_place),
    TEST(a_result_has_a_value_or_a_code),
    TEST(options_that_are_not_set_are_those_of_c),
    TEST(a_path_with_a_zero_in_it_names_no_file),
    TEST(a_database_in_memory_and_one_by_descriptor_are_databases),
    TEST(threads_share_a_database_object),
    TEST(the_library_fits_its_header),
};

int main(int argc, char** argv) {
    return RUN_TESTS(tests, argc, argv);
}
