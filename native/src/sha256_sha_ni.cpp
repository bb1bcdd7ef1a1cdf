// The SHA-256 block function with the x86-64 SHA instructions, for one state or two at once.
#include "sha256.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

// The rest of the library stays baseline x86-64; only these functions may use the instructions.
#define SHA_NI __attribute__((target("sha,sse4.1")))
#define SHA_NI_INLINE __attribute__((target("sha,sse4.1"), always_inline)) inline

namespace paylink {
namespace {

// The instructions want the eight words as two registers, ABEF and CDGH, high lane first.
struct Halves {
    __m128i abef;
    __m128i cdgh;
};

SHA_NI_INLINE __m128i loaded(const void* at) {
    return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

SHA_NI_INLINE __m128i message_words(const std::uint8_t* at) {
    const __m128i swapped = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    return _mm_shuffle_epi8(loaded(at), swapped);
}

SHA_NI_INLINE Halves split(const State& state) {
    const __m128i cdab = _mm_shuffle_epi32(loaded(&state[0]), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(loaded(&state[4]), 0x1b);
    return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

SHA_NI_INLINE void join(const Halves& halves, State& state) {
    const __m128i feba = _mm_shuffle_epi32(halves.abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(halves.cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&state[0]), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(&state[4]), _mm_alignr_epi8(dchg, feba, 8));
}

// One hash: its state, and sixteen words of its message schedule, oldest first.
struct Stream {
    Halves running;
    Halves before;
    __m128i w0, w1, w2, w3;
};

SHA_NI_INLINE void begin(Stream& stream, const std::uint8_t* block) {
    stream.before = stream.running;
    stream.w0 = message_words(block);
    stream.w1 = message_words(block + 16);
    stream.w2 = message_words(block + 32);
    stream.w3 = message_words(block + 48);
}

SHA_NI_INLINE void end(Stream& stream) {
    stream.running.abef = _mm_add_epi32(stream.running.abef, stream.before.abef);
    stream.running.cdgh = _mm_add_epi32(stream.running.cdgh, stream.before.cdgh);
}

SHA_NI_INLINE void four_rounds(Halves& state, __m128i words, std::size_t round) {
    const __m128i low = _mm_add_epi32(words, loaded(&kRoundConstants[round]));
    const __m128i high = _mm_shuffle_epi32(low, 0x0e);
    state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, low);
    state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, high);
}

// The four words after w0..w3 in the message schedule.
SHA_NI_INLINE __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
    const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(sum, w3);
}

// Each round waits for the one before it; a second stream works while the first one waits.
template <std::size_t kStreams>
SHA_NI_INLINE void fold(Stream (&streams)[kStreams], const std::uint8_t* (&blocks)[kStreams]) {
    for (std::size_t i = 0; i < kStreams; ++i) {
        begin(streams[i], blocks[i]);
    }
    for (std::size_t round = 0; round < 48; round += 16) {
        for (Stream& s : streams) {
            four_rounds(s.running, s.w0, round);
            s.w0 = next_words(s.w0, s.w1, s.w2, s.w3);
        }
        for (Stream& s : streams) {
            four_rounds(s.running, s.w1, round + 4);
            s.w1 = next_words(s.w1, s.w2, s.w3, s.w0);
        }
        for (Stream& s : streams) {
            four_rounds(s.running, s.w2, round + 8);
            s.w2 = next_words(s.w2, s.w3, s.w0, s.w1);
        }
        for (Stream& s : streams) {
            four_rounds(s.running, s.w3, round + 12);
            s.w3 = next_words(s.w3, s.w0, s.w1, s.w2);
        }
    }
    for (Stream& s : streams) {
        four_rounds(s.running, s.w0, 48);
    }
    for (Stream& s : streams) {
        four_rounds(s.running, s.w1, 52);
    }
    for (Stream& s : streams) {
        four_rounds(s.running, s.w2, 56);
    }
    for (Stream& s : streams) {
        four_rounds(s.running, s.w3, 60);
        end(s);
    }
    for (std::size_t i = 0; i < kStreams; ++i) {
        blocks[i] += kBlockSize;
    }
}

SHA_NI void compress(State& state, const std::uint8_t* blocks, std::size_t count) {
    Stream streams[1];
    const std::uint8_t* at[1] = {blocks};
    streams[0].running = split(state);
    for (; count != 0; --count) {
        fold(streams, at);
    }
    join(streams[0].running, state);
}

SHA_NI void compress_pair(State& one, const std::uint8_t* of_one, State& other,
                          const std::uint8_t* of_other, std::size_t count) {
    Stream streams[2];
    const std::uint8_t* at[2] = {of_one, of_other};
    streams[0].running = split(one);
    streams[1].running = split(other);
    for (; count != 0; --count) {
        fold(streams, at);
    }
    join(streams[0].running, one);
    join(streams[1].running, other);
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

constexpr Engine kShaNi{"sha-ni", compress, compress_pair};

}  // namespace

const Engine* sha_ni() {
    static const bool present = processor_has_them();
    return present ? &kShaNi : nullptr;
}

}  // namespace paylink

#else

namespace paylink {

const Engine* sha_ni() { return nullptr; }

}  // namespace paylink

#endif
