// Padding, output and the choice of the block function.
#include "sha256.h"

#include <cstring>

#include "secret.h"

namespace paylink {

const Engine& fastest_engine() {
    static const Engine& fastest = []() -> const Engine& {
        for (const Engine* const engine : {sha_ni(), openssl()}) {
            if (engine != nullptr) {
                return *engine;
            }
        }
        return kPortable;
    }();
    return fastest;
}

std::size_t pad(Bytes rest, std::uint64_t total, Tail& tail) {
    // The mark and the length are 9 bytes; where they do not fit behind the rest, a block follows.
    const std::size_t blocks = rest.size + 9 <= kBlockSize ? 1 : 2;
    const std::size_t end = blocks * kBlockSize;
    if (rest.size != 0) {  // an empty rest may be a null pointer, which memcpy must not see
        std::memcpy(tail.data(), rest.data, rest.size);
    }
    std::memset(tail.data() + rest.size, 0, end - rest.size);
    tail[rest.size] = 0x80;
    std::uint64_t bits = total * 8;
    for (std::size_t at = end; bits != 0; bits >>= 8) {
        tail[--at] = static_cast<std::uint8_t>(bits);
    }
    return blocks;
}

void write_digest(const State& state, std::uint8_t* digest) {
    for (const std::uint32_t word : state) {
        for (const int shift : {24, 16, 8, 0}) {
            *digest++ = static_cast<std::uint8_t>(word >> shift);
        }
    }
}

void sha256_finish(Compress compress, const State& midstate, std::uint64_t already, Bytes rest,
                   std::uint8_t* digest) {
    Wiped<State> state(midstate);
    const std::size_t whole_blocks = rest.size / kBlockSize;
    if (whole_blocks != 0) {
        compress(state.value, rest.data, whole_blocks);
    }
    Wiped<Tail> tail;
    const std::size_t remainder = rest.size % kBlockSize;
    const std::uint8_t* const behind = remainder == 0 ? nullptr : rest.data + rest.size - remainder;
    compress(state.value, tail.value.data(),
             pad({behind, remainder}, already + rest.size, tail.value));
    write_digest(state.value, digest);
}

}  // namespace paylink
