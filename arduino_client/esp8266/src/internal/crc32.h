#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

// CRC-32 (IEEE 802.3, reflected, as in zlib). Pass the last result to go on.
uint32_t crc32(const void* data, size_t bytes, uint32_t crc = 0);

}  // namespace smserver
