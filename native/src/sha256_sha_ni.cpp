// The SHA-256 block function with the SHA instructions of x86-64, used only where cpuid shows them.
#include "sha256.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>

// The rest of the library stays baseline x86-64; only these functions may use the instructions.
#define SHA_NI __attribute__((target("sha,sse4.1")))

namespace paylink {
namespace {

// The instructions want the eight words as two registers, ABEF and CDGH, high lane first.
struct Halves {
    __m128i abef;
    __m128i cdgh;
};

SHA_NI inline __m128i loaded(const void* at) {
    return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

SHA_NI inline __m128i message_words(const std::uint8_t* at) {
    const __m128i swapped = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    return _mm_shuffle_epi8(loaded(at), swapped);
}

SHA_NI inline void four_rounds(Halves& state, __m128i words, std::size_t round) {
    const __m128i low = _mm_add_epi32(words, loaded(&kRoundConstants[round]));
    const __m128i high = _mm_shuffle_epi32(low, 0x0e);
    state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, low);
    state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, high);
}

// The four words after w0..w3 (sixteen words, oldest first) in the message schedule.
SHA_NI inline __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
    const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(sum, w3);
}

SHA_NI inline Halves split(const State& state) {
    const __m128i cdab = _mm_shuffle_epi32(loaded(&state[0]), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(loaded(&state[4]), 0x1b);
    return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

SHA_NI inline void join(const Halves& halves, State& state) {
    const __m128i feba = _mm_shuffle_epi32(halves.abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(halves.cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&state[0]), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&state[4]), _mm_alignr_epi8(dchg, feba, 8));
}

SHA_NI void compress(State& state, const std::uint8_t* blocks, std::size_t count) {
    Halves running = split(state);
    for (; count != 0; --count, blocks += kBlockSize) {
        const Halves before = running;
        __m128i w0 = message_words(blocks);
        __m128i w1 = message_words(blocks + 16);
        __m128i w2 = message_words(blocks + 32);
        __m128i w3 = message_words(blocks + 48);
        for (std::size_t round = 0; round < 64; round += 16) {
            four_rounds(running, w0, round);
            four_rounds(running, w1, round + 4);
            four_rounds(running, w2, round + 8);
            four_rounds(running, w3, round + 12);
            w0 = next_words(w0, w1, w2, w3);
            w1 = next_words(w1, w2, w3, w0);
            w2 = next_words(w2, w3, w0, w1);
            w3 = next_words(w3, w0, w1, w2);
        }
        running.abef = _mm_add_epi32(running.abef, before.abef);
        running.cdgh = _mm_add_epi32(running.cdgh, before.cdgh);
    }
    join(running, state);
}

bool processor_has_them() {
    constexpr unsigned int kSsse3 = 1U << 9;    // leaf 1, ecx
    constexpr unsigned int kSse41 = 1U << 19;   // leaf 1, ecx
    constexpr unsigned int kSha = 1U << 29;     // leaf 7, ebx
    unsigned int eax = 0;
    unsigned int ebx = 0;
    unsigned int ecx = 0;
    unsigned int edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kSsse3) == 0 || (ecx & kSse41) == 0) {
        return false;
    }
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & kSha) != 0;
}

}  // namespace

Compress compress_sha_ni() { return processor_has_them() ? compress : nullptr; }

}  // namespace paylink

#else

namespace paylink {

Compress compress_sha_ni() { return nullptr; }

}  // namespace paylink

#endif
