// Kernels: ways to make many MACs, of which each processor has a fastest.
#pragma once

#include <cstddef>

#include "hmac.h"

namespace paylink {

// One MAC to be made: 32 bytes at `mac`.
struct Job {
    const HmacKey* key;
    Bytes message;
    std::uint8_t* mac;
};

// As many jobs as one call of a kernel takes.
inline constexpr std::size_t kMostJobs = 128;

struct Kernel {
    const char* name;
    void (*sign)(const Job* jobs, std::size_t count);
};

inline constexpr std::size_t kMostKernels = 5;

// Those that run on this processor; the first is the fastest. Behind the last the names are null.
struct Kernels {
    Kernel list[kMostKernels + 1];
};
const Kernels& kernels();

// Makes the MACs with one engine, two at a time where it can.
void sign_in_lanes(const Engine& engine, const Job* jobs, std::size_t count);

// A maintained library's kernels, which hash many messages in the lanes of wide registers. The names
// are null where the library was not there at build time, is not there now, or is not the same, and
// where the processor lacks the registers.
Kernel wide_kernel();    // 512 bits
Kernel narrow_kernel();  // 256 bits

}  // namespace paylink
