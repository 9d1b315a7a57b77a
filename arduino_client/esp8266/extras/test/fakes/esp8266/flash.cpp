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

// Cells at successive addresses: looks a sector up once, not for each byte.
class Cells {
 public:
  explicit Cells(fake::Flash& flash) : flash_(flash) {}
  uint8_t& at(uint32_t address) {
    const uint32_t index = address / fake::kSectorBytes;
    if (bytes_ == nullptr || index != index_) {
      index_ = index;
      bytes_ = flash_.sector(index).data();
    }
    return bytes_[address % fake::kSectorBytes];
  }

 private:
  fake::Flash& flash_;
  uint32_t index_ = 0;
  uint8_t* bytes_ = nullptr;
};

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
  uint8_t* bytes = flash.sector(index).data();
  for (size_t i = 0; i < fake::kSectorBytes; ++i) {
    const size_t at = flash.backwards ? fake::kSectorBytes - 1 - i : i;
    if (!flash.spend()) {
      // Cells caught half way read as anything.
      if (flash.scramble && !(flash.cutAfter < 0)) {
        for (size_t n = 0; n < 64 && i + n < fake::kSectorBytes; ++n) {
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
  Cells cells(flash);
  for (size_t i = 0; i < size; ++i) {
    if (!flash.spend()) return false;
    cells.at(address + static_cast<uint32_t>(i)) &= from[i];
  }
  return true;
}

bool EspClass::flashRead(uint32_t address, uint32_t* data, size_t size) {
  fake::Uncounted scope;
  fake::Flash& flash = fake::flash;
  if (address % 4 != 0 || size % 4 != 0 || flash.failRead) return false;
  uint8_t* to = reinterpret_cast<uint8_t*>(data);
  Cells cells(flash);
  for (size_t i = 0; i < size; ++i) {
    to[i] = cells.at(address + static_cast<uint32_t>(i));
  }
  return true;
}
