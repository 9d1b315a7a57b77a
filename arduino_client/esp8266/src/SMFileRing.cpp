#include "SMFileRing.h"

#include <string.h>

#include "internal/byte_ring.h"
#include "internal/crc32.h"

using smserver::Acknowledged;
using smserver::ByteRing;
using smserver::Moment;
using smserver::RecordHeader;

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
  entry.headCrc = smserver::crc32(packed, sizeof packed);
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
             file.read(reinterpret_cast<uint8_t*>(json), length)) == length &&
         smserver::crc32(json, length, cursorEntry_.headCrc) ==
             cursorEntry_.crc;
}

void SMFileRing::advanceCursor() {
  if (atEnd()) return;
  RecordHeader header;
  peekRecord(&header);
  ++passed_;
  cursor_.offset += kPrefixBytes + cursorEntry_.length;
  cursorKnown_ = false;
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
