// Intel's multi-buffer library, loaded at run time where its header was there at build time.
#include "kernels.h"

#if defined(__x86_64__) && defined(__linux__) && !defined(PAYLINK_OWN_KERNELS_ONLY) && \
    __has_include(<intel-ipsec-mb.h>)

#include <dlfcn.h>
#include <intel-ipsec-mb.h>

#include <algorithm>
#include <mutex>

namespace paylink {
namespace {

// The library counts blocks in 16 bits; longer messages keep a lane busy long enough alone.
constexpr std::size_t kLongestMessage = std::size_t{1} << 20;

// 200 KB each; more calls at one time than this would not run at one time.
constexpr std::size_t kMostIdle = 16;

using Start = void (*)(IMB_MGR*);

struct Library {
    decltype(&alloc_mb_mgr) allocate = nullptr;
    decltype(&free_mb_mgr) release = nullptr;
    Start start_wide = nullptr;
    Start start_narrow = nullptr;
};

// The calls go through a table inside the library's own structure: its layout is the header's only
// where both are of one version.
const Library* library() {
    static const Library* const loaded = []() -> const Library* {
        void* const handle = dlopen("libIPSec_MB.so.1", RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) {
            return nullptr;
        }
        const auto version =
            reinterpret_cast<decltype(&imb_get_version)>(dlsym(handle, "imb_get_version"));
        if (version == nullptr || version() != IMB_VERSION_NUM) {
            return nullptr;
        }
        static Library found;
        found.allocate = reinterpret_cast<decltype(&alloc_mb_mgr)>(dlsym(handle, "alloc_mb_mgr"));
        found.release = reinterpret_cast<decltype(&free_mb_mgr)>(dlsym(handle, "free_mb_mgr"));
        found.start_wide = reinterpret_cast<Start>(dlsym(handle, "init_mb_mgr_avx512"));
        found.start_narrow = reinterpret_cast<Start>(dlsym(handle, "init_mb_mgr_avx2"));
        const bool complete = found.allocate != nullptr && found.release != nullptr &&
                              found.start_wide != nullptr && found.start_narrow != nullptr;
        return complete ? &found : nullptr;
    }();
    return loaded;
}

// A manager holds the lanes of one caller, and takes long to make: it is lent to one call after
// another. Some are kept for the calls that come next.
class Managers {
   public:
    Managers(Start start, IMB_ARCH wanted, std::uint64_t flags)
        : start_(start), wanted_(wanted), flags_(flags) {}

    IMB_MGR* take() {
        {
            const std::lock_guard<std::mutex> alone(mutex_);
            if (count_ != 0) {
                return idle_[--count_];
            }
        }
        IMB_MGR* const fresh = library()->allocate(flags_);
        if (fresh == nullptr) {
            return nullptr;
        }
        start_(fresh);
        const bool right = fresh->imb_errno == 0 &&
                           fresh->used_arch == static_cast<std::uint32_t>(wanted_) &&
                           (fresh->features & IMB_FEATURE_SAFE_DATA) != 0;  // it forgets secrets
        if (!right) {
            library()->release(fresh);
            return nullptr;
        }
        return fresh;
    }

    void put_back(IMB_MGR* manager) {
        {
            const std::lock_guard<std::mutex> alone(mutex_);
            if (count_ != kMostIdle) {
                idle_[count_++] = manager;
                return;
            }
        }
        library()->release(manager);
    }

