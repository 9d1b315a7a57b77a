#include "text_list.h"

#include <string.h>

namespace smserver {

const __FlashStringHelper* textAt(PGM_P texts, uint8_t index, uint8_t last) {
  if (index > last) index = last;
  for (; index > 0; --index) texts += strlen_P(texts) + 1;
  return reinterpret_cast<const __FlashStringHelper*>(texts);
}

}  // namespace smserver
