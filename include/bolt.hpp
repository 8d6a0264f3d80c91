/* bolt.hpp - libbolt for C++17 and later: bolt.h with objects, views, ranges, lambdas and exceptions.
 *
 * Licence: MIT or Apache-2.0.
 *
 *     bolt::database db("my.db");
 *     db.update([](bolt::write_txn& txn) { txn.ensure_bucket("fruit").put("apple", "red"); });
 *     db.view([](const bolt::read_txn& txn) {
 *         for (auto [key, value] : txn.open_bucket("fruit"))
 *             std::cout << key << " is " << value << "\n";
 *     });
 *
 * bolt.h is the manual of what the functions do; here stands what C++ makes of them. There is nothing to
 * link beside libbolt, and each function compiles to the call of C that it names or resembles.
 *
 * CONVENTIONS
 *
 * Errors. An operation throws bolt::error where C has a code that is a failure. Its twin try_..., with the
 * same parameters, gives a bolt::result instead, which holds a value or a code. What C answers with
 * BOLT_NOTFOUND is no failure where the question was whether there is something: get, find_bucket and the
 * moves of a cursor give an empty optional. Destructors end what they own and say nothing; where the code
 * matters (bolt::database::close), call the function. Memory of C++'s own that is not to be had is
 * std::bad_alloc in both.
 *
 * Bytes. Keys and values are std::string_view, in and out, of any bytes. Those that come out lie in the
 * database, cost no copy, and stay valid and unchanged until the transaction ends, even when the key is put
 * anew or deleted. Copy into a std::string what shall live longer. Nothing that goes in is kept after the
 * call, unless it is said. Keep a transaction in a variable: what comes from `db.begin_read()` in a longer
 * expression ends with the statement, and at the head of a loop before the loop begins.
 *
 * Objects. A database, a transaction, a cursor, a savepoint and a batch_list own what they stand for: they
 * can be moved and not copied, and end it when they end. One that was moved from, or made without arguments,
 * owns nothing; its operations fail with errc::bad_handle. A bucket, an entry and a range own nothing of the
 * database, are cheap to copy, and end with their transaction. A cursor and an iterator may outlive their
 * transaction, but not be moved on. End transactions before their database: a database object cannot close
 * what is in use, and then leaves it open.
 *
 * Reading and writing. What can write has a type of its own: write_txn, write_bucket, write_cursor. Each is
 * taken where its reading base (txn, bucket, cursor) is, so a function that reads takes a const bolt::txn&
 * or a bolt::bucket, and is given either.
 *
 * Threads. As in C: any number of threads use a database object at the same time, also to begin
 * transactions. A transaction belongs to no thread, but is used by one at a time, and so is all that comes
 * from it: buckets, cursors, ranges, iterators and their copies, savepoints.
 *
 * Functions of yours are called by libbolt through C. An exception that leaves one does not: it is kept,
 * libbolt is told to stop and takes back what was done, and the exception goes on from the operation that
 * you called, also from a try_. A function that returns false stops what calls it; true or void goes on.
 *
 * C is not far: handle() gives the handle of each object, for all functions of bolt.h.
 *
 * Without exceptions (-fno-exceptions) all is there, and what would throw writes what is wrong to standard
 * error and aborts: use the try_ functions. The names lie in an inline namespace then, so that files
 * compiled with exceptions and without them can be linked together, as long as they keep these objects to
 * themselves.
 */
#ifndef BOLT_HPP
#define BOLT_HPP

#include "bolt.h"

#if !defined(__cplusplus) || (__cplusplus < 201703L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 201703L))
#error "bolt.hpp needs C++17: compile with -std=c++17 or later, or use bolt.h"
#endif

#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define BOLT_CPP_EXCEPTIONS 1
#else
#define BOLT_CPP_EXCEPTIONS 0
#endif

/* Exceptions are known by their type across shared libraries, so it must not be hidden. */
#if defined(__GNUC__) && !defined(_WIN32)
#define BOLT_CPP_VISIBLE __attribute__((visibility("default")))
#else
#define BOLT_CPP_VISIBLE
#endif
#if defined(__GNUC__)
#define BOLT_CPP_COLD __attribute__((noinline, cold))
#else
#define BOLT_CPP_COLD
#endif

