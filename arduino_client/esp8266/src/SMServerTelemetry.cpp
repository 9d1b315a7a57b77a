// Telemetry: records of the sketch, and their way to the broker.
#include <math.h>
#include <string.h>

#include <new>

#include "SMServer.h"
#include "internal/chip.h"
#include "internal/document_text.h"
#include "internal/text_writer.h"

using smserver::TextWriter;

namespace {

// The topic that data is published on has this length.
constexpr size_t kDataTopicBytes = sizeof "device//data" - 1 + 36;
// The server takes no longer record: docs/protocol.md, section 4.
constexpr size_t kMaxRecordBytes = 4096;

}  // namespace

size_t SMServer::maxRecordBytes() const {
  const size_t most = maxPayloadBytes(kDataTopicBytes);
  return most < kMaxRecordBytes ? most : kMaxRecordBytes;
}

SMError SMServer::publishData(const char* json) {
  return publishRecord(json, json == nullptr ? 0 : strlen(json));
}

SMError SMServer::publishRecord(const char* json, size_t length) {
  if (!begun_) return fail(SMError::NotBegun);
  if (json == nullptr) return fail(SMError::BadPayload);
  size_t needed = length;
  const SMError error =
      outbox_.push(json, length, maxRecordBytes(), moment(), &needed);
  switch (error) {
    case SMError::None:
      ++counters_.records;
      if (connection_.online()) stepOutbox();
      return error;
    case SMError::QueueFull:
      if (options_.outboxBytes == 0) return publishUnkept(json, length);
      break;
    case SMError::TooLong:
      needed += mqtt_.packetBytes() - maxPayloadBytes(kDataTopicBytes);
      break;
    default:
      break;
  }
  return fail(error, static_cast<int32_t>(needed));
}

// Without a ring: now or never, and without a number, for it would promise
// more.
SMError SMServer::publishUnkept(const char* json, size_t length) {
  if (connection_.online()) {
    if (publishOwn(PSTR("data"), json, length)) {
      ++counters_.records;
      ++counters_.sentTelemetry;
      return SMError::None;
    }
  }
  return fail(SMError::NotConnected);
}

// Sends what is next, if there is something.
void SMServer::stepOutbox() {
  const size_t room = outbox_.nextBytes();
  if (room == 0) return;
  std::unique_ptr<char[]> text(new (std::nothrow) char[room]);
  if (!text) return;  // later
  const size_t length = outbox_.next(text.get(), maxRecordBytes(), moment());
  if (length > 0 && publishOwn(PSTR("data"), text.get(), length)) {
    outbox_.sent(moment());
  }
}

SMError SMServer::publishData(const JsonDocument& json) {
  if (!begun_) return fail(SMError::NotBegun);
  const smserver::DocumentText text(json, mqtt_.packetBytes());
  if (text.text() != nullptr) return publishRecord(text.text(), text.bytes());
  return fail(text.bytes() > mqtt_.packetBytes() ? SMError::TooLong
                                                 : SMError::OutOfMemory,
              static_cast<int32_t>(text.bytes()));
}

SMError SMServer::publishData(const char* field, const char* value) {
  if (value == nullptr) return fail(SMError::BadPayload);
  return publishValue(field, value, true);
}

SMError SMServer::publishBool(const char* field, bool value) {
  return publishValue(field, value ? "true" : "false", false);
}

SMError SMServer::publishInteger(const char* field, uint64_t value,
                                 bool negative) {
  char text[22];
  TextWriter digits(text, sizeof text);
  if (negative) digits.put('-');
  digits.number(value).terminate();
  return publishValue(field, text, false);
}

SMError SMServer::publishNumber(const char* field, double value, int digits) {
  char text[28];
  if (isfinite(value)) {
    snprintf_P(text, sizeof text, PSTR("%.*g"), digits, value);
  } else {
    strcpy_P(text, PSTR("null"));  // a sensor that failed; JSON has no NaN
  }
  return publishValue(field, text, false);
}

// A record of one field; the value is JSON already, or to be quoted.
SMError SMServer::publishValue(const char* field, const char* value,
                               bool quoted) {
  if (!begun_) return fail(SMError::NotBegun);
  if (field == nullptr) return fail(SMError::BadPayload);
  // Each byte may become an escape of six.
  const size_t capacity = 6 * (strlen(field) + strlen(value)) + 8;
  std::unique_ptr<char[]> text(new (std::nothrow) char[capacity]);
  if (!text) return fail(SMError::OutOfMemory, static_cast<int32_t>(capacity));
  TextWriter record(text.get(), capacity);
  record.put('{').quoted(field).put(':');
  if (quoted) {
    record.quoted(value);
  } else {
    record.put(value);
  }
  record.put('}');
  return publishRecord(text.get(), record.length());
}

SMError SMServer::publishStatus() {
  const int rssi = smserver::chip::rssiDbm();
  char text[80];
  TextWriter record(text, sizeof text);
  record.put(F("{\"heap\":")).number(smserver::chip::freeHeapBytes());
  record.put(F(",\"rssi\":"));
  if (rssi < 0) record.put('-');
  record.number(static_cast<uint32_t>(rssi < 0 ? -rssi : rssi));
  record.put(F(",\"uptime\":")).number(uptime_.ms() / 1000).put('}');
  return publishRecord(text, record.length());
}
