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

// The core allows 15 s for a handshake, and as much for each write in it. This
// ends one that takes longer than the limit, by dropping the connection under
// it, in one of the pauses that the handshake makes. One handshake at a time.
struct Handshake {
  bool running = false;
  uint32_t startMs = 0;
  WiFiClient* socket = nullptr;
};
Handshake handshake;

bool watchHandshake() {
  if (!handshake.running) return false;
  if (millis() - handshake.startMs < SMSERVER_TLS_MS) return true;
  handshake.running = false;
  handshake.socket->abort();
  return false;
}

class SecureClient : public BearSSL::WiFiClientSecure {
 public:
  // The connection under the encryption.
  WiFiClient* socket() { return _owned; }
};

// What the core allocates for a connection, of which only the two buffers may
// fail without aborting the program. WiFiClientSecureCtx and its TCP connection
// 0.6 KB, second stack 6,200 bytes, br_ssl_client_context 3,380; 1 KB is left
// for packets.
constexpr size_t kContextBytes = 600 + 6200 + 3380 + 1024;
// br_x509_minimal_context, and br_x509_insecure_context.
constexpr size_t kAuthorityBytes = 3048, kUncheckedBytes = 1400;
// Besides what they hold: the overhead of both, and what is sent.
constexpr size_t kBufferBytes = 325 + 512 + 85;

uint32_t place(const Endpoint& endpoint) {
  const uint32_t hash =
      smserver::crc32(endpoint.host, strlen(endpoint.host),
                      smserver::crc32(&endpoint.port, sizeof endpoint.port));
  return hash == 0 ? 1 : hash;
}

}  // namespace

SMError SMServerTls::checkTrust() {
  uint8_t parsed[kFingerprintBytes];
  if (kind_ == Kind::Fingerprint) {
    return fingerprintFor(Use::Http, parsed) &&
                   fingerprintFor(Use::Mqtt, parsed)
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

const SMServerTls::Probed* SMServerTls::known(const Endpoint& endpoint) const {
  const uint32_t wanted = place(endpoint);
  for (const Probed& probed : probed_) {
    if (probed.place == wanted) return &probed;
  }
  return nullptr;
}

bool SMServerTls::takesSmall(const Endpoint& endpoint) const {
  const Probed* const probed = known(endpoint);
  return probed != nullptr && probed->small;
}

bool SMServerTls::heapFits(const Endpoint& endpoint, size_t* needed) const {
  const bool small = takesSmall(endpoint);
  const size_t buffers = (small ? kFragmentBytes : kFullBytes) + kBufferBytes;
  // The second stack of 6.2 KB, or the receive buffer if that is larger.
  *needed =
      small ? size_t{SMSERVER_TLS_HEAP_BYTES} : size_t{kFullBytes} + 325 + 512;
  if (smserver::chip::largestBlockBytes() < *needed) return false;
  *needed = buffers + kContextBytes +
            (kind_ == Kind::Authority ? kAuthorityBytes : kUncheckedBytes);
  return smserver::chip::freeHeapBytes() >= *needed;
}

void SMServerTls::remember(const Endpoint& endpoint, bool small) {
  if (known(endpoint) != nullptr) return;
  probed_[nextProbed_] = {place(endpoint), small};
  nextProbed_ ^= 1;
}

// The core answers "no" as well when it could not ask. That is believed once a
// handshake has shown that the place can be reached.
void SMServerTls::probePlace(const Endpoint& endpoint) {
  if (known(endpoint) == nullptr &&
      BearSSL::WiFiClientSecure::probeMaxFragmentLength(
          endpoint.host, endpoint.port, kFragmentBytes)) {
    remember(endpoint, true);
  }
}

TcpClient* SMServerTls::createClient(const Endpoint& endpoint, Use use,
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
    if (checkTrust() != SMError::None) return nullptr;
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

int SMServerTls::connectClient(TcpClient* client, const Endpoint& endpoint,
                               Use) {
  // Only clients made above are handed in.
  SecureClient* const secure = static_cast<SecureClient*>(client);
  handshake = {true, static_cast<uint32_t>(millis()), secure->socket()};
  schedule_recurrent_function_us(watchHandshake, 100000);
  // Of opening the connection, which knows only the limit of its own client.
  // For the handshake the core sets it to 15 s again.
  secure->socket()->setTimeout(SMSERVER_NETWORK_MS);
  const bool connected = smserver::chip::connect(
      *secure, endpoint.host, endpoint.port, SMSERVER_TLS_MS);
  handshake.running = false;
  if (connected) {
    remember(endpoint, false);
    return 0;
  }
  const int error = secure->getLastSSLError();
  return error == 0 ? -1 : error;
}

#endif
