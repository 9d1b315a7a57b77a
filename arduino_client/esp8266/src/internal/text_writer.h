#pragma once

#include <Arduino.h>
#include <stddef.h>
#include <stdint.h>

namespace smserver {

// Writes text, JSON for the most part, into a buffer that it does not own. Once
// something does not fit, everything else is dropped and overflowed() is true.
class TextWriter {
 public:
  TextWriter(char* out, size_t capacity) : out_(out), capacity_(capacity) {}

  TextWriter& put(char c) { return put(&c, 1); }
  TextWriter& put(const char* text, size_t length);
  TextWriter& put(const char* text);
  TextWriter& put(const __FlashStringHelper* text);
  TextWriter& number(uint64_t value);
  // A JSON string, escaped. UTF-8 is passed on as it is.
  TextWriter& quoted(const char* text);

  const char* text() const { return out_; }
  size_t length() const { return length_; }
  size_t room() const { return capacity_ - length_; }
  bool overflowed() const { return overflowed_; }
  // Gives up what was written after `length`.
  void cut(size_t length) {
    length_ = length;
    overflowed_ = false;
  }
  // With a NUL behind it; false when the text did not fit.
  bool terminate();

 private:
  bool reserve(size_t length);
  void quotedByte(char c);

  char* out_;
  size_t capacity_;
  size_t length_ = 0;
  bool overflowed_ = false;
};

}  // namespace smserver
