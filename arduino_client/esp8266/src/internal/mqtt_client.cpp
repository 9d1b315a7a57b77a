#include "mqtt_client.h"

#include <string.h>

namespace smserver {

bool MqttClient::begin(uint16_t packetBytes, uint16_t keepAliveS) {
  end();
  if (!gate_.begin(packetBytes)) return false;
  mqtt_.emplace(gate_);
  if (!mqtt_->setBufferSize(packetBytes)) {
    // Not by end(): PubSubClient may have no buffer at all, and its
    // disconnect() writes to it.
    mqtt_.reset();
    gate_.end();
    return false;
  }
  mqtt_->setKeepAlive(keepAliveS);
  mqtt_->setSocketTimeout(SMSERVER_NETWORK_MS / 1000);
  // Messages are read from the gate, which keeps them beyond the callback; but
  // without a callback PubSubClient acknowledges nothing.
  mqtt_->setCallback([](char*, uint8_t*, unsigned int) {});
  return true;
}

void MqttClient::end() {
  if (mqtt_) closeMqtt();
  mqtt_.reset();
  gate_.end();
}

SMErrorInfo MqttClient::openMqtt(const Endpoint& endpoint, uint32_t unixS) {
  closeMqtt();
  const SMErrorInfo error = dialer_.dial(&socket_, endpoint,
                                         TlsProvider::Use::Mqtt, unixS,
                                         SMError::BrokerUnreachable);
  if (error.code == SMError::None) {
    violated_ = false;
    gate_.attach(socket_.get());
  }
  return error;
}

SMErrorInfo MqttClient::connectMqtt(const char* id, const char* user,
                                    const char* password) {
  // PubSubClient.cpp, connect(): fixed header, variable header, three strings.
  const size_t needed =
      15 + 2 + strlen(id) + 2 + strlen(user) + 2 + strlen(password);
  if (needed > gate_.capacity()) {
    closeMqtt();
    return {SMError::TooLong, static_cast<int32_t>(needed)};
  }
  if (mqtt_->connect(id, user, password)) return {};
  const int state = mqtt_->state();
  const bool answered = gate_.accepted();
  const bool violated = gate_.takeViolation();
  closeMqtt();
  if (violated) return {SMError::BadPacket, state};
  // state() keeps an old value when the connection closes before CONNACK.
  if (!answered) return {SMError::BrokerClosed, MQTT_CONNECTION_LOST};
  if (state == MQTT_CONNECT_BAD_CREDENTIALS ||
      state == MQTT_CONNECT_UNAUTHORIZED) {
    return {SMError::BrokerRefused, state};
  }
  return {SMError::BrokerUnreachable, state};
}

bool MqttClient::mqttUp() { return socket_ && mqtt_->connected(); }

bool MqttClient::publish(const char* topic, const char* payload,
                         size_t length) {
  return mqtt_->publish(topic, reinterpret_cast<const uint8_t*>(payload),
                        static_cast<unsigned int>(length));
}

uint16_t MqttClient::subscribe(const char* topic) {
  return mqtt_->subscribe(topic, 1) ? gate_.lastSubscribeId() : 0;
}

void MqttClient::unsubscribe(const char* topic) { mqtt_->unsubscribe(topic); }

Arrival MqttClient::poll() {
  Arrival arrival;
  gate_.release();
  mqtt_->loop();
  violated_ = violated_ || gate_.takeViolation();
  if (const uint32_t bytes = gate_.takeOversized()) {
    arrival.kind = Arrival::Kind::Oversized;
    arrival.length = bytes;
  } else if (gate_.event() == FrameGate::Event::Suback) {
    arrival.kind = Arrival::Kind::Suback;
    arrival.id = gate_.subackId();
    arrival.granted = gate_.subackGranted();
  } else if (gate_.event() == FrameGate::Event::Publish) {
    arrival.kind = Arrival::Kind::Message;
    arrival.topic = gate_.topic();
    arrival.payload = gate_.payload();
    arrival.length = gate_.payloadBytes();
    arrival.retained = gate_.retained();
  }
  return arrival;
}

SMErrorInfo MqttClient::mqttFault() {
  return {violated_ ? SMError::BadPacket : SMError::ConnectionLost,
          mqtt_->state()};
}

void MqttClient::closeMqtt() {
  // Also when the connection is gone: without it PubSubClient would take the
  // next one for connected.
  mqtt_->disconnect();
  gate_.attach(nullptr);
  socket_.reset();
}

}  // namespace smserver
