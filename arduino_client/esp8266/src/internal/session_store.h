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
  // What has a fixed size, as one value.
  struct Facts {
    uint32_t identity;
    uint32_t lifetimeS;
    uint32_t timeS;
    uint16_t port;
    uint16_t tls;
  };

  Facts facts() const;
  KVError setFacts(const Facts& facts);

  KV& kv_;
};

}  // namespace smserver