   private:
    std::mutex mutex_;
    IMB_MGR* idle_[kMostIdle] = {};
    std::size_t count_ = 0;
    const Start start_;
    const IMB_ARCH wanted_;
    const std::uint64_t flags_;
};

void describe(const Job& job, IMB_JOB& described) {
    described.src = job.message.data;
    described.hash_start_src_offset_in_bytes = 0;
    described.msg_len_to_hash_in_bytes = job.message.size;
    described.auth_tag_output = job.mac;
    described.auth_tag_output_len_in_bytes = kDigestSize;
    described.u.HMAC._hashed_auth_key_xor_ipad =
        reinterpret_cast<const std::uint8_t*>(job.key->inner().data());
    described.u.HMAC._hashed_auth_key_xor_opad =
        reinterpret_cast<const std::uint8_t*>(job.key->outer().data());
}

std::size_t blocks(const Job& job) { return job.message.size / kBlockSize + 2; }

// The library works on all lanes or on none, in the time of its longest message: few messages, or
// one that is far longer than the others, are done sooner two at a time. The figures are the costs
// of a block in all lanes in those of one block otherwise (ops/decisions/0018).
bool worth_it(const Job* jobs, std::size_t count, std::size_t lanes_cost) {
    std::size_t all = 0;
    std::size_t longest = 0;
    for (const Job* job = jobs; job != jobs + count; ++job) {
        all += blocks(*job);
        longest = std::max(longest, blocks(*job));
    }
    return all >= lanes_cost * longest;
}

void sign(Managers& managers, const Job* jobs, std::size_t count, std::size_t lanes_cost) {
    IMB_MGR* const manager = worth_it(jobs, count, lanes_cost) ? managers.take() : nullptr;
    if (manager == nullptr) {
        sign_in_lanes(fastest_engine(), jobs, count);
        return;
    }
    IMB_JOB described[kMostJobs];
    const Job* done_otherwise[kMostJobs];
    std::size_t here = 0;
    std::size_t otherwise = 0;
    for (const Job* job = jobs; job != jobs + count; ++job) {
        if (job->message.size == 0 || job->message.size > kLongestMessage) {
            done_otherwise[otherwise++] = job;
        } else {
            describe(*job, described[here++]);
        }
    }
    const auto number = static_cast<std::uint32_t>(here);
    const bool done =
        IMB_SUBMIT_HASH_BURST(manager, described, number, IMB_AUTH_HMAC_SHA_256) == number;
    if (done) {
        managers.put_back(manager);
        for (std::size_t i = 0; i < otherwise; ++i) {
            sign_in_lanes(fastest_engine(), done_otherwise[i], 1);
        }
    } else {  // it refused: nothing may be left in its lanes, and every MAC is made here
        library()->release(manager);
        sign_in_lanes(fastest_engine(), jobs, count);
    }
}

Managers& wide() {
    static Managers managers(library()->start_wide, IMB_ARCH_AVX512, 0);
    return managers;
}

// Without the SHA instructions, which the library would use on two messages and we do ourselves.
Managers& narrow() {
    static Managers managers(library()->start_narrow, IMB_ARCH_AVX2, IMB_FLAG_SHANI_OFF);
    return managers;
}

void sign_wide(const Job* jobs, std::size_t count) {
    sign(wide(), jobs, count, sha_ni() != nullptr ? 11 : 2);
}

void sign_narrow(const Job* jobs, std::size_t count) {
    sign(narrow(), jobs, count, sha_ni() != nullptr ? 8 : 2);
}

bool works(Managers& managers) {
    IMB_MGR* const manager = managers.take();
    if (manager == nullptr) {
        return false;
    }
    managers.put_back(manager);
    return true;
}

}  // namespace

Kernel wide_kernel() {
    const bool present = library() != nullptr && __builtin_cpu_supports("avx512f") &&
                         __builtin_cpu_supports("avx512bw") && works(wide());
    return present ? Kernel{"avx512", sign_wide} : Kernel{nullptr, nullptr};
}

Kernel narrow_kernel() {
    const bool present = library() != nullptr && __builtin_cpu_supports("avx2") && works(narrow());
    return present ? Kernel{"avx2", sign_narrow} : Kernel{nullptr, nullptr};
}

}  // namespace paylink

#else

namespace paylink {

Kernel wide_kernel() { return {nullptr, nullptr}; }

Kernel narrow_kernel() { return {nullptr, nullptr}; }

}  // namespace paylink

#endif
