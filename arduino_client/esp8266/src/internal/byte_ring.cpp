#include "byte_ring.h"

#include <new>

namespace smserver {

ByteRing::~ByteRing() { end(); }

bool ByteRing::begin(size_t capacity) {
  end();
  if (capacity == 0) return true;
  buffer_ = new (std::nothrow) uint8_t[capacity];
  if (buffer_ == nullptr) return false;
  capacity_ = capacity;
  return true;
}

void ByteRing::end() {
  delete[] buffer_;
  buffer_ = nullptr;
  capacity_ = start_ = used_ = count_ = 0;
}

uint8_t ByteRing::at(size_t offset) const {
  offset += start_;
  return buffer_[offset < capacity_ ? offset : offset - capacity_];
}

void ByteRing::append(const void* data, size_t bytes) {
  const uint8_t* from = static_cast<const uint8_t*>(data);
  size_t to = start_ + used_;
  if (to >= capacity_) to -= capacity_;
  for (size_t i = 0; i < bytes; ++i) {
    buffer_[to] = from[i];
    if (++to == capacity_) to = 0;
  }
  used_ += bytes;
}

int ByteRing::push(uint8_t tag, const void* head, size_t headBytes,
                   const void* tail, size_t tailBytes) {
  const size_t bytes = headBytes + tailBytes;
  if (bytes > 0xFFFF || kHeaderBytes + bytes > capacity_) return -1;
  int dropped = 0;
  while (used_ + kHeaderBytes + bytes > capacity_) {
    pop();
    ++dropped;
  }
  const uint8_t header[kHeaderBytes] = {tag, static_cast<uint8_t>(bytes),
                                        static_cast<uint8_t>(bytes >> 8)};
  append(header, kHeaderBytes);
  append(head, headBytes);
  append(tail, tailBytes);
  ++count_;
  return dropped;
}

size_t ByteRing::frontBytes() const {
  return empty() ? 0 : at(1) | (static_cast<size_t>(at(2)) << 8);
}

uint8_t ByteRing::frontTag() const { return empty() ? 0 : at(0); }

void ByteRing::copyFront(size_t offset, void* out, size_t bytes) const {
  uint8_t* to = static_cast<uint8_t*>(out);
  const size_t end = frontBytes();
  for (size_t i = 0; i < bytes && offset + i < end; ++i) {
    to[i] = at(kHeaderBytes + offset + i);
  }
}

void ByteRing::pop() {
  if (empty()) return;
  const size_t bytes = kHeaderBytes + frontBytes();
  start_ = (start_ + bytes) % capacity_;
  used_ -= bytes;
  --count_;
}

}  // namespace smserver
