#include "esp_transport.h"

#include <ESP8266HTTPClient.h>
#include <ESP8266WiFi.h>
#include <string.h>

#include "answers.h"

namespace smserver {
namespace {

// Takes a body up to the room there is, and then no more.
class BoundedPrint : public Print {
 public:
  BoundedPrint(char* out, size_t capacity) : out_(out), capacity_(capacity) {}
  using Print::write;
  size_t write(uint8_t byte) override { return write(&byte, 1); }
  size_t write(const uint8_t* data, size_t bytes) override {
    const size_t room = capacity_ - length_;
    const size_t taken = bytes < room ? bytes : room;
    memcpy(out_ + length_, data, taken);
    length_ += taken;
    return taken;
  }
  int availableForWrite() override {
    return static_cast<int>(capacity_ - length_);
  }
  bool outputCanTimeout() override { return false; }
  size_t length() const { return length_; }

 private:
  char* out_;
  size_t capacity_;
  size_t length_ = 0;
};

SMErrorInfo outOfMemory(size_t bytes) {
  return {SMError::OutOfMemory, static_cast<int32_t>(bytes)};
}

bool heapHas(size_t bytes) { return ESP.getMaxFreeBlockSize() >= bytes; }

}  // namespace

bool EspTransport::begin(TlsProvider* tls, uint16_t packetBytes,
                         uint16_t keepAliveS) {
  end();
  tls_ = tls;
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

void EspTransport::end() {
  closeHttp();
  if (mqtt_) closeMqtt();
  mqtt_.reset();
  gate_.end();
}

bool EspTransport::wifiUp() { return WiFi.status() == WL_CONNECTED; }

bool EspTransport::needsClock(const Endpoint& endpoint) {
  return endpoint.tls && tls_ != nullptr && tls_->needsClock();
}

SMErrorInfo EspTransport::resolve(const Endpoint& endpoint) {
  // lwIP keeps the answer, so that connecting by name does not wait again.
  IPAddress address;
  if (WiFi.hostByName(endpoint.host, address, SMSERVER_NETWORK_MS) == 1) {
    return {};
  }
  return {SMError::NameNotFound, 0};
}

SMErrorInfo EspTransport::probe(const Endpoint& endpoint) {
  if (endpoint.tls && tls_ != nullptr && heapHas(SMSERVER_PLAIN_HEAP_BYTES)) {
    tls_->probe(endpoint);
  }
  return {};
}

SMErrorInfo EspTransport::open(std::unique_ptr<WiFiClient>* slot,
                               const Endpoint& endpoint, TlsProvider::Use use,
                               uint32_t unixS, SMError unreachable) {
  slot->reset();
  if (endpoint.tls && tls_ == nullptr) return {SMError::NoTrust, 0};
  const size_t needed = endpoint.tls ? tls_->heapBytes(endpoint)
                                     : size_t{SMSERVER_PLAIN_HEAP_BYTES};
  if (!heapHas(needed)) return outOfMemory(needed);
  deadline_.start(SMSERVER_NETWORK_MS);
  if (endpoint.tls) {
    slot->reset(tls_->create(endpoint, use, unixS, &deadline_));
  } else if (use == TlsProvider::Use::Mqtt) {
    slot->reset(new (std::nothrow) WiFiClient());
  } else {
    slot->reset(new (std::nothrow) LimitedClient<WiFiClient>(&deadline_));
  }
  WiFiClient* const client = slot->get();
  if (client == nullptr) return outOfMemory(needed);
  client->setTimeout(SMSERVER_NETWORK_MS);
  if (client->connect(endpoint.host, endpoint.port) == 1) {
    client->setNoDelay(true);
    return {};
  }
  const int tls_error = endpoint.tls ? tls_->lastError(client) : 0;
  slot->reset();
  if (tls_error != 0) return {SMError::TlsFailed, tls_error};
  return {unreachable, 0};
}

SMErrorInfo EspTransport::openHttp(const Endpoint& endpoint, uint32_t unixS,
                                   bool verify) {
  return open(&httpSocket_, endpoint,
              verify ? TlsProvider::Use::Http : TlsProvider::Use::Clock, unixS,
              SMError::HttpUnreachable);
}

HttpReply EspTransport::get(const Endpoint& endpoint, const char* path,
                            const char* bearer, char* body, size_t capacity) {
  HttpReply reply;
  if (!httpSocket_ || !heapHas(SMSERVER_PLAIN_HEAP_BYTES)) {
    reply.status = HTTPC_ERROR_TOO_LESS_RAM;
    return reply;
  }
  deadline_.start(SMSERVER_NETWORK_MS);
  HTTPClient http;
  if (!http.begin(*httpSocket_, String(endpoint.host), endpoint.port,
                  String(path), endpoint.tls)) {
    reply.status = HTTPC_ERROR_CONNECTION_FAILED;
    return reply;
  }
  http.setReuse(false);
  http.setTimeout(SMSERVER_NETWORK_MS);
  const char* wanted[] = {"Retry-After", "Date"};
  http.collectHeaders(wanted, 2);
  if (bearer != nullptr) {
    String value(F("Bearer "));
    value += bearer;
    if (value.length() != 7 + strlen(bearer)) {
      reply.status = HTTPC_ERROR_TOO_LESS_RAM;
      return reply;
    }
    http.addHeader(F("Authorization"), value);
  }
  reply.status = http.GET();
  if (reply.status > 0) {
    reply.retryAfterS = parseRetryAfter(http.header("Retry-After").c_str());
    reply.dateS = parseHttpDate(http.header("Date").c_str());
    if (http.getSize() <= static_cast<int>(capacity)) {
      BoundedPrint out(body, capacity);
      http.writeToPrint(&out);
      reply.length = out.length();
    }
  }
  http.end();
  return reply;
}

void EspTransport::closeHttp() {
  if (httpSocket_) httpSocket_->stop();
  httpSocket_.reset();
}

SMErrorInfo EspTransport::openMqtt(const Endpoint& endpoint, uint32_t unixS) {
  closeMqtt();
  const SMErrorInfo error = open(&mqttSocket_, endpoint, TlsProvider::Use::Mqtt,
                                 unixS, SMError::BrokerUnreachable);
  if (error.code == SMError::None) {
    violated_ = false;
    gate_.attach(mqttSocket_.get());
  }
  return error;
}

SMErrorInfo EspTransport::connectMqtt(const char* id, const char* user,
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

bool EspTransport::mqttUp() { return mqttSocket_ && mqtt_->connected(); }

bool EspTransport::publish(const char* topic, const char* payload,
                           size_t length) {
  return mqtt_->publish(topic, reinterpret_cast<const uint8_t*>(payload),
                        static_cast<unsigned int>(length));
}

uint16_t EspTransport::subscribe(const char* topic) {
  return mqtt_->subscribe(topic, 1) ? gate_.lastSubscribeId() : 0;
}

Arrival EspTransport::poll() {
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
  }
  return arrival;
}

SMErrorInfo EspTransport::mqttFault() {
  return {violated_ ? SMError::BadPacket : SMError::ConnectionLost,
          mqtt_->state()};
}

void EspTransport::closeMqtt() {
  // Also when the connection is gone: without it PubSubClient would take the
  // next one for connected.
  mqtt_->disconnect();
  gate_.attach(nullptr);
  mqttSocket_.reset();
}

}  // namespace smserver
