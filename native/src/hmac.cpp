// Keys to midstates, midstates and messages to MACs.
#include "hmac.h"

#include <cstring>

namespace paylink {
namespace {

using Block = std::array<std::uint8_t, kBlockSize>;

void absorb(Compress compress, const Block& key, std::uint8_t pad, State& state) {
    Wiped<Block> padded(key);
    for (std::uint8_t& byte : padded.value) {
        byte = static_cast<std::uint8_t>(byte ^ pad);
    }
    state = kInitialState;
    compress(state, padded.value.data(), 1);
}

}  // namespace

HmacKey::HmacKey(Compress compress, Bytes key) : compress_(compress) {
    Wiped<Block> block;
    if (key.size > kBlockSize) {
        sha256_finish(compress, kInitialState, 0, key, block.value.data());
    } else if (key.size != 0) {  // an empty key may be a null pointer, which memcpy must not see
        std::memcpy(block.value.data(), key.data, key.size);
    }
    absorb(compress, block.value, 0x36, inner_.value);
    absorb(compress, block.value, 0x5c, outer_.value);
}

void HmacKey::sign(Bytes message, std::uint8_t* mac) const {
    Wiped<Digest> inner;
    sha256_finish(compress_, inner_.value, kBlockSize, message, inner.value.data());
    sha256_finish(compress_, outer_.value, kBlockSize, {inner.value.data(), kDigestSize}, mac);
}

bool HmacKey::verifies(Bytes message, Bytes signature) const {
    if (signature.size != kDigestSize) {
        return false;
    }
    Wiped<Digest> expected;  // a right signature for a stranger's message: as good as the key once
    sign(message, expected.value.data());
    return same_bytes(expected.value.data(), signature.data, kDigestSize);
}

}  // namespace paylink
