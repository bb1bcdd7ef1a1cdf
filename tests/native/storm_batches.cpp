// The kernels and the batch call: every answer is the one that its check gets alone.
#include <cstring>
#include <string>
#include <vector>

#include "kernels.h"
#include "storm.h"
#include "verifier.h"

namespace storm {
namespace {

// Lengths where padding changes shape, lengths of bodies, and now and then one far longer.
std::size_t a_length() {
    switch (below(8)) {
        case 0:
            return below(3);
        case 1:
            return below(40) * kBlockSize + 50 + below(16);
        case 2:
            return 4096 + below(8192);
        default:
            return below(700);
    }
}

int kernel_count() {
    int number = 0;
    while (VerifierKernel(number) != nullptr) {
        ++number;
    }
    return number;
}

VerifierCheck a_check(Bytes key, Bytes message, Bytes signature, int encoding) {
    return {key.data, key.size, message.data, message.size, signature.data, signature.size,
            encoding};
}

std::string hex_of(const Digest& digest) {
    std::string text;
    for (const unsigned int byte : digest) {
        char two[3];
        std::snprintf(two, sizeof two, below(2) ? "%02x" : "%02X", byte);
        text += two;
    }
    return text;
}

std::string base64_of(const Digest& digest) {
    const char* const alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < kDigestSize; at += 3) {
        unsigned int bits = 0;
        for (std::size_t i = at; i < at + 3; ++i) {
            bits = bits << 8 | (i < kDigestSize ? digest[i] : 0U);
        }
        for (const int shift : {18, 12, 6, 0}) {
            text += alphabet[bits >> shift & 63];
        }
    }
    text.back() = '=';
    return text;
}

int answer(const VerifierCheck& check, int kernel) {
    std::uint8_t result = 77;
    expect(VerifyBatchHMAC_SHA256(&check, 1, &result, kernel, 1) == VERIFIER_OK, "one check");
    return result;
}

}  // namespace

void kernels_agree() {
    for (int round = 0; round < 150; ++round) {
        const std::size_t count = 1 + below(round % 5 == 0 ? kMostJobs : 24);
        const bool alike = below(2) == 0;
        const std::size_t length = a_length();
        std::vector<std::unique_ptr<Guarded>> messages;
        std::vector<HmacKey> keys;
        for (int i = 0; i < 3; ++i) {
            Placed key(below(140), below(16));
            keys.emplace_back(kPortable.compress, key.bytes());
        }
        std::vector<Digest> expected(count);
        std::vector<Digest> macs(count);
        std::vector<Job> jobs;
        for (std::size_t i = 0; i < count; ++i) {
            messages.push_back(
                std::make_unique<Guarded>(alike ? length : a_length(), below(2) == 0));
            jobs.push_back({&keys[below(keys.size())], messages[i]->bytes(), macs[i].data()});
            jobs[i].key->sign(jobs[i].message, expected[i].data());
        }
        for (const Kernel* kernel = kernels().list; kernel->name != nullptr; ++kernel) {
            for (Digest& mac : macs) {
                mac.fill(0);
            }
            kernel->sign(jobs.data(), count);
            expect(macs == expected, kernel->name);
        }
    }
}

void batches_answer_like_single_checks() {
    std::size_t matches = 0;
    for (int round = 0; round < 60; ++round) {
        std::vector<Placed> parts;
        std::vector<std::size_t> sizes;
        std::vector<VerifierCheck> checks;
        std::vector<std::uint8_t> answers;
        std::vector<Placed> keys;
        for (int i = 0; i < 12; ++i) {
            keys.emplace_back(below(140), below(16));
        }
        for (std::size_t left = below(round % 4 == 0 ? 300 : 40); left != 0; --left) {
            const Bytes key = keys[below(keys.size())].bytes();
            parts.emplace_back(round % 10 == 0 ? 5000 + below(3000) : below(300), below(16));
            const Bytes message = parts.back().bytes();
            const Digest mac = mac_through_abi(key, message);
            parts.emplace_back(below(8) == 0 ? below(32) : kDigestSize, below(16));
            const Bytes signature = parts.back().bytes();
            std::memcpy(parts.back().data(), mac.data(), signature.size);
            if (signature.size != 0) {
                parts.back().data()[below(signature.size)] ^= static_cast<std::uint8_t>(below(2));
            }
            checks.push_back(a_check(key, message, signature, VERIFIER_RAW));
            answers.push_back(static_cast<std::uint8_t>(verified(key, message, signature)));
            matches += answers.back();
        }
        for (int kernel = 0; kernel < kernel_count(); ++kernel) {
            for (const int threads : {1, 3, 1024}) {
                std::vector<std::uint8_t> results(answers.size(), 77);
                expect(VerifyBatchHMAC_SHA256(checks.data(), checks.size(), results.data(), kernel,
                                              threads) == VERIFIER_OK, "batch code");
                expect(results == answers, VerifierKernel(kernel));
            }
        }
    }
    expect(matches > 100, "batches with something right in them");
}

