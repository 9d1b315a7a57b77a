#include "Arduino.h"
#include "flash_hal.h"
#include "test_control.h"

EspClass ESP;
uint32_t fakeFsStart, fakeFsEnd, fakeEepromStart;

void fake::setLayout(Layout layout) {
  fakeEepromStart = 0x40200000 + kEepromSector * kSectorBytes;
  fakeFsEnd = layout == Layout::SpareSector ? fakeEepromStart - kSectorBytes
                                            : fakeEepromStart;
  fakeFsStart =
      layout == Layout::NoFileSystem ? fakeFsEnd : fakeFsEnd - 0x100000;
}

uint32_t EspClass::getMaxFreeBlockSize() { return fake::heap.maxBlock; }
uint32_t EspClass::getFreeHeap() { return fake::heap.maxBlock; }
uint32_t EspClass::random() { return fake::nextRandom(); }

String EspClass::getResetReason() {
  switch (fake::reset) {
    case fake::Reset::PowerOn:
      return "Power On";
    case fake::Reset::Software:
      return "Software/System restart";
    case fake::Reset::Watchdog:
      return "Hardware Watchdog";
    case fake::Reset::DeepSleep:
      return "Deep-Sleep Wake";
  }
  return "Unknown";
}

// 512 bytes that outlive a deep sleep, addressed in words.
bool EspClass::rtcUserMemoryRead(uint32_t offset, uint32_t* data,
                                 size_t bytes) {
  if (offset * 4 + bytes > sizeof fake::rtcMemory || bytes == 0) return false;
  memcpy(data, fake::rtcMemory + offset * 4, bytes);
  return true;
}
bool EspClass::rtcUserMemoryWrite(uint32_t offset, uint32_t* data,
                                  size_t bytes) {
  if (offset * 4 + bytes > sizeof fake::rtcMemory || bytes == 0) return false;
  memcpy(fake::rtcMemory + offset * 4, data, bytes);
  return true;
}

bool EspClass::flashEraseSector(uint32_t index) {
  fake::Uncounted scope;
  fake::Flash& flash = fake::flash;
  if (flash.failErase) return false;
  ++flash.erases;
  auto& bytes = flash.sector(index);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const size_t at = flash.backwards ? bytes.size() - 1 - i : i;
    if (!flash.spend()) {
      // Cells caught half way read as anything.
      if (flash.scramble && !(flash.cutAfter < 0)) {
        for (size_t n = 0; n < 64 && i + n < bytes.size(); ++n) {
          bytes[flash.backwards ? at - n : at + n] |=
              static_cast<uint8_t>(fake::nextRandom());
        }
        flash.cutAfter = -1;
      }
      return false;
    }
    bytes[at] = 0xFF;
  }
  return true;
}

bool EspClass::flashWrite(uint32_t address, const uint32_t* data, size_t size) {
  fake::Uncounted scope;
  fake::Flash& flash = fake::flash;
  if (address % 4 != 0 || size % 4 != 0 || flash.failWrite) return false;
  ++flash.writes;
  const uint8_t* from = reinterpret_cast<const uint8_t*>(data);
  for (size_t i = 0; i < size; ++i) {
    if (!flash.spend()) return false;
    const uint32_t at = address + static_cast<uint32_t>(i);
    flash.sector(at / fake::kSectorBytes)[at % fake::kSectorBytes] &= from[i];
  }
  return true;
}

bool EspClass::flashRead(uint32_t address, uint32_t* data, size_t size) {
  fake::Uncounted scope;
  fake::Flash& flash = fake::flash;
  if (address % 4 != 0 || size % 4 != 0 || flash.failRead) return false;
  uint8_t* to = reinterpret_cast<uint8_t*>(data);
  for (size_t i = 0; i < size; ++i) {
    const uint32_t at = address + static_cast<uint32_t>(i);
    to[i] = flash.sector(at / fake::kSectorBytes)[at % fake::kSectorBytes];
  }
  return true;
}
