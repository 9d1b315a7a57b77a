#include "SMFileRing.h"

#include <string.h>

#include "internal/byte_ring.h"
#include "internal/crc32.h"
#include "internal/text_writer.h"

using smserver::Acknowledged;
using smserver::ByteRing;
using smserver::Moment;
using smserver::RecordHeader;

namespace {

// A segment starts with magic and its number; a record is a length, a CRC over
// all that follows, the header and the JSON.
constexpr uint32_t kMagic = 0x534D5231;
constexpr uint32_t kStart = 8;
constexpr uint32_t kPrefixBytes = 6 + RecordHeader::kBytes;

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

// Writes the ring's current record.
bool SMFileRing::append(fs::File* file, ByteRing* ring) {
  const size_t bytes = ring->currentBytes();
  const size_t length = bytes - RecordHeader::kBytes;
  uint8_t chunk[64];
  uint32_t crc = 0;
  for (size_t at = 0; at < bytes; at += sizeof chunk) {
    const size_t step = bytes - at < sizeof chunk ? bytes - at : sizeof chunk;
    ring->readCurrent(at, chunk, step);
    crc = smserver::crc32(chunk, step, crc);
  }
  uint8_t prefix[6] = {static_cast<uint8_t>(length),
                       static_cast<uint8_t>(length >> 8)};
  memcpy(prefix + 2, &crc, sizeof crc);
  if (file->write(prefix, sizeof prefix) != sizeof prefix) return false;
  for (size_t at = 0; at < bytes; at += sizeof chunk) {
    const size_t step = bytes - at < sizeof chunk ? bytes - at : sizeof chunk;
    ring->readCurrent(at, chunk, step);
    if (file->write(chunk, step) != step) return false;
  }
  return true;
}

// Gives the ring's current record the time it was made: an uptime means nothing
// after a restart.
void SMFileRing::date(ByteRing* ring, const Moment& now) {
  uint8_t packed[RecordHeader::kBytes];
  ring->readCurrent(0, packed, sizeof packed);
  RecordHeader header = RecordHeader::unpack(packed);
  if (now.unixMs == 0 || !header.has(RecordHeader::kUptime)) return;
  header.madeMs = now.unixAt(header.madeMs);
  header.flags &= static_cast<uint8_t>(~RecordHeader::kUptime);
  header.pack(packed);
  for (size_t i = 0; i < sizeof packed; ++i) ring->writeCurrent(i, packed[i]);
}

int SMFileRing::saveRing(ByteRing* ring, const Moment& now) {
  int dropped = 0;
  char path[28];
  fs::File file;
  bool good = true;
  for (ring->rewind(); good && !ring->atEnd(); ring->advance()) {
    uint8_t packed[RecordHeader::kBytes];
    ring->readCurrent(0, packed, sizeof packed);
    if (RecordHeader::unpack(packed).has(RecordHeader::kFinished)) continue;
    const uint32_t bytes = static_cast<uint32_t>(6 + ring->currentBytes());
    if (sealed_ || ends_[slot(newest_)] + bytes > segmentBytes_) {
      if (file) file.close();
      good = startSegment(&dropped);
    }
    if (good && !file) {
      name(newest_, path);
      file = fs_.open(path, "a");
    }
    date(ring, now);
    good = good && file && append(&file, ring);
    if (!good) break;
    ends_[slot(newest_)] += bytes;
    ++records_[slot(newest_)];
    ++count_;
  }
  if (file) file.close();
  if (!good) {
    // What was written stays; what comes again is stored once by the server.
    sealed_ = true;
    ring->rewind();
    return -1;
  }
  while (!ring->empty()) ring->pop();
  return dropped;
}

void SMFileRing::settle(Place* place) const {
  if (place->offset >= ends_[slot(place->segment)] &&
      place->segment != newest_) {
    *place = {place->segment + 1, kStart};
  }
}

SMFileRing::Entry SMFileRing::entryAt(const Place& place) const {
  Entry entry;
  char path[28];
  name(place.segment, path);
  fs::File file = fs_.open(path, "r");
  uint8_t prefix[kPrefixBytes];
  if (!file || !file.seek(place.offset) ||
      file.read(prefix, sizeof prefix) != sizeof prefix) {
    return entry;
  }
  entry.length = static_cast<uint16_t>(prefix[0] | prefix[1] << 8);
  memcpy(&entry.crc, prefix + 2, sizeof entry.crc);
  uint8_t packed[RecordHeader::kBytes];
  memcpy(packed, prefix + 6, sizeof packed);
  entry.header = RecordHeader::unpack(packed);
  // An uptime of an earlier run says nothing.
  if (static_cast<int32_t>(place.segment - run_.segment) < 0 &&
      entry.header.has(RecordHeader::kUptime)) {
    entry.header.flags &= static_cast<uint8_t>(~RecordHeader::kUptime);
    entry.header.madeMs = 0;
  }
  return entry;
}

size_t SMFileRing::peekRecord(RecordHeader* header) {
  if (atEnd()) return 0;
  if (!cursorKnown_) {
    settle(&cursor_);
    cursorEntry_ = entryAt(cursor_);
    cursorKnown_ = true;
  }
  *header = cursorEntry_.header;
  return cursorEntry_.length;
}

bool SMFileRing::readRecord(char* json, size_t length) {
  char path[28];
  name(cursor_.segment, path);
  fs::File file = fs_.open(path, "r");
  return file && file.seek(cursor_.offset + kPrefixBytes) &&
         static_cast<size_t>(
             file.read(reinterpret_cast<uint8_t*>(json), length)) == length;
}

void SMFileRing::advanceCursor() {
  if (atEnd()) return;
  RecordHeader header;
  peekRecord(&header);
  ++passed_;
  cursor_.offset += kPrefixBytes + cursorEntry_.length;
  cursorKnown_ = false;
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

size_t SMFileRing::trimFront(const Acknowledged& acknowledged, bool awaited) {
  size_t covered = 0;
  while (count_ > 0) {
    if (!frontKnown_) {
      settle(&front_);
      frontEntry_ = entryAt(front_);
      frontKnown_ = true;
    }
    const bool numbered = frontEntry_.header.has(RecordHeader::kNumbered);
    if (frontEntry_.length == 0) {
      // It cannot be read: neither can what follows in this file.
      const uint16_t lost = records_[slot(front_.segment)];
      count_ -= lost;
      passed_ = passed_ > lost ? passed_ - lost : 0;
      records_[slot(front_.segment)] = 0;
      front_.offset = ends_[slot(front_.segment)];
    } else if (numbered && acknowledged.covers(frontEntry_.header)) {
      ++covered;
    } else if (passed_ == 0 || (numbered && awaited)) {
      break;
    }
    if (frontEntry_.length > 0) {
      --records_[slot(front_.segment)];
      --count_;
      front_.offset += kPrefixBytes + frontEntry_.length;
      if (passed_ > 0) {
        --passed_;
      } else {
        cursor_ = front_;
        cursorKnown_ = false;
      }
    } else if (passed_ == 0) {
      cursor_ = front_;
      cursorKnown_ = false;
    }
    frontKnown_ = false;
    settle(&front_);
    while (oldest_ != front_.segment) removeSegment(oldest_++);
  }
  if (count_ == 0 && ends_[slot(newest_)] > kStart) restart();
  return covered;
}
