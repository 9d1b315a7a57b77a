#pragma once

#include <Arduino.h>
#include <stdint.h>

enum class KVError : uint8_t {
  None,
  NotBegun,     // begin() was not called, or failed
  NoMemory,     // begin(): no RAM for the image
  BadSize,      // begin(): size out of range
  BadKey,       // empty, or longer than KV::kMaxKeyBytes
  Oversized,    // value longer than KV::kMaxValueBytes
  Full,         // no room left; begin(): stored contents exceed the size
  Corrupt,      // begin(): what was in flash is damaged; the store is empty
  FlashFailed,  // erase, write or reading back failed; ESP32: NVS is full
};

// What begin() found in flash.
enum class KVContents : uint8_t {
  None,       // not begun
  Blank,      // never used; ESP8266 also: power was cut after the only erase
  Loaded,     // good
  Recovered,  // ESP8266: the newer of two images is damaged, the older is used
  Corrupt,    // damaged, and there was no second image: empty
};

const __FlashStringHelper* toString(KVError error);
const __FlashStringHelper* toString(KVContents contents);
