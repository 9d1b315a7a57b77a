#include "text_writer.h"

#include <string.h>

namespace smserver {

// Adds to the length; false when there is no room.
bool TextWriter::reserve(size_t length) {
  overflowed_ = overflowed_ || length > capacity_ - length_;
  if (!overflowed_) length_ += length;
  return !overflowed_;
}

TextWriter& TextWriter::put(const char* text, size_t length) {
  if (reserve(length)) memcpy(out_ + length_ - length, text, length);
  return *this;
}

TextWriter& TextWriter::put(const char* text) {
  return put(text, strlen(text));
}

TextWriter& TextWriter::put(const __FlashStringHelper* text) {
  PGM_P from = reinterpret_cast<PGM_P>(text);
  const size_t length = strlen_P(from);
  if (!reserve(length)) return *this;
  memcpy_P(out_ + length_ - length, from, length);
  return *this;
}

TextWriter& TextWriter::number(uint64_t value) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  return put(digits + at, sizeof digits - at);
}

void TextWriter::quotedByte(char c) {
  if (c == '"' || c == '\\') {
    put('\\').put(c);
  } else if (static_cast<uint8_t>(c) < ' ') {
    put(F("\\u00")).put(static_cast<char>('0' + (c >> 4)));
    put(static_cast<char>((c & 15) < 10 ? '0' + (c & 15) : 'W' + (c & 15)));
  } else {
    put(c);
  }
}

TextWriter& TextWriter::quoted(const char* text) {
  put('"');
  while (*text != '\0') quotedByte(*text++);
  return put('"');
}

bool TextWriter::terminate() {
  if (overflowed_ || length_ == capacity_) return false;
  out_[length_] = '\0';
  return true;
}

}  // namespace smserver
