// Padding, output and the choice of the block function.
#include "sha256.h"

#include <algorithm>
#include <cstring>

#include "secret.h"

namespace paylink {

Compress fastest_compress() {
    static const Compress fastest = [] {
        const Compress with_instructions = compress_sha_ni();
        return with_instructions != nullptr ? with_instructions : compress_portable;
    }();
    return fastest;
}

void sha256_finish(Compress compress, const State& midstate, std::uint64_t already, Bytes rest,
                   std::uint8_t* digest) {
    Wiped<State> state(midstate);
    const std::size_t whole_blocks = rest.size / kBlockSize;
    compress(state.value, rest.data, whole_blocks);

    // The remainder, a one bit, zeros, and the stream's length in bits: one block, or two when the
    // 9 bytes of the mark and the length do not fit behind the remainder.
    Wiped<std::array<std::uint8_t, 2 * kBlockSize>> last;
    const std::size_t remainder = rest.size % kBlockSize;
    if (remainder != 0) {  // an empty message may be a null pointer, which memcpy must not see
        std::memcpy(last.value.data(), rest.data + whole_blocks * kBlockSize, remainder);
    }
    last.value[remainder] = 0x80;
    const std::size_t last_blocks = remainder + 9 <= kBlockSize ? 1 : 2;
    std::uint64_t bits = (already + rest.size) * 8;
    for (std::size_t at = last_blocks * kBlockSize; bits != 0; bits >>= 8) {
        last.value[--at] = static_cast<std::uint8_t>(bits);
    }
    compress(state.value, last.value.data(), last_blocks);

    for (const std::uint32_t word : state.value) {
        for (const int shift : {24, 16, 8, 0}) {
            *digest++ = static_cast<std::uint8_t>(word >> shift);
        }
    }
}

}  // namespace paylink
