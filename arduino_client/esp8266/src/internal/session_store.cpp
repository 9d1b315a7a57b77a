#include "session_store.h"

#include <string.h>

#include "command_memory.h"
#include "crc32.h"

namespace smserver {
namespace {

// Short, for each takes room in the store; the prefix keeps a sketch's own keys
// apart.
constexpr char kFacts[] = "sm.s";
constexpr char kToken[] = "sm.t";
constexpr char kUser[] = "sm.u";
constexpr char kHost[] = "sm.h";

}  // namespace

SessionStore::Facts SessionStore::facts() const {
  Facts facts = {};
  if (kv_.get(kFacts, static_cast<void*>(&facts), sizeof facts) !=
      sizeof facts) {
    facts = {};
  }
  return facts;
}

KVError SessionStore::setFacts(const Facts& facts) {
  return kv_.set(kFacts, static_cast<const void*>(&facts), sizeof facts);
}

void SessionStore::adopt(const Endpoint& server, const char* uuid,
                         const char* key) {
  uint32_t id = crc32(server.host, strlen(server.host) + 1);
  id = crc32(&server.port, sizeof server.port, id);
  id = crc32(uuid, strlen(uuid) + 1, id);
  id = crc32(key, strlen(key) + 1, id);
  Facts facts = this->facts();
  if (facts.identity == id && id != 0) return;
  dropToken();
  kv_.remove(kHost);
  CommandMemory::forgetAll(kv_);
  facts = {};
  facts.identity = id;
  setFacts(facts);
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

uint32_t SessionStore::lifetimeS() const { return facts().lifetimeS; }
uint32_t SessionStore::lastTimeS() const { return facts().timeS; }

KVError SessionStore::setToken(const TokenAnswer& answer) {
  KVError error = kv_.set(kToken, answer.token);
  if (error == KVError::None) error = kv_.set(kUser, answer.user);
  if (error != KVError::None) return error;
  Facts changed = facts();
  changed.lifetimeS = answer.lifetimeS;
  if (answer.nowS != 0) changed.timeS = answer.nowS;
  return setFacts(changed);
}

void SessionStore::dropToken() {
  kv_.remove(kToken);
  kv_.remove(kUser);
}

bool SessionStore::address(Endpoint* out) const {
  const Facts known = facts();
  const size_t bytes = kv_.get(kHost, out->host, sizeof out->host);
  out->port = known.port;
  out->tls = known.tls != 0;
  return bytes > 0 && bytes < sizeof out->host && out->port != 0;
}

KVError SessionStore::setAddress(const Endpoint& endpoint) {
  const KVError error = kv_.set(kHost, endpoint.host);
  if (error != KVError::None) return error;
  Facts changed = facts();
  changed.port = endpoint.port;
  changed.tls = endpoint.tls ? 1 : 0;
  return setFacts(changed);
}

}  // namespace smserver
