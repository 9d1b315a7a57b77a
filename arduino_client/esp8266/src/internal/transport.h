#pragma once

#include <stddef.h>
#include <stdint.h>

#include "identity.h"

namespace smserver {

struct HttpReply {
  int status = 0;  // or HTTPClient's negative error
  size_t length = 0;
  uint32_t retryAfterS = 0;
  uint32_t dateS = 0;  // of the Date header
};

// What arrived on the MQTT connection. The texts end in NUL and are valid until
// the next call of poll().
struct Arrival {
  enum class Kind : uint8_t { None, Message, Suback, Oversized };
  Kind kind = Kind::None;
  const char* topic = "";
  const char* payload = "";
  size_t length = 0;     // of the payload, or of what was too large
  uint16_t id = 0;       // Suback
  bool granted = false;  // Suback
};

// The network as the connection's state machine sees it. Each call blocks for
// SMSERVER_NETWORK_MS at the most; poll() does not block. Errors carry the
// detail described at SMError.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual bool wifiUp() = 0;
  // True when the time must be known to connect to this place.
  virtual bool needsClock(const Endpoint& endpoint) = 0;

  // Looks the name up, and finds out what TLS needs to know.
  virtual SMErrorInfo resolve(const Endpoint& endpoint) = 0;
  virtual SMErrorInfo probe(const Endpoint& endpoint) = 0;

  // Opens a connection for one request. `verify` off: only to learn the time.
  virtual SMErrorInfo openHttp(const Endpoint& endpoint, uint32_t unixS,
                               bool verify) = 0;
  // GET with a bearer credential, or none when null. The body is cut at
  // `capacity` and then counts as malformed.
  virtual HttpReply get(const Endpoint& endpoint, const char* path,
                        const char* bearer, char* body, size_t capacity) = 0;
  virtual void closeHttp() = 0;

  virtual SMErrorInfo openMqtt(const Endpoint& endpoint, uint32_t unixS) = 0;
  virtual SMErrorInfo connectMqtt(const char* id, const char* user,
                                  const char* password) = 0;
  virtual bool mqttUp() = 0;
  virtual bool publish(const char* topic, const char* payload,
                       size_t length) = 0;
  // Packet id, or 0 when it could not be sent.
  virtual uint16_t subscribe(const char* topic) = 0;
  // Does the keep-alive and takes at most one packet.
  virtual Arrival poll() = 0;
  // Why mqttUp() is false: ConnectionLost or BadPacket.
  virtual SMErrorInfo mqttFault() = 0;
  virtual void closeMqtt() = 0;
};

}  // namespace smserver
