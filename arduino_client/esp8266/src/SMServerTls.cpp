// What both chips share; the rest is in internal/tls_esp8266.cpp and
// internal/tls_esp32.cpp.
#include "SMServerTls.h"

#include "internal/decimal.h"

bool SMServerTls::parseFingerprint(const char* text,
                                   uint8_t (&out)[kFingerprintBytes]) {
  if (text == nullptr) return false;
  for (size_t i = 0; i < kFingerprintBytes; ++i) {
    // The text may lie in flash.
    char c = static_cast<char>(pgm_read_byte(text));
    while (i > 0 && (c == ':' || c == ' ')) {
      c = static_cast<char>(pgm_read_byte(++text));
    }
    const uint32_t high = smserver::hexDigit(c);
    if (high > 15) return false;
    const uint32_t low =
        smserver::hexDigit(static_cast<char>(pgm_read_byte(text + 1)));
    if (low > 15) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
    text += 2;
  }
  return pgm_read_byte(text) == 0;
}

bool SMServerTls::fingerprintFor(Use use,
                                 uint8_t (&out)[kFingerprintBytes]) const {
  const bool other = use == Use::Mqtt && second_ != nullptr;
  return parseFingerprint(other ? second_ : first_, out);
}
