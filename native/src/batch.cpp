// Batches: keys to midstates once, MACs by a kernel, comparisons in constant time.
#include "batch.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <thread>

#include "text.h"

namespace paylink {
namespace {

// A thread costs some 30 microseconds; it must have more than that to do.
constexpr std::size_t kLeastBytesPerThread = std::size_t{1} << 18;
constexpr std::size_t kMostThreads = 16;
// Keys seen lately that a check's key is held against.
constexpr std::size_t kKeysTried = 8;

bool same_key(Bytes one, Bytes other) {
    if (one.size != other.size) {
        return false;
    }
    return one.data == other.data || same_bytes(one.data, other.data, one.size);
}

// The midstates of one chunk's keys. They die with it: no key outlives the call.
class Keys {
   public:
    explicit Keys(Compress compress) : compress_(compress) {}
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;
    ~Keys() {
        while (count_ != 0) {
            at(--count_)->~HmacKey();
        }
    }

    const HmacKey* of(Bytes key) {
        for (std::size_t i = count_; i != 0 && i + kKeysTried > count_; --i) {
            if (same_key(key, bytes_[i - 1])) {
                return at(i - 1);
            }
        }
        bytes_[count_] = key;
        return new (memory_ + count_++ * sizeof(HmacKey)) HmacKey(compress_, key);
    }

   private:
    HmacKey* at(std::size_t index) {
        return std::launder(reinterpret_cast<HmacKey*>(memory_ + index * sizeof(HmacKey)));
    }

    Compress compress_;
    std::size_t count_ = 0;
    Bytes bytes_[kMostJobs];
    alignas(HmacKey) unsigned char memory_[kMostJobs * sizeof(HmacKey)];
};

bool right(const VerifierCheck& check, const Digest& expected) {
    const Bytes written{check.signature, check.signature_len};
    if (check.encoding == VERIFIER_TEXT) {
        Digest raw{};
        return read_signature(written, raw) &&
               same_bytes(expected.data(), raw.data(), kDigestSize);
    }
    return written.size == kDigestSize && same_bytes(expected.data(), written.data, kDigestSize);
}

void verify_chunk(const VerifierCheck* checks, std::size_t count, std::uint8_t* results,
                  const Kernel& kernel) {
    Keys keys(fastest_engine().compress);
    Digest expected[kMostJobs];
    Job jobs[kMostJobs];
    for (std::size_t i = 0; i < count; ++i) {
        jobs[i] = {keys.of({checks[i].key, checks[i].key_len}),
                   {checks[i].message, checks[i].message_len},
                   expected[i].data()};
        __builtin_prefetch(checks[i].signature);  // it arrives while the messages are hashed
    }
    kernel.sign(jobs, count);
    for (std::size_t i = 0; i < count; ++i) {
        results[i] = right(checks[i], expected[i]) ? VERIFIER_MATCH : VERIFIER_MISMATCH;
    }
    // A right signature for a stranger's message is as good as the key, once.
    wipe(expected, count * sizeof(Digest));
}

void verify_part(const VerifierCheck* checks, std::size_t count, std::uint8_t* results,
                 const Kernel& kernel) {
    for (std::size_t done = 0; done < count; done += kMostJobs) {
        verify_chunk(checks + done, std::min(kMostJobs, count - done), results + done, kernel);
    }
}

std::size_t useful_threads(const VerifierCheck* checks, std::size_t count, std::size_t allowed) {
    if (allowed < 2 || count == 0) {
        return 1;
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
        bytes += checks[i].message_len;
    }
    return std::clamp(bytes / kLeastBytesPerThread, std::size_t{1},
                      std::min({allowed, kMostThreads, count}));
}

}  // namespace

void verify_batch(const VerifierCheck* checks, std::size_t count, std::uint8_t* results,
                  const Kernel& kernel, std::size_t threads) {
    const std::size_t parts = useful_threads(checks, count, threads);
    std::thread others[kMostThreads];
    for (std::size_t part = 1; part < parts; ++part) {
        const std::size_t from = count * part / parts;
        const std::size_t size = count * (part + 1) / parts - from;
        try {
            others[part] = std::thread(verify_part, checks + from, size, results + from, kernel);
        } catch (const std::system_error&) {  // there is no thread to be had: this one does it
            verify_part(checks + from, size, results + from, kernel);
        }
    }
    verify_part(checks, parts == 1 ? count : count / parts, results, kernel);
    for (std::thread& other : others) {
        if (other.joinable()) {
            other.join();
        }
    }
}

}  // namespace paylink
