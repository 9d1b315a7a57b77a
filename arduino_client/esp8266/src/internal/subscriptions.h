#pragma once

#include <stddef.h>
#include <stdint.h>

#include "identity.h"

namespace smserver {

// The topics that this device listens to: its own four, and the link topics of
// paired devices. A broker may refuse a link until the pairing exists, and ends
// one without a word when it is undone; so both kinds are asked for again from
// time to time.
class Subscriptions {
 public:
  enum class Topic : uint8_t { Ping, Command, Ack, Link, Foreign };

  // `uuid` must outlive this. `acks`: records are numbered.
  void begin(const char* uuid, bool acks) {
    uuid_ = uuid;
    acks_ = acks;
  }
  // A new connection has no subscriptions yet.
  void reset();
  // False when the table is full. A link that is known already is fine.
  bool addLink(const char* uuid);
  // True when the broker is to be told.
  bool removeLink(const char* uuid);

  // Writes the topic to subscribe to next and returns its index; -1 when there
  // is nothing to do.
  int due(uint32_t now, char (&topic)[kTopicBytes]) const;
  void sent(int index, uint16_t id, uint32_t now);
  // The index it was about, or -1.
  int acknowledged(uint16_t id, bool granted, uint32_t now);

  Topic classify(const char* topic) const;
  // Whether the broker has refused this topic.
  bool refused(const char* topic) const;
  bool granted(Topic own) const {
    return entries_[static_cast<uint8_t>(own)].state == State::Granted;
  }

 private:
  enum class State : uint8_t { Needed, Sent, Granted, Refused };
  static constexpr uint8_t kOwn = 4;

  struct Entry {
    State state = State::Needed;
    uint16_t id = 0;
    uint32_t atMs = 0;
  };

  // The index, or -1.
  int find(const char* topic) const;
  void topicOf(uint8_t index, char (&topic)[kTopicBytes]) const;

  const char* uuid_ = "";
  uint8_t linkCount_ = 0;
  bool acks_ = true;
  Entry entries_[kOwn + SMSERVER_MAX_LINKS];
  char links_[SMSERVER_MAX_LINKS][kUuidBytes] = {};
};

}  // namespace smserver