void texts_mean_one_signature() {
    Placed key(30, 1);
    Placed message(200, 3);
    const Digest mac = mac_through_abi(key.bytes(), message.bytes());
    const auto asked = [&](const std::string& text) {
        Placed exact(text.size(), 1);  // the text ends where its memory ends
        std::memcpy(exact.data(), text.data(), text.size());
        return answer(a_check(key.bytes(), message.bytes(), exact.bytes(), VERIFIER_TEXT), 0);
    };
    for (const std::string& right : {hex_of(mac), base64_of(mac)}) {
        expect(asked(right) == VERIFIER_MATCH, "a text matches");
        for (std::size_t at = 0; at < right.size(); ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string wrong = right;
                wrong[at] = static_cast<char>(byte);
                const bool same = right.size() == 64
                    ? std::strchr("0123456789abcdefABCDEF", byte) != nullptr && byte != 0 &&
                          (byte | 0x20) == (right[at] | 0x20)
                    : wrong == right;
                expect(asked(wrong) == (same ? VERIFIER_MATCH : VERIFIER_MISMATCH), "one letter");
            }
        }
        expect(asked(right.substr(1)) == VERIFIER_MISMATCH, "a letter less");
        expect(asked(right + right[0]) == VERIFIER_MISMATCH, "a letter more");
    }
    expect(asked("") == VERIFIER_MISMATCH, "no text");
    const Bytes raw{mac.data(), kDigestSize};
    expect(answer(a_check(key.bytes(), message.bytes(), raw, VERIFIER_TEXT), 0) == VERIFIER_MISMATCH,
           "bytes are no text");
}

void broken_batches_are_refused() {
    std::uint8_t byte = 0;
    std::uint8_t result = 77;
    const Bytes one{&byte, 1};
    const Bytes null{nullptr, 1};
    const auto code = [&](const VerifierCheck& check) {
        return VerifyBatchHMAC_SHA256(&check, 1, &result, 0, 1);
    };
    expect(code(a_check(null, one, one, VERIFIER_RAW)) == VERIFIER_NULL_POINTER, "key");
    expect(code(a_check(one, null, one, VERIFIER_RAW)) == VERIFIER_NULL_POINTER, "message");
    expect(code(a_check(one, one, null, VERIFIER_RAW)) == VERIFIER_NULL_POINTER, "signature");
    expect(code(a_check(one, one, one, 2)) == VERIFIER_BAD_ARGUMENT, "encoding");
    const VerifierCheck good = a_check(one, one, one, VERIFIER_RAW);
    for (const int kernel : {-1, kernel_count(), 1 << 20}) {
        expect(VerifyBatchHMAC_SHA256(&good, 1, &result, kernel, 1) == VERIFIER_BAD_ARGUMENT, "k");
        expect(VerifierKernel(kernel) == nullptr, "a kernel that is not there");
    }
    expect(VerifyBatchHMAC_SHA256(&good, 1, &result, 0, 0) == VERIFIER_BAD_ARGUMENT, "threads");
    expect(VerifyBatchHMAC_SHA256(nullptr, 1, &result, 0, 1) == VERIFIER_NULL_POINTER, "checks");
    expect(VerifyBatchHMAC_SHA256(&good, 1, nullptr, 0, 1) == VERIFIER_NULL_POINTER, "results");
    expect(VerifyBatchHMAC_SHA256(nullptr, 0, nullptr, 0, 1) == VERIFIER_OK, "nothing");
    expect(result == 77, "a refusal writes nothing");
    expect(answer(a_check({nullptr, 0}, {nullptr, 0}, {nullptr, 0}, VERIFIER_RAW), 0) ==
               VERIFIER_MISMATCH, "empty");
}

}  // namespace storm
