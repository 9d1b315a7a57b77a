#include "echo.h"

#include <string.h>

#include "crc32.h"

namespace smserver {
namespace {

uint32_t hash(const char* topic, const char* payload, size_t length) {
  return crc32(payload, length, crc32(topic, strlen(topic) + 1));
}

}  // namespace

void EchoFilter::reset() { *this = EchoFilter(); }

void EchoFilter::sent(const char* topic, const char* payload, size_t length,
                      uint32_t now) {
  if (broker_ == Broker::DoesNotEcho) return;
  entries_[next_] = {hash(topic, payload, length), now, true};
  next_ = static_cast<uint8_t>((next_ + 1) % kEntries);
}

bool EchoFilter::isOwn(const char* topic, const char* payload, size_t length,
                       uint32_t now) {
  if (broker_ == Broker::DoesNotEcho) return false;
  const uint32_t wanted = hash(topic, payload, length);
  // Oldest first: echoes come back in order.
  for (uint8_t i = 0; i < kEntries; ++i) {
    Entry& entry = entries_[(next_ + i) % kEntries];
    if (!entry.used || entry.hash != wanted) continue;
    if (now - entry.sentMs > SMSERVER_ECHO_MS) continue;
    entry.used = false;
    return true;
  }
  return false;
}

void EchoFilter::learn(bool echoes) {
  broker_ = echoes ? Broker::Echoes : Broker::DoesNotEcho;
}

}  // namespace smserver
