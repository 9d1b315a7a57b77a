#include "record.h"

#include <string.h>

namespace smserver {

// Both chips are little-endian.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as both chips");

constexpr size_t kRestAt = offsetof(RecordHeader, boot);
static_assert(offsetof(RecordHeader, number) == kRestAt + 4 &&
                  offsetof(RecordHeader, madeMs) == kRestAt + 8,
              "one copy for all");

void RecordHeader::pack(uint8_t (&out)[kBytes]) const {
  out[kFlagsAt] = flags;
  memcpy(out + 1, reinterpret_cast<const uint8_t*>(this) + kRestAt, kBytes - 1);
}

RecordHeader RecordHeader::unpack(const uint8_t (&from)[kBytes]) {
  RecordHeader header;
  header.flags = from[kFlagsAt];
  memcpy(reinterpret_cast<uint8_t*>(&header) + kRestAt, from + 1, kBytes - 1);
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
