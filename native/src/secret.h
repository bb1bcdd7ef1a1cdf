// Handling of secret bytes: forget them for certain, compare them in constant time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace paylink {

// Overwrites memory that is about to die. The call goes through a volatile pointer because a
// compiler removes a plain memset whose result is never read.
inline void wipe(void* memory, std::size_t size) {
    static void* (*const volatile overwrite)(void*, int, std::size_t) = std::memset;
    overwrite(memory, 0, size);
}

// A value that is overwritten when its scope ends. Registers are out of reach of C++; memory is not.
template <typename T>
struct Wiped {
    T value{};

    Wiped() = default;
    explicit Wiped(const T& initial) : value(initial) {}
    Wiped(const Wiped&) = default;
    Wiped& operator=(const Wiped&) = default;
    ~Wiped() { wipe(&value, sizeof value); }
};

// Looks at every byte whatever the first ones say, eight at a time. What was found so far passes
// through an instruction that the compiler cannot see into: it cannot know when the answer is
// known, and so cannot leave the loop.
inline bool same_bytes(const std::uint8_t* one, const std::uint8_t* other, std::size_t size) {
    std::uint64_t difference = 0;
    while (size != 0) {
        const std::size_t step = size < sizeof difference ? size : sizeof difference;
        std::uint64_t left = 0;
        std::uint64_t right = 0;
        if (step == sizeof difference) {  // a copy whose length is known is one instruction
            std::memcpy(&left, one, sizeof left);
            std::memcpy(&right, other, sizeof right);
        } else {
            std::memcpy(&left, one, step);
            std::memcpy(&right, other, step);
        }
        difference |= left ^ right;
        __asm__ volatile("" : "+r"(difference));
        one += step;
        other += step;
        size -= step;
    }
    return difference == 0;
}

}  // namespace paylink
