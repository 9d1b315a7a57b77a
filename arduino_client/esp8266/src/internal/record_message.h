#pragma once

#include "record.h"

namespace smserver {

// Room for what writeRecord() puts before a record.
constexpr size_t kRecordPrefixBytes = 52;

// Bytes that the numbers of a record take in its message.
size_t numbersBytes(uint32_t boot, uint32_t number);

// Makes the message of docs/protocol.md, "data, numbered": puts the record's
// numbers, and `unixMs` if that is not 0, in front of its members. The record,
// `length` bytes of JSON, lies kRecordPrefixBytes behind `out`, where the
// message begins. The time is left out if the message would be longer than
// `maxBytes` with it. Returns the length of the message.
size_t writeRecord(const RecordHeader& header, uint64_t unixMs, char* out,
                   size_t length, size_t maxBytes);

}  // namespace smserver
