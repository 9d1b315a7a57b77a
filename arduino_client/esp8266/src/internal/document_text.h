#pragma once

#include <ArduinoJson.h>

#include <memory>

namespace smserver {

// The text of a JSON document, or null when it is longer than `maxBytes` or
// memory is out.
class DocumentText {
 public:
  DocumentText(const JsonDocument& json, size_t maxBytes);
  const char* text() const { return text_.get(); }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_;
  std::unique_ptr<char[]> text_;
};

}  // namespace smserver
