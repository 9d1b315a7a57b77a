#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

// One image of the key-value store, as it lies in flash and in RAM:
//
//   offset  bytes  content (little-endian)
//   0       4      magic "SMKV"
//   4       1      version, 1
//   5       1      reserved, 0
//   6       2      bytes of records that follow the header
//   8       4      sequence number, compared with wrap-around
//   12      4      CRC-32 over offsets 0-11 and the records
//   16      …      records: length of key | type << 5 (1), length of value (2),
//                  key, value; sorted by key, so that equal contents are equal
//                  bytes
//
// Pure: knows nothing of flash. Does not own the bytes.
class KvImage {
 public:
  enum class Type : uint8_t { String = 1, Integer = 2, Boolean = 3, Bytes = 4 };

  static constexpr size_t kHeaderBytes = 16;
  static constexpr size_t kRecordBytes = 3;
  static constexpr size_t kMaxKeyBytes = 31;

  struct Value {
    const uint8_t* data;
    size_t bytes;
    Type type;
  };

  struct Header {
    size_t usedBytes;
    uint32_t sequence;
    uint32_t crc;
  };

  KvImage() = default;
  KvImage(uint8_t* bytes, size_t capacity)
      : bytes_(bytes), capacity_(capacity) {}

  // Reads a header; false when magic or version differ or the length is over
  // `capacity`. The CRC is not checked.
  static bool parseHeader(const uint8_t* header, size_t capacity, Header* out);
  // The CRC of the part of the header that is covered; go on with the records.
  static uint32_t headerCrc(const uint8_t* header);
  // True when sequence `a` was given out after `b`.
  static bool newer(uint32_t a, uint32_t b) {
    return static_cast<int32_t>(a - b) > 0;
  }

  // Takes the header and the records already lying in the bytes; false, and an
  // empty image, when they are damaged or malformed.
  bool unseal(Header* header);
  void clear() { used_ = 0; }
  // Writes the header for the records as they are now. Returns its CRC.
  uint32_t seal(uint32_t sequence);

  bool find(const char* key, Value* out) const;
  // The room must have been checked with fits().
  void put(const char* key, Type type, const void* data, size_t bytes);
  bool fits(const char* key, size_t bytes) const;
  bool remove(const char* key);

  // Bytes left for keys and values; each record takes kRecordBytes besides.
  size_t room() const { return capacity_ - kHeaderBytes - used_; }
  size_t usedBytes() const { return used_; }
  size_t imageBytes() const { return kHeaderBytes + used_; }
  size_t capacity() const { return capacity_; }
  const uint8_t* bytes() const { return bytes_; }
  uint8_t* bytes() { return bytes_; }

 private:
  bool adopt(size_t usedBytes);
  // The record with this key, or the place where it belongs.
  uint8_t* seek(const char* key, bool* found) const;
  uint8_t* records() const { return bytes_ + kHeaderBytes; }
  uint8_t* recordsEnd() const { return records() + used_; }

  uint8_t* bytes_ = nullptr;
  size_t capacity_ = 0;
  size_t used_ = 0;
};

}  // namespace smserver
