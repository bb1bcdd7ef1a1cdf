// Many checks in one go.
#pragma once

#include "kernels.h"
#include "verifier.h"

namespace paylink {

// Answers the checks, whose pointers have been proven, with VERIFIER_MATCH or VERIFIER_MISMATCH.
void verify_batch(const VerifierCheck* checks, std::size_t count, std::uint8_t* results,
                  const Kernel& kernel, std::size_t threads);

}  // namespace paylink
