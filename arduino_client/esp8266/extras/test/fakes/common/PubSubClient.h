// Behaves as PubSubClient 2.8 does where the library depends on it: a buffer of
// 256 bytes that receiving, sending and CONNECT share, state() values that
// outlive their connection, a connect() that blocks, callbacks that are lent
// their memory, silence about packets that are too large and about SUBACK.
#pragma once

#include <functional>

#include "Arduino.h"

#define MQTT_CONNECTION_TIMEOUT -4
#define MQTT_CONNECTION_LOST -3
#define MQTT_CONNECT_FAILED -2
#define MQTT_DISCONNECTED -1
#define MQTT_CONNECTED 0
#define MQTT_CONNECT_BAD_PROTOCOL 1
#define MQTT_CONNECT_BAD_CLIENT_ID 2
#define MQTT_CONNECT_UNAVAILABLE 3
#define MQTT_CONNECT_BAD_CREDENTIALS 4
#define MQTT_CONNECT_UNAUTHORIZED 5

class PubSubClient {
 public:
  explicit PubSubClient(Client& client);
  ~PubSubClient();
  PubSubClient& setCallback(
      std::function<void(char*, uint8_t*, unsigned int)> callback);
  PubSubClient& setKeepAlive(uint16_t seconds);
  PubSubClient& setSocketTimeout(uint16_t seconds);
  bool setBufferSize(uint16_t bytes);
  bool connect(const char* id, const char* user, const char* password);
  void disconnect();
  bool publish(const char* topic, const uint8_t* payload, unsigned int length);
  bool subscribe(const char* topic, uint8_t qos);
  bool unsubscribe(const char* topic);
  bool loop();
  bool connected();
  int state() { return state_; }

 private:
  bool readByte(uint8_t* out);
  size_t readPacket(size_t* headerBytes);
  bool send(uint8_t header, size_t end);
  size_t text(const char* from, size_t at);

  Client* client_;
  uint8_t* buffer_ = nullptr;
  uint16_t bufferBytes_ = 0;
  uint16_t keepAliveS_ = 15;
  uint16_t timeoutS_ = 15;
  uint16_t nextId_ = 0;
  uint32_t lastIn_ = 0;
  uint32_t lastOut_ = 0;
  int state_ = MQTT_DISCONNECTED;
  bool pingOpen_ = false;
  std::function<void(char*, uint8_t*, unsigned int)> callback_;
};
