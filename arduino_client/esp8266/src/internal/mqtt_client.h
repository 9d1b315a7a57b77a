#pragma once

#include <PubSubClient.h>

#include <optional>

#include "dialer.h"
#include "frame_gate.h"

namespace smserver {

// What arrived on the MQTT connection. The texts end in NUL and are valid until
// the next call of poll().
struct Arrival {
  enum class Kind : uint8_t { None, Message, Suback, Oversized };
  Kind kind = Kind::None;
  const char* topic = "";
  const char* payload = "";
  size_t length = 0;      // of the payload, or of what was too large
  uint16_t id = 0;        // Suback
  bool granted = false;   // Suback
  bool retained = false;  // Message
};

// One MQTT session: PubSubClient behind a FrameGate, on a dialled connection.
class MqttClient final : public MqttTransport {
 public:
  explicit MqttClient(Dialer& dialer) : dialer_(dialer) {}
  ~MqttClient() { end(); }

  // Allocates all that lasts; false when memory is out.
  bool begin(uint16_t packetBytes, uint16_t keepAliveS);
  void end();
  size_t packetBytes() const { return gate_.capacity(); }

  SMErrorInfo openMqtt(const Endpoint& endpoint, uint32_t unixS) override;
  SMErrorInfo connectMqtt(const char* id, const char* user,
                          const char* password) override;
  bool mqttUp() override;
  SMErrorInfo mqttFault() override;
  void closeMqtt() override;

  bool publish(const char* topic, const char* payload, size_t length);
  // Packet id, or 0 when it could not be sent.
  uint16_t subscribe(const char* topic);
  void unsubscribe(const char* topic);
  // Does the keep-alive and takes at most one packet. Does not block.
  Arrival poll();

 private:
  Dialer& dialer_;
  FrameGate gate_;
  std::optional<PubSubClient> mqtt_;
  std::unique_ptr<TcpClient> socket_;
  bool violated_ = false;
};

}  // namespace smserver
