#pragma once

#include <functional>
#include <optional>

#include "../SMServerTypes.h"
#include "byte_ring.h"
#include "echo.h"
#include "mqtt_client.h"

namespace smserver {

// Messages on the ping and link topics: own echoes, PING and PONG, and what the
// sketch gets, by a callback or from a queue.
class Inbox {
 public:
  using Callback = std::function<void(const SMMessage& message)>;

  explicit Inbox(SMCounters& counters) : counters_(counters) {}

  // False when memory is out.
  bool begin(const SMServerOptions& options);
  void end() { queue_.end(); }
  void onMessage(Callback callback) { callback_ = std::move(callback); }

  // A new connection.
  void reconnected();
  // A message went out on a topic that is listened to as well.
  void sent(const char* topic, const char* payload, size_t length) {
    echo_.sent(topic, payload, length, millis());
  }
  void pingSent();
  uint32_t pingMs() const { return pingMs_; }

  // Take a message; true when it is to be answered with PONG.
  bool takePing(const Arrival& arrival);
  bool takeLink(const Arrival& arrival);

  // The oldest in the queue. None, also with OutOfMemory in `error`: it then
  // stays there.
  std::optional<SMQueuedMessage> message(SMErrorInfo* error);

 private:
  void deliver(const Arrival& arrival);

  SMCounters& counters_;
  EchoFilter echo_;
  ByteRing queue_;
  Callback callback_;
  uint32_t pingSentMs_ = 0;
  uint32_t pingMs_ = 0;
  bool answerPings_ = true;
  bool pingOpen_ = false;  // sent, and neither echoed nor answered yet
};

}  // namespace smserver
