// The same from C++, with an exception on its way through the program: C++ and Rust unwind the stack by the
// same routines.
#include <bolt.h>

#include <iostream>
#include <stdexcept>
#include <string>

namespace {

struct failure : std::runtime_error {
    explicit failure(int code) : std::runtime_error(bolt_error_name(code)), code(code) {}
    int code;
};

void check(int code) {
    if (code != BOLT_OK)
        throw failure(code);
}

std::string colour(bolt_db *db) {
    bolt_txn *txn;
    bolt_bucket *root, *fruit;
    check(bolt_txn_begin(db, BOLT_WRITE, &txn));
    check(bolt_root(txn, &root));
    check(bolt_bucket_ensure(root, "fruit", 5, &fruit));
    check(bolt_put(fruit, "apple", 5, "red", 3));
    const void *value;
    std::size_t value_len;
    check(bolt_get(fruit, "apple", 5, &value, &value_len));
    std::string text(static_cast<const char *>(value), value_len);
    check(bolt_commit(txn));
    return text;
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    bolt_db *db;
    try {
        check(bolt_open((std::string(argv[1]) + "/no such directory/db").c_str(), nullptr, &db));
        return 3;
    } catch (const failure &error) {
        if (std::string(error.what()) != "ENOTDIR" && std::string(error.what()) != "ENOENT")
            return 4;
    }
    check(bolt_open(argv[1], nullptr, &db));
    const std::string text = colour(db);
    check(bolt_close(db));
    std::cout << "libbolt " << bolt_version_string() << ": apples are " << text << "\n";
    return text == "red" ? 0 : 5;
}