/** libbolt for C++. */
namespace bolt {

#if !BOLT_CPP_EXCEPTIONS
inline namespace no_exceptions {
#endif

// ---- Errors -------------------------------------------------------------------------------------------

/** libbolt's own codes, to compare an error with: `error.code() == bolt::errc::busy`. */
enum class errc : int {
    not_found = BOLT_NOTFOUND,               /**< BOLT_NOTFOUND */
    exists = BOLT_EXISTS,                    /**< BOLT_EXISTS */
    corrupt = BOLT_CORRUPT,                  /**< BOLT_CORRUPT */
    invalid = BOLT_INVALID,                  /**< BOLT_INVALID */
    bad_version = BOLT_BADVERSION,           /**< BOLT_BADVERSION */
    checksum = BOLT_CHECKSUM,                /**< BOLT_CHECKSUM */
    incompatible = BOLT_INCOMPATIBLE,        /**< BOLT_INCOMPATIBLE */
    endian = BOLT_ENDIAN,                    /**< BOLT_ENDIAN */
    too_short = BOLT_TOOSHORT,               /**< BOLT_TOOSHORT */
    truncated = BOLT_TRUNCATED,              /**< BOLT_TRUNCATED */
    read_only = BOLT_READONLY,               /**< BOLT_READONLY */
    not_writable = BOLT_NOTWRITABLE,         /**< BOLT_NOTWRITABLE */
    busy = BOLT_BUSY,                        /**< BOLT_BUSY */
    timeout = BOLT_TIMEOUT,                  /**< BOLT_TIMEOUT */
    key_required = BOLT_KEYREQUIRED,         /**< BOLT_KEYREQUIRED */
    name_required = BOLT_NAMEREQUIRED,       /**< BOLT_NAMEREQUIRED */
    key_size = BOLT_KEYSIZE,                 /**< BOLT_KEYSIZE */
    value_size = BOLT_VALUESIZE,             /**< BOLT_VALUESIZE */
    wrong_type = BOLT_WRONGTYPE,             /**< BOLT_WRONGTYPE */
    full = BOLT_FULL,                        /**< BOLT_FULL */
    poisoned = BOLT_POISONED,                /**< BOLT_POISONED */
    unknown = BOLT_UNKNOWN,                  /**< BOLT_UNKNOWN */
    managed = BOLT_MANAGED,                  /**< BOLT_MANAGED */
    too_small = BOLT_TOOSMALL,               /**< BOLT_TOOSMALL */
    bad_handle = BOLT_BADHANDLE,             /**< BOLT_BADHANDLE */
    forked = BOLT_FORKED,                    /**< BOLT_FORKED */
    panic = BOLT_PANIC,                      /**< BOLT_PANIC */
    argument = BOLT_ARGUMENT,                /**< BOLT_ARGUMENT */
    same_bucket = BOLT_SAMEBUCKET,           /**< BOLT_SAMEBUCKET */
    different_db = BOLT_DIFFERENTDB,         /**< BOLT_DIFFERENTDB */
    no_free_pages = BOLT_NOFREEPAGES,        /**< BOLT_NOFREEPAGES */
    mismatch = BOLT_MISMATCH,                /**< BOLT_MISMATCH */
};

namespace detail {

class BOLT_CPP_VISIBLE category final : public std::error_category {
public:
    const char* name() const noexcept override { return "bolt"; }

    std::string message(int code) const override { return bolt_strerror(code); }

    std::error_condition default_error_condition(int code) const noexcept override {
        switch (code) {
        case BOLT_BUSY: return std::errc::device_or_resource_busy;
        case BOLT_TIMEOUT: return std::errc::timed_out;
        case BOLT_ARGUMENT: return std::errc::invalid_argument;
        default: return std::error_condition(code, *this);
        }
    }
};

} // namespace detail

/**
 * The category of libbolt's own codes.
 *
 * @return The one object of its kind.
 */
BOLT_CPP_VISIBLE inline const std::error_category& error_category() noexcept {
    static const detail::category the_category;
    return the_category;
}

/**
 * A code of libbolt's as the standard library's.
 *
 * @param code One of libbolt's own codes.
 * @return The code with its category.
 */
inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

/**
 * What a function of C returned as an error code: an errno is of the generic category, and compares with
 * std::errc; a code of libbolt's is of error_category(), and compares with bolt::errc.
 *
 * @param code What any function of bolt.h returned. It is the value of the error code, unchanged.
 * @return The code with its category.
 */
inline std::error_code error_code_of(int code) noexcept {
    if (code > 0)
        return {code, std::generic_category()};
    return {code, error_category()};
}

namespace detail {

inline bool is_callback_code(int code) noexcept {
    return code <= BOLT_CALLBACK_FIRST && code >= BOLT_CALLBACK_LAST;
}

/* The details of this thread's last failure where they are those of `code`. */
inline bolt_error_info details(int code) noexcept {
    bolt_error_info info{};
    info.struct_size = sizeof info;
    const bool has_details = code != BOLT_NOTFOUND && !is_callback_code(code)
        && bolt_last_error(&info) == BOLT_OK && info.code == code;
    if (!has_details) {
        info = bolt_error_info{};
        info.struct_size = sizeof info;
        info.code = code;
        info.page = BOLT_NO_PAGE;
    }
    return info;
}

} // namespace detail

/** What operations throw: a code, and in what() the sentence that libbolt has for this very failure. */
class BOLT_CPP_VISIBLE error : public std::system_error {
public:
    /**
     * The error for a code, with the details of this thread's last failure where they are of that code.
     *
     * @param code What a function of bolt.h returned; code().value() is the same number.
     */
    explicit error(int code) : error(detail::details(code)) {}

    /**
     * The sentence that says what went wrong.
     *
     * @return A text that lives as long as the error.
     */
    const char* what() const noexcept override { return text_.what(); }

    /**
     * The page on which the error was seen.
     *
     * @return The page, or BOLT_NO_PAGE.
     */
    std::uint64_t page() const noexcept { return page_; }

    /**
     * The transaction in which it was seen.
     *
     * @return The id of the transaction, or 0.
     */
    std::uint64_t txn_id() const noexcept { return txn_id_; }

    /**
     * The operating system's errno, where it was the one that refused.
     *
     * @return The errno, or 0; code().value() may be another code that followed from it.
     */
    int os_errno() const noexcept { return os_errno_; }

private:
    explicit error(const bolt_error_info& info)
        : std::system_error(error_code_of(info.code)),
          text_(info.text[0] != '\0' ? info.text : bolt_strerror(info.code)), page_(info.page),
          txn_id_(info.txn_id), os_errno_(info.os_errno) {}

    std::runtime_error text_; // unlike std::string, its copies do not throw
    std::uint64_t page_;
    std::uint64_t txn_id_;
    int os_errno_;
};

namespace detail {

[[noreturn]] BOLT_CPP_COLD inline void raise(int code) {
#if BOLT_CPP_EXCEPTIONS
    throw error(code);
#else
    const bolt_error_info info = details(code);
    std::fprintf(stderr, "libbolt: %s (%s), and exceptions are off\n",
                 info.text[0] != '\0' ? info.text : bolt_strerror(code), bolt_error_name(code));
    std::abort();
#endif
}

inline void check(int code) {
    if (code != BOLT_OK)
        raise(code);
}

} // namespace detail

/** A failed result in the making: `return bolt::failure{BOLT_BUSY};`, in a function that gives a result. */
struct failure {
    int code; /**< A code of bolt.h, an errno, or one between BOLT_CALLBACK_FIRST and BOLT_CALLBACK_LAST. */
};

/**
 * The outcome of an operation: its value, or the code with which it failed.
 *
 * @tparam T The type of the value.
 */
template <class T>
class [[nodiscard]] result {
    static_assert(std::is_object_v<T>, "a result holds a value, not a reference");

public:
    /** The type of the value. */
    using value_type = T;

    /**
     * The outcome of what went well.
     *
     * @param value What becomes the value.
     */
    template <class U = T,
              std::enable_if_t<std::is_convertible_v<U&&, T>
                                   && !std::is_same_v<std::remove_cv_t<std::remove_reference_t<U>>, result>
                                   && !std::is_same_v<std::remove_cv_t<std::remove_reference_t<U>>, failure>,
                               int> = 0>
    result(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) : value_(std::forward<U>(value)) {}

    /**
     * The outcome of what failed.
     *
     * @param why The code, other than BOLT_OK.
     */
    result(failure why) noexcept : code_(why.code != BOLT_OK ? why.code : BOLT_ARGUMENT), value_() {
        assert(why.code != BOLT_OK);
    }

    /**
     * Whether there is a value.
     *
     * @return true where the operation did not fail.
     */
    bool has_value() const noexcept { return code_ == BOLT_OK; }

    /** Whether there is a value; where that is a bool or an optional, this says nothing about it. */
    explicit operator bool() const noexcept { return has_value(); }

    /**
     * The code as C has it.
     *
     * @return BOLT_OK where there is a value.
     */
    int code() const noexcept { return code_; }

    /**
     * The code as the standard library has it.
     *
     * @return A code that is false where there is a value.
     */
    std::error_code error() const noexcept { return error_code_of(code_); }

    /** The value, or throws bolt::error: at once after the failure, then it has its details. */
    T& value() & {
        detail::check(code_);
        return it();
    }

    /** As above. */
    const T& value() const& {
        detail::check(code_);
        return it();
    }

    /** As above; a result that ends gives its value away. */
    T value() && {
        detail::check(code_);
        return std::move(it());
    }

    /**
     * The value, or another.
     *
     * @param other What is given where there is no value.
     * @return The one or the other.
     */
    template <class U>
    T value_or(U&& other) const& {
        return has_value() ? it() : static_cast<T>(std::forward<U>(other));
    }

    /** The value, which must be there. */
    T& operator*() & noexcept {
        assert(has_value());
        return it();
    }

    /** As above. */
    const T& operator*() const& noexcept {
        assert(has_value());
        return it();
    }

    /** As above. */
    T&& operator*() && noexcept {
        assert(has_value());
        return std::move(it());
    }

    /** What the value has, which must be there. */
    T* operator->() noexcept {
        assert(has_value());
        return &it();
    }

    /** As above. */
    const T* operator->() const noexcept {
        assert(has_value());
        return &it();
    }

private:
    static constexpr bool is_plain = std::is_nothrow_default_constructible_v<T>;

    T& it() noexcept {
        if constexpr (is_plain)
            return value_;
        else
            return *value_;
    }
    const T& it() const noexcept {
        if constexpr (is_plain)
            return value_;
        else
            return *value_;
    }

    int code_ = BOLT_OK;
    std::conditional_t<is_plain, T, std::optional<T>> value_;
};

/** The outcome of an operation that has no value. */
template <>
class [[nodiscard]] result<void> {
public:
    /** No value. */
    using value_type = void;

    /** The outcome of what went well. */
    result() noexcept = default;

    /**
     * The outcome with a code.
     *
     * @param why The code; BOLT_OK says that all is well.
     */
    result(failure why) noexcept : code_(why.code) {}

    /**
     * Whether all went well.
     *
     * @return true where the operation did not fail.
     */
    bool has_value() const noexcept { return code_ == BOLT_OK; }

    /** Whether all went well. */
    explicit operator bool() const noexcept { return code_ == BOLT_OK; }

    /**
     * The code as C has it.
     *
     * @return BOLT_OK where all went well.
     */
    int code() const noexcept { return code_; }

    /**
     * The code as the standard library has it.
     *
     * @return A code that is false where all went well.
     */
    std::error_code error() const noexcept { return error_code_of(code_); }

    /** Throws bolt::error where the operation failed: at once after the failure, then it has its details. */
    void value() const { detail::check(code_); }

private:
    int code_ = BOLT_OK;
};

/** The outcome of an operation that has no value. */
using status = result<void>;

// ---- What the rest is made of -------------------------------------------------------------------------

namespace detail {

/* The one owner of a handle, which End ends. */
template <class Handle, int (*End)(Handle*)>
class owned {
public:
    owned() noexcept = default;
    explicit owned(Handle* handle) noexcept : handle_(handle) {}
    owned(owned&& other) noexcept : handle_(other.release()) {}
    owned& operator=(owned&& other) noexcept {
        owned taken(std::move(other)); // so that a move to itself changes nothing
        std::swap(handle_, taken.handle_);
        return *this;
    }
    ~owned() {
        if (handle_ != nullptr)
            static_cast<void>(End(handle_));
    }

    Handle* get() const noexcept { return handle_; }
    Handle* release() noexcept { return std::exchange(handle_, nullptr); }

private:
    Handle* handle_ = nullptr;
};

/* A shared pointer whose count is no atomic one: what it is for is used by one thread at a time. T has a
 * field `owners`, which is 1 at first. */
template <class T>
class shared {
public:
    shared() noexcept = default;
    explicit shared(T* made) noexcept : it_(made) {}
    shared(const shared& other) noexcept : it_(other.it_) {
        if (it_ != nullptr)
            it_->owners++;
    }
    shared(shared&& other) noexcept : it_(std::exchange(other.it_, nullptr)) {}
    shared& operator=(shared other) noexcept {
        std::swap(it_, other.it_);
        return *this;
    }
    ~shared() {
        if (it_ != nullptr && --it_->owners == 0)
            delete it_;
    }

    T* get() const noexcept { return it_; }
    T* operator->() const noexcept { return it_; }
    explicit operator bool() const noexcept { return it_ != nullptr; }

private:
    T* it_ = nullptr;
};

inline bolt_slice slice(std::string_view bytes) noexcept { return {bytes.data(), bytes.size()}; }

inline std::string_view view(const void* data, std::size_t len) noexcept {
    return {static_cast<const char*>(data), len};
}

/* A bound as C takes it: NULL where there is none. */
class bound {
public:
    explicit bound(const std::optional<std::string_view>& key) noexcept
        : slice_(slice(key.value_or(std::string_view()))), is_there_(key.has_value()) {}
    const bolt_slice* get() const noexcept { return is_there_ ? &slice_ : nullptr; }

private:
    bolt_slice slice_;
    bool is_there_;
};

/* A path as C takes it. A name with a zero in it would be cut short there, and be another file's. */
inline bool is_path(const std::string& path) noexcept { return path.find('\0') == std::string::npos; }

/* What a function of the caller's returns through C: that it threw, and that it wants no more. */
constexpr int threw = BOLT_CALLBACK_FIRST;
constexpr int stopped = BOLT_CALLBACK_FIRST - 1;

/* Calls a function of the caller's from C's frames, which no exception passes. */
template <class Function>
class guarded {
public:
    explicit guarded(Function& function) noexcept : function_(function) {}

    /* 0 to go on. */
    template <class... Arguments>
    int operator()(Arguments&&... arguments) noexcept {
        using returned = std::invoke_result_t<Function&, Arguments...>;
        static_assert(std::is_void_v<returned> || std::is_same_v<returned, bool>,
                      "the function returns nothing, or a bool: whether to go on");
#if BOLT_CPP_EXCEPTIONS
        try {
            return call(std::is_void<returned>(), std::forward<Arguments>(arguments)...);
        } catch (...) {
            thrown_ = std::current_exception();
            return threw;
        }
#else
        return call(std::is_void<returned>(), std::forward<Arguments>(arguments)...);
#endif
    }

    /* Lets an exception go on, when C's frames are gone. */
    void rethrow() {
#if BOLT_CPP_EXCEPTIONS
        if (thrown_)
            std::rethrow_exception(std::exchange(thrown_, nullptr));
#endif
    }

private:
    template <class... Arguments>
    int call(std::true_type, Arguments&&... arguments) {
        function_(std::forward<Arguments>(arguments)...);
        return BOLT_OK;
    }
    template <class... Arguments>
    int call(std::false_type, Arguments&&... arguments) {
        return function_(std::forward<Arguments>(arguments)...) ? BOLT_OK : stopped;
    }

    Function& function_;
#if BOLT_CPP_EXCEPTIONS
    std::exception_ptr thrown_;
#endif
};

/* The function that is given where the caller has none. */
struct nothing_to_tell {
    void operator()(std::uint64_t, std::uint64_t) const noexcept {}
};

/* Tells a function how far a backup or a compaction has come. To stop one is to fail. */
template <class Function>
int tell_progress(void* context, std::uint64_t done, std::uint64_t total) noexcept {
    const int code = (*static_cast<guarded<Function>*>(context))(done, total);
    return code == stopped ? ECANCELED : code;
}

} // namespace detail

// ---- Entries and cursors ------------------------------------------------------------------------------

/** An entry of a bucket, made to be taken apart: `auto [key, value] = entry`. */
struct entry {
    std::string_view key;   /**< The key. */
    std::string_view value; /**< The value; its data() is null where the entry is a bucket, and only there. */

    /**
     * Whether the entry is a bucket.
     *
     * @return true where it is; open_bucket opens it by its key.
     */
    bool is_bucket() const noexcept { return value.data() == nullptr; }
};

namespace detail {

inline entry entry_of(const bolt_kv& kv) noexcept {
    return {view(kv.key, kv.key_len), view(kv.value, kv.value_len)};
}

inline result<std::optional<entry>> found(int code, const bolt_kv& kv) noexcept {
    if (code == BOLT_OK)
        return std::optional<entry>(detail::entry_of(kv));
    if (code == BOLT_NOTFOUND)
        return std::optional<entry>();
    return failure{code};
}

} // namespace detail

/**
 * A place in a bucket. All its moves give the entry that they come to, or nothing where there is none.
 *
 * It may outlive its transaction, and then answers errc::bad_handle.
 */
class cursor {
public:
    /** A cursor that stands for nothing. */
    cursor() noexcept = default;

    /**
     * A cursor of C's, which it owns from then on.
     *
     * @param handle An open cursor.
     */
    explicit cursor(bolt_cursor* handle) noexcept : handle_(handle) {}

    ///@{
    /**
     * Moves to the first entry.
     *
     * @return The entry; nothing where the bucket is empty.
     */
    std::optional<entry> first() { return try_first().value(); }
    result<std::optional<entry>> try_first() noexcept {
        bolt_kv kv;
        return detail::found(bolt_cursor_first(handle(), &kv), kv);
    }
    ///@}

    ///@{
    /**
     * Moves to the last entry.
     *
     * @return The entry; nothing where the bucket is empty.
     */
    std::optional<entry> last() { return try_last().value(); }
    result<std::optional<entry>> try_last() noexcept {
        bolt_kv kv;
        return detail::found(bolt_cursor_last(handle(), &kv), kv);
    }
    ///@}

    ///@{
    /**
     * Moves to the entry with the next greater key. The cursor must have been placed before.
     *
     * @return The entry; nothing where there is none.
     */
    std::optional<entry> next() { return try_next().value(); }
    result<std::optional<entry>> try_next() noexcept {
        bolt_kv kv;
        return detail::found(bolt_cursor_next(handle(), &kv), kv);
    }
    ///@}

    ///@{
    /**
     * Moves to the entry with the next smaller key. The cursor must have been placed before.
     *
     * @return The entry; nothing where there is none.
     */
    std::optional<entry> prev() { return try_prev().value(); }
    result<std::optional<entry>> try_prev() noexcept {
        bolt_kv kv;
        return detail::found(bolt_cursor_prev(handle(), &kv), kv);
    }
    ///@}

    ///@{
    /**
     * Moves to a key, or to the next greater one where it is not there.
     *
     * @param key The key; empty: the first entry.
     * @return The entry; nothing where all keys are smaller: prev() then moves to the last one.
     */
    std::optional<entry> seek(std::string_view key) { return try_seek(key).value(); }
    result<std::optional<entry>> try_seek(std::string_view key) noexcept {
        bolt_kv kv;
        return detail::found(bolt_cursor_seek(handle(), key.data(), key.size(), &kv), kv);
    }
    ///@}

    ///@{
    /**
     * Moves to a key, or to the next smaller one where it is not there.
     *
     * @param key The key.
     * @return The entry; nothing where all keys are greater: next() then moves to the first one.
     */
    std::optional<entry> seek_le(std::string_view key) { return try_seek_le(key).value(); }
    result<std::optional<entry>> try_seek_le(std::string_view key) noexcept {
        bolt_kv kv;
        return detail::found(bolt_cursor_seek_le(handle(), key.data(), key.size(), &kv), kv);
    }
    ///@}

    ///@{
    /**
     * The entry on which the cursor stands, without a move.
     *
     * @return The entry; nothing where it stands on none.
     */
    std::optional<entry> current() const { return try_current().value(); }
    result<std::optional<entry>> try_current() const noexcept {
        bolt_kv kv;
        return detail::found(bolt_cursor_current(handle(), &kv), kv);
    }
    ///@}

    ///@{
    /**
     * Keeps the cursor between two keys: for it, all others are as if they were not there. It stands nowhere
     * then.
     *
     * @param from The smallest key; std::nullopt: no bound. It is copied.
     * @param to The first key that is too great; std::nullopt: no bound. It is copied.
     */
    void set_bounds(std::optional<std::string_view> from, std::optional<std::string_view> to) {
        try_set_bounds(from, to).value();
    }
    status try_set_bounds(std::optional<std::string_view> from, std::optional<std::string_view> to) noexcept {
        return failure{bolt_cursor_set_bounds(handle(), detail::bound(from).get(), detail::bound(to).get())};
    }
    ///@}

    /**
     * The cursor for functions of C; it stays this object's.
     *
     * @return The handle, or null.
     */
    bolt_cursor* handle() const noexcept { return handle_.get(); }

private:
    detail::owned<bolt_cursor, bolt_cursor_close> handle_;
};

/** A cursor that can delete. */
class write_cursor : public cursor {
public:
    using cursor::cursor;

    ///@{
    /**
     * Deletes the entry on which the cursor stands. next() then moves to the entry that followed it, prev()
     * to the one before.
     *
     * @return true; false where it stands on no entry.
     */
    bool erase() { return try_erase().value(); }
    result<bool> try_erase() noexcept {
        const int code = bolt_cursor_delete(handle());
        if (code != BOLT_OK && code != BOLT_NOTFOUND)
            return failure{code};
        return code == BOLT_OK;
    }
    ///@}
};

// ---- Ranges -------------------------------------------------------------------------------------------

namespace detail {

/* A cursor that the copies of an iterator share. */
struct iteration {
    explicit iteration(bolt_cursor* opened) noexcept : cursor(opened) {}
    iteration(const iteration&) = delete;
    iteration& operator=(const iteration&) = delete;
    ~iteration() { static_cast<void>(bolt_cursor_close(cursor)); }

    bolt_cursor* cursor;
    std::size_t owners = 1;
};

} // namespace detail

/**
 * Goes over the entries of a range, once: an input iterator, whose copies share their place in the bucket.
 * The entry that it stands on is its own. It may outlive the range, but is not moved on after the
 * transaction.
 *
 * What is put or deleted while it goes is seen or not as by a cursor: it goes on with the next key that is
 * there then.
 */
class entry_iterator {
public:
    /** C++17's kind of iterator. */
    using iterator_category = std::input_iterator_tag;
    /** C++20's. */
    using iterator_concept = std::input_iterator_tag;
    /** What it goes over. */
    using value_type = entry;
    /** Required of iterators. */
    using difference_type = std::ptrdiff_t;
    /** To the entry that the iterator has. */
    using pointer = const entry*;
    /** To the same, so that `views::transform(&bolt::entry::key)` has something to point to. */
    using reference = const entry&;

    /** The end of every range. */
    entry_iterator() noexcept = default;

    /** The entry on which it stands, as long as the iterator stands there; to be copied out of `*it++`. */
    const entry& operator*() const noexcept { return entry_; }

    /** As above. */
    const entry* operator->() const noexcept { return &entry_; }

    /** Moves on; throws bolt::error unless the range reports to a status. */
    entry_iterator& operator++() {
        bolt_kv kv;
        bolt_cursor* const place = iteration_->cursor;
        const int code = is_reverse_ ? bolt_cursor_prev(place, &kv) : bolt_cursor_next(place, &kv);
        take(code, kv);
        return *this;
    }

    /** Moves on, and gives what it was before, to be looked at but not moved on. */
    entry_iterator operator++(int) {
        entry_iterator before = *this;
        ++*this;
        return before;
    }

    /** Whether two iterators of one range stand on the same entry, or both at the end. */
    friend bool operator==(const entry_iterator& a, const entry_iterator& b) noexcept {
        return a.iteration_.get() == b.iteration_.get() && a.entry_.key.data() == b.entry_.key.data();
    }

    /** Whether they do not. */
    friend bool operator!=(const entry_iterator& a, const entry_iterator& b) noexcept { return !(a == b); }

private:
    friend class entry_range;

    /* Opens a cursor between bounds and moves to the first entry. */
    entry_iterator(bolt_bucket* bucket, const bolt_slice* from, const bolt_slice* to, bool is_reverse,
                   status* told)
        : told_(told), is_reverse_(is_reverse) {
        bolt_kv kv;
        int code = open(bucket);
        if (code == BOLT_OK && (from != nullptr || to != nullptr))
            code = bolt_cursor_set_bounds(iteration_->cursor, from, to);
        if (code == BOLT_OK)
            code = is_reverse ? bolt_cursor_last(iteration_->cursor, &kv)
                              : bolt_cursor_first(iteration_->cursor, &kv);
        take(code, kv);
    }

    int open(bolt_bucket* bucket) noexcept {
        bolt_cursor* place;
        const int code = bolt_cursor_open(bucket, &place);
        if (code != BOLT_OK)
            return code;
        iteration_ = detail::shared<detail::iteration>(new (std::nothrow) detail::iteration(place));
        if (iteration_)
            return BOLT_OK;
        static_cast<void>(bolt_cursor_close(place));
        return ENOMEM;
    }

    void take(int code, const bolt_kv& kv) {
        if (code == BOLT_OK)
            entry_ = detail::entry_of(kv);
        else
            end(code);
    }

    BOLT_CPP_COLD void end(int code) {
        iteration_ = {};
        entry_ = {};
        if (code == BOLT_NOTFOUND)
            return;
        if (told_ == nullptr)
            detail::raise(code);
        *told_ = failure{code};
    }

    entry entry_;
    detail::shared<detail::iteration> iteration_;
    status* told_ = nullptr;
    bool is_reverse_ = false;
};

/**
 * A part of a bucket, or all of it, in one direction or the other; made by the bucket's functions.
 *
 *     for (auto [key, value] : bucket.prefix("user/").reverse())
 *
 * It copies its bounds, and ends with its transaction. Each begin() opens a cursor of its own.
 */
class entry_range {
public:
    /** The type of its iterators. */
    using iterator = entry_iterator;
    /** The same: they change nothing. */
    using const_iterator = entry_iterator;
    /** What is in it. */
    using value_type = entry;

    /**
     * All of a bucket.
     *
     * @param bucket The bucket's handle.
     */
    explicit entry_range(bolt_bucket* bucket) noexcept : bucket_(bucket) {}

    /**
     * The part of it from a key on.
     *
     * @param key The smallest key, unless the range begins above it.
     * @return The smaller range.
     */
    entry_range from(std::string_view key) const {
        entry_range part = *this;
        if (!part.from_ || std::string_view(*part.from_) < key)
            part.from_ = std::string(key);
        return part;
    }

    /**
     * The part of it up to a key.
     *
     * @param key The first key that is not in it, unless the range ends below it.
     * @return The smaller range.
     */
    entry_range until(std::string_view key) const {
        entry_range part = *this;
        if (!part.to_ || key < std::string_view(*part.to_))
            part.to_ = std::string(key);
        return part;
    }

    /**
     * The part of it whose keys begin alike.
     *
     * @param start What they begin with; empty: all.
     * @return The smaller range.
     */
    entry_range prefix(std::string_view start) const {
        entry_range part = start.empty() ? *this : from(start);
        // Above all of these keys comes the prefix with 1 added to its last byte that allows it.
        std::string above(start);
        while (!above.empty() && static_cast<unsigned char>(above.back()) == 0xFF)
            above.pop_back();
        if (above.empty())
            return part;
        above.back() = static_cast<char>(static_cast<unsigned char>(above.back()) + 1);
        return part.until(above);
    }

    /**
     * The same entries in the other direction.
     *
     * @return The range from its last entry to its first.
     */
    entry_range reverse() const {
        entry_range turned = *this;
        turned.is_reverse_ = !turned.is_reverse_;
        return turned;
    }

    /**
     * The same range, whose failures are not thrown: it ends where one happens, and says so.
     *
     * @param told Set to what went wrong, or that all is well, by begin() and by the iterators; it must
     *     live as long as they do.
     * @return The range that reports.
     */
    entry_range report_to(status& told) const {
        entry_range reporting = *this;
        reporting.told_ = &told;
        return reporting;
    }

    /**
     * The first entry; throws bolt::error unless the range reports to a status.
     *
     * @return An iterator over a new cursor.
     */
    entry_iterator begin() const {
        const detail::bound from(from_), to(to_);
        if (told_ != nullptr)
            *told_ = status();
        return entry_iterator(bucket_, from.get(), to.get(), is_reverse_, told_);
    }

    /**
     * The end, which is that of all ranges.
     *
     * @return An iterator that stands on nothing.
     */
    entry_iterator end() const noexcept { return {}; }

    ///@{
    /**
     * Gives all entries to a function: faster than a loop, as they cross from the library many at a time.
     *
     * @param function Called with an entry, or with key and value. It may return false to stop. It may read
     *     and write in the same transaction, which goes on behind the entry that it was given last, or a
     *     little later: entries that were already on their way are given as they were.
     * @return true at the end, false where the function stopped.
     */
    template <class Function>
    bool for_each(Function&& function) const {
        return try_for_each(std::forward<Function>(function)).value();
    }
    template <class Function>
    result<bool> try_for_each(Function&& function) const {
        using given = std::remove_reference_t<Function>;
        const detail::bound from(from_), to(to_);
        detail::guarded<given> each(function);
        const int code = bolt_scan(bucket_, from.get(), to.get(), is_reverse_ ? BOLT_SCAN_REVERSE : 0,
                                   give_all<given>, &each);
        each.rethrow();
        if (code != BOLT_OK && code != detail::stopped)
            return failure{code};
        return code == BOLT_OK;
    }
    ///@}

private:
    template <class Function>
    static int give_all(void* context, const bolt_kv* kvs, std::size_t count) noexcept {
        auto& each = *static_cast<detail::guarded<Function>*>(context);
        int code = BOLT_OK;
        for (std::size_t i = 0; i < count && code == BOLT_OK; i++) {
            const entry one = detail::entry_of(kvs[i]);
            if constexpr (std::is_invocable_v<Function&, entry>)
                code = each(one);
            else
                code = each(one.key, one.value);
        }
        return code;
    }

    bolt_bucket* bucket_;
    std::optional<std::string> from_, to_;
    status* told_ = nullptr;
    bool is_reverse_ = false;
};

// ---- Buckets ------------------------------------------------------------------------------------------

/**
 * A bucket to read: a sorted set of keys, each with a value or with a bucket of its own. A range of all its
 * entries.
 *
 * It is as small as a pointer, and ends with its transaction.
 */
class bucket {
public:
    /** The type of its iterators. */
    using iterator = entry_iterator;
    /** The same: they change nothing. */
    using const_iterator = entry_iterator;
    /** What is in it. */
    using value_type = entry;

    /** A bucket that stands for nothing. */
    bucket() noexcept = default;

    /**
     * A bucket of C's.
     *
     * @param handle A bucket's handle.
     */
    explicit bucket(bolt_bucket* handle) noexcept : handle_(handle) {}

    ///@{
    /**
     * The value of a key.
     *
     * @param key The key.
     * @return The value, valid until the transaction ends; nothing where there is no such key, or where it is
     *     a bucket.
     */
    std::optional<std::string_view> get(std::string_view key) const { return try_get(key).value(); }
    result<std::optional<std::string_view>> try_get(std::string_view key) const noexcept {
        const void* value;
        std::size_t len;
        const int code = bolt_get(handle_, key.data(), key.size(), &value, &len);
        if (code == BOLT_OK)
            return std::optional<std::string_view>(detail::view(value, len));
        if (code == BOLT_NOTFOUND)
            return std::optional<std::string_view>();
        return failure{code};
    }
    ///@}

    ///@{
    /**
     * Whether a key has a value.
     *
     * @param key The key.
     * @return true where it has; false where it is not there or is a bucket.
     */
    bool contains(std::string_view key) const { return try_contains(key).value(); }
    result<bool> try_contains(std::string_view key) const noexcept {
        const int code = bolt_get(handle_, key.data(), key.size(), nullptr, nullptr);
        if (code != BOLT_OK && code != BOLT_NOTFOUND)
            return failure{code};
        return code == BOLT_OK;
    }
    ///@}

    ///@{
    /**
     * The values of many keys at once: faster than one after the other where the database is larger than the
     * processor's caches.
     *
     * @param keys A container of std::string_view, or of what becomes one without a copy.
     * @return The values, each as get() gives it, in the order of the keys.
     */
    template <class Keys = std::initializer_list<std::string_view>>
    std::vector<std::optional<std::string_view>> get_many(const Keys& keys) const {
        return try_get_many(keys).value();
    }
    template <class Keys = std::initializer_list<std::string_view>>
    result<std::vector<std::optional<std::string_view>>> try_get_many(const Keys& keys) const {
        using key = decltype(*std::begin(keys));
        static_assert(std::is_reference_v<key> || std::is_same_v<std::remove_cv_t<key>, std::string_view>,
                      "the keys must lie in the container, or be views");
        std::vector<std::optional<std::string_view>> values;
        values.reserve(static_cast<std::size_t>(std::distance(std::begin(keys), std::end(keys))));
        std::array<bolt_slice, 128> some;
        for (auto next = std::begin(keys); next != std::end(keys);) {
            std::size_t count = 0;
            for (; count < some.size() && next != std::end(keys); ++count, ++next)
                some[count] = detail::slice(*next);
            const int code = bolt_get_many(handle_, some.data(), count, some.data(), nullptr);
            if (code != BOLT_OK)
                return failure{code};
            for (std::size_t i = 0; i < count; i++) {
                if (some[i].data == nullptr)
                    values.emplace_back();
                else
                    values.emplace_back(detail::view(some[i].data, some[i].len));
            }
        }
        return values;
    }
    ///@}

    ///@{
    /**
     * Opens a bucket in this one, which must be there.
     *
     * @param name Its name.
     * @return The bucket; without it, errc::not_found.
     */
    bucket open_bucket(std::string_view name) const { return try_open_bucket(name).value(); }
    result<bucket> try_open_bucket(std::string_view name) const noexcept {
        bolt_bucket* inner;
        const int code = bolt_bucket_open(handle_, name.data(), name.size(), &inner);
        if (code != BOLT_OK)
            return failure{code};
        return bucket(inner);
    }
    ///@}

    ///@{
    /**
     * Opens a bucket in this one, if it is there.
     *
     * @param name Its name.
     * @return The bucket, or nothing.
     */
    std::optional<bucket> find_bucket(std::string_view name) const { return try_find_bucket(name).value(); }
    result<std::optional<bucket>> try_find_bucket(std::string_view name) const noexcept {
        const result<bucket> inner = try_open_bucket(name);
        if (inner)
            return std::optional<bucket>(*inner);
        if (inner.code() == BOLT_NOTFOUND)
            return std::optional<bucket>();
        return failure{inner.code()};
    }
    ///@}

    ///@{
    /**
     * Opens a cursor over the bucket.
     *
     * @return A cursor that stands nowhere.
     */
    bolt::cursor cursor() const { return try_cursor().value(); }
    result<bolt::cursor> try_cursor() const noexcept {
        bolt_cursor* opened;
        const int code = bolt_cursor_open(handle_, &opened);
        if (code != BOLT_OK)
            return failure{code};
        return bolt::cursor(opened);
    }
    ///@}

    /**
     * The first entry, for `for (auto [key, value] : bucket)`; throws bolt::error.
     *
     * @return An iterator over a new cursor.
     */
    entry_iterator begin() const { return entries().begin(); }

    /**
     * The end, which is that of all ranges.
     *
     * @return An iterator that stands on nothing.
     */
    entry_iterator end() const noexcept { return {}; }

    /**
     * All entries, as a range from which others are made.
     *
     * @return The range.
     */
    entry_range entries() const noexcept { return entry_range(handle_); }

    /**
     * The entries between two keys.
     *
     * @param from The smallest key.
     * @param until The first key that is too great.
     * @return The range.
     */
    entry_range range(std::string_view from, std::string_view until) const {
        return entries().from(from).until(until);
    }

    /**
     * The entries from a key on.
     *
     * @param key The smallest key.
     * @return The range.
     */
    entry_range from(std::string_view key) const { return entries().from(key); }

    /**
     * The entries before a key.
     *
     * @param key The first key that is too great.
     * @return The range.
     */
    entry_range until(std::string_view key) const { return entries().until(key); }

    /**
     * The entries whose keys begin alike.
     *
     * @param start What they begin with.
     * @return The range.
     */
    entry_range prefix(std::string_view start) const { return entries().prefix(start); }

    /**
     * All entries from the last to the first.
     *
     * @return The range.
     */
    entry_range reverse() const { return entries().reverse(); }

    ///@{
    /**
     * Gives all entries to a function, many at a time; see entry_range::for_each.
     *
     * @param function Called with an entry, or with key and value; it may return false to stop.
     * @return true at the end, false where the function stopped.
     */
    template <class Function>
    bool for_each(Function&& function) const {
        return try_for_each(std::forward<Function>(function)).value();
    }
    template <class Function>
    result<bool> try_for_each(Function&& function) const {
        return entries().try_for_each(std::forward<Function>(function));
    }
    ///@}

    ///@{
    /**
     * The bucket's sequence number.
     *
     * @return The number, 0 in a new bucket.
     */
    std::uint64_t sequence() const { return try_sequence().value(); }
    result<std::uint64_t> try_sequence() const noexcept {
        std::uint64_t number;
        const int code = bolt_bucket_sequence(handle_, &number);
        if (code != BOLT_OK)
            return failure{code};
        return number;
    }
    ///@}

    ///@{
    /**
     * Counts the pages and keys of the bucket and of all buckets in it, as the transaction found them.
     *
     * @return The counts.
     */
    bolt_bucket_stats stats() const { return try_stats().value(); }
    result<bolt_bucket_stats> try_stats() const noexcept {
        bolt_bucket_stats counts{};
        counts.struct_size = sizeof counts;
        const int code = bolt_bucket_stats_get(handle_, &counts);
        if (code != BOLT_OK)
            return failure{code};
        return counts;
    }
    ///@}

    /**
     * The bucket for functions of C.
     *
     * @return The handle, or null.
     */
    bolt_bucket* handle() const noexcept { return handle_; }

private:
    bolt_bucket* handle_ = nullptr;
};

/**
 * A bucket to read and to write. Being as small as a pointer, it is const where it is not made to stand for
 * another one, and not where it is not written.
 */
class write_bucket : public bucket {
public:
    using bucket::bucket;

    ///@{
    /**
     * Gives a key a value, in place of the one that it may have.
     *
     * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes.
     * @param value The value.
     */
    void put(std::string_view key, std::string_view value) const { try_put(key, value).value(); }
    status try_put(std::string_view key, std::string_view value) const noexcept {
        return failure{bolt_put(handle(), key.data(), key.size(), value.data(), value.size())};
    }
    ///@}

    ///@{
    /**
     * Gives a key a value, if it has none.
     *
     * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes.
     * @param value The value.
     * @return true; false where it has one, and keeps it.
     */
    bool insert(std::string_view key, std::string_view value) const { return try_insert(key, value).value(); }
    result<bool> try_insert(std::string_view key, std::string_view value) const noexcept {
        return put_if(key, value, BOLT_NOOVERWRITE, BOLT_EXISTS);
    }
    ///@}

    ///@{
    /**
     * Gives a key another value, if it has one.
     *
     * @param key The key.
     * @param value The value.
     * @return true; false where the key is not there.
     */
    bool replace(std::string_view key, std::string_view value) const {
        return try_replace(key, value).value();
    }
    result<bool> try_replace(std::string_view key, std::string_view value) const noexcept {
        return put_if(key, value, BOLT_MUSTEXIST, BOLT_NOTFOUND);
    }
    ///@}

    ///@{
    /**
     * Gives a key a value, if the key comes after all that are there.
     *
     * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes.
     * @param value The value.
     * @return true; false where a key is not smaller.
     */
    bool append(std::string_view key, std::string_view value) const { return try_append(key, value).value(); }
    result<bool> try_append(std::string_view key, std::string_view value) const noexcept {
        return put_if(key, value, BOLT_APPEND, BOLT_EXISTS);
    }
    ///@}

    ///@{
    /**
     * Gives a key a value that is written afterwards, where it lies.
     *
     * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes.
     * @param value_len The length of the value in bytes.
     * @return The first byte of the value, all zeros. It may be written until the next operation in the
     *     transaction.
     */
    char* put_reserve(std::string_view key, std::size_t value_len) const {
        return try_put_reserve(key, value_len).value();
    }
    result<char*> try_put_reserve(std::string_view key, std::size_t value_len) const noexcept {
        void* value;
        const int code = bolt_put_reserve(handle(), key.data(), key.size(), value_len, &value);
        if (code != BOLT_OK)
            return failure{code};
        return static_cast<char*>(value);
    }
    ///@}

    ///@{
    /**
     * Deletes a key with its value. A key that is not there is no error.
     *
     * @param key The key.
     */
    void erase(std::string_view key) const { try_erase(key).value(); }
    status try_erase(std::string_view key) const noexcept {
        return failure{bolt_delete(handle(), key.data(), key.size())};
    }
    ///@}

    ///@{
    /**
     * Deletes all keys from one on and below another, without a look at each.
     *
     * @param from The first key that is deleted; std::nullopt: the first of all.
     * @param until The first key that is not; std::nullopt: none.
     * @return How many keys were deleted.
     */
    std::uint64_t erase_range(std::optional<std::string_view> from,
                              std::optional<std::string_view> until) const {
        return try_erase_range(from, until).value();
    }
    result<std::uint64_t> try_erase_range(std::optional<std::string_view> from,
                                          std::optional<std::string_view> until) const noexcept {
        std::uint64_t count;
        const int code =
            bolt_delete_range(handle(), detail::bound(from).get(), detail::bound(until).get(), &count);
        if (code != BOLT_OK)
            return failure{code};
        return count;
    }
    ///@}

    ///@{
    /**
     * Opens a bucket in this one, which must be there.
     *
     * @param name Its name.
     * @return The bucket; without it, errc::not_found.
     */
    write_bucket open_bucket(std::string_view name) const { return try_open_bucket(name).value(); }
    result<write_bucket> try_open_bucket(std::string_view name) const noexcept {
        return made(bolt_bucket_open, name);
    }
    ///@}

    ///@{
    /**
     * Opens a bucket in this one, if it is there.
     *
     * @param name Its name.
     * @return The bucket, or nothing.
     */
    std::optional<write_bucket> find_bucket(std::string_view name) const {
        return try_find_bucket(name).value();
    }
    result<std::optional<write_bucket>> try_find_bucket(std::string_view name) const noexcept {
        const result<write_bucket> inner = try_open_bucket(name);
        if (inner)
            return std::optional<write_bucket>(*inner);
        if (inner.code() == BOLT_NOTFOUND)
            return std::optional<write_bucket>();
        return failure{inner.code()};
    }
    ///@}

    ///@{
    /**
     * Makes a bucket in this one, which must not be there yet.
     *
     * @param name Its name: 1 to BOLT_KEY_LEN_MAX bytes.
     * @return The bucket; where there is one, errc::exists.
     */
    write_bucket create_bucket(std::string_view name) const { return try_create_bucket(name).value(); }
    result<write_bucket> try_create_bucket(std::string_view name) const noexcept {
        return made(bolt_bucket_create, name);
    }
    ///@}

    ///@{
    /**
     * Opens a bucket in this one, and makes it first if it is not there.
     *
     * @param name Its name: 1 to BOLT_KEY_LEN_MAX bytes.
     * @return The bucket.
     */
    write_bucket ensure_bucket(std::string_view name) const { return try_ensure_bucket(name).value(); }
    result<write_bucket> try_ensure_bucket(std::string_view name) const noexcept {
        return made(bolt_bucket_ensure, name);
    }
    ///@}

    ///@{
    /**
     * Deletes a bucket in this one with everything in it.
     *
     * @param name Its name.
     * @return true; false where there is none.
     */
    bool erase_bucket(std::string_view name) const { return try_erase_bucket(name).value(); }
    result<bool> try_erase_bucket(std::string_view name) const noexcept {
        const int code = bolt_bucket_delete(handle(), name.data(), name.size());
        if (code != BOLT_OK && code != BOLT_NOTFOUND)
            return failure{code};
        return code == BOLT_OK;
    }
    ///@}

    ///@{
    /**
     * Moves a bucket in this one, with everything in it, into another one, under the same name.
     *
     * @param name Its name; without it, errc::not_found.
     * @param to Where it goes, in the same transaction.
     */
    void move_bucket(std::string_view name, write_bucket to) const { try_move_bucket(name, to).value(); }
    status try_move_bucket(std::string_view name, write_bucket to) const noexcept {
        return failure{bolt_bucket_move(handle(), name.data(), name.size(), to.handle())};
    }
    ///@}

    ///@{
    /**
     * Opens a cursor over the bucket that can delete.
     *
     * @return A cursor that stands nowhere.
     */
    write_cursor cursor() const { return try_cursor().value(); }
    result<write_cursor> try_cursor() const noexcept {
        bolt_cursor* opened;
        const int code = bolt_cursor_open(handle(), &opened);
        if (code != BOLT_OK)
            return failure{code};
        return write_cursor(opened);
    }
    ///@}

    ///@{
    /**
     * Sets the bucket's sequence number.
     *
     * @param number The number.
     */
    void set_sequence(std::uint64_t number) const { try_set_sequence(number).value(); }
    status try_set_sequence(std::uint64_t number) const noexcept {
        return failure{bolt_bucket_set_sequence(handle(), number)};
    }
    ///@}

    ///@{
    /**
     * Adds 1 to the bucket's sequence number.
     *
     * @return The new number: 1 for the first call in a new bucket.
     */
    std::uint64_t next_sequence() const { return try_next_sequence().value(); }
    result<std::uint64_t> try_next_sequence() const noexcept {
        std::uint64_t number;
        const int code = bolt_bucket_next_sequence(handle(), &number);
        if (code != BOLT_OK)
            return failure{code};
        return number;
    }
    ///@}

    ///@{
    /**
     * Sets how full the bucket's pages are left when this transaction's commit splits them.
     *
     * @param fraction From 0.1 to 1.0.
     */
    void set_fill_percent(double fraction) const { try_set_fill_percent(fraction).value(); }
    status try_set_fill_percent(double fraction) const noexcept {
        return failure{bolt_bucket_set_fill_percent(handle(), fraction)};
    }
    ///@}

private:
    result<bool> put_if(std::string_view key, std::string_view value, std::uint32_t flag,
                        int otherwise) const noexcept {
        const int code = bolt_put_ex(handle(), key.data(), key.size(), value.data(), value.size(), flag);
        if (code != BOLT_OK && code != otherwise)
            return failure{code};
        return code == BOLT_OK;
    }

    template <class Function>
    result<write_bucket> made(Function function, std::string_view name) const noexcept {
        bolt_bucket* inner;
        const int code = function(handle(), name.data(), name.size(), &inner);
        if (code != BOLT_OK)
            return failure{code};
        return write_bucket(inner);
    }
};

// ---- Transactions -------------------------------------------------------------------------------------

/** How a backup is made. */
struct backup_options {
    bool replace = false;        /**< Replace a file that has the name; otherwise it is errc::exists. */
    std::uint32_t file_mode = 0; /**< The permission bits of the file; 0: 0600. */
};

/** What a check looks at. */
struct check_options {
    std::uint64_t from_page = 0; /**< Only what is below this page; 0: everything. */
    bool errors_only = false;    /**< Leave out what is a warning. */
};

namespace detail {

template <class Outcome>
class managed;

} // namespace detail

/**
 * What read and write transactions have in common: reading. Functions that only read take a
 * `const bolt::txn&`.
 */
class txn {
public:
    ///@{
    /**
     * The root bucket, which holds the top-level buckets.
     *
     * @return The bucket.
     */
    bucket root() const { return try_root().value(); }
    result<bucket> try_root() const noexcept {
        bolt_bucket* top;
        const int code = bolt_root(handle(), &top);
        if (code != BOLT_OK)
            return failure{code};
        return bucket(top);
    }
    ///@}

    ///@{
    /**
     * Opens a top-level bucket, which must be there.
     *
     * @param name Its name.
     * @return The bucket; without it, errc::not_found.
     */
    bucket open_bucket(std::string_view name) const { return try_open_bucket(name).value(); }
    result<bucket> try_open_bucket(std::string_view name) const noexcept {
        const result<bucket> top = try_root();
        return top ? top->try_open_bucket(name) : top;
    }
    ///@}

    ///@{
    /**
     * Opens a top-level bucket, if it is there.
     *
     * @param name Its name.
     * @return The bucket, or nothing.
     */
    std::optional<bucket> find_bucket(std::string_view name) const { return try_find_bucket(name).value(); }
    result<std::optional<bucket>> try_find_bucket(std::string_view name) const noexcept {
        const result<bucket> top = try_root();
        if (!top)
            return failure{top.code()};
        return top->try_find_bucket(name);
    }
    ///@}

    ///@{
    /**
     * What is known about the transaction.
     *
     * @return Its id and its size, among others.
     */
    bolt_txn_info info() const { return try_info().value(); }
    result<bolt_txn_info> try_info() const noexcept {
        bolt_txn_info facts{};
        facts.struct_size = sizeof facts;
        const int code = bolt_txn_info_get(handle(), &facts);
        if (code != BOLT_OK)
            return failure{code};
        return facts;
    }
    ///@}

    ///@{
    /**
     * Copies the database, as the transaction sees it, into a new file, which appears whole or not at all.
     * Others may read and write meanwhile.
     *
     * @param path The name of the new file.
     * @param how How it is made.
     * @param progress Called with the bytes done and the bytes in all, about each MiB; it may return false to
     *     stop, which is ECANCELED: std::errc::operation_canceled. It must not use the transaction.
     * @return The length and the CRC-32 of the file.
     */
    template <class Progress = detail::nothing_to_tell>
    bolt_backup_info backup(const std::string& path, const backup_options& how = {},
                            Progress&& progress = {}) const {
        return try_backup(path, how, std::forward<Progress>(progress)).value();
    }
    template <class Progress = detail::nothing_to_tell>
    result<bolt_backup_info> try_backup(const std::string& path, const backup_options& how = {},
                                        Progress&& progress = {}) const {
        if (!detail::is_path(path))
            return failure{BOLT_ARGUMENT};
        using given = std::remove_reference_t<Progress>;
        detail::guarded<given> told(progress);
        bolt_backup_info made{};
        made.struct_size = sizeof made;
        const int code = bolt_backup(handle(), path.c_str(), how.file_mode, how.replace ? BOLT_REPLACE : 0,
                                     detail::tell_progress<given>, &told, &made);
        told.rethrow();
        if (code != BOLT_OK)
            return failure{code};
        return made;
    }
    ///@}

    ///@{
    /**
     * Gives what backup() would write to a function, piece by piece.
     *
     * @param write Called with a std::string_view of at most 1 MiB, valid until it returns; it may return
     *     false to stop, which is ECANCELED. It must not use the transaction.
     * @return The length and the CRC-32 of all pieces.
     */
    template <class Write>
    bolt_backup_info backup_to(Write&& write) const {
        return try_backup_to(std::forward<Write>(write)).value();
    }
    template <class Write>
    result<bolt_backup_info> try_backup_to(Write&& write) const {
        using given = std::remove_reference_t<Write>;
        detail::guarded<given> writes(write);
        bolt_backup_info made{};
        made.struct_size = sizeof made;
        const int code = bolt_backup_write(handle(), give_piece<given>, &writes, &made);
        writes.rethrow();
        if (code != BOLT_OK)
            return failure{code};
        return made;
    }
    ///@}

    ///@{
    /**
     * Checks the database as the transaction found it; it stands any damage.
     *
     * @param what What is looked at; `{}`: everything.
     * @param tell Called with a const bolt_finding& for each finding; it may return false to stop. It must
     *     not use the transaction.
     * @return How many findings there were until then; 0: the database is sound.
     */
    template <class Tell>
    std::uint64_t check(const check_options& what, Tell&& tell) const {
        return try_check(what, std::forward<Tell>(tell)).value();
    }
    template <class Tell>
    result<std::uint64_t> try_check(const check_options& what, Tell&& tell) const {
        using given = std::remove_reference_t<Tell>;
        telling<given> told{detail::guarded<given>(tell), 0};
        const int code = bolt_check(handle(), what.from_page, what.errors_only ? BOLT_CHECK_ERRORS_ONLY : 0,
                                    tell_finding<given>, &told, nullptr);
        told.function.rethrow();
        if (code != BOLT_OK && code != detail::stopped)
            return failure{code};
        return told.count;
    }
    ///@}

    ///@{
    /**
     * Checks the database, and counts the findings.
     *
     * @param what What is looked at.
     * @return How many there are; 0: the database is sound.
     */
    std::uint64_t check(const check_options& what = {}) const { return try_check(what).value(); }
    result<std::uint64_t> try_check(const check_options& what = {}) const noexcept {
        std::uint64_t count;
        const int code = bolt_check(handle(), what.from_page, what.errors_only ? BOLT_CHECK_ERRORS_ONLY : 0,
                                    nullptr, nullptr, &count);
        if (code != BOLT_OK)
            return failure{code};
        return count;
    }
    ///@}

    /**
     * The transaction for functions of C; it stays this object's.
     *
     * @return The handle, or null.
     */
    bolt_txn* handle() const noexcept { return handle_.get(); }

protected:
    /** A transaction that stands for nothing. */
    txn() noexcept = default;

    /**
     * A transaction of C's, which it owns from then on.
     *
     * @param handle An open transaction.
     */
    explicit txn(bolt_txn* handle) noexcept : handle_(handle) {}

    /** Only the types that it is a part of are moved, */
    txn(txn&&) noexcept = default;

    /** and assigned, */
    txn& operator=(txn&& other) noexcept {
        txn taken(std::move(other)); // so that a move to itself changes nothing
        std::swap(handle_, taken.handle_);
        std::swap(is_managed_, taken.is_managed_);
        return *this;
    }

    /** and end. */
    ~txn() {
        if (is_managed_)
            static_cast<void>(let_go());
    }

    /**
     * Ends the transaction by one of C's functions, unless that refuses.
     *
     * @param end bolt_commit or bolt_rollback.
     * @return What it answered.
     */
    int end_by(int (*end)(bolt_txn*)) noexcept {
        const int code = end(handle());
        const bool is_still_open =
            code == BOLT_MANAGED || code == BOLT_BUSY || code == BOLT_FORKED || code == BOLT_BADHANDLE;
        if (!is_still_open)
            let_go();
        return code;
    }

    /**
     * Gives the handle away, without an end.
     *
     * @return The handle, or null.
     */
    bolt_txn* let_go() noexcept { return handle_.release(); }

private:
    template <class Outcome>
    friend class detail::managed;

    template <class Write>
    static int give_piece(void* context, const void* data, std::size_t len) noexcept {
        const int code = (*static_cast<detail::guarded<Write>*>(context))(detail::view(data, len));
        return code == detail::stopped ? ECANCELED : code;
    }

    template <class Tell>
    struct telling {
        detail::guarded<Tell> function;
        std::uint64_t count;
    };

    template <class Tell>
    static int tell_finding(void* context, const bolt_finding* finding) noexcept {
        auto& told = *static_cast<telling<Tell>*>(context);
        told.count++;
        return told.function(*finding);
    }

    detail::owned<bolt_txn, bolt_rollback> handle_;
    bool is_managed_ = false; // C ends it when its function returns, wherever it was moved
};

/** A reader's unchanging view of the whole database, which ends with the object. */
class read_txn : public txn {
public:
    /** A transaction that stands for nothing. */
    read_txn() noexcept = default;

    /**
     * A read transaction of C's, which it owns from then on.
     *
     * @param handle An open read transaction.
     */
    explicit read_txn(bolt_txn* handle) noexcept : txn(handle) {}

    ///@{
    /** Ends the transaction now; an ended one takes it, too. */
    void end() { try_end().value(); }
    status try_end() noexcept { return failure{end_by(bolt_rollback)}; }
    ///@}

    ///@{
    /** Lets go of what it sees, but keeps the handle for renew(). Its buckets, cursors and bytes end. */
    void reset() { try_reset().value(); }
    status try_reset() noexcept { return failure{bolt_txn_reset(handle())}; }
    ///@}

    ///@{
    /** Makes it see what was committed last. Its buckets, cursors and bytes end, if it was not reset. */
    void renew() { try_renew().value(); }
    status try_renew() noexcept { return failure{bolt_txn_renew(handle())}; }
    ///@}

    /**
     * Gives the transaction away.
     *
     * @return The handle, which the caller must end, or null.
     */
    [[nodiscard]] bolt_txn* release() noexcept { return let_go(); }
};

namespace detail {

/* What a write transaction has beside its handle, once it needs it: functions for its commit, and the word
 * by which savepoints know that it has ended. */
struct writing {
    explicit writing(bolt_txn* handle) noexcept : txn(handle) {}

    using hook = std::unique_ptr<void, void (*)(void*)>;

    bolt_txn* txn; /* null when it has ended */
    std::vector<hook> hooks;
    shared<writing> before; /* of an earlier run of the same managed function */
    std::size_t owners = 1;
};

} // namespace detail

/**
 * A state of a write transaction, to which the transaction goes back when the object ends, unless keep() was
 * called.
 *
 *     bolt::savepoint before = txn.savepoint();
 *     handle(request, txn);
 *     before.keep();
 *
 * They nest: one that was set later must end first. It does nothing once its transaction has ended.
 */
class savepoint {
public:
    /** A savepoint that stands for nothing. */
    savepoint() noexcept = default;
    /** Takes over what another stands for. */
    savepoint(savepoint&& other) noexcept = default;

    /** Ends this one as its end would, and takes over what another stands for. */
    savepoint& operator=(savepoint&& other) noexcept {
        savepoint taken(std::move(other));
        std::swap(writing_, taken.writing_);
        std::swap(number_, taken.number_);
        return *this;
    }

    /** Takes back what was done since, unless it was kept. */
    ~savepoint() {
        if (is_open() && bolt_savepoint_rollback(writing_->txn, number_) == BOLT_OK)
            static_cast<void>(bolt_savepoint_release(writing_->txn, number_));
    }

    ///@{
    /** Takes back everything that was done since. The savepoint stays, those set after it end. */
    void rollback() { try_rollback().value(); }
    status try_rollback() noexcept {
        return failure{is_open() ? bolt_savepoint_rollback(writing_->txn, number_) : BOLT_BADHANDLE};
    }
    ///@}

    ///@{
    /** Gives up the savepoint and those set after it. What was done since stays. */
    void keep() { try_keep().value(); }
    status try_keep() noexcept {
        if (!is_open())
            return failure{BOLT_BADHANDLE};
        const int code = bolt_savepoint_release(writing_->txn, number_);
        if (code == BOLT_OK)
            writing_ = {};
        return failure{code};
    }
    ///@}

private:
    friend class write_txn;

    savepoint(detail::shared<detail::writing> writing, std::uint64_t number) noexcept
        : writing_(std::move(writing)), number_(number) {}

    bool is_open() const noexcept { return writing_ && writing_->txn != nullptr; }

    detail::shared<detail::writing> writing_;
    std::uint64_t number_ = 0;
};

/**
 * The write transaction. It is rolled back when the object ends, unless commit() was called.
 */
class write_txn : public txn {
public:
    /** A transaction that stands for nothing. */
    write_txn() noexcept = default;

    /**
     * A write transaction of C's, which it owns from then on.
     *
     * @param handle An open write transaction.
     */
    explicit write_txn(bolt_txn* handle) noexcept : txn(handle) {}

    /** Takes over what another stands for. */
    write_txn(write_txn&& other) noexcept = default;

    /** Rolls this one back, if it is open, and takes over what another stands for. */
    write_txn& operator=(write_txn&& other) noexcept {
        write_txn taken(std::move(other)); // so that a move to itself changes nothing
        forget();
        txn::operator=(std::move(taken));
        writing_ = std::move(taken.writing_);
        return *this;
    }

    /** Rolls it back, if it is open. */
    ~write_txn() { forget(); }

    ///@{
    /** Makes everything that was done last, all of it or nothing, and ends the transaction. */
    void commit() { try_commit().value(); }
    status try_commit() noexcept { return end(bolt_commit); }
    ///@}

    ///@{
    /** Forgets what was done, and ends the transaction; an ended one takes it, too. */
    void rollback() { try_rollback().value(); }
    status try_rollback() noexcept { return end(bolt_rollback); }
    ///@}

    ///@{
    /**
     * The root bucket, which holds the top-level buckets.
     *
     * @return The bucket.
     */
    write_bucket root() const { return try_root().value(); }
    result<write_bucket> try_root() const noexcept {
        const result<bucket> top = txn::try_root();
        if (!top)
            return failure{top.code()};
        return write_bucket(top->handle());
    }
    ///@}

    ///@{
    /**
     * Opens a top-level bucket, which must be there.
     *
     * @param name Its name.
     * @return The bucket; without it, errc::not_found.
     */
    write_bucket open_bucket(std::string_view name) const { return try_open_bucket(name).value(); }
    result<write_bucket> try_open_bucket(std::string_view name) const noexcept {
        const result<write_bucket> top = try_root();
        return top ? top->try_open_bucket(name) : top;
    }
    ///@}

    ///@{
    /**
     * Opens a top-level bucket, if it is there.
     *
     * @param name Its name.
     * @return The bucket, or nothing.
     */
    std::optional<write_bucket> find_bucket(std::string_view name) const {
        return try_find_bucket(name).value();
    }
    result<std::optional<write_bucket>> try_find_bucket(std::string_view name) const noexcept {
        const result<write_bucket> top = try_root();
        if (!top)
            return failure{top.code()};
        return top->try_find_bucket(name);
    }
    ///@}

    ///@{
    /**
     * Makes a top-level bucket, which must not be there yet.
     *
     * @param name Its name: 1 to BOLT_KEY_LEN_MAX bytes.
     * @return The bucket; where there is one, errc::exists.
     */
    write_bucket create_bucket(std::string_view name) const { return try_create_bucket(name).value(); }
    result<write_bucket> try_create_bucket(std::string_view name) const noexcept {
        const result<write_bucket> top = try_root();
        return top ? top->try_create_bucket(name) : top;
    }
    ///@}

    ///@{
    /**
     * Opens a top-level bucket, and makes it first if it is not there.
     *
     * @param name Its name: 1 to BOLT_KEY_LEN_MAX bytes.
     * @return The bucket.
     */
    write_bucket ensure_bucket(std::string_view name) const { return try_ensure_bucket(name).value(); }
    result<write_bucket> try_ensure_bucket(std::string_view name) const noexcept {
        const result<write_bucket> top = try_root();
        return top ? top->try_ensure_bucket(name) : top;
    }
    ///@}

    ///@{
    /**
     * Deletes a top-level bucket with everything in it.
     *
     * @param name Its name.
     * @return true; false where there is none.
     */
    bool erase_bucket(std::string_view name) const { return try_erase_bucket(name).value(); }
    result<bool> try_erase_bucket(std::string_view name) const noexcept {
        const result<write_bucket> top = try_root();
        if (!top)
            return failure{top.code()};
        return top->try_erase_bucket(name);
    }
    ///@}

    ///@{
    /**
     * Sets a savepoint, at no cost to speak of.
     *
     * @return The savepoint; the transaction goes back to it when it ends, unless it is kept.
     */
    [[nodiscard]] bolt::savepoint savepoint() { return try_savepoint().value(); }
    result<bolt::savepoint> try_savepoint() noexcept {
        std::uint64_t number;
        const int code = bolt_savepoint(handle(), &number);
        if (code != BOLT_OK)
            return failure{code};
        if (!has_writing()) {
            static_cast<void>(bolt_savepoint_release(handle(), number));
            return failure{ENOMEM};
        }
        return bolt::savepoint(writing_, number);
    }
    ///@}

    ///@{
    /**
     * Lets a function run once the transaction is committed, before commit() returns.
     *
     * @param function Called without arguments, in the thread that commits. It must be noexcept: what is
     *     committed cannot fail any more. The transaction keeps it, and destroys it, run or not.
     */
    template <class Function>
    void on_commit(Function&& function) {
        try_on_commit(std::forward<Function>(function)).value();
    }
    template <class Function>
    status try_on_commit(Function&& function) {
        using kept = std::decay_t<Function>;
        static_assert(std::is_nothrow_invocable_v<kept&>, "a function for the commit must be noexcept");
        if (!has_writing())
            return failure{ENOMEM};
        auto mine = std::make_unique<kept>(std::forward<Function>(function));
        kept* const place = mine.get();
        writing_->hooks.emplace_back(nullptr, destroy<kept>);
        writing_->hooks.back().reset(mine.release());
        const int code = bolt_txn_on_commit(handle(), run<kept>, place);
        if (code != BOLT_OK)
            writing_->hooks.pop_back();
        return failure{code};
    }
    ///@}

    /**
     * Gives the transaction away. Its savepoints do nothing any more. Functions for its commit still run with
     * it and are destroyed then; where it is not committed, they are left behind.
     *
     * @return The handle, which the caller must end, or null.
     */
    [[nodiscard]] bolt_txn* release() noexcept {
        if (writing_ && !writing_->hooks.empty()) {
            writing_->owners++;
            static_cast<void>(bolt_txn_on_commit(handle(), give_up_writing, writing_.get()));
        }
        static_cast<void>(leave());
        return let_go();
    }

private:
    template <class Value>
    friend class detail::managed;

    /* Ends the savepoints, and leaves the functions for the commit to others. */
    detail::shared<detail::writing> leave() noexcept {
        if (writing_)
            writing_->txn = nullptr;
        return std::move(writing_);
    }

    static void give_up_writing(void* writing) noexcept {
        auto* const given = static_cast<detail::writing*>(writing);
        if (--given->owners == 0)
            delete given;
    }

    template <class Function>
    static void destroy(void* function) noexcept {
        delete static_cast<Function*>(function);
    }

    template <class Function>
    static void run(void* function) noexcept {
        (*static_cast<Function*>(function))();
    }

    bool has_writing() noexcept {
        if (!writing_)
            writing_ = detail::shared<detail::writing>(new (std::nothrow) detail::writing(handle()));
        return static_cast<bool>(writing_);
    }

    status end(int (*by)(bolt_txn*)) noexcept {
        const int code = end_by(by);
        if (handle() == nullptr)
            forget();
        return failure{code};
    }

    /* Ends the savepoints, and destroys the functions for the commit, which have run or never will. */
    void forget() noexcept {
        if (writing_)
            writing_->hooks.clear();
        static_cast<void>(leave());
    }

    detail::shared<detail::writing> writing_;
};

// ---- Batches ------------------------------------------------------------------------------------------

/**
 * The names of the buckets that lead to a key, the top-level one first: `"users"`, `{"users", "by name"}`.
 *
 * It keeps no copy of the names, which must live as long as it does.
 */
class bucket_path {
public:
    /**
     * A top-level bucket.
     *
     * @param name Its name.
     */
    template <class Name, std::enable_if_t<std::is_convertible_v<const Name&, std::string_view>, int> = 0>
    bucket_path(const Name& name) : names_(1, detail::slice(name)) {}

    /**
     * A bucket in buckets.
     *
     * @param names The names; none: the root bucket.
     */
    bucket_path(std::initializer_list<std::string_view> names) {
        names_.reserve(names.size());
        for (const std::string_view name : names)
            names_.push_back(detail::slice(name));
    }

    /**
     * The names as C takes them.
     *
     * @return The first of them.
     */
    const bolt_slice* data() const noexcept { return names_.data(); }

    /**
     * How deep the bucket lies.
     *
     * @return How many names there are.
     */
    std::size_t size() const noexcept { return names_.size(); }

private:
    std::vector<bolt_slice> names_;
};

/** What a batch_list does where a bucket is missing that it puts into. */
enum class missing_buckets {
    fail,  /**< It fails with errc::not_found. */
    create /**< It makes the bucket. */
};

/**
 * A list of writes, which database::commit() does, all or none. It belongs to no database.
 */
class batch_list {
public:
    ///@{
    /** An empty list. */
    batch_list() : batch_list(try_create().value()) {}
    static result<batch_list> try_create() noexcept {
        bolt_batch* made;
        const int code = bolt_batch_create(&made);
        if (code != BOLT_OK)
            return failure{code};
        return batch_list(made);
    }
    ///@}

    /**
     * A list of C's, which it owns from then on.
     *
     * @param handle A batch.
     */
    explicit batch_list(bolt_batch* handle) noexcept : handle_(handle) {}

    ///@{
    /**
     * Adds to the list: give a key a value.
     *
     * @param bucket Where the key lies.
     * @param key The key: 1 to BOLT_KEY_LEN_MAX bytes; it is copied.
     * @param value The value, which is copied.
     */
    void put(const bucket_path& bucket, std::string_view key, std::string_view value) {
        try_put(bucket, key, value).value();
    }
    status try_put(const bucket_path& bucket, std::string_view key, std::string_view value) noexcept {
        return failure{bolt_batch_put(handle(), bucket.data(), bucket.size(), key.data(), key.size(),
                                      value.data(), value.size())};
    }
    ///@}

    ///@{
    /**
     * Adds to the list: delete a key. A key that is not there is no error.
     *
     * @param bucket Where the key lies.
     * @param key The key, which is copied.
     */
    void erase(const bucket_path& bucket, std::string_view key) { try_erase(bucket, key).value(); }
    status try_erase(const bucket_path& bucket, std::string_view key) noexcept {
        return failure{
            bolt_batch_delete(handle(), bucket.data(), bucket.size(), key.data(), key.size())};
    }
    ///@}

    ///@{
    /** Takes all writes out, and keeps the memory for the next ones. */
    void clear() { try_clear().value(); }
    status try_clear() noexcept { return failure{bolt_batch_clear(handle())}; }
    ///@}

    /**
     * The list for functions of C; it stays this object's.
     *
     * @return The handle, or null where it was moved from.
     */
    bolt_batch* handle() const noexcept { return handle_.get(); }

private:
    detail::owned<bolt_batch, bolt_batch_free> handle_;
};

// ---- Databases ----------------------------------------------------------------------------------------

/** How commits write the list of free pages. */
enum class freelist_mode : std::uint32_t {
    automatic = BOLT_FREELIST_AUTOMATIC,     /**< BOLT_FREELIST_AUTOMATIC */
    each_commit = BOLT_FREELIST_EACH_COMMIT, /**< BOLT_FREELIST_EACH_COMMIT */
    at_close = BOLT_FREELIST_AT_CLOSE,       /**< BOLT_FREELIST_AT_CLOSE */
    never = BOLT_FREELIST_NEVER              /**< BOLT_FREELIST_NEVER */
};

/**
 * How a database is opened. What is not set is as libbolt has it by default:
 *
 *     bolt::options how;
 *     how.read_only = true;
 *
 * or, from C++20 on, `bolt::database db("my.db", {.read_only = true});`.
 */
struct options {
    bool read_only = false;        /**< BOLT_OPEN_READONLY */
    bool no_sync = false;          /**< BOLT_OPEN_NOSYNC */
    bool bbolt_rules = false;      /**< BOLT_OPEN_BBOLT_RULES */
    bool preload_freelist = false; /**< BOLT_OPEN_PRELOAD_FREELIST */
    bool populate = false;         /**< BOLT_OPEN_POPULATE */
    bool mlock = false;            /**< BOLT_OPEN_MLOCK */
    bool strict = false;           /**< BOLT_OPEN_STRICT */

    std::optional<std::uint32_t> page_size = {};    /**< BOLT_OPT_PAGE_SIZE */
    std::optional<std::uint32_t> file_mode = {};    /**< BOLT_OPT_FILE_MODE */
    std::optional<freelist_mode> freelist = {};     /**< BOLT_OPT_FREELIST_MODE */
    std::optional<std::uint32_t> fill_percent = {}; /**< BOLT_OPT_FILL_PERCENT */
    /** BOLT_OPT_LOCK_TIMEOUT; not set: for ever. */
    std::optional<std::chrono::milliseconds> lock_timeout = {};
    std::optional<std::uint64_t> initial_map_len = {}; /**< BOLT_OPT_INITIAL_MAP_LEN */
    std::optional<std::uint64_t> max_len = {};         /**< BOLT_OPT_MAX_LEN */
    std::optional<std::uint64_t> alloc_len = {};       /**< BOLT_OPT_ALLOC_LEN */
    std::optional<std::uint64_t> batch_len = {};       /**< BOLT_OPT_BATCH_LEN */

    /**
     * The same for functions of C.
     *
     * @return The struct, filled; errc::argument for a time before now.
     */
    result<bolt_options> for_c() const noexcept {
        bolt_options c;
        const int code = bolt_options_init(&c, sizeof c);
        if (code != BOLT_OK)
            return failure{code};
        if (lock_timeout && lock_timeout->count() < 0)
            return failure{BOLT_ARGUMENT};
        c.flags |= flag(read_only, BOLT_OPEN_READONLY) | flag(no_sync, BOLT_OPEN_NOSYNC)
            | flag(bbolt_rules, BOLT_OPEN_BBOLT_RULES) | flag(preload_freelist, BOLT_OPEN_PRELOAD_FREELIST)
            | flag(populate, BOLT_OPEN_POPULATE) | flag(mlock, BOLT_OPEN_MLOCK)
            | flag(strict, BOLT_OPEN_STRICT);
        c.page_size = page_size.value_or(c.page_size);
        c.file_mode = file_mode.value_or(c.file_mode);
        if (freelist)
            c.freelist_mode = static_cast<std::uint32_t>(*freelist);
        c.fill_percent = fill_percent.value_or(c.fill_percent);
        if (lock_timeout)
            c.lock_timeout_ms = static_cast<std::uint64_t>(lock_timeout->count());
        c.initial_map_len = initial_map_len.value_or(c.initial_map_len);
        c.max_len = max_len.value_or(c.max_len);
        c.alloc_len = alloc_len.value_or(c.alloc_len);
        c.batch_len = batch_len.value_or(c.batch_len);
        return c;
    }

private:
    static std::uint32_t flag(bool is_set, std::uint32_t bit) noexcept { return is_set ? bit : 0; }
};

/** How a database is compacted. */
struct compact_options {
    options target;                  /**< The new file's page size, fill percent and so on. */
    std::uint64_t txn_max_bytes = 0; /**< Commit after so many bytes of keys and values; 0: at the end. */
    bool replace = false;            /**< Replace a file that has the name. */
};

namespace detail {

template <class T>
struct outcome_of {
    using type = result<T>;
};
template <class T>
struct outcome_of<result<T>> {
    using type = result<T>;
};

/* Whether values of a type lie in a transaction, or are of use in it alone. */
template <class T>
struct ends_with_txn
    : std::bool_constant<std::is_same_v<T, std::string_view> || std::is_same_v<T, entry>
                         || std::is_base_of_v<bucket, T> || std::is_base_of_v<cursor, T>
                         || std::is_base_of_v<txn, T> || std::is_same_v<T, entry_range>
                         || std::is_same_v<T, entry_iterator> || std::is_same_v<T, savepoint>> {};
template <class T>
struct ends_with_txn<std::optional<T>> : ends_with_txn<T> {};
template <class T>
struct ends_with_txn<result<T>> : ends_with_txn<T> {};
template <class T, class Allocator>
struct ends_with_txn<std::vector<T, Allocator>> : ends_with_txn<T> {};
template <class A, class B>
struct ends_with_txn<std::pair<A, B>>
    : std::bool_constant<ends_with_txn<A>::value || ends_with_txn<B>::value> {};

/* What a managed function came to, kept while C decides about its transaction. Outcome is a result. */
template <class Outcome>
class managed {
public:
    /* One run of the function; it may be run again. */
    template <class Txn, class Function>
    int run(bolt_txn* handle, Function& function) noexcept {
        outcome_.reset();
        Txn txn(handle);
        txn.is_managed_ = true;
        const int code = call(txn, function);
        leave(txn);
        return code;
    }

    /* The outcome, when C's frames are gone, and `code` is what C answered. */
    Outcome take(int code) {
#if BOLT_CPP_EXCEPTIONS
        if (code == threw && thrown_)
            std::rethrow_exception(std::exchange(thrown_, nullptr));
#endif
        if (code != BOLT_OK)
            return failure{code};
        if constexpr (std::is_void_v<typename Outcome::value_type>)
            return {};
        else
            return std::move(*outcome_);
    }

private:
    template <class Txn, class Function>
    int call(Txn& txn, Function& function) noexcept {
#if BOLT_CPP_EXCEPTIONS
        thrown_ = nullptr;
        try {
            return fill(txn, function);
        } catch (...) {
            thrown_ = std::current_exception();
            return threw;
        }
#else
        return fill(txn, function);
#endif
    }

    template <class Txn, class Function>
    int fill(Txn& txn, Function& function) {
        if constexpr (std::is_void_v<std::invoke_result_t<Function&, Txn&>>) {
            function(txn);
            return BOLT_OK;
        } else {
            outcome_.emplace(function(txn));
            return outcome_->code();
        }
    }

    /* The transaction is C's to end; what is to run with its commit stays until then. */
    void leave(write_txn& txn) noexcept {
        shared<writing> left = txn.leave();
        static_cast<void>(txn.let_go());
        if (left) {
            left->before = std::move(writing_);
            writing_ = std::move(left);
        }
    }
    void leave(read_txn& txn) noexcept { static_cast<void>(txn.release()); }

    std::optional<Outcome> outcome_;
    shared<writing> writing_;
#if BOLT_CPP_EXCEPTIONS
    std::exception_ptr thrown_;
#endif
};

/* Runs a function of the caller's in a transaction that `by`, a function of C's, begins and ends. */
template <class Txn, class Function>
auto manage(int (*by)(bolt_db*, bolt_txn_fn, void*), bolt_db* db, Function& function) {
    static_assert(std::is_invocable_v<Function&, Txn&>, "the function is called with the transaction");
    using returned = std::invoke_result_t<Function&, Txn&>;
    static_assert(!std::is_reference_v<returned>, "the function returns a value, not a reference");
    static_assert(!ends_with_txn<std::remove_cv_t<returned>>::value,
                  "what the function returns ends with the transaction: copy it, into a std::string say");
    using outcome = typename outcome_of<std::remove_cv_t<returned>>::type;
    struct context {
        Function& function;
        managed<outcome> state;

        static int run(void* self, bolt_txn* handle) noexcept {
            auto& it = *static_cast<context*>(self);
            return it.state.template run<Txn>(handle, it.function);
        }
    } it{function, {}};
    const int code = by(db, context::run, &it);
    return it.state.take(code);
}

/* What the twin that throws gives. */
template <class Txn, class Function>
using returned_by = typename outcome_of<
    std::remove_cv_t<std::invoke_result_t<std::remove_reference_t<Function>&, Txn&>>>::type::value_type;

template <class Txn, class Function>
using result_of = result<returned_by<Txn, Function>>;

} // namespace detail

/**
 * An open database. Any number of threads may use the object at the same time, but not while it is moved,
 * closed or ended.
 */
class database {
public:
    /** A database that stands for nothing. */
    database() noexcept = default;

    /**
     * A database of C's, which it owns from then on.
     *
     * @param handle An open database.
     */
    explicit database(bolt_db* handle) noexcept : handle_(handle) {}

    ///@{
    /**
     * Opens a database, or creates it where there is no file.
     *
     * @param path The file's name, without a zero in it.
     * @param how How to open it.
     */
    explicit database(const std::string& path, const options& how = {})
        : database(try_open(path, how).value()) {}
    static result<database> try_open(const std::string& path, const options& how = {}) noexcept {
        if (!detail::is_path(path))
            return failure{BOLT_ARGUMENT};
        return opened(
            how, [&](const bolt_options* c, bolt_db** db) { return bolt_open(path.c_str(), c, db); });
    }
    ///@}

    ///@{
    /**
     * Opens the database in a file that the caller has open.
     *
     * @param fd The descriptor; the database has a duplicate.
     * @param how How to open it.
     * @return The database.
     */
    static database open_fd(int fd, const options& how = {}) { return try_open_fd(fd, how).value(); }
    static result<database> try_open_fd(int fd, const options& how = {}) noexcept {
        return opened(how, [&](const bolt_options* c, bolt_db** db) { return bolt_open_fd(fd, c, db); });
    }
    ///@}

    ///@{
    /**
     * Opens a database in memory, which is gone when it is closed.
     *
     * @param data The bytes of a database, which are copied; empty: a new one.
     * @param how How to open it.
     * @return The database.
     */
    static database open_memory(std::string_view data = {}, const options& how = {}) {
        return try_open_memory(data, how).value();
    }
    static result<database> try_open_memory(std::string_view data = {}, const options& how = {}) noexcept {
        return opened(how, [&](const bolt_options* c, bolt_db** db) {
            return bolt_open_memory(data.data(), data.size(), c, db);
        });
    }
    ///@}

    ///@{
    /**
     * Closes the database now, and says what the end of the object would not: errc::busy where transactions
     * are open, and it stays open; otherwise it is closed, whatever went wrong. A closed one takes it, too.
     */
    void close() { try_close().value(); }
    status try_close() noexcept {
        const int code = bolt_close(handle());
        if (code != BOLT_BUSY && code != BOLT_BADHANDLE && code != BOLT_FORKED)
            static_cast<void>(handle_.release());
        return failure{code};
    }
    ///@}

    ///@{
    /**
     * Begins a read transaction, which sees the database as the last commit left it. It waits for nobody.
     *
     * @return The transaction, which ends with the object.
     */
    [[nodiscard]] read_txn begin_read() const { return try_begin_read().value(); }
    result<read_txn> try_begin_read() const noexcept {
        bolt_txn* begun;
        const int code = bolt_txn_begin(handle(), BOLT_READ, &begun);
        if (code != BOLT_OK)
            return failure{code};
        return read_txn(begun);
    }
    ///@}

    ///@{
    /**
     * Begins the write transaction, and waits until no other is open. A thread that has it and begins another
     * waits for ever.
     *
     * @return The transaction, which is rolled back when the object ends, unless it is committed.
     */
    [[nodiscard]] write_txn begin_write() const { return try_begin_write().value(); }
    result<write_txn> try_begin_write() const noexcept {
        bolt_txn* begun;
        const int code = bolt_txn_begin(handle(), BOLT_WRITE, &begun);
        if (code != BOLT_OK)
            return failure{code};
        return write_txn(begun);
    }
    ///@}

    ///@{
    /**
     * Begins the write transaction, and waits only so long.
     *
     * @param longest How long, 0: not at all; in whole milliseconds.
     * @return The transaction; nothing where the time has passed.
     */
    [[nodiscard]] std::optional<write_txn> begin_write_for(std::chrono::milliseconds longest) const {
        return try_begin_write_for(longest).value();
    }
    result<std::optional<write_txn>> try_begin_write_for(std::chrono::milliseconds longest) const noexcept {
        if (longest.count() < 0)
            return failure{BOLT_ARGUMENT};
        bolt_txn* begun;
        const int code = bolt_txn_begin_timeout(handle(), BOLT_WRITE,
                                                static_cast<std::uint64_t>(longest.count()), &begun);
        if (code == BOLT_BUSY || code == BOLT_TIMEOUT)
            return std::optional<write_txn>();
        if (code != BOLT_OK)
            return failure{code};
        return std::optional<write_txn>(write_txn(begun));
    }
    ///@}

    ///@{
    /**
     * Runs a function in a read transaction.
     *
     * @param function Called with a read_txn&, which ends when it returns. What it returns comes out, and
     *     must not lie in the transaction. Where that is a bolt::result, its failure is the operation's.
     * @return What the function returned.
     */
    template <class Function>
    detail::returned_by<read_txn, Function> view(Function&& function) const {
        return try_view(function).value();
    }
    template <class Function>
    detail::result_of<read_txn, Function> try_view(Function&& function) const {
        return detail::manage<read_txn>(bolt_view, handle(), function);
    }
    ///@}

    ///@{
    /**
     * Runs a function in the write transaction, and commits what it did. An exception, or a failed
     * bolt::result, takes it back and comes out. A function that calls update() for the same database waits
     * for ever.
     *
     * @param function Called with a write_txn&, which ends when it returns, and cannot be committed or rolled
     *     back before. What it returns comes out, and must not lie in the transaction.
     * @return What the function returned, when it is committed.
     */
    template <class Function>
    detail::returned_by<write_txn, Function> update(Function&& function) const {
        return try_update(function).value();
    }
    template <class Function>
    detail::result_of<write_txn, Function> try_update(Function&& function) const {
        return detail::manage<write_txn>(bolt_update, handle(), function);
    }
    ///@}

    ///@{
    /**
     * Runs a function in a write transaction that the calls of other threads may share, and commits what it
     * did: many threads wait for the disk once. See bolt_batch_update.
     *
     * The function may be run more than once. So it starts from nothing each time, moves nothing out of what
     * it has captured, and what it writes elsewhere counts only when the call has returned.
     *
     * @param function Called with a write_txn&, as by update(), in the calling thread.
     * @return What the function returned in the run that is committed.
     */
    template <class Function>
    detail::returned_by<write_txn, Function> batch(Function&& function) const {
        return try_batch(function).value();
    }
    template <class Function>
    detail::result_of<write_txn, Function> try_batch(Function&& function) const {
        return detail::manage<write_txn>(bolt_batch_update, handle(), function);
    }
    ///@}

    ///@{
    /**
     * Does all writes of a list, in their order, all or none, in a transaction that other threads may share.
     *
     * @param list The writes; the list stays as it is.
     * @param missing What is done where a bucket is missing.
     */
    void commit(batch_list& list, missing_buckets missing = missing_buckets::fail) const {
        try_commit(list, missing).value();
    }
    status try_commit(batch_list& list, missing_buckets missing = missing_buckets::fail) const noexcept {
        const std::uint32_t flags = missing == missing_buckets::create ? BOLT_BATCH_CREATE_BUCKETS : 0;
        return failure{bolt_batch_commit(handle(), list.handle(), flags)};
    }
    ///@}

    ///@{
    /**
     * Writes everything in the database, as the last commit left it, into a new file without free pages.
     *
     * @param path The name of the new file, which appears whole or not at all.
     * @param how How it is made.
     * @param progress Called with the bytes of keys and values that have been copied, and 0; it may return
     *     false to stop, which is ECANCELED: std::errc::operation_canceled.
     */
    template <class Progress = detail::nothing_to_tell>
    void compact(const std::string& path, const compact_options& how = {}, Progress&& progress = {}) const {
        try_compact(path, how, std::forward<Progress>(progress)).value();
    }
    template <class Progress = detail::nothing_to_tell>
    status try_compact(const std::string& path, const compact_options& how = {},
                       Progress&& progress = {}) const {
        const result<bolt_options> target = how.target.for_c();
        if (!target || !detail::is_path(path))
            return failure{target ? BOLT_ARGUMENT : target.code()};
        using given = std::remove_reference_t<Progress>;
        detail::guarded<given> told(progress);
        const int code = bolt_compact(handle(), path.c_str(), &*target, how.txn_max_bytes,
                                      how.replace ? BOLT_REPLACE : 0, detail::tell_progress<given>, &told);
        told.rethrow();
        return failure{code};
    }
    ///@}

    ///@{
    /** Makes durable everything committed so far; of use with options::no_sync. */
    void sync() const { try_sync().value(); }
    status try_sync() const noexcept { return failure{bolt_sync(handle())}; }
    ///@}

    ///@{
    /**
     * Changes an option of the open database.
     *
     * @param option A BOLT_OPT_ number of which it is said that it may change after open.
     * @param value Its value.
     */
    void set(std::uint32_t option, std::uint64_t value) const { try_set(option, value).value(); }
    status try_set(std::uint32_t option, std::uint64_t value) const noexcept {
        return failure{bolt_set(handle(), option, value)};
    }
    ///@}

    ///@{
    /**
     * The name by which the database was opened.
     *
     * @return The name, valid until it is closed; empty where it was opened otherwise.
     */
    std::string_view path() const { return try_path().value(); }
    result<std::string_view> try_path() const noexcept {
        const char* name;
        const int code = bolt_path(handle(), &name);
        if (code != BOLT_OK)
            return failure{code};
        return std::string_view(name);
    }
    ///@}

    ///@{
    /**
     * The state of the database.
     *
     * @return Its size and its page size, among others.
     */
    bolt_db_info info() const { return try_info().value(); }
    result<bolt_db_info> try_info() const noexcept {
        bolt_db_info facts{};
        facts.struct_size = sizeof facts;
        const int code = bolt_info(handle(), &facts);
        if (code != BOLT_OK)
            return failure{code};
        return facts;
    }
    ///@}

    ///@{
    /**
     * What the database has done since it was opened.
     *
     * @param flags BOLT_STATS_RESIDENT or 0.
     * @return The statistics.
     */
    bolt_db_stats stats(std::uint32_t flags = 0) const { return try_stats(flags).value(); }
    result<bolt_db_stats> try_stats(std::uint32_t flags = 0) const noexcept {
        bolt_db_stats counts{};
        counts.struct_size = sizeof counts;
        const int code = bolt_stats(handle(), flags, &counts);
        if (code != BOLT_OK)
            return failure{code};
        return counts;
    }
    ///@}

    ///@{
    /**
     * The open read transactions.
     *
     * @return What is known of them, oldest first.
     */
    std::vector<bolt_reader_info> readers() const { return try_readers().value(); }
    result<std::vector<bolt_reader_info>> try_readers() const {
        std::vector<bolt_reader_info> all;
        for (std::size_t count = 0;;) {
            const int code = bolt_readers(handle(), all.data(), all.size(), &count);
            if (code != BOLT_OK)
                return failure{code};
            const bool were_all = count <= all.size();
            all.resize(count);
            if (were_all)
                return all;
        }
    }
    ///@}

    /**
     * The database for functions of C; it stays this object's.
     *
     * @return The handle, or null.
     */
    bolt_db* handle() const noexcept { return handle_.get(); }

    /**
     * Gives the database away.
     *
     * @return The handle, which the caller must end, or null.
     */
    [[nodiscard]] bolt_db* release() noexcept { return handle_.release(); }

private:
    template <class Open>
    static result<database> opened(const options& how, Open open) noexcept {
        const result<bolt_options> c = how.for_c();
        if (!c)
            return failure{c.code()};
        bolt_db* db;
        const int code = open(&*c, &db);
        if (code != BOLT_OK)
            return failure{code};
        return database(db);
    }

    detail::owned<bolt_db, bolt_close> handle_;
};

///@{
/**
 * Whether the library that runs fits this header; call it where your program begins. Where it does not, it is
 * errc::mismatch, and the text says what to do.
 */
inline void check_version() { detail::check(BOLT_VERSION_CHECK()); }
inline status try_check_version() noexcept { return failure{BOLT_VERSION_CHECK()}; }
///@}

#if !BOLT_CPP_EXCEPTIONS
} // namespace no_exceptions
#endif

} // namespace bolt

/** @cond */
template <>
struct std::is_error_code_enum<bolt::errc> : std::true_type {};

#if defined(__cpp_lib_ranges)
/* A bucket is a handle, and iterators need neither it nor a range once they are made. */
template <>
inline constexpr bool std::ranges::enable_view<bolt::bucket> = true;
template <>
inline constexpr bool std::ranges::enable_view<bolt::write_bucket> = true;
template <>
inline constexpr bool std::ranges::enable_borrowed_range<bolt::bucket> = true;
template <>
inline constexpr bool std::ranges::enable_borrowed_range<bolt::write_bucket> = true;
template <>
inline constexpr bool std::ranges::enable_borrowed_range<bolt::entry_range> = true;
#endif
/** @endcond */

#undef BOLT_CPP_VISIBLE
#undef BOLT_CPP_COLD

#endif
