// The half of SMServer that handles what arrives.
#include <string.h>

#include "SMServer.h"
#include "internal/log.h"

using smserver::Arrival;
using smserver::Subscriptions;

namespace {

enum class Named : uint8_t { Ping, Pong, Other };

// Most messages are neither; parsing is spared where it cannot be one.
Named nameOf(const Arrival& arrival) {
  constexpr size_t kLongest = 128;
  if (arrival.length > kLongest ||
      strstr(arrival.payload, "\"c\"") == nullptr) {
    return Named::Other;
  }
  JsonDocument doc;
  if (deserializeJson(doc, arrival.payload, arrival.length)) {
    return Named::Other;
  }
  const char* name = doc["c"].as<const char*>();
  if (name == nullptr) return Named::Other;
  if (strcmp(name, "PING") == 0) return Named::Ping;
  return strcmp(name, "PONG") == 0 ? Named::Pong : Named::Other;
}

constexpr char kPong[] = "{\"c\":\"PONG\"}";

// An id goes back as it came, without escapes.
bool isCommandId(const char* id) {
  return smserver::isCredential(id, SMSERVER_COMMAND_ID_BYTES) &&
         strpbrk(id, "\"\\") == nullptr;
}

}  // namespace

void SMServer::dispatch(const Arrival& arrival, uint32_t now) {
  switch (subscriptions_.classify(arrival.topic)) {
    case Subscriptions::Topic::Ping:
      onPingTopic(arrival, now);
      break;
    case Subscriptions::Topic::Command:
      ++counters_.received;
      onCommandMessage(arrival);
      break;
    case Subscriptions::Topic::Link:
      onLink(arrival, now);
      break;
    case Subscriptions::Topic::Foreign:
      ++counters_.ignored;
      break;
  }
}

void SMServer::onPingTopic(const Arrival& arrival, uint32_t now) {
  const Named name = nameOf(arrival);
  if (echo_.isOwn(arrival.topic, arrival.payload, arrival.length, now)) {
    if (name == Named::Ping) echo_.learn(true);
    ++counters_.echoes;
    return;
  }
  ++counters_.received;
  if (name == Named::Pong) {
    ++counters_.pongs;
    if (pingOpen_) {
      pingOpen_ = false;
      pingMs_ = now - pingSentMs_;
      // The broker passed the PING on before the server could answer it.
      if (echo_.broker() == smserver::EchoFilter::Broker::Unknown) {
        echo_.learn(false);
      }
    }
  } else if (name == Named::Ping) {
    if (options_.answerPings) {
      publishNow(arrival.topic, kPong, sizeof kPong - 1);
    }
  } else {
    ++counters_.ignored;
  }
}

void SMServer::onLink(const Arrival& arrival, uint32_t now) {
  if (echo_.isOwn(arrival.topic, arrival.payload, arrival.length, now)) {
    ++counters_.echoes;
    return;
  }
  ++counters_.received;
  if (options_.answerPings && nameOf(arrival) == Named::Ping) {
    publishNow(arrival.topic, kPong, sizeof kPong - 1);
    return;
  }
  deliver(arrival);
}

void SMServer::deliver(const Arrival& arrival) {
  if (onMessage_) {
    onMessage_({arrival.topic, arrival.payload, arrival.length});
    return;
  }
  const int dropped = inbox_.push(0, arrival.topic, strlen(arrival.topic) + 1,
                                  arrival.payload, arrival.length);
  if (dropped < 0) {
    ++counters_.droppedMessages;
    failWith(SMError::QueueFull, static_cast<int32_t>(arrival.length));
  } else {
    counters_.droppedMessages += static_cast<uint32_t>(dropped);
  }
}

std::optional<SMQueuedMessage> SMServer::message() {
  if (inbox_.empty()) return std::nullopt;
  const size_t bytes = inbox_.frontBytes();
  char topic[smserver::kTopicBytes];
  inbox_.copyFront(0, topic, sizeof topic);
  topic[sizeof topic - 1] = '\0';
  const size_t head = strlen(topic) + 1;
  SMQueuedMessage message;
  if (!message.topic.concat(topic, static_cast<unsigned int>(head - 1)) ||
      !message.payload.reserve(static_cast<unsigned int>(bytes - head))) {
    failWith(SMError::OutOfMemory, static_cast<int32_t>(bytes));
    return std::nullopt;  // it stays in the queue
  }
  char chunk[64];
  for (size_t at = head; at < bytes; at += sizeof chunk) {
    const size_t step = bytes - at < sizeof chunk ? bytes - at : sizeof chunk;
    inbox_.copyFront(at, chunk, step);
    message.payload.concat(chunk, static_cast<unsigned int>(step));
  }
  inbox_.pop();
  return message;
}

// Notes the id in flash; the next pass of loop() acts on the command. Until
// then no packet is read, so the text stays where it is.
void SMServer::onCommandMessage(const Arrival& arrival) {
  JsonDocument doc;
  const bool parsed = !deserializeJson(doc, arrival.payload, arrival.length);
  const char* id = doc["i"].as<const char*>();
  if (!parsed || doc["c"].as<const char*>() == nullptr || !isCommandId(id)) {
    ++counters_.ignored;
    return;
  }
  char known[SMSERVER_COMMAND_ID_BYTES + SMSERVER_RESULT_BYTES + 32];
  switch (memory_.find(id, known, sizeof known)) {
    case smserver::CommandMemory::Seen::Finished:
      ++counters_.repeatedCommands;
      reply(known, strlen(known));
      return;
    case smserver::CommandMemory::Seen::Begun: {
      ++counters_.repeatedCommands;
      const SMResult result = SMResult::error(F("interrupted by a restart"));
      reply(known, result.writeReply(id, known, sizeof known));
      return;
    }
    case smserver::CommandMemory::Seen::Never:
      break;
  }
  KVError stored = memory_.begin(id);
  if (stored == KVError::None) stored = store_.commit();
  if (stored != KVError::None) {
    // Acting perhaps twice after a crash is better than never.
    failWith(SMError::StorageFailed, static_cast<int32_t>(stored));
  }
  command_ = arrival.payload;
  commandBytes_ = arrival.length;
}

void SMServer::runCommand() {
  const char* const text = command_;
  command_ = nullptr;
  JsonDocument doc;
  if (deserializeJson(doc, text, commandBytes_)) {
    failWith(SMError::OutOfMemory, static_cast<int32_t>(commandBytes_));
    return;
  }
  const char* id = doc["i"].as<const char*>();
  ++counters_.commands;
  const SMResult result =
      onCommand_ ? onCommand_(doc["c"].as<const char*>(), doc["a"])
                 : SMResult::error(F("this device takes no commands"));
  char answer[SMSERVER_COMMAND_ID_BYTES + SMSERVER_RESULT_BYTES + 32];
  const size_t length = result.writeReply(id, answer, sizeof answer);
  KVError stored = memory_.finish(id, answer);
  if (stored == KVError::None) stored = store_.commit();
  if (stored != KVError::None) {
    failWith(SMError::StorageFailed, static_cast<int32_t>(stored));
  }
  reply(answer, length);
}

void SMServer::reply(const char* text, size_t length) {
  char topic[smserver::kTopicBytes];
  dataTopic(Outgoing::Reply, topic);
  if (connection_.online() && outbox_.empty() &&
      publishNow(topic, text, length)) {
    return;
  }
  // If it does not fit the ring either, the server asks again.
  const int dropped =
      outbox_.push(static_cast<uint8_t>(Outgoing::Reply), text, length);
  if (dropped > 0) counters_.droppedTelemetry += static_cast<uint32_t>(dropped);
}
