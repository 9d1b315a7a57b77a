#pragma once

#include <WiFiClient.h>

#include "identity.h"
#include "limited_client.h"

namespace smserver {

// Makes TLS clients. SMServerTls implements it; the rest of the library knows
// only this, so that a sketch without TLS does not link BearSSL.
class TlsProvider {
 public:
  enum class Use : uint8_t {
    Http,
    Mqtt,
    Clock,  // nothing is verified, and nothing secret is sent
  };

  // BearSSL's BR_ERR_X509_EXPIRED: not yet, or no longer, valid at this time.
  static constexpr int kWrongTime = 54;

  virtual ~TlsProvider() = default;

  // Certificates are checked against the time.
  virtual bool needsClock() const = 0;
  // Finds out, once per place, whether the server takes small fragments. A
  // network call.
  virtual void probe(const Endpoint& endpoint) = 0;
  // Largest block of heap that a client for this place needs.
  virtual size_t heapBytes(const Endpoint& endpoint) const = 0;
  // A client to connect with, or null when memory is out. To be deleted by the
  // caller. `unixS` is the time for certificates.
  virtual WiFiClient* create(const Endpoint& endpoint, Use use, uint32_t unixS,
                             const Deadline* deadline) = 0;
  // BearSSL's error of a client made here, 0 when there was none.
  virtual int lastError(WiFiClient* client) = 0;
};

}  // namespace smserver
