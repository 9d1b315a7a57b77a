#include "text_writer.h"

#include <string.h>

namespace smserver {

TextWriter& TextWriter::put(const char* text, size_t length) {
  if (overflowed_ || length > capacity_ - length_) {
    overflowed_ = true;
    return *this;
  }
  memcpy(out_ + length_, text, length);
  length_ += length;
  return *this;
}

TextWriter& TextWriter::put(const char* text) {
  return put(text, strlen(text));
}

TextWriter& TextWriter::put(const __FlashStringHelper* text) {
  PGM_P from = reinterpret_cast<PGM_P>(text);
  for (char c; (c = static_cast<char>(pgm_read_byte(from))) != '\0'; ++from) {
    put(c);
  }
  return *this;
}

TextWriter& TextWriter::number(uint32_t value) {
  char digits[10];
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

TextWriter& TextWriter::quoted(const __FlashStringHelper* text) {
  put('"');
  PGM_P from = reinterpret_cast<PGM_P>(text);
  for (char c; (c = static_cast<char>(pgm_read_byte(from))) != '\0'; ++from) {
    quotedByte(c);
  }
  return put('"');
}

bool TextWriter::terminate() {
  if (overflowed_ || length_ == capacity_) return false;
  out_[length_] = '\0';
  return true;
}

}  // namespace smserver
