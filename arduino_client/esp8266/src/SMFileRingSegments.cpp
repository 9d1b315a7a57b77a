// The files behind an SMFileRing: finding, starting and removing them.
#include <string.h>

#include "SMFileRing.h"
#include "internal/crc32.h"
#include "internal/text_writer.h"

using smserver::RecordHeader;

namespace {

constexpr uint32_t kMagic = 0x534D5231;

}  // namespace

void SMFileRing::name(uint32_t segment, char (&out)[28]) const {
  out[0] = '\0';  // stays so when the path is too long
  smserver::TextWriter text(out, sizeof out);
  text.put(path_).number(slot(segment)).terminate();
}

// Reads one file; false when there is none that can be used.
bool SMFileRing::scan(uint8_t index, uint32_t* segment) {
  char path[28];
  name(index, path);
  ends_[index] = records_[index] = 0;
  if (!fs_.exists(path)) return false;
  fs::File file = fs_.open(path, "r");
  uint32_t head[2] = {};
  if (!file || file.read(reinterpret_cast<uint8_t*>(head), kStart) != kStart ||
      head[0] != kMagic || slot(head[1]) != index) {
    return false;
  }
  *segment = head[1];
  uint32_t end = kStart;
  for (;;) {
    uint8_t prefix[kPrefixBytes];
    if (file.read(prefix, sizeof prefix) != sizeof prefix) break;
    size_t left = static_cast<size_t>(prefix[0] | prefix[1] << 8);
    uint32_t stored;
    memcpy(&stored, prefix + 2, sizeof stored);
    uint32_t crc = smserver::crc32(prefix + 6, RecordHeader::kBytes);
    const uint32_t next = end + kPrefixBytes + static_cast<uint32_t>(left);
    while (left > 0) {
      uint8_t chunk[64];
      const size_t step = left < sizeof chunk ? left : sizeof chunk;
      if (static_cast<size_t>(file.read(chunk, step)) != step) break;
      crc = smserver::crc32(chunk, step, crc);
      left -= step;
    }
    // Torn by a power cut: nothing behind it is good.
    if (left > 0 || crc != stored) break;
    end = next;
    ++records_[index];
  }
  ends_[index] = end;
  return true;
}

bool SMFileRing::openFiles() {
  uint32_t found[kSegments];
  bool any = false;
  uint32_t newest = 0;
  for (uint8_t i = 0; i < kSegments; ++i) {
    if (!scan(i, &found[i])) continue;
    if (!any || static_cast<int32_t>(found[i] - newest) > 0) newest = found[i];
    any = true;
  }
  count_ = passed_ = 0;
  frontKnown_ = cursorKnown_ = false;
  sealed_ = true;  // a torn end must not be written behind
  newest_ = any ? newest : 0;
  oldest_ = any ? newest : 1;
  for (uint32_t i = 0; any && i < kSegments; ++i) {
    const uint32_t segment = newest - i;
    const uint8_t index = slot(segment);
    if (ends_[index] == 0 || found[index] != segment) break;
    oldest_ = segment;
    count_ += records_[index];
  }
  front_ = cursor_ = {oldest_, kStart};
  run_ = {newest_ + 1, 0};
  if (any) return true;
  // Whether files can be written at all.
  char path[28];
  name(1, path);
  if (!fs_.open(path, "a")) return false;
  fs_.remove(path);
  return true;
}

void SMFileRing::removeSegment(uint32_t segment) {
  char path[28];
  name(segment, path);
  fs_.remove(path);
  ends_[slot(segment)] = records_[slot(segment)] = 0;
}

// Makes the file for the next segment, and room for it.
bool SMFileRing::startSegment(int* dropped) {
  if (newest_ - oldest_ + 1 >= kSegments) {
    const uint16_t lost = records_[slot(oldest_)];
    *dropped += lost;
    count_ -= lost;
    passed_ = passed_ > lost ? passed_ - lost : 0;
    removeSegment(oldest_);
    ++oldest_;
    front_ = {oldest_, kStart};
    frontKnown_ = false;
    if (static_cast<int32_t>(cursor_.segment - oldest_) < 0) {
      cursor_ = front_;
      cursorKnown_ = false;
    }
  }
  const uint32_t next = newest_ + 1;
  char path[28];
  name(next, path);
  fs::File file = fs_.open(path, "w");
  const uint32_t head[2] = {kMagic, next};
  if (!file ||
      file.write(reinterpret_cast<const uint8_t*>(head), kStart) != kStart) {
    return false;
  }
  file.close();
  newest_ = next;
  ends_[slot(next)] = kStart;
  records_[slot(next)] = 0;
  sealed_ = false;
  return true;
}

// Nothing is left: the next record starts a new segment.
void SMFileRing::restart() {
  while (static_cast<int32_t>(newest_ - oldest_) >= 0) {
    removeSegment(oldest_++);
  }
  front_ = cursor_ = {oldest_, kStart};
  frontKnown_ = cursorKnown_ = false;
  sealed_ = true;
}
