// What a sender wrote is no secret: tables may be read at its bytes.
#include "text.h"

#include <string_view>

namespace paylink {
namespace {

constexpr std::size_t kHexSize = 2 * kDigestSize;
constexpr std::size_t kBase64Size = 44;
constexpr std::uint8_t kNone = 0xff;

using Values = std::array<std::uint8_t, 256>;

constexpr void put(Values& values, std::string_view alphabet) {
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
}

constexpr Values nothing() {
    Values values{};
    for (std::uint8_t& value : values) {
        value = kNone;
    }
    return values;
}

constexpr Values kHex = [] {
    Values values = nothing();
    put(values, "0123456789ABCDEF");
    put(values, "0123456789abcdef");
    return values;
}();

constexpr Values kBase64 = [] {
    Values values = nothing();
    put(values, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    return values;
}();

bool read_hex(const std::uint8_t* text, Digest& raw) {
    unsigned int seen = 0;
    for (std::uint8_t& byte : raw) {
        const unsigned int high = kHex[*text++];
        const unsigned int low = kHex[*text++];
        seen |= high | low;
        byte = static_cast<std::uint8_t>(high << 4 | low);
    }
    return seen < 16;
}

bool read_base64(const std::uint8_t* text, Digest& raw) {
    if (text[kBase64Size - 1] != '=') {
        return false;
    }
    unsigned int seen = 0;
    unsigned int bits = 0;
    std::size_t held = 0;  // how many of the low bits are not written yet
    std::size_t at = 0;
    for (std::size_t i = 0; i < kBase64Size - 1; ++i) {
        const unsigned int value = kBase64[text[i]];
        seen |= value;
        bits = (bits << 6 | value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            raw[at++] = static_cast<std::uint8_t>(bits >> held);
        }
    }
    return seen < 64 && (bits & 0x3) == 0;
}

}  // namespace

bool read_signature(Bytes text, Digest& raw) {
    switch (text.size) {
        case kHexSize:
            return read_hex(text.data, raw);
        case kBase64Size:
            return read_base64(text.data, raw);
        default:
            return false;
    }
}

}  // namespace paylink
