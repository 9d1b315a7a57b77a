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
  if (endpoint.tls && tls_ == nullptr) return {SMError::NoTrust, 0};
  const size_t needed = endpoint.tls ? tls_->heapBytes(endpoint)
                                     : size_t{SMSERVER_PLAIN_HEAP_BYTES};
  const SMErrorInfo no_memory = {SMError::OutOfMemory,
                                 static_cast<int32_t>(needed)};
  if (chip::largestBlockBytes() < needed) return no_memory;
  slot->reset(endpoint.tls ? tls_->create(endpoint, use, unixS)
                           : new (std::nothrow) TcpClient());
  if (!*slot) return no_memory;
  int error = -1;
  if (endpoint.tls) {
    error = tls_->connect(slot->get(), endpoint, use, SMSERVER_NETWORK_MS);
  } else if (chip::connect(**slot, endpoint.host, endpoint.port,
                           SMSERVER_NETWORK_MS)) {
    error = 0;
  }
  if (error == 0) return {};
  slot->reset();
  if (error != -1) return {SMError::TlsFailed, error};
  return {unreachable, 0};
}

}  // namespace smserver
