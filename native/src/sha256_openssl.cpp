// OpenSSL's SHA-256 block function, for processors whose own instructions we do not speak.
#include "sha256.h"

#if __has_include(<openssl/sha.h>) && __has_include(<dlfcn.h>) && !defined(PAYLINK_OWN_KERNELS_ONLY)

// Its structure holds a running state, which no newer function of the library lets in.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <openssl/sha.h>

#include "secret.h"

namespace paylink {
namespace {

using Update = int (*)(SHA256_CTX*, const void*, std::size_t);

// The library of the header's major version, found at run time: nothing depends on its being there.
constexpr const char* library_name() {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L && defined(__APPLE__)
    return "libcrypto.3.dylib";
#elif OPENSSL_VERSION_NUMBER >= 0x30000000L
    return "libcrypto.so.3";
#else
    return "libcrypto.so.1.1";
#endif
}

Update update() {
    static const Update found = [] {
        void* const handle = dlopen(library_name(), RTLD_NOW | RTLD_LOCAL);
        void* const symbol = handle == nullptr ? nullptr : dlsym(handle, "SHA256_Update");
        return reinterpret_cast<Update>(symbol);
    }();
    return found;
}

void compress(State& state, const std::uint8_t* blocks, std::size_t count) {
    Wiped<SHA256_CTX> context;
    std::memcpy(context.value.h, state.data(), sizeof state);
    context.value.md_len = SHA256_DIGEST_LENGTH;
    update()(&context.value, blocks, count * kBlockSize);
    std::memcpy(state.data(), context.value.h, sizeof state);
}

constexpr Engine kOpenSsl{"openssl", compress, nullptr};

}  // namespace

const Engine* openssl() { return update() != nullptr ? &kOpenSsl : nullptr; }

}  // namespace paylink

#else

namespace paylink {

const Engine* openssl() { return nullptr; }

}  // namespace paylink

#endif
