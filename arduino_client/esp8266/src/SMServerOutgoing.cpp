// The part of SMServer that sends.
#include <string.h>

#include <memory>
#include <new>

#include "SMServer.h"

using smserver::kTopicBytes;
using smserver::Subscriptions;

namespace {

// MQTT 3.1.1 fixed header as PubSubClient reserves it, and the topic's length.
constexpr size_t kPublishOverhead = 5 + 2;

bool isJsonObject(const char* text, size_t length) {
  size_t first = 0;
  while (first < length && static_cast<uint8_t>(text[first]) <= ' ') ++first;
  while (length > first && static_cast<uint8_t>(text[length - 1]) <= ' ') {
    --length;
  }
  return length >= first + 2 && text[first] == '{' && text[length - 1] == '}';
}

}  // namespace

SMError SMServer::checkLength(const char* topic, size_t length) {
  const size_t needed = kPublishOverhead + strlen(topic) + length;
  if (needed <= net_.packetBytes()) return SMError::None;
  return failWith(SMError::TooLong, static_cast<int32_t>(needed));
}

bool SMServer::publishNow(const char* topic, const char* payload,
                          size_t length) {
  if (!net_.publish(topic, payload, length)) return false;
  ++counters_.published;
  if (subscriptions_.classify(topic) != Subscriptions::Topic::Foreign) {
    echo_.sent(topic, payload, length, millis());
  }
  return true;
}

void SMServer::dataTopic(Outgoing kind, char (&topic)[kTopicBytes]) const {
  smserver::deviceTopic(id_, kind == Outgoing::Data ? "data" : "reply", topic);
}

SMError SMServer::publishData(const char* json) {
  return publishData(json, json == nullptr ? 0 : strlen(json));
}

SMError SMServer::publishData(const char* json, size_t length) {
  if (!begun_) return failWith(SMError::NotBegun);
  if (json == nullptr || !isJsonObject(json, length)) {
    return failWith(SMError::BadPayload);
  }
  char topic[kTopicBytes];
  dataTopic(Outgoing::Data, topic);
  const SMError error = checkLength(topic, length);
  if (error != SMError::None) return error;
  // Behind those that wait, or they would not go out in order.
  if (connection_.online() && outbox_.empty() &&
      publishNow(topic, json, length)) {
    return SMError::None;
  }
  return enqueue(json, length);
}

SMError SMServer::enqueue(const char* json, size_t length) {
  if (outbox_.capacity() == 0) return failWith(SMError::NotConnected);
  char stamp[32];
  size_t stamp_bytes = 0;
  if (options_.stampTelemetry && connection_.clock().trusted()) {
    JsonDocument doc;
    if (!deserializeJson(doc, json, length) && doc["ts"].isNull()) {
      const bool bare = doc.as<JsonObjectConst>().size() == 0;
      stamp_bytes = static_cast<size_t>(
          snprintf_P(stamp, sizeof stamp, PSTR("{\"ts\":%lu000%s"),
                     static_cast<unsigned long>(now()), bare ? "" : ","));
    }
  }
  while (static_cast<uint8_t>(*json) <= ' ') {
    ++json;
    --length;
  }
  char topic[kTopicBytes];
  dataTopic(Outgoing::Data, topic);
  if (kPublishOverhead + strlen(topic) + stamp_bytes + length >
      net_.packetBytes()) {
    stamp_bytes = 0;  // better without than not at all
  }
  const size_t skip = stamp_bytes > 0 ? 1 : 0;  // the stamp has the brace
  const int dropped = outbox_.push(static_cast<uint8_t>(Outgoing::Data), stamp,
                                   stamp_bytes, json + skip, length - skip);
  if (dropped < 0) {
    return failWith(SMError::QueueFull, static_cast<int32_t>(length));
  }
  counters_.droppedTelemetry += static_cast<uint32_t>(dropped);
  return SMError::None;
}

template <typename Send>
SMError SMServer::serialized(const JsonDocument& json, Send send) {
  if (!begun_) return failWith(SMError::NotBegun);
  const size_t length = measureJson(json);
  if (length > net_.packetBytes()) {
    return failWith(SMError::TooLong, static_cast<int32_t>(length));
  }
  std::unique_ptr<char[]> text(new (std::nothrow) char[length + 1]);
  if (!text) {
    return failWith(SMError::OutOfMemory, static_cast<int32_t>(length + 1));
  }
  serializeJson(json, text.get(), length + 1);
  return send(text.get(), length);
}

SMError SMServer::publishData(const JsonDocument& json) {
  return serialized(json, [this](const char* text, size_t length) {
    return publishData(text, length);
  });
}

SMError SMServer::send(const char* topic, const char* payload) {
  return send(topic, payload, payload == nullptr ? 0 : strlen(payload));
}

SMError SMServer::send(const char* topic, const char* payload, size_t length) {
  if (!begun_) return failWith(SMError::NotBegun);
  if (!smserver::isPublishTopic(topic)) return failWith(SMError::BadTopic);
  const SMError error = checkLength(topic, length);
  if (error != SMError::None) return error;
  if (!connection_.online() || !publishNow(topic, payload, length)) {
    return failWith(SMError::NotConnected);
  }
  return SMError::None;
}

SMError SMServer::send(const char* topic, const JsonDocument& json) {
  return serialized(json, [this, topic](const char* text, size_t length) {
    return send(topic, text, length);
  });
}

String SMServer::linkTopic(const char* uuid) const {
  char parsed[smserver::kUuidBytes];
  if (!smserver::parseUuid(uuid, parsed)) return String();
  char topic[kTopicBytes];
  smserver::deviceTopic(parsed, "master", topic);
  return String(topic);
}

SMError SMServer::addLink(const char* uuid) {
  char parsed[smserver::kUuidBytes];
  if (!smserver::parseUuid(uuid, parsed)) return failWith(SMError::BadUuid);
  if (subscriptions_.addLink(parsed)) return SMError::None;
  return failWith(SMError::QueueFull, SMSERVER_MAX_LINKS);
}

void SMServer::removeLink(const char* uuid) {
  char parsed[smserver::kUuidBytes];
  if (smserver::parseUuid(uuid, parsed)) subscriptions_.removeLink(parsed);
}

SMError SMServer::ping() {
  if (!begun_) return failWith(SMError::NotBegun);
  char topic[kTopicBytes];
  smserver::deviceTopic(id_, "ping", topic);
  static const char kPing[] = "{\"c\":\"PING\"}";
  const SMError error = send(topic, kPing, sizeof kPing - 1);
  if (error != SMError::None) return error;
  ++counters_.pings;
  pingSentMs_ = millis();
  pingOpen_ = true;
  return SMError::None;
}
