#include "record_message.h"

#include <string.h>

#include "text_writer.h"

namespace smserver {
namespace {

constexpr size_t kStampBytes = sizeof "\"ts\":1700000000000," - 1;

void writeNumbers(TextWriter* out, uint32_t boot, uint32_t number) {
  out->put(F("\"b\":")).number(boot);
  out->put(F(",\"n\":")).number(number).put(',');
}

}  // namespace

size_t numbersBytes(uint32_t boot, uint32_t number) {
  char text[kRecordPrefixBytes];
  TextWriter out(text, sizeof text);
  writeNumbers(&out, boot, number);
  return out.length();
}

size_t writeRecord(const RecordHeader& header, uint64_t unixMs, char* out,
                   size_t length, size_t maxBytes) {
  const char* const json = out + kRecordPrefixBytes;
  TextWriter prefix(out, kRecordPrefixBytes);
  prefix.put('{');
  if (header.has(RecordHeader::kNumbered)) {
    writeNumbers(&prefix, header.boot, header.number);
  }
  if (unixMs != 0 && prefix.length() + kStampBytes + length - 1 <= maxBytes) {
    prefix.put(F("\"ts\":")).number(unixMs).put(',');
  }
  size_t at = prefix.length();
  size_t first = 1;
  while (static_cast<uint8_t>(json[first]) <= ' ') ++first;
  if (json[first] == '}' && at > 1) --at;  // no members, no comma
  memmove(out + at, json + 1, length - 1);
  return at + length - 1;
}

}  // namespace smserver
