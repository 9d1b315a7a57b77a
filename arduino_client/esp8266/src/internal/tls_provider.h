#pragma once

#include "chip.h"
#include "identity.h"

namespace smserver {

// Makes TLS clients. SMServerTls implements it; the rest of the library knows
// only this, so that a sketch without TLS does not link a TLS library.
class TlsProvider {
 public:
  enum class Use : uint8_t {
    Http,
    Mqtt,
    Clock,  // nothing is verified, and nothing secret is sent
  };

  // Reads fingerprints and certificates; BadFingerprint or BadCertificate when
  // they are malformed, OutOfMemory.
  virtual SMError check() = 0;
  // Certificates are checked against the time.
  virtual bool needsClock() const = 0;
  // Finds out, once per place, whether the server takes small fragments. A
  // network call.
  virtual void probe(const Endpoint& endpoint) = 0;
  // Largest block of heap that a client for this place needs.
  virtual size_t heapBytes(const Endpoint& endpoint) const = 0;
  // A client to connect with, or null when memory is out. To be deleted by the
  // caller. `unixS` is the time for certificates.
  virtual TcpClient* create(const Endpoint& endpoint, Use use,
                            uint32_t unixS) = 0;
  // Opens a connection with a client made here, within the time limit. 0, or
  // the error of the TLS library, or -1 when no connection came about.
  virtual int connect(TcpClient* client, const Endpoint& endpoint, Use use,
                      uint32_t timeoutMs) = 0;
  // Whether an error of connect() means that a certificate is not valid at the
  // time that was given.
  virtual bool wrongTime(int error) const = 0;

 protected:
  ~TlsProvider() = default;
};

}  // namespace smserver
