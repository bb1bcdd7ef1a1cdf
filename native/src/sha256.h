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

// Folds `count` blocks of 64 bytes, at any alignment, into the state.
using Compress = void (*)(State& state, const std::uint8_t* blocks, std::size_t count);

inline constexpr State kInitialState = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

extern const std::array<std::uint32_t, 64> kRoundConstants;

// Runs anywhere.
void compress_portable(State& state, const std::uint8_t* blocks, std::size_t count);

// The x86-64 SHA instructions, or nullptr on a processor or architecture without them.
Compress compress_sha_ni();

// The best of the above for this processor; asked once per process.
Compress fastest_compress();

// Hashes `rest` as the end of a stream whose first `already` bytes, whole blocks, are in `midstate`
// and writes the digest of the whole stream.
void sha256_finish(Compress compress, const State& midstate, std::uint64_t already, Bytes rest,
                   std::uint8_t* digest);

}  // namespace paylink
