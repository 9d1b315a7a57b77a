#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

constexpr uint32_t kSectorBytes = 4096;

// The sectors of the ESP8266 that the store may write: one, or two that take
// turns.
struct SectorPair {
  uint32_t sector[2];
  uint8_t count;
};

// Chooses from the linker's addresses (esp8266 core 3.1.2, tools/sdk/ld). The
// EEPROM sector always belongs to the store. The one below it is free when a
// file system exists and ends before it, as in most layouts of 2 MB and more.
// Without a file system it is not: Updater.cpp stages an OTA image right up to
// _FS_start, which then is the EEPROM sector.
SectorPair chooseSectors(uint32_t fsStart, uint32_t fsEnd,
                         uint32_t eepromStart);

// Flash of the chip this runs on. Addresses are a sector and an offset in it,
// sizes are multiples of 4, buffers are aligned to 4; false on failure.
namespace kvflash {
SectorPair sectors();
bool read(uint32_t sector, size_t offset, uint32_t* out, size_t bytes);
bool write(uint32_t sector, size_t offset, const uint32_t* data, size_t bytes);
bool erase(uint32_t sector);
}  // namespace kvflash

}  // namespace smserver
