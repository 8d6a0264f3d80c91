// Buckets, cursors and ranges in C++: loops over what is there, and what stays valid.
#include "test.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#if __cplusplus >= 202002L && !defined(__clang__)
#include <ranges>
#endif

using strings = std::vector<std::string>;

/* A database whose bucket "b" has these keys, each with itself as its value. */
static bolt::database db_of(const strings& keys) {
    bolt::database db = fresh();
    db.update([&](bolt::write_txn& txn) {
        const bolt::write_bucket bucket = txn.ensure_bucket("b");
        for (const std::string& key : keys)
            bucket.put(key, key);
    });
    return db;
}

static strings many_keys(int count) {
    strings keys;
    for (int i = 0; i < count; i++)
        keys.push_back(std::to_string(100000 + i));
    return keys;
}

template <class Range>
static strings keys_of(const Range& range) {
    strings keys;
    for (const auto& [key, value] : range)
        keys.emplace_back(key);
    return keys;
}

static void a_loop_goes_over_a_bucket() {
    const strings keys = many_keys(2000);
    bolt::database db = db_of(keys);
    bolt::read_txn txn = db.begin_read();
    const bolt::bucket bucket = txn.open_bucket("b");
    strings found;
    for (auto [key, value] : bucket) {
        CHECK(key == value);
        found.emplace_back(key);
    }
    CHECK(found == keys && keys_of(bucket.entries()) == keys);
    CHECK(keys_of(bucket.reverse()) == strings(keys.rbegin(), keys.rend()));
    CHECK(keys_of(bucket.reverse().reverse()) == keys);
    txn.end();
    close_sound(db);
}

static void an_empty_bucket_is_an_empty_range() {
    bolt::database db = db_of({});
    const bolt::read_txn txn = db.begin_read();
    const bolt::bucket bucket = txn.open_bucket("b");
    CHECK(bucket.begin() == bucket.end() && bucket.reverse().begin() == bolt::entry_iterator());
    CHECK(bucket.for_each([](bolt::entry) { CHECK(false); }));
}

static void a_break_in_the_middle_leaves_nothing_behind() {
    bolt::database db = db_of(many_keys(100));
    {
        const bolt::read_txn txn = db.begin_read();
        const bolt::bucket bucket = txn.open_bucket("b");
        std::string_view kept;
        for (auto [key, value] : bucket) {
            kept = value;
            if (key == "100041")
                break;
        }
        CHECK(kept == "100041"); // it lies in the transaction, not in the loop
        bool was_thrown = false;
        try {
            for (auto [key, value] : bucket.from("100007"))
                throw std::string(key);
        } catch (const std::string& key) {
            was_thrown = key == "100007";
        }
        CHECK(was_thrown);
        int count = 0;
        CHECK(!bucket.for_each([&](std::string_view key, std::string_view) {
            count++;
            return key != "100041";
        }));
        CHECK(count == 42);
    }
    close_sound(db);
}

static void parts_of_a_bucket_are_ranges() {
    bolt::database db =
        db_of({"a", "ab", "abc", "abd", "ac", "b", "b\xFF", "b\xFF\xFF", "c", "\xFF", "\xFF\xFF"});
    const bolt::read_txn txn = db.begin_read();
    const bolt::bucket bucket = txn.open_bucket("b");
    CHECK(keys_of(bucket.range("ab", "ac")) == (strings{"ab", "abc", "abd"}));
    CHECK(keys_of(bucket.range("ab", "ac").reverse()) == (strings{"abd", "abc", "ab"}));
    CHECK(keys_of(bucket.range("b", "a")).empty());
    CHECK(keys_of(bucket.from("c")) == (strings{"c", "\xFF", "\xFF\xFF"}));
    CHECK(keys_of(bucket.until("ab")) == (strings{"a"}));
    CHECK(keys_of(bucket.prefix("ab")) == (strings{"ab", "abc", "abd"}));
    CHECK(keys_of(bucket.prefix("ab").from("abc")) == (strings{"abc", "abd"}));
    CHECK(keys_of(bucket.prefix("ab").from("a").until("abd")) == (strings{"ab", "abc"}));
    CHECK(keys_of(bucket.prefix("b\xFF")) == (strings{"b\xFF", "b\xFF\xFF"}));
    CHECK(keys_of(bucket.prefix("\xFF")) == (strings{"\xFF", "\xFF\xFF"}));
    CHECK(keys_of(bucket.prefix("\xFF\xFF").reverse()) == (strings{"\xFF\xFF"}));
    CHECK(keys_of(bucket.prefix("")).size() == 11 && keys_of(bucket.prefix("zz")).empty());
    // A range has copies of its bounds, so they may be temporary.
    for (auto [key, value] : bucket.prefix(std::string("a") + "bc"))
        CHECK(key == "abc" && value == key);
    strings given;
    CHECK(bucket.prefix("ab").reverse().for_each([&](bolt::entry one) { given.emplace_back(one.key); }));
    CHECK(given == (strings{"abd", "abc", "ab"}));
}

