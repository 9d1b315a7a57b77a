#include "json_document.h"

#include <string.h>

namespace smserver {
namespace {

// Counts what is written, and keeps as much of it as there is room for. One
// kind of writer for both: each more would bring a serializer of its own.
class Sink {
 public:
  Sink(char* out, size_t capacity) : out_(out), capacity_(capacity) {}

  size_t write(uint8_t byte) { return write(&byte, 1); }
  size_t write(const uint8_t* bytes, size_t count) {
    const size_t room = length_ < capacity_ ? capacity_ - length_ : 0;
    if (room > 0) memcpy(out_ + length_, bytes, count < room ? count : room);
    length_ += count;
    return count;
  }
  size_t length() const { return length_; }

 private:
  char* out_;
  size_t capacity_;
  size_t length_ = 0;
};

}  // namespace

bool parseDocument(const char* text, size_t length, JsonDocument* out) {
  return !deserializeJson(*out, text, length);
}

size_t writeDocument(const JsonDocument& document, char* out, size_t capacity) {
  Sink sink(out, capacity);
  serializeJson(document, sink);
  return sink.length();
}

}  // namespace smserver
