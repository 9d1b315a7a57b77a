// The calls of the sketch: telemetry, links, commands and pairing.
#include <math.h>
#include <string.h>

#include <new>

#include "SMServer.h"
#include "internal/chip.h"
#include "internal/command_runner.h"
#include "internal/json_document.h"
#include "internal/json_reader.h"
#include "internal/pairing.h"
#include "internal/text_writer.h"

using smserver::kTopicBytes;
using smserver::Subscriptions;
using smserver::TextWriter;

namespace {

// MQTT 3.1.1 fixed header as PubSubClient reserves it, and the topic's length.
constexpr size_t kPublishOverhead = 5 + 2;

// The topic that data is published on has this length.
constexpr size_t kDataTopicBytes = sizeof "device//data" - 1 + 36;

// The text of a JSON document, or null.
class DocumentText {
 public:
  DocumentText(const JsonDocument& json, size_t maxBytes)
      : bytes_(smserver::writeDocument(json, nullptr, 0)) {
    if (bytes_ > maxBytes) return;
    text_.reset(new (std::nothrow) char[bytes_ + 1]);
    if (!text_) return;
    smserver::writeDocument(json, text_.get(), bytes_);
    text_[bytes_] = '\0';
  }
  const char* text() const { return text_.get(); }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_;
  std::unique_ptr<char[]> text_;
};

}  // namespace

size_t SMServer::maxPayloadBytes(size_t topicBytes) const {
  return mqtt_.packetBytes() - kPublishOverhead - topicBytes;
}

bool SMServer::publish(const char* topic, const char* payload, size_t length) {
  if (!mqtt_.publish(topic, payload, length)) return false;
  ++counters_.published;
  if (subscriptions_.classify(topic) != Subscriptions::Topic::Foreign) {
    inbox_.sent(topic, payload, length);
  }
  return true;
}

// ---- telemetry

SMError SMServer::publishData(const char* json) {
  return publishRecord(json, json == nullptr ? 0 : strlen(json));
}

SMError SMServer::publishRecord(const char* json, size_t length) {
  if (!begun_) return fail(SMError::NotBegun);
  if (json == nullptr) return fail(SMError::BadPayload);
  size_t needed = length;
  const SMError error = outbox_.push(
      json, length, maxPayloadBytes(kDataTopicBytes), moment(), &needed);
  switch (error) {
    case SMError::None:
      ++counters_.records;
      if (connection_.online()) stepOutbox();
      return error;
    case SMError::QueueFull:
      if (options_.outboxBytes == 0) return publishUnkept(json, length);
      break;
    case SMError::TooLong:
      needed += kPublishOverhead + kDataTopicBytes;
      break;
    default:
      break;
  }
  return fail(error, static_cast<int32_t>(needed));
}

// Without a ring: now or never, and without a number, for it would promise
// more.
SMError SMServer::publishUnkept(const char* json, size_t length) {
  if (connection_.online()) {
    char topic[kTopicBytes];
    smserver::deviceTopic(id_, PSTR("data"), topic);
    if (publish(topic, json, length)) {
      ++counters_.records;
      ++counters_.sentTelemetry;
      return SMError::None;
    }
  }
  return fail(SMError::NotConnected);
}

// Sends what is next, if there is something.
void SMServer::stepOutbox() {
  const size_t room = outbox_.nextBytes();
  if (room == 0) return;
  std::unique_ptr<char[]> text(new (std::nothrow) char[room]);
  if (!text) return;  // later
  const size_t length =
      outbox_.next(text.get(), maxPayloadBytes(kDataTopicBytes), moment());
  char topic[kTopicBytes];
  smserver::deviceTopic(id_, PSTR("data"), topic);
  if (length > 0 && publish(topic, text.get(), length)) outbox_.sent(moment());
}

