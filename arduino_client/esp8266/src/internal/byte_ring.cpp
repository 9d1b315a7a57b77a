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
  rewind();
}

size_t ByteRing::place(size_t offset) const {
  offset += start_;
  return offset < capacity_ ? offset : offset - capacity_;
}

size_t ByteRing::bytesAt(size_t offset) const {
  if (offset >= used_) return 0;
  return buffer_[place(offset)] |
         static_cast<size_t>(buffer_[place(offset + 1)]) << 8;
}

void ByteRing::read(size_t at, size_t offset, void* out, size_t bytes) const {
  uint8_t* to = static_cast<uint8_t*>(out);
  const size_t end = bytesAt(at);
  for (size_t i = 0; i < bytes && offset + i < end; ++i) {
    to[i] = buffer_[place(at + kHeaderBytes + offset + i)];
  }
}

void ByteRing::append(const void* data, size_t bytes) {
  const uint8_t* from = static_cast<const uint8_t*>(data);
  for (size_t i = 0; i < bytes; ++i) buffer_[place(used_++)] = from[i];
}

bool ByteRing::push(const void* head, size_t headBytes, const void* tail,
                    size_t tailBytes) {
  const size_t bytes = headBytes + tailBytes;
  if (!hasRoom(bytes)) return false;
  const uint8_t header[kHeaderBytes] = {static_cast<uint8_t>(bytes),
                                        static_cast<uint8_t>(bytes >> 8)};
  append(header, kHeaderBytes);
  append(head, headBytes);
  append(tail, tailBytes);
  ++count_;
  return true;
}

void ByteRing::pop() {
  if (empty()) return;
  const size_t bytes = kHeaderBytes + frontBytes();
  start_ = place(bytes);
  used_ -= bytes;
  --count_;
  if (passed_ > 0) {
    --passed_;
    current_ -= bytes;
  }
}

void ByteRing::writeCurrent(size_t offset, uint8_t byte) {
  if (offset < currentBytes()) {
    buffer_[place(current_ + kHeaderBytes + offset)] = byte;
  }
}

void ByteRing::advance() {
  if (atEnd()) return;
  current_ += kHeaderBytes + currentBytes();
  ++passed_;
}

}  // namespace smserver
