#include "json_document.h"

namespace smserver {

bool parseDocument(const char* text, size_t length, JsonDocument* out) {
  return !deserializeJson(*out, text, length);
}

size_t documentBytes(const JsonDocument& document) {
  return measureJson(document);
}

void writeDocument(const JsonDocument& document, char* out, size_t capacity) {
  serializeJson(document, out, capacity);
}

}  // namespace smserver
