#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../SMServerConfig.h"

namespace smserver {

// Tells own messages that a broker delivers back from those of others. MQTT
// 3.1.1 has no "no local": some brokers echo, some do not (EMQX's
// ignore_loop_deliver). Which kind this one is shows on the ping topic, where
// nobody but this device sends PING: when the PONG comes without the PING, the
// broker does not echo, and equal messages of others are theirs.
class EchoFilter {
 public:
  enum class Broker : uint8_t { Unknown, Echoes, DoesNotEcho };

  // A new connection may be to another broker.
  void reset();
  // Remembers a message sent on a topic that is subscribed to as well.
  void sent(const char* topic, const char* payload, size_t length,
            uint32_t now);
  // True when this message is one that was sent; it is then forgotten.
  bool isOwn(const char* topic, const char* payload, size_t length,
             uint32_t now);
  void learn(bool echoes);
  Broker broker() const { return broker_; }

 private:
  static constexpr uint8_t kEntries = 8;
  struct Entry {
    uint32_t hash;
    uint32_t sentMs;
    bool used;
  };
  Entry entries_[kEntries] = {};
  uint8_t next_ = 0;
  Broker broker_ = Broker::Unknown;
};

}  // namespace smserver
