#pragma once

#include <stddef.h>
#include <stdint.h>

#include "identity.h"

namespace smserver {

// The network as the connection's state machine sees it, by concern. Each call
// blocks for SMSERVER_NETWORK_MS at most, opening a TLS connection for
// SMSERVER_TLS_MS. Errors carry the detail described at
// SMError. Nothing is deleted through these: a virtual destructor would bring
// `delete` along, for nobody.

// Wi-Fi, names, and what TLS must know of a place.
class Network {
 public:
  virtual bool wifiUp() = 0;
  // True when the time must be known to connect to this place.
  virtual bool needsClock(const Endpoint& endpoint) = 0;
  // The error means that a certificate is not valid at the time given.
  virtual bool wrongTime(const SMErrorInfo& error) = 0;
  virtual SMErrorInfo resolve(const Endpoint& endpoint) = 0;
  virtual SMErrorInfo probe(const Endpoint& endpoint) = 0;

 protected:
  ~Network() = default;
};

struct HttpRequest {
  const char* method = "GET";
  const char* path = "";
  const char* bearer = nullptr;  // or none
  const char* json = nullptr;    // the body, or none
};

struct HttpReply {
  int status = 0;     // or an SMHttpFault
  size_t length = 0;  // of the body, 0 when it was too long
  uint32_t retryAfterS = 0;
  uint32_t dateS = 0;  // of the Date header
};

class HttpTransport {
 public:
  // Opens a connection for one request. `verify` off: only to learn the time.
  virtual SMErrorInfo openHttp(const Endpoint& endpoint, uint32_t unixS,
                               bool verify) = 0;
  // `body` serves for the request as well, and must have
  // SMSERVER_ANSWER_BYTES.
  virtual HttpReply exchange(const Endpoint& endpoint,
                             const HttpRequest& request, char* body) = 0;
  virtual void closeHttp() = 0;

 protected:
  ~HttpTransport() = default;
};

class MqttTransport {
 public:
  virtual SMErrorInfo openMqtt(const Endpoint& endpoint, uint32_t unixS) = 0;
  virtual SMErrorInfo connectMqtt(const char* id, const char* user,
                                  const char* password) = 0;
  virtual bool mqttUp() = 0;
  // Why mqttUp() is false: ConnectionLost or BadPacket.
  virtual SMErrorInfo mqttFault() = 0;
  virtual void closeMqtt() = 0;

 protected:
  ~MqttTransport() = default;
};

}  // namespace smserver
