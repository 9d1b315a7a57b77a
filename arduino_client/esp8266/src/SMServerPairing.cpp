// Pairing by the devices themselves.
#include <string.h>

#include "SMServer.h"
#include "internal/pairing.h"

void SMServer::onPairing(PairingCallback callback) {
  onPairing_ = std::move(callback);
}

SMError SMServer::startPairing(SMPairing::Request request, const char* uuid,
                               const char* code) {
  if (!begun_) return fail(SMError::NotBegun);
  if (connection_.running()) return fail(SMError::Busy);
  char parsed[smserver::kUuidBytes] = "";
  if (uuid != nullptr && !smserver::parseUuid(uuid, parsed)) {
    return fail(SMError::BadUuid);
  }
  pairing_.reset(smserver::newPairing(request, parsed, code, onPairing_));
  if (!pairing_) return fail(SMError::OutOfMemory);
  connection_.run(pairing_.get());
  return SMError::None;
}

SMError SMServer::pairingCode() {
  return startPairing(SMPairing::Request::Code, nullptr, "");
}

SMError SMServer::pair(const char* uuid, const char* code) {
  const size_t digits = code == nullptr ? 0 : strspn(code, "0123456789");
  if (digits != 6 || code[6] != '\0') return fail(SMError::BadCode);
  return startPairing(SMPairing::Request::Pair, uuid == nullptr ? "" : uuid,
                      code);
}

SMError SMServer::unpair(const char* uuid) {
  return startPairing(SMPairing::Request::Unpair, uuid == nullptr ? "" : uuid,
                      "");
}

SMError SMServer::agents(const char* after) {
  return startPairing(SMPairing::Request::Agents, after, "");
}
