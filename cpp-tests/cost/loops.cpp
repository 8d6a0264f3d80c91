#include "loops.h"

#include "bolt.hpp"

namespace {

std::string_view key_at(const char *keys, unsigned i) {
    return {keys + i * KEY_LEN, KEY_LEN};
}

std::uint64_t first_byte(std::string_view bytes) {
    return static_cast<unsigned char>(bytes[0]);
}

} // namespace

uint64_t get_loop(bolt_bucket *handle, const char *keys, unsigned rounds) {
    const bolt::bucket bucket(handle);
    std::uint64_t sum = 0;
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < KEY_COUNT; i++)
            if (const auto value = bucket.get(key_at(keys, i)))
                sum += value->size() + first_byte(*value);
    return sum;
}

uint64_t scan_loop(bolt_bucket *handle, unsigned rounds) {
    std::uint64_t sum = 0;
    for (unsigned round = 0; round < rounds; round++)
        for (auto [key, value] : bolt::bucket(handle))
            sum += key.size() + first_byte(value);
    return sum;
}

uint64_t seek_loop(bolt_bucket *handle, const char *keys, unsigned rounds) {
    bolt::cursor cursor = bolt::bucket(handle).cursor();
    std::uint64_t sum = 0;
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < KEY_COUNT; i++)
            if (const auto entry = cursor.seek(key_at(keys, i)))
                sum += entry->value.size() + first_byte(entry->key);
    return sum;
}

uint64_t put_loop(bolt_bucket *handle, const char *keys, unsigned rounds) {
    const bolt::write_bucket bucket(handle);
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < KEY_COUNT; i++)
            bucket.put(key_at(keys, i), key_at(keys, 0));
    return rounds;
}
