#include "SMResult.h"

#include <Arduino.h>
#include <string.h>

SMResult SMResult::tooLong(size_t bytes) {
  SMResult result(false);
  snprintf_P(result.text_, sizeof result.text_,
             PSTR("result of %u bytes, at most %u are possible"),
             static_cast<unsigned>(bytes),
             static_cast<unsigned>(sizeof result.text_ - 1));
  return result;
}

SMResult SMResult::ok(const char* json) {
  SMResult result(true);
  if (json == nullptr) return result;
  const size_t length = strlen(json);
  if (length >= sizeof result.text_) return tooLong(length);
  // Malformed text would spoil the whole reply, and the server would send the
  // command again and again.
  JsonDocument doc;
  if (length > 0 && deserializeJson(doc, json, length)) {
    return error(F("result is not JSON"));
  }
  memcpy(result.text_, json, length + 1);
  return result;
}

SMResult SMResult::ok(const JsonDocument& json) {
  SMResult result(true);
  const size_t length = measureJson(json);
  if (length >= sizeof result.text_) return tooLong(length);
  serializeJson(json, result.text_, sizeof result.text_);
  return result;
}

SMResult SMResult::error(const char* message) {
  SMResult result(false);
  if (message == nullptr) message = "";
  size_t length = strnlen(message, sizeof result.text_ - 1);
  memcpy(result.text_, message, length);
  // Not in the middle of a UTF-8 character.
  if (message[length] != '\0') {
    while (length > 0 && (message[length] & 0xC0) == 0x80) --length;
  }
  result.text_[length] = '\0';
  return result;
}

SMResult SMResult::error(const __FlashStringHelper* message) {
  char text[SMSERVER_RESULT_BYTES];
  strncpy_P(text, reinterpret_cast<PGM_P>(message), sizeof text - 1);
  text[sizeof text - 1] = '\0';
  return error(text);
}

size_t SMResult::writeReply(const char* id, char* out, size_t capacity) const {
  int length;
  if (ok_ && text_[0] == '\0') {
    length = snprintf_P(out, capacity, PSTR("{\"i\":\"%s\",\"c\":\"OK\"}"), id);
  } else if (ok_) {
    length = snprintf_P(
        out, capacity, PSTR("{\"i\":\"%s\",\"c\":\"OK\",\"r\":%s}"), id, text_);
  } else {
    char message[SMSERVER_RESULT_BYTES];
    size_t i = 0;
    for (; text_[i] != '\0'; ++i) {
      const char c = text_[i];
      // Spares the escapes, whose length varies.
      message[i] = c == '"' || c == '\\' ? '\'' : (c < ' ' ? ' ' : c);
    }
    message[i] = '\0';
    length = snprintf_P(out, capacity,
                        PSTR("{\"i\":\"%s\",\"c\":\"ERROR\",\"m\":\"%s\"}"), id,
                        message);
  }
  return length > 0 && static_cast<size_t>(length) < capacity
             ? static_cast<size_t>(length)
             : 0;
}
