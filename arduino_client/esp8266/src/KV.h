#pragma once

#include <Arduino.h>
#include <stddef.h>
#include <stdint.h>

#include <type_traits>

#include "internal/kv_flash.h"
#include "internal/kv_image.h"

enum class KVError : uint8_t {
  None,
  NotBegun,     // begin() was not called, or failed
  NoMemory,     // begin(): no RAM for the image
  BadSize,      // begin(): size out of range
  BadKey,       // empty, or longer than KV::kMaxKeyBytes
  Oversized,    // value longer than KV::kMaxValueBytes
  Full,         // no room left; begin(): stored contents exceed the size
  Corrupt,      // begin(): what was in flash is damaged; the store is empty
  FlashFailed,  // erase, write or reading back failed
};

// What begin() found in flash.
enum class KVContents : uint8_t {
  None,       // not begun
  Blank,      // erased flash: never used, or power was cut after the erase
  Loaded,     // good
  Recovered,  // the newer of two images is damaged; the older one was taken
  Corrupt,    // damaged, and there was no second image: empty
};

const __FlashStringHelper* toString(KVError error);
const __FlashStringHelper* toString(KVContents contents);

// A key-value store in the EEPROM sector of the ESP8266. Do not use the core's
// EEPROM object beside it: both own that sector.
//
// Keys are 1 to 31 bytes, values up to 1,024 bytes, and have a type: asking for
// another type gives the default. Changes stay in RAM until commit(), which
// erases and writes one sector, and does nothing when the contents are those in
// flash. Where the linker left a second sector free, two images take turns and
// a power cut at any moment leaves either the old or the new contents; with one
// sector it leaves the old, the new or none, and begin() tells.
//
// A commit blocks for the erase and the write, about 50 ms by the data sheets
// of the usual flash chips; a sector stands 10,000 to 100,000 of them.
class KV {
 public:
  static constexpr size_t kMaxKeyBytes = smserver::KvImage::kMaxKeyBytes;
  static constexpr size_t kMaxValueBytes = 1024;
  static constexpr size_t kMinBytes = 64;
  static constexpr size_t kMaxBytes = smserver::kSectorBytes;

  KV() = default;
  ~KV() { end(); }
  KV(const KV&) = delete;
  KV& operator=(const KV&) = delete;

  // Reads the store into a buffer of `bytes` (64 to 4,096) on the heap. Can be
  // called again. Corrupt leaves an empty, usable store; any other error a
  // store that refuses everything with NotBegun.
  KVError begin(size_t bytes = 2048);
  // Frees the buffer. Changes since the last commit() are lost.
  void end();

  // Set a value. String length excludes the NUL.
  KVError set(const char* key, const char* value);
  KVError set(const char* key, const String& value);
  KVError set(const char* key, const void* data, size_t bytes);
  KVError set(const char* key, bool value);
  template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>>
  KVError set(const char* key, T value) {
    return setInteger(key, static_cast<int64_t>(value));
  }

  // Copies a string with its NUL and returns its length without, as strlcpy: a
  // result of `capacity` or more says that it was cut. Without such a string,
  // `fallback` is what is copied.
  size_t get(const char* key, char* out, size_t capacity,
             const char* fallback = "") const;
  String get(const char* key, const char* fallback) const;
  // Copies at most `capacity` bytes and returns the stored size, 0 when absent.
  size_t get(const char* key, void* out, size_t capacity) const;
  bool get(const char* key, bool fallback) const;
  template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>>
  T get(const char* key, T fallback) const {
    return static_cast<T>(getInteger(key, static_cast<int64_t>(fallback)));
  }

  bool has(const char* key) const;
  // Size of a value in bytes (integers: 8, booleans: 1), 0 when absent.
  size_t size(const char* key) const;
  // True when the key was there.
  bool remove(const char* key);
  void clear();

  // Writes the changes to flash, and reads them back.
  KVError commit();

  // Bytes left; a new record takes 3 bytes, its key and its value.
  size_t room() const;
  bool hasTwoImages() const { return sectors_.count == 2; }
  KVContents contents() const { return contents_; }
  // Of the last call that can fail.
  KVError lastError() const { return error_; }
  // Sector erases since begin().
  uint32_t flashWrites() const { return flashWrites_; }

 private:
  enum class Found : uint8_t { Blank, Good, Damaged, TooLarge, Unreadable };

  KVError fail(KVError error) const { return error_ = error; }
  KVError check(const char* key, size_t bytes) const;
  KVError put(const char* key, smserver::KvImage::Type type, const void* data,
              size_t bytes);
  KVError setInteger(const char* key, int64_t value);
  int64_t getInteger(const char* key, int64_t fallback) const;
  bool find(const char* key, smserver::KvImage::Type type,
            smserver::KvImage::Value* out) const;
  Found inspect(uint32_t sector, smserver::KvImage::Header* header) const;
  bool load(uint32_t sector, const smserver::KvImage::Header& header);
  bool sameInFlash(uint32_t sector, size_t from, size_t bytes) const;
  bool writeImage(uint32_t sector);

  smserver::KvImage image_;
  uint8_t* buffer_ = nullptr;
  size_t capacity_ = 0;
  smserver::KvSectors sectors_ = {{0, 0}, 0};
  uint32_t sequence_ = 0;
  uint32_t flashWrites_ = 0;
  int8_t active_ = -1;  // index of the sector that holds the contents
  bool dirty_ = false;
  KVContents contents_ = KVContents::None;
  mutable KVError error_ = KVError::None;
};
