// TLS of the ESP8266: BearSSL, core 3.1.2.
#if !defined(ESP32)

#include <Schedule.h>
#include <string.h>

#include <new>

#include "../SMServerConfig.h"
#include "../SMServerTls.h"
#include "crc32.h"

namespace {

using smserver::Endpoint;
using smserver::TcpClient;

constexpr int kExpired = 54;  // BR_ERR_X509_EXPIRED: not yet, or no longer

// The core sets 15 s for a handshake where it cannot be changed. This ends one
// that takes longer than the limit, by dropping the connection under it, in one
// of the pauses that the handshake makes. One handshake at a time.
struct Handshake {
  bool running = false;
  uint32_t startMs = 0;
  uint32_t limitMs = 0;
  WiFiClient* socket = nullptr;
};
Handshake handshake;

bool watchHandshake() {
  if (!handshake.running) return false;
  if (millis() - handshake.startMs < handshake.limitMs) return true;
  handshake.running = false;
  handshake.socket->abort();
  return false;
}

class SecureClient : public BearSSL::WiFiClientSecure {
 public:
  // The connection under the encryption.
  WiFiClient* socket() { return _owned; }
};

uint32_t place(const Endpoint& endpoint) {
  const uint32_t hash =
      smserver::crc32(endpoint.host, strlen(endpoint.host),
                      smserver::crc32(&endpoint.port, sizeof endpoint.port));
  return hash == 0 ? 1 : hash;
}

}  // namespace

SMError SMServerTls::check() {
  uint8_t parsed[kFingerprintBytes];
  if (kind_ == Kind::Fingerprint) {
    return fingerprintFor(Use::Http, parsed) && fingerprintFor(Use::Mqtt, parsed)
               ? SMError::None
               : SMError::BadFingerprint;
  }
  if (kind_ == Kind::Insecure) return SMError::None;
  if (first_ == nullptr) return SMError::BadCertificate;
  if (!authority_) {
    authority_.reset(new (std::nothrow) BearSSL::X509List(first_));
  }
  if (!authority_) return SMError::OutOfMemory;
  if (authority_->getCount() > 0) return SMError::None;
  authority_.reset();
  return SMError::BadCertificate;
}

bool SMServerTls::needsClock() const { return kind_ == Kind::Authority; }

bool SMServerTls::takesSmall(const Endpoint& endpoint) const {
  const uint32_t wanted = place(endpoint);
  for (const Probed& probed : probed_) {
    if (probed.place == wanted) return probed.small;
  }
  return false;
}

void SMServerTls::probe(const Endpoint& endpoint) {
  const uint32_t wanted = place(endpoint);
  for (const Probed& probed : probed_) {
    if (probed.place == wanted) return;
  }
  const bool small = BearSSL::WiFiClientSecure::probeMaxFragmentLength(
      endpoint.host, endpoint.port, kFragmentBytes);
  probed_[nextProbed_] = {wanted, small};
  nextProbed_ ^= 1;
}

size_t SMServerTls::heapBytes(const Endpoint& endpoint) const {
  // The second stack of 6.2 KB, or the receive buffer if that is larger.
  return takesSmall(endpoint) ? size_t{SMSERVER_TLS_HEAP_BYTES}
                              : size_t{kFullBytes} + 325 + 512;
}

TcpClient* SMServerTls::create(const Endpoint& endpoint, Use use,
                               uint32_t unixS) {
  std::unique_ptr<SecureClient> client(new (std::nothrow) SecureClient());
  if (!client) return nullptr;
  if (kind_ == Kind::Insecure || use == Use::Clock) {
    client->setInsecure();
  } else if (kind_ == Kind::Fingerprint) {
    uint8_t wanted[kFingerprintBytes];
    if (!fingerprintFor(use, wanted)) return nullptr;
    client->setFingerprint(wanted);
  } else {
    if (check() != SMError::None) return nullptr;
    client->setTrustAnchors(authority_.get());
    client->setX509Time(static_cast<time_t>(unixS));
  }
  client->setBufferSizes(takesSmall(endpoint) ? kFragmentBytes : kFullBytes,
                         512);
  if (use != Use::Clock) {
    auto& session = sessions_[use == Use::Mqtt ? 1 : 0];
    if (!session) session.reset(new (std::nothrow) BearSSL::Session());
    client->setSession(session.get());
  }
  return client.release();
}

int SMServerTls::connect(TcpClient* client, const Endpoint& endpoint, Use,
                         uint32_t timeoutMs) {
  // Only clients made above are handed in.
  SecureClient* const secure = static_cast<SecureClient*>(client);
  handshake = {true, static_cast<uint32_t>(millis()), timeoutMs,
               secure->socket()};
  schedule_recurrent_function_us(watchHandshake, 100000);
  const bool connected =
      smserver::chip::connect(*secure, endpoint.host, endpoint.port, timeoutMs);
  handshake.running = false;
  if (connected) return 0;
  const int error = secure->getLastSSLError();
  return error == 0 ? -1 : error;
}

bool SMServerTls::wrongTime(int error) const { return error == kExpired; }

#endif
