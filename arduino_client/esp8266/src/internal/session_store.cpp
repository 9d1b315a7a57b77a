#include "session_store.h"

#include <string.h>

#include "command_memory.h"
#include "crc32.h"

namespace smserver {
namespace {

// Short, for each takes room in the store; the prefix keeps a sketch's own keys
// apart.
constexpr char kIdentity[] = "sm.id";
constexpr char kToken[] = "sm.t";
constexpr char kUser[] = "sm.u";
constexpr char kLifetime[] = "sm.x";
constexpr char kTime[] = "sm.n";
constexpr char kHost[] = "sm.h";
constexpr char kPort[] = "sm.p";

}  // namespace

void SessionStore::adopt(const Endpoint& server, const char* uuid,
                         const char* key) {
  uint32_t id = crc32(server.host, strlen(server.host) + 1);
  id = crc32(&server.port, sizeof server.port, id);
  id = crc32(uuid, strlen(uuid) + 1, id);
  id = crc32(key, strlen(key) + 1, id);
  if (kv_.has(kIdentity) && kv_.get(kIdentity, uint32_t{0}) == id) return;
  dropToken();
  kv_.remove(kHost);
  kv_.remove(kPort);
  kv_.remove(kTime);
  CommandMemory::forgetAll(kv_);
  kv_.set(kIdentity, id);
}

bool SessionStore::hasToken() const {
  return kv_.size(kToken) > 0 && kv_.size(kUser) > 0;
}

bool SessionStore::token(char (&token)[SMSERVER_TOKEN_BYTES],
                         char (&user)[SMSERVER_USER_BYTES]) const {
  const size_t token_bytes = kv_.get(kToken, token, sizeof token);
  const size_t user_bytes = kv_.get(kUser, user, sizeof user);
  return token_bytes > 0 && token_bytes < sizeof token && user_bytes > 0 &&
         user_bytes < sizeof user;
}

uint32_t SessionStore::lifetimeS() const {
  return kv_.get(kLifetime, uint32_t{0});
}

KVError SessionStore::setToken(const TokenAnswer& answer) {
  KVError error = kv_.set(kToken, answer.token);
  if (error == KVError::None) error = kv_.set(kUser, answer.user);
  if (error == KVError::None) error = kv_.set(kLifetime, answer.lifetimeS);
  if (error == KVError::None && answer.nowS != 0) {
    error = kv_.set(kTime, answer.nowS);
  }
  return error;
}

void SessionStore::dropToken() {
  kv_.remove(kToken);
  kv_.remove(kUser);
  kv_.remove(kLifetime);
}

bool SessionStore::address(Endpoint* out) const {
  *out = Endpoint();
  const size_t bytes = kv_.get(kHost, out->host, sizeof out->host);
  // The port of a TLS listener is kept as a negative number.
  const int32_t port = kv_.get(kPort, int32_t{0});
  out->tls = port < 0;
  out->port = static_cast<uint16_t>(port < 0 ? -port : port);
  return bytes > 0 && bytes < sizeof out->host && out->port != 0;
}

KVError SessionStore::setAddress(const Endpoint& endpoint) {
  const KVError error = kv_.set(kHost, endpoint.host);
  if (error != KVError::None) return error;
  const int32_t port = endpoint.port;
  return kv_.set(kPort, endpoint.tls ? -port : port);
}

uint32_t SessionStore::lastTimeS() const { return kv_.get(kTime, uint32_t{0}); }

}  // namespace smserver
