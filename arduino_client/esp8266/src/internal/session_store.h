#pragma once

#include "../KV.h"
#include "answers.h"

namespace smserver {

// What outlives a reboot: token, user name, lifetime, broker address and the
// last known time, in the key-value store. Nothing reaches flash before save().
class SessionStore {
 public:
  explicit SessionStore(KV& kv) : kv_(kv) {}

  // Forgets everything that belongs to another identity, for instance after the
  // sketch was flashed with another UUID.
  void adopt(const Endpoint& server, const char* uuid, const char* key);

  bool hasToken() const;
  bool token(char (&token)[SMSERVER_TOKEN_BYTES],
             char (&user)[SMSERVER_USER_BYTES]) const;
  uint32_t lifetimeS() const;
  KVError setToken(const TokenAnswer& answer);
  void dropToken();

  bool address(Endpoint* out) const;
  KVError setAddress(const Endpoint& endpoint);

  uint32_t lastTimeS() const;
  KVError save() { return kv_.commit(); }

 private:
  KV& kv_;
};

}  // namespace smserver
