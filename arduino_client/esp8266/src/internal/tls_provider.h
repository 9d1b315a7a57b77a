#pragma once

#include <memory>

#include "chip.h"
#include "identity.h"

namespace smserver {

// Opens TLS connections. SMServerTls implements it; the rest of the library
// knows only this, so that a sketch without TLS does not link a TLS library.
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
  // Puts an open connection into `slot`, or leaves it empty. `unixS` is the
  // time for certificates. OutOfMemory, TlsFailed with the error of the TLS
  // library, or `unreachable` when no connection came about.
  virtual SMErrorInfo dial(std::unique_ptr<TcpClient>* slot,
                           const Endpoint& endpoint, Use use, uint32_t unixS,
                           SMError unreachable) = 0;
  // Whether the detail of TlsFailed means that a certificate is not valid at
  // the time that was given.
  virtual bool wrongTime(int error) const = 0;

 protected:
  ~TlsProvider() = default;
};

}  // namespace smserver
