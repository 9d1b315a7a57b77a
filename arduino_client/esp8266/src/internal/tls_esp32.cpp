// TLS of the ESP32: NetworkClientSecure (mbedTLS), arduino-esp32 3.x.
#if defined(ESP32)

#include <mbedtls/x509_crt.h>
#include <string.h>

#include <new>

#include "../SMServerConfig.h"
#include "../SMServerTls.h"

using smserver::Endpoint;
using smserver::TcpClient;

namespace {

// Certificates that mbedTLS reads all of; it wants the NUL counted.
bool isPem(const char* text) {
  if (text == nullptr) return false;
  mbedtls_x509_crt chain;
  mbedtls_x509_crt_init(&chain);
  const int result = mbedtls_x509_crt_parse(
      &chain, reinterpret_cast<const unsigned char*>(text), strlen(text) + 1);
  mbedtls_x509_crt_free(&chain);
  return result == 0;
}

}  // namespace

SMError SMServerTls::check() {
  if (kind_ == Kind::Fingerprint) {
    uint8_t parsed[kFingerprintBytes];
    return fingerprintFor(Use::Http, parsed) && fingerprintFor(Use::Mqtt, parsed)
               ? SMError::None
               : SMError::BadFingerprint;
  }
  if (kind_ == Kind::Insecure || isPem(first_)) return SMError::None;
  return SMError::BadCertificate;
}

// The core's mbedTLS is built without MBEDTLS_HAVE_TIME_DATE.
bool SMServerTls::needsClock() const { return false; }
bool SMServerTls::wrongTime(int) const { return false; }

// mbedTLS has buffers of a fixed size.
void SMServerTls::probe(const Endpoint&) {}

size_t SMServerTls::heapBytes(const Endpoint&) const {
  return SMSERVER_TLS_HEAP_BYTES;
}

TcpClient* SMServerTls::create(const Endpoint&, Use use, uint32_t) {
  NetworkClientSecure* const client = new (std::nothrow) NetworkClientSecure();
  if (client == nullptr) return nullptr;
  if (kind_ == Kind::Authority && use != Use::Clock) {
    client->setCACert(first_);
  } else {
    client->setInsecure();  // a fingerprint is compared after the handshake
  }
  return client;
}

int SMServerTls::connect(TcpClient* client, const Endpoint& endpoint, Use use,
                         uint32_t timeoutMs) {
  // Only clients made above are handed in.
  NetworkClientSecure* const secure = static_cast<NetworkClientSecure*>(client);
  secure->setHandshakeTimeout((timeoutMs + 999) / 1000);
  // By name, which the certificate is checked against. Not by chip::connect():
  // the overload with a time limit is not virtual.
  if (secure->connect(endpoint.host, endpoint.port,
                      static_cast<int32_t>(timeoutMs)) != 1) {
    char text[2];
    const int error = secure->lastError(text, sizeof text);
    return error < -1 ? error : -1;
  }
  secure->setNoDelay(true);
  if (kind_ == Kind::Fingerprint && use != Use::Clock) {
    uint8_t wanted[kFingerprintBytes];
    uint8_t actual[kFingerprintBytes];
    if (!fingerprintFor(use, wanted) ||
        !secure->getFingerprintSHA256(actual) ||
        memcmp(wanted, actual, sizeof wanted) != 0) {
      secure->stop();
      return MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
    }
  }
  return 0;
}

#endif
