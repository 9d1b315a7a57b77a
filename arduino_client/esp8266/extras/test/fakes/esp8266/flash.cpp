#include "Arduino.h"
#include "flash_hal.h"
#include "test_control.h"
#include "user_interface.h"

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
uint32_t EspClass::getFreeHeap() { return fake::heap.freeBytes; }
uint32_t EspClass::random() { return fake::nextRandom(); }

rst_info resetInfo = {REASON_DEFAULT_RST};

void fake::setReset(Reset why) {
  switch (why) {
    case Reset::PowerOn:
      resetInfo.reason = REASON_DEFAULT_RST;
      break;
    case Reset::Restart:
      resetInfo.reason = REASON_SOFT_RESTART;
      break;
    case Reset::Exception:
      resetInfo.reason = REASON_EXCEPTION_RST;
      break;
    case Reset::Watchdog:
      resetInfo.reason = REASON_WDT_RST;
      break;
    case Reset::DeepSleep:
      resetInfo.reason = REASON_DEEP_SLEEP_AWAKE;
      break;
  }
}

namespace {

// User memory of 512 bytes, addressed in words, that outlives a deep sleep.
uint8_t rtcMemory[512];

bool inRtcMemory(uint32_t offset, size_t bytes) {
  return bytes > 0 && offset * 4 + bytes <= sizeof rtcMemory;
}

}  // namespace

bool EspClass::rtcUserMemoryRead(uint32_t offset, uint32_t* data,
                                 size_t bytes) {
  if (!inRtcMemory(offset, bytes)) return false;
  memcpy(data, rtcMemory + offset * 4, bytes);
  return true;
}
bool EspClass::rtcUserMemoryWrite(uint32_t offset, uint32_t* data,
                                  size_t bytes) {
  if (!inRtcMemory(offset, bytes)) return false;
  memcpy(rtcMemory + offset * 4, data, bytes);
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
