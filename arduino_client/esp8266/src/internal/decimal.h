#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

// The value of a hexadecimal digit, or more than 15.
uint32_t hexDigit(int c);

// Reads digits of a base up to 16, and nothing else. False when there is none,
// or another character (`out` is 0 then), or the value exceeds 32 bits (`out`
// is the largest then).
bool parseNumber(const char* text, size_t length, uint32_t base, uint32_t* out);
inline bool parseDecimal(const char* text, size_t length, uint32_t* out) {
  return parseNumber(text, length, 10, out);
}

}  // namespace smserver
