#include "json_scanner.h"

#include <Arduino.h>
#include <string.h>

#include "decimal.h"

namespace smserver {
namespace {

constexpr uint8_t kMaxDepth = 20;

// Bytes that a character takes in UTF-8.
uint8_t utf8Bytes(uint32_t code) {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

bool isSurrogate(uint32_t code) { return code - 0xD800 < 0x800; }

}  // namespace

bool JsonScanner::take(char c) {
  if (peek() != static_cast<uint8_t>(c)) return false;
  ++at;
  return true;
}

void JsonScanner::blanks() {
  while (take(' ') || take('\t') || take('\n') || take('\r')) {
  }
}

bool JsonScanner::skip(char c) {
  blanks();
  return take(c);
}

bool JsonScanner::digits() {
  const char* const first = at;
  while (peek() >= '0' && peek() <= '9') ++at;
  return at > first;
}

bool JsonScanner::number() {
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (!take('e') && !take('E')) return true;
  if (!take('+')) take('-');
  return digits();
}

bool JsonScanner::literal(PGM_P text, size_t length) {
  if (static_cast<size_t>(end - at) < length ||
      strncmp_P(at, text, length) != 0) {
    return false;
  }
  at += length;
  return true;
}

bool JsonScanner::scalar() {
  size_t ignored;
  switch (peek()) {
    case '"':
      return string(nullptr, 0, &ignored);
    case 't':
      return literal(PSTR("true"), 4);
    case 'f':
      return literal(PSTR("false"), 5);
    case 'n':
      return literal(PSTR("null"), 4);
    default:
      return number();
  }
}

bool JsonScanner::utf8(uint32_t* code) {
  const uint8_t lead = static_cast<uint8_t>(*at);
  const uint8_t more = lead >= 0xF0 ? 3 : (lead >= 0xE0 ? 2 : 1);
  if (lead < 0xC2 || lead > 0xF4 || end - at <= more) return false;
  *code = lead & (0x3F >> more);
  for (uint8_t i = 0; i < more; ++i) {
    const uint8_t next = static_cast<uint8_t>(*++at);
    if ((next & 0xC0) != 0x80) return false;
    *code = *code << 6 | (next & 0x3F);
  }
  ++at;
  return utf8Bytes(*code) == more + 1 && *code <= 0x10FFFF &&
         !isSurrogate(*code);
}

bool JsonScanner::hex(uint32_t* out) {
  *out = 0;
  for (uint8_t i = 0; i < 4; ++i) {
    const uint32_t digit = hexDigit(peek());
    if (digit > 15) return false;
    *out = *out << 4 | digit;
    ++at;
  }
  return true;
}

// What stands behind a backslash.
bool JsonScanner::escape(uint32_t* code) {
  static const char kPlain[] = "\"\\/bfnrt\"\\/\b\f\n\r\t";
  constexpr size_t kCount = 8;
  if (!take('u')) {
    const void* const found = memchr(kPlain, peek(), kCount);
    if (found == nullptr) return false;
    ++at;
    *code = static_cast<uint8_t>(static_cast<const char*>(found)[kCount]);
    return true;
  }
  if (!hex(code)) return false;
  if (!isSurrogate(*code)) return true;
  // The high one, and then the low one.
  uint32_t low;
  if (*code > 0xDBFF || !take('\\') || !take('u') || !hex(&low)) return false;
  low -= 0xDC00;
  *code = 0x10000 + ((*code - 0xD800) << 10) + low;
  return low < 0x400;
}

bool JsonScanner::character(uint32_t* code) {
  const int c = peek();
  if (c < ' ') return false;  // the end of the text as well
  if (c >= 0x80) return utf8(code);
  ++at;
  if (c == '\\') return escape(code);
  *code = static_cast<uint32_t>(c);
  return true;
}

bool JsonScanner::string(char* out, size_t capacity, size_t* length) {
  *length = 0;
  if (!take('"')) return false;
  while (!take('"')) {
    uint32_t code;
    if (!character(&code)) return false;
    const uint8_t count = utf8Bytes(code);
    // From the last byte on: each takes the lowest six bits that are left.
    for (uint8_t i = count; i-- > 0; code >>= 6) {
      if (*length + i >= capacity) continue;
      uint32_t byte = 0x80 | (code & 0x3F);
      if (i == 0) byte = count == 1 ? code : (0xF00 >> count) | code;
      out[*length + i] = static_cast<char>(byte);
    }
    *length += count;
  }
  return true;
}

bool JsonScanner::key() {
  size_t ignored;
  blanks();
  return string(nullptr, 0, &ignored) && skip(':');
}

// Not recursive. Below its highest bit `levels` has one for each level, which
// tells objects from arrays.
bool JsonScanner::value() {
  uint32_t levels = 1;
  for (;;) {
    blanks();
    const bool object = take('{');
    if (object || take('[')) {
      if (levels >> kMaxDepth != 0) return false;
      levels = levels << 1 | (object ? 1 : 0);
      if (!skip(object ? '}' : ']')) {
        if (object && !key()) return false;
        continue;
      }
      levels >>= 1;
    } else if (!scalar()) {
      return false;
    }
    // A value is complete: what surrounds it ends here, or goes on.
    for (;;) {
      if (levels == 1) return true;
      const bool in_object = (levels & 1) != 0;
      if (skip(',')) {
        if (in_object && !key()) return false;
        break;
      }
      if (!take(in_object ? '}' : ']')) return false;
      levels >>= 1;
    }
  }
}

}  // namespace smserver
