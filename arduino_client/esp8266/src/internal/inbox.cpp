#include "inbox.h"

#include <string.h>

#include "json_reader.h"

namespace smserver {
namespace {

enum class Named : uint8_t { Ping, Pong, Other };

Named nameOf(const Arrival& arrival) {
  char name[8] = "";
  JsonReader reader(arrival.payload, arrival.length);
  while (reader.next()) {
    reader.string("c", name, sizeof name);
  }
  if (!reader.valid()) return Named::Other;
  if (strcmp_P(name, PSTR("PING")) == 0) return Named::Ping;
  return strcmp_P(name, PSTR("PONG")) == 0 ? Named::Pong : Named::Other;
}

}  // namespace

bool Inbox::begin(const SMServerOptions& options) {
  answerPings_ = options.answerPings;
  return queue_.begin(options.inboxBytes);
}

void Inbox::reconnected() {
  echo_.reset();
  pingOpen_ = false;
}

void Inbox::pingSent() {
  ++counters_.pings;
  pingSentMs_ = millis();
  pingOpen_ = true;
}

bool Inbox::takePing(const Arrival& arrival) {
  const Named name = nameOf(arrival);
  const uint32_t now = millis();
  if (echo_.isOwn(arrival.topic, arrival.payload, arrival.length, now)) {
    if (name == Named::Ping) echo_.learn(true);
    ++counters_.echoes;
    return false;
  }
  ++counters_.received;
  if (name == Named::Pong) {
    ++counters_.pongs;
    if (pingOpen_) {
      pingOpen_ = false;
      pingMs_ = now - pingSentMs_;
      // The broker passed the PING on before the server could answer it.
      if (echo_.broker() == EchoFilter::Broker::Unknown) echo_.learn(false);
    }
    return false;
  }
  if (name == Named::Ping) return answerPings_;
  ++counters_.ignored;
  return false;
}

bool Inbox::takeLink(const Arrival& arrival) {
  if (echo_.isOwn(arrival.topic, arrival.payload, arrival.length, millis())) {
    ++counters_.echoes;
    return false;
  }
  ++counters_.received;
  if (answerPings_ && nameOf(arrival) == Named::Ping) return true;
  deliver(arrival);
  return false;
}

void Inbox::deliver(const Arrival& arrival) {
  if (callback_) {
    callback_({arrival.topic, arrival.payload, arrival.length});
    return;
  }
  const size_t head = strlen(arrival.topic) + 1;
  if (!queue_.canHold(head + arrival.length)) {
    ++counters_.droppedMessages;
    return;
  }
  while (!queue_.hasRoom(head + arrival.length)) {
    queue_.pop();
    ++counters_.droppedMessages;
  }
  queue_.push(arrival.topic, head, arrival.payload, arrival.length);
}

std::optional<SMQueuedMessage> Inbox::message(SMErrorInfo* error) {
  if (queue_.empty()) return std::nullopt;
  const size_t bytes = queue_.frontBytes();
  char topic[kTopicBytes];
  queue_.readFront(0, topic, sizeof topic);
  topic[sizeof topic - 1] = '\0';
  const size_t head = strlen(topic) + 1;
  SMQueuedMessage message;
  if (!message.topic.concat(topic, static_cast<unsigned int>(head - 1)) ||
      !message.payload.reserve(static_cast<unsigned int>(bytes - head))) {
    *error = {SMError::OutOfMemory, static_cast<int32_t>(bytes)};
    return std::nullopt;
  }
  char chunk[64];
  for (size_t at = head; at < bytes; at += sizeof chunk) {
    const size_t step = bytes - at < sizeof chunk ? bytes - at : sizeof chunk;
    queue_.readFront(at, chunk, step);
    message.payload.concat(chunk, static_cast<unsigned int>(step));
  }
  queue_.pop();
  return message;
}

}  // namespace smserver
