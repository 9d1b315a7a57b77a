#include "decimal.h"

namespace smserver {

uint32_t hexDigit(int c) {
  const uint32_t digit = static_cast<uint32_t>(c - '0');
  if (digit <= 9) return digit;
  const uint32_t letter = static_cast<uint32_t>((c | 0x20) - 'a');
  return letter <= 5 ? letter + 10 : 16;
}

bool parseNumber(const char* text, size_t length, uint32_t base,
                 uint32_t* out) {
  bool fits = length > 0;
  *out = 0;
  for (; length > 0; --length) {
    const uint32_t digit = hexDigit(*text++);
    if (digit >= base) {
      *out = 0;
      return false;
    }
    const uint64_t value = uint64_t{*out} * base + digit;
    fits = fits && value <= UINT32_MAX;
    *out = fits ? static_cast<uint32_t>(value) : UINT32_MAX;
  }
  return fits;
}

}  // namespace smserver
