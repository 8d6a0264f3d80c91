// A job queue: what is put into it is done at least once, also if a worker dies over it.
//
//     job_queue DATABASE WORKERS JOBS
//
// Jobs lie in the order of the time from which they may be taken. Whoever takes one moves it on by the time
// that he has for it; when it is done he deletes it. Should he die, the job comes up again when that time has
// passed, and another takes it. Here every third job is dropped by the first who takes it, in place of a
// crash; the queue is empty in the end all the same. Since workers share commits (database::batch), more
// workers do more jobs without more waiting for the disk.
#include <bolt.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds time_for_a_job = 500ms;

std::uint64_t now_ms() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

// Numbers as bytes that sort as the numbers do.
std::string bytes_of(std::uint64_t number) {
    std::string bytes(8, '\0');
    for (int i = 7; i >= 0; i--, number >>= 8)
        bytes[static_cast<std::size_t>(i)] = static_cast<char>(number & 0xFF);
    return bytes;
}

std::uint64_t number_of(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char byte : bytes.substr(0, 8))
        number = number << 8 | static_cast<unsigned char>(byte);
    return number;
}

// A job in somebody's hands. Its key is the time from which it may be taken anew, and its number.
struct taken {
    std::string key;
    std::string what;
    bool is_first_attempt;
};

class queue {
public:
    explicit queue(const std::string& path) : db_(path) {
        db_.update([](bolt::write_txn& txn) { txn.ensure_bucket("jobs"); });
    }

    void add(const std::vector<std::string>& jobs) {
        db_.update([&](bolt::write_txn& txn) {
            const bolt::write_bucket bucket = txn.open_bucket("jobs");
            for (const std::string& job : jobs)
                bucket.put(bytes_of(now_ms()) + bytes_of(bucket.next_sequence()), "1" + job);
        });
    }

    // The next job whose time has come; nothing where there is none now. The function may be run again, and
    // so changes nothing but the database.
    std::optional<taken> take() {
        return db_.batch([](bolt::write_txn& txn) -> std::optional<taken> {
            const bolt::write_bucket bucket = txn.open_bucket("jobs");
            const std::optional<bolt::entry> first = bucket.cursor().first();
            const std::uint64_t now = now_ms();
            if (!first || number_of(first->key) > now)
                return std::nullopt;
            const auto until = now + static_cast<std::uint64_t>(time_for_a_job.count());
            taken job{bytes_of(until) + std::string(first->key.substr(8)),
                      std::string(first->value.substr(1)), first->value.front() == '1'};
            bucket.erase(first->key);
            bucket.put(job.key, "0" + job.what);
            return job;
        });
    }

    // Whether it was still the caller's: where the time for it had passed, somebody else has it now.
    bool finish(const taken& job) {
        return db_.batch([&](bolt::write_txn& txn) {
            const bolt::write_bucket bucket = txn.open_bucket("jobs");
            const bool is_ours = bucket.contains(job.key);
            bucket.erase(job.key);
            return is_ours;
        });
    }

    bool is_empty() {
        return db_.view([](const bolt::txn& txn) { return !txn.open_bucket("jobs").cursor().first(); });
    }

private:
    bolt::database db_;
};

struct counts {
    std::atomic<int> done{0}, dropped{0};
};

void work(queue& jobs, counts& count) {
    while (!jobs.is_empty()) {
        const std::optional<taken> job = jobs.take();
        if (!job)
            std::this_thread::sleep_for(20ms);
        else if (job->is_first_attempt && std::stoi(job->what) % 3 == 0)
            count.dropped++; // "crashed"
        else if (jobs.finish(*job))
            count.done++;
    }
}

int run(const std::string& path, int worker_count, int job_count) {
    queue jobs(path);
    std::vector<std::string> work_list;
    for (int i = 1; i <= job_count; i++)
        work_list.push_back(std::to_string(i));
    jobs.add(work_list);
    counts count;
    std::vector<std::thread> workers;
    for (int i = 0; i < worker_count; i++)
        workers.emplace_back([&] {
            try {
                work(jobs, count);
            } catch (const std::exception& error) {
                std::cerr << "job_queue: a worker gives up: " << error.what() << "\n";
            }
        });
    for (std::thread& worker : workers)
        worker.join();
    std::cout << count.done << " jobs done, " << count.dropped << " of them at the second attempt or later\n"
              << "the queue is " << (jobs.is_empty() ? "empty" : "not empty") << "\n";
    return jobs.is_empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    const int workers = argc == 4 ? std::atoi(argv[2]) : 0, jobs = argc == 4 ? std::atoi(argv[3]) : 0;
    if (workers < 1 || workers > 100 || jobs < 1) {
        std::cerr << "usage: " << argv[0] << " DATABASE WORKERS JOBS\n";
        return 2;
    }
    try {
        return run(argv[1], workers, jobs);
    } catch (const std::exception& error) { // bolt::error among them
        std::cerr << "job_queue: " << error.what() << "\n";
        return 1;
    }
}
