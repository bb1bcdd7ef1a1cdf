// The C ABI: arguments are proven here, and only here.
#include "verifier.h"

#include "batch.h"

namespace {

using paylink::Bytes;
using paylink::HmacKey;

bool readable(Bytes bytes) { return bytes.data != nullptr || bytes.size == 0; }

bool readable(const VerifierCheck& check) {
    return readable(Bytes{check.key, check.key_len}) &&
           readable(Bytes{check.message, check.message_len}) &&
           readable(Bytes{check.signature, check.signature_len});
}

const paylink::Kernel* kernel_of(int number) {
    if (number < 0 || number >= static_cast<int>(paylink::kMostKernels)) {
        return nullptr;
    }
    const paylink::Kernel& kernel = paylink::kernels().list[number];
    return kernel.name == nullptr ? nullptr : &kernel;
}

}  // namespace

int ComputeHMAC_SHA256(const uint8_t* key, size_t key_len, const uint8_t* message,
                       size_t message_len, uint8_t* out32) {
    const Bytes secret{key, key_len};
    const Bytes body{message, message_len};
    if (!readable(secret) || !readable(body) || out32 == nullptr) {
        return VERIFIER_NULL_POINTER;
    }
    HmacKey(paylink::fastest_engine().compress, secret).sign(body, out32);
    return VERIFIER_OK;
}

int VerifyHMAC_SHA256(const uint8_t* key, size_t key_len, const uint8_t* message,
                      size_t message_len, const uint8_t* signature, size_t signature_len) {
    const Bytes secret{key, key_len};
    const Bytes body{message, message_len};
    const Bytes claimed{signature, signature_len};
    if (!readable(secret) || !readable(body) || !readable(claimed)) {
        return VERIFIER_NULL_POINTER;
    }
    const bool match = HmacKey(paylink::fastest_engine().compress, secret).verifies(body, claimed);
    return match ? VERIFIER_MATCH : VERIFIER_MISMATCH;
}

int VerifyBatchHMAC_SHA256(const VerifierCheck* checks, size_t count, uint8_t* results, int kernel,
                           int threads) {
    const paylink::Kernel* const chosen = kernel_of(kernel);
    if (chosen == nullptr || threads < 1) {
        return VERIFIER_BAD_ARGUMENT;
    }
    if (count != 0 && (checks == nullptr || results == nullptr)) {
        return VERIFIER_NULL_POINTER;
    }
    for (size_t i = 0; i < count; ++i) {
        if (!readable(checks[i])) {
            return VERIFIER_NULL_POINTER;
        }
        if (checks[i].encoding != VERIFIER_RAW && checks[i].encoding != VERIFIER_TEXT) {
            return VERIFIER_BAD_ARGUMENT;
        }
    }
    paylink::verify_batch(checks, count, results, *chosen, static_cast<size_t>(threads));
    return VERIFIER_OK;
}

const char* VerifierKernel(int number) {
    const paylink::Kernel* const found = kernel_of(number);
    return found == nullptr ? nullptr : found->name;
}
