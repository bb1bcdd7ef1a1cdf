// The kernels of this processor, in the order of their speed.
#include "kernels.h"

namespace paylink {
namespace {

void sign_portable(const Job* jobs, std::size_t count) { sign_in_lanes(kPortable, jobs, count); }

void sign_openssl(const Job* jobs, std::size_t count) { sign_in_lanes(*openssl(), jobs, count); }

void sign_sha_ni(const Job* jobs, std::size_t count) { sign_in_lanes(*sha_ni(), jobs, count); }

Kernels found() {
    const Kernel in_order[kMostKernels] = {
        wide_kernel(),
        sha_ni() != nullptr ? Kernel{"sha-ni", sign_sha_ni} : Kernel{nullptr, nullptr},
        narrow_kernel(),
        openssl() != nullptr ? Kernel{"openssl", sign_openssl} : Kernel{nullptr, nullptr},
        {kPortable.name, sign_portable},
    };
    Kernels all{};
    std::size_t count = 0;
    for (const Kernel& kernel : in_order) {
        if (kernel.name != nullptr) {
            all.list[count++] = kernel;
        }
    }
    return all;
}

}  // namespace

const Kernels& kernels() {
    static const Kernels all = found();
    return all;
}

}  // namespace paylink
