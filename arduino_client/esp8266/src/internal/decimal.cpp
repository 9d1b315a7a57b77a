#include "decimal.h"

namespace smserver {

bool parseDecimal(const char* text, size_t length, uint32_t* out) {
  bool fits = length > 0;
  uint32_t value = 0;
  for (size_t i = 0; i < length; ++i) {
    const uint32_t digit = static_cast<uint32_t>(text[i] - '0');
    if (digit > 9) {
      *out = 0;
      return false;
    }
    if (value > (UINT32_MAX - digit) / 10) fits = false;
    value = fits ? value * 10 + digit : UINT32_MAX;
  }
  *out = value;
  return fits;
}

}  // namespace smserver
