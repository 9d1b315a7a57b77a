// What happens while there is a connection.
#include <string.h>

#include <new>

#include "SMServer.h"
#include "internal/text_writer.h"

using smserver::Arrival;
using smserver::kTopicBytes;
using smserver::Subscriptions;

bool SMServer::publish(const char* topic, const char* payload, size_t length) {
  if (!mqtt_.publish(topic, payload, length)) return false;
  ++counters_.published;
  if (subscriptions_.classify(topic) != Subscriptions::Topic::Foreign) {
    inbox_.sent(topic, payload, length);
  }
  return true;
}

bool SMServer::publishOwn(PGM_P leaf, const char* payload, size_t length) {
  char topic[kTopicBytes];
  smserver::deviceTopic(id_, leaf, topic);
  return publish(topic, payload, length);
}

void SMServer::stepOnline() {
  if (epoch_ != connection_.epoch()) cameOnline();
  stepSubscriptions();
  if (aboutDue_) sendAbout();
  stepCommands();
  stepOutbox();
  receive();
}

void SMServer::cameOnline() {
  epoch_ = connection_.epoch();
  subscriptions_.reset();
  inbox_.reconnected();
  outbox_.reconnected(moment());
  if (commands_) commands_->drop();
  pingDue_ = aboutDue_ = true;
}

void SMServer::stepSubscriptions() {
  char topic[kTopicBytes];
  const uint32_t now = millis();
  const int index = subscriptions_.due(now, topic);
  if (index >= 0) {
    const uint16_t id = mqtt_.subscribe(topic);
    if (id != 0) subscriptions_.sent(index, id, now);
  } else if (pingDue_ && subscriptions_.granted(Subscriptions::Topic::Ping)) {
    // Its echo, or the lack of it, tells which kind of broker this is.
    pingDue_ = false;
    ping();
  }
}

void SMServer::receive() {
  const Arrival arrival = mqtt_.poll();
  switch (arrival.kind) {
    case Arrival::Kind::None:
      break;
    case Arrival::Kind::Suback:
      subscribed(arrival);
      break;
    case Arrival::Kind::Oversized:
      ++counters_.oversized;
      fail(SMError::MessageTooLong, static_cast<int32_t>(arrival.length));
      break;
    case Arrival::Kind::Message:
      dispatch(arrival);
      break;
  }
}

void SMServer::subscribed(const Arrival& arrival) {
  const int index =
      subscriptions_.acknowledged(arrival.id, arrival.granted, millis());
  if (index == static_cast<int>(Subscriptions::Topic::Ack)) {
    outbox_.expectAcknowledgements(arrival.granted);
  } else if (index >= 0 && !arrival.granted) {
    fail(SMError::SubscribeRefused, index);
  }
}

void SMServer::dispatch(const Arrival& arrival) {
  // Devices may not retain messages: a retained one is stale, or not meant.
  const Subscriptions::Topic topic =
      arrival.retained ? Subscriptions::Topic::Foreign
                       : subscriptions_.classify(arrival.topic);
  bool understood = true;
  switch (topic) {
    case Subscriptions::Topic::Ping:
      if (inbox_.takePing(arrival)) sendPong(arrival.topic);
      return;
    case Subscriptions::Topic::Link:
      if (inbox_.takeLink(arrival)) sendPong(arrival.topic);
      return;
    case Subscriptions::Topic::Ack:
      understood =
          outbox_.acknowledge(arrival.payload, arrival.length, moment());
      ++counters_.received;
      break;
    case Subscriptions::Topic::Command:
      ++counters_.received;
      if (commands_) {
        understood = commands_->take(arrival.payload, arrival.length);
        stepCommands();
      } else {
        char reply[SMSERVER_COMMAND_ID_BYTES + 72];
        const size_t length = smserver::refuseCommand(
            arrival.payload, arrival.length, reply, sizeof reply);
        understood = length > 0;
        if (understood) publishOwn(PSTR("reply"), reply, length);
      }
      break;
    case Subscriptions::Topic::Foreign:
      understood = false;
      break;
  }
  if (!understood) ++counters_.ignored;
}

void SMServer::sendPong(const char* topic) {
  char pong[14];
  strcpy_P(pong, PSTR("{\"c\":\"PONG\"}"));
  publish(topic, pong, strlen(pong));
}

void SMServer::sendAbout() {
  aboutDue_ = false;
  // At most 2 KiB, docs/protocol.md, section 4.
  size_t capacity = maxPayloadBytes(sizeof "device//about" - 1 + 36);
  if (capacity > 2048) capacity = 2048;
  std::unique_ptr<char[]> text(new (std::nothrow) char[capacity]);
  if (!text) return;
  smserver::TextWriter out(text.get(), capacity);
  const SMError error = about_.write(options_.firmware, &out);
  fail(error, error == SMError::TooLong ? static_cast<int32_t>(capacity) : 0);
  publishOwn(PSTR("about"), out.text(), out.length());
}

// Sends a reply that waits. One that cannot be sent goes out with the next
// connection.
void SMServer::stepCommands() {
  if (!commands_ || !connection_.online()) return;
  const char* const reply = commands_->reply();
  if (reply == nullptr || commands_->waiting()) return;
  if (publishOwn(PSTR("reply"), reply, strlen(reply))) commands_->replied();
}
