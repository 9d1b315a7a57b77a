#pragma once

#include <PubSubClient.h>
#include <WiFiClient.h>

#include <memory>
#include <optional>

#include "frame_gate.h"
#include "limited_client.h"
#include "tls_provider.h"
#include "transport.h"

namespace smserver {

// The network of the chip: ESP8266WiFi, ESP8266HTTPClient and PubSubClient.
class EspTransport : public Transport {
 public:
  EspTransport() = default;
  ~EspTransport() override { end(); }

  // Allocates all that lasts; false when memory is out.
  bool begin(TlsProvider* tls, uint16_t packetBytes, uint16_t keepAliveS);
  void end();
  uint16_t packetBytes() const {
    return static_cast<uint16_t>(gate_.capacity());
  }

  bool wifiUp() override;
  bool needsClock(const Endpoint& endpoint) override;
  SMErrorInfo resolve(const Endpoint& endpoint) override;
  SMErrorInfo probe(const Endpoint& endpoint) override;
  SMErrorInfo openHttp(const Endpoint& endpoint, uint32_t unixS,
                       bool verify) override;
  HttpReply get(const Endpoint& endpoint, const char* path, const char* bearer,
                char* body, size_t capacity) override;
  void closeHttp() override;
  SMErrorInfo openMqtt(const Endpoint& endpoint, uint32_t unixS) override;
  SMErrorInfo connectMqtt(const char* id, const char* user,
                          const char* password) override;
  bool mqttUp() override;
  bool publish(const char* topic, const char* payload, size_t length) override;
  uint16_t subscribe(const char* topic) override;
  Arrival poll() override;
  SMErrorInfo mqttFault() override;
  void closeMqtt() override;

 private:
  SMErrorInfo open(std::unique_ptr<WiFiClient>* slot, const Endpoint& endpoint,
                   TlsProvider::Use use, uint32_t unixS, SMError unreachable);

  TlsProvider* tls_ = nullptr;
  Deadline deadline_;
  FrameGate gate_;
  std::optional<PubSubClient> mqtt_;
  std::unique_ptr<WiFiClient> httpSocket_;
  std::unique_ptr<WiFiClient> mqttSocket_;
  bool violated_ = false;
};

}  // namespace smserver