static void iterators_work_with_the_algorithms() {
    const strings keys = many_keys(300);
    bolt::database db = db_of(keys);
    const bolt::read_txn txn = db.begin_read();
    const bolt::bucket bucket = txn.open_bucket("b");
    CHECK(std::distance(bucket.begin(), bucket.end()) == 300);
    const std::vector<bolt::entry> all(bucket.begin(), bucket.end());
    CHECK(all.size() == 300 && all[299].key == keys[299]);
    const auto is_it = [](const bolt::entry& one) { return one.key == "100123"; };
    const auto found = std::find_if(bucket.begin(), bucket.end(), is_it);
    CHECK(found != bucket.end() && found->value == "100123" && (*found).key == found->key);
    CHECK(std::accumulate(bucket.begin(), bucket.end(), std::size_t(0), [](std::size_t sum, bolt::entry one) {
              return sum + one.value.size();
          }) == 1800);
    static_assert(std::is_same_v<std::iterator_traits<bolt::entry_iterator>::iterator_category,
                                 std::input_iterator_tag>);
#if __cplusplus >= 202002L
    static_assert(std::input_iterator<bolt::entry_iterator>);
    static_assert(std::sentinel_for<bolt::entry_iterator, bolt::entry_iterator>);
#if !defined(__clang__)
    static_assert(std::ranges::input_range<bolt::bucket> && std::ranges::view<bolt::bucket>);
    static_assert(std::ranges::input_range<bolt::entry_range> && std::ranges::borrowed_range<bolt::bucket>);
    strings some;
    for (auto [key, value] : bucket | std::views::drop(10) | std::views::take(2))
        some.emplace_back(key);
    for (const std::string_view key : bucket.prefix("10029") | std::views::transform(&bolt::entry::key)
             | std::views::filter([](std::string_view key) { return key.back() == '7'; }))
        some.emplace_back(key);
    CHECK(some == (strings{"100010", "100011", "100297"}));
    CHECK(std::ranges::count_if(bucket, [](bolt::entry one) { return one.key.back() == '0'; }) == 30);
#endif
#endif
}

static void copies_of_an_iterator_share_their_place_and_keep_their_entry() {
    bolt::database db = db_of({"a", "b", "c"});
    bolt::read_txn txn = db.begin_read();
    bolt::entry_iterator it = txn.open_bucket("b").begin();
    const bolt::entry_iterator before = it++;
    CHECK(before->key == "a" && it->key == "b" && before != it);
    bolt::entry_iterator copy = it;
    CHECK(copy == it);
    copy = before;
    CHECK(copy->key == "a");
    bolt::entry_iterator moved = std::move(it);
    CHECK((*++moved).key == "c");
    CHECK(++moved == bolt::entry_iterator() && copy->key == "a");
    bolt::entry_iterator& same = copy;
    copy = same;
    CHECK(copy->key == "a");
    // They may outlive the transaction, as they close what C's cursor is.
    txn.end();
    close_sound(db);
}

static void a_failure_in_a_loop_is_thrown_or_reported() {
    bolt::database db = db_of({"a", "b", "c"});
    bolt::read_txn txn = db.begin_read();
    const bolt::bucket bucket = txn.open_bucket("b");
    bolt::status told = bolt::failure{BOLT_FULL};
    CHECK(keys_of(bucket.entries().report_to(told)).size() == 3 && told);
    bolt::entry_iterator it = bucket.begin();
    const bolt::entry_range reporting = bucket.entries().report_to(told);
    bolt::entry_iterator quiet = reporting.begin();
    txn.reset();
    THROWS(BOLT_BADHANDLE, ++it);
    CHECK(it == bolt::entry_iterator());
    ++quiet;
    CHECK(quiet == reporting.end() && told.code() == BOLT_BADHANDLE);
    THROWS(BOLT_BADHANDLE, bucket.begin());
    CHECK(keys_of(reporting).empty() && told.code() == BOLT_BADHANDLE);
    CHECK(bucket.try_for_each([](bolt::entry) {}).code() == BOLT_BADHANDLE);
    txn.end();
    close_sound(db);
}

