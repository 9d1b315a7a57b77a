#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

// A text of nothing but decimal digits, and at least one. False, and 0, when it
// is none; false, and the largest number, when it is too large.
bool parseDecimal(const char* text, size_t length, uint32_t* out);

}  // namespace smserver
