#pragma once

#include <stddef.h>
#include <stdint.h>

#include "transport.h"

namespace smserver {

// Reads one HTTP/1.x answer, byte by byte (RFC 9112): with a length, chunked,
// or up to the end of the connection. A body over `capacity` counts as none.
class HttpParser {
 public:
  HttpParser(char* body, size_t capacity) : body_(body), capacity_(capacity) {}

  // Takes one byte; false when no more is needed.
  bool feed(char c);
  // What came about; `fault` when the answer was not whole.
  HttpReply finish(int fault);

 private:
  enum class Part : uint8_t {
    Status,
    Header,
    ChunkSize,
    ChunkEnd,
    Body,
    Done,
    Bad,
  };
  static constexpr uint32_t kUnknown = 0xFFFFFFFF;

  bool endLine();
  void header();
  bool endHeader();
  bool bodyByte(char c);
  // The value of this header, or null.
  const char* valueOf(const char* name) const;

  char* body_;
  size_t capacity_;
  HttpReply reply_;
  uint32_t left_ = kUnknown;  // of the body or the chunk
  uint8_t lineBytes_ = 0;
  Part part_ = Part::Status;
  bool chunked_ = false;
  bool tooLong_ = false;
  // Lines of interest are short; the rest of longer ones is dropped.
  char line_[48];
};

}  // namespace smserver