static void what_is_written_in_a_loop_is_seen_as_by_a_cursor() {
    bolt::database db = db_of({"a", "b", "c", "d"});
    db.update([](bolt::write_txn& txn) {
        const bolt::write_bucket bucket = txn.open_bucket("b");
        strings seen;
        for (auto [key, value] : bucket) {
            seen.emplace_back(key);
            if (key == "a") {
                bucket.erase("b");
                bucket.put("bb", "new");
            }
            if (key == "c")
                bucket.put("c", "other");
        }
        CHECK(seen == (strings{"a", "bb", "c", "d"}));
    });
    close_sound(db);
}

static void bytes_stay_as_they_are_until_the_transaction_ends() {
    bolt::database db = db_of({"a", "b"});
    db.update([](bolt::write_txn& txn) {
        const bolt::write_bucket bucket = txn.open_bucket("b");
        const std::string_view old = *bucket.get("a");
        bucket.put("a", "new");
        const std::string_view changed = *bucket.get("a");
        bucket.erase("a");
        CHECK(old == "a" && changed == "new" && !bucket.get("a"));
        bucket.put("b", *bucket.get("b")); // a value of the transaction goes in again
        char* const room = bucket.put_reserve("c", 3);
        CHECK(std::string_view(room, 3) == std::string_view("\0\0\0", 3));
        memcpy(room, "xyz", 3);
        CHECK(bucket.get("c") == "xyz");
    });
    CHECK(db.begin_read().open_bucket("b").get("c") == "xyz");
    close_sound(db);
}

static void keys_and_values_are_got_put_and_erased() {
    bolt::database db = db_of({"a"});
    bolt::write_txn txn = db.begin_write();
    const bolt::write_bucket bucket = txn.open_bucket("b");
    CHECK(bucket.insert("n", "1") && !bucket.insert("n", "2") && bucket.get("n") == "1");
    CHECK(bucket.replace("n", "3") && !bucket.replace("none", "3") && bucket.get("n") == "3");
    CHECK(bucket.append("z", "") && !bucket.append("y", "") && bucket.get("z") == "");
    CHECK(bucket.contains("z") && !bucket.contains("y") && !bucket.get("y"));
    bucket.put(std::string_view("zero\0in", 7), std::string_view("\0", 1));
    CHECK(bucket.get(std::string_view("zero\0in", 7))->size() == 1);
    bucket.erase("none");
    CHECK(bucket.erase_range("n", "z") == 1 && bucket.erase_range("z", std::nullopt) == 2);
    CHECK(bucket.erase_range(std::nullopt, std::nullopt) == 1);
    THROWS(BOLT_KEYREQUIRED, bucket.put("", ""));
    THROWS(BOLT_KEYSIZE, bucket.put(std::string(BOLT_KEY_LEN_MAX + 1, 'k'), ""));
    THROWS(BOLT_KEYREQUIRED, bucket.insert("", ""));
    THROWS(BOLT_KEYREQUIRED, bucket.put_reserve("", 1));
    CHECK(bucket.sequence() == 0 && bucket.next_sequence() == 1);
    bucket.set_sequence(41);
    CHECK(bucket.next_sequence() == 42 && bucket.sequence() == 42);
    bucket.set_fill_percent(0.9);
    THROWS(BOLT_ARGUMENT, bucket.set_fill_percent(1.1));
    txn.commit();
    close_sound(db);
}

static void many_values_come_at_once() {
    const strings keys = many_keys(1000);
    bolt::database db = db_of(keys);
    const bolt::read_txn txn = db.begin_read();
    const bolt::bucket bucket = txn.open_bucket("b");
    const auto values = bucket.get_many(keys);
    CHECK(values.size() == 1000);
    for (std::size_t i = 0; i < keys.size(); i++)
        CHECK(values[i] == keys[i]);
    const auto some = bucket.get_many({"100001", "none", "100000"});
    CHECK(some.size() == 3 && some[0] == "100001" && !some[1] && some[2] == "100000");
    CHECK(bucket.get_many(std::vector<std::string_view>()).empty());
    const char* const texts[] = {"100002", ""};
    CHECK(bucket.get_many(texts)[0] == "100002" && !bucket.get_many(texts)[1]);
}

