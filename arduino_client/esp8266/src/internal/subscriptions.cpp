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
    --linkCount_;
    memcpy(links_[i], links_[linkCount_], kUuidBytes);
    entries_[kOwn + i] = entries_[kOwn + linkCount_];
    return true;
  }
  return false;
}

void Subscriptions::topicOf(uint8_t index, char (&topic)[kTopicBytes]) const {
  if (index == 0) {
    deviceTopic(uuid_, "ping", topic);
  } else if (index == 1) {
    deviceTopic(uuid_, "command", topic);
  } else {
    deviceTopic(index == 2 ? uuid_ : links_[index - kOwn], "master", topic);
  }
}

int Subscriptions::due(uint32_t now, char (&topic)[kTopicBytes]) const {
  for (uint8_t i = 0; i < kOwn + linkCount_; ++i) {
    const Entry& entry = entries_[i];
    bool ask = true;
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
        ask =
            expired(entry.atMs, now,
                    i >= kOwn ? SMSERVER_LINK_RETRY_MS : SMSERVER_OWN_RETRY_MS);
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

Subscriptions::Topic Subscriptions::classify(const char* topic) const {
  char own[kTopicBytes];
  for (uint8_t i = 0; i < kOwn + linkCount_; ++i) {
    topicOf(i, own);
    if (strcmp(own, topic) == 0) {
      return i < 2 ? static_cast<Topic>(i) : Topic::Link;
    }
  }
  return Topic::Foreign;
}

}  // namespace smserver
