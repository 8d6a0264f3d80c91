/* The harness of the C++ tests: that of the C tests, and what exceptions and views need. Include this before
 * anything else. */
#ifndef TEST_HPP
#define TEST_HPP

#include "../c-tests/test.h"

#include "bolt.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/* A new database that does not wait for the disk. */
inline bolt::database fresh() {
    bolt::options how;
    how.no_sync = true;
    bolt::result<bolt::database> db = bolt::database::try_open(fresh_path(), how);
    CHECK(db);
    return *std::move(db);
}

/* Closes a database and checks the file that it leaves. */
inline void close_sound(bolt::database& db) {
    const std::string path(*db.try_path());
    CHECK(db.try_close());
    bolt::options how;
    how.read_only = true;
    const bolt::result<bolt::database> again = bolt::database::try_open(path, how);
    CHECK(again);
    const bolt::result<bolt::read_txn> txn = again->try_begin_read();
    CHECK(txn && *txn->try_check() == 0);
}

#if BOLT_CPP_EXCEPTIONS
/* The code of the bolt::error that a function throws; 0 where it throws nothing. */
template <class Function>
int thrown_by(Function&& function) {
    try {
        static_cast<void>(function());
    } catch (const bolt::error& error) {
        return error.code().value();
    }
    return 0;
}
#define THROWS(expected, ...) CHECK(thrown_by([&] { return __VA_ARGS__; }) == (expected))
#endif

#endif
