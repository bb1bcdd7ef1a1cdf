// The C ABI: arguments are proven here, and only here.
#include "verifier.h"

#include "hmac.h"

namespace {

using paylink::Bytes;
using paylink::HmacKey;

bool readable(Bytes bytes) { return bytes.data != nullptr || bytes.size == 0; }

bool same_key(Bytes one, Bytes other) {
    return one.size == other.size && paylink::same_bytes(one.data, other.data, one.size);
}

// Subtracting from what is left cannot overflow, as a sum of hostile lengths could.
bool add_up(const std::uint64_t* lengths, std::size_t count, std::size_t total) {
    for (std::size_t i = 0; i < 3 * count; ++i) {
        if (lengths[i] > total) {
            return false;
        }
        total -= static_cast<std::size_t>(lengths[i]);
    }
    return total == 0;
}

// Walks the parts of a batch, whose lengths have been proven.
class Parts {
   public:
    Parts(const std::uint8_t* bytes, const std::uint64_t* lengths)
        : bytes_(bytes), lengths_(lengths) {}

    Bytes next() {
        const Bytes part{bytes_, static_cast<std::size_t>(*lengths_++)};
        bytes_ += part.size;
        return part;
    }

   private:
    const std::uint8_t* bytes_;
    const std::uint64_t* lengths_;
};

}  // namespace

int ComputeHMAC_SHA256(const uint8_t* key, size_t key_len, const uint8_t* message,
                       size_t message_len, uint8_t* out32) {
    const Bytes secret{key, key_len};
    const Bytes body{message, message_len};
    if (!readable(secret) || !readable(body) || out32 == nullptr) {
        return VERIFIER_NULL_POINTER;
    }
    HmacKey(paylink::fastest_compress(), secret).sign(body, out32);
    return VERIFIER_OK;
}

int VerifyHMAC_SHA256(const uint8_t* key, size_t key_len, const uint8_t* message,
                      size_t message_len, const uint8_t* signature, size_t signature_len) {
    const Bytes secret{key, key_len};
    const Bytes body{message, message_len};
    const Bytes claimed{signature, signature_len};
    if (!readable(secret) || !readable(body) || !readable(claimed)) {
        return VERIFIER_NULL_POINTER;
    }
    const bool match = HmacKey(paylink::fastest_compress(), secret).verifies(body, claimed);
    return match ? VERIFIER_MATCH : VERIFIER_MISMATCH;
}

int VerifyBatchHMAC_SHA256(const uint8_t* bytes, size_t bytes_len, const uint64_t* lengths,
                           size_t count, uint8_t* results) {
    if (!readable({bytes, bytes_len}) || (count != 0 && (lengths == nullptr || results == nullptr))) {
        return VERIFIER_NULL_POINTER;
    }
    if (!add_up(lengths, count, bytes_len)) {
        return VERIFIER_BAD_LENGTHS;
    }
    const paylink::Compress compress = paylink::fastest_compress();
    Parts parts(bytes, lengths);
    Bytes current{nullptr, 0};
    HmacKey midstates(compress, current);
    for (std::size_t i = 0; i < count; ++i) {
        const Bytes key = parts.next();
        const Bytes message = parts.next();
        const Bytes signature = parts.next();
        if (!same_key(key, current)) {
            midstates = HmacKey(compress, key);
            current = key;
        }
        results[i] = midstates.verifies(message, signature) ? VERIFIER_MATCH : VERIFIER_MISMATCH;
    }
    return VERIFIER_OK;
}
