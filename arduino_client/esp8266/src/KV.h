#pragma once

#include <Arduino.h>
#include <stddef.h>
#include <stdint.h>

#include <type_traits>

#include "KVTypes.h"
#include "internal/kv_image.h"
#ifdef ESP32
#include "internal/kv_nvs.h"
#else
#include "internal/kv_sectors.h"
#endif

// A key-value store in flash: in the EEPROM sector of the ESP8266 (do not use
// the core's EEPROM object beside it: both own that sector), in NVS on the
// ESP32 (namespace "simple-iot").
//
// Keys are 1 to 31 bytes, values up to 1,024 bytes, and have a type: asking for
// another type returns the default. Changes stay in RAM until commit(), which
// writes all of them, and nothing when the contents are those in flash.
//
// Power cuts: on the ESP32 a commit() leaves the old or the new contents,
// because NVS replaces an entry atomically. On the ESP8266 the same holds where
// the linker left a second sector free: two images take turns. With one sector
// it leaves the old, the new or none, and begin() reports it.
//
// ESP8266: a commit blocks for the erase and the write, about 50 ms by the data
// sheets of the usual flash chips; a sector withstands 10,000 to 100,000 of
// them. ESP32: NVS spreads the writes over its partition.
class KV {
 public:
  static constexpr size_t kMaxKeyBytes = smserver::KvImage::kMaxKeyBytes;
  static constexpr size_t kMaxValueBytes = 1024;
  static constexpr size_t kMinBytes = 64;
  static constexpr size_t kMaxBytes = 4096;

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

  // Writes the changes to flash; on the ESP8266 also reads them back.
  KVError commit();

  // Bytes left; a new record takes 3 bytes, its key and its value.
  size_t room() const;
  // Whether a power cut during commit() leaves the old or the new contents.
  bool isAtomic() const { return medium_.isAtomic(); }
  KVContents contents() const { return contents_; }
  // Of the last call that can fail.
  KVError lastError() const { return error_; }
  // Writes of the whole image since begin(); on the ESP8266 each erases a
  // sector.
  uint32_t flashWrites() const { return medium_.writes(); }

 private:
#ifdef ESP32
  using Medium = smserver::KvNvs;
#else
  using Medium = smserver::KvSectors;
#endif

  KVError fail(KVError error) const { return error_ = error; }
  KVError check(const char* key, size_t bytes) const;
  KVError put(const char* key, smserver::KvImage::Type type, const void* data,
              size_t bytes);
  KVError setInteger(const char* key, int64_t value);
  int64_t getInteger(const char* key, int64_t fallback) const;
  bool find(const char* key, smserver::KvImage::Type type,
            smserver::KvImage::Value* out) const;

  smserver::KvImage image_;
  Medium medium_;
  uint8_t* buffer_ = nullptr;
  bool dirty_ = false;
  KVContents contents_ = KVContents::None;
  mutable KVError error_ = KVError::None;
};
