#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

// A place in a text that should be JSON (RFC 8259). Each step moves over what
// it names, or returns false and stays somewhere behind its start. Strict:
// double quotes, well-formed UTF-8, no lone surrogates, up to 20 levels.
struct JsonScanner {
  const char* at;
  const char* end;

  bool atEnd() const { return at == end; }
  int peek() const { return atEnd() ? -1 : static_cast<uint8_t>(*at); }
  bool take(char c);
  void blanks();
  // Blanks, and then this character.
  bool skip(char c);

  // A string. Stores up to `capacity` bytes of it, with escapes resolved;
  // `length` counts all.
  bool string(char* out, size_t capacity, size_t* length);
  // One value of any kind, and the blanks before it.
  bool value();
  // One character of more than one byte: shortest form, no surrogates (RFC
  // 3629, section 4).
  bool utf8(uint32_t* code);

 private:
  bool digits();
  bool number();
  bool literal(const char* text, size_t length);
  bool scalar();
  bool hex(uint32_t* out);
  bool escape(uint32_t* code);
  bool character(uint32_t* code);
  bool key();
};

}  // namespace smserver
