#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

// First in, first out, of records of bytes with a one-byte tag, in a buffer of
// fixed size. When it is full the oldest go. A record takes 3 bytes more than
// its two parts.
class ByteRing {
 public:
  ByteRing() = default;
  ~ByteRing();
  ByteRing(const ByteRing&) = delete;
  ByteRing& operator=(const ByteRing&) = delete;

  // False when memory is out.
  bool begin(size_t capacity);
  void end();

  // Adds head and tail as one record; returns how many old ones had to go, or
  // -1 when the record is larger than the ring.
  int push(uint8_t tag, const void* head, size_t headBytes,
           const void* tail = nullptr, size_t tailBytes = 0);

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  size_t capacity() const { return capacity_; }
  // Of the oldest record.
  size_t frontBytes() const;
  uint8_t frontTag() const;
  // Copies up to `bytes` of the oldest record, from `offset` on.
  void copyFront(size_t offset, void* out, size_t bytes) const;
  void pop();

 private:
  static constexpr size_t kHeaderBytes = 3;
  uint8_t at(size_t offset) const;
  void append(const void* data, size_t bytes);

  uint8_t* buffer_ = nullptr;
  size_t capacity_ = 0;
  size_t start_ = 0;
  size_t used_ = 0;
  size_t count_ = 0;
};

}  // namespace smserver
