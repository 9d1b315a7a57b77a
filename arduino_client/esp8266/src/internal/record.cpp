#include "record.h"

namespace smserver {
namespace {

void put(uint8_t* to, uint64_t value, uint8_t bytes) {
  for (uint8_t i = 0; i < bytes; ++i, value >>= 8) {
    to[i] = static_cast<uint8_t>(value);
  }
}

uint64_t get(const uint8_t* from, uint8_t bytes) {
  uint64_t value = 0;
  while (bytes > 0) value = value << 8 | from[--bytes];
  return value;
}

}  // namespace

void RecordHeader::pack(uint8_t (&out)[kBytes]) const {
  out[kFlagsAt] = flags;
  put(out + 1, boot, 4);
  put(out + 5, number, 4);
  put(out + 9, madeMs, 6);
}

RecordHeader RecordHeader::unpack(const uint8_t (&from)[kBytes]) {
  RecordHeader header;
  header.flags = from[kFlagsAt];
  header.boot = static_cast<uint32_t>(get(from + 1, 4));
  header.number = static_cast<uint32_t>(get(from + 5, 4));
  header.madeMs = get(from + 9, 6);
  return header;
}

void Acknowledged::note(uint32_t boot, uint32_t number) {
  for (Entry& entry : entries_) {
    if (!entry.used || entry.boot != boot) continue;
    if (static_cast<int32_t>(number - entry.number) > 0) entry.number = number;
    return;
  }
  entries_[next_] = {boot, number, true};
  next_ = static_cast<uint8_t>((next_ + 1) % kBoots);
}

bool Acknowledged::covers(const RecordHeader& record) const {
  for (const Entry& entry : entries_) {
    if (entry.used && entry.boot == record.boot) {
      return static_cast<int32_t>(entry.number - record.number) >= 0;
    }
  }
  return false;
}

}  // namespace smserver
