#pragma once

#include <Arduino.h>
#include <stdint.h>

namespace smserver {

// Texts that lie one behind the other in flash, each with its NUL: the one with
// this index, or the one with index `last` for any that is larger.
const __FlashStringHelper* textAt(PGM_P texts, uint8_t index, uint8_t last);

}  // namespace smserver
