#pragma once

#include <stddef.h>
#include <stdint.h>

namespace smserver {

// First in, first out, of byte strings, in a buffer of fixed size. Besides the
// oldest, one more is in view: the current, which may be moved on. A string
// takes 2 bytes more than its two parts.
class ByteRing {
 public:
  ByteRing() = default;
  ~ByteRing();
  ByteRing(const ByteRing&) = delete;
  ByteRing& operator=(const ByteRing&) = delete;

  // False when memory is out.
  bool begin(size_t capacity);
  void end();

  // Adds head and tail as one; false when there is no room.
  bool push(const void* head, size_t headBytes, const void* tail,
            size_t tailBytes);
  // Whether it could ever have room for so many bytes.
  bool canHold(size_t bytes) const {
    return bytes <= 0xFFFF && kHeaderBytes + bytes <= capacity_;
  }
  bool hasRoom(size_t bytes) const {
    return canHold(bytes) && used_ + kHeaderBytes + bytes <= capacity_;
  }

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  size_t capacity() const { return capacity_; }

  // The oldest.
  size_t frontBytes() const { return bytesAt(0); }
  void readFront(size_t offset, void* out, size_t bytes) const {
    read(0, offset, out, bytes);
  }
  void pop();

  // The current: the oldest, after rewind().
  bool atEnd() const { return passed_ == count_; }
  // How many are older than the current.
  size_t passed() const { return passed_; }
  size_t currentBytes() const { return bytesAt(current_); }
  void readCurrent(size_t offset, void* out, size_t bytes) const {
    read(current_, offset, out, bytes);
  }
  void writeCurrent(size_t offset, uint8_t byte);
  void advance();
  void rewind() { current_ = passed_ = 0; }

  // Where the current lies, and reading from there; the oldest lies at 0.
  size_t current() const { return current_; }
  void read(size_t at, size_t offset, void* out, size_t bytes) const;

 private:
  static constexpr size_t kHeaderBytes = 2;
  size_t place(size_t offset) const;
  size_t bytesAt(size_t offset) const;
  void append(const void* data, size_t bytes);

  uint8_t* buffer_ = nullptr;
  size_t capacity_ = 0;
  size_t start_ = 0;
  size_t used_ = 0;
  size_t count_ = 0;
  size_t current_ = 0;  // offset from start_
  size_t passed_ = 0;
};

}  // namespace smserver