SMError SMServer::publishData(const JsonDocument& json) {
  if (!begun_) return fail(SMError::NotBegun);
  const DocumentText text(json, mqtt_.packetBytes());
  if (text.text() != nullptr) return publishRecord(text.text(), text.bytes());
  return fail(text.bytes() > mqtt_.packetBytes() ? SMError::TooLong
                                                 : SMError::OutOfMemory,
              static_cast<int32_t>(text.bytes()));
}

SMError SMServer::publishField(const char* field, const char* json) {
  if (!begun_) return fail(SMError::NotBegun);
  if (field == nullptr || json == nullptr) return fail(SMError::BadPayload);
  char text[160];
  TextWriter record(text, sizeof text);
  record.put('{').quoted(field).put(':').put(json).put('}');
  if (record.overflowed()) {
    return fail(SMError::TooLong, static_cast<int32_t>(sizeof text));
  }
  return publishRecord(text, record.length());
}

SMError SMServer::publishData(const char* field, const char* value) {
  if (!begun_) return fail(SMError::NotBegun);
  if (field == nullptr || value == nullptr) return fail(SMError::BadPayload);
  // Each byte may become an escape of six.
  const size_t capacity = 6 * (strlen(field) + strlen(value)) + 8;
  std::unique_ptr<char[]> text(new (std::nothrow) char[capacity]);
  if (!text) return fail(SMError::OutOfMemory, static_cast<int32_t>(capacity));
  TextWriter record(text.get(), capacity);
  record.put('{').quoted(field).put(':').quoted(value).put('}');
  return publishRecord(text.get(), record.length());
}

SMError SMServer::publishBool(const char* field, bool value) {
  return publishField(field, value ? "true" : "false");
}

