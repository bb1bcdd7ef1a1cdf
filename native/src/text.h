// Signatures as headers carry them.
#pragma once

#include "sha256.h"

namespace paylink {

// Reads 64 hex digits, or 44 characters of padded base64, into 32 bytes. False for anything else,
// bits behind the last byte included: one signature has one text in each of the alphabets.
bool read_signature(Bytes text, Digest& raw);

}  // namespace paylink
