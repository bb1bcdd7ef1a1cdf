// SHA-256 (FIPS 180-4): interchangeable block functions and the padding around them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace paylink {

struct Bytes {
    const std::uint8_t* data;
    std::size_t size;
};

inline constexpr std::size_t kBlockSize = 64;
inline constexpr std::size_t kDigestSize = 32;

using State = std::array<std::uint32_t, 8>;
using Digest = std::array<std::uint8_t, kDigestSize>;
// Room for what is left of a message behind its last whole block, with the padding.
using Tail = std::array<std::uint8_t, 2 * kBlockSize>;

// Folds `count` blocks of 64 bytes, at any alignment, into the state.
using Compress = void (*)(State& state, const std::uint8_t* blocks, std::size_t count);

// Folds `count` blocks into each of two states at once.
using CompressPair = void (*)(State& one, const std::uint8_t* of_one, State& other,
                              const std::uint8_t* of_other, std::size_t count);

// A way to compute SHA-256. `pair` is null where two at once would be no faster.
struct Engine {
    const char* name;
    Compress compress;
    CompressPair pair;
};

inline constexpr State kInitialState = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

extern const std::array<std::uint32_t, 64> kRoundConstants;

// Runs anywhere.
extern const Engine kPortable;

// The x86-64 SHA instructions, or nullptr on a processor or architecture without them.
const Engine* sha_ni();

// OpenSSL's, which knows the instructions of many processors; nullptr where it was not there at build
// time or is not there now.
const Engine* openssl();

// The best of the above for this processor; asked once per process.
const Engine& fastest_engine();

// Writes the end of a stream of `total` bytes: what is left behind its last whole block, a one bit,
// zeros, and the length in bits. Returns how many blocks that is: one or two.
std::size_t pad(Bytes rest, std::uint64_t total, Tail& tail);

void write_digest(const State& state, std::uint8_t* digest);

// Hashes `rest` as the end of a stream whose first `already` bytes, whole blocks, are in `midstate`
// and writes the digest of the whole stream.
void sha256_finish(Compress compress, const State& midstate, std::uint64_t already, Bytes rest,
                   std::uint8_t* digest);

}  // namespace paylink
