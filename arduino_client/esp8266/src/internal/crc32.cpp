#include "crc32.h"

namespace smserver {

// Bitwise: a table would cost 1 KiB of RAM or slow flash reads, and an image is
// checked only at start and at commit.
uint32_t crc32(const void* data, size_t bytes, uint32_t crc) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  crc = ~crc;
  while (bytes-- > 0) {
    crc ^= *p++;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
    }
  }
  return ~crc;
}

}  // namespace smserver
