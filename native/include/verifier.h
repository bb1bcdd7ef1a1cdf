/* The whole C ABI of the signature verifier: HMAC-SHA256 over bytes with explicit lengths.
 *
 * Every length counts bytes, so a NUL is a byte like any other. A pointer may be null only where its
 * length is 0; outputs are never null and never overlap inputs. No pointer, no secret and nothing made
 * from one is kept between calls, and every function may run in any number of threads at once.
 *
 * native/build.py hands these declarations to cffi: outside of comments, use plain C.
 */
#ifndef PAYLINK_VERIFIER_H
#define PAYLINK_VERIFIER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the functions return: 0 and above is an answer, below 0 the caller made a mistake and
 * nothing was written. */
enum {
    VERIFIER_OK = 0,
    VERIFIER_MISMATCH = 0,
    VERIFIER_MATCH = 1,
    VERIFIER_NULL_POINTER = -1,
    VERIFIER_BAD_ARGUMENT = -2
};

/* How a signature is written: as 32 bytes, or as the text that a header carries, which is 64 hex
 * digits of either case or 44 characters of base64 (RFC 4648, section 4, with its padding). */
enum {
    VERIFIER_RAW = 0,
    VERIFIER_TEXT = 1
};

/* One question of a batch. The bytes are read where they lie, and never written. */
typedef struct {
    const uint8_t *key;
    size_t key_len;
    const uint8_t *message;
    size_t message_len;
    const uint8_t *signature;
    size_t signature_len;
    int encoding;
} VerifierCheck;

/* Write the MAC of `message` under `key`, 32 raw bytes, to `out32`.
 * A key may have any length, 0 included.
 * Returns VERIFIER_OK or VERIFIER_NULL_POINTER. */
int ComputeHMAC_SHA256(const uint8_t *key, size_t key_len,
                       const uint8_t *message, size_t message_len,
                       uint8_t *out32);

/* Say whether `signature` is the MAC of `message` under `key`, in a time that does not depend on
 * where the two differ. A signature is 32 raw bytes: one of any other length is a mismatch.
 * Returns VERIFIER_MATCH, VERIFIER_MISMATCH or VERIFIER_NULL_POINTER. */
int VerifyHMAC_SHA256(const uint8_t *key, size_t key_len,
                      const uint8_t *message, size_t message_len,
                      const uint8_t *signature, size_t signature_len);

/* Answer `count` checks: write VERIFIER_MATCH or VERIFIER_MISMATCH to each of the `count` bytes of
 * `results`. Checks of one key that are not far apart share the work on it. A signature that is not
 * written as its encoding says is a mismatch.
 * `kernel` is a number that VerifierKernel knows; `threads` (1 and above) is how many may work on a
 * batch that is long enough for several.
 * Returns VERIFIER_OK, VERIFIER_NULL_POINTER or VERIFIER_BAD_ARGUMENT. */
int VerifyBatchHMAC_SHA256(const VerifierCheck *checks, size_t count, uint8_t *results,
                           int kernel, int threads);

/* Name the kernels that this processor runs: number 0 is the fastest, and past the last is NULL. */
const char *VerifierKernel(int number);

/* Put the function `verify_checks` into the Python module `name`, which must have been imported.
 * It is what answers batches of Python objects; native/_verifier.pyi describes it.
 * Returns VERIFIER_OK, or VERIFIER_BAD_ARGUMENT where Python refused. */
int VerifierBind(const char *name);

#ifdef __cplusplus
}
#endif

#endif
