// Pushes vectors, random lengths, unaligned pointers and broken arguments through every block
// function, every kernel and the C ABI. Exits 0 when all of them agree; takes the seed as its only argument.
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "storm.h"
#include "verifier.h"

std::mt19937 storm::random_source;

namespace storm {

Digest mac_through_abi(Bytes key, Bytes message) {
    Digest mac;
    expect(ComputeHMAC_SHA256(key.data, key.size, message.data, message.size, mac.data()) ==
               VERIFIER_OK, "ComputeHMAC_SHA256");
    return mac;
}

int verified(Bytes key, Bytes message, Bytes signature) {
    return VerifyHMAC_SHA256(key.data, key.size, message.data, message.size, signature.data,
                             signature.size);
}

}  // namespace storm

namespace {

using namespace storm;

std::vector<Engine> engines() {
    std::vector<Engine> found{kPortable};
    for (const Engine* engine : {sha_ni(), openssl()}) {
        if (engine != nullptr) {
            found.push_back(*engine);
        }
    }
    return found;
}

Bytes bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Digest mac_with(Compress compress, Bytes key, Bytes message) {
    Digest mac;
    HmacKey(compress, key).sign(message, mac.data());
    return mac;
}

std::string hex(const Digest& digest) {
    std::string text;
    for (const unsigned int byte : digest) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", byte);
        text += two;
    }
    return text;
}

// RFC 4231, cases 1 to 7; case 5 is published cut to 16 bytes.
void vectors(const std::vector<Engine>& functions) {
    std::string counting;
    for (char byte = 1; byte <= 25; ++byte) {
        counting += byte;
    }
    const std::string long_key(131, '\xaa');
    const struct {
        std::string key, message, published;
    } cases[] = {
        {std::string(20, '\x0b'), "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {std::string(20, '\xaa'), std::string(50, '\xdd'),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {counting, std::string(50, '\xcd'),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {std::string(20, '\x0c'), "Test With Truncation", "a3b6167473100ee06e0c796c2955552b"},
        {long_key, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {long_key,
         "This is a test using a larger than block-size key and a larger than block-size data. "
         "The key needs to be hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (const auto& each : cases) {
        const Bytes key = bytes_of(each.key);
        const Bytes message = bytes_of(each.message);
        for (const Engine& function : functions) {
            const std::string mac = hex(mac_with(function.compress, key, message));
            expect(mac.rfind(each.published, 0) == 0, function.name);
        }
        expect(hex(mac_through_abi(key, message)).rfind(each.published, 0) == 0, "vector by ABI");
    }
}

void block_functions_agree(const std::vector<Engine>& functions) {
    for (int round = 0; round < 2000; ++round) {
        const std::size_t count = below(9);
        Placed blocks(count * kBlockSize, below(16));
        State start;
        for (std::uint32_t& word : start) {
            word = static_cast<std::uint32_t>(random_source());
        }
        State expected = start;
        kPortable.compress(expected, blocks.data(), count);
        for (const Engine& function : functions) {
            State state = start;
            function.compress(state, blocks.data(), count);
            expect(state == expected, function.name);
            if (function.pair != nullptr) {
                State one = start;
                State other = start;
                Placed others(count * kBlockSize, below(16));
                State expected_other = start;
                kPortable.compress(expected_other, others.data(), count);
                function.pair(one, blocks.data(), other, others.data(), count);
                expect(one == expected && other == expected_other, "two at once");
            }
        }
    }
}

void macs_agree(const std::vector<Engine>& functions) {
    for (std::size_t length = 0; length <= 300; ++length) {
        Placed key(below(140), below(16));
        Placed message(length, below(16));
        const Digest expected = mac_with(kPortable.compress, key.bytes(), message.bytes());
        for (const Engine& function : functions) {
            expect(mac_with(function.compress, key.bytes(), message.bytes()) == expected,
                   function.name);
        }
        expect(mac_through_abi(key.bytes(), message.bytes()) == expected, "MAC by ABI");
    }
}

void every_wrong_bit_is_seen() {
    Placed key(32, 1);
    Placed message(100, 3);
    Placed signature(kDigestSize, 5);
    const Digest mac = mac_through_abi(key.bytes(), message.bytes());
    std::memcpy(signature.data(), mac.data(), kDigestSize);
    expect(verified(key.bytes(), message.bytes(), signature.bytes()) == VERIFIER_MATCH, "match");
    for (std::size_t bit = 0; bit < 8 * kDigestSize; ++bit) {
        const auto flip = static_cast<std::uint8_t>(1U << bit % 8);
        signature.data()[bit / 8] ^= flip;
        expect(verified(key.bytes(), message.bytes(), signature.bytes()) == VERIFIER_MISMATCH,
               "wrong bit");
        signature.data()[bit / 8] ^= flip;
    }
    expect(verified(key.bytes(), message.bytes(), {signature.data(), 31}) == VERIFIER_MISMATCH,
           "short signature");
}

void broken_arguments_are_refused() {
    std::uint8_t byte = 0;
    Digest mac;
    const Bytes one{&byte, 1};
    expect(ComputeHMAC_SHA256(nullptr, 1, &byte, 1, mac.data()) == VERIFIER_NULL_POINTER, "key");
    expect(ComputeHMAC_SHA256(&byte, 1, nullptr, 1, mac.data()) == VERIFIER_NULL_POINTER, "body");
    expect(ComputeHMAC_SHA256(&byte, 1, &byte, 1, nullptr) == VERIFIER_NULL_POINTER, "output");
    expect(ComputeHMAC_SHA256(nullptr, 0, nullptr, 0, mac.data()) == VERIFIER_OK, "empty");
    expect(verified(one, one, {nullptr, 32}) == VERIFIER_NULL_POINTER, "signature");
    expect(verified(one, one, {nullptr, 0}) == VERIFIER_MISMATCH, "no signature");
}

void a_dead_key_leaves_nothing() {
    alignas(HmacKey) unsigned char storage[sizeof(HmacKey)];
    std::memset(storage, 0, sizeof storage);  // padding included
    Placed secret(40, 0);
    auto* key = new (storage) HmacKey(kPortable.compress, secret.bytes());
    key->~HmacKey();
    std::size_t left = 0;
    for (const volatile unsigned char& byte : storage) {
        left += byte != 0;
    }
    expect(left <= sizeof(Compress), "a key's midstates are wiped");  // the function may remain
}

}  // namespace

int main(int count, char** arguments) {
    expect(count == 2, "usage: storm SEED");
    random_source.seed(static_cast<unsigned int>(std::strtoul(arguments[1], nullptr, 10)));
    const std::vector<Engine> functions = engines();
    for (int number = 0; VerifierKernel(number) != nullptr; ++number) {
        std::printf("%s\n", VerifierKernel(number));
    }
    vectors(functions);
    block_functions_agree(functions);
    macs_agree(functions);
    every_wrong_bit_is_seen();
    broken_arguments_are_refused();
    a_dead_key_leaves_nothing();
    kernels_agree();
    batches_answer_like_single_checks();
    texts_mean_one_signature();
    broken_batches_are_refused();
    return 0;
}
