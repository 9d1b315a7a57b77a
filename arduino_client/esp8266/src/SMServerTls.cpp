#include "SMServerTls.h"

#include <Schedule.h>
#include <string.h>

#include <new>

#include "internal/crc32.h"

namespace {

using smserver::Deadline;
using smserver::LimitedClient;

// The core sets 15 s for a handshake where it cannot be changed. This ends one
// that takes longer than the limit, by dropping the connection under it, in one
// of the pauses that the handshake makes. One handshake at a time.
struct Handshake {
  bool running = false;
  uint32_t startMs = 0;
  WiFiClient* socket = nullptr;
};
Handshake handshake;

bool watchHandshake() {
  if (!handshake.running) return false;
  if (millis() - handshake.startMs < SMSERVER_NETWORK_MS) return true;
  handshake.running = false;
  handshake.socket->abort();
  return false;
}

class SecureClient : public LimitedClient<BearSSL::WiFiClientSecure> {
 public:
  using LimitedClient::connect;
  using LimitedClient::LimitedClient;
  int connect(const char* host, uint16_t port) override {
    handshake = {true, static_cast<uint32_t>(millis()), _owned};
    schedule_recurrent_function_us(watchHandshake, 100000);
    const int connected = LimitedClient::connect(host, port);
    handshake.running = false;
    return connected;
  }
};

}  // namespace

uint32_t SMServerTls::place(const smserver::Endpoint& endpoint) {
  const uint32_t hash =
      smserver::crc32(endpoint.host, strlen(endpoint.host),
                      smserver::crc32(&endpoint.port, sizeof endpoint.port));
  return hash == 0 ? 1 : hash;
}

bool SMServerTls::takesSmall(const smserver::Endpoint& endpoint) const {
  const uint32_t wanted = place(endpoint);
  for (const Probed& probed : probed_) {
    if (probed.place == wanted) return probed.small;
  }
  return false;
}

void SMServerTls::probe(const smserver::Endpoint& endpoint) {
  const uint32_t wanted = place(endpoint);
  for (const Probed& probed : probed_) {
    if (probed.place == wanted) return;
  }
  const bool small = BearSSL::WiFiClientSecure::probeMaxFragmentLength(
      endpoint.host, endpoint.port, kFragmentBytes);
  probed_[nextProbed_] = {wanted, small};
  nextProbed_ ^= 1;
}

size_t SMServerTls::heapBytes(const smserver::Endpoint& endpoint) const {
  // The second stack of 6.2 KB, or the receive buffer if that is larger.
  return takesSmall(endpoint) ? size_t{SMSERVER_TLS_HEAP_BYTES}
                              : size_t{kFullBytes} + 325 + 512;
}

bool SMServerTls::verify(BearSSL::WiFiClientSecure* client, Use use,
                         uint32_t unixS) {
  if (kind_ == Kind::Insecure || use == Use::Clock) {
    client->setInsecure();
    return true;
  }
  if (kind_ == Kind::Fingerprint) {
    const bool other = use == Use::Mqtt && second_ != nullptr;
    return client->setFingerprint(other ? second_ : first_);
  }
  if (!authority_) {
    authority_.reset(new (std::nothrow) BearSSL::X509List(first_));
    if (!authority_) return false;
  }
  client->setTrustAnchors(authority_.get());
  client->setX509Time(static_cast<time_t>(unixS));
  return true;
}

WiFiClient* SMServerTls::create(const smserver::Endpoint& endpoint, Use use,
                                uint32_t unixS, const Deadline* deadline) {
  std::unique_ptr<SecureClient> client(new (std::nothrow)
                                           SecureClient(deadline));
  if (!client || !verify(client.get(), use, unixS)) return nullptr;
  client->setBufferSizes(takesSmall(endpoint) ? kFragmentBytes : kFullBytes,
                         512);
  if (use != Use::Clock) {
    auto& session = sessions_[use == Use::Mqtt ? 1 : 0];
    if (!session) session.reset(new (std::nothrow) BearSSL::Session());
    client->setSession(session.get());
  }
  return client.release();
}

int SMServerTls::lastError(WiFiClient* client) {
  // Only clients made above are handed in.
  return static_cast<BearSSL::WiFiClientSecure*>(client)->getLastSSLError();
}
