// Messages between devices, and PING.
#include <string.h>

#include "SMServer.h"
#include "internal/document_text.h"
#include "internal/json_reader.h"

using smserver::kTopicBytes;
using smserver::Subscriptions;

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
  const smserver::DocumentText text(json, mqtt_.packetBytes());
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
  // The device's own link stays.
  if (subscriptions_.classify(topic) == Subscriptions::Topic::Link) return;
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

void SMServer::onMessage(MessageCallback callback) {
  inbox_.onMessage(std::move(callback));
}

std::optional<SMQueuedMessage> SMServer::message() {
  return inbox_.message(&error_);
}
