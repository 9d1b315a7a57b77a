#include "outbox.h"

#include <string.h>

#include "chip.h"
#include "crc32.h"
#include "json_reader.h"
#include "text_writer.h"

namespace smserver {
namespace {

// What deep sleep keeps: magic, boot, number, CRC.
constexpr uint32_t kMagic = 0x534D4E31;

constexpr size_t decimals(uint32_t value) {
  return value < 10 ? 1 : 1 + decimals(value / 10);
}

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

RecordHeader Outbox::front() const {
  uint8_t bytes[RecordHeader::kBytes] = {};
  ring_.readFront(0, bytes, sizeof bytes);
  return RecordHeader::unpack(bytes);
}

RecordHeader Outbox::current() const {
  uint8_t bytes[RecordHeader::kBytes] = {};
  ring_.readCurrent(0, bytes, sizeof bytes);
  return RecordHeader::unpack(bytes);
}

uint32_t Outbox::takeNumber() {
  ++number_;
  uint32_t kept[chip::kKeptBytes / 4] = {kMagic, boot_, number_, 0};
  kept[3] = crc32(kept, 12);
  chip::writeKept(kept);
  return number_;
}

size_t Outbox::numbersBytes(uint32_t number) const {
  return sizeof "\"b\":,\"n\":," - 1 + decimals(boot_) + decimals(number);
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
  if (numbered) *needed += numbersBytes(number_ + 1);
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
  // An uptime means nothing after a restart.
  for (ring_.rewind(); now.unixMs != 0 && !ring_.atEnd(); ring_.advance()) {
    RecordHeader header = current();
    if (!header.has(RecordHeader::kUptime)) continue;
    header.madeMs = now.unixAt(header.madeMs);
    header.flags &= static_cast<uint8_t>(~RecordHeader::kUptime);
    uint8_t packed[RecordHeader::kBytes];
    header.pack(packed);
    for (size_t i = 0; i < sizeof packed; ++i) ring_.writeCurrent(i, packed[i]);
  }
  ring_.rewind();
  const int dropped = file_->save(&ring_);
  if (dropped < 0) return false;
  counters_.droppedTelemetry += static_cast<uint32_t>(dropped);
  return true;
}

void Outbox::skipFinished() {
  while (!ring_.atEnd() && current().has(RecordHeader::kFinished)) {
    ring_.advance();
  }
}

size_t Outbox::nextBytes() {
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
  return kPrefixBytes + length;
}

size_t Outbox::next(char* out, size_t maxBytes, const Moment& now) {
  RecordHeader header;
  size_t length;
  char* const json = out + kPrefixBytes;
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
  return write(header, out, length, maxBytes, now);
}

// The record lies kPrefixBytes behind the start.
size_t Outbox::write(const RecordHeader& header, char* out, size_t length,
                     size_t maxBytes, const Moment& now) const {
  const char* const json = out + kPrefixBytes;
  TextWriter prefix(out, kPrefixBytes);
  prefix.put('{');
  if (header.has(RecordHeader::kNumbered)) {
    prefix.put(F("\"b\":")).number(header.boot);
    prefix.put(F(",\"n\":")).number(header.number).put(',');
  }
  uint64_t made = header.madeMs;
  if (header.has(RecordHeader::kUptime)) {
    made = now.uptimeMs - made < SMSERVER_STAMP_AFTER_MS ? 0 : now.unixAt(made);
  }
  if (stamped_ && made != 0 && !header.has(RecordHeader::kDated) &&
      prefix.length() + 19 + length - 1 <= maxBytes) {
    const uint32_t ms = static_cast<uint32_t>(made % 1000);
    prefix.put(F("\"ts\":")).number(static_cast<uint32_t>(made / 1000));
    prefix.put(static_cast<char>('0' + ms / 100));
    prefix.put(static_cast<char>('0' + ms / 10 % 10));
    prefix.put(static_cast<char>('0' + ms % 10)).put(',');
  }
  size_t at = prefix.length();
  size_t first = 1;
  while (static_cast<uint8_t>(json[first]) <= ' ') ++first;
  if (json[first] == '}' && at > 1) --at;  // no members, no comma
  memmove(out + at, json + 1, length - 1);
  return at + length - 1;
}

size_t Outbox::writeOnce(const char* json, size_t length, char* out) {
  RecordHeader header;
  JsonReader reader(json, length);
  bool own = !numbered_;
  while (reader.next()) own = own || reader.is("b") || reader.is("n");
  if (!own) {
    header.flags = RecordHeader::kNumbered;
    header.boot = boot_;
    header.number = takeNumber();
  }
  while (*json != '{') {
    ++json;
    --length;
  }
  memcpy(out + kPrefixBytes, json, length);
  return write(header, out, length, SIZE_MAX, Moment{0, 0});
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
  return ring_.atEnd() && (file_ == nullptr || file_->atEnd());
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
  progressMs_ = now.uptimeMs;
  resendMs_ = SMSERVER_RESEND_MS;
  trim();
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
  if (progressMs_ != 0 && awaited_ &&
      now.uptimeMs - progressMs_ >= resendMs_) {
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
