#include "subscriptions.h"

#include <string.h>

namespace smserver {
namespace {

constexpr uint32_t kSubackMs = 10000;

bool expired(uint32_t since, uint32_t now, uint32_t ms) {
  return now - since >= ms;
}

}  // namespace

void Subscriptions::reset() {
  for (Entry& entry : entries_) entry = Entry();
}

bool Subscriptions::addLink(const char* uuid) {
  for (uint8_t i = 0; i < linkCount_; ++i) {
    if (strcmp(links_[i], uuid) == 0) return true;
  }
  if (linkCount_ == SMSERVER_MAX_LINKS) return false;
  copyText(uuid, links_[linkCount_], kUuidBytes);
  entries_[kOwn + linkCount_] = Entry();
  ++linkCount_;
  return true;
}

bool Subscriptions::removeLink(const char* uuid) {
  for (uint8_t i = 0; i < linkCount_; ++i) {
    if (strcmp(links_[i], uuid) != 0) continue;
    const State state = entries_[kOwn + i].state;
    --linkCount_;
    memcpy(links_[i], links_[linkCount_], kUuidBytes);
    entries_[kOwn + i] = entries_[kOwn + linkCount_];
    return state == State::Sent || state == State::Granted;
  }
  return false;
}

void Subscriptions::topicOf(uint8_t index, char (&topic)[kTopicBytes]) const {
  PGM_P leaf = PSTR("master");
  if (index == static_cast<uint8_t>(Topic::Ping)) leaf = PSTR("ping");
  if (index == static_cast<uint8_t>(Topic::Command)) leaf = PSTR("command");
  if (index == static_cast<uint8_t>(Topic::Ack)) leaf = PSTR("ack");
  deviceTopic(index < kOwn ? uuid_ : links_[index - kOwn], leaf, topic);
}

int Subscriptions::due(uint32_t now, char (&topic)[kTopicBytes]) const {
  for (uint8_t i = 0; i < kOwn + linkCount_; ++i) {
    const Entry& entry = entries_[i];
    bool ask = true;
    const bool ack = i == static_cast<uint8_t>(Topic::Ack);
    if (ack && !acks_) continue;
    switch (entry.state) {
      case State::Needed:
        break;
      case State::Sent:
        ask = expired(entry.atMs, now, kSubackMs);
        break;
      case State::Granted:
        // One's own rights do not change.
        ask = i >= kOwn && expired(entry.atMs, now, SMSERVER_LINK_REFRESH_MS);
        break;
      case State::Refused:
        // A server of the first edition has no acknowledgements at all.
        ask = expired(entry.atMs, now,
                      i >= kOwn || ack ? SMSERVER_LINK_RETRY_MS
                                       : SMSERVER_OWN_RETRY_MS);
        break;
    }
    if (ask) {
      topicOf(i, topic);
      return i;
    }
  }
  return -1;
}

void Subscriptions::sent(int index, uint16_t id, uint32_t now) {
  entries_[index] = {State::Sent, id, now};
}

int Subscriptions::acknowledged(uint16_t id, bool granted, uint32_t now) {
  for (uint8_t i = 0; i < kOwn + linkCount_; ++i) {
    Entry& entry = entries_[i];
    if (entry.state != State::Sent || entry.id != id) continue;
    entry.state = granted ? State::Granted : State::Refused;
    entry.atMs = now;
    return i;
  }
  return -1;
}

int Subscriptions::find(const char* topic) const {
  char own[kTopicBytes];
  for (uint8_t i = 0; i < kOwn + linkCount_; ++i) {
    topicOf(i, own);
    if (strcmp(own, topic) == 0) return i;
  }
  return -1;
}

Subscriptions::Topic Subscriptions::classify(const char* topic) const {
  const int index = find(topic);
  if (index < 0) return Topic::Foreign;
  return index < static_cast<int>(Topic::Link) ? static_cast<Topic>(index)
                                               : Topic::Link;
}

bool Subscriptions::refused(const char* topic) const {
  const int index = find(topic);
  return index >= 0 && entries_[index].state == State::Refused;
}

}  // namespace smserver
