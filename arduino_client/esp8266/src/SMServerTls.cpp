// What both chips share; the rest is in internal/tls_esp8266.cpp and
// internal/tls_esp32.cpp.
#include "SMServerTls.h"

#include "internal/decimal.h"

SMErrorInfo SMServerTls::openConnection(
    std::unique_ptr<smserver::TcpClient>* slot,
    const smserver::Endpoint& endpoint, Use use, uint32_t unixS,
    SMError unreachable) {
  size_t needed;
  if (heapFits(endpoint, &needed)) {
    slot->reset(createClient(endpoint, use, unixS));
  }
  if (!*slot) return {SMError::OutOfMemory, static_cast<int32_t>(needed)};
  const int error = connectClient(slot->get(), endpoint, use);
  if (error == 0) return {};
  slot->reset();
  if (error == -1) return {unreachable, 0};
  return {SMError::TlsFailed, error};
}

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
