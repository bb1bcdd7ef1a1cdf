// HMAC-SHA256 (RFC 2104) with the work on the key done once.
#pragma once

#include "secret.h"
#include "sha256.h"

namespace paylink {

// A key as the two hash states it leads to, so that each message saves the two blocks of padding.
class HmacKey {
   public:
    HmacKey(Compress compress, Bytes key);

    // Writes the 32 bytes of the message's MAC.
    void sign(Bytes message, std::uint8_t* mac) const;

    // False for any signature that is not 32 bytes long; constant time for those that are.
    bool verifies(Bytes message, Bytes signature) const;

    // The hash states behind the first block of the inner and of the outer hash.
    const State& inner() const { return inner_.value; }
    const State& outer() const { return outer_.value; }

   private:
    Compress compress_;
    Wiped<State> inner_;
    Wiped<State> outer_;
};

}  // namespace paylink
