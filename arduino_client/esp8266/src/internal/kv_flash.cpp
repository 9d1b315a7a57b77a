#ifndef ESP32

#include "kv_flash.h"

#include <Arduino.h>
#include <flash_hal.h>

#ifdef HOST_MOCK
#include <EEPROM.h>
#include <string.h>
#endif

namespace smserver {

constexpr uint32_t kFlashBase = 0x40200000;

SectorPair chooseSectors(uint32_t fsStart, uint32_t fsEnd,
                         uint32_t eepromStart) {
  const uint32_t own = (eepromStart - kFlashBase) / kSectorBytes;
  const bool spare = fsStart < fsEnd && fsEnd <= eepromStart - kSectorBytes;
  return {{own, spare ? own - 1 : own}, static_cast<uint8_t>(spare ? 2 : 1)};
}

namespace kvflash {
namespace {

// The core's own emulation on a PC (tests/host) has no flash behind ESP.flash*:
// the calls report success and do nothing. Its EEPROM is a file, written at
// once, so a sector there is that file.
#ifdef HOST_MOCK
uint32_t linked(const uint32_t& symbol) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(&symbol));
}

bool flashIsStub() {
  uint32_t a = 0xA5A5A5A5, b = 0x5A5A5A5A;
  const uint32_t address = linked(_EEPROM_start) - kFlashBase;
  ESP.flashRead(address, &a, 4);
  ESP.flashRead(address, &b, 4);
  return a != b;
}

bool stubRead(size_t offset, uint8_t* out, size_t bytes) {
  EEPROM.begin(kSectorBytes);
  for (size_t i = 0; i < bytes; ++i) out[i] = EEPROM.read(offset + i);
  EEPROM.end();
  return true;
}

bool stubWrite(size_t offset, const uint8_t* data, size_t bytes) {
  EEPROM.begin(kSectorBytes);
  for (size_t i = 0; i < bytes; ++i) {
    EEPROM.write(offset + i, data == nullptr ? 0xFF : data[i]);
  }
  const bool ok = EEPROM.commit();
  EEPROM.end();
  return ok;
}
#endif

}  // namespace

SectorPair sectors() {
#ifdef HOST_MOCK
  // The mock's FS_start and FS_end are 0; the symbols hold what was linked.
  const bool stub = flashIsStub();
  return chooseSectors(stub ? 0 : linked(_FS_start), stub ? 0 : linked(_FS_end),
                       linked(_EEPROM_start));
#else
  return chooseSectors(FS_start, FS_end, EEPROM_start);
#endif
}

bool read(uint32_t sector, size_t offset, uint32_t* out, size_t bytes) {
#ifdef HOST_MOCK
  if (flashIsStub())
    return stubRead(offset, reinterpret_cast<uint8_t*>(out), bytes);
#endif
  return ESP.flashRead(sector * kSectorBytes + offset, out, bytes);
}

bool write(uint32_t sector, size_t offset, const uint32_t* data, size_t bytes) {
#ifdef HOST_MOCK
  if (flashIsStub()) {
    return stubWrite(offset, reinterpret_cast<const uint8_t*>(data), bytes);
  }
#endif
  return ESP.flashWrite(sector * kSectorBytes + offset, data, bytes);
}

bool erase(uint32_t sector) {
#ifdef HOST_MOCK
  if (flashIsStub()) return stubWrite(0, nullptr, kSectorBytes);
#endif
  return ESP.flashEraseSector(sector);
}

}  // namespace kvflash
}  // namespace smserver

#endif  // ESP32
