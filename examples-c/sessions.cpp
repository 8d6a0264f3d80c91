// A store for the sessions of a web application, which expire.
//
//     sessions DATABASE NOW create USER SECONDS    prints the new session's id
//     sessions DATABASE NOW get ID                 prints the user
//     sessions DATABASE NOW touch ID SECONDS       lets the session live so long from now on
//     sessions DATABASE NOW end ID                 ends it
//     sessions DATABASE NOW sweep                  deletes those that have expired
//
// NOW is the time in seconds since 1970, or `now`. It shows an index beside the data, both of which change in
// one transaction or not at all: the bucket "by expiry" has the sessions in the order in which they expire,
// so a sweep looks at none that lives on. A session that has expired is gone at once, swept or not.
#include <bolt.hpp>

#include <charconv>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// Times as texts that sort as the times do.
std::string time_text(std::uint64_t time) {
    char text[21];
    std::snprintf(text, sizeof text, "%020llu", static_cast<unsigned long long>(time));
    return text;
}

constexpr std::size_t time_len = 20;

std::string new_id() {
    static const char digits[] = "0123456789abcdef";
    std::random_device random;
    std::string id;
    for (int i = 0; i < 32; i++)
        id += digits[random() % 16];
    return id;
}

class session_store {
public:
    explicit session_store(const std::string& path) : db_(path) {
        db_.update([](bolt::write_txn& txn) {
            txn.ensure_bucket("sessions");
            txn.ensure_bucket("by expiry");
        });
    }

    std::string create(std::string_view user, std::uint64_t expiry) {
        const std::string id = new_id();
        db_.update([&](bolt::write_txn& txn) { put(txn, id, user, expiry); });
        return id;
    }

    std::optional<std::string> user_of(std::string_view id, std::uint64_t now) const {
        return db_.view([&](const bolt::read_txn& txn) -> std::optional<std::string> {
            const auto session = txn.open_bucket("sessions").get(id);
            if (!session || !lives(*session, now))
                return std::nullopt;
            return std::string(session->substr(time_len)); // a copy: the view ends with the transaction
        });
    }

    bool touch(std::string_view id, std::uint64_t now, std::uint64_t expiry) {
        return db_.update([&](bolt::write_txn& txn) {
            const auto session = txn.open_bucket("sessions").get(id);
            if (!session || !lives(*session, now))
                return false;
            remove(txn, id, *session);
            put(txn, id, session->substr(time_len), expiry); // the bytes stay, although they were deleted
            return true;
        });
    }

    bool end(std::string_view id) {
        return db_.update([&](bolt::write_txn& txn) {
            const auto session = txn.open_bucket("sessions").get(id);
            if (session)
                remove(txn, id, *session);
            return session.has_value();
        });
    }

    std::uint64_t sweep(std::uint64_t now) {
        return db_.update([&](bolt::write_txn& txn) {
            const bolt::write_bucket sessions = txn.open_bucket("sessions");
            const bolt::write_bucket index = txn.open_bucket("by expiry");
            const std::string end = time_text(now + 1);
            for (auto [key, nothing] : index.until(end))
                sessions.erase(key.substr(time_len));
            return index.erase_range(std::nullopt, end);
        });
    }

private:
    static bool lives(std::string_view session, std::uint64_t now) {
        return session.substr(0, time_len) > time_text(now);
    }

    static void put(const bolt::write_txn& txn, std::string_view id, std::string_view user,
                    std::uint64_t expiry) {
        std::string session = time_text(expiry);
        txn.open_bucket("by expiry").put(session + std::string(id), "");
        txn.open_bucket("sessions").put(id, session.append(user));
    }

    static void remove(const bolt::write_txn& txn, std::string_view id, std::string_view session) {
        txn.open_bucket("by expiry").erase(std::string(session.substr(0, time_len)).append(id));
        txn.open_bucket("sessions").erase(id);
    }

    bolt::database db_;
};

std::uint64_t number(const std::string& text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end)
        throw std::invalid_argument("no number: " + text);
    return value;
}

// Prints what was asked for, and whether it was there.
bool answer(session_store& store, std::uint64_t now, const std::vector<std::string>& words) {
    const std::string& what = words[0];
    if (what == "create" && words.size() == 3) {
        std::cout << store.create(words[1], now + number(words[2])) << "\n";
    } else if (what == "get" && words.size() == 2) {
        const auto user = store.user_of(words[1], now);
        std::cout << user.value_or("no such session") << "\n";
        return user.has_value();
    } else if (what == "touch" && words.size() == 3) {
        const bool is_there = store.touch(words[1], now, now + number(words[2]));
        std::cout << (is_there ? "touched" : "no such session") << "\n";
        return is_there;
    } else if (what == "end" && words.size() == 2) {
        const bool was_there = store.end(words[1]);
        std::cout << (was_there ? "ended" : "no such session") << "\n";
        return was_there;
    } else if (what == "sweep" && words.size() == 1) {
        std::cout << store.sweep(now) << " expired\n";
    } else {
        throw std::invalid_argument("create USER SECONDS, get ID, touch ID SECONDS, end ID or sweep");
    }
    return true;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::cerr << "usage: " << argv[0] << " DATABASE NOW create|get|touch|end|sweep ...\n";
        return 2;
    }
    try {
        const std::string now = argv[2];
        session_store store(argv[1]);
        const auto seconds = now == "now" ? static_cast<std::uint64_t>(std::time(nullptr)) : number(now);
        return answer(store, seconds, {argv + 3, argv + argc}) ? 0 : 1;
    } catch (const std::exception& error) { // bolt::error among them
        std::cerr << "sessions: " << error.what() << "\n";
        return 1;
    }
}
