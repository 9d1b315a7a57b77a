#include "outbox.h"

#include <string.h>

#include "chip.h"
#include "crc32.h"
#include "json_reader.h"
#include "record_message.h"

namespace smserver {
namespace {

// What deep sleep keeps: magic, boot, number, CRC.
constexpr uint32_t kMagic = 0x534D4E31;

}  // namespace

SMError Outbox::begin(const SMServerOptions& options, uint32_t random) {
  numbered_ = options.numberTelemetry;
  stamped_ = options.stampTelemetry;
  awaited_ = true;
  resendMs_ = SMSERVER_RESEND_MS;
  acknowledged_ = Acknowledged();
  progressMs_ = saveAtMs_ = 0;
  // The numbers of a boot go on after end() and begin().
  if (boot_ == 0) {
    uint32_t kept[chip::kKeptBytes / 4];
    if (chip::wokeFromDeepSleep() && chip::readKept(kept) &&
        kept[0] == kMagic && kept[1] != 0 && kept[3] == crc32(kept, 12)) {
      boot_ = kept[1];
      number_ = kept[2];
    } else {
      boot_ = random == 0 ? 1 : random;
      number_ = 0;
    }
  }
  if (!ring_.begin(options.outboxBytes)) return SMError::OutOfMemory;
  file_ = options.recordFile;
  if (file_ != nullptr && !file_->open()) {
    file_ = nullptr;
    return SMError::StorageFailed;
  }
  return SMError::None;
}

void Outbox::end(const Moment& now) {
  if (file_ != nullptr) save(now);
  file_ = nullptr;
  ring_.end();
}

RecordHeader Outbox::headerAt(size_t at) const {
  uint8_t bytes[RecordHeader::kBytes] = {};
  ring_.read(at, 0, bytes, sizeof bytes);
  return RecordHeader::unpack(bytes);
}

uint32_t Outbox::takeNumber() {
  ++number_;
  uint32_t kept[chip::kKeptBytes / 4] = {kMagic, boot_, number_, 0};
  kept[3] = crc32(kept, 12);
  chip::writeKept(kept);
  return number_;
}

SMError Outbox::push(const char* json, size_t length, size_t maxBytes,
                     const Moment& now, size_t* needed) {
  RecordHeader header;
  header.flags = RecordHeader::kUptime;
  if (numbered_) header.flags |= RecordHeader::kNumbered;
  JsonReader reader(json, length);
  while (reader.next()) {
    if (reader.is("ts")) header.flags |= RecordHeader::kDated;
    // It numbers itself, or calls something else so; ours would hide theirs.
    if (reader.is("b") || reader.is("n")) {
      header.flags &= static_cast<uint8_t>(~RecordHeader::kNumbered);
    }
  }
  if (!reader.valid()) return SMError::BadPayload;
  while (*json != '{') {
    ++json;
    --length;
  }
  while (json[length - 1] != '}') --length;

  *needed = length;
  const bool numbered = header.has(RecordHeader::kNumbered);
  if (numbered) *needed += numbersBytes(boot_, number_ + 1);
  if (*needed > maxBytes) return SMError::TooLong;
  if (!makeRoom(RecordHeader::kBytes + length, now)) return SMError::QueueFull;
  header.madeMs = now.uptimeMs;
  if (numbered) {
    header.boot = boot_;
    header.number = takeNumber();
  }
  uint8_t packed[RecordHeader::kBytes];
  header.pack(packed);
  ring_.push(packed, sizeof packed, json, length);
  return SMError::None;
}

bool Outbox::makeRoom(size_t bytes, const Moment& now) {
  if (!ring_.canHold(bytes)) return false;
  if (ring_.hasRoom(bytes)) return true;
  if (file_ != nullptr && save(now)) return true;
  while (!ring_.hasRoom(bytes)) {
    if (!front().has(RecordHeader::kFinished)) ++counters_.droppedTelemetry;
    ring_.pop();
  }
  return true;
}

// Moves the records in RAM to the file.
bool Outbox::save(const Moment& now) {
  if (ring_.empty()) return true;
  const int dropped = file_->save(&ring_, now);
  if (dropped < 0) return false;
  counters_.droppedTelemetry += static_cast<uint32_t>(dropped);
  return true;
}

void Outbox::skipFinished() {
  while (!ring_.atEnd() && current().has(RecordHeader::kFinished)) {
    ring_.advance();
  }
}

// A backlog is sent as fast as the server stores it, not as fast as it can be
// written: the broker holds only so much for the server.
bool Outbox::windowFull() const {
  const size_t sent = ring_.passed() + (file_ == nullptr ? 0 : file_->passed());
  return awaited_ && sent >= SMSERVER_MAX_UNACKNOWLEDGED;
}

size_t Outbox::nextBytes() {
  if (windowFull()) return 0;
  fromFile_ = file_ != nullptr && !file_->atEnd();
  RecordHeader header;
  size_t length = 0;
  if (fromFile_) {
    length = file_->peek(&header);
  } else {
    skipFinished();
    if (ring_.atEnd()) return 0;
    length = ring_.currentBytes() - RecordHeader::kBytes;
  }
  return kRecordPrefixBytes + length;
}

size_t Outbox::next(char* out, size_t maxBytes, const Moment& now) {
  RecordHeader header;
  size_t length;
  char* const json = out + kRecordPrefixBytes;
  if (fromFile_) {
    length = file_->peek(&header);
    if (length == 0 || !file_->read(json, length)) {
      file_->advance();  // damaged
      return 0;
    }
  } else {
    header = current();
    length = ring_.currentBytes() - RecordHeader::kBytes;
    ring_.readCurrent(RecordHeader::kBytes, json, length);
  }
  return writeRecord(header, stamp(header, now), out, length, maxBytes);
}

// The time that a record is to be sent with, 0 for none.
uint64_t Outbox::stamp(const RecordHeader& header, const Moment& now) const {
  if (!stamped_ || header.has(RecordHeader::kDated)) return 0;
  if (!header.has(RecordHeader::kUptime)) return header.madeMs;
  const bool fresh = now.uptimeMs - header.madeMs < SMSERVER_STAMP_AFTER_MS;
  return fresh ? 0 : now.unixAt(header.madeMs);
}

void Outbox::sent(const Moment& now) {
  if (progressMs_ == 0) progressMs_ = now.uptimeMs;
  ++counters_.sentTelemetry;
  if (fromFile_) {
    file_->advance();
  } else {
    const RecordHeader header = current();
    if (!awaited_ || !header.has(RecordHeader::kNumbered)) {
      ring_.writeCurrent(RecordHeader::kFlagsAt,
                         header.flags | RecordHeader::kFinished);
    }
    ring_.advance();
  }
  trim();
}

bool Outbox::allSent() const {
  return windowFull() ||
         (ring_.atEnd() && (file_ == nullptr || file_->atEnd()));
}

void Outbox::trim() {
  if (file_ != nullptr) {
    counters_.acknowledgedTelemetry +=
        static_cast<uint32_t>(file_->trim(acknowledged_, awaited_));
  }
  while (!ring_.empty()) {
    const RecordHeader header = front();
    if (!header.has(RecordHeader::kFinished)) {
      if (!header.has(RecordHeader::kNumbered) ||
          !acknowledged_.covers(header)) {
        break;
      }
      ++counters_.acknowledgedTelemetry;
    }
    ring_.pop();
  }
  if (count() == 0) progressMs_ = 0;
}

void Outbox::rewind() {
  ring_.rewind();
  if (file_ != nullptr) file_->rewind();
  skipFinished();
}

void Outbox::reconnected(const Moment&) {
  rewind();
  progressMs_ = 0;
  resendMs_ = SMSERVER_RESEND_MS;
}

bool Outbox::acknowledge(const char* payload, size_t length,
                         const Moment& now) {
  uint32_t boot = 0, number = 0;
  uint8_t known = 0;
  JsonReader reader(payload, length);
  while (reader.next()) {
    if (reader.is("b") && reader.number(&boot)) known |= 1;
    if (reader.is("n") && reader.number(&number)) known |= 2;
  }
  if (!reader.valid() || known != 3) return false;
  // Of this boot, nothing that was not numbered yet.
  if (boot == boot_ && static_cast<int32_t>(number - number_) > 0) return false;
  acknowledged_.note(boot, number);
  const uint32_t before = counters_.acknowledgedTelemetry;
  trim();
  // One that covers nothing more is no progress: while a record is missing, the
  // server answers each new one so.
  if (counters_.acknowledgedTelemetry != before) {
    resendMs_ = SMSERVER_RESEND_MS;
    if (progressMs_ != 0) progressMs_ = now.uptimeMs;
  }
  return true;
}

void Outbox::expectAcknowledgements(bool expected) {
  if (awaited_ == expected) return;
  awaited_ = expected;
  if (expected) return;
  // What was sent already is done with.
  const size_t sent = ring_.passed();
  ring_.rewind();
  for (size_t i = 0; i < sent; ++i) {
    ring_.writeCurrent(RecordHeader::kFlagsAt,
                       current().flags | RecordHeader::kFinished);
    ring_.advance();
  }
  trim();
}

void Outbox::step(const Moment& now) {
  // Up to half as long again. A boot's number is random already, so it tells
  // how much: that spreads a fleet as well.
  const uint32_t wait = resendMs_ + (resendMs_ >> 9) * (boot_ & 0xFF);
  if (progressMs_ != 0 && awaited_ && now.uptimeMs - progressMs_ >= wait) {
    progressMs_ = now.uptimeMs;
    resendMs_ = resendMs_ < SMSERVER_RESEND_MAX_MS / 2 ? resendMs_ * 2
                                                       : SMSERVER_RESEND_MAX_MS;
    rewind();
  }
  if (file_ == nullptr || ring_.empty()) return;
  const RecordHeader oldest = front();
  if (oldest.has(RecordHeader::kUptime) &&
      now.uptimeMs - oldest.madeMs >= SMSERVER_SAVE_AFTER_MS &&
      now.uptimeMs >= saveAtMs_ && !save(now)) {
    saveAtMs_ = now.uptimeMs + SMSERVER_SAVE_AFTER_MS;  // not in every pass
  }
}

size_t Outbox::count() const {
  return ring_.count() + (file_ == nullptr ? 0 : file_->count());
}

bool Outbox::wantsTime() const {
  if (!stamped_) return false;
  if (file_ != nullptr && file_->count() > 0) return true;
  return !ring_.empty() && !front().has(RecordHeader::kDated);
}

}  // namespace smserver
