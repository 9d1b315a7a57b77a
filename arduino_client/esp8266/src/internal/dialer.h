#pragma once

#include <memory>

#include "chip.h"
#include "tls_provider.h"
#include "transport.h"

namespace smserver {

// Opens TCP and TLS connections on the chip's Wi-Fi.
class Dialer final : public Network {
 public:
  void begin(TlsProvider* tls) { tls_ = tls; }

  bool wifiUp() override;
  bool needsClock(const Endpoint& endpoint) override;
  bool wrongTime(const SMErrorInfo& error) override;
  SMErrorInfo resolve(const Endpoint& endpoint) override;
  SMErrorInfo probe(const Endpoint& endpoint) override;

  // Puts an open connection into `slot`, or leaves it empty. `unreachable` is
  // the error when there is no connection.
  SMErrorInfo dial(std::unique_ptr<TcpClient>* slot, const Endpoint& endpoint,
                   TlsProvider::Use use, uint32_t unixS, SMError unreachable);

 private:
  TlsProvider* tls_ = nullptr;
};

}  // namespace smserver