static void a_cursor_moves_and_erases() {
    bolt::database db = db_of({"a", "c", "e"});
    bolt::write_txn txn = db.begin_write();
    bolt::write_cursor cursor = txn.open_bucket("b").cursor();
    CHECK(!cursor.current() && !cursor.next() && !cursor.erase());
    CHECK(cursor.first()->key == "a" && cursor.next()->key == "c" && cursor.current()->value == "c");
    CHECK(cursor.last()->key == "e" && cursor.prev()->key == "c" && cursor.prev()->key == "a");
    CHECK(!cursor.prev());
    CHECK(cursor.seek("b")->key == "c" && cursor.seek("c")->key == "c" && cursor.seek("")->key == "a");
    CHECK(!cursor.seek("f") && cursor.prev()->key == "e");
    CHECK(cursor.seek_le("d")->key == "c" && !cursor.seek_le("Z") && cursor.next()->key == "a");
    cursor.set_bounds("b", "e");
    CHECK(cursor.first()->key == "c" && !cursor.next() && cursor.last()->key == "c");
    cursor.set_bounds(std::nullopt, std::nullopt);
    CHECK(cursor.seek("c")->key == "c" && cursor.erase() && cursor.next()->key == "e");
    CHECK(!txn.open_bucket("b").contains("c"));
    bolt::cursor& reading = cursor;
    CHECK(reading.first()->key == "a");
    txn.commit();
    THROWS(BOLT_BADHANDLE, cursor.first());
    close_sound(db);
}

static void buckets_lie_in_buckets() {
    bolt::database db = db_of({"value"});
    db.update([](bolt::write_txn& txn) {
        const bolt::write_bucket outer = txn.open_bucket("b");
        outer.create_bucket("inner").ensure_bucket("deep").put("k", "v");
        THROWS(BOLT_EXISTS, outer.create_bucket("inner"));
        THROWS(BOLT_WRONGTYPE, outer.open_bucket("value"));
        THROWS(BOLT_WRONGTYPE, outer.find_bucket("value"));
        THROWS(BOLT_NOTFOUND, outer.open_bucket("none"));
        CHECK(!outer.find_bucket("none") && outer.find_bucket("inner") && !txn.find_bucket("none"));
        THROWS(BOLT_EXISTS, txn.create_bucket("b"));
        THROWS(BOLT_SAMEBUCKET, outer.move_bucket("inner", outer));
        outer.open_bucket("inner").move_bucket("deep", txn.root());
        CHECK(txn.find_bucket("deep")->get("k") == "v");
        CHECK(txn.create_bucket("gone").handle() != nullptr);
        CHECK(txn.erase_bucket("gone") && !txn.erase_bucket("gone") && outer.erase_bucket("inner"));
        outer.create_bucket("empty");
    });
    const bolt::read_txn txn = db.begin_read();
    int buckets = 0;
    for (const bolt::entry& one : txn.open_bucket("b")) {
        buckets += one.is_bucket();
        CHECK(one.is_bucket() == (one.key == "empty"));
    }
    CHECK(buckets == 1 && txn.find_bucket("b")->find_bucket("empty") && txn.root().stats().bucket_count == 4);
}

static const struct test tests[] = {
    TEST(a_loop_goes_over_a_bucket),
    TEST(an_empty_bucket_is_an_empty_range),
    TEST(a_break_in_the_middle_leaves_nothing_behind),
    TEST(parts_of_a_bucket_are_ranges),
    TEST(iterators_work_with_the_algorithms),
    TEST(copies_of_an_iterator_share_their_place_and_keep_their_entry),
    TEST(a_failure_in_a_loop_is_thrown_or_reported),
    TEST(what_is_written_in_a_loop_is_seen_as_by_a_cursor),
    TEST(bytes_stay_as_they_are_until_the_transaction_ends),
    TEST(keys_and_values_are_got_put_and_erased),
    TEST(many_values_come_at_once),
    TEST(a_cursor_moves_and_erases),
    TEST(buckets_lie_in_buckets),
};

int main(int argc, char** argv) {
    return RUN_TESTS(tests, argc, argv);
}
