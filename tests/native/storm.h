// What the parts of the storm share: chance, memory with borders, and the end of the program.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

#include "hmac.h"

namespace storm {

using namespace paylink;

extern std::mt19937 random_source;

inline std::size_t below(std::size_t bound) { return random_source() % bound; }

inline void expect(bool holds, const char* what) {
    if (!holds) {
        std::printf("broken: %s\n", what);
        std::exit(1);
    }
}

inline void fill(std::uint8_t* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        data[i] = static_cast<std::uint8_t>(random_source());
    }
}

// Random bytes at a chosen distance from alignment, ending where their allocation ends, so that a
// read of one byte too many is seen.
class Placed {
   public:
    Placed(std::size_t size, std::size_t offset)
        : memory_(new std::uint8_t[offset + size]), offset_(offset), size_(size) {
        fill(data(), size);
    }
    std::uint8_t* data() { return memory_.get() + offset_; }
    Bytes bytes() { return {data(), size_}; }

   private:
    std::unique_ptr<std::uint8_t[]> memory_;
    std::size_t offset_;
    std::size_t size_;
};

// Random bytes with a page on either side that nobody may touch. The sanitizers do not see what
// assembly reads; the processor does. The bytes touch one of the two pages.
class Guarded {
   public:
    Guarded(std::size_t size, bool at_the_end) : size_(size) {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        const std::size_t inside = (size / page + 1) * page;
        mapped_ = inside + 2 * page;
        void* const memory =
            mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        expect(memory != MAP_FAILED, "memory for a guarded message");
        memory_ = static_cast<std::uint8_t*>(memory);
        expect(mprotect(memory_ + page, inside, PROT_READ | PROT_WRITE) == 0, "guard pages");
        data_ = memory_ + page + (at_the_end ? inside - size : 0);
        fill(data_, size);
    }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;
    ~Guarded() { munmap(memory_, mapped_); }
    Bytes bytes() const { return {data_, size_}; }

   private:
    std::uint8_t* memory_;
    std::uint8_t* data_;
    std::size_t mapped_;
    std::size_t size_;
};

Digest mac_through_abi(Bytes key, Bytes message);
int verified(Bytes key, Bytes message, Bytes signature);

// storm_batches.cpp
void kernels_agree();
void batches_answer_like_single_checks();
void texts_mean_one_signature();
void broken_batches_are_refused();

}  // namespace storm
