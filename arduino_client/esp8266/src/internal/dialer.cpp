#include "dialer.h"

#include <new>

namespace smserver {

bool Dialer::wifiUp() { return chip::wifiUp(); }

bool Dialer::needsClock(const Endpoint& endpoint) {
  return endpoint.tls && tls_ != nullptr && tls_->needsClock();
}

bool Dialer::wrongTime(const SMErrorInfo& error) {
  return error.code == SMError::TlsFailed && tls_->wrongTime(error.detail);
}

SMErrorInfo Dialer::resolve(const Endpoint& endpoint) {
  if (chip::resolve(endpoint.host, SMSERVER_NETWORK_MS)) return {};
  return {SMError::NameNotFound, 0};
}

SMErrorInfo Dialer::probe(const Endpoint& endpoint) {
  if (endpoint.tls && tls_ != nullptr &&
      chip::largestBlockBytes() >= SMSERVER_PLAIN_HEAP_BYTES) {
    tls_->probe(endpoint);
  }
  return {};
}

SMErrorInfo Dialer::dial(std::unique_ptr<TcpClient>* slot,
                         const Endpoint& endpoint, TlsProvider::Use use,
                         uint32_t unixS, SMError unreachable) {
  slot->reset();
  if (endpoint.tls) {
    if (tls_ == nullptr) return {SMError::NoTrust, 0};
    return tls_->dial(slot, endpoint, use, unixS, unreachable);
  }
  if (chip::largestBlockBytes() >= SMSERVER_PLAIN_HEAP_BYTES) {
    slot->reset(new (std::nothrow) TcpClient());
  }
  if (!*slot) return {SMError::OutOfMemory, SMSERVER_PLAIN_HEAP_BYTES};
  if (chip::connect(**slot, endpoint.host, endpoint.port,
                    SMSERVER_NETWORK_MS)) {
    return {};
  }
  slot->reset();
  return {unreachable, 0};
}

}  // namespace smserver
