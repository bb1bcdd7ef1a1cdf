/* The whole C ABI of the signature verifier: HMAC-SHA256 over bytes with explicit lengths.
 *
 * Every length counts bytes, so a NUL is a byte like any other. A pointer may be null only where its
 * length is 0; outputs are never null and never overlap inputs. Nothing is allocated or kept between
 * calls, so every function may run in any number of threads at once.
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
    VERIFIER_BAD_LENGTHS = -2
};

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

/* Answer `count` checks. `bytes` holds key, message, signature of the first check, then of the
 * second, and so on, without gaps; `lengths` holds their 3 * count sizes in the same order.
 * Neighbours that share a key share the work on it, so sort by key where there is a choice.
 * Writes VERIFIER_MATCH or VERIFIER_MISMATCH to each of the `count` bytes of `results`.
 * Returns VERIFIER_OK, VERIFIER_NULL_POINTER, or VERIFIER_BAD_LENGTHS when the lengths do not add
 * up to exactly `bytes_len`. */
int VerifyBatchHMAC_SHA256(const uint8_t *bytes, size_t bytes_len,
                           const uint64_t *lengths, size_t count,
                           uint8_t *results);

#ifdef __cplusplus
}
#endif

#endif
