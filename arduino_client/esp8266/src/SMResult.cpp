#include "SMResult.h"

#include <Arduino.h>
#include <string.h>

#include "internal/command_id.h"
#include "internal/json_document.h"
#include "internal/json_reader.h"
#include "internal/text_writer.h"

SMResult SMResult::tooLong(size_t bytes) {
  SMResult result(false);
  smserver::TextWriter out(result.text_, sizeof result.text_);
  out.put(F("result of ")).number(bytes).put(F(" bytes, at most "));
  out.number(sizeof result.text_ - 1).put(F(" are possible")).terminate();
  return result;
}

// Malformed text would spoil the whole reply, and the server would send the
// command again and again.
SMResult SMResult::ok(const char* json) {
  SMResult result(true);
  if (json == nullptr || *json == '\0') return result;
  const size_t length = strlen(json);
  if (length >= sizeof result.text_) return tooLong(length);
  if (!smserver::isJson(json, length)) return error(F("result is not JSON"));
  memcpy(result.text_, json, length + 1);
  return result;
}

SMResult SMResult::ok(const JsonDocument& json) {
  SMResult result(true);
  const size_t length =
      smserver::writeDocument(json, result.text_, sizeof result.text_ - 1);
  if (length >= sizeof result.text_) return tooLong(length);
  result.text_[length] = '\0';
  // A document may hold raw text, and strings that are not UTF-8.
  if (!smserver::isJson(result.text_, length)) {
    return error(F("result is not JSON"));
  }
  return result;
}

SMResult SMResult::error(const char* message) {
  SMResult result(false);
  if (message == nullptr) message = "";
  size_t length = strnlen(message, sizeof result.text_ - 1);
  // Not in the middle of a UTF-8 character.
  if (message[length] != '\0') {
    while (length > 0 && (message[length] & 0xC0) == 0x80) --length;
  }
  const bool utf8 = smserver::isUtf8(message, length);
  for (size_t i = 0; i < length; ++i) {
    const char c = message[i];
    result.text_[i] = !utf8 && (c & 0x80) != 0 ? '?' : c;
  }
  result.text_[length] = '\0';
  return result;
}

SMResult SMResult::error(const __FlashStringHelper* message) {
  SMResult result(false);
  PGM_P text = reinterpret_cast<PGM_P>(message);
  const size_t length = strnlen_P(text, sizeof result.text_ - 1);
  memcpy_P(result.text_, text, length);
  result.text_[length] = '\0';
  return result;
}

size_t SMResult::writeReply(const char* id, char* out, size_t capacity) const {
  smserver::TextWriter reply(out, capacity);
  reply.put(smserver::ReplyHead(id).text).put(F(",\"c\":"));
  if (!ok_) {
    reply.put(F("\"ERROR\",\"m\":\""));
    for (const char* c = text_; *c != '\0'; ++c) {
      // Spares the escapes, whose length varies.
      reply.put(*c == '"' || *c == '\\'                   ? '\''
                : static_cast<uint8_t>(*c) < uint8_t{' '} ? ' '
                                                          : *c);
    }
    reply.put(F("\"}"));
  } else if (text_[0] == '\0') {
    reply.put(F("\"OK\"}"));
  } else {
    reply.put(F("\"OK\",\"r\":")).put(text_).put('}');
  }
  return reply.terminate() ? reply.length() : 0;
}
