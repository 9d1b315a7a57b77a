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

SMError SMServerTls::checkTrust() {
  if (kind_ == Kind::Fingerprint) {
    uint8_t parsed[kFingerprintBytes];
    return fingerprintFor(Use::Http, parsed) &&
                   fingerprintFor(Use::Mqtt, parsed)
               ? SMError::None
               : SMError::BadFingerprint;
  }
  if (kind_ == Kind::Insecure || isPem(first_)) return SMError::None;
  return SMError::BadCertificate;
}

bool SMServerTls::heapFits(const Endpoint&, size_t* needed) const {
  // For the rest, mbedTLS survives running out of memory.
  *needed = SMSERVER_TLS_HEAP_BYTES;
  return smserver::chip::largestBlockBytes() >= *needed;
}

TcpClient* SMServerTls::createClient(const Endpoint&, Use use, uint32_t) {
  NetworkClientSecure* const client = new (std::nothrow) NetworkClientSecure();
  if (client == nullptr) return nullptr;
  if (kind_ == Kind::Authority && use != Use::Clock) {
    client->setCACert(first_);
  } else {
    client->setInsecure();  // a fingerprint is compared after the handshake
  }
  return client;
}

int SMServerTls::connectClient(TcpClient* client, const Endpoint& endpoint,
                               Use use) {
  // Only clients made above are handed in.
  NetworkClientSecure* const secure = static_cast<NetworkClientSecure*>(client);
  secure->setHandshakeTimeout((SMSERVER_TLS_MS + 999) / 1000);
  // By name, which the certificate is checked against. Not by chip::connect():
  // the overload with a time limit is not virtual.
  if (secure->connect(endpoint.host, endpoint.port, SMSERVER_NETWORK_MS) != 1) {
    char text[2];
    const int error = secure->lastError(text, sizeof text);
    return error < -1 ? error : -1;
  }
  secure->setNoDelay(true);
  if (kind_ == Kind::Fingerprint && use != Use::Clock) {
    uint8_t wanted[kFingerprintBytes];
    uint8_t actual[kFingerprintBytes];
    if (!fingerprintFor(use, wanted) || !secure->getFingerprintSHA256(actual) ||
        memcmp(wanted, actual, sizeof wanted) != 0) {
      secure->stop();
      return MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
    }
  }
  return 0;
}

#endif
