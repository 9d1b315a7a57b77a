#pragma once

#include <Arduino.h>
#include <ArduinoJson.h>

#include "SMServerConfig.h"

// What a command came to: becomes the reply to the server.
class SMResult {
 public:
  // Done, without or with a result. The text must be JSON and shorter than
  // SMSERVER_RESULT_BYTES; otherwise the reply is an error that says so.
  static SMResult ok() { return SMResult(true); }
  static SMResult ok(const char* json);
  static SMResult ok(const JsonDocument& json);
  // Not done; one sentence for a person, cut at SMSERVER_RESULT_BYTES - 1.
  static SMResult error(const char* message);
  static SMResult error(const __FlashStringHelper* message);

  bool isOk() const { return ok_; }
  // JSON or message.
  const char* text() const { return text_; }

  // Writes the whole reply, `{"i":…,"c":…}`; `id` must need no escapes. Returns
  // its length, or 0 when it does not fit.
  size_t writeReply(const char* id, char* out, size_t capacity) const;

 private:
  explicit SMResult(bool ok) : ok_(ok) { text_[0] = '\0'; }
  static SMResult tooLong(size_t bytes);

  bool ok_;
  char text_[SMSERVER_RESULT_BYTES];
};