SMError SMServer::publishInteger(const char* field, uint64_t value,
                                 bool negative) {
  char digits[22];
  char* at = digits + sizeof digits - 1;
  *at = '\0';
  do {
    *--at = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  if (negative) *--at = '-';
  return publishField(field, at);
}

SMError SMServer::publishNumber(const char* field, double value, int digits) {
  char text[28];
  if (isfinite(value)) {
    snprintf_P(text, sizeof text, PSTR("%.*g"), digits, value);
  } else {
    strcpy_P(text, PSTR("null"));  // a sensor that failed; JSON has no NaN
  }
  return publishField(field, text);
}

SMError SMServer::publishStatus() {
  char text[80];
  snprintf_P(text, sizeof text,
             PSTR("{\"heap\":%lu,\"rssi\":%d,\"uptime\":%lu}"),
             static_cast<unsigned long>(smserver::chip::freeHeapBytes()),
             smserver::chip::rssiDbm(),
             static_cast<unsigned long>(uptime_.ms() / 1000));
  return publishData(text);
}

// ---- links

SMError SMServer::send(const char* topic, const char* payload) {
  return send(topic, payload, payload == nullptr ? 0 : strlen(payload));
}

SMError SMServer::send(const char* topic, const char* payload, size_t length) {
  if (!begun_) return fail(SMError::NotBegun);
  const Subscriptions::Topic kind = topic == nullptr
                                        ? Subscriptions::Topic::Foreign
                                        : subscriptions_.classify(topic);
  if (kind != Subscriptions::Topic::Link &&
      kind != Subscriptions::Topic::Ping) {
    return fail(SMError::BadTopic);
  }
  if (payload == nullptr && length > 0) return fail(SMError::BadPayload);
  const size_t most = maxPayloadBytes(strlen(topic));
  if (length > most) {
    return fail(SMError::TooLong,
                static_cast<int32_t>(mqtt_.packetBytes() + length - most));
  }
  if (!connection_.online()) return fail(SMError::NotConnected);
  if (subscriptions_.refused(topic)) return fail(SMError::NotPaired);
  if (publish(topic, payload, length)) return SMError::None;
  return fail(SMError::NotConnected);
}

SMError SMServer::send(const char* topic, const JsonDocument& json) {
  if (!begun_) return fail(SMError::NotBegun);
  const DocumentText text(json, mqtt_.packetBytes());
  if (text.bytes() > mqtt_.packetBytes()) {
    return fail(SMError::TooLong, static_cast<int32_t>(text.bytes()));
  }
  if (text.text() == nullptr) {
    return fail(SMError::OutOfMemory, static_cast<int32_t>(text.bytes()));
  }
  // A document may hold raw text, and strings that are not UTF-8.
  if (!smserver::isJson(text.text(), text.bytes())) {
    return fail(SMError::BadPayload);
  }
  return send(topic, text.text(), text.bytes());
}

String SMServer::linkTopic(const char* uuid) const {
  char parsed[smserver::kUuidBytes];
  if (!smserver::parseUuid(uuid, parsed)) return String();
  char topic[kTopicBytes];
  smserver::deviceTopic(parsed, PSTR("master"), topic);
  return String(topic);
}

SMError SMServer::addLink(const char* uuid) {
  char parsed[smserver::kUuidBytes];
  if (!smserver::parseUuid(uuid, parsed)) return fail(SMError::BadUuid);
  if (subscriptions_.addLink(parsed)) return SMError::None;
  return fail(SMError::QueueFull, SMSERVER_MAX_LINKS);
}

void SMServer::removeLink(const char* uuid) {
  char parsed[smserver::kUuidBytes];
  if (!smserver::parseUuid(uuid, parsed)) return;
  if (!subscriptions_.removeLink(parsed) || !connection_.online()) return;
  char topic[kTopicBytes];
  smserver::deviceTopic(parsed, PSTR("master"), topic);
  mqtt_.unsubscribe(topic);
}

SMError SMServer::ping() {
  char topic[kTopicBytes];
  smserver::deviceTopic(id_, PSTR("ping"), topic);
  char text[14];
  strcpy_P(text, PSTR("{\"c\":\"PING\"}"));
  const SMError error = send(topic, text);
  if (error == SMError::None) inbox_.pingSent();
  return error;
}

// ---- commands

void SMServer::onCommand(CommandCallback callback) {
  commands_.reset();
  if (!callback) return;
  commands_.reset(smserver::newCommandRunner(store_, counters_, error_,
                                             std::move(callback)));
  if (!commands_) fail(SMError::OutOfMemory);
}

// Sends a reply that waits. One that cannot be sent goes out with the next
// connection.
void SMServer::stepCommands() {
  if (!commands_ || !connection_.online()) return;
  const char* const reply = commands_->reply();
  if (reply == nullptr || commands_->waiting()) return;
  char topic[kTopicBytes];
  smserver::deviceTopic(id_, PSTR("reply"), topic);
  if (publish(topic, reply, strlen(reply))) commands_->replied();
}

// ---- pairing

void SMServer::onPairing(PairingCallback callback) {
  onPairing_ = std::move(callback);
}

SMError SMServer::startPairing(SMPairing::Request request, const char* uuid,
                               const char* code) {
  if (!begun_) return fail(SMError::NotBegun);
  if (connection_.running()) return fail(SMError::Busy);
  char parsed[smserver::kUuidBytes] = "";
  if (uuid != nullptr && !smserver::parseUuid(uuid, parsed)) {
    return fail(SMError::BadUuid);
  }
  pairing_.reset(smserver::newPairing(request, parsed, code, onPairing_));
  if (!pairing_) return fail(SMError::OutOfMemory);
  connection_.run(pairing_.get());
  return SMError::None;
}

SMError SMServer::pairingCode() {
  return startPairing(SMPairing::Request::Code, nullptr, "");
}

SMError SMServer::pair(const char* uuid, const char* code) {
  const size_t digits = code == nullptr ? 0 : strspn(code, "0123456789");
  if (digits != 6 || code[6] != '\0') return fail(SMError::BadCode);
  return startPairing(SMPairing::Request::Pair, uuid == nullptr ? "" : uuid,
                      code);
}

SMError SMServer::unpair(const char* uuid) {
  return startPairing(SMPairing::Request::Unpair, uuid == nullptr ? "" : uuid,
                      "");
}

SMError SMServer::agents(const char* after) {
  return startPairing(SMPairing::Request::Agents, after, "");
}
