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

// Looks at every byte whatever the first ones say. Reading through volatile keeps the compiler
// from leaving the loop once the answer is known.
inline bool same_bytes(const std::uint8_t* one, const std::uint8_t* other, std::size_t size) {
    const volatile std::uint8_t* left = one;
    const volatile std::uint8_t* right = other;
    std::uint8_t difference = 0;
    for (std::size_t i = 0; i < size; ++i) {
        difference = static_cast<std::uint8_t>(difference | (left[i] ^ right[i]));
    }
    return difference == 0;
}

}  // namespace paylink
