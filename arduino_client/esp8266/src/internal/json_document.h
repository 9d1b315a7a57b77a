#pragma once

#include <ArduinoJson.h>
#include <stddef.h>

namespace smserver {

// The only users of ArduinoJson's parser and serializer, which are templates
// and would come along with every translation unit that calls them.

// The text must be known to be JSON: ArduinoJson takes more than that. False
// when memory is out, or the text is nested too deep.
bool parseDocument(const char* text, size_t length, JsonDocument* out);
// Length of the text, without NUL.
size_t documentBytes(const JsonDocument& document);
// Writes up to `capacity` bytes, with a NUL.
void writeDocument(const JsonDocument& document, char* out, size_t capacity);

}  // namespace smserver
